"""The folds on which penalties are chosen."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, check_cv

from sklearn_mrtl._estimators.parameters import validate_count
from sklearn_mrtl._estimators.rows import Rows

N_FOLDS = 12  # of groups, where cv is None; as many as there are blocks of consecutive rows


def fold_of_rows(cv, rows: Rows) -> np.ndarray | None:
    """Return for each row the number of the fold that leaves it out; None for blocks of consecutive rows.

    Raises
    ------
    ValueError
        If there are fewer groups than folds, or a splitter does not leave out every row exactly once.
    """
    n_rows, groups = len(rows.y), rows.groups
    n_groups = n_rows if groups is None else len(np.unique(groups))
    if cv is None:
        if groups is None:
            return None
        cv = min(N_FOLDS, n_groups)
    if isinstance(cv, Integral):
        n_splits = validate_count("cv", cv, at_least=1)
        if n_splits < 2 or n_groups < n_splits:
            what = "rows" if groups is None else "groups"
            raise ValueError(f"cv must be at least 2, and at most the number of {what}, {n_groups}; got {n_splits}.")
        cv = KFold(n_splits) if groups is None else GroupKFold(n_splits)
    fold = np.full(n_rows, -1)
    for number, (train, test) in enumerate(check_cv(cv).split(np.zeros((n_rows, 1)), rows.y, groups)):
        if (fold[test] >= 0).any() or len(np.union1d(train, test)) < n_rows:
            fold[:] = -1
            break
        fold[test] = number
    if (fold < 0).any():
        raise ValueError(
            f"cv must leave out every row exactly once and train on all others, as KFold and GroupKFold do; {cv!r} "
            "does not. Use cv=None or an int."
        )
    return fold
