"""The standard deviation of observations about predictions, and terciles."""

import numpy as np
import pytest
from scipy.stats import norm

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators.spread import left_out_error, weighted_quantiles
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.inspection import tercile_probabilities


@pytest.fixture(scope="module")
def data():
    ocean = make_ocean(700, n_components=1, shape=(6, 12), best_r2=0.7, dtype=np.float32, random_state=0)
    return ocean, np.ascontiguousarray(ocean.data), ocean.target


@pytest.fixture(scope="module")
def model(data):
    ocean, X, y = data
    return MRTLRegressor(ocean.modes, rank=1).fit(X[:400], 3 * y[:400] + 5)


def test_the_std_is_that_of_left_out_rows(data, model):
    _, X, y = data
    prediction, std = model.predict(X[400:], return_std=True)
    np.testing.assert_array_equal(prediction, model.predict(X[400:]))
    assert std.shape == prediction.shape and (std == std[0]).all() and std.dtype == prediction.dtype
    error = np.sqrt(np.mean((3 * y[400:] + 5 - prediction) ** 2))
    assert std[0] == pytest.approx(error, rel=0.15)
    assert std[0] > 3 * data[0].noise * 0.9  # not less than the noise


def test_outputs_have_stds_of_their_own(data):
    ocean, X, y = data
    rng = np.random.default_rng(0)
    y = np.stack([100 * y, rng.normal(size=700), y + rng.normal(size=700) / 10], axis=1)
    model = MRTLRegressor(ocean.modes, rank=1).fit(X[:400], y[:400])
    prediction, std = model.predict(X[400:], return_std=True)
    errors = np.sqrt(np.mean((y[400:] - prediction) ** 2, axis=0))
    np.testing.assert_allclose(std[0], errors, rtol=0.25)
    assert model.tercile_edges_.shape == (2, 3) and tercile_probabilities(model, X[:5]).shape == (5, 3, 3)


def test_terciles(data, model):
    _, X, y = data
    np.testing.assert_allclose(model.tercile_edges_, np.quantile(3 * y[:400] + 5, [1 / 3, 2 / 3]), rtol=1e-5)
    probabilities = tercile_probabilities(model, X[400:])
    prediction, std = model.predict(X[400:], return_std=True)
    below = norm(prediction, std).cdf(model.tercile_edges_[0])
    above = norm(prediction, std).sf(model.tercile_edges_[1])
    np.testing.assert_allclose(probabilities, np.stack([below, 1 - below - above, above], 1), rtol=1e-4, atol=1e-6)


def test_weighted_quantiles_are_those_of_repeated_rows():
    values = np.random.default_rng(0).normal(size=(300, 2))
    weight = np.random.default_rng(1).integers(1, 4, size=300).astype(float)
    found = weighted_quantiles(values, weight, (0.2, 0.7))
    expected = np.quantile(np.repeat(values, weight.astype(int), axis=0), (0.2, 0.7), axis=0)
    np.testing.assert_allclose(found, expected, atol=0.03)


@pytest.mark.parametrize(
    "rank, fraction, error", [(1, 0.4, 0.5), (1, 0.9, 0.6), (2, 0.4, 0.2), (2, 1e-3, None), (3, 1.0, None)]
)
def test_penalties_between_two_that_were_tried_have_the_error_of_the_nearer(rank, fraction, error):
    path = [{"alpha_spatial": 0.0, "alpha_l2": 2.0, "error": 0.1}]
    for of_rank, at, value in ((1, 1.0, 0.6), (1, 0.3, 0.5), (2, 0.3, 0.2)):
        path.append({"rank": of_rank, "alpha_spatial": 0.0, "alpha_l2": 2.0 * at, "error": value})
    fitted = {"alpha_path_": path, "rank_": rank, "alpha_spatial_": 0.0, "alpha_l2_": 2.0 * fraction}
    assert left_out_error(fitted) == error


def test_without_left_out_errors_there_is_no_std(data):
    ocean, X, y = data
    given = MRTLRegressor(ocean.modes, rank=1, alpha_spatial=0.1, alpha_l2=0.1).fit(X, y)
    with pytest.raises(ValueError, match="return_std=True needs errors on left-out rows"):
        given.predict(X, return_std=True)
    counts = MRTLRegressor(ocean.modes, rank=1, loss="poisson", alpha_spatial=1, alpha_l2=1).fit(X, np.exp(y).round())
    with pytest.raises(ValueError, match="loss='poisson'"):
        tercile_probabilities(counts, X)
    classes = MRTLClassifier(ocean.modes, rank=1, alpha_spatial=1, alpha_l2=1).fit(X, y > 0)
    with pytest.raises(TypeError, match="MRTLRegressor"):
        tercile_probabilities(classes, X)
