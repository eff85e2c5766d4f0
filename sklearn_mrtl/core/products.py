"""Products of data with skinny matrices: the only places where an optimizer's step touches all of the data.

Layouts were measured (docs/performance.md); each product lives here once, with its adjoint.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class DenseProduct(torch.autograd.Function):
    """x @ c for data x (n, D) and few columns c (D, K): the gradient goes to c only.

    Both ways x is read row by row, once: c lies transposed going in, the gradient lies transposed coming out.
    """

    @staticmethod
    def forward(ctx, x: Tensor, c: Tensor) -> Tensor:
        ctx.x = x
        return torch.nn.functional.linear(x, c.T.contiguous())

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[None, Tensor]:
        return None, (gradient.T.contiguous() @ ctx.x).T


class SparseMatrix:
    """A sparse matrix of data (n, S) in compressed rows.

    Parameters
    ----------
    pointers : Tensor of int64, shape (n + 1,)
    columns : Tensor of int64, shape (nnz,)
    values : Tensor, shape (nnz,)
    shape : (int, int)
    """

    def __init__(self, pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]):
        self.pointers, self.columns, self.values, self.shape = pointers, columns, values, shape

    def to(self, device: torch.device) -> SparseMatrix:
        """The same on a device."""
        return SparseMatrix(self.pointers.to(device), self.columns.to(device), self.values.to(device), self.shape)

    @cached_property
    def rows(self) -> Tensor:
        """Row of every stored value, shape (nnz,)."""
        counts = self.pointers.diff()
        return torch.repeat_interleave(torch.arange(self.shape[0], device=counts.device), counts)

    @cached_property
    def _forward(self) -> Tensor:
        return csr(self.pointers, self.columns, self.values, self.shape)

    @cached_property
    def _adjoint(self) -> Tensor:
        order = torch.argsort(self.columns, stable=True)
        counts = torch.bincount(self.columns, minlength=self.shape[1])
        return csr(pointers_of(counts), self.rows[order], self.values[order], self.shape[::-1])

    def product(self, c: Tensor) -> Tensor:
        """self @ c, shape (n, K)."""
        return _SparseProduct.apply(c, self)

    def gather(self, c: Tensor) -> Tensor:
        """self @ c where every row holds a single 1."""
        return _Gather.apply(c, self)

    def adjoint_product(self, g: Tensor) -> Tensor:
        """self.T @ g, shape (S, K)."""
        return self._adjoint @ g

    def column_squares(self, weight: Tensor) -> Tensor:
        """Weighted mean over the rows of the squared values in each column, shape (S,)."""
        total = weight.new_zeros(self.shape[1])
        squares = weight[self.rows] * self.values.to(weight.dtype).square()
        return total.index_add_(0, self.columns, squares) / weight.sum()

    def to_dense(self) -> Tensor:
        dense = self.values.new_zeros(self.shape)
        return dense.index_put_((self.rows, self.columns), self.values, accumulate=True)

    def select(self, rows: Tensor) -> SparseMatrix:
        """Some of the rows."""
        counts = self.pointers.diff()[rows]
        pointers = pointers_of(counts)
        place = torch.arange(int(pointers[-1]), device=rows.device)
        place = place + torch.repeat_interleave(self.pointers[rows] - pointers[:-1], counts)
        return SparseMatrix(pointers, self.columns[place], self.values[place], (len(rows), self.shape[1]))

    def row_blocks(self, n_rows: int) -> list[SparseMatrix]:
        """Consecutive rows, on the same memory."""
        starts = range(0, self.shape[0], n_rows)
        pointers = [self.pointers[start : start + n_rows + 1] for start in starts]
        ends = self.pointers[[*starts, self.shape[0]]].tolist()
        return [
            SparseMatrix(p - a, self.columns[a:b], self.values[a:b], (len(p) - 1, self.shape[1]))
            for p, a, b in zip(pointers, ends, ends[1:], strict=False)
        ]

    def merge_columns(self, column: Tensor, n_columns: int) -> SparseMatrix:
        """Column j becomes column[j]; values that meet are added."""
        keys, place = torch.unique(self.rows * n_columns + column[self.columns], return_inverse=True)
        values = self.values.new_zeros(len(keys)).index_add_(0, place, self.values)
        counts = torch.bincount(keys // n_columns, minlength=self.shape[0])
        return SparseMatrix(pointers_of(counts), keys % n_columns, values, (self.shape[0], n_columns))

    def row_kronecker(self, other: SparseMatrix) -> SparseMatrix:
        """Row by row Kronecker product, shape (n, S * S'); the other's columns run fastest."""
        counts, other_counts = self.pointers.diff(), other.pointers.diff()
        pointers = pointers_of(counts * other_counts)
        repeats = other_counts[self.rows]
        mine = torch.repeat_interleave(torch.arange(len(self.rows), device=repeats.device), repeats)
        starts = pointers_of(repeats)[:-1]
        theirs = torch.arange(len(mine), device=repeats.device) - starts[mine] + other.pointers[self.rows[mine]]
        columns = self.columns[mine] * other.shape[1] + other.columns[theirs]
        values = self.values[mine] * other.values[theirs]
        return SparseMatrix(pointers, columns, values, (self.shape[0], self.shape[1] * other.shape[1]))

    def row_hashes(self) -> Tensor:
        """A 64-bit hash of each row, shape (n,), equal for equal rows.

        Among N different rows two agree with probability N^2 / 2^65: one in a million for six million rows.
        """
        generator = torch.Generator().manual_seed(0)
        randoms = torch.randint(-(2**63), 2**63 - 1, (self.shape[1],), generator=generator).to(self.columns.device)
        bits = self.values.double().view(torch.int64)
        mixed = (randoms[self.columns] ^ (bits * -7046029254386353131)) * -4417276706812531889
        mixed = mixed ^ (mixed >> 29)
        return torch.zeros_like(self.pointers[1:]).index_add_(0, self.rows, mixed * randoms[self.columns] + mixed)


@dataclass(frozen=True, eq=False)
class GatherBlock:
    """Some samples that have one row of a factor each.

    Rows are gathered by their indices, but added up by a compressed matrix: for 13 000 rows of 10 numbers that takes
    0.02 ms, ``index_add_`` 0.13 ms, or 0.4 ms on two threads.
    """

    index: Tensor
    adjoint: Tensor

    @classmethod
    def of(cls, index: Tensor, size: int, ones: Tensor) -> GatherBlock:
        counts = torch.bincount(index, minlength=size)
        return cls(index, csr(pointers_of(counts).int(), torch.argsort(index).int(), ones, (size, len(index))))

    def gather(self, factor: Tensor) -> Tensor:
        """The factor's row of every sample, shape (block, K)."""
        return factor.index_select(0, self.index)

    def scatter(self, values: Tensor, into: Tensor) -> None:
        """The adjoint of `gather`: add the samples' values to the rows they have."""
        add_product(into, self.adjoint, values)


@dataclass(frozen=True, eq=False)
class ProductBlock:
    """Some samples that have any number of rows of a factor, with values."""

    forward: Tensor
    adjoint: Tensor

    @classmethod
    def of(cls, matrix: SparseMatrix) -> ProductBlock:
        return cls(with_small_indices(matrix._forward), with_small_indices(matrix._adjoint))

    def gather(self, factor: Tensor) -> Tensor:
        """Sum of the factor's rows of every sample, times their values, shape (block, K)."""
        return self.forward @ factor

    def scatter(self, values: Tensor, into: Tensor) -> None:
        """The adjoint of `gather`."""
        add_product(into, self.adjoint, values)


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, c: Tensor, matrix: SparseMatrix) -> Tensor:
        ctx.matrix = matrix
        return matrix._forward @ c

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        return ctx.matrix.adjoint_product(gradient), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, c: Tensor, matrix: SparseMatrix) -> Tensor:
        ctx.matrix = matrix
        return c.index_select(0, matrix.columns)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        return ctx.matrix.adjoint_product(gradient), None


def csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    with torch.sparse.check_sparse_tensor_invariants(False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(pointers, columns, values.contiguous(), shape, device=values.device)


def add_product(into: Tensor, matrix: Tensor, values: Tensor) -> None:
    """Add the product of a compressed matrix and a dense one, in place."""
    if matrix.device.type in ("cpu", "cuda"):
        torch.addmm(into, matrix, values, out=into)
    else:
        into += matrix @ values


def with_small_indices(matrix: Tensor) -> Tensor:
    """The same matrix with indices of 32 bits, half the memory to read."""
    if matrix.layout != torch.sparse_csr:  # where torch has none, as on meta tensors
        return matrix
    return csr(matrix.crow_indices().int(), matrix.col_indices().int(), matrix.values(), matrix.shape)


def pointers_of(counts: Tensor) -> Tensor:
    """Row pointers (n + 1,) of rows that hold `counts` values."""
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])
