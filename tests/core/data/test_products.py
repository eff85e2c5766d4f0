import pytest
import torch
from helpers import assert_product, assert_same, generator, normal

from sklearn_mrtl.core.data.products import BlockedProduct, DenseProduct, EntryIndices, SampledProduct, gather_blocks


def test_dense_product():
    x = normal(9, 7)
    assert_product(lambda c: DenseProduct.apply(x, c), x)


@pytest.mark.parametrize("n_rows", [1, 4, 100])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_gather(n_rows, is_sorted):
    index = torch.randint(7, (9,), generator=generator())
    index = index.sort()[0] if is_sorted else index
    blocks = gather_blocks(index, 7, torch.float64, n_rows)
    assert_product(lambda c: BlockedProduct.apply(c, blocks), torch.nn.functional.one_hot(index, 7).double())


@pytest.mark.parametrize("n", [0, 1, 24])
@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_sampled_product_of_pairs_in_any_order_some_of_them_twice(n, dtype, is_sorted):
    sizes = (4, 6)
    first, second = (torch.randint(size, (n,), generator=generator(seed)) for seed, size in enumerate(sizes))
    first = first.sort()[0] if is_sorted else first
    entries = EntryIndices(first.to(dtype), second.to(dtype), sizes)
    a, c = (normal(size, 3, seed=size).requires_grad_() for size in sizes)
    actual, expected = SampledProduct.apply(a, c, entries), (a[first] * c[second]).sum(1)
    assert_same(actual.detach(), expected.detach())
    g = normal(n, seed=1)
    for got, wanted in zip(*(torch.autograd.grad(g @ z, (a, c)) for z in (actual, expected)), strict=True):
        assert_same(got, wanted)
