import pytest
import torch
from helpers import assert_same, normal
from solver_problems import grid_axis

from sklearn_mrtl import Feature
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.solvers.dense_system import DenseSystem
from sklearn_mrtl.core.solvers.two_level import CoarseAxis

LIKE = torch.zeros((), dtype=torch.float64)


def positive(n, seed):
    root = normal(n, n, seed=seed)
    return root @ root.T / n + 0.1 * torch.eye(n).double()


@pytest.mark.parametrize("masked", [False, True])
def test_its_steps_solve_the_equations_in_which_kronecker_products_are_formed(masked):
    grid = CoarseAxis(grid_axis(masked=masked), (6, 8), LIKE)
    lags = CoarseAxis(Axis(Feature("lag", 4), (4,)), (4,), LIKE)
    penalties = [(positive(3, seed), positive(3, seed + 1)) for seed in (1, 3)]
    data = positive(3 * 52, seed=5)
    mask = torch.ones(48).double() if grid.mask is None else grid.mask[:, 0]
    free = torch.cat([torch.ones(4).double(), mask]).repeat_interleave(3) > 0
    data[~free], data[:, ~free] = 0, 0
    (_, within), (along, of_cells) = penalties
    laplacian = grid.axis.smoothness.dense_laplacian()
    penalty = torch.block_diag(
        torch.kron(torch.eye(4).double(), within),
        torch.kron(laplacian, along) + torch.kron(torch.eye(48).double(), of_cells),
    )
    gradient = [normal(4, 3, 2), normal(48, 3, 2, seed=1)]
    joined = torch.cat([g.flatten(0, 1) for g in gradient])
    expected = torch.linalg.solve(data + penalty, joined * free[:, None])
    steps = DenseSystem([lags, grid], penalties, data.clone()).steps(gradient)
    assert_same(torch.cat([step.flatten(0, 1) for step in steps]), expected, rtol=1e-8, atol=1e-10)
