import pytest
import torch
from helpers import assert_product, assert_same, generator, multi_hot, normal, uniform

from sklearn_mrtl.core.data import products
from sklearn_mrtl.core.data.mode_encodings import OneHot
from sklearn_mrtl.core.data.products import BlockedProduct, product_blocks
from sklearn_mrtl.core.data.sparse import SHARED_ONES, SparseMatrix, ones


def sparse(n=9, size=7, *, density=0.4, seed=0, binary=False):
    """A sparse matrix with an empty row and an empty column, and the same dense."""
    dense = normal(n, size, seed=seed) * (uniform(n, size, seed=seed + 1) < density)
    dense = dense.abs().sign() if binary else dense
    dense[2], dense[:, 3] = 0, 0
    matrix = multi_hot(dense).matrix
    if binary:
        values = ones(len(matrix.col_indices), torch.float64, matrix.col_indices.device)
        matrix = SparseMatrix(matrix.crow_indices.int(), matrix.col_indices.int(), values, matrix.shape, binary=True)
    return matrix, dense


by_kind = pytest.mark.parametrize("binary", [False, True])


def product_of(matrix, n_rows=4):
    """Products with a matrix, block after block."""
    blocks = product_blocks(matrix, n_rows)
    return lambda c: BlockedProduct.apply(c, blocks)


@by_kind
@pytest.mark.parametrize("n_rows", [1, 4, 9, 100])
def test_sparse_product_and_adjoint(binary, n_rows):
    matrix, dense = sparse(binary=binary)
    assert_product(product_of(matrix, n_rows), dense)
    assert_same(matrix.compressed().to_dense(), dense)
    assert_same(matrix.compressed_adjoint(torch.empty_like(matrix.col_indices)).to_dense(), dense.T)
    assert_same(matrix.to_dense(), dense)


@by_kind
@pytest.mark.parametrize("stored_rows", [0, 2**20])
def test_product_with_a_single_column(binary, stored_rows, monkeypatch):
    """By entries, or by a CSR matrix where there are too many of them."""
    monkeypatch.setattr(products, "STORED_ROWS", stored_rows)
    matrix, dense = sparse(binary=binary)
    (block,) = product_blocks(matrix, 9)
    column, values, into = normal(7, 1), normal(9, 1), normal(7, 1, seed=1)
    assert_same(block.gather(column), dense @ column)
    expected = into + dense.T @ values
    block.scatter(values, into)
    assert_same(into, expected)


@by_kind
def test_column_squares_are_weighted(binary):
    matrix, dense = sparse(binary=binary)
    weight = uniform(9)
    assert_same(matrix.column_squares(weight), weight @ dense**2)


def test_column_squares_of_one_hot_rows():
    index, weight = torch.tensor([2, 0, 2, 1]), uniform(4)
    encoding = OneHot(index, 4, torch.float64)
    assert_same(encoding.column_squares(weight), weight @ torch.nn.functional.one_hot(index, 4).double())


@by_kind
@pytest.mark.parametrize("rows", [[0, 1, 8], [8, 2, 2, 0], [2], []])
@pytest.mark.parametrize("block_rows", [1, 3, 100])
def test_select(rows, block_rows, binary):
    matrix, dense = sparse(binary=binary)
    chosen = matrix.select(torch.tensor(rows, dtype=torch.long), block_rows)
    assert_same(chosen.to_dense(), dense[rows])
    if rows:
        assert_product(product_of(chosen), dense[rows])


@by_kind
def test_merged_columns_are_added(binary):
    matrix, dense = sparse(binary=binary)
    column = torch.tensor([0, 0, 1, 1, 3, 3, 0])
    expected = torch.zeros(9, 4, dtype=torch.float64).index_add_(1, column, dense)
    merged = matrix.merge_columns(column, 4)
    assert_same(merged.to_dense(), expected)
    assert_product(product_of(merged), expected)


@by_kind
@pytest.mark.parametrize("block_rows", [1, 4, 100])
def test_row_kronecker(binary, block_rows):
    a, dense_a = sparse()
    b, dense_b = sparse(size=5, seed=7, binary=binary)
    expected = (dense_a[:, :, None] * dense_b[:, None, :]).reshape(9, -1)
    product = a.row_kronecker(b, block_rows)
    assert_same(product.to_dense(), expected)
    assert_product(product_of(product), expected)


def test_hashes_know_no_order():
    pointers, columns = torch.tensor([0, 3, 6, 8]), torch.tensor([1, 4, 1, 4, 1, 1, 1, 4])
    matrix = SparseMatrix(pointers, columns, ones(8, torch.float64, columns.device), (3, 5), binary=True)
    first, second, third = matrix.row_hashes().tolist()
    assert first == second != third


def test_hashes_agree_where_rows_agree_and_nowhere_else():
    _, dense = sparse(40, 6, density=0.5)
    dense = dense.sign()[torch.randint(40, (200,), generator=generator())]
    hashes = multi_hot(dense).matrix.row_hashes(block_rows=30)
    equal = (dense[:, None] == dense).all(-1)
    assert torch.equal(hashes[:, None] == hashes, equal)
    assert equal.sum() > 200


def test_row_kronecker_of_more_columns_than_int32_counts():
    n = 70_000  # n * n > 2^31
    last = SparseMatrix.from_index(torch.tensor([n - 1, 0], dtype=torch.int32), n, torch.float64)
    product = last.row_kronecker(last)
    assert product.shape == (2, n * n)
    assert product.col_indices.tolist() == [n * n - 1, 0]


def test_many_ones_are_ones():
    n = SHARED_ONES + 3
    matrix = SparseMatrix.from_index(torch.arange(n, dtype=torch.int32) % 2, 2, torch.float32)
    assert_same(matrix.compressed() @ torch.tensor([[2.0], [3.0]]), 2.0 + (torch.arange(n)[:, None] % 2))
