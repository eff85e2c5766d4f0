"""Products of data with skinny matrices: the only places where an optimizer's step touches all of the data.

Layouts were measured (docs/performance.md); each product lives here once, with its adjoint.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

HASHED_ROWS = 2**16  # rows hashed at once: a few megabytes
SHARED_ONES = 2**20


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
    """A sparse matrix of data (n, S) in compressed rows; a column may stand more than once in a row.

    Parameters
    ----------
    pointers : Tensor of int32 or int64, shape (n + 1,)
    columns : Tensor of the same type, shape (nnz,)
    values : Tensor, shape (nnz,)
    shape : (int, int)
    binary : bool
        All values are 1: then they need no memory of their own.
    """

    def __init__(
        self, pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int], *, binary: bool = False
    ):
        self.pointers, self.columns, self.values, self.shape, self.binary = pointers, columns, values, shape, binary

    @classmethod
    def of_index(cls, index: Tensor, size: int, dtype: torch.dtype) -> SparseMatrix:
        """A single 1 in every row."""
        pointers = torch.arange(len(index) + 1, dtype=index.dtype, device=index.device)
        return cls(pointers, index, ones(len(index), dtype, index.device), (len(index), size), binary=True)

    def with_columns(self, pointers: Tensor, columns: Tensor, values: Tensor, n_columns: int) -> SparseMatrix:
        """Other entries of the same kind."""
        return SparseMatrix(pointers, columns, values, (len(pointers) - 1, n_columns), binary=self.binary)

    def to(self, device: torch.device) -> SparseMatrix:
        """The same on a device."""
        values = ones(len(self.columns), self.values.dtype, device) if self.binary else self.values.to(device)
        return self.with_columns(self.pointers.to(device), self.columns.to(device), values, self.shape[1])

    def rows(self) -> Tensor:
        """Row of every stored value, shape (nnz,)."""
        index = torch.arange(self.shape[0], dtype=self.columns.dtype, device=self.columns.device)
        return torch.repeat_interleave(index, self.pointers.diff(), output_size=len(self.columns))

    def compressed(self) -> Tensor:
        """As torch's own kind of matrix, which multiplies fast."""
        return csr(self.pointers, self.columns, self._stored_values(), self.shape)

    def _stored_values(self) -> Tensor:
        """The values one after the other."""
        return shared_ones(len(self.values), self.values.dtype, self.values.device) if self.binary else self.values

    def compressed_adjoint(self) -> Tensor:
        """The transposed matrix as torch's own kind."""
        order, pointers = sorted_by(self.columns, self.shape[1])
        values = self._stored_values() if self.binary else self.values.index_select(0, order)
        rows = self.rows().index_select(0, order)
        return csr(pointers, rows, values, self.shape[::-1])

    def column_squares(self, weight: Tensor) -> Tensor:
        """Weighted sum over the rows of the squared values in each column, shape (S,)."""
        squares = torch.repeat_interleave(weight, self.pointers.diff(), output_size=len(self.columns))
        if not self.binary:
            squares *= self.values.to(weight.dtype).square()
        return weight.new_zeros(self.shape[1]).index_add_(0, self.columns, squares)

    def to_dense(self) -> Tensor:
        return self.values.new_zeros(self.shape).index_put_((self.rows(), self.columns), self.values, accumulate=True)

    def select(self, rows: Tensor) -> SparseMatrix:
        """Some of the rows."""
        counts = self.pointers.diff().index_select(0, rows)
        pointers = pointers_of(counts, self.columns.dtype)
        shifts = torch.repeat_interleave(self.pointers.index_select(0, rows).sub_(pointers[:-1]), counts)
        place = shifts.add_(torch.arange(len(shifts), dtype=shifts.dtype, device=shifts.device))
        columns = self.columns.index_select(0, place)
        if self.binary:
            values = ones(len(place), self.values.dtype, place.device)
        else:
            values = self.values.index_select(0, place)
        return self.with_columns(pointers, columns, values, self.shape[1])

    def row_blocks(self, n_rows: int) -> list[SparseMatrix]:
        """Consecutive rows, on the same memory."""
        starts = range(0, self.shape[0], n_rows)
        pointers = [self.pointers[start : start + n_rows + 1] for start in starts]
        ends = self.pointers[[*starts, self.shape[0]]].tolist()
        return [
            self.with_columns(p - a, self.columns[a:b], self.values[a:b], self.shape[1])
            for p, (a, b) in zip(pointers, pairwise(ends), strict=True)
        ]

    def merge_columns(self, column: Tensor, n_columns: int) -> SparseMatrix:
        """Column j becomes column[j]; values that meet are left side by side."""
        columns = column.to(self.columns.dtype).index_select(0, self.columns)
        return self.with_columns(self.pointers, columns, self.values, n_columns)

    def row_kronecker(self, other: SparseMatrix) -> SparseMatrix:
        """Row by row Kronecker product, shape (n, S * S'); the other's columns run fastest."""
        repeats = other.pointers.diff()[self.rows()]
        pointers = pointers_of(self.pointers.diff() * other.pointers.diff())
        mine = torch.repeat_interleave(torch.arange(len(repeats), device=repeats.device), repeats)
        starts = pointers_of(repeats)[:-1]
        theirs = torch.arange(len(mine), device=repeats.device) - starts[mine] + other.pointers[self.rows()[mine]]
        columns = self.columns[mine].long() * other.shape[1] + other.columns[theirs]
        n_columns, binary = self.shape[1] * other.shape[1], self.binary and other.binary
        if binary:
            values = ones(len(columns), self.values.dtype, columns.device)
        else:
            values = self.values[mine] * other.values[theirs]
        if max(n_columns, len(columns)) <= torch.iinfo(torch.int32).max:
            pointers, columns = pointers.int(), columns.int()
        return SparseMatrix(pointers, columns, values, (self.shape[0], n_columns), binary=binary)

    def row_hashes(self) -> Tensor:
        """A 64-bit hash of each row, shape (n,), equal for rows of the same entries, whatever their order.

        Among N different rows two agree with probability N^2 / 2^65: one in a million for six million rows.
        """
        generator = torch.Generator().manual_seed(0)
        randoms = torch.randint(-(2**63), 2**63 - 1, (self.shape[1],), generator=generator).to(self.columns.device)
        return torch.cat([block._hashes(randoms) for block in self.row_blocks(HASHED_ROWS)])

    def _hashes(self, randoms: Tensor) -> Tensor:
        bits = self.values.double().view(torch.int64)
        mixed = (randoms[self.columns] ^ (bits * -7046029254386353131)) * -4417276706812531889
        mixed ^= mixed >> 29
        mixed += mixed * randoms[self.columns]
        return randoms.new_zeros(self.shape[0]).index_add_(0, self.rows(), mixed)


class RowBlock(ABC):
    """Some samples, by the rows of a factor that they have."""

    n_rows: int

    @abstractmethod
    def gather(self, factor: Tensor) -> Tensor:
        """Sum of the factor's rows of every sample, times their values, shape (block, K)."""

    def scatter(self, values: Tensor, into: Tensor) -> None:
        """The adjoint of `gather`: add the samples' values to the rows they have."""
        add_product(into, self._adjoint, values)

    @property
    @abstractmethod
    def _adjoint(self) -> Tensor:
        """The transposed matrix of the samples' rows."""


class ProductBlock(RowBlock):
    """Samples that have any number of rows, with values: a matrix."""

    def __init__(self, matrix: SparseMatrix):
        self.matrix, self.n_rows = matrix, matrix.shape[0]

    @cached_property
    def _forward(self) -> Tensor:
        return self.matrix.compressed()

    @cached_property
    def _adjoint(self) -> Tensor:
        return self.matrix.compressed_adjoint()

    def gather(self, factor: Tensor) -> Tensor:
        return self._forward @ factor


class GatherBlock(RowBlock):
    """Samples that have one row each, of a factor of so many rows.

    Rows are gathered by their indices, but added up by a compressed matrix: for 13 000 rows of 10 numbers that takes
    0.02 ms, ``index_add_`` 0.13 ms, or 0.4 ms on two threads.
    """

    def __init__(self, index: Tensor, size: int, dtype: torch.dtype):
        self.index, self.size, self.dtype, self.n_rows = index, size, dtype, len(index)

    @cached_property
    def _adjoint(self) -> Tensor:
        order, pointers = sorted_by(self.index, self.size)
        ones = shared_ones(self.n_rows, self.dtype, order.device)
        return csr(pointers, order.to(pointers.dtype), ones, (self.size, self.n_rows))

    def gather(self, factor: Tensor) -> Tensor:
        if factor.shape[1] == 1:  # of single numbers three times as fast
            return factor[:, 0].index_select(0, self.index)[:, None]
        return factor.index_select(0, self.index)


class BlockedProduct(torch.autograd.Function):
    """Product of all samples with a skinny matrix c (S, K), shape (n, K), block after block."""

    @staticmethod
    def forward(ctx, c: Tensor, blocks: Sequence[RowBlock]) -> Tensor:
        ctx.save_for_backward(c)
        ctx.blocks = blocks
        product, start = c.new_empty(sum(block.n_rows for block in blocks), c.shape[1]), 0
        for block in blocks:
            product[start : start + block.n_rows] = block.gather(c)
            start += block.n_rows
        return product

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        (c,) = ctx.saved_tensors
        into, start = torch.zeros_like(c), 0
        for block in ctx.blocks:
            block.scatter(gradient[start : start + block.n_rows].contiguous(), into)
            start += block.n_rows
        return into, None


class Pairs:
    """Samples that have one row each of two factors: the entries of a sparse matrix, one for each sample.

    Parameters
    ----------
    first, second : Tensor of int, shape (n,)
        Rows of both factors.
    sizes : (int, int)
        How many rows the factors have.
    """

    def __init__(self, first: Tensor, second: Tensor, sizes: tuple[int, int]):
        self.first, self.second, self.sizes = first, second, sizes

    @cached_property
    def _by_first(self) -> tuple[Tensor, Tensor, Tensor]:
        """The order of the samples in the matrix, its pointers and columns."""
        order, pointers = sorted_by(self.first, self.sizes[0])
        return order, pointers, self.second.index_select(0, order)

    @cached_property
    def _by_second(self) -> tuple[Tensor, Tensor, Tensor]:
        """The same of the transposed matrix."""
        order, pointers = sorted_by(self.second, self.sizes[1])
        return order, pointers, self.first.index_select(0, order)

    def sampled(self, first: Tensor, second: Tensor) -> Tensor:
        """Inner product of the factors' rows of every sample, shape (n,)."""
        order, pointers, columns = self._by_first
        pattern = csr(pointers, columns, shared_ones(len(order), first.dtype, first.device), self.sizes)
        values = torch.sparse.sampled_addmm(pattern, first, second.T, beta=0.0).values()
        return torch.empty_like(values).index_copy_(0, order, values)

    def times(self, values: Tensor, second: Tensor) -> Tensor:
        """The matrix of the samples' values times a factor, shape (rows of the first, K)."""
        order, pointers, columns = self._by_first
        return csr(pointers, columns, values.index_select(0, order), self.sizes) @ second

    def transposed_times(self, values: Tensor, first: Tensor) -> Tensor:
        """The transposed matrix times a factor, shape (rows of the second, K)."""
        order, pointers, columns = self._by_second
        return csr(pointers, columns, values.index_select(0, order), self.sizes[::-1]) @ first


class SampledProduct(torch.autograd.Function):
    """Inner products of the rows of two factors, where there are samples: none of their rows is ever copied."""

    @staticmethod
    def forward(ctx, first: Tensor, second: Tensor, pairs: Pairs) -> Tensor:
        ctx.save_for_backward(first, second)
        ctx.pairs = pairs
        return pairs.sampled(first, second)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        first, second = ctx.saved_tensors
        return ctx.pairs.times(gradient, second), ctx.pairs.transposed_times(gradient, first), None


def sorted_by(index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Order of the entries by their index, and where each index begins in it, shape (size + 1,)."""
    counts = torch.bincount(index, minlength=size)
    return torch.argsort(index, stable=True), pointers_of(counts, index.dtype)


def csr(pointers: Tensor, columns: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """torch's own kind of matrix, without a look at whether it is one."""
    return torch.sparse_csr_tensor(pointers, columns, values, shape, device=values.device, check_invariants=False)


with warnings.catch_warnings():  # torch says once that these are in beta
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
    csr(torch.zeros(1, dtype=torch.int32), torch.zeros(0, dtype=torch.int32), torch.zeros(0), (0, 0))


def add_product(into: Tensor, matrix: Tensor, values: Tensor) -> None:
    """Add the product of a compressed matrix and a dense one, in place."""
    if matrix.device.type in ("cpu", "cuda"):
        torch.addmm(into, matrix, values, out=into)
    else:
        into += matrix @ values


def ones(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """n ones in the room of one."""
    return torch.ones((), dtype=dtype, device=device).expand(n)


def shared_ones(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """n ones, one after the other as torch's matrices want them; a few at a time are on memory that all share."""
    if n > SHARED_ONES:
        return torch.ones(n, dtype=dtype, device=device)
    return _stored_ones(dtype, device)[:n]


@lru_cache(maxsize=4)
def _stored_ones(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.ones(SHARED_ONES, dtype=dtype, device=device)


def pointers_of(counts: Tensor, dtype: torch.dtype = torch.int64) -> Tensor:
    """Row pointers (n + 1,) of rows that hold `counts` values."""
    return torch.nn.functional.pad(counts.cumsum(0, dtype=dtype), (1, 0))
