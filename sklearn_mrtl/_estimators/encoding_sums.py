"""What fit estimates of encodings: sums over their rows, which are added where the rows are in blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sklearn_mrtl._estimators.device_array import torch_view
from sklearn_mrtl._estimators.device_csr import Encoded, matrix_of
from sklearn_mrtl._estimators.encodings import EncodingStatistics
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows, row_blocks
from sklearn_mrtl._utils.moments import joined_moments
from sklearn_mrtl.core.data.blocks import joined
from sklearn_mrtl.core.data.sparse import SparseMatrix
from sklearn_mrtl.modes import Feature


@dataclass(frozen=True)
class Moments:
    """Weighted moments of columns, zeros that are not stored among their values.

    Attributes
    ----------
    weight : float
    mean, squares : ndarray of shape (columns,)
        Means, and sums of the squared deviations from them.
    """

    weight: float
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, X: Encoded, weight: np.ndarray) -> Moments:
        """Return the moments of rows."""
        matrix, total = matrix_of(X), float(weight.sum(dtype=np.float64))
        columns, values = matrix.col_indices, matrix.values.double()
        row_weight = torch_view(weight).to(columns.device, torch.float64)
        entry_weight = torch.repeat_interleave(row_weight, matrix.crow_indices.diff(), output_size=X.nnz)

        def add(of_entry: torch.Tensor) -> torch.Tensor:
            return torch.bincount(columns, of_entry, minlength=X.shape[1])

        of_entries = add(entry_weight)
        if bool((values == 1).all()):
            mean = of_entries / total
            squares = of_entries * (1 - mean) ** 2
        else:
            mean = add(entry_weight * values) / total
            squares = add(entry_weight * (values - mean[columns]) ** 2)
        is_full = torch.bincount(columns, minlength=X.shape[1]) == X.shape[0]  # rounding would leave weight without one
        squares += (total - of_entries).clamp(min=0).masked_fill(is_full, 0) * mean**2
        return cls(total, mean.cpu().numpy(), squares.cpu().numpy())

    def join(self, other: Moments) -> Moments:
        """Return the moments of both."""
        both = joined_moments(self.weight, self.mean, self.squares, other.weight, other.mean, other.squares)
        return Moments(*both)


@dataclass(frozen=True)
class EncodingSums:
    """Numbers of entries of encodings, and their sizes, for each column.

    Attributes
    ----------
    n_rows : int
    entries : ndarray of int, shape (columns,)
    smallest : float
        Least magnitude of all entries.
    largest : ndarray of shape (columns,)
        Largest magnitude of each column's entries.
    are_counts : ndarray of bool, shape (columns,)
        Whether the entries are whole numbers, none of them negative.
    only : tuple of (column, value), or None
        The entries of the row that all rows are; None: they differ.
    moments : Moments or None
        None: nothing is standardized.
    """

    n_rows: int
    entries: np.ndarray
    smallest: float
    largest: np.ndarray
    are_counts: np.ndarray
    only: tuple[tuple[int, float], ...] | None
    moments: Moments | None

    @classmethod
    def of(cls, rows: Rows, *, standardize: bool = False) -> EncodingSums:
        """Count the entries of rows; for a sum of terms numbers are to be standardized."""
        X, matrix = rows.X, matrix_of(rows.X)
        columns, values = matrix.col_indices, matrix.values
        if not bool(values.isfinite().all()):
            raise ValueError("Input X contains NaN or infinity: encodings have neither.")
        entries, sizes = torch.bincount(columns, minlength=X.shape[1]), values.abs()
        smallest = float(sizes.min()) if len(sizes) else np.inf
        largest, is_larger = torch.where(entries > 0, smallest, 0.0).to(sizes), sizes > smallest
        largest.scatter_reduce_(0, columns[is_larger].long(), sizes[is_larger], "amax")
        are_counts = torch.ones(X.shape[1], dtype=torch.bool, device=columns.device)
        are_counts[columns[(values.remainder(1) != 0) | (values < 0)]] = False
        only = first_row(matrix) if X.shape[0] and rows_are_equal(matrix) else None
        moments = None
        if standardize:
            moments = joined((Moments.of(X[part], rows.weight[part]) for part in row_blocks(X)), Moments.join)
        return cls(
            X.shape[0],
            entries.cpu().numpy(),
            smallest,
            largest.double().cpu().numpy(),
            are_counts.cpu().numpy(),
            only,
            moments,
        )

    def join(self, other: EncodingSums) -> EncodingSums:
        """Return the counts of both."""
        same = self.only is not None and other.only is not None and self.only == other.only
        return EncodingSums(
            self.n_rows + other.n_rows,
            self.entries + other.entries,
            min(self.smallest, other.smallest),
            np.maximum(self.largest, other.largest),
            self.are_counts & other.are_counts,
            self.only if same else None,
            joined((self.moments, other.moments), Moments.join),
        )

    def statistics(self, layout: Layout, dtype: np.dtype) -> EncodingStatistics:
        """Return the scales of the modes, and the moments of numeric columns.

        Raises
        ------
        ValueError
            If the encoding of a mode is empty in all rows, all rows are equal, or a numeric column is constant.
        """
        for mode, columns in zip(layout.modes, layout.columns, strict=True):
            if not self.entries[columns].any():
                raise ValueError(
                    f"X has no entry in the columns of {mode!r}, in all {self.n_rows} rows: every sample's tensor is "
                    "0. Leave the mode out."
                )
        if self.only is not None:
            raise ValueError(f"X is constant: all of its {self.n_rows} rows are equal; nothing to learn.")
        largest = [float(self.largest[columns].max()) for columns in layout.columns]
        return EncodingStatistics.from_sizes(self.smallest, largest, self._of_numbers(layout))

    def _of_numbers(self, layout: Layout) -> dict[int, np.ndarray]:
        """Return means and standard deviations of the columns of the Features that are numbers, by the mode's number.

        They are dense, and are no counts unless a `ModeEncoder` says that they are numbers.
        """
        numbers: dict[int, np.ndarray] = {}
        if self.moments is None:
            return numbers
        for m, (mode, columns) in enumerate(zip(layout.modes, layout.columns, strict=True)):
            is_number = mode.name in layout.labels.numbers or not self.are_counts[columns].all()
            is_dense = 2 * self.entries[columns].sum() >= self.n_rows * (columns.stop - columns.start)
            if not (isinstance(mode, Feature) and is_number and is_dense):
                continue
            mean, std = self.moments.mean[columns], np.sqrt(self.moments.squares[columns] / self.moments.weight)
            constant = np.flatnonzero(std <= 1e-7 * np.abs(mean))
            if len(constant):
                raise ValueError(
                    f"column {constant[0]} of the numbers of {mode!r} is constant, {mean[constant[0]]:g} in all rows: "
                    "it says nothing, leave it out."
                )
            numbers[m] = np.stack([mean, std])
        return numbers

    def n_bytes(self, dtype: np.dtype) -> int:
        """Return the bytes of the core's inputs, with the copies of merged rows."""
        return int(self.entries.sum()) * (4 + np.dtype(dtype).itemsize)


def rows_are_equal(matrix: SparseMatrix) -> bool:
    """Return whether all rows are the same."""
    n, width = matrix.shape[0], int(matrix.crow_indices[1])
    if len(matrix.values) != n * width or bool((matrix.crow_indices.diff() != width).any()):
        return False
    indices, values = matrix.col_indices.reshape(n, width), matrix.values.reshape(n, width)
    return bool((indices == indices[0]).all() & (values == values[0]).all())


def first_row(matrix: SparseMatrix) -> tuple[tuple[int, float], ...]:
    """Return the entries of the first row."""
    width = int(matrix.crow_indices[1])
    return tuple(zip(matrix.col_indices[:width].tolist(), matrix.values[:width].tolist(), strict=True))
