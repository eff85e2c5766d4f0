"""Products of data with skinny matrices, and their adjoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property, reduce
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.core.data.sparse import SparseMatrix, csr, is_sorted, shared_ones, sorted_by

STORED_ROWS = 2**20  # entries of a block whose rows are kept: 4 MB


class DenseProduct(torch.autograd.Function):
    """x @ c for data x (n, D) and few columns c (D, K): the gradient goes to c only.

    In both directions x is read once, row by row, because c and its gradient are stored transposed.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, c: Tensor) -> Tensor:
        ctx.x = x
        return torch.nn.functional.linear(x, c.T.contiguous())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, (gradient.T.contiguous() @ ctx.x).T


class RowBlock(ABC):
    """Some samples as a sparse matrix (block, S), which multiplies factors (S, K)."""

    n_rows: int

    @abstractmethod
    def gather(self, factor: Tensor) -> Tensor:
        """Multiply a factor: sum the rows of every sample, times their values, shape (block, K)."""

    def scatter(self, values: Tensor, into: Tensor) -> None:
        """Add the transposed product with values (block, K) to `into` (S, K), in place: the adjoint of `gather`."""
        add_product(into, self._adjoint, values)

    @property
    @abstractmethod
    def _adjoint(self) -> Tensor:
        """The transposed matrix (S, block)."""


class ProductBlock(RowBlock):
    """Samples with any number of rows and any values.

    A product with a single column is faster entry by entry than by a CSR matrix, whose rows differ in length. On a GPU,
    where sums would depend on their order, and for very many entries, whose rows take memory, it is by the matrix.

    Parameters
    ----------
    matrix : SparseMatrix
    into : Tensor of int, shape (nnz,)
        Memory for the indices of the transposed matrix.
    """

    def __init__(self, matrix: SparseMatrix, into: Tensor):
        self.matrix, self.n_rows, self._into = matrix, matrix.shape[0], into
        self._by_entries = matrix.device.type != "cuda" and len(matrix.col_indices) <= STORED_ROWS

    @cached_property
    def _rows(self) -> Tensor:
        """Sample of every entry."""
        return self.matrix.rows()

    @cached_property
    def _forward(self) -> Tensor:
        return self.matrix.compressed()

    @cached_property
    def _adjoint(self) -> Tensor:
        return self.matrix.compressed_adjoint(self._into)

    def gather(self, factor: Tensor) -> Tensor:
        if factor.shape[1] == 1 and self._by_entries:
            return self._sums(factor[:, 0], self.matrix.col_indices, factor.new_zeros(self.n_rows), self._rows)[:, None]
        return self._forward @ factor

    def scatter(self, values: Tensor, into: Tensor) -> None:
        if values.shape[1] == 1 and self._by_entries:
            self._sums(values[:, 0], self._rows, into[:, 0], self.matrix.col_indices)
        else:
            super().scatter(values, into)

    def _sums(self, values: Tensor, sources: Tensor, into: Tensor, targets: Tensor) -> Tensor:
        """Add every entry, times the value at its source, to its target, in place."""
        entries = values.index_select(0, sources)
        return into.index_add_(0, targets, entries if self.matrix.binary else entries.mul_(self.matrix.values))


class GatherBlock(RowBlock):
    """Samples with one row each, of value 1.

    Rows are gathered by their indices, but added up by a CSR matrix, which is faster than ``index_add_`` for rows of
    more than one number and for sorted indices, and on a GPU gives the same sums every time.

    Parameters
    ----------
    index : Tensor of int, shape (block,)
    size : int
    dtype : torch.dtype
    into : Tensor like the index
        Memory for the indices of the transposed matrix.
    """

    def __init__(self, index: Tensor, size: int, dtype: torch.dtype, into: Tensor):
        self.index, self.size, self.dtype, self.n_rows, self._into = index, size, dtype, len(index), into

    @cached_property
    def _adjoint(self) -> Tensor:
        order, crow_indices = sorted_by(self.index, self.size)
        ones = shared_ones(self.n_rows, self.dtype, order.device)
        return csr(crow_indices, self._into.copy_(order), ones, (self.size, self.n_rows))

    def gather(self, factor: Tensor) -> Tensor:
        if factor.shape[1] == 1:  # faster for single numbers
            return factor[:, 0].index_select(0, self.index)[:, None]
        return factor.index_select(0, self.index)

    def scatter(self, values: Tensor, into: Tensor) -> None:
        if values.shape[1] > 1 or values.device.type == "cuda":
            super().scatter(values, into)
        elif self._is_sorted:
            into[:, 0] += self._adjoint @ values[:, 0]
        else:
            into[:, 0].index_add_(0, self.index, values[:, 0])

    @cached_property
    def _is_sorted(self) -> bool:
        return is_sorted(self.index)


# The indices that blocks keep lie in one array, made beforehand: if each block made its own, gaps would remain between
# them, where the temporary arrays of their sorting were.


def product_blocks(matrix: SparseMatrix, n_rows: int) -> list[ProductBlock]:
    """Return blocks of n_rows consecutive samples."""
    return_freed_memory(matrix.shape[0])
    blocks = matrix.row_blocks(n_rows)
    parts = torch.empty_like(matrix.col_indices).split([len(block.col_indices) for block in blocks])
    return [ProductBlock(block, part) for block, part in zip(blocks, parts, strict=True)]


def gather_blocks(index: Tensor, size: int, dtype: torch.dtype, n_rows: int) -> list[GatherBlock]:
    """Return blocks of n_rows consecutive samples with one row each."""
    return_freed_memory(len(index))
    parts = zip(index.split(n_rows), torch.empty_like(index).split(n_rows), strict=True)
    return [GatherBlock(part, size, dtype, into) for part, into in parts] if len(index) else []


class BlockedProduct(torch.autograd.Function):
    """Product of all samples with a matrix c (S, K) of few columns, shape (n, K), block after block."""

    @staticmethod
    def forward(ctx: Any, c: Tensor, blocks: Sequence[RowBlock]) -> Tensor:
        ctx.save_for_backward(c)
        ctx.blocks = blocks
        product, start = c.new_empty(sum(block.n_rows for block in blocks), c.shape[1]), 0
        for block in blocks:
            product[start : start + block.n_rows] = block.gather(c)
            start += block.n_rows
        return product

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (c,) = ctx.saved_tensors
        into, start = torch.zeros_like(c), 0
        for block in ctx.blocks:
            block.scatter(gradient[start : start + block.n_rows].contiguous(), into)
            start += block.n_rows
        return into, None


class EntryIndices:
    """Samples with one row each of two factors, as the entries of a sparse matrix, one for each sample.

    Parameters
    ----------
    first, second : Tensor of int, shape (n,)
        Row of each factor.
    sizes : (int, int)
        Numbers of rows of the factors.
    """

    def __init__(self, first: Tensor, second: Tensor, sizes: tuple[int, int]):
        self.first, self.second, self.sizes = first, second, sizes
        self._is_sorted = is_sorted(first)

    @cached_property
    def _by_first(self) -> tuple[Tensor, Tensor, Tensor]:
        """Order of the samples in the matrix, and its crow_indices and col_indices."""
        order, crow_indices = sorted_by(self.first, self.sizes[0])
        return order, crow_indices, self.second.index_select(0, order)

    @cached_property
    def _by_second(self) -> tuple[Tensor, Tensor, Tensor]:
        """Order of the samples in the transposed matrix, and its crow_indices and col_indices."""
        order, crow_indices = sorted_by(self.second, self.sizes[1])
        return order, crow_indices, self.first.index_select(0, order)

    def sampled(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the inner product of both factors' rows for every sample, shape (n,)."""
        order, crow_indices, col_indices = self._by_first
        pattern = csr(crow_indices, col_indices, shared_ones(len(order), first.dtype, first.device), self.sizes)
        values = torch.sparse.sampled_addmm(pattern, first, second.T, beta=0.0).values()
        return values if self._is_sorted else torch.empty_like(values).index_copy_(0, order, values)

    def times(self, values: Tensor, second: Tensor) -> Tensor:
        """Multiply the second factor by the matrix of the samples' values, shape (rows of the first, K)."""
        order, crow_indices, col_indices = self._by_first
        values = values if self._is_sorted else values.index_select(0, order)
        return csr(crow_indices, col_indices, values, self.sizes) @ second

    def transposed_times(self, values: Tensor, first: Tensor) -> Tensor:
        """Multiply the first factor by the transposed matrix, shape (rows of the second, K)."""
        order, crow_indices, col_indices = self._by_second
        return csr(crow_indices, col_indices, values.index_select(0, order), self.sizes[::-1]) @ first


class SampledProduct(torch.autograd.Function):
    """Inner products of the rows of two factors where there are samples, without a copy of the rows."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor, entries: EntryIndices) -> Tensor:
        ctx.save_for_backward(first, second)
        ctx.entries = entries
        return entries.sampled(first, second)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        first, second = ctx.saved_tensors
        return ctx.entries.times(gradient, second), ctx.entries.transposed_times(gradient, first), None


def add_product(into: Tensor, matrix: Tensor, values: Tensor) -> None:
    """Add the product of a CSR matrix and a dense one to `into`, in place."""
    if matrix.device.type in ("cpu", "cuda"):
        torch.addmm(into, matrix, values, out=into)
    else:
        into += matrix @ values


def project_last(x: Tensor, factor: Tensor) -> Tensor:
    """Multiply the last mode of samples (n, ..., D) by a factor (D, K): shape (n, product of the other modes, K)."""
    return DenseProduct.apply(x.reshape(-1, x.shape[-1]), factor).reshape(len(x), -1, factor.shape[1])


def hadamard(matrices: Sequence[Tensor], first: Tensor | None = None) -> Tensor:
    """Return the elementwise product of `first`, if given, and the matrices."""
    factors = [*matrices] if first is None else [first, *matrices]
    return reduce(torch.mul, factors)


def khatri_rao(factors: Sequence[Tensor]) -> Tensor:
    """Return the column-wise Kronecker product, shape (product of rows, K); the last factor's rows run fastest."""
    product = factors[0]
    for factor in factors[1:]:
        product = (product[:, None, :] * factor[None, :, :]).reshape(-1, product.shape[1])
    return product


def mode_product(tensor: Tensor, matrix: Tensor, mode: int) -> Tensor:
    """Multiply one mode of a tensor by a matrix (n_out, n_in).

    tensorly's mode_dot would need its backend switched to torch around every product.
    """
    return torch.tensordot(tensor, matrix, ([mode], [1])).movedim(-1, mode)


def mode_products(tensor: Tensor, matrices: Sequence[Tensor | None]) -> Tensor:
    """Multiply every mode of a tensor by its matrix (n_out, n_in); None leaves a mode as it is."""
    for mode, matrix in enumerate(matrices):
        tensor = tensor if matrix is None else mode_product(tensor, matrix, mode)
    return tensor
