from dataclasses import replace

import pytest
import torch
from helpers import assert_same, encodings, formed, generator, inputs_of, normal

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.mode_encodings import OneHot


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


def test_coarse_one_hot_rows_merge():
    modes, draw = (Feature("player", 3), Grid("court", (4, 4))), generator()
    player, cell = torch.randint(3, (200,), generator=draw), torch.randint(16, (200,), generator=draw)
    inputs = EncodedInputs((OneHot(player, 3, torch.float64), OneHot(cell, 16, torch.float64)), modes, ((3,), (4, 4)))
    coarse = inputs.coarsen(((3,), (2, 2)))
    merged, row = inputs.merge(coarse.shapes)
    quarter = cell // 8 * 2 + cell % 4 // 2
    assert merged.n_rows == len(set(zip(player.tolist(), quarter.tolist(), strict=True)))
    assert_same(formed(merged)[row], formed(coarse))


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


@pytest.mark.parametrize("n", [10, 500])
def test_scores_from_a_table_are_those_of_factors(n):
    """Of several points in each sample: few samples, and so many that a table of all entries takes less time."""
    inputs = encodings((Feature("player", 5), Feature("lag", 4), Grid("court", (2, 3), quantity="mean")), n=n)
    leaves = [normal(size, 3, seed=m).requires_grad_() for m, size in enumerate(inputs.sizes)]
    expected = torch.einsum("nabc,ak,bk,ck->n", formed(inputs), *leaves)[:, None]
    actual = inputs.cp_scores(leaves, None)
    assert inputs.suits_table == (n == 500)
    assert_same(actual.detach(), expected.detach())
    gradients = (torch.autograd.grad(z.square().sum(), leaves) for z in (actual, expected))
    for ours, theirs in zip(*gradients, strict=True):
        assert_same(ours, theirs)


def test_chunks_of_more_samples_keep_no_outer_products():
    inputs = encodings((Feature("player", 5), Feature("lag", 4), Grid("court", (2, 3))), n=500)
    parts = [part for _, part in replace(inputs, chunk_rows=200).chunks]
    assert inputs.suits_table and [part.suits_table for part in parts] == [False, False, True]


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


@pytest.mark.parametrize("n", [7, 200])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_scores_of_three_one_hot_modes(n, n_outputs):
    """Of fewer samples than the tensor has entries, and of more, when all entries are computed first."""
    modes = Feature("player", 3), Feature("lag", 2), Grid("court", (2, 3))
    index = [torch.randint(mode.size, (n,), generator=generator(mode.size)) for mode in modes]
    encodings = tuple(OneHot(i, mode.size, torch.float64) for i, mode in zip(index, modes, strict=True))
    inputs = EncodedInputs(encodings, modes, ((3,), (2,), (2, 3)))
    factors = [normal(mode.size, 4, seed=mode.size).requires_grad_() for mode in modes]
    outputs = None if n_outputs is None else normal(n_outputs, 4).requires_grad_()
    leaves = factors if outputs is None else [*factors, outputs]
    components = factors[0][index[0]] * factors[1][index[1]] * factors[2][index[2]]
    expected = components.sum(1, keepdim=True) if outputs is None else components @ outputs.T
    actual = inputs.cp_scores(factors, outputs)
    assert_same(actual.detach(), expected.detach())
    gradients = (torch.autograd.grad(z.square().sum(), leaves) for z in (actual, expected))
    for ours, theirs in zip(*gradients, strict=True):
        assert_same(ours, theirs)


def test_mean_squares_are_those_of_the_weights_that_are_given():
    inputs, weights = encodings(n=20), [normal(20).abs() for _ in range(2)]
    squares = [encoding.matrix.to_dense().square() for encoding in inputs.encodings]
    for weight in (weights[0], weights[1], weights[0]):
        found = inputs.mean_squares(weight)
        found[0] = found[0] / inputs.cell_area**2
        for values, own in zip(found, squares, strict=True):
            assert_same(values, weight @ own / weight.sum())
