"""From X as it comes to the core's inputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl.core.data.base import take_last
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.fields import FieldInputs, stored_cells
from sklearn_mrtl.core.data.mode_encodings import MultiHot, OneHot
from sklearn_mrtl.core.data.sparse import SparseMatrix, make_crow_indices, ones
from sklearn_mrtl.modes import Feature, Grid

BLOCK_BYTES = 2**23  # of rows that are worked on at once: they stay in the cache


@dataclass(frozen=True, eq=False)
class Fields:
    """What is estimated of fields in fit, on training rows.

    Attributes
    ----------
    center : ndarray of shape (*row shape)
        Weighted mean; 0 where there are no data.
    has_data : ndarray of bool, shape (*row shape)
    complete : bool
        Whether the training fields have no NaN at all.
    """

    center: np.ndarray
    has_data: np.ndarray
    complete: bool

    @classmethod
    def fit(cls, X: np.ndarray, weight: np.ndarray) -> Fields:
        """Means and places of data, in one pass over X and another over what has NaN.

        Raises
        ------
        ValueError
            If X has infinite values, or nothing but NaN.
        """
        width = X[0].size
        weight = torch_view(weight.astype(X.dtype))
        blocks = [(torch_view(X[rows]).reshape(-1, width), weight[rows]) for rows in row_blocks(X)]
        total, present, n_missing = np.zeros(width), np.full(width, float(weight.sum())), np.zeros(width, dtype=int)
        for block, w in blocks:
            total += (w @ block).double().numpy()
        # A sum that is a number is of numbers; the others are looked at one by one.
        doubtful = np.flatnonzero(~np.isfinite(total))
        if len(doubtful):
            total[doubtful] = present[doubtful] = 0
            columns = torch.from_numpy(doubtful)
            for block, w in blocks:
                part = block.index_select(1, columns)
                absent = part.isnan()
                n_missing[doubtful] += absent.sum(0).numpy()
                present[doubtful] += (w @ (~absent).to(w)).double().numpy()
                total[doubtful] += (w @ part.masked_fill_(absent, 0)).double().numpy()
        if not np.isfinite(total).all():
            raise ValueError(
                f"Input X contains infinity or a value too large, at {np.sum(~np.isfinite(total))} of {width} "
                "positions of a row; NaN is what marks places without data."
            )
        has_data = n_missing < len(X)
        if not has_data.any():
            raise ValueError(f"Input X contains NaN only, in all {len(X)} rows and {width} positions: no data.")
        warn_of_gaps(n_missing[has_data], len(X))
        center = np.where(has_data, total / np.where(present > 0, present, 1), 0)
        shape = X.shape[1:]
        return cls(center.astype(X.dtype).reshape(shape), has_data.reshape(shape), complete=not len(doubtful))

    def training_inputs(self, X: np.ndarray, layout: Layout, device: torch.device) -> FieldInputs:
        """Samples of the fields of fit, whose gaps are known: X itself where it has none."""
        return self._inputs(X, layout, device, fill=not self.complete)

    def inputs(self, X: np.ndarray, layout: Layout, device: torch.device) -> tuple[FieldInputs, int]:
        """Samples of other fields and the number of gaps in them, which are filled with the mean of fit."""
        absent = np.isnan(X)
        n_gaps = int(np.sum(absent & self.has_data))
        return self._inputs(X, layout, device, fill=not self.complete or bool(absent.any())), n_gaps

    def _inputs(self, X: np.ndarray, layout: Layout, device: torch.device, fill: bool) -> FieldInputs:
        """The core's inputs, modes in the order of the layout."""
        modes = tuple(layout.modes[m] for m in layout.order)
        masks = tuple(self.mask(layout, m, device) for m in layout.order)
        arrange = lambda values, rows=(): in_order(torch_view(values), rows, layout)  # noqa: E731
        center = arrange(self.center)
        if fill:
            stored = stored_cells(masks)
            pack = lambda values: values if stored is None else take_last(values, stored.cpu())  # noqa: E731
            center, no_data = pack(center), pack(~arrange(self.has_data))
            x = torch.empty(len(X), *center.shape, dtype=center.dtype)
            for rows in row_blocks(X):
                block = pack(arrange(X[rows], (-1,)))
                torch.where(block.isnan().logical_or_(no_data), center, block, out=x[rows])
        else:
            x = arrange(X, (-1,)).contiguous()
        return FieldInputs(x.to(device), center.contiguous().to(device), modes, tuple(m.shape for m in modes), masks)

    def mask(self, layout: Layout, m: int, device: torch.device) -> torch.Tensor | None:
        """Cells of a grid that hold data anywhere; None: all do, or it is no grid."""
        if not isinstance(layout.modes[m], Grid):
            return None
        has_data = self.has_data.reshape([mode.size for mode in layout.modes])
        cells = has_data.any(axis=tuple(axis for axis in range(has_data.ndim) if axis != m))
        return None if cells.all() else torch.from_numpy(cells).to(device)


def in_order(values: torch.Tensor, rows: tuple[int, ...], layout: Layout) -> torch.Tensor:
    """An axis for each mode, grids flat, in the order of the layout; rows come first."""
    values = values.reshape(*rows, *(mode.size for mode in layout.modes))
    return values.permute(*range(len(rows)), *(len(rows) + m for m in layout.order))


def warn_of_gaps(n_missing: np.ndarray, n_rows: int) -> None:
    """Say how many positions have gaps, if any."""
    if n_missing.any():
        warnings.warn(
            f"{np.sum(n_missing > 0)} of {len(n_missing)} positions of a row (cells, for each level of the other "
            f"modes) are NaN in some of the {n_rows} rows, in up to {n_missing.max()} of them; filled with their mean "
            "over the training rows.",
            stacklevel=5,
        )


def factored_inputs(X, layout: Layout, device: torch.device) -> EncodedInputs:
    """Samples of encodings that lie side by side."""
    X = sparse.csr_array(X)
    if not X.has_canonical_format or (X.data == 0).any():
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    dtype = torch.from_numpy(X.data[:0]).dtype
    lists = index_lists(X, layout)
    if lists is None:
        encodings = [encode(X[:, columns], mode) for columns, mode in zip(layout.columns, layout.modes, strict=True)]
    else:
        pooled = [isinstance(mode, Feature) and mode.pooled for mode in layout.modes]
        encodings = [
            OneHot(torch_view(index), mode.size + extra, dtype)
            for index, mode, extra in zip(lists, layout.modes, pooled, strict=True)
        ]
    return EncodedInputs(tuple(encoding.to(device) for encoding in encodings), layout.modes, layout.shapes)


def index_lists(X: sparse.csr_array, layout: Layout) -> list[np.ndarray] | None:
    """For each mode the index of its one row in each sample; None unless every sample has one of each mode."""
    n_modes = len(layout.modes)
    if X.nnz != X.shape[0] * n_modes or (X.data != 1).any() or (np.diff(X.indptr) != n_modes).any():
        return None
    indices = X.indices.reshape(-1, n_modes)
    starts, stops = (np.array([getattr(c, end) for c in layout.columns]) for end in ("start", "stop"))
    if (indices < starts).any() or (indices >= stops).any():
        return None
    return [indices[:, m] - indices.dtype.type(start) for m, start in enumerate(starts)]


def encode(X: sparse.csr_array, mode) -> OneHot | MultiHot:
    """The encoding of one mode. For a pooled one, an empty row becomes the row of its own behind the levels."""
    counts, size, indices, data, pointers = np.diff(X.indptr), X.shape[1], X.indices, X.data, X.indptr
    row_pointers = lambda counts: make_crow_indices(torch_view(counts), torch_view(X.indptr).dtype).numpy()  # noqa: E731
    if isinstance(mode, Feature) and mode.pooled:
        empty = np.flatnonzero(counts == 0)
        indices = np.insert(indices, pointers[empty], size)
        data = np.insert(data, pointers[empty], 1)
        counts = np.maximum(counts, 1)
        pointers = row_pointers(counts)
        size += 1
    binary = bool((data == 1).all())
    dtype = torch_view(data).dtype
    if binary and (counts == 1).all():
        return OneHot(torch_view(indices), size, dtype)
    if not binary and (data > 0).all() and (data % 1 == 0).all() and data.sum() <= 2 * len(data):
        # A count of two is the same as a one that stands twice, and ones need no memory of their own.
        repeats = data.astype(pointers.dtype)
        indices, pointers, binary = np.repeat(indices, repeats), row_pointers(repeats)[pointers], True
    values = ones(len(indices), dtype, torch.device("cpu")) if binary else torch_view(data)
    return MultiHot(SparseMatrix(torch_view(pointers), torch_view(indices), values, (X.shape[0], size), binary=binary))


def row_blocks(X) -> Iterator[slice]:
    """Slices of rows of a size that memory holds besides everything else."""
    n, width = X.shape[0], int(np.prod(X.shape[1:]))
    bytes_per_row = X.dtype.itemsize * width if not sparse.issparse(X) else 16 * max(1, X.nnz // max(1, n))
    step = max(1, BLOCK_BYTES // max(1, bytes_per_row))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def torch_view(values: np.ndarray) -> torch.Tensor:
    """A tensor on the same memory; nobody writes to it, though torch worries that somebody could."""
    values = np.asarray(values)
    if any(stride < 0 for stride in values.strides):
        values = values.copy()  # torch knows no flipped axes
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(values)
