import pytest
import torch
from helpers import (
    LOSSES,
    assert_same,
    build,
    by_model,
    encodings,
    formed,
    generator,
    objective_of,
    samples_of,
    uniform,
)

from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.cp import CP

by_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def problem(model_class, inputs, loss=SquaredLoss):
    return build(model_class, inputs, LOSSES[loss])


@by_model
@by_loss
def test_merging_equal_rows_changes_neither_value_nor_gradient(model_class, loss):
    inputs = encodings(n=10).select(torch.randint(10, (40,), generator=generator()))
    samples = samples_of(inputs, loss)
    merged = samples.merge()
    assert merged.inputs.n_rows <= 10
    model, parameters = problem(model_class, inputs, loss)
    value, data_loss, gradient = objective_of(model, samples, loss).value_and_gradient(parameters)
    actual = objective_of(model, merged, loss).value_and_gradient(parameters)
    assert_same(actual[0], value)
    assert_same(actual[1], data_loss)
    assert_same(actual[2], gradient)


def test_merging_in_two_steps_is_merging_in_one():
    inputs = encodings(n=60)
    shapes = [((3,), (4, 3), (3,)), ((3,), (1, 1), (1,))]
    samples = samples_of(inputs)
    two, one = samples.coarsen(shapes[0]).coarsen(shapes[1]), samples.coarsen(shapes[1])
    model, parameters = problem(CP, one.inputs)
    for actual, expected in zip(
        *(objective_of(model, s).value_and_gradient(parameters) for s in (two, one)), strict=True
    ):
        assert_same(actual, expected)


def test_blocks_hold_consecutive_rows_of_equal_weight():
    inputs = encodings(n=8).select(torch.randint(8, (48,), generator=generator()))
    ones = torch.ones(48, dtype=torch.float64)
    y = torch.arange(48, dtype=torch.float64)[:, None]
    blocks = Samples.from_rows(inputs, y, ones).in_blocks(inputs.shapes, 4)
    assert_same(blocks.weight.sum(0), torch.full((4,), 12.0))
    assert_same((blocks.weight * blocks.y[..., 0]).sum(0), y.reshape(4, 12).sum(1))
    assert_same(blocks.weight.sum(1), Samples.from_rows(inputs, y, ones).merge().weight[:, 0])
    uneven = Samples.from_rows(inputs, y, torch.where(torch.arange(48) < 6, 7.0, 1.0)).in_blocks(inputs.shapes, 2)
    assert_same(uneven.weight.sum(0), torch.tensor([42.0, 42.0]))


def test_a_gap_lies_between_blocks_that_have_rows_enough():
    inputs = encodings(n=48)
    samples = Samples.from_rows(inputs, uniform(48, 1), torch.ones(48, dtype=torch.float64))
    blocks = samples.in_blocks(inputs.shapes, 4, gap=0.5)
    inside = (torch.arange(48) % 12 >= 3) & (torch.arange(48) % 12 < 9)
    assert_same(blocks.weight.sum(1), inside.double())
    assert_same(blocks.weight.sum(0), torch.full((4,), 6.0))
    one_row_each = samples.in_blocks(inputs.shapes, 48, gap=0.999)
    assert_same(one_row_each.weight, torch.eye(48))


def test_a_part_of_the_samples_is_blocks_of_consecutive_rows():
    inputs, y = encodings(n=48), torch.arange(48, dtype=torch.float64)[:, None]
    samples = Samples.from_rows(inputs, y, uniform(48))
    part = samples.thinned(3, 4)
    rows = torch.arange(48).reshape(4, 3, 4)[:, 0].reshape(-1)
    assert_same(part.y[:, 0, 0], rows.double())
    assert_same(part.weight, samples.weight[rows])
    assert_same(formed(part.inputs), formed(inputs)[rows])
    assert samples.thinned(1, 4) is samples
