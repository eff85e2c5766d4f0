"""Activation patterns, against covariances cell by cell."""

import numpy as np
import pytest

from sklearn_mrtl import Feature, MRTLRegressor
from sklearn_mrtl.inspection import activation_pattern, component_scores, select_term


def slow(values, scores):
    """Covariance over variance, and correlation, of every column with every score."""
    pattern, correlation = np.zeros((2, values.shape[1], scores.shape[1]))
    for d in range(values.shape[1]):
        for k in range(scores.shape[1]):
            joint = np.cov(values[:, d], scores[:, k])
            pattern[d, k] = joint[0, 1] / joint[1, 1]
            correlation[d, k] = joint[0, 1] / np.sqrt(joint[0, 0] * joint[1, 1]) if joint[0, 0] > 1e-12 else 0
    return pattern, correlation


def test_patterns_of_fields(ocean, ocean_model):
    found = activation_pattern(ocean_model, ocean.data)
    n = len(ocean.data)
    values = np.nan_to_num(ocean.data.reshape(n, -1))
    pattern, correlation = slow(values, component_scores(ocean_model, ocean.data))
    land = np.broadcast_to(~ocean.ocean, ocean.data.shape[1:])
    assert np.isnan(found.pattern[land]).all() and "p_value" not in found
    for actual, expected in ((found.pattern, pattern), (found.correlation, correlation)):
        assert actual.shape == (*ocean.data.shape[1:], 3)
        np.testing.assert_allclose(actual[~land], expected.reshape(actual.shape)[~land], rtol=1e-6, atol=1e-8)


def test_patterns_of_encodings(shots, shots_model):
    found = activation_pattern(shots_model, shots.data)
    x = shots_model[:-1].transform(shots.data).toarray()
    pattern, correlation = slow(x, component_scores(shots_model, shots.data))
    shapes = {"player": (4,), "court": (12, 15)}
    for name, columns in (("player", slice(4)), ("court", slice(4, 184))):
        shape = (*shapes[name], pattern.shape[1])
        np.testing.assert_allclose(found.pattern[name], pattern[columns].reshape(shape), rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.correlation[name], correlation[columns].reshape(shape), rtol=1e-6, atol=1e-8)


def test_numbers_far_from_zero_in_single_precision():
    """Pressures of about 100,000: their squares leave float32 no digits for the variance."""
    rng = np.random.default_rng(0)
    numbers = np.stack([101_325 + 50 * rng.normal(size=300), np.full(300, 7.1)], axis=1)
    X = np.hstack([np.eye(3)[np.arange(300) % 3], numbers]).astype("f4")
    numbers[:, 1] += rng.normal(size=300)
    model = MRTLRegressor(["player", Feature("air", 2)], terms=["player", "air"], alpha_l2=0.01)
    model.fit(np.hstack([X[:, :3], numbers]).astype("f4"), X[:, 0] + numbers[:, 0] / 50)
    found = activation_pattern(select_term(model, "air"), X)
    scores = component_scores(select_term(model, "air"), X).astype("f8")
    _, correlation = slow(X[:, 3:].astype("f8"), scores)
    assert found.correlation["air"][0, 0] == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(found.correlation["air"], correlation, atol=1e-3)
    assert found.correlation["air"][1, 0] == 0


def test_p_values_are_small_where_scores_are_made_and_uniform_where_nothing_is(ocean, ocean_model):
    found = activation_pattern(ocean_model, ocean.data, n_permutations=39, block_length=12, random_state=0)
    sea = ~np.isnan(found.pattern)
    assert found.p_value[sea].min() == 1 / 40 and found.p_value[sea].max() <= 1
    strong = np.abs(found.correlation[sea]) > 0.6
    assert strong.any() and found.p_value[sea][strong].max() < 0.1


@pytest.mark.parametrize("options", [{"n_permutations": -1}, {"block_length": 0}])
def test_bad_parameters_are_refused(ocean, ocean_model, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        activation_pattern(ocean_model, ocean.data, **options)
