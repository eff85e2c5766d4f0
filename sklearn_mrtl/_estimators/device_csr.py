"""Encodings as sparse matrices of the core: on the memory of a CSR array, or on a GPU where they are."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.device_array import DeviceArray, dtype_of, torch_view
from sklearn_mrtl.core.data.sparse import SparseMatrix, make_crow_indices


class DeviceCSR:
    """Encodings on another device than the CPU, with the shape, dtype, rows and columns of a CSR array.

    Parameters
    ----------
    matrix : SparseMatrix of shape (n, columns)
    """

    ndim = 2

    def __init__(self, matrix: SparseMatrix):
        self.matrix, self.shape = matrix, matrix.shape
        self.nnz = self.size = len(matrix.col_indices)
        self.dtype = dtype_of(matrix.values)

    @classmethod
    def of(cls, X: DeviceArray | torch.Tensor) -> DeviceCSR:
        """Make encodings of a dense array, or of a sparse tensor of any layout."""
        if isinstance(X, DeviceArray):
            return cls(from_dense(X.tensor))
        X = X if X.layout == torch.sparse_csr else X.to_sparse_csr()
        return cls(SparseMatrix(X.crow_indices(), X.col_indices(), X.values(), (X.shape[0], X.shape[1])))

    def __getitem__(self, key: slice | np.ndarray | tuple[slice, slice]) -> DeviceCSR:
        matrix = self.matrix
        if isinstance(key, tuple):
            return DeviceCSR(some_columns(matrix, key[1]))
        rows = torch.arange(self.shape[0])[key] if isinstance(key, slice) else torch.from_numpy(key)
        return DeviceCSR(matrix.select(rows.to(matrix.device)))

    @property
    def tensor(self) -> torch.Tensor:
        """The encodings as a CSR tensor of torch."""
        return self.matrix.compressed()

    def toarray(self) -> DeviceArray:
        """Return a dense array on the same device."""
        return DeviceArray(self.matrix.to_dense())


Encoded: TypeAlias = Any  # a csr_array of scipy, which has no types, or a DeviceCSR


def is_sparse(X) -> bool:
    """Return whether X is a sparse array, wherever it is."""
    return isinstance(X, DeviceCSR) or sparse.issparse(X)


def matrix_of(X: Encoded) -> SparseMatrix:
    """Return encodings as a matrix of the core on the same memory, which must not be written to."""
    if isinstance(X, DeviceCSR):
        return X.matrix
    return SparseMatrix(torch_view(X.indptr), torch_view(X.indices), torch_view(X.data), X.shape)


def parts_of(X: Encoded) -> tuple[np.ndarray, ...]:
    """Return the values, columns and ends of rows of a sparse array, on the CPU."""
    matrix = matrix_of(X)
    return tuple(part.cpu().numpy() for part in (matrix.values, matrix.col_indices, matrix.crow_indices))


def canonical_csr(X) -> Encoded:
    """Return X as CSR without duplicates and stored zeros, its columns ascending; X itself where it is that."""
    if isinstance(X, DeviceArray):
        return DeviceCSR.of(X)
    if isinstance(X, DeviceCSR):
        return X if is_canonical(X.matrix) else DeviceCSR(canonical(X.matrix))
    X = sparse.csr_array(X)
    if not X.has_canonical_format or (X.data == 0).any():
        X = X.copy()
        X.sum_duplicates()
        X.eliminate_zeros()
    return X


def entry_numbers(matrix: SparseMatrix) -> torch.Tensor:
    """Return the number of each stored value among all entries of a matrix, row by row."""
    return matrix.rows().to(torch.int64).mul_(matrix.shape[1]).add_(matrix.col_indices)


def is_canonical(matrix: SparseMatrix) -> bool:
    """Return whether a matrix has neither duplicates nor stored zeros, and its columns ascend."""
    numbers = entry_numbers(matrix)
    return bool((numbers[1:] > numbers[:-1]).all() & (matrix.values != 0).all())


def canonical(matrix: SparseMatrix) -> SparseMatrix:
    """Return a matrix with its duplicates added up and without stored zeros, its columns ascending."""
    numbers, inverse = torch.unique(entry_numbers(matrix), return_inverse=True)
    values = matrix.values.new_zeros(len(numbers)).index_add_(0, inverse, matrix.values)
    kept = torch.nonzero(values)[:, 0]
    numbers, values = numbers[kept], values[kept]
    counts = torch.bincount(numbers // matrix.shape[1], minlength=matrix.shape[0])
    dtype = matrix.col_indices.dtype
    columns = (numbers % matrix.shape[1]).to(dtype)
    return SparseMatrix(make_crow_indices(counts, dtype), columns, values, matrix.shape)


def from_dense(x: torch.Tensor) -> SparseMatrix:
    """Return the entries of a dense matrix that are not 0."""
    rows, columns = torch.nonzero(x, as_tuple=True)
    crow_indices = make_crow_indices(torch.bincount(rows, minlength=len(x)))
    return SparseMatrix(crow_indices, columns, x[rows, columns], (x.shape[0], x.shape[1]))


def some_columns(matrix: SparseMatrix, columns: slice) -> SparseMatrix:
    """Return consecutive columns of a matrix."""
    start, stop, _ = columns.indices(matrix.shape[1])
    kept = torch.nonzero((matrix.col_indices >= start) & (matrix.col_indices < stop))[:, 0]
    counts = torch.bincount(matrix.rows()[kept], minlength=matrix.shape[0])
    crow_indices = make_crow_indices(counts, matrix.col_indices.dtype)
    shape = matrix.shape[0], stop - start
    return SparseMatrix(crow_indices, matrix.col_indices[kept] - start, matrix.values[kept], shape)
