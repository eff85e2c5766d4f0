"""X as encodings side by side: their scales, and the core's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch

from sklearn_mrtl._estimators.device_csr import Encoded, canonical_csr, is_sparse, matrix_of
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows, common_scale, size_of_targets
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.mode_encodings import MultiHot, OneHot
from sklearn_mrtl.core.data.sparse import SparseMatrix, make_crow_indices, ones
from sklearn_mrtl.core.estimate import EncodingSizes


@dataclass(frozen=True, eq=False)
class EncodingStatistics:
    """What fit estimates of encodings from the training rows.

    Attributes
    ----------
    scales : tuple of float
        For each mode what the core's inputs are divided by: a power of two of about the size of its values, or 1.
    moments : dict of int to ndarray of shape (2, columns)
        Means and standard deviations of the columns of the modes, by number, whose inputs are standardized.
    """

    scales: tuple[float, ...]
    moments: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """What a sample's tensor, the outer product of its encodings, is divided by."""
        return prod(self.scales)

    def scale_of(self, modes: Sequence[int]) -> float:
        """Return what the outer product of some modes' encodings is divided by."""
        return prod(self.scales[m] for m in modes)

    @classmethod
    def from_sizes(
        cls, smallest: float, largest: Sequence[float], moments: dict[int, np.ndarray]
    ) -> EncodingStatistics:
        """Make statistics from the smallest magnitude of all entries, the largest of each mode's, and the moments."""
        if common_scale(smallest) == 1 == common_scale(max(largest)):
            return cls((1.0,) * len(largest), moments)
        return cls(tuple(1.0 if m in moments else common_scale(size) for m, size in enumerate(largest)), moments)

    def sizes(self, rows: Rows, n_more: int, layout: Layout, device: torch.device) -> EncodingSizes:
        """Return what the inputs of rows, and of n_more that are like them, will take."""
        sizes, matrix = size_of_targets(rows, n_more), matrix_of(rows.X)
        counts = torch.bincount(matrix.col_indices, minlength=matrix.shape[1]).tolist()
        entries = tuple(int(sum(counts[layout.columns[m]]) * sizes[0] / matrix.shape[0]) for m in layout.order)
        are_ones = not bool(matrix.values.remainder(1).any())
        return EncodingSizes(*sizes, entries, are_ones, matrix.col_indices.itemsize)

    def training_inputs(self, X: Encoded, layout: Layout, device: torch.device) -> EncodedInputs:
        """Return the inputs of the encodings of fit."""
        return self.inputs(X, layout, device)[0]

    def inputs(self, X: Encoded, layout: Layout, device: torch.device) -> tuple[EncodedInputs, int]:
        """Return the inputs of encodings, and the number of gaps, which is 0."""
        dtype = matrix_of(X).values.dtype
        lists = index_lists(X, layout)
        if lists is None or self.scale != 1 or self.moments:
            encodings = [
                standardized(X[:, columns], *self.moments[m]) if m in self.moments else encode(X[:, columns], scale)
                for m, (columns, scale) in enumerate(zip(layout.columns, self.scales, strict=True))
            ]
        else:
            encodings = [OneHot(index, size, dtype) for index, size in zip(lists, layout.sizes, strict=True)]
        return EncodedInputs(tuple(encoding.to(device) for encoding in encodings), layout.modes, layout.shapes), 0


def standardized(X: Encoded, mean: np.ndarray, std: np.ndarray) -> MultiHot:
    """Return the encoding of columns of numbers, less their means and divided by their standard deviations."""
    dense = matrix_of(X).to_dense()
    n, size = dense.shape
    center, spread = (torch.from_numpy(values).to(dense.device) for values in (mean, std))
    values = ((dense - center) / spread).to(dense.dtype)
    crow_indices = torch.arange(n + 1, dtype=torch.int64, device=dense.device) * size
    col_indices = torch.arange(size, dtype=torch.int64, device=dense.device).repeat(n)
    return MultiHot(SparseMatrix(crow_indices, col_indices, values.ravel(), (n, size)))


def as_layout(X, layout: Layout):
    """Return X as an array where it is fields, as CSR without stored zeros where it is encodings."""
    if layout.is_fields:
        return X.toarray() if is_sparse(X) else X
    return canonical_csr(X)


def index_lists(X: Encoded, layout: Layout) -> list[torch.Tensor] | None:
    """Return for each mode the index of its one row in each sample; None unless every sample has one of each mode."""
    matrix, n_modes = matrix_of(X), len(layout.modes)
    if X.nnz != X.shape[0] * n_modes or not has_ones_only(matrix, n_modes):
        return None
    indices = matrix.col_indices.reshape(-1, n_modes)
    columns = torch.tensor([(columns.start, columns.stop) for columns in layout.columns], dtype=indices.dtype)
    starts, stops = columns.to(indices.device).unbind(1)
    if bool(((indices < starts) | (indices >= stops)).any()):
        return None
    return [indices[:, m] - columns.start for m, columns in enumerate(layout.columns)]


def has_ones_only(matrix: SparseMatrix, n_entries: int) -> bool:
    """Return whether every row has so many entries, and all are 1."""
    return bool((matrix.crow_indices.diff() == n_entries).all() & (matrix.values == 1).all())


def encode(X: Encoded, scale: float = 1.0) -> OneHot | MultiHot:
    """Return the encoding of one mode, divided by a scale."""
    matrix, size = matrix_of(X), X.shape[1]
    indices, crow_indices = matrix.col_indices, matrix.crow_indices
    values = matrix.values if scale == 1 else matrix.values / scale
    binary = bool((values == 1).all())
    if binary and bool((crow_indices.diff() == 1).all()):
        return OneHot(indices, size, values.dtype)
    if not binary and bool(((values > 0) & (values.remainder(1) == 0)).all()) and float(values.sum()) <= 2 * X.nnz:
        # A count of two is the same as a one that stands twice, and ones need no memory of their own.
        repeats = values.to(crow_indices.dtype)
        ends = make_crow_indices(repeats, crow_indices.dtype)
        indices, crow_indices, binary = torch.repeat_interleave(indices, repeats), ends[crow_indices], True
    values = ones(len(indices), values.dtype, values.device) if binary else values
    return MultiHot(SparseMatrix(crow_indices, indices, values, (X.shape[0], size), binary=binary))
