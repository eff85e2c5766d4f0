import pytest
import torch
from helpers import assert_same, generator, multi_hot, normal, uniform

from sklearn_mrtl.core.products import DenseProduct


def sparse(n=9, size=7, *, density=0.4, seed=0):
    """A sparse matrix with an empty row and an empty column, and the same dense."""
    dense = normal(n, size, seed=seed) * (uniform(n, size, seed=seed + 1) < density)
    dense[2], dense[:, 3] = 0, 0
    return multi_hot(dense).matrix, dense


def assert_product(product, dense):
    """Value, and gradient against autograd through the dense matrix."""
    c = normal(dense.shape[1], 3).requires_grad_()
    g = normal(len(dense), 3, seed=1)
    actual, expected = product(c), dense @ c
    assert_same(actual.detach(), expected.detach())
    assert_same(*(torch.autograd.grad((z * g).sum(), c)[0] for z in (actual, expected)))


def test_dense_product():
    x = normal(9, 7)
    assert_product(lambda c: DenseProduct.apply(x, c), x)


def test_sparse_product_and_adjoint():
    matrix, dense = sparse()
    assert_product(matrix.product, dense)
    assert_same(matrix.adjoint_product(normal(9, 2)), dense.T @ normal(9, 2))
    assert_same(matrix.to_dense(), dense)


def test_gather():
    index = torch.randint(7, (9,), generator=generator())
    dense = torch.nn.functional.one_hot(index, 7).double()
    assert_product(multi_hot(dense).matrix.gather, dense)


def test_column_squares_are_weighted_means():
    matrix, dense = sparse()
    weight = uniform(9)
    assert_same(matrix.column_squares(weight), (weight @ dense**2) / weight.sum())


@pytest.mark.parametrize("rows", [[0, 1, 8], [8, 2, 2, 0], [2], []])
def test_select(rows):
    matrix, dense = sparse()
    chosen = matrix.select(torch.tensor(rows, dtype=torch.long))
    assert_same(chosen.to_dense(), dense[rows])
    if rows:
        assert_product(chosen.product, dense[rows])


def test_merged_columns_are_added():
    matrix, dense = sparse()
    column = torch.tensor([0, 0, 1, 1, 3, 3, 0])
    expected = torch.zeros(9, 4, dtype=torch.float64).index_add_(1, column, dense)
    merged = matrix.merge_columns(column, 4)
    assert_same(merged.to_dense(), expected)
    assert_product(merged.product, expected)


def test_row_kronecker():
    a, dense_a = sparse()
    b, dense_b = sparse(size=5, seed=7)
    expected = (dense_a[:, :, None] * dense_b[:, None, :]).reshape(9, -1)
    product = a.row_kronecker(b)
    assert_same(product.to_dense(), expected)
    assert_product(product.product, expected)


def test_hashes_agree_where_rows_agree_and_nowhere_else():
    _, dense = sparse(40, 6, density=0.5)
    dense = dense.sign()[torch.randint(40, (200,), generator=generator())]
    hashes = multi_hot(dense).matrix.row_hashes()
    equal = (dense[:, None] == dense).all(-1)
    assert torch.equal(hashes[:, None] == hashes, equal)
    assert equal.sum() > 200
