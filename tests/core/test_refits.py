"""Draws from the penalties as a prior, against dense matrices."""

import numpy as np
import pytest
import torch
from helpers import assert_same, normal, numerical_gradient
from sklearn.utils import check_random_state

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.axes import axes_of
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.refits import TiltedObjective, draw_tilt, inner_product, root_times, unit_of_likelihood
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.solve import solve

ALPHAS = Alphas(0.3, 0.2)
MODES = Feature("lag", 3), Grid("sea", (3, 4), quantity="mean")
MASK = torch.arange(12) != 5


def fields(n=60):
    center = torch.zeros(3, int(MASK.sum()), dtype=torch.float64)
    return FieldInputs(normal(n, *center.shape), center, MODES, ((3,), (3, 4)), (None, MASK))


def axes():
    return axes_of(MODES, ((3,), (3, 4)), (None, MASK), 1, None, normal(1))


def penalty_matrix(model, alphas):
    """Second derivative of the penalties by W, column by column."""
    columns = []
    for i in range(36):
        unit = torch.zeros(36, dtype=torch.float64)
        unit[i] = MASK.repeat(3)[i]
        weights = unit.reshape(3, 12).requires_grad_()
        columns.append(torch.autograd.grad(model.penalty({"weights": weights}, alphas), weights)[0].flatten())
    return torch.stack(columns)


def test_the_root_of_a_laplacian():
    smoothness = axes()[1].smoothness
    dense = smoothness.dense_laplacian()
    values, vectors = torch.linalg.eigh(dense)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    error = torch.linalg.matrix_norm(root_times(smoothness, torch.eye(12, dtype=torch.float64)) - root, 2)
    assert error < 0.02 * float(values.max()) ** 0.5


def test_tilts_have_the_covariance_of_the_penalties():
    model, generator = FullRank(axes()), torch.Generator().manual_seed(0)
    draws = torch.stack([draw_tilt(model, ALPHAS, 0.5, generator).flatten() for _ in range(100)])
    free = MASK.repeat(3)
    assert draws[:, ~free].abs().max() == 0
    directions = torch.cat([normal(5, 36) * free, torch.eye(36, dtype=torch.float64)[free][:5], free[None].double()])
    expected = (directions @ (0.5 * penalty_matrix(model, ALPHAS)) * directions).sum(1)
    ratio = (draws @ directions.T).var(0) / expected
    assert ratio.min() > 0.55 and ratio.max() < 1.6  # the standard error of a variance is 14 %


@pytest.mark.parametrize("kind", [CP, FullRank])
def test_an_inner_product_is_that_of_the_dense_tensors(kind):
    model, tensor = kind(axes()), normal(3, 12)
    parameters = {"factor 0": normal(3, 2), "factor 1": normal(12, 2)} if kind is CP else {"weights": normal(3, 12)}
    assert_same(inner_product(model, parameters, tensor), (model.dense(parameters) * tensor).sum())


def test_the_gradient_of_a_tilted_objective():
    inputs = fields()
    objective = TiltedObjective(CP(axes()), inputs, normal(60, 1), torch.ones(60).double(), SquaredLoss, ALPHAS)
    parameters = {"factor 0": normal(3, 2), "factor 1": normal(12, 2) * MASK[:, None], "intercept": normal(1)}
    without = objective.value(parameters)
    objective.tilts = {"": normal(3, 12)}
    assert_same(without - objective.value(parameters), float(inner_product(objective.model, parameters, normal(3, 12))))
    value, _, gradient = objective.value_and_gradient(parameters)
    assert_same(float(value), objective.value(parameters))
    assert_same(gradient, numerical_gradient(objective, parameters), rtol=1e-5, atol=1e-6)


def test_a_refit_with_a_tilt_moves_by_the_inverse_hessian_times_it():
    model, inputs, y = FullRank(axes()), fields(), normal(60, 1, seed=3)
    objective = TiltedObjective(model, inputs, y, torch.ones(60).double(), SquaredLoss, ALPHAS)
    exact = SolverSettings(convergence=1e-12, max_epochs=500, newton=False)
    start = model.initial(y)
    before = solve(objective, start, exact)["weights"]
    tilt = draw_tilt(model, ALPHAS, 0.01, torch.Generator().manual_seed(1))
    objective.tilts = {"": tilt}
    moved = solve(objective, start, exact)["weights"] - before
    design = inputs.design() - inputs.design().mean(0)
    free = MASK.repeat(3)
    hessian = (2 * design.T @ design / 60 + penalty_matrix(model, ALPHAS))[free][:, free]
    expected = torch.linalg.solve(hessian, tilt.flatten()[free])
    assert_same(moved.flatten()[free], expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_the_unit_of_likelihood_of_independent_rows_is_twice_the_variance_over_their_number():
    rng, n = check_random_state(0), 2000
    inputs = fields(n)
    parameters = {"factor 0": normal(3, 1), "factor 1": normal(12, 1), "intercept": normal(1)}
    model = CP(axes())
    y = model.scores(parameters, inputs) + 0.5 * torch.from_numpy(rng.normal(size=(n, 1)))
    counts = torch.from_numpy(rng.multinomial(n, np.full(n, 1 / n), size=500)).double()
    unit = unit_of_likelihood(model, parameters, inputs, y, counts, SquaredLoss)
    assert unit == pytest.approx(2 * 0.25 / n, rel=0.2)
