"""X as encodings side by side: their scales, and the core's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows, common_scale, size_of_targets, torch_view
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
        sizes, X = size_of_targets(rows, n_more), sparse.csr_array(rows.X)
        counts = np.bincount(X.indices, minlength=X.shape[1])
        entries = tuple(int(counts[layout.columns[m]].sum() * sizes[0] / X.shape[0]) for m in layout.order)
        are_ones = not np.any(np.mod(X.data, 1))
        return EncodingSizes(*sizes, entries, are_ones, X.indices.itemsize)

    def training_inputs(self, X: sparse.csr_array, layout: Layout, device: torch.device) -> EncodedInputs:
        """Return the inputs of the encodings of fit."""
        return self.inputs(X, layout, device)[0]

    def inputs(self, X: sparse.csr_array, layout: Layout, device: torch.device) -> tuple[EncodedInputs, int]:
        """Return the inputs of encodings, and the number of gaps, which is 0."""
        dtype = torch.from_numpy(X.data[:0]).dtype
        lists = index_lists(X, layout)
        if lists is None or self.scale != 1 or self.moments:
            encodings = [
                standardized(X[:, columns], *self.moments[m]) if m in self.moments else encode(X[:, columns], scale)
                for m, (columns, scale) in enumerate(zip(layout.columns, self.scales, strict=True))
            ]
        else:
            encodings = [
                OneHot(torch_view(index), size, dtype) for index, size in zip(lists, layout.sizes, strict=True)
            ]
        return EncodedInputs(tuple(encoding.to(device) for encoding in encodings), layout.modes, layout.shapes), 0


def standardized(X: sparse.csr_array, mean: np.ndarray, std: np.ndarray) -> MultiHot:
    """Return the encoding of columns of numbers, less their means and divided by their standard deviations."""
    values = ((X.toarray() - mean) / std).astype(X.dtype)
    n, size = values.shape
    crow_indices = torch.arange(n + 1, dtype=torch.int64) * size
    col_indices = torch.arange(size, dtype=torch.int64).repeat(n)
    return MultiHot(SparseMatrix(crow_indices, col_indices, torch_view(values.ravel()), (n, size)))


def as_layout(X, layout: Layout):
    """Return X as an array where it is fields, as CSR without stored zeros where it is encodings."""
    if layout.is_fields:
        return X.toarray() if sparse.issparse(X) else X
    return canonical_csr(X)


def canonical_csr(X) -> sparse.csr_array:
    """Return X as CSR without duplicates and stored zeros; X itself where it is that."""
    X = sparse.csr_array(X)
    if not X.has_canonical_format or (X.data == 0).any():
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    return X


def index_lists(X: sparse.csr_array, layout: Layout) -> list[np.ndarray] | None:
    """Return for each mode the index of its one row in each sample; None unless every sample has one of each mode."""
    n_modes = len(layout.modes)
    if X.nnz != X.shape[0] * n_modes or (X.data != 1).any() or (np.diff(X.indptr) != n_modes).any():
        return None
    indices = X.indices.reshape(-1, n_modes)
    starts, stops = (np.array([getattr(c, end) for c in layout.columns]) for end in ("start", "stop"))
    if (indices < starts).any() or (indices >= stops).any():
        return None
    return [indices[:, m] - indices.dtype.type(start) for m, start in enumerate(starts)]


def encode(X: sparse.csr_array, scale: float = 1.0) -> OneHot | MultiHot:
    """Return the encoding of one mode, divided by a scale."""
    counts, size, indices, data, crow_indices = np.diff(X.indptr), X.shape[1], X.indices, X.data, X.indptr
    data = data if scale == 1 else data / scale
    binary = bool((data == 1).all())
    dtype = torch_view(data).dtype
    if binary and (counts == 1).all():
        return OneHot(torch_view(indices), size, dtype)
    if not binary and (data > 0).all() and (data % 1 == 0).all() and data.sum() <= 2 * len(data):
        # A count of two is the same as a one that stands twice, and ones need no memory of their own.
        repeats = data.astype(crow_indices.dtype)
        ends = make_crow_indices(torch_view(repeats), torch_view(crow_indices).dtype).numpy()
        indices, crow_indices, binary = np.repeat(indices, repeats), ends[crow_indices], True
    values = ones(len(indices), dtype, torch.device("cpu")) if binary else torch_view(data)
    return MultiHot(
        SparseMatrix(torch_view(crow_indices), torch_view(indices), values, (X.shape[0], size), binary=binary)
    )
