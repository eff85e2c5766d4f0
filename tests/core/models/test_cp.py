import numpy as np
import pytest
import tensorly as tl
import torch
from helpers import assert_same, axes_for, encodings, fields, inputs_of, normal, random_parameters, slow_scores

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.models.als import cp_als
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank


def formed(factors, weights=None):
    """By tensorly."""
    factors = [np.asarray(factor) for factor in factors]
    weights = np.ones(factors[0].shape[1]) if weights is None else np.asarray(weights)
    return tl.cp_to_tensor((weights, factors))


def random_factors(shape, rank, seed=0):
    return [normal(rows, rank, seed=seed + m) for m, rows in enumerate(shape)]


@pytest.mark.parametrize("layout", ["fields", "encodings"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("rank", [1, 4])
def test_eq_2_against_tensorly(layout, n_outputs, rank):
    inputs = inputs_of(layout)
    model = CP(axes_for(inputs, n_outputs))
    parameters = random_parameters(model, rank)
    weights = torch.from_numpy(formed(model.factors(parameters)))
    assert_same(model.dense(parameters), weights)
    assert_same(model.scores(parameters, inputs), slow_scores(model, weights, parameters, inputs))
    assert model.rank(parameters) == rank


@pytest.mark.parametrize("modes", [(Grid("a", 6, quantity="mean"),), (Feature("a", 2), Grid("b", (2, 3)))])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_fewer_modes(modes, n_outputs):
    for inputs in (fields(modes), encodings(modes)):
        model = CP(axes_for(inputs, n_outputs))
        parameters = random_parameters(model, 4)
        weights = torch.from_numpy(formed(model.factors(parameters)))
        assert_same(model.scores(parameters, inputs), slow_scores(model, weights, parameters, inputs))


@pytest.mark.parametrize(
    ("modes", "n_outputs", "nonnegative", "signed"),
    [
        ((Feature("player", 9), Grid("box", (2, 2)), Grid("court", (2, 3))), 1, (), 2),
        ((Feature("player", 9), Grid("court", (2, 3)), Grid("box", (2, 2))), 12, (), 1),
        ((Feature("player", 2), Feature("team", 9)), 3, (), 0),
        ((Feature("player", 9), Grid("box", (2, 2)), Grid("court", (2, 3))), 1, ("court",), 1),
        ((Feature("player", 9), Grid("court", (2, 3))), 1, ("court",), 0),
        ((Feature("player", 9), Grid("court", (2, 3))), 1, ("player", "court"), 1),
    ],
)
def test_the_largest_grid_that_may_be_negative_takes_the_sign(modes, n_outputs, nonnegative, signed):
    model = CP(axes_for(encodings(modes), n_outputs), nonnegative)
    parameters = random_parameters(model, 2)
    parameters |= {name: parameters[name].abs() for name in model.bounded}
    for m, factor in enumerate(model.canonical(parameters)[1]):
        columns = factor.reshape(-1, 2)
        assert m == signed or bool((columns.amax(0) == columns.abs().amax(0)).all())
        if modes[m : m + 1] and modes[m].name in nonnegative:
            assert bool((factor >= 0).all())


@pytest.mark.parametrize("true_rank", [1, 2])
@pytest.mark.parametrize("rank", [3, 10])
@pytest.mark.parametrize("n_levels", [1, 4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_more_components_than_the_tensor_has(true_rank, rank, n_levels, seed):
    """A level, or all but one, never seen in the data is a slab of zeros."""
    factors = random_factors((4, 9, 5), true_rank)
    factors[0][n_levels:] = 0
    expected = formed(factors)
    found = cp_als(torch.from_numpy(expected), rank, seed=seed)
    np.testing.assert_allclose(formed(found), expected, atol=1e-3 * np.abs(expected).max())
    assert all(bool((factor.abs() < 10).all()) for factor in found)


def test_from_full_rank_and_random_have_the_intercept_and_are_nonnegative_where_asked():
    inputs = encodings()
    full = FullRank(axes_for(inputs, 2))
    parameters = random_parameters(full)
    model = CP(full.axes, nonnegative=["court", None])
    start = model.from_full_rank(parameters, 2, seed=0)
    assert model.bounded == {"factor 1", "factor 3"}
    assert_same(start["intercept"], parameters["intercept"])
    for factors in (start, model.random(2, parameters["intercept"], 1.0, seed=0)):
        assert all(bool((factors[name] >= 0).all()) for name in model.bounded)


def test_random_factors_give_scores_of_a_tenth_and_nothing_on_land():
    modes = (Feature("lag", 4), Grid("sea", (8, 8), quantity="mean"))
    mask = torch.arange(64) % 5 != 0
    inputs = fields(modes, n=400, masks={"sea": mask})
    inputs = type(inputs)(
        inputs.x, inputs.center * 0, *[getattr(inputs, name) for name in ("modes", "shapes", "masks")]
    )
    model = CP(axes_for(inputs))
    weight = torch.ones(400, dtype=torch.float64)
    mean_square = float(torch.stack([values.sum() for values in inputs.mean_squares(weight)]).prod())
    spreads = [float(model.scores(model.random(5, weight, mean_square, seed), inputs).std()) for seed in range(20)]
    assert 0.05 < np.mean(spreads) < 0.2
    assert_same(model.random(5, weight, mean_square, 0)["factor 1"][~mask], torch.zeros(13, 5))


@pytest.mark.parametrize(
    "rank, sizes, expected", [(10, [3, 5], 3), (2, [3, 5], 2), (100, [2, 3, 7], 6), (10, [4], 1), (5, [9, 1], 1)]
)
def test_a_rank_that_means_something(rank, sizes, expected):
    assert CP.fitting_rank(rank, sizes) == expected


def test_the_rank_of_cp_is_one_number():
    with pytest.raises(TypeError, match=r"the rank of a CP decomposition is one number, got \(2, 2\)"):
        CP.fitting_rank((2, 2), (3, 4))
