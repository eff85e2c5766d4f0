import pytest
import torch
from helpers import generator

from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION, combine_keys, fraction_of_distinct, unique_rows


def test_hashes_keep_their_high_bits():
    """Two hashes that differ in high bits only, beside a mode of an even size."""
    hashes, index = torch.tensor([0, 2**60]), torch.zeros(2, dtype=torch.int64)
    assert len(combine_keys([hashes, index], None).unique()) == 2


@pytest.mark.parametrize("n_of_one, n_of_each", [(0, 1), (1500, 1), (6000, 1), (8192, 1), (0, 3)])
def test_the_estimate_of_distinct_keys(n_of_one, n_of_each):
    """It says that most differ only where they do, also where very many samples have one key in common."""
    keys = torch.randint(2**62, (8192,), generator=generator())
    keys[:n_of_one] = keys[0]
    keys = keys.repeat(n_of_each)[torch.randperm(8192 * n_of_each, generator=generator(1))]
    assert (fraction_of_distinct(keys, min_sampled=100, n_spread=256) > MAX_DISTINCT_FRACTION) == (
        len(keys.unique()) > MAX_DISTINCT_FRACTION * len(keys)
    )


@pytest.mark.parametrize("sizes", [(3, 5, 7), (2**31, 2**31, 2**31)])
def test_keys_differ_where_any_index_does(sizes):
    index = [torch.randint(7, (500,), generator=generator(m)) % size for m, size in enumerate(sizes)]
    keys = combine_keys(index, sizes)
    equal = torch.stack([i[:, None] == i for i in index]).all(0)
    assert torch.equal(keys[:, None] == keys, equal)


def test_unique_rows():
    inverse, first = unique_rows(torch.tensor([7, -2, 7, 7, 0, -2]))
    assert inverse.tolist() == [2, 0, 2, 2, 1, 0] and first.tolist() == [1, 4, 0]


def test_unique_rows_of_few_keys():
    keys = torch.randint(9, (50,), generator=generator())
    inverse, first = unique_rows(keys)
    assert len(first) == len(set(keys.tolist())) and torch.equal(keys[first][inverse], keys)


@pytest.mark.parametrize("n_rows", [1, 7, 100])
def test_unique_rows_in_parts(n_rows):
    keys = torch.randint(-9, 9, (50,), generator=generator()) * 2**58
    inverse, first = unique_rows(keys, sorted_rows=n_rows)
    assert len(first) == len(set(keys.tolist())) and torch.equal(keys[first][inverse], keys)
