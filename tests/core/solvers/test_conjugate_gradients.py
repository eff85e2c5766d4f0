"""Conjugate gradients against the dense solution."""

import torch
from helpers import assert_same, normal

from sklearn_mrtl.core.solvers.conjugate_gradients import conjugate_gradients


def test_the_solution_is_that_of_the_matrix():
    root = normal(30, 12)
    matrix, b = root.T @ root + 0.1 * torch.eye(12, dtype=torch.float64), normal(12, seed=1)
    preconditioner = 1 / matrix.diagonal()
    solution = conjugate_gradients(lambda v: matrix @ v, b, preconditioner, torch.zeros_like(b), 100, 1e-12)
    assert_same(solution, torch.linalg.solve(matrix, b))


def test_few_steps_come_near_and_a_good_start_takes_none():
    matrix, b = torch.diag(torch.arange(1.0, 9.0, dtype=torch.float64)), normal(8)
    exact = b / matrix.diagonal()
    ones, products = torch.ones_like(b), []

    def product(v):
        products.append(v)
        return matrix @ v

    near = conjugate_gradients(product, b, ones, torch.zeros_like(b), 3, 1e-12)
    assert (near - exact).norm() < 0.3 * exact.norm() and len(products) == 4
    products.clear()
    assert_same(conjugate_gradients(product, b, ones, exact, 100, 1e-6), exact)
    assert len(products) == 1
