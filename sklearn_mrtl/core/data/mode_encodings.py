"""The encoding of a single mode: a sparse matrix (n, size), of which one-hot encodings need the indices only."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from sklearn_mrtl.core.data.products import GatherBlock, ProductBlock, gather_blocks, product_blocks
from sklearn_mrtl.core.data.sparse import SparseMatrix


@dataclass(frozen=True, eq=False)
class OneHot:
    """An encoding in which every sample has exactly one category or cell.

    Attributes
    ----------
    index : Tensor of int, shape (n,)
    size : int
    dtype : torch.dtype
        Of scores and factors.
    """

    index: Tensor
    size: int
    dtype: torch.dtype
    _blocks: dict[int, list[GatherBlock]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def device(self) -> torch.device:
        return self.index.device

    @property
    def matrix(self) -> SparseMatrix:
        """The encoding as a matrix (n, size)."""
        return SparseMatrix.from_index(self.index, self.size, self.dtype)

    def chunks(self, n_rows: int) -> list[OneHot]:
        """Return parts of n_rows consecutive samples; they share this one's memory."""
        return [OneHot(index, self.size, self.dtype) for index in self.index.split(n_rows)]

    def blocks(self, n_rows: int) -> list[GatherBlock]:
        """Return blocks of n_rows consecutive samples to multiply by, and keep them for the next call."""
        if n_rows not in self._blocks:
            self._blocks[n_rows] = gather_blocks(self.index, self.size, self.dtype, n_rows)
        return self._blocks[n_rows]

    def keys(self) -> Tensor:
        """Return a number for each sample, equal where the encodings are equal, shape (n,)."""
        return self.index

    def column_squares(self, weight: Tensor) -> Tensor:
        """Return the weighted sum of the squared values in each column, shape (size,)."""
        return weight.new_zeros(self.size).index_add_(0, self.index, weight)

    def coarsen(self, cells: Tensor, size: int) -> OneHot:
        """Return the encoding on a coarser grid, where cell d becomes cells[d]."""
        return OneHot(cells.to(self.index.dtype).index_select(0, self.index), size, self.dtype)

    def counts(self, rows: Tensor) -> Tensor:
        """Return the number of entries of each of these samples: 1."""
        return torch.ones_like(rows)

    def select(self, rows: Tensor, n_entries: int | None = None) -> OneHot:
        """Return the encoding of these samples; its entries are as many as they are."""
        return OneHot(self.index.index_select(0, rows), self.size, self.dtype)

    def to(self, device: torch.device) -> OneHot:
        """Return the encoding on a device."""
        return OneHot(self.index.to(device), self.size, self.dtype)


@dataclass(frozen=True, eq=False)
class MultiHot:
    """An encoding of any values: counts, several cells, numeric columns.

    Attributes
    ----------
    matrix : SparseMatrix
        Of shape (n, size).
    """

    matrix: SparseMatrix
    _blocks: dict[int, list[ProductBlock]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return self.matrix.shape[0]

    @property
    def device(self) -> torch.device:
        return self.matrix.device

    @property
    def size(self) -> int:
        return self.matrix.shape[1]

    def chunks(self, n_rows: int) -> list[MultiHot]:
        """Return parts of n_rows consecutive samples; they share this one's memory."""
        return [MultiHot(block) for block in self.matrix.row_blocks(n_rows)]

    def blocks(self, n_rows: int) -> list[ProductBlock]:
        """Return blocks of n_rows consecutive samples to multiply by, and keep them for the next call."""
        if n_rows not in self._blocks:
            self._blocks[n_rows] = product_blocks(self.matrix, n_rows)
        return self._blocks[n_rows]

    def keys(self) -> Tensor:
        """Return a hash for each sample, equal where the encodings are equal, shape (n,)."""
        return self.matrix.row_hashes()

    def column_squares(self, weight: Tensor) -> Tensor:
        """Return the weighted sum of the squared values in each column, shape (size,)."""
        return self.matrix.column_squares(weight)

    def coarsen(self, cells: Tensor, size: int) -> MultiHot:
        """Return the encoding on a coarser grid, where cell d becomes cells[d]."""
        return MultiHot(self.matrix.merge_columns(cells, size))

    def counts(self, rows: Tensor) -> Tensor:
        """Return the number of entries of each of these samples."""
        return self.matrix.counts(rows)

    def select(self, rows: Tensor, n_entries: int | None = None) -> MultiHot:
        """Return the encoding of these samples, which has n_entries, if that is known."""
        return MultiHot(self.matrix.select(rows, n_entries=n_entries))

    def to(self, device: torch.device) -> MultiHot:
        """Return the encoding on a device."""
        return MultiHot(self.matrix.to(device))


Encoding = OneHot | MultiHot
