"""Sparse matrices of data in compressed rows."""

from __future__ import annotations

import warnings
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

HASHED_ROWS = 2**16  # rows hashed at once: a few megabytes
COPIED_ROWS = 2**16  # rows copied or multiplied at once
SHARED_ONES = 2**20  # ones kept in memory for all matrices: 4 MB in float32


class SparseMatrix:
    """A sparse matrix of data (n, S) in compressed rows; a column may occur more than once in a row.

    Parameters
    ----------
    crow_indices : Tensor of int32 or int64, shape (n + 1,)
    col_indices : Tensor of the same type, shape (nnz,)
    values : Tensor, shape (nnz,)
    shape : (int, int)
    binary : bool
        Whether all values are 1: then they are one number in memory.
    """

    def __init__(
        self, crow_indices: Tensor, col_indices: Tensor, values: Tensor, shape: tuple[int, int], *, binary: bool = False
    ):
        self.crow_indices, self.col_indices, self.values = crow_indices, col_indices, values
        self.shape, self.binary = shape, binary

    @classmethod
    def from_index(cls, index: Tensor, size: int, dtype: torch.dtype) -> SparseMatrix:
        """Make a matrix with a single 1 in every row."""
        crow_indices = torch.arange(len(index) + 1, dtype=index.dtype, device=index.device)
        return cls(crow_indices, index, ones(len(index), dtype, index.device), (len(index), size), binary=True)

    def with_entries(self, crow_indices: Tensor, col_indices: Tensor, values: Tensor, n_columns: int) -> SparseMatrix:
        """Return a matrix with other entries, whose values are 1 if those of this one are."""
        return SparseMatrix(crow_indices, col_indices, values, (len(crow_indices) - 1, n_columns), binary=self.binary)

    def to(self, device: torch.device) -> SparseMatrix:
        """Return the matrix on a device."""
        values = ones(len(self.col_indices), self.values.dtype, device) if self.binary else self.values.to(device)
        return self.with_entries(self.crow_indices.to(device), self.col_indices.to(device), values, self.shape[1])

    @property
    def device(self) -> torch.device:
        """Device of the indices."""
        return self.col_indices.device

    def rows(self) -> Tensor:
        """Return the row of every stored value, shape (nnz,)."""
        index = torch.arange(self.shape[0], dtype=self.col_indices.dtype, device=self.col_indices.device)
        return torch.repeat_interleave(index, self.crow_indices.diff(), output_size=len(self.col_indices))

    def compressed(self) -> Tensor:
        """Return the matrix as a CSR tensor of torch, which multiplies fast."""
        return csr(self.crow_indices, self.col_indices, self._stored_values(), self.shape)

    def _stored_values(self) -> Tensor:
        """Return the values one after the other, as torch wants them."""
        return shared_ones(len(self.values), self.values.dtype, self.values.device) if self.binary else self.values

    def compressed_adjoint(self, into: Tensor) -> Tensor:
        """Return the transposed matrix as a CSR tensor of torch; its indices of columns are written into a tensor."""
        order, crow_indices = sorted_by(self.col_indices, self.shape[1])
        values = self._stored_values() if self.binary else self.values.index_select(0, order)
        torch.index_select(self.rows(), 0, order, out=into)
        return csr(crow_indices, into, values, self.shape[::-1])

    def column_squares(self, weight: Tensor) -> Tensor:
        """Return the weighted sum over the rows of the squared values in each column, shape (S,)."""
        squares = torch.repeat_interleave(weight, self.crow_indices.diff(), output_size=len(self.col_indices))
        if not self.binary:
            squares *= self.values.to(weight.dtype).square()
        return weight.new_zeros(self.shape[1]).index_add_(0, self.col_indices, squares)

    def to_dense(self) -> Tensor:
        """Return the matrix as a dense one."""
        return self.values.new_zeros(self.shape).index_put_(
            (self.rows(), self.col_indices), self.values, accumulate=True
        )

    def counts(self, rows: Tensor) -> Tensor:
        """Return the number of stored values in each of these rows."""
        return self.crow_indices.diff().index_select(0, rows)

    def select(self, rows: Tensor, block_rows: int = COPIED_ROWS, n_entries: int | None = None) -> SparseMatrix:
        """Return the matrix of these rows.

        Parameters
        ----------
        block_rows : int
            Rows that are copied at once.
        n_entries : int or None
            Of these rows, if it is known: then all of them are copied at once, and nothing waits for a GPU.
        """
        counts = self.counts(rows)
        crow_indices = make_crow_indices(counts, self.col_indices.dtype)
        ends, block_rows = parts_of(crow_indices, block_rows, n_entries)
        n_entries = ends[-1]
        col_indices = self.col_indices.new_empty(n_entries)
        values = ones(n_entries, self.values.dtype, rows.device) if self.binary else self.values.new_empty(n_entries)
        for start, (a, b) in zip(range(0, len(rows), block_rows), pairwise(ends), strict=True):
            some, part = slice(start, start + block_rows), slice(a, b)
            shifts = self.crow_indices.index_select(0, rows[some]) - crow_indices[:-1][some]
            shifts = torch.repeat_interleave(shifts, counts[some], output_size=b - a)
            entries = shifts.add_(torch.arange(part.start, part.stop, dtype=shifts.dtype, device=shifts.device))
            torch.index_select(self.col_indices, 0, entries, out=col_indices[part])
            if not self.binary:
                torch.index_select(self.values, 0, entries, out=values[part])
        return self.with_entries(crow_indices, col_indices, values, self.shape[1])

    def row_blocks(self, n_rows: int) -> list[SparseMatrix]:
        """Return parts of n_rows consecutive rows; they share this matrix's memory."""
        if 0 < self.shape[0] <= n_rows:
            return [self]
        starts = range(0, self.shape[0], n_rows)
        crow_indices = [self.crow_indices[start : start + n_rows + 1] for start in starts]
        return [
            self.with_entries(p - a, self.col_indices[a:b], self.values[a:b], self.shape[1])
            for p, (a, b) in zip(crow_indices, pairwise(ends_of_parts(self.crow_indices, n_rows)), strict=True)
        ]

    def merge_columns(self, column: Tensor, n_columns: int) -> SparseMatrix:
        """Move column j to column[j]; values that meet in an entry are stored side by side, not added."""
        col_indices = column.to(self.col_indices.dtype).index_select(0, self.col_indices)
        return self.with_entries(self.crow_indices, col_indices, self.values, n_columns)

    def row_kronecker(
        self, other: SparseMatrix, block_rows: int = COPIED_ROWS, n_entries: int | None = None
    ) -> SparseMatrix:  # fmt: skip
        """Return the Kronecker product row by row, shape (n, S * S'); the other's columns run fastest.

        Parameters
        ----------
        block_rows : int
            Rows that are multiplied at once.
        n_entries : int or None
            Of the product; see `select`.
        """
        counts = self.crow_indices.diff() * other.crow_indices.diff()
        ends, block_rows = parts_of(make_crow_indices(counts), block_rows, n_entries)
        n_entries, n_columns = ends[-1], self.shape[1] * other.shape[1]
        dtype = torch.int32 if max(n_columns, n_entries) <= torch.iinfo(torch.int32).max else torch.int64
        binary = self.binary and other.binary
        col_indices = torch.empty(n_entries, dtype=dtype, device=self.col_indices.device)
        values = ones(n_entries, self.values.dtype, col_indices.device) if binary else self.values.new_empty(n_entries)
        blocks = zip(self.row_blocks(block_rows), other.row_blocks(block_rows), pairwise(ends), strict=True)
        for mine, theirs, (a, b) in blocks:
            part = slice(a, b)
            first, second = mine._pairs(theirs, b - a)
            columns = mine.col_indices[first].to(dtype).mul_(other.shape[1])
            torch.add(columns, theirs.col_indices[second], out=col_indices[part])
            if not binary:
                torch.mul(mine.values[first], theirs.values[second], out=values[part])
        crow_indices = make_crow_indices(counts, dtype)
        return SparseMatrix(crow_indices, col_indices, values, (self.shape[0], n_columns), binary=binary)

    def _pairs(self, other: SparseMatrix, n_pairs: int) -> tuple[Tensor, Tensor]:
        """Return all pairs of an entry of this matrix and one of the other in the same row, as two lists of entries."""
        rows = self.rows()
        repeats = other.crow_indices.diff()[rows]
        entries = torch.arange(len(repeats), device=repeats.device)
        mine = torch.repeat_interleave(entries, repeats, output_size=n_pairs)
        starts = make_crow_indices(repeats)[:-1]
        return mine, torch.arange(len(mine), device=repeats.device) - starts[mine] + other.crow_indices[rows[mine]]

    def row_hashes(self, block_rows: int = HASHED_ROWS) -> Tensor:
        """Return a 64-bit hash of each row, shape (n,), equal for rows of the same entries in any order.

        Among N different rows two agree with probability N^2 / 2^65: one in a million for six million rows.

        Parameters
        ----------
        block_rows : int
            Rows that are hashed at once.
        """
        generator = torch.Generator().manual_seed(0)
        randoms = torch.randint(-(2**63), 2**63 - 1, (self.shape[1],), generator=generator).to(self.col_indices.device)
        return torch.cat([block._hashes(randoms) for block in self.row_blocks(block_rows)])

    def _hashes(self, randoms: Tensor) -> Tensor:
        bits = self.values.double().view(torch.int64)
        mixed = (randoms[self.col_indices] ^ (bits * -7046029254386353131)) * -4417276706812531889
        mixed ^= mixed >> 29
        mixed += mixed * randoms[self.col_indices]
        return randoms.new_zeros(self.shape[0]).index_add_(0, self.rows(), mixed)


def sorted_by(index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the order of entries by their index, and where each index begins in that order, shape (size + 1,)."""
    # Not by torch.bincount, which asks for its result's size: the program would wait for a GPU.
    counts = index.new_zeros(size).index_add_(0, index, torch.ones_like(index))
    order = torch.arange(len(index)) if is_sorted(index) else torch.argsort(index, stable=True)
    return order, make_crow_indices(counts, index.dtype)


def is_sorted(index: Tensor) -> bool:
    """Return whether entries ascend, as the first mode's do where equal samples were merged.

    False on a GPU, for whose answer a program would wait.
    """
    return index.device.type == "cpu" and bool((index[1:] >= index[:-1]).all())


def csr(crow_indices: Tensor, col_indices: Tensor, values: Tensor, shape: tuple[int, int]) -> Tensor:
    """Make a CSR tensor of torch without its checks."""
    return torch.sparse_csr_tensor(
        crow_indices, col_indices, values, shape, device=values.device, check_invariants=False
    )


with warnings.catch_warnings():  # torch warns once in a process that these are in beta
    warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
    csr(torch.zeros(1, dtype=torch.int32), torch.zeros(0, dtype=torch.int32), torch.zeros(0), (0, 0))


def ones(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return n ones that are one number in memory."""
    return torch.ones((), dtype=dtype, device=device).expand(n)


def shared_ones(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return n ones, one after the other in memory; up to SHARED_ONES of them share the memory of all such calls."""
    if n > SHARED_ONES:
        return torch.ones(n, dtype=dtype, device=device)
    return _stored_ones(dtype, device)[:n]


@lru_cache(maxsize=4)
def _stored_ones(dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.ones(SHARED_ONES, dtype=dtype, device=device)


def ends_of_parts(crow_indices: Tensor, n_rows: int) -> list[int]:
    """Return where parts of n_rows consecutive rows begin among the stored values, and where the last one ends."""
    return torch.cat([crow_indices[:-1:n_rows], crow_indices[-1:]]).tolist()


def parts_of(crow_indices: Tensor, n_rows: int, n_entries: int | None) -> tuple[list[int], int]:
    """Return where parts of rows begin and the last one ends, and their rows: all of them if n_entries is known."""
    if n_entries is None:
        return ends_of_parts(crow_indices, n_rows), n_rows
    return [0, n_entries], max(1, len(crow_indices) - 1)


def make_crow_indices(counts: Tensor, dtype: torch.dtype = torch.int64) -> Tensor:
    """Return the crow_indices (n + 1,) of rows that hold `counts` values."""
    crow_indices = torch.zeros(len(counts) + 1, dtype=dtype, device=counts.device)
    torch.cumsum(counts, 0, dtype=dtype, out=crow_indices[1:])
    return crow_indices
