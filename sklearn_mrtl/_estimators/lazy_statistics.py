"""What fit estimates of X in blocks: sums over each block, which are added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_mrtl._estimators.encoding_sums import EncodingSums
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
    def of(cls, rows: Rows) -> FieldSums:
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
        center, deviation = self.total / np.where(self.present > 0, self.present, 1), self.spread.deviation
        arguments = center, self.n_missing, self.n_rows, layout.row_shape, dtype, deviation
        statistics = FieldStatistics.from_means(*arguments)
        if deviation <= 8 * float(np.finfo(dtype).eps) * float(np.abs(center).max()):
            raise ValueError(f"X is constant: rows of all its blocks are equal, {self.n_rows} in all.")
        return statistics

    def n_bytes(self, dtype: np.dtype) -> int:
        """Return the bytes of the core's inputs."""
        return self.n_rows * len(self.total) * np.dtype(dtype).itemsize


Sums = FieldSums | EncodingSums


def sums_of_block(pieces: tuple, prepare: Preparation, standardize: bool) -> Sums | None:
    """Return the sums of a block; None if no row of it weighs anything."""
    rows = prepare(pieces)
    if not len(rows.y):
        return None
    if prepare.layout.is_fields:
        return FieldSums.of(rows)
    return EncodingSums.of(rows, standardize=standardize)
