"""What fit estimates of X in blocks: sums over each block, which are added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from sklearn_mrtl._estimators.encodings import EncodingStatistics, check_entries, rows_are_equal
from sklearn_mrtl._estimators.fields import FieldStatistics, sums_and_gaps
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.lazy_rows import Preparation
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._utils.moments import joined_moments

SAMPLED_ROWS = 16  # of a block, from which the scale of X is estimated


@dataclass(frozen=True)
class Spread:
    """Means and squared deviations of sampled rows; no data counts as no deviation.

    Attributes
    ----------
    count : ndarray of int, shape (positions,)
        Number of values.
    mean : ndarray of shape (positions,)
    squares : float
        Sum of all squared deviations from the means.
    n_values : int
        Number of sampled values, with those that are no data.
    """

    count: np.ndarray
    mean: np.ndarray
    squares: float
    n_values: int

    @classmethod
    def of(cls, x: np.ndarray) -> Spread:
        """Return the spread of rows (n, positions)."""
        x = x.astype(np.float64)
        there = ~np.isnan(x)
        count = there.sum(0)
        x[~there] = 0
        mean = x.sum(0) / np.maximum(count, 1)
        return cls(count, mean, float((np.square(x - mean) * there).sum()), x.size)

    def join(self, other: Spread) -> Spread:
        """Return the spread of both together."""
        count, mean, between = joined_moments(self.count, self.mean, 0.0, other.count, other.mean, 0.0)
        squares = self.squares + other.squares + float(between.sum())
        return Spread(count, mean, squares, self.n_values + other.n_values)

    @property
    def deviation(self) -> float:
        """Root mean square of the deviations."""
        return float(np.sqrt(self.squares / max(1, self.n_values)))


@dataclass(frozen=True)
class FieldSums:
    """Sums of fields, by position in a row.

    Attributes
    ----------
    n_rows : int
    total, present : ndarray of shape (positions,)
        Weighted sum of the values, and sum of the weights of rows that have one.
    n_missing : ndarray of int, shape (positions,)
    spread : Spread
    """

    n_rows: int
    total: np.ndarray
    present: np.ndarray
    n_missing: np.ndarray
    spread: Spread

    @classmethod
    def of(cls, rows: Rows, layout: Layout) -> FieldSums:
        """Add up the rows of a block."""
        total, present, n_missing = sums_and_gaps(rows.X, rows.weight)
        n = len(rows.X)
        sample = np.asarray(rows.X[:: max(1, n // SAMPLED_ROWS)])
        return cls(n, total, present, n_missing, Spread.of(sample.reshape(len(sample), -1)))

    def join(self, other: FieldSums) -> FieldSums:
        """Return the sums of both."""
        return FieldSums(
            self.n_rows + other.n_rows,
            self.total + other.total,
            self.present + other.present,
            self.n_missing + other.n_missing,
            self.spread.join(other.spread),
        )

    def statistics(self, layout: Layout, dtype: np.dtype) -> FieldStatistics:
        """Return means, places of data and the scale."""
        center = self.total / np.where(self.present > 0, self.present, 1)
        deviation = self.spread.deviation
        if deviation <= 8 * float(np.finfo(dtype).eps) * float(np.abs(center).max()):
            raise ValueError(f"X is constant: rows of all its blocks are equal, {self.n_rows} in all.")
        row_shape = layout.row_shape
        return FieldStatistics.from_means(center, self.n_missing, self.n_rows, row_shape, dtype, deviation)

    def n_bytes(self, dtype: np.dtype) -> int:
        """Return the bytes of the core's inputs."""
        return self.n_rows * len(self.total) * np.dtype(dtype).itemsize


@dataclass(frozen=True)
class EncodingSums:
    """Numbers of entries of encodings, and their sizes.

    Attributes
    ----------
    n_rows : int
    entries : ndarray of int, shape (columns,)
    smallest, largest : ndarray of shape (modes,)
        Magnitudes of the entries of each mode.
    only : csr_array of shape (1, columns), or None
        The row that all rows are; None: they differ.
    """

    n_rows: int
    entries: np.ndarray
    smallest: np.ndarray
    largest: np.ndarray
    only: sparse.csr_array | None

    @classmethod
    def of(cls, rows: Rows, layout: Layout) -> EncodingSums:
        """Count the entries of a block."""
        X = sparse.csr_array(rows.X)
        entries = np.bincount(X.indices, minlength=X.shape[1])
        if not np.isfinite(X.data).all():
            raise ValueError("Input X contains NaN or infinity: encodings have neither.")
        parts = [np.abs(X.data)] if len(layout.columns) == 1 else [np.abs(X[:, c].data) for c in layout.columns]
        smallest = np.array([part.min(initial=np.inf) for part in parts])
        largest = np.array([part.max(initial=0.0) for part in parts])
        only = X[:1] if X.shape[0] and rows_are_equal(X) else None
        return cls(X.shape[0], entries, smallest, largest, only)

    def join(self, other: EncodingSums) -> EncodingSums:
        """Return the counts of both."""
        same = self.only is not None and other.only is not None and (self.only != other.only).nnz == 0
        return EncodingSums(
            self.n_rows + other.n_rows,
            self.entries + other.entries,
            np.minimum(self.smallest, other.smallest),
            np.maximum(self.largest, other.largest),
            self.only if same else None,
        )

    def statistics(self, layout: Layout, dtype: np.dtype) -> EncodingStatistics:
        """Return the scales of the modes."""
        check_entries(self.entries, self.n_rows, layout)
        if self.only is not None:
            raise ValueError(f"X is constant: all of its {self.n_rows} rows are equal; nothing to learn.")
        return EncodingStatistics.from_sizes(self.smallest.tolist(), self.largest.tolist(), layout)

    def n_bytes(self, dtype: np.dtype) -> int:
        """Return the bytes of the core's inputs, with the copies of merged rows."""
        return int(self.entries.sum()) * (4 + np.dtype(dtype).itemsize)


Sums = FieldSums | EncodingSums


def sums_of_block(pieces: tuple, prepare: Preparation) -> Sums | None:
    """Return the sums of a block; None if no row of it weighs anything."""
    rows = prepare(pieces)
    if not len(rows.y):
        return None
    return (FieldSums if prepare.layout.is_fields else EncodingSums).of(rows, prepare.layout)


def join_sums(a: Sums, b: Sums) -> Sums:
    """Return the sums of both."""
    return a.join(b)  # type: ignore[arg-type]
