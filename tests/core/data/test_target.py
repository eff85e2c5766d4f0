import numpy as np
import pytest
import torch
from helpers import (
    LAYOUTS,
    MODELS,
    assert_same,
    dense_kernel,
    inputs_of,
    minimized,
    normal,
    numerical_gradient,
    objective_of,
    random_parameters,
    small_rank,
    uniform,
)

from sklearn_mrtl import Grid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.data.target import TargetGrid
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.gauss_newton import gauss_newton
from sklearn_mrtl.core.solvers.linearized import linearize
from sklearn_mrtl.core.solvers.ridge import RidgeDesign, is_affordable

GRID = Grid("rain", (4, 6), bounds=[(0, 4), (0, 3)])
HOLDS = torch.arange(24) % 5 != 3
SIGMA = 0.2


def target():
    return TargetGrid(GRID, GRID.shape, HOLDS.double())


def samples_for(layout, n=40):
    inputs = inputs_of(layout, n)
    return Samples.from_rows(inputs, normal(n, int(HOLDS.sum())), uniform(n) + 0.5, target=target())


def build(model_class, samples):
    like = torch.zeros((), dtype=torch.float64)
    model = model_class(make_axes(samples.inputs, samples.n_outputs, SIGMA, like, samples.target))
    return model, random_parameters(model, small_rank(model))


def test_coarse_targets_are_means_over_the_cells_that_hold_data():
    y = normal(7, 1, int(HOLDS.sum()))
    coarse, grid = target().coarsen(y, (2, 3))
    whole = np.full((7, 24), np.nan)
    whole[:, HOLDS.numpy()] = y[:, 0].numpy()
    expected = np.nanmean(whole.reshape(7, 2, 2, 3, 2), axis=(2, 4)).reshape(7, 6)
    assert_same(coarse[:, 0], expected)
    assert_same(grid.filled, HOLDS.double().reshape(2, 2, 3, 2).mean((1, 3)).reshape(-1))
    in_two_steps = [target().coarsen(y, (4, 3))]
    assert_same(in_two_steps[0][1].coarsen(in_two_steps[0][0], (2, 3))[0], coarse)


def test_cells_of_land_alone_are_no_outputs():
    grid = TargetGrid(GRID, GRID.shape, (torch.arange(24) % 6 >= 2).double())
    y, coarse = grid.coarsen(normal(5, 16), (2, 3))
    assert y.shape == (5, 4) and coarse.stored.tolist() == [1, 2, 4, 5]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("model_class", MODELS, ids=lambda model_class: model_class.__name__)
def test_the_penalty_is_that_of_the_formed_weights(model_class, layout):
    model, parameters = build(model_class, samples_for(layout))
    weights = model.dense(parameters)
    kernel, squares = dense_kernel(GRID, GRID.shape, SIGMA)
    holds = HOLDS.numpy()
    kernel, squares = kernel[np.ix_(holds, holds)], squares[np.ix_(holds, holds)]
    differences = (weights[..., None] - weights[..., None, :]).square().flatten(0, -3).sum(0).numpy()
    expected = (kernel * differences).sum() / ((kernel * squares).sum() / len(kernel))
    rough = model.penalty_sums(parameters)[0]
    for axis in model.input_axes:
        if axis.smoothness is not None:
            rough = rough - axis.smoothness.roughness(weights.movedim(model.axes.index(axis), 0).flatten(1))
    assert_same(rough, expected, rtol=1e-8)
    assert model.n_entries == int(np.prod([axis.n_free for axis in model.axes]))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_against_differences(layout):
    samples = samples_for(layout)
    model, parameters = build(CP, samples)
    objective = objective_of(model, samples)
    assert_same(objective.value_and_gradient(parameters)[2], numerical_gradient(objective, parameters), atol=1e-6)


@pytest.mark.parametrize("n", [12, 150])
@pytest.mark.parametrize("alphas", [(0.1, 0.01), (1e-3, 1e-4), (0.0, 0.1)])
def test_the_exact_solution_has_no_gradient(n, alphas):
    samples = samples_for("fields", n)
    model, _ = build(FullRank, samples)
    assert is_affordable(model, samples)
    found = RidgeDesign(model, samples).solve(Alphas(*alphas), samples.weight)
    gradient = objective_of(model, samples, alpha_spatial=alphas[0], alpha_l2=alphas[1]).value_and_gradient(found)[2]
    assert_same(gradient, {name: torch.zeros_like(g) for name, g in gradient.items()}, atol=1e-9)


def test_gauss_newton_comes_near_the_minimum():
    """It takes the outputs' factor apart from the others, so that its last steps are slow."""
    samples = samples_for("fields", 60)
    model, truth = build(CP, samples)
    y = model.scores(truth, samples.inputs) + normal(60, samples.n_outputs, seed=3)
    samples = Samples.from_rows(samples.inputs, y, samples.weight[:, 0], target=samples.target)
    start = {name: value + 0.1 * normal(*value.shape, seed=5) for name, value in truth.items()}
    objective = objective_of(model, samples, alpha_spatial=0.05)
    linearization = linearize(objective, start)
    found = gauss_newton(objective, start, linearization, SolverSettings(max_epochs=50))
    value, best = objective.value(found), objective.value(minimized(objective, found))
    assert value - best < 0.01 * (objective.null_loss() - best)


def test_weights_on_a_finer_grid_are_interpolated_between_cells_that_hold_data():
    samples = samples_for("fields")
    coarse = samples.coarsen((*samples.inputs.shapes, (2, 3)))
    model, parameters = build(CP, coarse)
    finer, _ = build(CP, samples)
    constant = {name: torch.ones_like(value) for name, value in parameters.items()}
    fine = model.finegrain(constant, finer)
    assert fine[model.names[-1]].shape == (int(HOLDS.sum()), 2) and len(fine["intercept"]) == int(HOLDS.sum())
    assert_same(fine[model.names[-1]], torch.ones(int(HOLDS.sum()), 2))
    assert_same(fine["intercept"], torch.ones(int(HOLDS.sum())))
