"""Small objectives for solvers, and their minima by scipy."""

import pytest
import torch
from helpers import LOSSES, axes_for, fields, objective_of, random_parameters, samples_of
from scipy.optimize import minimize

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.penalties.smoothness import Smoothness
from sklearn_mrtl.core.solvers.base import flatten, unflatten

MODES = (Feature("lag", 3), Grid("sea", (3, 4), quantity="mean"))
by_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def full_rank(loss, n=60, alpha_spatial=0.001, alpha_l2=0.01):
    inputs = fields(MODES, n=n)
    model = FullRank(axes_for(inputs, LOSSES[loss]))
    samples = samples_of(inputs, loss)
    return objective_of(model, samples, loss, alpha_spatial, alpha_l2), model.initial(samples.weight), samples


def low_rank(model_class=CP, rank=2, nonnegative=(), loss=SquaredLoss):
    inputs = fields(MODES, n=60)
    model = model_class(axes_for(inputs, LOSSES[loss]), nonnegative)
    return objective_of(model, samples_of(inputs, loss), loss), random_parameters(model, rank)


def by_scipy(objective, start):
    """The minimum by another's L-BFGS, from the same start."""

    def value_and_gradient(vector):
        value, _, gradient = objective.value_and_gradient(unflatten(torch.from_numpy(vector), start))
        return float(value), flatten(gradient).numpy()

    found = minimize(value_and_gradient, flatten(start).numpy(), jac=True, method="L-BFGS-B",
                     options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-9})  # fmt: skip
    return found.fun, unflatten(torch.from_numpy(found.x), start)


def value_of(objective, parameters):
    return float(objective.value_and_gradient(parameters)[0])


def largest_gradient(objective, parameters):
    return float(flatten(objective.value_and_gradient(parameters)[2]).abs().max())


def grid_axis(shape=(6, 8), *, masked=False, periodic=False, sigma=None, mask=None):
    """A grid with a smoothness; masked: without data in its first row and a part of the second, or see `mask`."""
    grid = Grid("sea", shape, quantity="mean", periodic=(False, periodic) if len(shape) == 2 else periodic)
    if masked:
        mask = torch.ones(grid.size, dtype=torch.bool)
        mask[: shape[-1] + 2] = False
    return Axis(grid, shape, mask, Smoothness(grid, shape, sigma, mask, torch.zeros((), dtype=torch.float64)))
