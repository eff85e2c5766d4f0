from dataclasses import replace

import pytest
import torch
from helpers import (
    LAYOUTS,
    LOSSES,
    assert_same,
    build,
    by_model,
    encodings,
    fields,
    generator,
    in_single,
    inputs_of,
    numerical_gradient,
    objective_of,
    on_meta,
    samples_of,
    slow_penalty,
    slow_scores,
)
from torch.nn import functional

from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, PoissonLoss, SoftmaxLoss, SquaredLoss
from sklearn_mrtl.core.models.cp import CP

by_layout = pytest.mark.parametrize("layout", LAYOUTS)


by_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def problem(model_class, inputs, loss=SquaredLoss):
    return build(model_class, inputs, LOSSES[loss])


def slow_loss(loss, scores, y, weight):
    """By torch, one row's loss after the other."""
    each = {
        SquaredLoss: lambda: functional.mse_loss(scores, y, reduction="none").mean(1),
        LogisticLoss: lambda: functional.binary_cross_entropy_with_logits(scores, y, reduction="none")[:, 0],
        SoftmaxLoss: lambda: functional.cross_entropy(scores, y, reduction="none"),
        PoissonLoss: lambda: functional.poisson_nll_loss(scores, y, log_input=True, reduction="none").mean(1),
    }[loss]()
    return (weight * each).sum() / weight.sum()


@by_model
@by_layout
@by_loss
def test_eq_5_and_its_gradient(model_class, layout, loss):
    inputs = inputs_of(layout)
    model, parameters = problem(model_class, inputs, loss)
    samples = samples_of(inputs, loss)
    objective = objective_of(model, samples, loss)
    value, data_loss, gradient = objective.value_and_gradient(parameters)
    weights = model.dense(parameters)
    y, weight = samples.totals()
    assert_same(data_loss, slow_loss(loss, slow_scores(model, weights, parameters, inputs), y, weight))
    assert_same(value - data_loss, slow_penalty(model, weights, parameters, 0.2, 0.01, 0.1))
    assert_same(gradient, numerical_gradient(objective, parameters), rtol=1e-5, atol=1e-7)


@by_loss
@by_model
@pytest.mark.parametrize("rows", [1, 4])
def test_blocks_of_any_size_give_the_same(model_class, loss, rows):
    model, parameters = problem(model_class, encodings(), loss)
    whole = objective_of(model, samples_of(encodings(), loss), loss).value_and_gradient(parameters)
    parts = replace(encodings(), block_rows=rows, chunk_rows=5)
    assert len(parts.chunks) == 3
    in_blocks = objective_of(model, samples_of(parts, loss), loss).value_and_gradient(parameters)
    for actual, expected in zip(in_blocks, whole, strict=True):
        assert_same(actual, expected)


@by_layout
@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_batches_are_unbiased(layout, batch_size):
    """The mean over an epoch's batches, by their fractions of the rows, is the objective with its gradient."""
    inputs = inputs_of(layout)
    model, parameters = problem(CP, inputs)
    objective = objective_of(model, samples_of(inputs))
    value, data_loss, gradient = objective.value_and_gradient(parameters)
    mean, mean_loss, mean_gradient = 0.0, 0.0, {name: torch.zeros_like(p) for name, p in parameters.items()}
    for rows in torch.randperm(12, generator=generator()).split(batch_size):
        fraction = len(rows) / 12
        v, d, g = objective.batch(rows).value_and_gradient(parameters)
        mean, mean_loss = mean + fraction * v, mean_loss + fraction * d
        mean_gradient = {name: mean_gradient[name] + fraction * g[name] for name in g}
    assert_same(mean, value)
    assert_same(mean_loss, data_loss)
    assert_same(mean_gradient, gradient)


@by_model
@by_layout
def test_scale_of_weights_does_not_matter(model_class, layout):
    inputs = inputs_of(layout)
    model, parameters = problem(model_class, inputs)
    samples = samples_of(inputs)
    y, weight = samples.totals()
    tenfold = Samples.from_rows(inputs, y, 10 * weight)
    actual = objective_of(model, tenfold).value_and_gradient(parameters)
    for a, b in zip(actual, objective_of(model, samples).value_and_gradient(parameters), strict=True):
        assert_same(a, b)


def test_a_weight_of_two_is_the_row_twice():
    inputs = encodings()
    model, parameters = problem(CP, inputs)
    y, weight = samples_of(inputs).totals()[0], torch.ones(12, dtype=torch.float64)
    weight[3] = 2
    twice = torch.tensor([*range(12), 3])
    doubled = Samples.from_rows(inputs, y, weight)
    repeated = Samples.from_rows(inputs.select(twice), y[twice], torch.ones(13, dtype=torch.float64))
    assert_same(*(objective_of(model, s).value_and_gradient(parameters)[2] for s in (doubled, repeated)))


@by_model
@by_layout
@by_loss
def test_every_tensor_is_made_on_the_device_of_the_data(model_class, layout, loss):
    """On the meta device an operation that mixes devices raises, and what left it would show."""
    inputs = inputs_of(layout)
    model, parameters = problem(model_class, inputs, loss)
    objective = objective_of(model, samples_of(inputs, loss), loss)
    objective.value_and_gradient(parameters)  # makes what is made once, of sizes that only data tell
    objective = on_meta(objective)
    value, data_loss, gradient = objective.value_and_gradient(on_meta(parameters))
    assert value.is_meta and data_loss.is_meta
    assert all(g.is_meta and g.shape == parameters[name].shape for name, g in gradient.items())
    if layout == "fields":
        batch = objective.batch(torch.arange(4, device="meta"))
        assert all(g.is_meta for g in batch.value_and_gradient(on_meta(parameters))[2].values())
    with pytest.raises((RuntimeError, NotImplementedError), match="device|meta"):
        objective.value_and_gradient(parameters)


@by_model
@by_layout
def test_finegraining_and_coarsening_stay_on_the_device(model_class, layout):
    fine = inputs_of(layout)
    shapes = ((2,), (2,), (2, 3)) if layout == "fields" else ((3,), (2, 2), (3,))
    coarse = fine.coarsen(shapes)
    coarse_model, parameters = problem(model_class, coarse)
    fine_model, _ = problem(model_class, fine)
    carried = on_meta(coarse_model).finegrain(on_meta(parameters), on_meta(fine_model))
    assert all(value.is_meta for value in carried.values())
    if layout == "fields":
        complete = fields()  # which cells have data only data tell
        made, coarse = on_meta(complete).coarsen(shapes), complete.coarsen(shapes)
        assert made.x.is_meta and made.x.shape == coarse.x.shape
        assert all(mask is None or mask.is_meta for mask in made.masks)


@by_model
@by_layout
@by_loss
def test_single_precision_is_double_precision_rounded(model_class, layout, loss):
    inputs = inputs_of(layout)
    model, parameters = problem(model_class, inputs, loss)
    objective = objective_of(model, samples_of(inputs, loss), loss)
    value, _, gradient = objective.value_and_gradient(parameters)
    rounded = in_single(objective).value_and_gradient(in_single(parameters))
    assert rounded[0].dtype == torch.float32
    assert_same(rounded[0], value, rtol=1e-4)
    assert_same(rounded[2], gradient, rtol=1e-3, atol=1e-4)
