import numpy as np
import pytest
import torch
from helpers import assert_same, dense_kernel, normal, slow_roughness

from sklearn_mrtl import Grid
from sklearn_mrtl.core.penalties.smoothness import Smoothness, roughness, squared_distances

LIKE = torch.zeros((), dtype=torch.float64)
GRIDS = [
    Grid("line", 7),
    Grid("hour", 8, periodic=True),
    Grid("court", (4, 5)),
    Grid("court", (4, 5), bounds=[(0, 10), (-1, 1)]),
    Grid("sea", (3, 6), bounds=[(-30, 30), (0, 360)], periodic=(False, True)),
    Grid("torus", (5, 4), periodic=True),
    Grid("air", (2, 3, 4), bounds=[(0, 1), (0, 9), (0, 4)], periodic=(False, False, True)),
]
by_grid = pytest.mark.parametrize("grid", GRIDS, ids=repr)


@by_grid
@pytest.mark.parametrize("sigma", [0.05, 1.0, None])
@pytest.mark.parametrize("masked", [False, True])
def test_eq_3_is_the_double_sum_over_all_cells(grid, sigma, masked):
    weights = normal(grid.size, 3)
    mask = torch.arange(grid.size) % 3 != 1 if masked else None
    smoothness = Smoothness(grid, grid.shape, sigma, mask, LIKE)
    expected = slow_roughness(weights, grid, grid.shape, sigma, mask)
    assert_same((weights * smoothness.laplacian(weights)).sum(), expected)


@by_grid
@pytest.mark.parametrize("masked", [False, True])
def test_quadratic_forms_and_their_gradients(grid, masked):
    mask = torch.arange(grid.size) % 3 != 1 if masked else None
    smoothness = Smoothness(grid, grid.shape, None, mask, LIKE)
    laplacian = smoothness.dense_laplacian()
    weights, g = normal(grid.size, 3).requires_grad_(), normal(3, 3, seed=1)
    energies = smoothness.energy(weights), weights.T @ laplacian @ weights
    rough = smoothness.roughness(weights), (weights * (laplacian @ weights)).sum()
    for ours, expected in (energies, rough):
        assert_same(ours.detach(), expected.detach())
        h = g if ours.ndim else 2.5
        assert_same(*(torch.autograd.grad((h * form).sum(), weights)[0] for form in (ours, expected)))


@by_grid
def test_eq_4_is_the_product_of_the_axes_kernels(grid):
    smoothness = Smoothness(grid, grid.shape, 0.1, None, LIKE)
    product = torch.ones(1, 1, dtype=torch.float64)
    for kernel in smoothness.kernels:
        product = torch.kron(product, kernel)
    assert_same(product, dense_kernel(grid, grid.shape, 0.1)[0])


@by_grid
def test_dense_laplacian_and_its_diagonal(grid):
    mask = torch.arange(grid.size) != 2
    smoothness = Smoothness(grid, grid.shape, 0.1, mask, LIKE)
    laplacian = smoothness.dense_laplacian()
    weights = normal(grid.size, 2)
    assert_same(laplacian @ weights, smoothness.laplacian(weights))
    assert_same(laplacian, laplacian.T)
    assert_same(laplacian.sum(1), torch.zeros(grid.size))
    own = 2 / smoothness.scale * mask.double()  # k(d, d) = 1, times what a Laplacian is scaled by
    assert_same(laplacian.diagonal(), smoothness.laplacian_diagonal() - own)


def test_land_neither_pulls_nor_is_pulled():
    grid, mask = Grid("sea", (4, 4)), torch.arange(16) % 4 != 0
    smoothness = Smoothness(grid, grid.shape, None, mask, LIKE)
    weights = normal(16, 2)
    other_land = torch.where(mask[:, None], weights, normal(16, 2, seed=1) * 100)
    assert_same(smoothness.laplacian(weights)[mask], smoothness.laplacian(other_land)[mask])
    assert_same(smoothness.laplacian(weights)[~mask], torch.zeros(4, 2))


@pytest.mark.parametrize("sigma", [0.3, None])
@pytest.mark.parametrize("slope", [1.0, -2.5])
def test_mean_over_the_cells_is_the_squared_slope_at_every_resolution(sigma, slope):
    """A ramp from 0 to 1 along a line of unit diagonal has squared slope 1, on grids of any number of cells."""
    for n in (6, 12, 50):
        smoothness = Smoothness(Grid("line", 50), (n,), sigma, None, LIKE)
        ramp = slope * torch.linspace(0, 1, n, dtype=torch.float64)[:, None]
        assert_same((ramp * smoothness.laplacian(ramp)).sum() / n, slope**2)


@pytest.mark.parametrize("grid", [Grid("one", 1), Grid("one", (1, 1))], ids=repr)
def test_one_cell_is_not_rough(grid):
    for sigma in (0.05, None):
        smoothness = Smoothness(grid, grid.shape, sigma, None, LIKE)
        assert_same(smoothness.laplacian(torch.ones(1, 2, dtype=torch.float64)), torch.zeros(1, 2))


def test_roughness_adds_all_grids_of_a_weight_tensor():
    grids = [None, Grid("a", (2, 3)), Grid("b", 4, periodic=True)]
    weights = normal(2, 6, 4)
    modes = [None if grid is None else Smoothness(grid, grid.shape, 0.1, None, LIKE) for grid in grids]
    first = slow_roughness(weights.movedim(1, 0).reshape(6, -1), grids[1], (2, 3), 0.1)
    second = slow_roughness(weights.movedim(2, 0).reshape(4, -1), grids[2], (4,), 0.1)
    assert_same(roughness(weights, modes), first + second)


def test_distances_around_a_periodic_axis():
    np.testing.assert_array_equal(squared_distances(5, True)[0], [0, 1, 4, 4, 1])
    np.testing.assert_array_equal(squared_distances(5, False)[0], [0, 1, 4, 9, 16])
