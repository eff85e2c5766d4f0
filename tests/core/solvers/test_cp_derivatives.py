"""Derivatives of CP scores against autograd."""

import pytest
import torch
from helpers import assert_same, normal

from sklearn_mrtl.core.solvers.cp_derivatives import data_moments, multilinear_derivatives


@pytest.mark.parametrize("sizes", [(5,), (3, 5), (2, 3, 4), (2, 3, 4, 2)])
def test_derivatives_of_scores(sizes):
    x, factors = normal(6, *sizes), [normal(size, 3, seed=m) for m, size in enumerate(sizes)]

    def scores(*factors):
        weights = factors[0]
        for factor in factors[1:]:
            weights = weights[..., None, :] * factor
        return torch.tensordot(x, weights, len(sizes)).sum(1)  # each component by itself is linear in its vectors

    expected = torch.autograd.functional.jacobian(scores, tuple(factors))
    found = multilinear_derivatives(x, factors)
    assert len(found) == len(expected)
    for derivative, right in zip(found, expected, strict=True):
        assert_same(derivative, right)


def test_moments_are_those_of_all_outputs():
    jacobians = [normal(7, 2, 3, seed=1), normal(7, 4, 3, seed=2)]
    sample, outputs = torch.rand(7, dtype=torch.float64), normal(5, 3, seed=3)
    each = [[jacobian * row for jacobian in jacobians] for row in outputs]  # of each output, by the inputs' factors
    joined = [torch.cat([part.flatten(1) for part in parts], 1) for parts in each]
    expected = sum(rows.T @ (sample[:, None] * rows) for rows in joined)
    assert_same(data_moments(jacobians, sample, outputs.T @ outputs), expected)
