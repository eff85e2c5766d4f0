"""Simple forecasts, against their formulas."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor
from sklearn_mrtl.references import ClimatologyRegressor, DampedPersistenceRegressor, ResidualRegressor

MONTHS = np.arange("2000-01", "2010-01", dtype="datetime64[M]")
CALENDAR = np.arange(120) % 12
RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 2, 4, 5))
Y = X[:, 0, :, 2].mean(1) + 0.3 * RNG.normal(size=120) + np.cos(CALENDAR)
OUTPUTS = np.stack([Y, -2 * Y + RNG.normal(size=120)], axis=1)
WEIGHT = RNG.uniform(0.5, 2, size=120)


def first_lag(X):
    return np.asarray(X)[:, 0, 0, :2]


def first_cells(X):
    return np.asarray(X)[:, 0]


def first_columns(X):
    return np.asarray(X)[:, 0].reshape(len(X), -1)[:, 2:]


class FlatRidge(RegressorMixin, BaseEstimator):
    """Ridge regression of flat targets on flat fields, for targets with land."""

    def fit(self, X, y):
        flat = y.reshape(len(y), -1)
        self.shape_, self.known_ = y.shape[1:], ~np.isnan(flat).all(0)
        self.ridge_ = Ridge(30.0).fit(X.reshape(len(X), -1), flat[:, self.known_])
        return self

    def predict(self, X):
        flat = np.full((len(X), len(self.known_)), np.nan)
        flat[:, self.known_] = self.ridge_.predict(X.reshape(len(X), -1))
        return flat.reshape(len(X), *self.shape_)


def last_loss(model):
    return model.history_[-1]["validation_loss"]


@pytest.mark.parametrize("shape", [(), (2,)])
def test_validation_targets_are_what_the_reference_leaves(shape):
    y = (100 + 5 * Y).reshape(120, *[1] * len(shape)) * np.arange(1, 3)[: (shape or (1,))[0]].reshape(shape or ())
    reference = DampedPersistenceRegressor(of=(0, 1, 2))
    model = ResidualRegressor(reference, MRTLRegressor(rank=1, alpha_l2=0.1, alpha_spatial=0.1))
    model.fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    left = [y[part] - model.reference_.predict(X[part]) for part in (slice(80), slice(80, None))]
    alone = clone(model.regressor).fit(X[:80], left[0], X_val=X[80:], y_val=left[1])
    assert last_loss(model.regressor_) == pytest.approx(last_loss(alone))
    assert last_loss(model.regressor_) < 2
    nested = ResidualRegressor(reference, make_pipeline(MRTLRegressor()))
    with pytest.raises(ValueError, match="ResidualRegressor changes y_val as it changes y.*'mrtlregressor__y_val'"):
        nested.fit(X, Y, mrtlregressor__X_val=X, mrtlregressor__y_val=Y)


@parametrize_with_checks(
    [
        ClimatologyRegressor(period=None),
        DampedPersistenceRegressor(),
        ResidualRegressor(DampedPersistenceRegressor(), Ridge()),
        ResidualRegressor(DampedPersistenceRegressor(), Ridge(), weight="auto"),
    ]
)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
@pytest.mark.parametrize("y", [Y, OUTPUTS], ids=["one", "two"])
def test_climatology_is_the_mean_of_each_calendar_month(y, weight):
    train = np.arange(120) < 90
    w = np.ones(120) if weight is None else weight
    part = None if weight is None else weight[train]
    model = ClimatologyRegressor().fit(X[train], y[train], part, time=MONTHS[train])
    for row in (0, 95, 119):
        same = train & (CALENDAR == CALENDAR[row])
        expected = np.average(y[same], axis=0, weights=w[same])
        np.testing.assert_allclose(model.predict(X[[row]], time=MONTHS[[row]])[0], expected)
    assert model.score(X, y, time=MONTHS) > 0.2


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
@pytest.mark.parametrize("y", [Y, OUTPUTS], ids=["one", "two"])
@pytest.mark.parametrize("period", [None, "month"])
def test_damped_persistence_is_a_linear_regression_on_the_value(y, weight, period):
    of = (0, slice(None), 2)
    value, time = X[:, 0, :, 2].mean(1), None if period is None else MONTHS
    model = DampedPersistenceRegressor(of, period=period).fit(X, y, weight, time=time)
    predicted = model.predict(X, time=time)
    for month in [0] if period is None else range(12):
        rows = np.full(120, True) if period is None else CALENDAR == month
        w = None if weight is None else weight[rows]
        line = LinearRegression().fit(value[rows, None], y[rows], w)
        np.testing.assert_allclose(predicted[rows], line.predict(value[rows, None]))
        np.testing.assert_allclose(model.slope_[month], np.ravel(line.coef_))


def test_a_callable_gives_each_output_its_own_value():
    model = DampedPersistenceRegressor(first_lag).fit(X, OUTPUTS)
    for t in range(2):
        line = LinearRegression().fit(X[:, 0, 0, [t]], OUTPUTS[:, t])
        np.testing.assert_allclose(model.predict(X)[:, t], line.predict(X[:, 0, 0, [t]]))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_land_is_left_out_of_the_mean():
    with_land = X.copy()
    with_land[:, :, 0] = np.nan
    model = DampedPersistenceRegressor((0, slice(None), 2)).fit(with_land, Y)
    expected = DampedPersistenceRegressor((0, slice(1, None), 2)).fit(X, Y)
    np.testing.assert_allclose(model.predict(with_land), expected.predict(X))
    with pytest.raises(ValueError, match=r"of must select values that are there, .* in 120 row\(s\)"):
        DampedPersistenceRegressor((0, 0)).fit(with_land, Y)


def test_a_value_that_is_constant_has_no_slope():
    constant = np.full((120, 1), 0.1)
    model = DampedPersistenceRegressor().fit(constant, Y)
    assert model.slope_ == 0
    np.testing.assert_allclose(model.predict(constant + 5), Y.mean())


def test_times_come_with_a_dataarray():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, {"time": MONTHS.astype("M8[ns]")}, ("time", "lag", "lat", "lon"))
    for model in (ClimatologyRegressor(), DampedPersistenceRegressor((0, 1), period="month")):
        expected = clone(model).fit(X, Y, time=MONTHS).predict(X, time=MONTHS)
        np.testing.assert_array_equal(model.fit(fields, Y).predict(fields), expected)


@pytest.mark.parametrize(
    "model, params, message",
    [
        (ClimatologyRegressor(), {}, "ClimatologyRegressor needs the time of each row"),
        (ClimatologyRegressor("year"), {"time": MONTHS}, "period must be 'month' or a positive int, got 'year'"),
        (DampedPersistenceRegressor(period="month"), {}, "DampedPersistenceRegressor needs the time"),
        (DampedPersistenceRegressor(lambda X: X[:5, 0, 0, 0]), {}, "of must return 120 values or rows of values"),
        (DampedPersistenceRegressor(first_lag), {}, "of must give one value a row, .* the 1 outputs, got 2"),
    ],
)
def test_bad_input(model, params, message):
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, **params)


def test_a_month_that_fit_did_not_see_is_refused():
    model = ClimatologyRegressor().fit(X[:6], Y[:6], time=MONTHS[:6])
    with pytest.raises(
        ValueError, match=r"rows of X lie at positions \[7, 8\] of the cycle .* it had some at \[1, 2, 3"
    ):
        model.predict(X[:8], time=MONTHS[:8])


@pytest.mark.parametrize("y", [Y, OUTPUTS], ids=["one", "two"])
def test_residual_regression_is_both_fits_added(y):
    flat = X.reshape(120, -1)
    reference, ridge = DampedPersistenceRegressor(2, period="month"), Ridge(3.0)
    model = ResidualRegressor(reference, ridge).fit(flat, y, sample_weight=WEIGHT, time=MONTHS)
    expected = clone(reference).fit(flat, y, WEIGHT, time=MONTHS).predict(flat, time=MONTHS)
    left = clone(ridge).fit(flat, y - expected, sample_weight=WEIGHT).predict(flat)
    np.testing.assert_allclose(model.predict(flat, time=MONTHS), expected + left)
    assert model.score(flat, y, WEIGHT, time=MONTHS) > 0.3


def slow_weight(reference, regressor, y, splits, weight, time):
    """The weight of the regressor, fold by fold and output by output."""
    gains = []
    flat, y = X.reshape(120, -1), y.reshape(120, -1)
    for train, test in splits:
        expected = clone(reference).fit(flat[train], y[train], weight[train], time=time[train])
        left = [
            y[rows] - expected.predict(flat[rows], time=time[rows]).reshape(len(rows), -1) for rows in (train, test)
        ]
        learned = clone(regressor).fit(flat[train], left[0], weight[train]).predict(flat[test])
        learned = learned.reshape(len(test), -1)
        of_outputs = []
        for t in range(y.shape[1]):
            before = sum(w * e**2 for w, e in zip(weight[test], left[1][:, t], strict=True))
            after = sum(w * (e - z) ** 2 for w, e, z in zip(weight[test], left[1][:, t], learned[:, t], strict=True))
            of_outputs.append((before - after) / before)
        gains.append(sum(of_outputs) / len(of_outputs))
    mean, error = np.mean(gains), np.std(gains, ddof=1) / len(gains) ** 0.5
    return mean / (mean + error) if mean > 0 else 0.0


@pytest.mark.parametrize("y", [Y, OUTPUTS], ids=["one", "two"])
@pytest.mark.parametrize("cv", [4, ConsecutiveBlockKFold(4, gap=2)], ids=["blocks", "gap"])
def test_the_weight_is_that_of_the_gains_on_left_out_blocks(y, cv):
    flat = X.reshape(120, -1)
    reference, ridge = DampedPersistenceRegressor(2, period="month"), Ridge(300.0)
    model = ResidualRegressor(reference, ridge, weight="auto", cv=cv).fit(flat, y, sample_weight=WEIGHT, time=MONTHS)
    splits = (KFold(4) if cv == 4 else cv).split(flat)
    assert 0.2 < model.weight_ < 1
    assert model.weight_ == pytest.approx(slow_weight(reference, ridge, y, splits, WEIGHT, MONTHS))
    expected = model.reference_.predict(flat, time=MONTHS) + model.weight_ * model.regressor_.predict(flat)
    np.testing.assert_allclose(model.predict(flat, time=MONTHS), expected)


def test_a_regressor_that_learns_noise_is_left_out():
    flat = X.reshape(120, -1)
    noise = np.random.default_rng(1).normal(size=120)
    model = ResidualRegressor(DampedPersistenceRegressor(), KNeighborsRegressor(1), weight="auto").fit(flat, noise)
    assert model.weight_ == 0 and model.regressor_.predict(flat).std() > 0.5
    np.testing.assert_array_equal(model.predict(flat), model.reference_.predict(flat))


def test_the_weight_of_maps_with_land_is_that_of_their_cells():
    maps = X[:, 0].copy() + 0.5 * X[:, 1]
    maps[:, 0, :2] = np.nan
    model = ResidualRegressor(DampedPersistenceRegressor(first_cells), FlatRidge(), weight="auto", cv=3).fit(X, maps)
    columns = ResidualRegressor(DampedPersistenceRegressor(first_columns), FlatRidge(), weight="auto", cv=3)
    columns.fit(X, maps.reshape(120, -1)[:, 2:])
    assert 0 < model.weight_ == pytest.approx(columns.weight_)
    np.testing.assert_allclose(model.predict(X).reshape(120, -1)[:, 2:], columns.predict(X))


@pytest.mark.parametrize("weight", [-0.1, 1.5, "cv", None, np.nan])
def test_a_weight_is_a_fraction_or_auto(weight):
    with pytest.raises(ValueError, match="weight must be 'auto' or a number from 0 to 1, got "):
        ResidualRegressor(DampedPersistenceRegressor(), Ridge(), weight=weight).fit(X.reshape(120, -1), Y)


def test_what_takes_any_parameter_gets_all_and_what_nobody_takes_is_refused():
    flat = X.reshape(120, -1)
    inner = DeseasonalizedTargetRegressor(Ridge())
    model = ResidualRegressor(ClimatologyRegressor(), inner).fit(flat, Y, sample_weight=WEIGHT, time=MONTHS)
    left = Y - ClimatologyRegressor().fit(flat, Y, WEIGHT, time=MONTHS).predict(flat, time=MONTHS)
    alone = clone(inner).fit(flat, left, sample_weight=WEIGHT, time=MONTHS)
    np.testing.assert_allclose(model.regressor_.predict(flat, time=MONTHS), alone.predict(flat, time=MONTHS))
    with pytest.raises(TypeError, match="wind"):
        ResidualRegressor(DampedPersistenceRegressor(), Ridge()).fit(flat, Y, wind=1)


def test_metadata_are_routed_to_what_requests_them():
    flat = X.reshape(120, -1)
    with sklearn.config_context(enable_metadata_routing=True):
        reference = (
            ClimatologyRegressor().set_fit_request(time=True, sample_weight=False).set_predict_request(time=True)
        )
        regressor = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False), Ridge().set_fit_request(sample_weight=True)
        )
        model = ResidualRegressor(reference, regressor).fit(flat, Y, time=MONTHS, sample_weight=WEIGHT)
        predicted = model.predict(flat, time=MONTHS)
        score = model.score(flat, Y, time=MONTHS)
    expected = ClimatologyRegressor().fit(flat, Y, time=MONTHS).predict(flat, time=MONTHS)
    left = make_pipeline(StandardScaler(), Ridge()).fit(flat, Y - expected, ridge__sample_weight=WEIGHT)
    np.testing.assert_allclose(predicted, expected + left.predict(flat))
    assert score == pytest.approx(r2_score(Y, predicted))


def test_nothing_is_learned_from_rows_that_are_left_out():
    """The score of a fold is that of a fit to its training rows, whatever the targets of the others."""
    model = ResidualRegressor(
        DampedPersistenceRegressor((0, 1)), MRTLRegressor(rank=1, alpha_spatial=0.1, alpha_l2=0.1)
    )
    scores = cross_val_score(model, X, Y, cv=KFold(3))
    changed = Y.copy()
    changed[:40] = RNG.normal(size=40)
    np.testing.assert_allclose(
        model.fit(X[40:], Y[40:]).predict(X[:40]), clone(model).fit(X[40:], changed[40:]).predict(X[:40])
    )
    assert scores[0] == pytest.approx(model.score(X[:40], Y[:40]))
