import numpy as np
import pytest
import torch
from helpers import assert_same, dense_kernel, normal, slow_roughness, uniform

from sklearn_mrtl import Grid
from sklearn_mrtl.core.penalties.smoothness import Smoothness, roughness, squared_distances
from sklearn_mrtl.core.separable import DenseMatrix

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
        product = torch.kron(product, kernel.along(torch.eye(kernel.shape[1], dtype=torch.float64), 0))
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


def test_a_long_axis_has_no_dense_laplacian():
    smoothness = Smoothness(Grid("line", 5001), (5001,), None, None, LIKE)
    with pytest.raises(ValueError, match="at most 5000 cells, got 5001"):
        smoothness.dense_laplacian()


LONG_GRIDS = [
    Grid("line", 530),
    Grid("hour", 531, periodic=True),
    Grid("strip", (2, 520), bounds=[(0, 1), (0, 40)]),
    Grid("strip", (520, 2), bounds=[(-1, 1), (0, 2)], periodic=(True, False)),
    Grid("tube", (1, 2, 515), periodic=(False, True, False)),
]


@pytest.mark.parametrize("grid", LONG_GRIDS, ids=repr)
@pytest.mark.parametrize("sigma", [1e-7, 1e-4, 0.1, None])
@pytest.mark.parametrize("masked, dtype", [(False, torch.float64), (True, torch.float64), (True, torch.float32)])
def test_long_axes_against_the_dense_kernel(grid, sigma, masked, dtype):
    """Bands and FFT give what the matrix of all pairs of cells gives, with its gradients."""
    mask = uniform(grid.size) > 0.3 if masked else None
    smoothness = Smoothness(grid, grid.shape, sigma, mask, LIKE.to(dtype))
    assert any(not isinstance(kernel, DenseMatrix) for kernel in smoothness.kernels)
    laplacian = slow_laplacian(grid, sigma, mask)
    weights = normal(grid.size, 3).to(dtype).requires_grad_()
    image = laplacian @ weights.detach().double()
    assert_close_to(smoothness.laplacian(weights.detach()), image)
    assert_close_to(torch.autograd.grad(smoothness.roughness(weights), weights)[0], 2 * image)
    g = normal(3, 3, seed=1).to(dtype)
    (gradient,) = torch.autograd.grad((g * smoothness.energy(weights)).sum(), weights)
    assert_close_to(gradient, image @ (g + g.T).double())


def slow_laplacian(grid, sigma, mask):
    """L of eq. (3) from the matrix of all pairs of cells, each cell's own entry left out, the nearest scaled to 1."""
    cells, spacings = np.indices(grid.shape).reshape(len(grid.shape), -1), np.divide(grid.extents, grid.shape)
    squares = 0.0
    for place, n, spacing, periodic in zip(cells, grid.shape, spacings, grid.periodic, strict=True):
        steps = np.abs(place[:, None] - place)
        squares = squares + torch.from_numpy((np.minimum(steps, n - steps) if periodic else steps) ** 2 * spacing**2)
    width = spacings.max() ** 2 if sigma is None else sigma * squares.max()
    off_diagonal = torch.where(squares > 0, torch.exp((squares[squares > 0].min() - squares) / width), 0)
    if mask is not None:
        off_diagonal *= mask.double()[:, None] * mask.double()
    n_cells = grid.size if mask is None else int(mask.sum())
    scale = (off_diagonal * squares).sum() / squares.max() / n_cells
    return (torch.diag(off_diagonal.sum(1)) - off_diagonal) * (2 / scale)


def assert_close_to(ours, expected):
    """Equal but for rounding, in the precision of ours, relative to the largest entry."""
    assert (ours.double() - expected).abs().max() <= 50 * torch.finfo(ours.dtype).eps * expected.abs().max()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("grid", [Grid("square", (2, 2)), Grid("oblong", (3, 2)), Grid("box", (2, 2, 3))], ids=repr)
@pytest.mark.parametrize("sigma", [1e-3, 0.005])
def test_a_kernel_narrower_than_the_cells_joins_the_nearest(grid, sigma, dtype):
    """In the limit of a narrow kernel cells that share a side pull each other, in any precision."""
    smoothness = Smoothness(grid, grid.shape, sigma, None, LIKE.to(dtype))
    assert_close_to(smoothness.laplacian(torch.eye(grid.size, dtype=dtype)), slow_laplacian(grid, sigma, None))
    limit = Smoothness(grid, grid.shape, 1e-300, None, LIKE.to(dtype)).dense_laplacian()
    cells = torch.tensor(list(np.ndindex(*grid.shape)))
    touches = (cells[:, None] - cells).abs().sum(-1) == 1
    assert torch.equal(limit < 0, touches)


def test_cells_without_a_neighbour_in_reach_are_not_rough():
    """Two cells with data at opposite ends of a line, and a kernel that reaches no further than one step."""
    mask = torch.arange(9) % 8 == 0
    smoothness = Smoothness(Grid("line", 9), (9,), 1e-6, mask, LIKE.float())
    assert torch.equal(smoothness.dense_laplacian(), torch.zeros(9, 9))


def test_an_axis_of_20_000_cells_needs_little_memory():
    smoothness = Smoothness(Grid("line", 20_000), (20_000,), None, None, LIKE)
    stored = sum(kernel.values.numel() for kernel in smoothness.kernels)
    assert stored < 40 * 20_000


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
    assert_same(roughness(weights, [None, None, None]), torch.zeros((), dtype=torch.float64))


def test_distances_around_a_periodic_axis():
    np.testing.assert_array_equal(squared_distances(5, True)[0], [0, 1, 4, 4, 1])
    np.testing.assert_array_equal(squared_distances(5, False)[0], [0, 1, 4, 9, 16])
