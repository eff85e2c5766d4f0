import pickle

import numpy as np
import pytest
from helpers import requires_sklearn
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, Deseasonalizer, lag_windows

N = 240
MONTHS = np.arange("1980-01", "2000-01", dtype="datetime64[M]")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3))


def target(lead=0):
    """Linear in X, times a cycle, plus a cycle of the target's month."""
    month = (np.arange(N) + lead) % 12
    return (X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=N)) * (1 + month / 4) + 20 * month


class MadeUpTimes(DeseasonalizedTargetRegressor):
    """Makes up the times, so that scikit-learn's checks can call it."""

    def __init__(self, regressor):
        super().__init__(regressor, period=2)
        self.regressor = regressor

    def fit(self, X, y, *, time=None, **fit_params):
        return super().fit(X, y, time=np.zeros(_num_samples(X), dtype=int), **fit_params)

    def predict(self, X, *, time=None, **predict_params):
        return super().predict(X, time=np.zeros(_num_samples(X), dtype=int), **predict_params)


@parametrize_with_checks([MadeUpTimes(Ridge())])
def test_check_estimator(estimator, check):
    check(estimator)


def test_validation_targets_are_anomalies():
    xr = pytest.importorskip("xarray")
    rng, y = np.random.default_rng(1), target()
    fields = xr.DataArray(rng.normal(size=(N, 4, 5)) + X[:, :1, None], {"time": MONTHS}, ("time", "lat", "lon"))
    model = DeseasonalizedTargetRegressor(MRTLRegressor(alpha_l2=0.1, alpha_spatial=0.1))
    model.fit(fields[:180], y[:180], X_val=fields[180:], y_val=y[180:])
    anomalies = [model.regressor_target(fields[part], y[part]) for part in (slice(180), slice(180, None))]
    alone = clone(model.regressor).fit(fields[:180], anomalies[0], X_val=fields[180:], y_val=anomalies[1])
    found, expected = (one.history_[-1]["validation_loss"] for one in (model.regressor_, alone))
    assert found == pytest.approx(expected) and found < 2
    with pytest.raises(ValueError, match="needs the time of each row"):
        model.fit(fields[:180], y[:180], X_val=fields[180:].values, y_val=y[180:])


def by_hand(X, y, month, train, standardize):
    mean = np.array([y[train & (month == m)].mean(axis=0) for m in range(12)])
    std = np.array([y[train & (month == m)].std(axis=0) for m in range(12)]) if standardize else np.ones_like(mean)
    regressor = LinearRegression().fit(X[train], ((y - mean[month]) / std[month])[train])
    return regressor.predict(X) * std[month] + mean[month]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("lead", [0, 3, 14])
@pytest.mark.parametrize("n_outputs", [0, 2])
def test_against_steps_by_hand(standardize, lead, n_outputs):
    y = np.stack([target(lead), 1e-3 * target(lead)], axis=1) if n_outputs else target(lead)
    train = np.arange(N) < 180
    model = DeseasonalizedTargetRegressor(LinearRegression(), lead=lead, standardize=standardize)
    model.fit(X[train], y[train], time=MONTHS[train])
    month = (np.arange(N) + lead) % 12
    np.testing.assert_allclose(model.predict(X, time=MONTHS), by_hand(X, y, month, train, standardize))
    assert model.mean_.shape == (12, n_outputs or 1) and model.n_guarded_ == 0 and model.n_features_in_ == 3
    score = r2_score(y[~train], model.predict(X[~train], time=MONTHS[~train]))
    assert model.score(X[~train], y[~train], time=MONTHS[~train]) == score > 0.98


def as_dataarray(values, time=MONTHS):
    xr = pytest.importorskip("xarray")
    dims = ("time", "cell")[: values.ndim]
    return xr.DataArray(values, dims=dims, coords={"time": time.astype("datetime64[ns]")})


def test_times_of_data_arrays_and_cross_validation():
    y = target(2)
    fields, targets = as_dataarray(X), as_dataarray(y, MONTHS + 2)
    model = DeseasonalizedTargetRegressor(LinearRegression(), lead=2)
    np.testing.assert_array_equal(
        model.fit(fields, targets).predict(fields), clone(model).fit(X, y, time=MONTHS).predict(X, time=MONTHS)
    )
    month = (np.arange(N) + 2) % 12
    expected = []
    for test in np.array_split(np.arange(N), 4):
        train = ~np.isin(np.arange(N), test)
        expected.append(r2_score(y[test], by_hand(X, y, month, train, True)[test]))
    np.testing.assert_allclose(cross_val_score(model, fields, targets, cv=4), expected)
    np.testing.assert_allclose(cross_val_score(model, fields, y, cv=4, scoring="r2"), expected)
    search = GridSearchCV(make_pipeline(Deseasonalizer(), model), {"deseasonalizer__standardize": [True, False]}, cv=4)
    assert search.fit(fields, targets).best_score_ > 0.95


def test_after_lag_windows():
    y = target(0)
    windows = lag_windows(as_dataarray(X), as_dataarray(y), lags=[1], lead=2)
    flat = windows.X.squeeze("lag")
    with pytest.raises(ValueError, match=r"plus lead=0: 237 of 237 fall elsewhere .* 1980-04.*row 0"):
        DeseasonalizedTargetRegressor(LinearRegression()).fit(flat, windows.y)
    model = DeseasonalizedTargetRegressor(LinearRegression(), lead=2).fit(flat, windows.y)
    np.testing.assert_allclose(model.mean_[:, 0], [y[3:][(np.arange(N - 3) + 3) % 12 == m].mean() for m in range(12)])
    assert model.predict(flat).shape == windows.y.shape


def test_test_rows_are_not_seen_and_rows_stand_alone():
    y, train = target(), np.arange(N) < 180
    changed = np.where(train, y, 1e6)
    models = [
        DeseasonalizedTargetRegressor(LinearRegression()).fit(X[train], v[train], time=MONTHS[train])
        for v in (y, changed)
    ]
    batch = models[0].predict(X, time=MONTHS)
    np.testing.assert_array_equal(batch, models[1].predict(X, time=MONTHS))
    np.testing.assert_allclose(models[0].predict(X[[200]], time=MONTHS[[200]]), batch[[200]], rtol=1e-14)


def test_sample_weight_goes_to_the_regressor():
    y, weight = target(), RNG.uniform(size=N)
    plain = DeseasonalizedTargetRegressor(LinearRegression()).fit(X, y, time=MONTHS)
    model = DeseasonalizedTargetRegressor(LinearRegression()).fit(X, y, time=MONTHS, sample_weight=weight)
    anomalies = (y - plain.mean_[np.arange(N) % 12, 0]) / plain.std_[np.arange(N) % 12, 0]
    np.testing.assert_allclose(model.regressor_.coef_, LinearRegression().fit(X, anomalies, weight).coef_)
    with config_context(enable_metadata_routing=True):
        routed = DeseasonalizedTargetRegressor(LinearRegression().set_fit_request(sample_weight=True))
        routed.fit(X, y, time=MONTHS, sample_weight=weight)
    np.testing.assert_array_equal(routed.regressor_.coef_, model.regressor_.coef_)


@requires_sklearn("1.8", "default scores of pipelines with routed metadata")
def test_routed_time_reaches_the_target_and_the_steps_inside():
    y = target()
    season = X + np.arange(N)[:, None] % 12
    expected = DeseasonalizedTargetRegressor(LinearRegression()).fit(
        Deseasonalizer().fit_transform(season, time=MONTHS), y, time=MONTHS
    )
    prediction = expected.predict(Deseasonalizer().fit_transform(season, time=MONTHS), time=MONTHS)
    with config_context(enable_metadata_routing=True):
        deseasonalizer = Deseasonalizer().set_fit_request(time=True).set_transform_request(time=True)
        inside = DeseasonalizedTargetRegressor(make_pipeline(deseasonalizer, LinearRegression()))
        inside.set_fit_request(time=True).set_predict_request(time=True).set_score_request(time=True)
        inside.fit(season, y, time=MONTHS)
        outside = DeseasonalizedTargetRegressor(LinearRegression())
        outside.set_fit_request(time=True).set_predict_request(time=True).set_score_request(time=True)
        outside = make_pipeline(deseasonalizer, outside).fit(season, y, time=MONTHS)
        for model in (inside, outside):
            np.testing.assert_allclose(model.predict(season, time=MONTHS), prediction)
            assert cross_val_score(model, season, y, params={"time": MONTHS}).min() > 0.95
    np.testing.assert_allclose(inside.regressor_[-1].coef_, expected.regressor_.coef_)
    np.testing.assert_allclose(outside[-1].regressor_.coef_, expected.regressor_.coef_)


class Recorder(RegressorMixin, BaseEstimator):
    """Fits nothing; remembers what it was given."""

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def test_the_regressor_gets_x_as_it_is():
    fields = as_dataarray(X)
    model = DeseasonalizedTargetRegressor(Recorder()).fit(fields, target())
    assert model.regressor_.X_ is fields and not hasattr(model.regressor, "X_")
    np.testing.assert_allclose(model.predict(fields)[:12], model.mean_[:, 0])


def test_float32_stays():
    y = target().astype(np.float32)
    model = DeseasonalizedTargetRegressor(Recorder()).fit(X, y, time=MONTHS)
    assert model.regressor_.y_.dtype == np.float32


@pytest.mark.parametrize("lead", [0, 5])
def test_harmonics_are_those_of_the_deseasonalizer(lead):
    y = target(lead)
    model = DeseasonalizedTargetRegressor(LinearRegression(), lead=lead, harmonics=2).fit(X, y, time=MONTHS)
    season = Deseasonalizer(harmonics=2).fit(y[:, None], time=MONTHS + lead)
    np.testing.assert_allclose(model.mean_, season.mean_)
    regressor = LinearRegression().fit(X, season.transform(y[:, None], time=MONTHS + lead)[:, 0])
    expected = season.inverse_transform(regressor.predict(X)[:, None], time=MONTHS + lead)[:, 0]
    np.testing.assert_allclose(model.predict(X, time=MONTHS), expected)
    summers = np.isin((np.arange(N) + lead) % 12, range(2, 10))
    model.fit(X[summers], y[summers], time=MONTHS[summers])
    assert np.isfinite(model.predict(X, time=MONTHS)).all()
    with pytest.raises(ValueError, match="harmonics must be None or an int from 1 to 5"):
        model.set_params(harmonics=6).fit(X, y, time=MONTHS)


def test_integer_period_pickle():
    y = target()
    model = DeseasonalizedTargetRegressor(LinearRegression(), period=12, lead=5).fit(X, y, time=np.arange(N))
    months = DeseasonalizedTargetRegressor(LinearRegression(), lead=5).fit(X, y, time=MONTHS)
    expected = months.predict(X, time=MONTHS)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(model)).predict(X, time=np.arange(N)), expected)


@pytest.mark.parametrize(
    "y, kwargs, message",
    [
        (target(), {}, "DeseasonalizedTargetRegressor needs the time of each row"),
        (np.full(N, np.nan), {"time": MONTHS}, "y contains NaN"),
        (target()[1:], {"time": MONTHS}, "inconsistent numbers of samples"),
        (None, {"time": MONTHS}, "the target y is None"),
    ],
)
def test_bad_input(y, kwargs, message):
    with pytest.raises(ValueError, match=message):
        DeseasonalizedTargetRegressor(LinearRegression()).fit(X, y, **kwargs)


@pytest.mark.parametrize(
    "lead, error, message",
    [
        (1.5, TypeError, "lead must be an int, got 1.5"),
        (True, TypeError, "lead must be an int"),
        (-1, ValueError, "lead must not be negative, got -1"),
    ],
)
def test_bad_leads(lead, error, message):
    with pytest.raises(error, match=message):
        DeseasonalizedTargetRegressor(LinearRegression(), lead=lead).fit(X, target(), time=MONTHS)


def test_an_unseen_month_is_named():
    model = DeseasonalizedTargetRegressor(LinearRegression(), lead=1).fit(X[:6], target()[:6], time=MONTHS[:6])
    with pytest.raises(ValueError, match="calendar month 8 is not among those of fit: 2, 3, 4, 5, 6, 7"):
        model.predict(X[:7], time=MONTHS[:7])


def test_names_of_columns_are_those_of_the_regressor():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X.reshape(len(X), -1)[:, :2], columns=["north", "south"])
    model = DeseasonalizedTargetRegressor(LinearRegression()).fit(table, target(), time=MONTHS)
    assert model.feature_names_in_.tolist() == ["north", "south"]
