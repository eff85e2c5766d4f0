import pytest
import torch
from helpers import assert_same, normal
from solver_problems import grid_axis

from sklearn_mrtl import Feature
from sklearn_mrtl.core.finegraining import finegrain
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.solvers.two_level import Block, CoarseAxis, TwoLevelSystem
from sklearn_mrtl.core.solvers.waves import Waves

LIKE = torch.zeros((), dtype=torch.float64)


def positive(n, seed=0):
    root = normal(n, n, seed=seed)
    return root @ root.T / n + 0.1 * torch.eye(n).double()


def coarse_axis(shape=(3, 3), **options):
    return CoarseAxis(grid_axis(**options), shape, LIKE)


def feature_axis():
    return CoarseAxis(Axis(Feature("lag", 4), (4,)), (4,), LIKE)


def matrix(function, *shape):
    """The matrix of a linear function of tensors (rows, K, B) with B = 1."""
    columns = torch.eye(shape[0] * shape[1]).double().reshape(-1, *shape, 1)
    return torch.stack([function(column).reshape(-1) for column in columns], 1)


@pytest.mark.parametrize("masked", [False, True])
def test_means_about_coarse_cells_and_their_adjoint(masked):
    """R' interpolates between the centres of the coarse cells, for entries per fine cell from those per coarse cell."""
    axis = coarse_axis((3, 4), masked=masked)
    x, y = normal(48, 2), normal(12, 2, seed=1)
    assert_same((axis.restrict(x) * y).sum(), (x * axis.extend(y)).sum())
    fine = finegrain(y, 0, axis.axis.mode, (3, 4), (6, 8)) * 12 / 48
    mask = torch.ones(48).double() if axis.mask is None else axis.mask[:, 0]
    assert_same(axis.extend(y), fine * mask[:, None])
    assert_same(axis.filled, mask.reshape(3, 2, 4, 2).mean((1, 3)).reshape(12))


def test_cells_that_are_not_coarser_are_the_same():
    axis = coarse_axis((6, 8))
    x = normal(48, 2)
    assert_same(axis.restrict(x), x)


@pytest.mark.parametrize("axis", [coarse_axis(masked=True), coarse_axis((6, 8)), feature_axis()])
def test_coordinates_in_which_the_penalty_is_simple(axis):
    along, within = positive(3), positive(3, seed=1)
    block = Block(axis, along, within)
    n = axis.axis.size
    laplacian = torch.zeros(n, n).double() if axis.axis.smoothness is None else axis.axis.smoothness.dense_laplacian()
    mask = torch.ones(n).double() if axis.mask is None else axis.mask[:, 0]
    expected = torch.kron(laplacian, along) + torch.kron(torch.diag(mask), within)
    penalty = matrix(lambda x: block.penalty(x), n, 3)
    to, back = matrix(block.to_coordinates, n, 3), matrix(block.from_coordinates, n, 3)
    assert_same(penalty, to @ expected @ back, rtol=1e-4, atol=2e-3)


def system(masked=True, coarse=(3, 3), exact=True):
    sea = coarse_axis(coarse, masked=masked)
    if not exact:
        sea.waves = Waves(sea.axis, max_exact=0)
    blocks = [
        Block(feature_axis(), positive(2), positive(2, seed=1)),
        Block(sea, 0.01 * positive(2, seed=2), positive(2, seed=3)),
    ]
    n = sum(block.n_unknowns for block in blocks)
    return TwoLevelSystem(blocks, positive(n, seed=4)), blocks


def dense(function, blocks):
    """The matrix of a function of one tensor for each block, with 1 on the diagonal of cells without data."""
    sizes = [block.coarse.axis.size * 2 for block in blocks]

    def of_joined(x):
        parts = [part.reshape(-1, 2, 1) for part in x.split(sizes)]
        return torch.cat([part.reshape(-1) for part in function(parts)])

    columns = torch.stack([of_joined(x) for x in torch.eye(sum(sizes)).double()], 1)
    free = torch.cat([block.masked(torch.ones(block.coarse.axis.size, 2, 1).double()).reshape(-1) for block in blocks])
    return columns + torch.diag(1 - free)


@pytest.mark.parametrize("masked", [False, True])
def test_the_preconditioner_is_the_inverse_for_its_own_penalty(masked):
    """By the dense matrices: (P + R'CR)^-1 for the P whose inverse the blocks apply."""
    equations, blocks = system(masked, exact=False)
    inverse = dense(lambda x: [b.inverse(v) for b, v in zip(blocks, x, strict=True)], blocks)
    data = dense(equations.times, blocks) - dense(
        lambda x: [b.penalty(v) for b, v in zip(blocks, x, strict=True)], blocks
    )
    rough = dense(equations.rough_solution, blocks)
    assert_same(rough @ (torch.linalg.inv(inverse) + data), torch.eye(len(rough)).double(), atol=1e-7)


def test_conjugate_gradients_solve_the_equations():
    equations, blocks = system()
    gradient = [block.masked(normal(block.coarse.axis.size, 2, 1, seed=n)) for n, block in enumerate(blocks)]
    found = equations.solve(gradient)
    joined = torch.cat([g.reshape(-1) for g in gradient])
    expected = torch.linalg.solve(dense(equations.times, blocks), joined)
    found = torch.cat([x.reshape(-1) for x in found])
    gain, best = float(joined @ found), float(joined @ expected)
    assert 0.95 * best < gain <= best * (1 + 1e-9)


def test_one_iteration_where_the_coarse_cells_are_the_fine_ones():
    equations, blocks = system(masked=False, coarse=(6, 8))
    gradient = [normal(block.coarse.axis.size, 2, 1, seed=n) for n, block in enumerate(blocks)]
    found = torch.cat([x.reshape(-1) for x in equations.rough_solution(gradient)])
    joined = torch.cat([g.reshape(-1) for g in gradient])
    assert_same(found, torch.linalg.solve(dense(equations.times, blocks), joined), rtol=1e-6, atol=1e-8)


def test_coarse_cells_that_share_few_fine_cells():
    """Four coarse cells see one cell of each of two lakes: their rows of R depend on each other."""
    mask = torch.zeros(12, 15, dtype=torch.bool)
    mask[:, 10:] = mask[2, 2] = mask[8, 5] = True
    sea = CoarseAxis(grid_axis((12, 15), mask=mask.flatten()), (4, 5), LIKE)
    sea.waves = Waves(sea.axis, max_exact=0)
    block = Block(sea, 0.001 * positive(2), 0.001 * positive(2, seed=1))
    rows = sea.extend(torch.eye(20).double())
    near = rows.norm(dim=0) > 0
    assert torch.linalg.matrix_rank(rows) == near.sum() - 6, "or the test shows nothing"
    rounding = torch.finfo(torch.float64).eps * torch.linalg.eigvalsh(block.coarse_penalty).max()
    assert rounding < 1e-4, "products with the coarse penalty would have no digits left"

    near = near.repeat_interleave(2).double()
    equations = TwoLevelSystem([block], 1e4 * positive(40, seed=2) * near * near[:, None])
    inverse = dense(lambda x: [block.inverse(x[0])], [block])
    data = dense(equations.times, [block]) - dense(lambda x: [block.penalty(x[0])], [block])
    rough = dense(equations.rough_solution, [block])
    ratios = torch.linalg.eigvals(rough @ (torch.linalg.inv(inverse) + data)).real
    assert_same(ratios, torch.ones(360).double(), atol=1e-4)
