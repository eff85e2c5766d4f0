"""The case that every model passes, also one that is new in the registry; what is its own is in a file of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import prod

import pytest
import tensorly as tl
import torch
from helpers import (
    LAYOUTS,
    MODELS,
    assert_same,
    axes_for,
    build,
    by_model,
    encodings,
    fields,
    formed,
    inputs_of,
    multi_hot,
    normal,
    samples_of,
    slow_penalty,
    slow_scores,
    small_rank,
    uniform,
)

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
by_outputs = pytest.mark.parametrize("n_outputs", [1, 3])


@by_model
@by_layout
@by_outputs
def test_scores_are_those_of_the_formed_tensors(model_class, layout, n_outputs):
    inputs = inputs_of(layout)
    model, parameters = build(model_class, inputs, n_outputs)
    scores = model.scores(parameters, inputs)
    assert scores.shape == (inputs.n_rows, n_outputs)
    assert_same(scores, slow_scores(model, model.dense(parameters), parameters, inputs))


@by_model
@by_layout
@by_outputs
@pytest.mark.parametrize("sigma", [0.2, None])
def test_penalties_are_those_of_the_formed_weights(model_class, layout, n_outputs, sigma):
    inputs = inputs_of(layout)
    model, parameters = build(model_class, inputs, n_outputs, sigma)
    for alphas in ((1.0, 0.0), (0.0, 1.0), (0.3, 0.02)):
        expected = slow_penalty(model, model.dense(parameters), parameters, sigma, *alphas)
        assert_same(model.penalty(parameters, Alphas(*alphas)), expected)


@by_model
@by_outputs
def test_the_number_of_weights_is_that_of_the_parameters(model_class, n_outputs):
    model, parameters = build(model_class, inputs_of("encodings"), n_outputs)
    n_weights = sum(value.numel() for name, value in parameters.items() if name != "intercept")
    sizes = [axis.size for axis in model.axes]
    expected = prod(sizes) if model_class is FullRank else model_class.n_weights(small_rank(model), sizes)
    assert n_weights == expected


@by_model
@by_layout
def test_dense_weights_multiply_the_inputs(model_class, layout):
    inputs = inputs_of(layout)
    model, parameters = build(model_class, inputs)
    expected = formed(inputs).reshape(inputs.n_rows, -1) @ model.dense(parameters).reshape(-1, 1)
    assert_same(model.weight_scores(parameters, inputs), expected)


@by_model
@by_layout
@by_outputs
def test_rescaled_parameters_score_scaled_and_shifted(model_class, layout, n_outputs):
    inputs = inputs_of(layout)
    model, parameters = build(model_class, inputs, n_outputs)
    scale, shift = uniform(n_outputs) + 0.5, normal(n_outputs)
    moved = model.rescaled(parameters, scale, shift)
    assert_same(model.scores(moved, inputs), model.scores(parameters, inputs) * scale + shift)


@by_model
@pytest.mark.parametrize("coarse_shapes", [((2,), (2,), (3, 5)), ((2,), (3,), (3, 5)), ((2,), (4,), (3, 5))])
def test_finegraining_constant_grids_leaves_scores_as_they_were(model_class, coarse_shapes):
    month, court = (
        Grid("month", 4, periodic=True, interpolation="nearest"),
        Grid("court", (3, 5), interpolation="nearest"),
    )
    fine = fields((Feature("lag", 2), month, court))
    coarse = fine.coarsen(coarse_shapes)
    coarse_model, parameters = build(model_class, coarse)
    fine_model, _ = build(model_class, fine)
    carried = coarse_model.finegrain(parameters, fine_model)
    assert_same(fine_model.scores(carried, fine), coarse_model.scores(parameters, coarse))


@by_model
def test_finegraining_encodings_leaves_scores_as_they_were(model_class):
    player = Feature("player", 3)
    court = Grid("court", (4, 3), interpolation="nearest")
    hour = Grid("hour", 6, periodic=True, interpolation="nearest")
    fine = encodings((player, court, hour))
    coarse = fine.coarsen(((3,), (3, 2), (2,)))
    coarse_model, parameters = build(model_class, coarse)
    fine_model, _ = build(model_class, fine)
    carried = coarse_model.finegrain(parameters, fine_model)
    assert_same(fine_model.scores(carried, fine), coarse_model.scores(parameters, coarse))


@by_model
@by_layout
def test_finegraining_a_linear_grid_keeps_the_scores_of_constant_samples(model_class, layout):
    modes = (Feature("lag", 2), Feature("variable", 3), Grid("sea", (4, 6), quantity="mean"))
    if layout == "fields":
        fine = fields(modes)
        x, center = (values.mean(-1, keepdim=True).expand_as(values) for values in (fine.x, fine.center))
        fine = replace(fine, x=x, center=center)
    else:
        lag, variable, sea = encodings(modes).encodings
        everywhere = multi_hot(normal(12, 1).expand(12, 24))
        fine = EncodedInputs((lag, variable, everywhere), modes, ((2,), (3,), (4, 6)))
    coarse = fine.coarsen(((2,), (3,), (2, 3)))
    coarse_model, parameters = build(model_class, coarse)
    fine_model, _ = build(model_class, fine)
    carried = coarse_model.finegrain(parameters, fine_model)
    assert_same(fine_model.scores(carried, fine), coarse_model.scores(parameters, coarse))


def test_land_is_no_neighbour_of_a_coast_when_weights_are_carried():
    """A constant map stays constant over the sea, and land gets no weight."""
    modes = (Grid("sea", (4, 6), quantity="mean"),)
    mask = uniform(4, 6) > 0.4
    fine = fields(modes, masks={"sea": mask.reshape(-1)})
    coarse = fine.coarsen(((2, 3),))
    coarse_model, fine_model = FullRank(axes_for(coarse)), FullRank(axes_for(fine))
    start = {"weights": 1.5 * coarse.masks[0].double() if coarse.masks[0] is not None else torch.full((6,), 1.5)}
    carried = coarse_model.finegrain({**start, "intercept": torch.zeros(1)}, fine_model)["weights"]
    assert_same(carried, 1.5 * mask.reshape(-1).double())


def test_a_cell_of_land_more_is_a_cell_less():
    """Penalties and their number of entries count free cells only."""
    mask = torch.tensor([True, True, True, False])
    masked = FullRank(axes_for(fields((Grid("line", 4),), masks={"line": mask}), sigma=None))
    short = FullRank(axes_for(fields((Grid("line", 3),)), sigma=None))
    weights = normal(4) * mask
    actual = masked.penalty({"weights": weights, "intercept": torch.zeros(1)}, Alphas(1.0, 0.0))
    expected = short.penalty({"weights": weights[:3], "intercept": torch.zeros(1)}, Alphas(1.0, 0.0))
    assert masked.n_entries == short.n_entries == 3
    assert_same(actual, expected * (3 / 2) ** 2)  # the line is longer, so the same steps are steeper


def test_curvatures_are_second_derivatives_where_modes_are_alone():
    inputs = encodings((Grid("court", (3, 4)),))
    model = FullRank(axes_for(inputs))
    samples = samples_of(inputs)
    weight = samples.totals()[1]
    x = formed(inputs)
    expected = 2 * (weight @ x**2) / weight.sum() + 2 * 0.3 / 12
    scales = model.natural_scales(model.initial(weight), inputs, weight / weight.sum(), 2.0, Alphas(0.0, 0.3))
    assert_same(scales["weights"], expected.rsqrt())


def test_a_model_without_penalties_scores_the_same():
    inputs = inputs_of("fields")
    for model_class in MODELS:
        model, parameters = build(model_class, inputs)
        assert_same(model.without_penalties().scores(parameters, inputs), model.scores(parameters, inputs))
        assert all(axis.smoothness is None for axis in model.without_penalties().axes)
        assert any(axis.smoothness is not None for axis in model.axes)


@pytest.mark.parametrize("model_class", DECOMPOSITIONS.values(), ids=DECOMPOSITIONS)
def test_a_decomposition_leaves_the_backend_of_tensorly_in_other_threads(model_class):
    axes = [Axis(Feature(name), (24,)) for name in "abc"]
    model = model_class(axes)
    weights = {"weights": normal(24, 24, 24), "intercept": normal(1)}
    before = tl.get_backend()
    tl.set_backend("pytorch")  # the default of threads that have chosen none
    try:
        with ThreadPoolExecutor(2) as pool:
            watcher = pool.submit(backends_until, ended := threading.Event())
            pool.submit(model.from_full_rank, weights, small_rank(model), 0).result()
            ended.set()
            seen = watcher.result()
    finally:
        tl.set_backend(before)
    assert seen == {"pytorch"}


def backends_until(ended):
    """Backends of tensorly that this thread sees until an event."""
    seen = {tl.get_backend()}
    while not ended.wait(1e-4):
        seen.add(tl.get_backend())
    return seen
