import pytest
import torch
from helpers import assert_same, normal

from sklearn_mrtl import Grid
from sklearn_mrtl.core.penalties.directional import DirectionalSmoothness

LIKE = torch.zeros((), dtype=torch.float64)


@pytest.mark.parametrize("periodic", [False, (False, True)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_differences_of_neighbours_wherever_the_grid_lies(periodic, masked, dim):
    """The sum over all neighbours along each axis, one by one; its gradient is twice the Laplacian's product."""
    grid, strengths = Grid("court", (4, 3), periodic=periodic), (0.7, 2.0)
    mask = torch.arange(12) != 4 if masked else None
    smoothness = DirectionalSmoothness(grid, grid.shape, strengths, mask, LIKE)
    weights = normal(2, 12, 5).movedim(1, dim).contiguous().requires_grad_()
    cells = weights.movedim(dim, -1).unflatten(-1, grid.shape)  # (2, 5, 4, 3)
    has_data = torch.ones(4, 3) if mask is None else mask.reshape(4, 3).double()
    expected = 0.0
    for axis, (n, strength) in enumerate(zip(grid.shape, strengths, strict=True)):
        pairs = [(d, d + 1) for d in range(n - 1)] + ([(n - 1, 0)] if grid.periodic[axis] else [])
        for one, other in pairs:
            steps = n * (cells.select(axis - 2, one) - cells.select(axis - 2, other))
            both = has_data.select(axis, one) * has_data.select(axis, other)
            expected = expected + strength * (steps.square() * both).sum()
    actual = smoothness.roughness(weights, dim)
    assert_same(actual.detach(), expected.detach())
    slow, fast = (torch.autograd.grad(value, weights)[0] for value in (expected, actual))
    assert_same(fast, slow)
    assert_same(2 * smoothness.laplacian(weights.detach(), dim), slow)
