"""Sparse counts of what stands in each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from scipy.sparse import csr_array


def count_entries(index: np.ndarray, present: np.ndarray, size: int, dtype, what: str) -> csr_array:
    """Return how often each row has each index, as CSR with sorted indices.

    Parameters
    ----------
    index, present : ndarray of shape (n_samples, n_entries)
        Indices, and which of them count.
    size : int
        Number of columns of the result.
    dtype : dtype
    what : str
        What is counted, for the error message.

    Raises
    ------
    ValueError
        If the dtype cannot hold a count.
    """
    indptr = np.concatenate(([0], np.cumsum(present.sum(axis=1))))
    indices = index[present]
    fits = _largest_count(dtype) >= index.shape[1]
    counts = csr_array((np.ones(len(indices), dtype if fits else np.int64), indices, indptr), shape=(len(index), size))
    counts.sum_duplicates()
    if fits:
        return counts
    largest = counts.data.max(initial=0)
    if largest > _largest_count(dtype):
        raise ValueError(f"dtype must hold counts of up to {largest} {what}, got {np.dtype(dtype)}.")
    return counts.astype(dtype)


def side_by_side(blocks: Sequence[csr_array], dtype) -> csr_array:
    """Return CSR blocks side by side; quicker than scipy where each row has one entry in each of them."""
    n = blocks[0].shape[0]
    if any(block.nnz != n or (np.diff(block.indptr) != 1).any() for block in blocks):
        joined = sparse.hstack(blocks, format="csr", dtype=dtype)
        if max(joined.nnz, joined.shape[1]) < 2**31:  # scipy can give indices of 64 bits, which need twice the memory
            joined.indices, joined.indptr = joined.indices.astype(np.int32), joined.indptr.astype(np.int32)
        return joined
    widths = [block.shape[1] for block in blocks]
    largest = max(sum(widths), n * len(blocks))
    indices = np.empty((n, len(blocks)), dtype=np.int32 if largest < 2**31 else np.int64)
    data = np.empty((n, len(blocks)), dtype=dtype)
    for j, block in enumerate(blocks):
        indices[:, j], data[:, j] = block.indices, block.data
        indices[:, j] += sum(widths[:j])
    indptr = np.arange(n + 1, dtype=indices.dtype) * len(blocks)
    return csr_array((data.ravel(), indices.ravel(), indptr), shape=(n, sum(widths)))


def _largest_count(dtype) -> float:
    """Largest number up to which a type holds every count exactly; infinite for bool, which tells presence only."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        return np.iinfo(dtype).max
    return 2 ** (np.finfo(dtype).nmant + 1) if dtype.kind in "fc" else np.inf
