import pickle

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

from sklearn_mrtl.model_selection import ConsecutiveBlockKFold, skill_score
from sklearn_mrtl.references import ClimatologyRegressor, DampedPersistenceRegressor


def series(n=120, n_outputs=1):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = (
        X @ rng.normal(size=(3, n_outputs))
        + rng.normal(size=(n, n_outputs))
        + 5 * np.cos(np.arange(n) / 6 * np.pi)[:, None]
    )
    return X, y if n_outputs > 1 else y[:, 0]


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("weight", [None, np.arange(1.0, 121)])
def test_over_the_mean_it_is_r2(n_outputs, weight):
    X, y = series(n_outputs=n_outputs)
    model = LinearRegression().fit(X, y)
    found = skill_score(ClimatologyRegressor(period=None))(model, X, y, weight)
    assert found == pytest.approx(r2_score(y, model.predict(X), sample_weight=weight))


def test_a_fitted_reference_predicts_as_it_is():
    X, y = series()
    reference, model = DampedPersistenceRegressor(of=0).fit(X[:60], y[:60]), LinearRegression().fit(X[:60], y[:60])
    errors = [np.mean((y[60:] - m.predict(X[60:])) ** 2) for m in (model, reference)]
    assert skill_score(reference)(model, X[60:], y[60:]) == pytest.approx(1 - errors[0] / errors[1])
    assert skill_score(reference)(reference, X[60:], y[60:]) == 0


def test_climatology_is_the_default():
    xr = pytest.importorskip("xarray")
    X, y = series()
    time = np.arange(120).astype("datetime64[M]").astype("datetime64[ns]")
    X = xr.DataArray(X, {"time": time}, ("time", "column"))
    model = LinearRegression().fit(X, y)
    means = np.array([y[month::12].mean() for month in range(12)])[np.arange(120) % 12]
    expected = 1 - np.mean((y - model.predict(X)) ** 2) / np.mean((y - means) ** 2)
    assert skill_score()(model, X, y) == pytest.approx(expected)
    with pytest.raises(ValueError, match="ClimatologyRegressor needs the time of each row"):
        skill_score()(model, X.values, y)


def test_as_scoring():
    X, y = series()
    scoring = skill_score(ClimatologyRegressor(period=None))
    assert repr(pickle.loads(pickle.dumps(scoring))) == "skill_score(ClimatologyRegressor(period=None))"
    cv = ConsecutiveBlockKFold(4, gap=3)
    scores = cross_val_score(LinearRegression(), X, y, cv=cv, scoring=scoring)
    np.testing.assert_allclose(scores, cross_val_score(LinearRegression(), X, y, cv=cv, scoring="r2"))
    search = GridSearchCV(LinearRegression(), {"fit_intercept": [True, False]}, cv=cv, scoring=scoring).fit(X, y)
    assert search.best_score_ == pytest.approx(max(search.cv_results_["mean_test_score"]))
    predicted = cross_val_predict(LinearRegression(), X, y, cv=cv)
    for train, test in cv.split(X):
        np.testing.assert_allclose(predicted[test], LinearRegression().fit(X[train], y[train]).predict(X[test]))


def test_maps_are_scored_where_they_hold_data():
    X, y = series(n_outputs=6)
    maps = y.reshape(120, 2, 3).copy()
    maps[:, 1, 2] = np.nan
    model = DampedPersistenceRegressor(of=0).fit(X, maps)
    flat = DampedPersistenceRegressor(of=0).fit(X, y[:, :5])
    scoring = skill_score(ClimatologyRegressor(period=None))
    assert scoring(model, X, maps) == pytest.approx(scoring(flat, X, y[:, :5]))


def test_what_cannot_be_scored_is_refused():
    X, y = series()
    model = LinearRegression().fit(X, y)
    with pytest.raises(ValueError, match="makes no error on these rows"):
        skill_score(ClimatologyRegressor(period=None))(model, X, np.ones(120))
    with pytest.raises(ValueError, match=r"the shape of y, \(120, 1\), got \(120,\)"):
        skill_score(ClimatologyRegressor(period=None))(model, X, y[:, None])
