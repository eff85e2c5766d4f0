"""Samples in blocks against the same samples at hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import (
    LAYOUTS,
    LOSSES,
    MODELS,
    assert_same,
    axes_for,
    build,
    fields,
    inputs_of,
    on_meta,
    random_parameters,
    samples_of,
    uniform,
)

from sklearn_mrtl.core.block_objective import make_objective
from sklearn_mrtl.core.data import block as block_module
from sklearn_mrtl.core.data.block import Block
from sklearn_mrtl.core.data.blocks import Blocks, BlockSamples, joined
from sklearn_mrtl.core.data.concatenation import concatenated
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION
from sklearn_mrtl.core.data.mode_encodings import OneHot
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.terms import Strengths, Term, full_rank_sum
from sklearn_mrtl.core.solvers.block_ridge import BlockRidgeDesign
from sklearn_mrtl.core.solvers.linearized import linearize
from sklearn_mrtl.core.solvers.ridge import RidgeDesign
from sklearn_mrtl.modes import Feature, Grid

ALPHAS = Alphas(0.01, 0.1)
by_layout = pytest.mark.parametrize("layout", LAYOUTS)


class ListedBlocks(Blocks):
    """Blocks in a list."""

    def __init__(self, blocks, are_kept=True):
        self.blocks, self.are_kept = blocks, are_kept

    def map(self, function, *args, keep=True):
        return ListedBlocks([function(block, *args) for block in self.blocks], keep)

    def map_groups(self, function, *args):
        half = len(self.blocks) // 2
        return ListedBlocks([*function(iter(self.blocks[:half]), *args), *function(iter(self.blocks[half:]), *args)])

    @property
    def n_groups(self):
        return 2

    def collect(self, function, *args):
        return [function(block, *args) for block in self.blocks]

    def combine(self, function, *args, by):
        return joined(self.collect(function, *args), by)


def part(samples: Samples, rows: slice) -> Samples:
    inputs = samples.inputs.select(torch.arange(samples.inputs.n_rows)[rows])
    return Samples.from_rows(inputs, samples.y[rows, 0], samples.weight[rows, 0])


def in_blocks(samples: Samples, n_rows: int = 5) -> BlockSamples:
    n = samples.inputs.n_rows
    blocks = [Block(start, part(samples, slice(start, start + n_rows))) for start in range(0, n, n_rows)]
    total = float(samples.weight.sum())
    no_rows = samples.inputs.select(torch.arange(0))
    template = Samples(no_rows, samples.weight[:0], samples.y[:0], 0.0)
    return BlockSamples(ListedBlocks(blocks), template, n, total)


def problem(layout, loss=SquaredLoss, n=37):
    samples = samples_of(inputs_of(layout, n), loss)
    return samples, in_blocks(samples)


@by_layout
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("model_class", MODELS, ids=lambda model_class: model_class.__name__)
def test_objective(layout, loss, model_class):
    samples, blocks = problem(layout, loss)
    model, parameters = build(model_class, samples.inputs, LOSSES[loss])
    expected, found = (make_objective(model, s, loss, ALPHAS) for s in (samples, blocks))
    for value, right in zip(found.value_and_gradient(parameters), expected.value_and_gradient(parameters), strict=True):
        assert_same(value, right)
    assert found.value(parameters) == pytest.approx(expected.value(parameters))
    assert found.null_loss() == pytest.approx(expected.null_loss())
    assert_same(found.natural_scales(parameters), expected.natural_scales(parameters))


@by_layout
@pytest.mark.parametrize("coarsen", [False, True], ids=["merged", "coarse"])
def test_objective_of_merged_rows(layout, coarsen):
    samples, blocks = problem(layout)
    shapes = tuple(tuple(-(-n // 2) for n in shape) for shape in samples.inputs.shapes)
    shapes = tuple(
        coarse if type(mode).__name__ == "Grid" else fine
        for mode, coarse, fine in zip(samples.inputs.modes, shapes, samples.inputs.shapes, strict=True)
    )
    samples, blocks = ((s.coarsen(shapes) if coarsen else s.merge()) for s in (samples, blocks))
    model, parameters = build(FullRank, samples.inputs)
    expected, found = (make_objective(model, s, SquaredLoss, ALPHAS) for s in (samples, blocks.without_products()))
    for value, right in zip(found.value_and_gradient(parameters), expected.value_and_gradient(parameters), strict=True):
        assert_same(value, right)
    assert found.null_loss() == pytest.approx(expected.null_loss())


def rows_and_totals(samples: Samples):
    """Each distinct row with its weight and its weighted sum of targets."""
    design, (y, weight) = samples.inputs.design(), samples.totals()
    rows, inverse = torch.unique(design, dim=0, return_inverse=True)
    totals = torch.zeros(len(rows), 1 + y.shape[1], dtype=y.dtype)
    return rows, totals.index_add_(0, inverse, weight[:, None] * torch.cat([torch.ones_like(y[:, :1]), y], 1))


@pytest.mark.parametrize("on_the_way", [False, True])
def test_equal_rows_of_the_blocks_of_a_group_are_merged(on_the_way, monkeypatch):
    monkeypatch.setattr(block_module, "ROWS_PER_CELL", 0.2 if on_the_way else 1e6)
    joined = []
    original = block_module.joined_samples
    monkeypatch.setattr(block_module, "joined_samples", lambda parts: joined.append(len(parts)) or original(parts))
    modes, shapes = (Feature("player", 3), Grid("court", (4, 6))), ((3,), (4, 6))
    index = [torch.randint(size, (160,), generator=torch.Generator().manual_seed(size)) for size in (3, 24)]
    encodings = tuple(OneHot(i, size, torch.float64) for i, size in zip(index, (3, 24), strict=True))
    samples = samples_of(EncodedInputs(encodings, modes, shapes), SquaredLoss)
    coarse, expected = in_blocks(samples).coarsen(((3,), (2, 3))), samples.coarsen(((3,), (2, 3)))
    groups = [block.samples for block in coarse.blocks.blocks]
    assert len(groups) == 2 and (len(joined) > 2) == on_the_way
    for group in groups:
        assert group.inputs.n_rows == len(rows_and_totals(group)[0]) <= 18
    for found, right in zip(rows_and_totals(original(groups)), rows_and_totals(expected), strict=True):
        torch.testing.assert_close(found, right)
    assert original(groups).mean_square == pytest.approx(expected.mean_square)


def test_blocks_of_which_most_rows_differ_stay_apart(monkeypatch):
    monkeypatch.setattr(block_module, "MIN_SAMPLED", 1)
    samples = samples_of(inputs_of("encodings", 4000), SquaredLoss)  # with columns of numbers
    blocks = in_blocks(samples, n_rows=400)
    assert len(blocks.coarsen(blocks.shapes).blocks.blocks) == 10


@by_layout
def test_objective_of_a_sum(layout):
    samples, blocks = problem(layout)
    n_axes = [len(shape) for shape in samples.inputs.shapes]
    terms = [Term(str(m), (m,), None, Strengths(0.1, ((0.1,) * n_axes[m],))) for m in range(len(n_axes))]
    model = full_rank_sum(axes_for(samples.inputs), terms)
    parameters = {name: uniform(*value.shape) for name, value in model.initial(samples.weight).items()}
    expected, found = (make_objective(model, s, SquaredLoss, ALPHAS) for s in (samples, blocks))
    assert_same(found.value_and_gradient(parameters)[2], expected.value_and_gradient(parameters)[2])
    assert_same(found.natural_scales(parameters), expected.natural_scales(parameters))


@by_layout
@pytest.mark.parametrize("n_rows", [1, 20, 200])
def test_mean_squares_do_not_depend_on_the_blocks(layout, n_rows):
    samples = samples_of(inputs_of(layout, 200))
    for found, expected in zip(in_blocks(samples, n_rows).mean_squares(), samples.mean_squares(), strict=True):
        assert_same(found, expected)


@by_layout
@pytest.mark.parametrize("step", [1, 2, 7, 36, 100])
def test_some_of_the_rows_come_as_they_are(layout, step):
    samples, blocks = problem(layout)
    model = FullRank(axes_for(samples.inputs))
    coarse = tuple(tuple(-(-n // 2) for n in shape) for shape in samples.inputs.shapes)
    for levels, view in (((), False), ((coarse,), False), ((), True)):
        views = (s.coarsen(coarse) if view else None for s in (samples, blocks))
        views = [views_of.inputs if isinstance(views_of, Samples) else views_of for views_of in views]
        if view and samples.inputs.coarsens_in_steps is False:
            continue  # equal rows would be merged
        both = zip((samples, blocks), views, strict=True)
        (right, of_right), (inputs, weight) = (
            make_objective(model, s, SquaredLoss, ALPHAS).every(step, levels, v) for s, v in both
        )
        assert inputs.shapes == right.shapes == (coarse if levels or view else samples.inputs.shapes)
        assert_same(inputs.design(), right.design())
        assert_same(weight, of_right)
        assert len(weight) == len(range(0, 37, step))


def weighted_design(inputs, weight, factor):
    """Return a sum over rows of their design."""
    return factor * (weight @ inputs.design().flatten(1))


@by_layout
@pytest.mark.parametrize("step", [1, 7, 100])
@pytest.mark.parametrize("at_once", [4, 1000])
def test_sums_over_some_of_the_rows_are_those_of_all_blocks(layout, step, at_once):
    samples, blocks = problem(layout)
    model = FullRank(axes_for(samples.inputs))
    expected = 3 * (samples.weight[::step, 0] @ samples.inputs.design().flatten(1)[::step])
    for some in (samples, blocks):
        objective = make_objective(model, some, SquaredLoss, ALPHAS)
        assert_same(objective.total_over(weighted_design, (3.0,), step, at_once), expected)


@pytest.mark.parametrize("with_view", [False, True])
def test_gauss_newton_steps_see_the_same_coarse_fields(with_view):
    modes = (Feature("lag", 2), Grid("sea", (24, 20), quantity="mean"))
    inputs = fields(modes, n=40, masks={"sea": torch.arange(480) > 50})
    waves = torch.cos(torch.arange(480) / 100)
    inputs = replace(inputs, x=inputs.x + 9 * waves[inputs.stored])
    samples = samples_of(inputs)
    blocks = in_blocks(samples)
    views = [s.coarsen(((2,), (12, 10))) if with_view else None for s in (samples, blocks)]
    views[0] = None if views[0] is None else views[0].inputs
    model = CP(axes_for(inputs))
    parameters = random_parameters(model, 2)
    both = zip((samples, blocks), views, strict=True)
    expected, found = (
        linearize(make_objective(model, s, SquaredLoss, ALPHAS), parameters, view).fields for s, view in both
    )
    assert_same(found.x, expected.x)
    assert_same(found.weight, expected.weight)
    assert found.unseen == pytest.approx(expected.unseen)
    assert 1e-3 < found.unseen_fraction < 0.35


@by_layout
@pytest.mark.parametrize("n_parts", [1, 3])
def test_thinned_samples_come_as_they_are(layout, n_parts):
    samples, blocks = problem(layout)
    found, expected = (s.thinned(n_parts, 4) for s in (blocks, samples))
    assert_same(found.y, expected.y)
    assert_same(found.weight, expected.weight)
    model, parameters = build(FullRank, samples.inputs)
    assert_same(model.scores(parameters, found.inputs), model.scores(parameters, expected.inputs))


@by_layout
@pytest.mark.parametrize("kept", ["each", "twice", "nearly each"])
def test_number_of_distinct_rows(layout, kept):
    samples, _ = problem(layout, n=100)
    rows = {"each": torch.arange(100), "twice": torch.arange(100) % 50, "nearly each": torch.arange(100) % 80}[kept]
    y, weight = samples.totals()
    samples = Samples.from_rows(samples.inputs.select(rows), y[rows], weight[rows])
    design = samples.inputs.design()
    n = len(design) if layout == "fields" else len(torch.unique(design, dim=0))
    for some in (samples.merge(), in_blocks(samples, 13), in_blocks(samples, 13).merge()):
        assert [most for most in range(120) if some.has_few_distinct(most)] == list(range(n, 120))
    at_hand = in_blocks(samples, 13).merged_at_hand()
    assert n <= at_hand.inputs.n_rows <= n / MAX_DISTINCT_FRACTION
    sums = [weighted_design(part.inputs, part.totals()[1], 1.0) for part in (at_hand, samples)]
    assert_same(*sums)


@by_layout
def test_concatenated_inputs(layout):
    whole = inputs_of(layout, 9)
    parts = [whole.select(torch.arange(9)[rows]) for rows in (slice(0, 4), slice(4, 5), slice(5, 9))]
    model, parameters = build(FullRank, whole)
    assert_same(model.scores(parameters, concatenated(parts)), model.scores(parameters, whole))


@by_layout
@pytest.mark.parametrize("n", [20, 300])
def test_ridge_solution_from_moments(layout, n):
    """With fewer rows than weights and with more."""
    samples, blocks = problem(layout, n=n)
    model = FullRank(axes_for(samples.inputs))
    expected = RidgeDesign(model, samples).solve(ALPHAS, samples.weight)
    found = BlockRidgeDesign(model, blocks).solve(ALPHAS, samples.weight)
    assert_same(found, expected, rtol=1e-7, atol=1e-7)


@by_layout
def test_large_levels_are_not_kept(layout):
    _, blocks = problem(layout)
    for max_bytes, kept in ((np.inf, True), (0.0, False)):
        limited = BlockSamples(blocks.blocks, blocks.template, 37, 1.0, 100.0, max_bytes, 8)
        assert limited.coarsen(blocks.inputs.shapes).blocks.are_kept is kept


@by_layout
def test_sum_on_the_meta_device(layout):
    """An operation that mixes devices raises there."""
    samples = samples_of(inputs_of(layout))
    n_axes = [len(shape) for shape in samples.inputs.shapes]
    terms = [Term(str(m), (m,), None, Strengths(0.1, ((0.1,) * n_axes[m],))) for m in range(len(n_axes))]
    model = full_rank_sum(axes_for(samples.inputs), terms)
    parameters = model.initial(samples.weight)
    objective = make_objective(model, samples, SquaredLoss, ALPHAS)
    objective.value_and_gradient(parameters)  # makes what is made once, of sizes that only data tell
    value, _, gradient = on_meta(objective).value_and_gradient(on_meta(parameters))
    assert value.is_meta and all(part.is_meta for part in gradient.values())
