"""Encodings as sparse matrices of the core, against scipy."""

import numpy as np
import pytest
import torch
from scipy import sparse

from sklearn_mrtl._estimators.device_array import DeviceArray
from sklearn_mrtl._estimators.device_csr import DeviceCSR, canonical_csr, is_sparse, matrix_of

N, WIDTH = 30, 11


@pytest.fixture(name="X")
def counts():
    """Counts, among them a row without any."""
    values = np.random.default_rng(0).poisson(0.4, size=(N, WIDTH)).astype(np.float32)
    values[7] = 0
    return sparse.csr_array(values)


def on_device(X):
    """The same, as it is on a GPU."""
    parts = (torch.from_numpy(part) for part in (X.indptr, X.indices, X.data))
    return DeviceCSR.of(torch.sparse_csr_tensor(*parts, X.shape, check_invariants=False))


def assert_equal(found, expected):
    assert found.shape == expected.shape and found.dtype == expected.dtype and found.nnz == expected.nnz
    for mine, theirs in zip(*((matrix_of(one).crow_indices, matrix_of(one).col_indices, matrix_of(one).values)
                              for one in (found, expected)), strict=True):  # fmt: skip
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "dense"])
def test_every_layout(layout, X):
    tensor = torch.from_numpy(X.toarray())
    tensor = DeviceArray(tensor) if layout == "dense" else getattr(tensor, f"to_sparse_{layout}")()
    found = canonical_csr(tensor) if layout == "dense" else DeviceCSR.of(tensor)
    assert is_sparse(found)
    assert_equal(found, X)
    np.testing.assert_array_equal(found.toarray(), X.toarray())
    np.testing.assert_array_equal(found.tensor.to_dense(), X.toarray())


@pytest.mark.parametrize("rows", [slice(3, 12), slice(0, 0), slice(None, None, 4), np.array([2, 7, 8, 20])], ids=str)
def test_rows(rows, X):
    assert_equal(on_device(X)[rows], X[rows])


@pytest.mark.parametrize("columns", [slice(0, 4), slice(4, WIDTH), slice(0, WIDTH)], ids=str)
def test_columns(columns, X):
    assert_equal(on_device(X)[:, columns], X[:, columns])


@pytest.mark.parametrize("kind", ["as it is", "unsorted", "duplicates", "zeros", "cancelling"])
def test_entries_in_any_order_several_times_or_zero(kind, X):
    rows, columns = X.nonzero()
    values = X.data.copy()
    if kind == "zeros":
        values[::3] = 0
    if kind in ("duplicates", "cancelling"):
        rows, columns = np.tile(rows, 2), np.tile(columns, 2)
        values = np.concatenate([values, -values if kind == "cancelling" else values])
    order = np.lexsort((-columns, rows)) if kind == "unsorted" else np.argsort(rows, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=N))])
    given = sparse.csr_array((values[order], columns[order].astype(np.int64), ends), shape=X.shape)
    found = canonical_csr(on_device(given))
    assert_equal(found, canonical_csr(given))
    assert canonical_csr(found) is found
