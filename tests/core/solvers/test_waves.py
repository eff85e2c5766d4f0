import pytest
import torch
from helpers import assert_same, normal
from solver_problems import grid_axis

from sklearn_mrtl.core.solvers.waves import Waves, waves


@pytest.mark.parametrize("masked", [False, True])
def test_the_inverse_on_a_small_grid_is_exact(masked):
    axis = grid_axis(masked=masked)
    x, strengths = normal(48, 3), torch.tensor([0.0, 0.3, 20.0], dtype=torch.float64)
    solved, laplacian = Waves(axis).inverse(x, strengths), axis.smoothness.dense_laplacian()
    for k, strength in enumerate(strengths):
        assert_same(solved[:, k], torch.linalg.solve(torch.eye(48).double() + strength * laplacian, x[:, k]))


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_waves_are_orthonormal(n, periodic):
    functions = waves(n, periodic)
    assert functions.shape == (n, (n + 1) // 2)
    assert_same(functions.T @ functions, torch.eye(functions.shape[1]).double())


@pytest.mark.parametrize("axis", [
    grid_axis(), grid_axis(periodic=True), grid_axis(sigma=0.1), grid_axis(sigma=1e-4), grid_axis((9,)),
    grid_axis((4, 3, 5)), grid_axis((4, 3, 5), sigma=1e-4),
], ids=["plain", "periodic", "wide", "sharp", "one axis", "three axes", "three sharp axes"])  # fmt: skip
def test_eigenvalues_on_a_large_grid_are_rayleigh_quotients(axis):
    approximate = Waves(axis, max_exact=0)
    functions = approximate.expand(torch.eye(len(approximate.eigenvalues), dtype=torch.float64))
    quotients = (functions * (axis.smoothness.dense_laplacian() @ functions)).sum(0)
    assert_same(approximate.eigenvalues, quotients, atol=1e-6 * float(quotients.max()))
    assert_same(approximate.project(functions), torch.eye(functions.shape[1]).double())


def test_the_inverse_on_a_large_grid_is_near():
    axis = grid_axis((16, 20))
    strength = torch.tensor([0.5], dtype=torch.float64) / axis.smoothness.laplacian_diagonal().max()
    x = normal(320, 1)
    exact = torch.linalg.solve(torch.eye(320).double() + strength * axis.smoothness.dense_laplacian(), x)
    near = Waves(axis, max_exact=0).inverse(x, strength)
    assert float((near - exact).norm()) < 0.3 * float((x - exact).norm())
