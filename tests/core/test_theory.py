"""Section 5 of the paper in numbers: gradient descent on strongly convex problems, with the package's own Finegrain."""

import math

import pytest
import torch
from helpers import generator

from sklearn_mrtl import Grid
from sklearn_mrtl.core.finegraining import coarsen_means, finegrain

GRIDS = [
    Grid("line", 64, quantity="mean"),
    Grid("ring", 64, quantity="mean", periodic=True),
    Grid("line", 64, interpolation="nearest"),
    Grid("map", (16, 8), quantity="mean"),
    Grid("globe", (8, 16), quantity="mean", periodic=(False, True)),
    Grid("map", (16, 8), interpolation="nearest"),
    Grid("volume", (8, 4, 4), quantity="mean"),
]
N_LEVELS = 3


def halvings(grid: Grid) -> list[tuple[int, ...]]:
    return [tuple(n // 2**level for n in grid.shape) for level in reversed(range(N_LEVELS))]


def operator(grid: Grid, coarse, fine) -> torch.Tensor:
    """P as a matrix (D_fine, D_coarse), made by the package's Finegrain."""
    return finegrain(torch.eye(math.prod(coarse), dtype=torch.float64), 0, grid, coarse, fine)


def norm(operator: torch.Tensor) -> float:
    return float(torch.linalg.matrix_norm(operator, 2))


def descend(hessian, optimum, w, rate: float, n_steps: int) -> list[torch.Tensor]:
    """All iterates of gradient descent on (w - w*)' H (w - w*) / 2."""
    path = [w]
    for _ in range(n_steps):
        path.append(path[-1] - rate * (hessian @ (path[-1] - optimum)))
    return path


def random_hessian(n: int, mu: float, smoothness: float, seed: int) -> torch.Tensor:
    """Symmetric, with eigenvalues from mu to L."""
    basis, _ = torch.linalg.qr(torch.randn(n, n, dtype=torch.float64, generator=generator(seed)))
    return (basis * torch.linspace(mu, smoothness, n, dtype=torch.float64)) @ basis.T


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_norm_of_finegrain(grid):
    """The root of the ratio of cells, so 1 where a norm counts each cell by its area: finegraining loses nothing.

    The paper's raw weights of "linear" grids are those of the package times the area of a cell.
    """
    for coarse, fine in zip(halvings(grid), halvings(grid)[1:], strict=False):
        ratio = math.prod(fine) / math.prod(coarse)
        p_norm = norm(operator(grid, coarse, fine))
        assert p_norm == pytest.approx(math.sqrt(ratio))  # raw weights of "constant"
        assert p_norm / ratio == pytest.approx(1 / math.sqrt(ratio))  # raw weights of "linear"


@pytest.mark.parametrize("grid", GRIDS, ids=repr)
def test_theorem_5_3(grid):
    """||w_t - w*||^2 <= gamma^t ||P||^(2r) ||w_0 - w*||^2, with t the steps at all levels, r the finegrainings.

    Spatial smoothness (definition 5.2) holds with epsilon = 0, and without noise the remainder is none. gamma is
    (1 - eta mu)^2, the contraction of gradient descent; the paper's 1 - 2 eta mu is that without its square term.
    """
    mu, smoothness, n_steps = 0.3, 2.0, 7
    rate = 1 / smoothness
    gamma = (1 - rate * mu) ** 2
    shapes = halvings(grid)
    optimum = torch.randn(math.prod(shapes[0]), dtype=torch.float64, generator=generator(1))
    w = torch.zeros_like(optimum)
    start = float(optimum @ optimum)
    growth, t = 1.0, 0
    for level, shape in enumerate(shapes):
        if level:
            p = operator(grid, shapes[level - 1], shape)
            w, optimum, growth = p @ w, p @ optimum, growth * norm(p) ** 2
        path = descend(random_hessian(len(w), mu, smoothness, level), optimum, w, rate, n_steps)
        for steps, w in enumerate(path):
            distance = float((w - optimum) @ (w - optimum))
            assert distance <= gamma ** (t + steps) * growth * start * (1 + 1e-12)
        t += n_steps


def test_gamma_of_the_paper_lacks_a_square_term():
    """1 - 2 eta mu is less than the slowest direction contracts by; what is missing is (eta mu)^2, O(eta) in all."""
    mu, smoothness = 0.3, 2.0
    rate = 1 / smoothness
    hessian = torch.diag(torch.tensor([mu, smoothness], dtype=torch.float64))
    optimum = torch.tensor([1.0, 0.0], dtype=torch.float64)
    first = descend(hessian, optimum, torch.zeros(2, dtype=torch.float64), rate, 1)[-1]
    distance = float((first - optimum) @ (first - optimum))
    assert distance == pytest.approx(1 - 2 * rate * mu + (rate * mu) ** 2)
    assert distance > 1 - 2 * rate * mu


class SmoothRegression:
    """Ridge regression on smooth fields of one axis; the norm counts each cell by its area, so that ||P|| is 1."""

    def __init__(self, n_cells: int = 512, alpha: float = 0.05):
        self.grid = Grid("line", n_cells, quantity="mean")
        self.alpha = alpha
        place = (torch.arange(n_cells, dtype=torch.float64) + 0.5) / n_cells
        waves = torch.stack(
            [wave(math.pi * m * place) / m**0.5 for m in range(1, 9) for wave in (torch.cos, torch.sin)]
        )
        self.fields = torch.randn(80, len(waves), dtype=torch.float64, generator=generator(0)) @ waves
        self.y = self.fields @ torch.exp(-(((place - 0.4) / 0.15) ** 2)) / n_cells
        self.optima = {n: torch.linalg.solve(*self.normal_equations(n)) for n in self.levels()}

    def levels(self) -> list[int]:
        return [8 * 2**level for level in range(int(math.log2(self.grid.size // 8)) + 1)]

    def normal_equations(self, n: int):
        """Hessian and right-hand side on n cells, in the inner product mean_d u_d v_d."""
        fields = coarsen_means(self.fields, 1, self.grid.shape, (n,))
        hessian = fields.T @ fields / len(fields) / n + self.alpha * torch.eye(n, dtype=torch.float64)
        return hessian, fields.T @ self.y / len(fields)

    def finer(self, w, n: int):
        return finegrain(w, 0, self.grid, (len(w),), (n,))

    def distance(self, w, n: int) -> float:
        return float((w - self.optima[n]).square().mean().sqrt())

    def epochs(self, w, n: int, tolerance: float):
        """Weights within the tolerance of the level's optimum, and the steps to there."""
        hessian, right = self.normal_equations(n)
        rate = 1 / float(torch.linalg.eigvalsh(hessian)[-1])
        for epoch in range(10_000):
            if self.distance(w, n) <= tolerance:
                return w, epoch
            w = w - rate * (hessian @ w - right)
        raise AssertionError("no convergence")


def test_smoothness_and_epochs_per_level():
    """Definition 5.2 and theorem 5.5: bounded epochs at each level; from zero they grow with log 1 / epsilon."""
    problem = SmoothRegression()
    levels = problem.levels()
    gaps = [problem.distance(problem.finer(problem.optima[n], 2 * n), 2 * n) for n in levels[:-1]]
    for gap, next_gap in zip(gaps, gaps[1:], strict=False):
        assert 3 < gap / next_gap < 5  # second order: a quarter at each halving of the cells

    w, per_level, from_zero = torch.zeros(levels[0], dtype=torch.float64), [], []
    for n, gap in zip(levels[:-1], gaps, strict=True):
        w = problem.finer(w, n)
        w, epochs = problem.epochs(w, n, gap)
        per_level.append(epochs)
        from_zero.append(problem.epochs(torch.zeros(n, dtype=torch.float64), n, gap)[1])
    rate = 1 / float(torch.linalg.eigvalsh(problem.normal_equations(levels[-1])[0])[-1])
    log_contraction = -math.log(1 - rate * problem.alpha)  # by which an epoch shrinks the log of the distance
    for before, gap, epochs in zip(gaps, gaps[1:], per_level[1:], strict=False):
        to_shrink = math.log(2 * before / gap)  # lemma A.6: the gap that the coarser level leaves, and the new one
        assert epochs <= to_shrink / log_contraction + 1
    growth = [after - before for before, after in zip(from_zero, from_zero[1:], strict=False)]
    assert min(growth[2:]) >= 8  # lemma 5.4: as many more epochs for each factor of 4 in epsilon
    assert per_level[-1] - per_level[-2] <= 3
