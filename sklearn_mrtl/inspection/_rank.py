"""Choice of the number of components."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from time import perf_counter

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_score
from sklearn.utils import Bunch, check_scalar

from sklearn_mrtl.inspection._composites import parameter_name
from sklearn_mrtl.inspection._progress import progress_line


def select_rank(
    estimator,
    X,
    y,
    ranks: Sequence[int] = range(1, 11),
    *,
    cv=5,
    scoring=None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Choose the rank by held-out score: the smallest that is no worse than the best beyond chance.

    No worse beyond chance: by at most one standard error of the paired differences between the folds, as for
    ``rank="auto"``.

    Parameters
    ----------
    estimator : MRTLRegressor or MRTLClassifier, or a pipeline or target transformer around one
        Fitted or not; it is cloned. With ``"auto"`` penalties every fit chooses them again; set `alpha_spatial` and
        `alpha_l2` to numbers, such as those chosen by an earlier fit, to avoid that.
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Fields or encodings, or the input of the pipeline.
    y : array-like of shape (n,) or (n, T)
        Targets.
    ranks : sequence of int, default=range(1, 11)
        Ranks to compare.
    cv : int or splitter, default=5
        As in scikit-learn; an int gives folds of consecutive rows. Use
        :class:`~sklearn_mrtl.model_selection.ConsecutiveBlockSplit` for a gap between them.
    scoring : str, callable or None, default=None
        As in scikit-learn. None: R^2, or the negative log loss.
    n_jobs : int or None, default=None
        Number of folds fitted at the same time.
    verbose : int, default=0
        1 prints how many ranks are done and how long the others will take.

    Returns
    -------
    selection : :class:`~sklearn.utils.Bunch`
        rank : int
            The chosen rank; set it with ``estimator.set_params(rank=...)``.
        ranks : ndarray of shape (n_ranks,)
            The compared ranks in ascending order.
        scores : ndarray of shape (n_ranks, n_folds)
            The held-out scores.

    Raises
    ------
    ValueError
        If `ranks` is empty or has numbers below 1.

    See Also
    --------
    core_consistency : A diagnostic of a weight tensor, without held-out data.

    Notes
    -----
    On 32 simulated fields (`make_ocean` with 1 to 4 components and 600 or 1500 months; ranks 1 to 6) the rank with the
    best score was the true one for 27, and the largest rank with a core consistency of at least 50 for 9 (of at least
    80: 7).

    Examples
    --------
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import select_rank
    >>> ocean = make_ocean(300, n_components=2, shape=(8, 18), best_r2=0.9, random_state=0)
    >>> selection = select_rank(MRTLRegressor(ocean.modes), ocean.data, ocean.target, ranks=[1, 2, 3])
    >>> selection.rank
    2
    """
    ranks = sorted({int(check_scalar(rank, "each of ranks", Integral, min_val=1)) for rank in ranks})
    if not ranks:
        raise ValueError("ranks is empty: expected at least one.")
    name = parameter_name(estimator, "rank")
    if scoring is None and is_classifier(estimator):
        scoring = "neg_log_loss"
    began, by_rank = perf_counter(), []
    for rank in ranks:
        of_rank = clone(estimator).set_params(**{name: rank})
        by_rank.append(cross_val_score(of_rank, X, y, cv=cv, scoring=scoring, n_jobs=n_jobs, error_score="raise"))
        if verbose:
            print(progress_line("rank", len(by_rank), len(ranks), perf_counter() - began), flush=True)
    scores = np.array(by_rank)
    return Bunch(rank=ranks[smallest_good(scores)], ranks=np.array(ranks), scores=scores)


def smallest_good(scores: np.ndarray) -> int:
    """Return the index of the first rank within one standard error of the best; scores have shape (ranks, folds).

    The standard error is that of the differences on the same folds, which differ from one another more than ranks do.
    """
    best = scores[int(np.argmax(scores.mean(axis=1)))]
    excess = best - scores
    n_folds = scores.shape[1]
    error = excess.std(axis=1, ddof=1) / np.sqrt(n_folds) if n_folds > 1 else 0.0
    return int(np.flatnonzero(excess.mean(axis=1) <= error)[0])
