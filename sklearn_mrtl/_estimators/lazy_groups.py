"""Groups of rows of dask arrays, as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_mrtl._estimators.folds import group_numbers
from sklearn_mrtl._estimators.lazy_rows import in_chunks_of
from sklearn_mrtl._utils.arrays import is_lazy


def numbered_groups(X, groups: Any) -> Any:
    """Return the number of each row's group as a dask array with X's chunks of rows; None where there are no groups.

    A pass over groups that are a dask array finds its values first.

    Raises
    ------
    ValueError
        If there are more or fewer values than rows, other chunks than X's, or more than one value for each row.
    """
    if groups is None:
        return None
    if not is_lazy(groups):
        return in_chunks_of(X, group_numbers(groups, len(X)).astype(np.int32), "groups")
    groups = in_chunks_of(X, groups, "groups")
    if groups.ndim > 1:
        if groups.size != len(groups):
            raise ValueError(f"groups must be of shape ({len(groups)},), got {groups.shape}.")
        groups = groups.reshape(-1)
    from sklearn_mrtl.distributed import blocks_of

    known = blocks_of(groups).combine(groups_of_block, by=np.union1d)
    return groups.map_blocks(numbers_of_block, known=known, dtype=np.int32)


def groups_of_block(pieces: tuple) -> np.ndarray:
    """Return the groups of a block, each once."""
    return np.unique(pieces[1])


def numbers_of_block(groups: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the number of each row's group among the known ones, which ascend."""
    return np.searchsorted(known, groups).astype(np.int32)
