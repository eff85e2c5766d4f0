"""Sketches of the gradient against the gradient itself, summed over all samples' tensors."""

import pytest
import torch
from helpers import ENCODED_MODES, assert_same, axes_for, encodings, formed, normal, uniform

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.mode_encodings import OneHot
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.sketch import (
    core_of,
    find_bases,
    gradient_products,
    inverse_root,
    nonnegative_parts,
    row_products,
    sketched,
    times,
)

N_OUTPUTS = pytest.mark.parametrize("n_outputs", [1, 2])


def gradient_of(inputs, residual):
    """G, with an axis for several outputs."""
    gradient = torch.tensordot(formed(inputs), residual, ([0], [0]))
    return gradient if residual.shape[1] > 1 else gradient[..., 0]


def every_entry_once():
    modes = (Feature("player", 5), Grid("court", (3, 4)), Grid("box", (6,)))
    rows = torch.cartesian_prod(*(torch.arange(mode.size) for mode in modes))
    encoded = tuple(OneHot(rows[:, m], mode.size, torch.float64) for m, mode in enumerate(modes))
    return EncodedInputs(encoded, modes, tuple(mode.shape for mode in modes))


@N_OUTPUTS
def test_products_and_core_are_those_of_the_gradient(n_outputs):
    inputs, residual = encodings(n=40), normal(40, n_outputs, seed=3)
    gradient = gradient_of(inputs, residual)
    factors = [normal(size, 4, seed=m) for m, size in enumerate(gradient.shape)]
    letters = "abcd"[: gradient.ndim]
    each = ",".join(letter + "k" for letter in letters)
    assert_same(
        core_of(inputs, residual, factors),
        torch.einsum(f"{letters},{','.join(a + b for a, b in zip(letters, 'wxyz', strict=False))}->"
                     + "wxyz"[: len(letters)], gradient, *factors),
    )  # fmt: skip
    for m, product in enumerate(gradient_products(inputs, residual, factors)):
        others = [factor if n != m else torch.ones_like(factor) for n, factor in enumerate(factors)]
        rest = each.replace(letters[m] + "k,", "").replace("," + letters[m] + "k", "")
        expected = torch.einsum(f"{letters},{rest}->{letters[m]}k", gradient, *others[:m], *others[m + 1 :])
        assert_same(product, expected)


@N_OUTPUTS
def test_a_gradient_of_low_rank_is_found(n_outputs):
    """Samples with each entry of a tensor of rank 2 have just that gradient."""
    inputs = every_entry_once()
    model = CP(axes_for(inputs, n_outputs))
    truth = [normal(axis.size, 2, seed=7 + m) for m, axis in enumerate(model.axes)]
    residual = model.dense(dict(zip(model.names, truth, strict=True))).reshape(inputs.n_rows, -1)
    weight = torch.ones(inputs.n_rows, dtype=torch.float64)
    found = sketched(model, 2, inputs, weight, residual, 0)
    # The rows of every mode are multiplied by the inverse of what curves the objective.
    squares = [*inputs.mean_squares(weight), *[torch.ones(2).double()] * (n_outputs > 1)]
    roots = [inverse_root(axis, own) for axis, own in zip(model.axes, squares, strict=True)]
    expected = [times(root, times(root, factor)) for root, factor in zip(roots, truth, strict=True)]
    dense = model.dense(dict(zip(model.names, expected, strict=True)))
    assert_same(model.dense(found), dense, atol=1e-3 * float(dense.abs().max()))  # where the alternation ends


def test_the_bases_hold_what_the_largest_singular_vectors_do():
    inputs = every_entry_once()
    factors = [normal(size, 2, seed=m) for m, size in enumerate((5, 12, 6))]
    signal = torch.einsum("ak,bk,ck->abc", *factors).reshape(-1, 1)
    residual = signal + 0.3 * normal(*signal.shape, seed=5)
    gradient = gradient_of(inputs, residual)
    eyes = [torch.eye(n).double() for n in gradient.shape]
    bases = find_bases(inputs, residual, eyes, [2] * gradient.ndim, 0)
    for m, basis in enumerate(bases):
        unfolded = gradient.movedim(m, 0).flatten(1)
        largest = torch.linalg.svdvals(unfolded)[:2].square().sum()
        assert_same(basis.T @ basis, torch.eye(2))
        assert float((basis.T @ unfolded).square().sum()) > 0.95 * float(largest)


def test_the_root_is_that_of_the_dense_matrix():
    axis = axes_for(encodings())[1]
    squares, laplacian = uniform(axis.size), axis.smoothness.dense_laplacian()
    waves = torch.linalg.eigvalsh(laplacian)
    curvature = (squares + squares.mean()).diag() + squares.mean() / waves[1] * laplacian
    root = inverse_root(axis, squares)
    assert_same(root @ curvature @ root, torch.eye(axis.size))
    assert ENCODED_MODES[1].size == axis.size


def test_bounded_factors_are_the_larger_parts_and_a_free_one_takes_the_sign():
    first = torch.tensor([[1.0, -3.0], [-2.0, 1.0], [0.5, 0.5]])
    second = torch.tensor([[1.0, 2.0], [-1.0, 3.0]])
    kept, free = nonnegative_parts([first, second], [True, False])
    assert_same(kept, torch.tensor([[0.0, 3.0], [2.0, 0.0], [0.0, 0.0]]))
    assert_same(free, -second)
    for factor, same in zip([first, second], nonnegative_parts([first, second], [False, False]), strict=True):
        assert_same(same, factor)


def test_where_all_factors_are_bounded_no_component_changes_its_sign():
    """The negative part of both, or of the clearer one only where the other has parts of nearly the same norm."""
    first = torch.tensor([[-3.0, -3.0], [1.0, 1.0]])
    second = torch.tensor([[-2.0, 2.1], [0.5, -2.0]])
    first, second = nonnegative_parts([first, second], [True, True])
    assert_same(first, torch.tensor([[3.0, 3.0], [0.0, 0.0]]))
    assert_same(second, torch.tensor([[2.0, 0.0], [0.0, 2.0]]))


def test_outer_products_of_rows():
    assert_same(row_products(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])), torch.tensor([[3.0, 4, 6, 8]]))
