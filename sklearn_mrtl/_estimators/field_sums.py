"""What fit estimates of fields: sums over their rows, which are added where the rows are in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sklearn_mrtl._estimators.device_array import ArrayLike, torch_view
from sklearn_mrtl._estimators.fields import FieldStatistics
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows, row_blocks
from sklearn_mrtl.core.data.blocks import joined

SAMPLED_ROWS = 16  # of a block, from which the scale of X is estimated


@dataclass(frozen=True)
class Spread:
    """Means of rows, and how far these are from them; no data counts as no deviation.

    Attributes
    ----------
    count : ndarray of shape (positions,)
        Number of values.
    mean : ndarray of shape (positions,)
    norm : float
        Root of the sum of all squared deviations from the means.
    n_values : int
        Number of values, with those that are no data.
    """

    count: np.ndarray
    mean: np.ndarray
    norm: float
    n_values: int

    @classmethod
    def of(cls, X: ArrayLike) -> Spread:
        """Return the spread of rows (n, ...)."""
        return joined((cls.of_block(X[rows]) for rows in row_blocks(X)), cls.join)

    @classmethod
    def of_block(cls, X: ArrayLike) -> Spread:
        """Return the spread of a few rows."""
        x = torch_view(X).flatten(1).to(torch.float64, copy=True)
        absent = x.isnan()
        count = len(x) - absent.sum(0)
        mean = x.masked_fill_(absent, 0).sum(0) / count.clamp(min=1)
        deviations = x.sub_(mean).masked_fill_(absent, 0)
        return cls(count.cpu().numpy(), mean.cpu().numpy(), norm_of(deviations), x.numel())

    def join(self, other: Spread) -> Spread:
        """Return the spread of both together."""
        count, apart = self.count + other.count, other.mean - self.mean
        part = other.count / np.maximum(count, 1)
        between = norm_of(torch.from_numpy(np.sqrt(self.count * part) * apart))
        norm = float(np.hypot(np.hypot(self.norm, other.norm), between))
        return Spread(count, self.mean + part * apart, norm, self.n_values + other.n_values)

    @property
    def deviation(self) -> float:
        """Root mean square of the deviations."""
        return self.norm / float(np.sqrt(max(1, self.n_values)))


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
        Of some rows that differ; of all if these do not.
    only : ndarray of shape (positions,), or None
        The row that all rows are; None: they differ.
    """

    n_rows: int
    total: np.ndarray
    present: np.ndarray
    n_missing: np.ndarray
    spread: Spread
    only: np.ndarray | None

    @classmethod
    def of(cls, rows: Rows) -> FieldSums:
        """Add up rows.

        Raises
        ------
        ValueError
            If X has infinite values.
        """
        X, n, only = rows.X, len(rows.X), None
        total, present, n_missing = sums_and_gaps(X, rows.weight)
        spread = Spread.of_block(X[:: max(1, n // SAMPLED_ROWS)])
        if spread.deviation <= rounding(spread.mean, X.dtype):
            spread, first = Spread.of(X), torch_view(X[:1])
            is_constant = all(are_equal(torch_view(X[block]), first) for block in row_blocks(X))
            only = first.flatten().cpu().numpy() if is_constant else None
        return cls(n, total, present, n_missing, spread, only)

    def join(self, other: FieldSums) -> FieldSums:
        """Return the sums of both."""
        mine, theirs = self.only, other.only
        same = mine is not None and theirs is not None and np.array_equal(mine, theirs, equal_nan=True)
        return FieldSums(
            self.n_rows + other.n_rows,
            self.total + other.total,
            self.present + other.present,
            self.n_missing + other.n_missing,
            self.spread.join(other.spread),
            mine if same else None,
        )

    def statistics(self, layout: Layout, dtype: np.dtype) -> FieldStatistics:
        """Return means, which positions have data, and the scale.

        Raises
        ------
        ValueError
            If there is nothing but NaN, or all rows are equal.
        """
        center = self.total / np.where(self.present > 0, self.present, 1)
        arguments = center, self.n_missing, self.n_rows, layout.row_shape, dtype, self.spread.deviation
        statistics = FieldStatistics.from_means(*arguments)
        if self.only is not None:
            raise ValueError(f"X is constant: all of its {self.n_rows} rows are equal; nothing to learn.")
        return statistics

    def n_bytes(self, dtype: np.dtype) -> int:
        """Return the bytes of the core's inputs."""
        return self.n_rows * len(self.total) * np.dtype(dtype).itemsize


def sums_and_gaps(X: ArrayLike, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weighted sum, the weight of the rows that are not NaN, and the number of NaN at each position.

    One pass over X, and another over the positions that have NaN.

    Raises
    ------
    ValueError
        If X has infinite values.
    """
    width = X[0].size
    row_weight = torch_view(weight.astype(X.dtype)).to(torch_view(X[:0]).device)
    blocks = [(torch_view(X[rows]).reshape(-1, width), row_weight[rows]) for rows in row_blocks(X)]
    total, present, n_missing = np.zeros(width), np.full(width, float(row_weight.sum())), np.zeros(width, dtype=int)
    for block, w in blocks:
        total += (w @ block).double().cpu().numpy()
    # A finite sum has finite terms only; the other positions are looked at value by value.
    doubtful = np.flatnonzero(~np.isfinite(total))
    if len(doubtful):
        total[doubtful] = present[doubtful] = 0
        columns = torch.from_numpy(doubtful).to(row_weight.device)
        for block, w in blocks:
            part = block.index_select(1, columns)
            absent = part.isnan()
            n_missing[doubtful] += absent.sum(0).cpu().numpy()
            present[doubtful] += (w @ (~absent).to(w)).double().cpu().numpy()
            total[doubtful] += (w @ part.masked_fill_(absent, 0)).double().cpu().numpy()
    n_infinite = int(np.sum(~np.isfinite(total)))
    if n_infinite:
        raise ValueError(
            f"Input X contains infinity or a value too large, at {n_infinite} of {width} positions of a row; NaN is "
            "what marks places without data."
        )
    return total, present, n_missing


def rounding(means: np.ndarray, dtype: np.dtype) -> float:
    """Return deviations from some means that may be nothing but rounding."""
    return 8 * float(np.finfo(dtype).eps) * float(np.abs(means).max())


def norm_of(values: torch.Tensor) -> float:
    """Return the root of a sum of squares, whatever the units of the values, which are changed in place."""
    largest = float(torch.linalg.vector_norm(values, torch.inf))
    return largest * float(torch.linalg.vector_norm(values.div_(largest))) if largest > 0 else 0.0


def are_equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Return whether values are equal, as NaN and NaN are too."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())
