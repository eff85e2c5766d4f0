"""The folds on which penalties are chosen."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral

import numpy as np
import torch
from sklearn.model_selection import GroupKFold, KFold, check_cv

from sklearn_mrtl._estimators.parameters import validate_count

N_FOLDS = 12  # of groups, where cv is None; as many as there are blocks of consecutive rows


def group_numbers(groups, n_rows: int) -> np.ndarray:
    """Return the number of each row's group.

    Raises
    ------
    ValueError
        If there is not one group for each row, or one is missing.
    """
    groups = np.asarray(groups)
    if groups.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(f"groups must have one value for each of the {n_rows} rows of X, got shape {groups.shape}.")
    n_missing = int((groups != groups).sum())
    if n_missing:
        raise ValueError(f"groups must be known for all rows, got {n_missing} NaN.")
    return np.unique(groups.ravel(), return_inverse=True)[1]


def fold_of_rows(cv, y: np.ndarray, groups: np.ndarray | None, kept: np.ndarray | None = None) -> np.ndarray | None:
    """Return for each row the number of the fold that leaves it out; None for blocks of consecutive rows.

    Parameters
    ----------
    cv : int, splitter, list of splits or None
    y : ndarray of shape (n, ...)
    groups : ndarray of shape (n,) or None
    kept : ndarray of bool or None
        See `Rows`.

    Raises
    ------
    ValueError
        If there are fewer groups than folds, or a splitter does not leave out every row exactly once.
    """
    n_rows = len(y)
    n_groups = n_rows if groups is None else len(np.unique(groups))
    if groups is not None and n_groups < 2:
        raise ValueError(f"groups must have at least 2 different values among the training rows, got {n_groups}.")
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
    if hasattr(cv, "split"):
        return fold_of_splits(cv, check_cv(cv).split(np.zeros((n_rows, 1)), y, groups), n_rows)
    kept = np.ones(n_rows, dtype=bool) if kept is None else kept
    fold = fold_of_splits(cv, check_cv(cv).split(kept), len(kept))[kept]  # a list of splits numbers the rows of fit
    found, fold = np.unique(fold, return_inverse=True)
    if len(found) < 2:
        raise ValueError(f"cv must leave out rows that weigh anything in at least 2 folds, got {len(found)}.")
    return fold


def fold_of_part(cv, y: torch.Tensor, groups: torch.Tensor | None) -> torch.Tensor | None:
    """Return the folds of those rows of dask arrays that are at hand; see `fold_of_rows`."""
    fold = fold_of_rows(cv, y.numpy(), None if groups is None else groups.numpy())
    return None if fold is None else torch.from_numpy(fold)


def check_splitter(cv) -> None:
    """Refuse what does not divide a part of the rows, whose numbers nobody knows.

    Raises
    ------
    ValueError
    """
    if isinstance(cv, Integral):
        validate_count("cv", cv, at_least=2)
    elif cv is not None and not hasattr(cv, "split"):
        raise ValueError(
            "cv must be an int or a splitter with X as a dask array, whose penalties are chosen on a part of the rows; "
            f"got {type(cv).__name__}: give the folds as groups instead."
        )


def fold_of_splits(cv, splits: Iterable[tuple[np.ndarray, np.ndarray]], n_rows: int) -> np.ndarray:
    """Return for each row the number of the split that leaves it out.

    Raises
    ------
    ValueError
        If the splits do not leave out every row exactly once, and train on all others.
    """
    fold = np.full(n_rows, -1)
    for number, (train, test) in enumerate(splits):
        if not np.array_equal(np.sort(np.concatenate([train, test])), np.arange(n_rows)) or (fold[test] >= 0).any():
            fold[:] = -1
            break
        fold[test] = number
    if (fold < 0).any():
        given = repr(cv) if hasattr(cv, "split") else f"the {type(cv).__name__} of splits that was given"
        raise ValueError(
            f"cv must leave out each of {n_rows} rows exactly once and train on all others, as KFold and GroupKFold "
            f"do; {given} does not. Use cv=None or an int."
        )
    return fold
