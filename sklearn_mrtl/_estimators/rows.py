"""Rows of X: blocks of them, their targets and weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sklearn_mrtl._estimators.device_array import DeviceArray
from sklearn_mrtl._estimators.device_csr import Encoded, is_sparse, matrix_of

BLOCK_BYTES = 2**23  # of rows that are worked on at once: they stay in the cache


class Rows(NamedTuple):
    """Validated rows: X of shape (n, ...), y of shape (n,) or (n, T), weight of shape (n,), groups of shape (n,).

    `kept` says for each row that fit was given whether it is among these; None: all are.
    """

    X: np.ndarray | DeviceArray | Encoded
    y: np.ndarray
    weight: np.ndarray
    groups: np.ndarray | None = None
    kept: np.ndarray | None = None

    def take(self, index: np.ndarray) -> Rows:
        """Return some of the rows, whose numbers ascend."""
        groups = None if self.groups is None else self.groups[index]
        before = np.ones(len(self.y), dtype=bool) if self.kept is None else self.kept
        kept = np.zeros_like(before)
        kept[np.flatnonzero(before)[index]] = True
        return Rows(self.X[index], self.y[index], self.weight[index], groups, kept)


def rows_per_weight(weight: np.ndarray) -> float:
    """Return the effective number of rows (Kish: (sum w)^2 / sum w^2) over the sum of the weights."""
    if weight.strides == (0,):  # all of them are 1
        return 1.0
    weight = weight.astype(np.float64)
    return float(weight.sum() / np.square(weight).sum())


def size_of_targets(rows: Rows, n_more: int) -> tuple[int, int, int]:
    """Return the number of rows and n_more, the bytes of a number of X, and the bytes of targets and weights."""
    n_rows, itemsize = len(rows.y) + n_more, rows.X.dtype.itemsize
    of_each = rows.y.size // len(rows.y) + (rows.weight.strides != (0,))  # ones that are one number in memory
    return n_rows, itemsize, itemsize * n_rows * of_each


def size_in_memory(X: np.ndarray | DeviceArray | Encoded) -> int:
    """Return the bytes of the numbers and indices of X."""
    if isinstance(X, np.ndarray | DeviceArray):
        return X.nbytes
    matrix = matrix_of(X)
    return matrix.values.nbytes + matrix.col_indices.nbytes + matrix.crow_indices.nbytes


def row_blocks(X) -> Iterator[slice]:
    """Yield slices of rows of X, each small enough to stay in the cache."""
    n, width = X.shape[0], int(np.prod(X.shape[1:]))
    bytes_per_row = X.dtype.itemsize * width if not is_sparse(X) else 16 * max(1, X.nnz // max(1, n))
    step = max(1, BLOCK_BYTES // max(1, bytes_per_row))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def power_of_two(value: float) -> float:
    """Return a power of two of about the size of a positive number: dividing by it rounds nothing."""
    return float(np.ldexp(1.0, int(np.frexp(value)[1]) - 1))


def common_scale(size: float) -> float:
    """Return what to divide values of this size by: 1 where they are of a size that all computations bear."""
    return 1.0 if 1e-3 <= size <= 1e3 or size == 0 else power_of_two(size)


def in_units(values: np.ndarray, factor: float, dtype: np.dtype) -> np.ndarray:
    """Return values times a factor in the dtype, or as float64 where that cannot hold them."""
    scaled = values * np.float64(factor)
    largest, limits = float(np.nanmax(np.abs(scaled), initial=0.0)), np.finfo(dtype)
    fits = largest == 0 or float(limits.tiny) <= largest <= float(limits.max)
    return scaled.astype(dtype) if fits else scaled
