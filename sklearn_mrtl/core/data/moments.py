"""Weighted second moments X' diag(w) X of the columns of several designs side by side, behind a column of ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate, combinations_with_replacement, pairwise

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.sparse import SparseMatrix

MAX_PRODUCTS = 2**22  # products of two entries of a row that are kept, with their indices: 32 MB


class Moments(ABC):
    """X' diag(w) X in double precision, for any w (n,).

    Attributes
    ----------
    sizes : list of int
        Columns of every design; the first is the column of ones.
    device : torch.device
    """

    sizes: list[int]
    device: torch.device

    @abstractmethod
    def __call__(self, weight: Tensor) -> Tensor:
        """Return the moments, shape (columns, columns)."""


class DenseMoments(Moments):
    """From the designs as dense matrices.

    Parameters
    ----------
    parts : sequence of Inputs
        The same samples in the modes of each design.
    """

    def __init__(self, parts: Sequence[Inputs]):
        designs = [part.design().double() for part in parts]
        self.x = torch.cat([designs[0].new_ones(len(designs[0]), 1), *designs], 1)
        self.sizes, self.device = [1, *(design.shape[1] for design in designs)], self.x.device

    def __call__(self, weight: Tensor) -> Tensor:
        return (self.x * weight[:, None]).T @ self.x


class SparseMoments(Moments):
    """From all products of two entries of a row, whose positions in the moments are found once.

    Parameters
    ----------
    designs : sequence of SparseMatrix
        Of the same samples, the first a column of ones.
    areas : sequence of float
        What the entries of each are multiplied by.
    """

    def __init__(self, designs: Sequence[SparseMatrix], areas: Sequence[float]):
        self.sizes, self.device = [design.shape[1] for design in designs], designs[0].device
        ends = [0, *accumulate(self.sizes)]
        columns = [slice(*part) for part in pairwise(ends)]
        self.blocks = []
        for s, t in combinations_with_replacement(range(len(designs)), 2):
            product = designs[s].row_kronecker(designs[t])
            self.blocks.append((columns[s], columns[t], areas[s] * areas[t], product, product.rows()))

    def __call__(self, weight: Tensor) -> Tensor:
        weight, size = weight.double(), sum(self.sizes)
        moments = weight.new_zeros(size, size)
        for first, second, area, product, rows in self.blocks:
            entries = weight.index_select(0, rows)
            entries = entries if product.binary else entries * product.values
            block = weight.new_zeros(product.shape[1]).index_add_(0, product.col_indices, entries)
            block = area * block.reshape(first.stop - first.start, -1)
            moments[first, second], moments[second, first] = block, block.T
        return moments


def sparse_moments(parts: Sequence[Inputs]) -> SparseMoments | None:
    """Return moments from products of entries, or None where the samples are no encodings or the products too many."""
    encoded = [part for part in parts if isinstance(part, EncodedInputs)]
    if len(encoded) < len(parts) or not parts[0].n_rows:
        return None
    n_rows, dtype = parts[0].n_rows, encoded[0].encodings[0].matrix.values.dtype
    ones = SparseMatrix.from_index(torch.zeros(n_rows, dtype=torch.int32, device=encoded[0].device), 1, dtype)
    designs = [ones, *(part.outer_products() for part in encoded)]
    n_products = sum(len(design.col_indices) for design in designs) ** 2 / n_rows
    areas = [1.0, *(part.cell_area for part in encoded)]
    return SparseMoments(designs, areas) if n_products <= MAX_PRODUCTS else None
