"""Stability of components when the model is fitted again."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.base import clone
from sklearn.utils import Bunch, _safe_indexing, check_random_state, check_scalar
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import _num_samples

from sklearn_mrtl.inspection._components import fitted_model, warn_if_empty
from sklearn_mrtl.inspection._matching import matched_components
from sklearn_mrtl.inspection._progress import computed
from sklearn_mrtl.inspection._resampling import checked_length, draw_blocks

RESAMPLE = ("seed", "block bootstrap")


def stability(
    estimator,
    X,
    y,
    n_repeats: int = 10,
    *,
    resample: str = "block bootstrap",
    block_length: int | None = None,
    n_jobs: int | None = None,
    random_state=None,
    verbose: int = 0,
) -> Bunch:
    """Score how well each component is matched when the model is fitted again.

    Fit the estimator to X and y, fit it again with other rows or other seeds, and match the components of each new fit
    with those of the first (see `factor_match_score`). Categories that a new fit did not see, such as players who are
    not among the rows drawn, are left out of its comparison if the model knows the categories by name (`ModeEncoder`).

    Parameters
    ----------
    estimator : MRTLRegressor or MRTLClassifier, or a pipeline or target transformer around one
        Fitted or not; it is cloned.
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Fields or encodings, or the input of the pipeline.
    y : array-like of shape (n,) or (n, T)
        Targets.
    n_repeats : int, default=10
        Number of new fits.
    resample : {"block bootstrap", "seed"}, default="block bootstrap"
        "block bootstrap": draw blocks of consecutive rows with replacement, so that rows correlated in time stay
        together. It measures what the data determine. "seed": use the same rows with another random state. It measures
        what depends on a random start; the default start is not random, so all scores are 1.
    block_length : int or None, default=None
        Number of rows of a block. It should be longer than the correlation time. None: the cube root of n.
    n_jobs : int or None, default=None
        Number of fits at the same time.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows or of the random states.
    verbose : int, default=0
        1 prints how many fits are done and how long the others will take; 2 prints a line for each.

    Returns
    -------
    stability : :class:`~sklearn.utils.Bunch`
        scores : ndarray of shape (n_repeats, K)
            Match score of each component in each new fit, 0 to 1.
        mean : ndarray of shape (K,)
            Mean over the new fits. On simulated fields with one component (`make_ocean`) it was 0.8 to 0.95 for that
            component and 0 to 0.4 for a second one, which fits noise.
        estimator : fitted estimator
            The first fit, whose components are scored.

    Raises
    ------
    ValueError
        If a parameter is out of range, or the model has no rank-one components.

    Warns
    -----
    UserWarning
        If the term that is compared is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import stability
    >>> ocean = make_ocean(400, n_components=1, shape=(8, 18), land=0, random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=2)
    >>> result = stability(model, ocean.data, ocean.target, n_repeats=3, random_state=0)
    >>> result.scores.shape
    (3, 2)
    >>> bool(result.mean[0] > 0.6 > result.mean[1])  # the data have one component, the second fits noise
    True
    """
    if resample not in RESAMPLE:
        raise ValueError(f"resample must be one of {RESAMPLE}, got {resample!r}.")
    check_scalar(n_repeats, "n_repeats", Integral, min_val=1)
    n = _num_samples(X)
    length = checked_length(block_length, n)
    rng = check_random_state(random_state)
    first = clone(estimator).fit(X, y)
    warn_if_empty(fitted_model(first))
    seeds = rng.randint(2**31 - 1, size=n_repeats)
    rows = [draw_blocks(n, length, rng) if resample == "block bootstrap" else None for _ in range(n_repeats)]
    jobs = (
        delayed(_refit)(first, X, y, part, seed if resample == "seed" else None)
        for part, seed in zip(rows, seeds, strict=True)
    )
    scores = np.array(computed(jobs, n_repeats, "fit", verbose=verbose, n_jobs=n_jobs))
    return Bunch(scores=scores, mean=scores.mean(axis=0), estimator=first)


def _refit(first, X, y, rows: np.ndarray | None, seed: int | None) -> np.ndarray:
    """Fit to the rows or with the seed, and return the match scores of the first fit's components, shape (K,)."""
    again = clone(first)
    if seed is not None:
        names = [name for name in again.get_params() if name == "random_state" or name.endswith("__random_state")]
        again.set_params(**dict.fromkeys(names, int(seed)))
    if rows is not None:
        X, y = _safe_indexing(X, rows), _safe_indexing(y, rows)
    return matched_components(first, again.fit(X, y))
