import numpy as np
import pytest
import tensorly as tl
import torch
from helpers import assert_same, normal, uniform

from sklearn_mrtl.core.models.als import UNSEEN, alternate, canonical, cp_als, multilinear_core


def formed(factors, weights=None):
    """By tensorly."""
    factors = [np.asarray(factor) for factor in factors]
    weights = np.ones(factors[0].shape[1]) if weights is None else np.asarray(weights)
    return tl.cp_to_tensor((weights, factors))


def random_factors(shape, rank, seed=0):
    return [normal(rows, rank, seed=seed + m) for m, rows in enumerate(shape)]


@pytest.mark.parametrize("shape", [(5, 4), (4, 5, 3), (3, 2, 4, 2)])
@pytest.mark.parametrize("orthogonal", [True, False])
@pytest.mark.parametrize("signed", [0, 1])
def test_canonical_form(shape, orthogonal, signed):
    factors = random_factors(shape, 3)
    weights, shown = canonical(factors, orthogonal=orthogonal, signed=signed)
    assert_same(formed(shown, weights), formed(factors))
    assert bool((weights.diff() <= 0).all()) and bool((weights >= 0).all())
    for m, factor in enumerate(shown):
        assert_same(factor.norm(dim=0), torch.ones(3))
        if m != signed:
            assert bool((factor.gather(0, factor.abs().argmax(0, keepdim=True)) > 0).all())


def test_canonical_form_does_not_depend_on_scale_sign_or_order():
    factors = random_factors((4, 5, 3), 3)
    other = [factor[:, [2, 0, 1]] for factor in factors]
    other = [other[0] * -2, other[1] * torch.tensor([1.0, -0.5, 3.0]), other[2] * -1]
    rescaled = [factors[0] * 2, factors[1] * torch.tensor([-0.5, 3.0, 1.0]), factors[2]]
    for actual, expected in zip(canonical(other)[1], canonical(rescaled)[1], strict=True):
        assert_same(actual, expected)


def test_with_two_modes_it_is_the_singular_value_decomposition():
    factors = random_factors((6, 4), 3)
    turn = normal(3, 3, seed=9)
    turned = [factors[0] @ turn, factors[1] @ torch.linalg.inv(turn).T]  # the same W
    weights, shown = canonical(factors)
    assert_same(weights, np.linalg.svd(formed(factors), compute_uv=False)[:3])
    for factor, other in zip(shown, canonical(turned)[1], strict=True):
        assert_same(factor.T @ factor, torch.eye(3))
        assert_same(factor, other, rtol=1e-6, atol=1e-8)


def test_a_component_that_is_zero_stays_zero():
    factors = random_factors((4, 5, 3), 2)
    factors[1][:, 0] = 0
    weights, shown = canonical(factors)
    assert_same(weights[1], 0.0)
    assert_same(formed(shown, weights), formed(factors))


@pytest.mark.parametrize("shape", [(6, 4), (4, 5, 3), (3, 2, 4, 3)])
def test_cp_als_finds_a_tensor_of_low_rank(shape):
    """Of orthogonal components, which the alternation cannot miss."""
    factors = [torch.linalg.qr(factor)[0] * torch.tensor([3.0, 2.0]) for factor in random_factors(shape, 2)]
    expected = formed(factors)
    found = cp_als(torch.from_numpy(expected), 2, seed=0)
    np.testing.assert_allclose(formed(found), expected, atol=1e-3 * np.abs(expected).max())
    norms = torch.stack([factor.norm(dim=0) for factor in found])
    assert_same(norms, norms.mean(0).expand_as(norms), rtol=1e-6)  # spread evenly


@pytest.mark.parametrize(
    "shape", [(4, 5, 3), (30, 2, 3), (3, 2, 4, 3)]
)  # a mode may be larger than all others together
@pytest.mark.parametrize("rank", [1, 3])
def test_a_core_leaves_out_singular_vectors_that_hardly_matter(shape, rank):
    factors = [torch.linalg.qr(factor)[0] * torch.tensor([1.0, 0.3, 1e-3][: min(shape)]) for factor in
               random_factors(shape, min(3, min(shape)))]  # fmt: skip
    tensor = torch.from_numpy(formed(factors))
    core, bases = multilinear_core(tensor, rank)
    assert all(min(rank, n) <= basis.shape[1] <= n for basis, n in zip(bases, shape, strict=True))
    for basis in bases:
        assert_same(basis.T @ basis, torch.eye(basis.shape[1]), atol=1e-9)
    assert float(core.square().sum()) >= (1 - len(shape) * UNSEEN) * float(tensor.square().sum())
    assert rank > 1 or core.numel() == 1


def test_components_that_the_singular_vectors_leave_empty_start_anew():
    """The products of leading vectors with the same number are 0 here: no step would leave that start."""
    a, b = torch.eye(4, dtype=torch.float64)[0], torch.eye(4, dtype=torch.float64)[3]
    three = [(a, a, b), (a, b, a), (b, a, a)]
    tensor = sum(torch.einsum("i,j,k->ijk", *vectors) for vectors in three)
    for rank, largest_error in ((2, 0.1), (3, 0.01)):
        factors = cp_als(tensor, rank, seed=0)
        assert_same(torch.einsum("ik,jk,lk->ijl", *factors), tensor, atol=largest_error)


def test_alternation_ends_where_the_error_hardly_falls():
    tensor, start = normal(6, 5, 4), random_factors((6, 5, 4), 3)
    errors = [
        float((tensor - torch.from_numpy(formed(alternate(tensor, start, n_iter=n)))).norm()) for n in range(1, 60)
    ]
    ended = float((tensor - torch.from_numpy(formed(alternate(tensor, start, tol=1e-3)))).norm())
    falls = -np.diff(errors) / float(tensor.norm())
    assert_same(ended, errors[1 + int(np.flatnonzero(falls <= 1e-3)[0])], rtol=1e-9)


def test_for_a_matrix_it_is_the_best_of_its_rank():
    matrix = normal(7, 5)
    left, values, right = np.linalg.svd(matrix.numpy())
    assert_same(formed(cp_als(matrix, 2, seed=0)), (left[:, :2] * values[:2]) @ right[:2])


def test_components_that_are_rounding_are_nothing():
    matrix = normal(7, 2) @ normal(2, 5, seed=1)
    first, second = cp_als(matrix, 4, seed=0)
    assert_same(formed([first, second]), matrix)
    assert_same(first[:, 2:], torch.zeros(7, 2), atol=0)


@pytest.mark.parametrize("shape", [(6, 4), (4, 5, 3)])
@pytest.mark.parametrize("chosen", [[0], [0, 1], "all"])
def test_nonnegative_start(shape, chosen):
    chosen = list(range(len(shape))) if chosen == "all" else chosen
    factors = [uniform(rows, 2, seed=m) for m, rows in enumerate(shape)]
    found = cp_als(torch.from_numpy(formed(factors)), 2, 0, chosen)
    assert all(bool((found[m] >= 0).all()) for m in chosen)
    error = np.linalg.norm(formed(found) - formed(factors)) / np.linalg.norm(formed(factors))
    assert error < 0.1


@pytest.mark.parametrize("chosen", [[], [1], [0, 1, 2]])
def test_nothing_to_decompose(chosen):
    for factor in cp_als(torch.zeros(4, 5, 3, dtype=torch.float64), 2, 0, chosen):
        assert_same(factor, torch.zeros_like(factor))


def test_nonnegative_start_of_a_negative_tensor():
    """A free mode takes the sign; with none there is nothing better than 0."""
    negative = -torch.from_numpy(formed([uniform(rows, 2, seed=m) for m, rows in enumerate((4, 5, 3))]))
    assert_same(formed(cp_als(negative, 2, 0, [0, 2])), negative, atol=0.05)
    assert_same(formed(cp_als(negative, 2, 0, [0, 1, 2])), torch.zeros_like(negative))
