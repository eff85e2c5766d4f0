"""The match score against explicit permutations, and what it makes of estimators."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.inspection import factor_match_score
from sklearn_mrtl.preprocessing import ModeEncoder

MODES = {"a": (4,), "b": (3, 5), "c": (6,)}


def components(rank, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(*shape, rank)) for name, shape in MODES.items()}, rng.uniform(1, 5, rank)


def slow_score(a, b, consider_weights, absolute_value):
    """The best of all permutations of b."""
    (a, a_weights), (b, b_weights) = a, b
    best = -np.inf
    for order in permutations(range(len(b_weights)), len(a_weights)):
        total = 0
        for r, s in enumerate(order):
            columns = [(a[name][..., r].ravel(), b[name][..., s].ravel()) for name in a]
            cosine = np.prod([x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x, y in columns])
            one = a_weights[r] * np.prod([np.linalg.norm(x) for x, _ in columns])
            other = b_weights[s] * np.prod([np.linalg.norm(y) for _, y in columns])
            fraction = 1 - abs(one - other) / max(one, other) if consider_weights else 1
            total += fraction * (abs(cosine) if absolute_value else cosine)
        best = max(best, total / len(order))
    return best


@pytest.mark.parametrize("rank", [3, 4])
@pytest.mark.parametrize("consider_weights", [True, False])
@pytest.mark.parametrize("absolute_value", [True, False])
def test_definition(rank, consider_weights, absolute_value):
    a, b = components(3, 0), components(rank, 1)
    options = {"consider_weights": consider_weights, "absolute_value": absolute_value}
    assert factor_match_score(a, b, **options) == pytest.approx(slow_score(a, b, **options))
    assert factor_match_score(b, a, **options) == pytest.approx(factor_match_score(a, b, **options))


def test_scale_sign_and_order_do_not_matter():
    factors, weights = components(3, 0)
    order = [1, 2, 0]
    other = {name: -3 * factor[..., order] for name, factor in factors.items()}
    score, permutation = factor_match_score(factors, other, return_permutation=True)
    assert score == pytest.approx(1)
    np.testing.assert_array_equal(permutation, [2, 0, 1])
    assert factor_match_score((factors, weights), (factors, 2 * weights), consider_weights=True) == pytest.approx(0.5)


def test_land_is_ignored():
    factors, _ = components(2, 0)
    land = {**factors, "b": factors["b"].copy()}
    land["b"][0, 2] = np.nan
    other = {**factors, "b": factors["b"].copy()}
    other["b"][0, 2] = 1e6
    assert factor_match_score(land, other) == pytest.approx(1)


def test_components_left_over():
    factors, _ = components(3, 0)
    fewer = {name: factor[..., [2]] for name, factor in factors.items()}
    score, permutation = factor_match_score(factors, fewer, return_permutation=True)
    assert score == pytest.approx(1)
    np.testing.assert_array_equal(permutation, [-1, -1, 0])


def test_estimators(ocean, ocean_model, shots_model):
    assert factor_match_score(ocean_model, ocean_model) == pytest.approx(1)
    assert factor_match_score(shots_model, shots_model[-1]) == pytest.approx(1)
    pair = ocean_model.factors_, ocean_model.component_weights_
    assert factor_match_score(ocean_model, pair, consider_weights=True) == pytest.approx(1)
    assert 0.3 < factor_match_score(ocean_model, ocean.factors) < 1


def test_true_factors_are_found():
    from sklearn_mrtl.datasets import make_ocean

    simulated = make_ocean(
        1000, n_lags=12, n_variables=4, n_components=2, shape=(12, 27), best_r2=0.9, dtype=np.float32, random_state=0
    )
    model = MRTLRegressor(simulated.modes, rank=2).fit(simulated.data, simulated.target)
    assert factor_match_score(model, simulated.factors) > 0.9


def test_bad_input(ocean, ocean_model):
    factors, weights = components(2, 0)
    with pytest.raises(ValueError, match="name those to compare"):
        factor_match_score(factors, ocean.factors)
    with pytest.raises(ValueError, match="modes names 'sea'"):
        factor_match_score(factors, factors, modes=["sea"])
    with pytest.raises(ValueError, match="have the shapes"):
        factor_match_score(factors, {**factors, "a": factors["a"][1:]})
    with pytest.raises(ValueError, match="same number of columns"):
        factor_match_score(factors, {**factors, "a": factors["a"][:, :1]})
    with pytest.raises(ValueError, match="weights must have shape"):
        factor_match_score((factors, weights[:1]), factors)
    with pytest.raises(TypeError, match="must be an MRTLRegressor"):
        factor_match_score(3, factors)
    full = MRTLRegressor(ocean.modes, rank=None, n_levels=1).fit(ocean.data, ocean.target)
    with pytest.raises(ValueError, match="full rank"):
        factor_match_score(full, full)
    tucker = MRTLRegressor(ocean.modes, rank=2, decomposition="tucker").fit(ocean.data, ocean.target)
    with pytest.raises(ValueError, match="tucker"):
        factor_match_score(tucker, tucker)


def fitted_to_players(players, rng_seed):
    """A model of a table that has some players only, in any order."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(rng_seed)
    table = pd.DataFrame({"player": rng.choice(players, 300), "x": rng.uniform(0, 6, 300)})
    y = np.where(table.player == players[0], 1, -1) * table.x + rng.normal(size=300)
    encoder = ModeEncoder(["player", (Grid("line", 6, bounds=(0, 6)), "x")])
    return make_pipeline(encoder, MRTLRegressor(rank=2)).fit(table, y)


def test_categories_are_matched_by_name():
    a, b = fitted_to_players(["Dee", "Bo", "Cy", "Ann"], 0), fitted_to_players(["Cy", "Dee", "Eve", "Bo"], 1)
    factors = {name: dict(model[-1].factors_) for name, model in (("a", a), ("b", b))}
    factors["a"]["player"] = factors["a"]["player"][[1, 2, 3]]  # Bo, Cy, Dee of Ann, Bo, Cy, Dee
    factors["b"]["player"] = factors["b"]["player"][[0, 1, 2]]  # of Bo, Cy, Dee, Eve
    expected = factor_match_score(factors["a"], factors["b"])
    assert factor_match_score(a, b) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no category of 'player' in common: Ann, Bo, Cy, Dee; Eve, Flo"):
        factor_match_score(a, fitted_to_players(["Eve", "Flo"], 2))
