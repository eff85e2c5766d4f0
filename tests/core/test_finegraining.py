from math import prod

import numpy as np
import pytest
import torch
from helpers import assert_same, normal, uniform
from torch.nn import functional

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.finegraining import (
    averaging,
    coarsen_mask,
    coarsen_means,
    finegrain,
    interpolating,
    nearest_cells,
    nests,
    sum_cells,
)
from sklearn_mrtl.core.separable import FewInRow
from sklearn_mrtl.modes import INTERPOLATIONS, QUANTITIES

STEPS = [((4,), (8,)), ((3,), (4,)), ((2, 3), (4, 6)), ((4, 5), (6, 7)), ((2, 3), (6, 9)), ((2, 2, 3), (4, 3, 5))]
INTEGER_STEPS = [(coarse, fine) for coarse, fine in STEPS if all(f % c == 0 for c, f in zip(coarse, fine, strict=True))]
by_step = pytest.mark.parametrize("coarse, fine", STEPS)
TORCH_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


@by_step
def test_nearest_leaves_the_scores_as_they_were(coarse, fine):
    """Section 4: as sums of features remain, nearest neighbours give the same outputs. For any values, at any ratio."""
    grid = Grid("court", fine, interpolation="nearest")
    x, weights = normal(5, prod(fine)), normal(prod(coarse), 3)
    at_coarse = sum_cells(x, 1, fine, coarse) @ weights
    assert_same(x @ finegrain(weights, 0, grid, coarse, fine), at_coarse)
    assert_same(sum_cells(x, 1, fine, coarse).sum(1), x.sum(1))


@by_step
def test_all_are_what_torch_interpolates(coarse, fine):
    weights = normal(3, prod(coarse))
    image = weights.reshape(1, 3, *coarse)
    linear = TORCH_LINEAR[len(fine)]
    for interpolation, mode in {"nearest": "nearest-exact", "linear": linear}.items():
        expected = functional.interpolate(image, size=fine, mode=mode).reshape(3, -1)
        grid = Grid("grid", fine, interpolation=interpolation)
        assert_same(finegrain(weights, 1, grid, coarse, fine), expected)


@by_step
@pytest.mark.parametrize("periodic", [False, True])
def test_a_constant_weight_map_predicts_the_same_from_any_fields(coarse, fine, periodic):
    grid = Grid("sea", fine, quantity="mean", periodic=periodic)
    x, weights = normal(5, prod(fine)), torch.full((prod(coarse), 1), 2.5, dtype=torch.float64)
    at_fine = x @ finegrain(weights, 0, grid, coarse, fine) / prod(fine)
    assert_same(coarsen_means(x, 1, fine, coarse) @ weights / prod(coarse), at_fine)


@pytest.mark.parametrize("coarse, fine", INTEGER_STEPS)
@pytest.mark.parametrize("periodic", [False, True])
def test_constant_fields_predict_the_same_from_any_weights(coarse, fine, periodic):
    grid = Grid("sea", fine, quantity="mean", periodic=periodic)
    x, weights = torch.full((1, prod(fine)), -1.5, dtype=torch.float64), normal(prod(coarse), 3)
    at_fine = x @ finegrain(weights, 0, grid, coarse, fine) / prod(fine)
    assert_same(coarsen_means(x, 1, fine, coarse) @ weights / prod(coarse), at_fine)


def test_raw_weights_shrink_by_the_ratio_of_the_numbers_of_cells():
    """Section 4: "the weights are divided by the scale factor", here in the units: raw weights are w / D."""
    coarse, fine = (4, 6), (8, 12)
    weights = normal(24)
    image = (weights / 24).reshape(1, 1, *coarse)
    expected = functional.interpolate(image, size=fine, mode="bilinear").reshape(-1) / (96 / 24)
    assert_same(finegrain(weights, 0, Grid("sea", fine, quantity="mean"), coarse, fine) / 96, expected)


@pytest.mark.parametrize("n_coarse, n_fine", [(4, 8), (5, 7), (1, 3), (500, 901)])
def test_periodic_interpolation_wraps_around(n_coarse, n_fine):
    """As on a line that repeats itself, and turning by whole cells turns the result."""
    weights = normal(n_coarse)
    line = interpolating(3 * n_coarse, 3 * n_fine).along(weights.repeat(3), 0)
    around = interpolating(n_coarse, n_fine, periodic=True)
    assert_same(around.along(weights, 0), line[n_fine : 2 * n_fine])
    if n_fine % n_coarse == 0:
        assert_same(around.along(weights.roll(1), 0), around.along(weights, 0).roll(n_fine // n_coarse))


@by_step
def test_coarse_means_are_integrals_over_the_cells(coarse, fine):
    """Against a loop over pairs of cells and the volume that they share."""
    x = normal(2, prod(fine))
    expected = torch.zeros(2, prod(coarse), dtype=torch.float64)
    for c, cell in enumerate(np.ndindex(*coarse)):
        for f, part in enumerate(np.ndindex(*fine)):
            shared = 1.0
            for i, j, n_coarse, n_fine in zip(cell, part, coarse, fine, strict=True):
                shared *= max(0.0, min((i + 1) / n_coarse, (j + 1) / n_fine) - max(i / n_coarse, j / n_fine))
            expected[:, c] += x[:, f] * shared * prod(coarse)
    assert_same(coarsen_means(x, 1, fine, coarse), expected)


@by_step
def test_coarse_sums_go_by_the_centres_of_the_fine_cells(coarse, fine):
    x = normal(2, prod(fine), 3)
    expected = torch.zeros(2, prod(coarse), 3, dtype=torch.float64)
    for f, part in enumerate(np.ndindex(*fine)):
        cell = tuple(int((j + 0.5) / n_fine * n_coarse) for j, n_coarse, n_fine in zip(part, coarse, fine, strict=True))
        expected[:, np.ravel_multi_index(cell, coarse)] += x[:, f]
    assert_same(sum_cells(x, 1, fine, coarse), expected)


@by_step
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_coarse_cell_is_land_where_nothing_in_it_holds_data(coarse, fine, quantity):
    mask = uniform(prod(fine)) > 0.8
    carry = coarsen_means if quantity == "mean" else sum_cells
    held = carry(mask.double(), 0, fine, coarse)
    assert torch.equal(coarsen_mask(mask, fine, coarse, quantity), held > 1e-12)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("finest", [8, 9, 10, 12])
def test_nests_says_when_two_steps_are_as_good_as_one(quantity, finest):
    """On every pair of coarser shapes: where it says yes, two steps give the same; somewhere it says yes and no."""
    grid, x, answers = Grid("g", finest, quantity=quantity), normal(2, finest), set()
    for finer in range(2, finest):
        for coarse in range(1, finer):
            carry = coarsen_means if quantity == "mean" else sum_cells
            in_two = carry(carry(x, 1, (finest,), (finer,)), 1, (finer,), (coarse,))
            same = torch.allclose(in_two, carry(x, 1, (finest,), (coarse,)), atol=1e-12)
            says = nests([grid], [(finest,)], [(finer,)], [(coarse,)])
            assert same or not says, (finer, coarse)
            answers.add(says)
    assert answers == {True, False}


def test_nests_needs_every_axis_of_every_mode():
    modes = [Feature("lag", 2), Grid("a", 12, quantity="mean"), Grid("b", (8, 9), quantity="mean")]
    finest = [(2,), (12,), (8, 9)]
    assert nests(modes, finest, [(2,), (6,), (4, 9)], [(2,), (3,), (2, 9)])
    assert not nests(modes, finest, [(2,), (6,), (4, 6)], [(2,), (3,), (2, 4)])
    assert not nests(modes, finest, [(2,), (6,), (4, 9)], [(2,), (4,), (2, 9)])


@pytest.mark.parametrize("n_coarse, n_fine", [(1, 1), (3, 3), (2, 5), (4, 6), (500, 901), (40, 9001)])
def test_rows_of_the_operators_sum_to_one(n_coarse, n_fine):
    for operator in (
        interpolating(n_coarse, n_fine),
        interpolating(n_coarse, n_fine, periodic=True),
        averaging(n_fine, n_coarse),
    ):
        matrix = operator.along(torch.eye(operator.shape[1], dtype=torch.float64), 0)
        assert_same(matrix.sum(1), torch.ones(len(matrix)))
        assert bool((matrix >= 0).all())


LONG_STEPS = [((600,), (1000,)), ((600,), (1201,)), ((61,), (6001,)), ((2, 700), (3, 1300))]


@pytest.mark.parametrize("coarse, fine", LONG_STEPS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_long_axes_need_no_dense_matrix(coarse, fine, dtype):
    """Against torch's interpolation, and against integrals from cumulative sums; along any dimension."""
    axis = len(coarse) - 1
    assert isinstance(interpolating(coarse[axis], fine[axis]), FewInRow)
    assert isinstance(averaging(fine[axis], coarse[axis]), FewInRow)
    tolerance = 20 * torch.finfo(dtype).eps
    weights = normal(3, prod(coarse)).to(dtype)
    expected = functional.interpolate(
        weights.reshape(1, 3, *coarse).double(), size=fine, mode=TORCH_LINEAR[len(fine)]
    ).reshape(3, -1)
    grid = Grid("spectrum", fine)
    for dim, moved in enumerate((weights.T, weights)):
        ours = finegrain(moved.contiguous(), dim, grid, coarse, fine)
        torch.testing.assert_close((ours if dim else ours.T).double(), expected, rtol=0, atol=max(tolerance, 1e-11))

    x = normal(2, prod(fine)).to(dtype)
    means = x.double().reshape(2, *fine).numpy()
    for dim, n_coarse in enumerate(coarse):
        means = slow_means(means, dim + 1, n_coarse)
    expected = torch.from_numpy(means).reshape(2, -1)
    for dim, moved in enumerate((x.T, x)):
        ours = coarsen_means(moved.contiguous(), dim, fine, coarse)
        torch.testing.assert_close((ours if dim else ours.T).double(), expected, rtol=0, atol=max(tolerance, 1e-11))


def slow_means(x, axis, n_coarse):
    """Means over the cells of a coarser axis, as differences of the integral at their edges."""
    n_fine = x.shape[axis]
    integral = np.concatenate([np.zeros_like(x.take([0], axis)), x.cumsum(axis)], axis)
    edges = np.arange(n_coarse + 1) * n_fine / n_coarse
    at_edges = np.apply_along_axis(lambda line: np.interp(edges, np.arange(n_fine + 1), line), axis, integral)
    return np.diff(at_edges, axis=axis) * n_coarse / n_fine


def test_any_dimension_of_a_tensor_can_be_carried():
    coarse, fine = (2, 3), (3, 5)
    for interpolation in INTERPOLATIONS:
        grid = Grid("g", fine, interpolation=interpolation)
        weights = normal(4, 6, 2)
        last = finegrain(weights.movedim(1, -1), -1, grid, coarse, fine)
        assert_same(finegrain(weights, 1, grid, coarse, fine), last.movedim(-1, 1))
    assert nearest_cells(fine, coarse).shape == (15,)
