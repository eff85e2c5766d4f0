from dataclasses import replace

import pytest
import torch
from helpers import LAYOUTS, assert_same, encodings, fields, formed, generator, inputs_of, normal, uniform

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION, combine_keys, fraction_of_distinct, unique_rows
from sklearn_mrtl.core.data.mode_encodings import OneHot

COARSER = {
    "fields": [((2,), (2,), (3, 5)), ((2,), (3,), (2, 4)), ((2,), (4,), (1, 1))],
    "encodings": [((3,), (2, 3), (6,)), ((3,), (4, 2), (4,)), ((3,), (1, 1), (3,))],
}
by_layout = pytest.mark.parametrize("layout", LAYOUTS)


@by_layout
def test_design_is_the_formed_tensor(layout):
    inputs = inputs_of(layout)
    assert_same(inputs.design(), formed(inputs).reshape(inputs.n_rows, -1))


@by_layout
def test_linear_scores_are_sums_over_all_entries(layout):
    inputs = inputs_of(layout)
    weights = normal(*inputs.sizes, 2)
    expected = formed(inputs).reshape(inputs.n_rows, -1) @ weights.reshape(-1, 2)
    assert_same(inputs.linear_scores(weights), expected)


@by_layout
def test_multilinear_products(layout):
    inputs = inputs_of(layout)
    factors = [normal(size, m + 1, seed=m) for m, size in enumerate(inputs.sizes)]
    expected = torch.einsum("nabc,ai,bj,ck->nijk", formed(inputs), *factors)
    assert_same(inputs.multilinear(factors), expected)


@pytest.mark.parametrize("layout, shapes", [(layout, shapes) for layout in LAYOUTS for shapes in COARSER[layout]])
def test_coarse_samples_are_what_the_cells_of_the_formed_tensor_add_up_to(layout, shapes):
    inputs = inputs_of(layout)
    expected = formed(inputs)
    for dim, (mode, fine, coarse) in enumerate(zip(inputs.modes, inputs.shapes, shapes, strict=True), start=1):
        if fine != coarse:
            by_area = layout == "fields" and mode.quantity == "mean"
            expected = torch.tensordot(expected, fractions(fine, coarse, by_area), ([dim], [1])).movedim(-1, dim)
    assert_same(formed(inputs.coarsen(shapes)), expected)
    assert inputs.coarsen(shapes).shapes == shapes


def fractions(fine, coarse, by_area: bool):
    """Fraction of each fine cell inside each coarse one, or 1 if its centre is, shape (coarse cells, fine cells)."""
    product = torch.ones(1, 1, dtype=torch.float64)
    for n_fine, n_coarse in zip(fine, coarse, strict=True):
        axis = torch.zeros(n_coarse, n_fine, dtype=torch.float64)
        for i in range(n_coarse):
            for j in range(n_fine):
                overlap = min((i + 1) / n_coarse, (j + 1) / n_fine) - max(i / n_coarse, j / n_fine)
                axis[i, j] = max(0.0, overlap) * n_fine if by_area else int((j + 0.5) * n_coarse / n_fine) == i
        product = torch.kron(product, axis)
    return product


def test_coarse_land_is_where_no_cell_holds_data():
    modes = (Feature("lag", 2), Grid("sea", (4, 6), quantity="mean"))
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[:2, :2], mask[3, 5] = False, False
    inputs = fields(modes, masks={"sea": mask.reshape(-1)})
    coarse = inputs.coarsen(((2,), (2, 3)))
    assert torch.equal(coarse.masks[1].reshape(2, 3), torch.tensor([[False, True, True], [True, True, True]]))
    assert bool((formed(coarse)[:, :, 0] == 0).all()) and coarse.masks[0] is None
    assert inputs.x.shape[-1] == 19 and coarse.x.shape[-1] == 5  # land takes no memory


@by_layout
def test_mean_squares_multiply_to_the_mean_square_of_what_each_weight_multiplies(layout):
    """For fields a single number stands for all cells; for one-hot encodings of independent modes they are exact."""
    if layout == "fields":
        inputs = fields(n=30)
        expected = formed(inputs).square().mean()
        actual = torch.stack(
            [values.mean() for values in inputs.mean_squares(torch.ones(30, dtype=torch.float64))]
        ).prod()
        assert_same(actual, expected)
    else:
        inputs = encodings()
        weight = uniform(12)
        for values, encoding, mode in zip(inputs.mean_squares(weight), inputs.encodings, inputs.modes, strict=True):
            expected = (weight @ encoding.matrix.to_dense() ** 2) / weight.sum()
            assert_same(values, expected / 36 if mode.name == "player" else expected)  # the area of "hour" goes there


@by_layout
def test_chunks_are_all_samples_in_order(layout):
    inputs = inputs_of(layout)
    if layout == "encodings":
        inputs = replace(inputs, chunk_rows=5)
        assert len(inputs.chunks) == 3
    assert_same(torch.cat([formed(chunk) for _, chunk in inputs.chunks]), formed(inputs))
    for rows, chunk in inputs.chunks:
        assert_same(formed(chunk), formed(inputs)[rows])


@by_layout
@pytest.mark.parametrize("m", [0, 1])
def test_the_encoding_of_a_single_mode(layout, m):
    inputs, weight = inputs_of(layout), uniform(12)
    factor = normal(inputs.sizes[m], 2)
    if layout == "fields":
        for call in (lambda: inputs.product(m, factor), lambda: inputs.mode_design(m),
                     lambda: inputs.column_mean_squares(m, weight)):  # fmt: skip
            with pytest.raises(TypeError, match="FieldInputs have no encoding of a single mode"):
                call()
    else:
        dense = inputs.encodings[m].matrix.to_dense()
        assert_same(inputs.mode_design(m), dense)
        assert_same(inputs.product(m, factor), dense @ factor)
        for chunk_rows in (5, 100):
            parts = replace(inputs, chunk_rows=chunk_rows)
            assert_same(parts.column_mean_squares(m, weight), (weight @ dense**2) / weight.sum())


@pytest.mark.parametrize("block_entries", [1, 200, 10**6])
def test_fields_are_coarsened_in_blocks(block_entries):
    inputs = replace(inputs_of("fields"), block_entries=block_entries)
    coarse = inputs_of("fields").coarsen(COARSER["fields"][1])
    assert_same(formed(inputs.coarsen(COARSER["fields"][1])), formed(coarse), rtol=0, atol=1e-15)


@by_layout
def test_select(layout):
    inputs, rows = inputs_of(layout), torch.tensor([5, 0, 5])
    assert_same(formed(inputs.select(rows)), formed(inputs)[rows])


def test_merged_rows_are_distinct_and_stand_for_all():
    inputs = encodings(n=8).select(torch.tensor([3, 1, 3, 0, 1, 1, 7]))
    merged, row = inputs.merge(inputs.shapes)
    assert merged.n_rows == 4
    assert_same(formed(merged)[row], formed(inputs))


@pytest.mark.parametrize("n_columns", [1, 2])
def test_no_samples_have_no_scores(n_columns):
    inputs = encodings(n=8).select(torch.arange(0))
    factors = [normal(size, 2).requires_grad_() for size in inputs.sizes]
    scores = inputs.cp_scores(factors, None if n_columns == 1 else normal(n_columns, 2))
    assert scores.shape == (0, n_columns)
    for gradient, factor in zip(torch.autograd.grad(scores.sum(), factors), factors, strict=True):
        assert_same(gradient, torch.zeros_like(factor))


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


def test_nothing_to_merge():
    inputs = encodings(n=8).select(torch.arange(4))
    assert inputs.merge(inputs.shapes) == (inputs, None)
    assert fields().merge(fields().shapes)[1] is None


def test_coarse_one_hot_rows_merge():
    modes, draw = (Feature("player", 3), Grid("court", (4, 4))), generator()
    player, cell = torch.randint(3, (200,), generator=draw), torch.randint(16, (200,), generator=draw)
    inputs = EncodedInputs((OneHot(player, 3, torch.float64), OneHot(cell, 16, torch.float64)), modes, ((3,), (4, 4)))
    coarse = inputs.coarsen(((3,), (2, 2)))
    merged, row = inputs.merge(coarse.shapes)
    quarter = cell // 8 * 2 + cell % 4 // 2
    assert merged.n_rows == len(set(zip(player.tolist(), quarter.tolist(), strict=True)))
    assert_same(formed(merged)[row], formed(coarse))


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


@pytest.mark.parametrize("outputs", [None, (2, 4)])
def test_blocks_of_samples_change_nothing(outputs):
    inputs = inputs_of("encodings")
    factors = [normal(size, 4, seed=m) for m, size in enumerate(inputs.sizes)]
    outputs = outputs if outputs is None else normal(*outputs)
    results = []
    for n_rows in (1, 5, 10**6):
        leaves = [factor.clone().requires_grad_() for factor in factors]
        scores = replace(inputs, block_rows=n_rows).cp_scores(leaves, outputs)
        results.append([scores, *torch.autograd.grad(scores.square().sum(), leaves)])
    for result in results[:-1]:
        for value, whole in zip(result, results[-1], strict=True):
            assert_same(value.detach(), whole.detach())


@pytest.mark.parametrize("n", [1, 24, 25, 100])
def test_scores_of_two_one_hot_modes(n):
    """However many samples to a matrix of 4 x 6 entries, those that stand twice included."""
    modes = Feature("player", 4), Grid("court", (2, 3))
    index = [torch.randint(mode.size, (n,), generator=generator(mode.size)) for mode in modes]
    encodings = tuple(OneHot(i, mode.size, torch.float64) for i, mode in zip(index, modes, strict=True))
    inputs = EncodedInputs(encodings, modes, ((4,), (2, 3)))
    factors = [normal(mode.size, 3, seed=mode.size).requires_grad_() for mode in modes]
    actual = inputs.cp_scores(factors, None)
    expected = (factors[0][index[0]] * factors[1][index[1]]).sum(1, keepdim=True)
    assert_same(actual.detach(), expected.detach())
    gradients = (torch.autograd.grad(z.square().sum(), factors) for z in (actual, expected))
    for ours, theirs in zip(*gradients, strict=True):
        assert_same(ours, theirs)
