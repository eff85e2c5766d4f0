import numpy as np
import pytest
import tensorly as tl
import torch
from helpers import LAYOUTS, assert_same, axes_for, encodings, inputs_of, normal, random_parameters, slow_scores

from sklearn_mrtl.core.data.products import mode_products
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker


def formed(core, factors):
    """By tensorly."""
    return tl.tucker_to_tensor((np.asarray(core), [np.asarray(factor) for factor in factors]))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("n_outputs, rank", [(1, (2, 3, 1)), (3, (2, 2, 3, 2))])
def test_scores_against_tensorly(layout, n_outputs, rank):
    inputs = inputs_of(layout)
    model = Tucker(axes_for(inputs, n_outputs))
    parameters = random_parameters(model, rank)
    weights = torch.from_numpy(formed(parameters["core"], model.factors(parameters)))
    assert_same(model.dense(parameters), weights)
    assert_same(model.scores(parameters, inputs), slow_scores(model, weights, parameters, inputs))
    assert model.rank(parameters) == rank


@pytest.mark.parametrize("shape, rank", [((5, 4), (2, 2)), ((4, 5, 3), (2, 3, 2)), ((3, 3, 2, 4), (2, 2, 2, 3))])
def test_canonical_form_is_the_higher_order_svd(shape, rank):
    model = Tucker.__new__(Tucker)  # the canonical form needs no data
    model.axes = tuple(shape)
    factors = [normal(rows, k, seed=m) for m, (rows, k) in enumerate(zip(shape, rank, strict=True))]
    parameters = {"core": normal(*rank, seed=9), **dict(zip(model.names, factors, strict=True))}
    core, shown = model.canonical(parameters)
    assert_same(formed(core, shown), formed(parameters["core"], factors))
    for m, factor in enumerate(shown):
        assert_same(factor.T @ factor, torch.eye(rank[m]))
        assert bool((factor.gather(0, factor.abs().argmax(0, keepdim=True)) > 0).all())
        unfolded = core.movedim(m, 0).reshape(rank[m], -1)
        gram = unfolded @ unfolded.T
        assert_same(gram, torch.diag(gram.diagonal()), atol=1e-8)
        assert bool((gram.diagonal().diff() <= 1e-9).all())


def test_hooi_finds_a_tensor_of_low_rank():
    inputs = encodings()
    full = FullRank(axes_for(inputs))
    parameters = random_parameters(full)
    factors = [normal(rows, 2, seed=m) for m, rows in enumerate(parameters["weights"].shape)]
    parameters["weights"] = mode_products(normal(2, 2, 2), factors)
    model = Tucker(full.axes)
    start = model.from_full_rank(parameters, (2, 2, 2), seed=0)
    assert_same(model.dense(start), parameters["weights"], atol=1e-6)
    assert_same(start["intercept"], parameters["intercept"])


@pytest.mark.parametrize(
    "rank, sizes, expected",
    [
        (3, [5, 5, 5], (3, 3, 3)),
        (9, [2, 3, 4], (2, 3, 4)),
        ((1, 5, 5), [9, 9, 9], (1, 5, 5)),
        (9, [2, 3, 50], (2, 3, 6)),
    ],
)
def test_a_rank_that_means_something(rank, sizes, expected):
    assert Tucker.fitting_rank(rank, sizes) == expected


def test_signs_cannot_be_kept():
    with pytest.raises(ValueError, match="nonnegative factors are for decomposition='cp'; the core of Tucker"):
        Tucker(axes_for(encodings()), nonnegative=["court"])
