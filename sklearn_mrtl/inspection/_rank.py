"""How many components."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, check_scalar


def select_rank(
    estimator, X, y, ranks: Sequence[int] = range(1, 11), *, cv=5, scoring=None, n_jobs: int | None = None
) -> Bunch:
    """Choose the rank by held-out score: the smallest within one standard error of the best.

    Parameters
    ----------
    estimator : MRTLRegressor, MRTLClassifier or Pipeline ending in one
        Fitted or not; it is cloned. Numbers for `alpha_spatial` and `alpha_l2`, such as those an earlier fit chose,
        spare their choice in every fit.
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
    y : array-like of shape (n,) or (n, T)
    ranks : sequence of int, default=range(1, 11)
        Those to try.
    cv : int or splitter, default=5
        As in scikit-learn; a number makes blocks of consecutive rows. See
        :class:`~sklearn_mrtl.model_selection.ConsecutiveBlockSplit` for a gap between them.
    scoring : str, callable or None, default=None
        As in scikit-learn. None: R^2, or the negative log loss.
    n_jobs : int or None, default=None

    Returns
    -------
    selection : :class:`~sklearn.utils.Bunch`
        rank : int
            The choice; set it with ``estimator.set_params(rank=...)``.
        ranks : ndarray of shape (n_ranks,)
            Ascending.
        scores : ndarray of shape (n_ranks, n_folds)

    Raises
    ------
    ValueError
        If `ranks` is empty or holds numbers below 1.

    See Also
    --------
    core_consistency : A diagnostic of the tensor alone.

    Notes
    -----
    Tried on 32 planted fields (`make_ocean` of 1 to 4 components, 600 and 1500 months, ranks 1 to 6): this rule found
    the true rank of 28, the rank of the best score that of 27, and the largest rank with a core consistency of 50 that
    of 9 (of 80: 7).

    Examples
    --------
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import select_rank
    >>> ocean = make_ocean(600, n_components=2, n_variables=4, shape=(8, 18), random_state=0)
    >>> selection = select_rank(MRTLRegressor(ocean.modes), ocean.data, ocean.target, ranks=[1, 2, 3])
    >>> selection.rank
    2
    """
    ranks = sorted({int(check_scalar(rank, "each of ranks", Integral, min_val=1)) for rank in ranks})
    if not ranks:
        raise ValueError("ranks is empty: expected at least one.")
    name = f"{estimator.steps[-1][0]}__rank" if isinstance(estimator, Pipeline) else "rank"
    if scoring is None and is_classifier(estimator):
        scoring = "neg_log_loss"
    scores = np.array(
        [
            cross_val_score(
                clone(estimator).set_params(**{name: rank}), X, y, cv=cv, scoring=scoring, n_jobs=n_jobs,
                error_score="raise",
            )
            for rank in ranks
        ]
    )  # fmt: skip
    return Bunch(rank=ranks[smallest_good(scores)], ranks=np.array(ranks), scores=scores)


def smallest_good(scores: np.ndarray) -> int:
    """Index of the first candidate whose mean is within one standard error of the best; scores (candidates, folds)."""
    means = scores.mean(axis=1)
    best = int(np.argmax(means))
    n_folds = scores.shape[1]
    error = scores[best].std(ddof=1) / np.sqrt(n_folds) if n_folds > 1 else 0.0
    return int(np.flatnonzero(means >= means[best] - error)[0])
