from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import LAYOUTS, assert_same, axes_for, encodings, fields, formed, inputs_of, normal, uniform

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.penalties.folds import ExactErrors, Folds, largest_eigenvalue, make_blocks
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.strengths import Search, select_alphas
from sklearn_mrtl.core.solvers.ridge import RidgeDesign

OPTIONS = ChoiceOptions()
MODES = (Feature("lag", 2), Grid("sea", (3, 4), quantity="mean"))


def blocks_of(inputs, scores, noise, loss=SquaredLoss):
    """Samples in blocks whose target is a score plus noise, or a class drawn from it."""
    y = scores / scores.std() + noise * normal(len(scores), seed=8)
    y = y if loss is SquaredLoss else (y > 0).double()
    samples = Samples.from_rows(inputs, y[:, None], torch.ones(len(y), dtype=torch.float64))
    return samples.in_blocks(inputs.shapes, OPTIONS.n_blocks)


def simulated(n=240, noise=0.3, loss=SquaredLoss):
    inputs = fields(MODES, n=n)
    x = formed(inputs).reshape(n, -1)
    return FullRank(axes_for(inputs)), blocks_of(inputs, x @ normal(x.shape[1], seed=9), noise, loss)


@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_the_chosen_pair_has_the_least_error_where_ties_do_not_count(loss):
    model, blocks = simulated(loss=loss)
    choice = select_alphas(model, blocks, loss, None, None, ChoiceOptions(proportion_tie=0.0))
    best = min(choice.path, key=lambda record: record["error"])
    assert (choice.alphas.spatial, choice.alphas.l2) == (best["alpha_spatial"], best["alpha_l2"])
    assert len({(record["alpha_spatial"], record["alpha_l2"]) for record in choice.path}) == len(choice.path) > 5


@pytest.mark.parametrize("enough, n_distinct, part", [(10**6, 10**6, 1.0), (60, 10**6, 1 / 4), (60, 5, 1.0)])
def test_the_choice_rests_on_a_part_of_very_many_samples_that_differ(enough, n_distinct, part):
    options = ChoiceOptions(max_distinct=enough)
    inputs = encodings(n=240).select(torch.arange(240) % n_distinct)
    samples = Samples.from_rows(inputs, uniform(240, 1).round(), torch.ones(240, dtype=torch.float64))
    blocks, actual = make_blocks(samples, inputs.shapes, options)
    kept = float(blocks.weight.sum()) / 240
    assert actual == kept and 1 - OPTIONS.gap < kept / part <= 1 and blocks.weight.shape[1] == OPTIONS.n_blocks


@pytest.mark.parametrize("enough_rows, n_folds", [(20, 1), (60, 1), (61, 2), (120, 2), (121, 3), (180, 3), (10**6, 4)])
def test_no_more_folds_than_leave_out_enough_rows(enough_rows, n_folds):
    _, blocks = simulated(n=240)  # 60 rows in each quarter of the blocks, but for gaps
    folds = Folds(blocks, SquaredLoss, replace(OPTIONS, enough_rows=enough_rows))
    assert len(folds) == len(folds.left_out) == n_folds


def test_errors_in_the_path_are_of_really_leaving_blocks_out():
    model, blocks = simulated(n=120)
    y, inputs = blocks.totals()[0], blocks.inputs
    expected = 0.0
    for b in range(OPTIONS.n_blocks):
        held = torch.nonzero(blocks.weight[:, b])[:, 0]
        kept = torch.nonzero(blocks.weight[:, b] == 0)[:, 0]
        rest = Samples.from_rows(inputs.select(kept), y[kept], torch.ones(len(kept), dtype=torch.float64))
        fit = RidgeDesign(model, rest).solve(Alphas(0.02, 0.3), rest.weight)
        expected += float((model.scores(fit, inputs.select(held)) - y[held]).square().sum()) / 120
    errors, _ = ExactErrors(model, blocks)(Alphas(0.02, 0.3))
    assert_same(errors.mean(), expected, rtol=1e-6)


def test_proportions_beside_the_first_have_the_errors_that_they_have_as_the_first():
    model, blocks = simulated(n=24)  # no more rows than columns: the dual system
    errors = ExactErrors(model, blocks)
    errors(Alphas(0.02, 0.3))
    assert errors.design.is_dual
    for alphas in (Alphas(0.0, 0.3), Alphas(0.4, 0.1)):
        assert_same(errors(alphas)[0], ExactErrors(model, blocks)(alphas)[0], rtol=1e-8)


def test_fits_of_a_fold_are_the_same_with_coarse_fields_of_earlier_ones():
    model, blocks = simulated()
    folds, low_rank = Folds(blocks, SquaredLoss, OPTIONS), CP(model.axes)
    starts = [low_rank.random(2, blocks.weight, 1.0, seed=0)] * len(folds)
    for alphas in (Alphas(0.01, 0.01), Alphas(0.2, 0.1)):
        expected = Folds(blocks, SquaredLoss, OPTIONS).train(low_rank, alphas, starts)
        assert_same(folds.train(low_rank, alphas, starts)[1], expected[1])


def test_fits_without_the_left_out_blocks_come_with_the_chosen_pair():
    model, blocks = simulated(loss=LogisticLoss)
    choice = select_alphas(model, blocks, LogisticLoss, None, None, OPTIONS)
    folds = Folds(blocks, LogisticLoss, OPTIONS)
    assert choice.start is choice.of_folds[0] and len(choice.of_folds) == len(folds) == OPTIONS.n_folds
    error = float(folds.left_out_losses(model, choice.of_folds).mean())
    (chosen,) = [tried for tried in choice.path if tried["alpha_l2"] == choice.alphas.l2]
    assert error == chosen["error"]


def by_step(step, proportion):
    """Stand in for strengths, so that errors can be made for a step."""
    return Alphas(proportion, float(step))


def test_an_early_bump_of_the_errors_does_not_end_the_search():
    """The walk goes on where errors have not risen beyond chance."""
    generator = torch.Generator().manual_seed(0)
    noise = {step: 0.01 * torch.rand(12, generator=generator) for step in range(OPTIONS.weakest_step + 1)}

    def errors(alphas):
        step = round(alphas.l2)
        return 1.0 + noise[step] + 0.002 * (step < 14) - 0.5 * (step == 16), []

    search = Search(errors, by_step, whole_path=False, options=OPTIONS)
    assert search.run([OPTIONS.first_proportion]).alphas.l2 == 16


@pytest.mark.parametrize("rise, last", [(0.05, OPTIONS.weakest_step), (0.2, 6)])
def test_a_whole_path_ends_where_errors_are_hopeless(rise, last):
    tried = []

    def errors(alphas):
        tried.append(round(alphas.l2))
        return torch.full((12,), 1.0 + rise * (alphas.l2 > 4)), []

    Search(errors, by_step, whole_path=True, options=OPTIONS).run([OPTIONS.first_proportion])
    assert max(tried) == last - last % 2


def test_larger_proportions_are_not_tried_where_smaller_ones_are_better():
    tried = set()

    def errors(alphas):
        tried.add(alphas.spatial)
        return torch.full((12,), 1.0 + 0.1 * abs(alphas.l2 - 6) + 0.01 * alphas.spatial), []

    Search(errors, by_step, whole_path=True, options=OPTIONS).run(OPTIONS.proportions)
    assert tried == {p for p in OPTIONS.proportions if p <= OPTIONS.first_proportion}


def test_of_equally_good_proportions_the_first_is_taken():
    def errors(alphas):
        return torch.full((12,), 1.0 + 0.1 * abs(alphas.l2 - 6)), []

    for whole_path in (True, False):
        search = Search(errors, by_step, whole_path=whole_path, options=OPTIONS)
        assert search.run(OPTIONS.proportions).alphas == (OPTIONS.first_proportion, 6.0)


@pytest.mark.parametrize("best", OPTIONS.proportions)
def test_a_proportion_that_is_better_beyond_chance_is_taken(best):
    noise, order = 0.001 * torch.rand(12, generator=torch.Generator().manual_seed(0)), OPTIONS.proportions

    def errors(alphas):
        distance = abs(order.index(alphas.spatial) - order.index(best))
        return 1.0 + 0.1 * abs(alphas.l2 - 6) + (0.1 + noise) * distance, []

    search = Search(errors, by_step, whole_path=True, options=OPTIONS)
    assert search.run(OPTIONS.proportions).alphas == (best, 6.0)


@pytest.mark.parametrize(
    "layout, noise, expected", [("fields", 1.0, {0.0, 0.03, 1.0}), ("encodings", 3.0, {0.03, 1.0})]
)
def test_no_smoothness_at_all_is_tried_for_fields_only(layout, noise, expected):
    """Weights differ from cell to cell by chance, so that the search goes to less and less smoothness."""
    inputs = inputs_of(layout, n=2400)
    x = formed(inputs).reshape(2400, -1)
    model, blocks = FullRank(axes_for(inputs)), blocks_of(inputs, x @ normal(x.shape[1], seed=9), noise)
    path = select_alphas(model, blocks, SquaredLoss, None, None, OPTIONS).path
    tried = {round(record["alpha_spatial"] * OPTIONS.smoothest_gradient / record["alpha_l2"], 6) for record in path}
    assert tried == expected


def test_models_are_fitted_for_the_choice_as_long_as_they_are_trained():
    assert OPTIONS.coarse_solver.max_epochs == MRTLRegressor().max_epochs


def test_null_losses_are_those_of_the_training_mean_on_each_left_out_block():
    _, blocks = simulated()
    weight, y, expected = blocks.weight.numpy(), blocks.y[..., 0].numpy(), []
    for first in range(OPTIONS.n_folds):
        kept = np.arange(12) % OPTIONS.n_folds != first
        mean = np.average(y[:, kept], weights=weight[:, kept])
        expected += [np.average((y[:, b] - mean) ** 2, weights=weight[:, b]) for b in range(first, 12, OPTIONS.n_folds)]
    assert_same(Folds(blocks, SquaredLoss, OPTIONS).null_losses(), torch.tensor(expected), rtol=1e-6)


@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_more_noise_asks_for_more_shrinkage(loss):
    chosen = []
    for noise in (0.0, 1.0, 100.0):
        model, blocks = simulated(noise=noise, loss=loss)
        choice = select_alphas(model, blocks, loss, None, None, OPTIONS)
        chosen.append(choice.alphas.l2 + 20 * choice.alphas.spatial)
    assert chosen[0] < chosen[1] < chosen[2]


def test_what_is_given_stays():
    model, blocks = simulated()
    given = select_alphas(model, blocks, SquaredLoss, 0.5, 0.25, OPTIONS)
    assert (given.alphas.spatial, given.alphas.l2, given.path, given.start) == (0.5, 0.25, [], None)
    choice = select_alphas(model, blocks, SquaredLoss, 0.5, None, OPTIONS)
    assert choice.alphas.spatial == 0.5 and {record["alpha_spatial"] for record in choice.path} == {0.5}
    assert len({record["alpha_l2"] for record in choice.path}) > 1
    choice = select_alphas(model, blocks, SquaredLoss, None, 0.25, OPTIONS)
    assert choice.alphas.l2 == 0.25 and {record["alpha_l2"] for record in choice.path} == {0.25}


@pytest.mark.parametrize("n, tries", [(99, False), (100, True)])
def test_few_rows_get_fixed_values(n, tries):
    model, blocks = simulated(n=n)
    choice = select_alphas(model, blocks, SquaredLoss, None, None, OPTIONS)
    assert bool(choice.path) == tries and choice.alphas.spatial > 0 and choice.alphas.l2 > 0


def test_rows_that_repeat_count_once():
    inputs = encodings(n=5).select(torch.arange(200) % 5)
    blocks = blocks_of(inputs, normal(200), 0.0)
    assert select_alphas(FullRank(axes_for(inputs)), blocks, SquaredLoss, None, None, OPTIONS).path == []


def test_alphas_do_not_depend_on_the_unit_of_x():
    """Penalties are of weights: x times 10 makes them 100 times stronger."""
    inputs = fields(MODES, n=240)
    scores = formed(inputs).sum((1, 2))
    tenfold = type(inputs)(inputs.x * 10, inputs.center * 10, inputs.modes, inputs.shapes, inputs.masks)
    model = FullRank(axes_for(inputs))
    choices = [
        select_alphas(model, blocks_of(x, scores, 1.0), SquaredLoss, None, None, OPTIONS) for x in (inputs, tenfold)
    ]
    chosen = [(choice.alphas.spatial, choice.alphas.l2) for choice in choices]
    assert_same(chosen[1], torch.tensor(chosen[0]) * 100, rtol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_largest_eigenvalue(layout):
    inputs = inputs_of(layout, 100)
    if layout == "encodings":
        inputs = encodings((Feature("player", 3), Grid("court", (4, 3))), n=100)
    ones = torch.ones(100, dtype=torch.float64)
    blocks = Samples.from_rows(inputs, ones[:, None], ones).in_blocks(inputs.shapes, OPTIONS.n_blocks)
    x = formed(inputs).reshape(100, -1)
    expected = torch.linalg.matrix_norm(x - x.mean(0), 2) ** 2 / 100
    actual = largest_eigenvalue(FullRank(axes_for(inputs)), blocks)
    assert 0.8 * float(expected) < actual <= float(expected) * (1 + 1e-9)


@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("heavy", [0, 75, 149])
@pytest.mark.parametrize("weight", [1e3, 1e12])
def test_one_heavy_row_leaves_no_fold_empty(loss, heavy, weight):
    inputs = fields(MODES, n=150)
    weights = torch.ones(150, dtype=torch.float64)
    weights[heavy] = weight
    samples = Samples.from_rows(inputs, uniform(150, 1).round(), weights)
    blocks, _ = make_blocks(samples, inputs.shapes, OPTIONS)
    folds = Folds(blocks, loss, OPTIONS)
    assert len(folds) >= 1
    assert all(float(samples.weight.sum()) > 0 for samples in folds.training)
    assert all(bool((samples.weight.sum(0) > 0).all()) and samples.weight.shape[1] for samples in folds.left_out)
    choice = select_alphas(FullRank(axes_for(inputs)), blocks, loss, None, None, OPTIONS)
    assert not np.isnan([record["error"] for record in choice.path]).any()
    assert np.isfinite(choice.alphas).all()


def test_rows_of_one_block_get_fixed_strengths():
    inputs = fields(MODES, n=150)
    samples = Samples.from_rows(inputs, uniform(150, 1), torch.ones(150, dtype=torch.float64)).in_blocks(
        inputs.shapes, 1
    )
    choice = select_alphas(FullRank(axes_for(inputs)), samples, SquaredLoss, None, None, OPTIONS)
    assert choice.path == [] and min(choice.alphas) > 0
