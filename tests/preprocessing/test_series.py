"""What holds for every transformer of series, on series of all kinds: short, unsorted, gappy, of other calendars."""

import pickle

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.model_selection import ConsecutiveBlockSplit
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    DeseasonalizedTargetRegressor,
    Deseasonalizer,
    Detrender,
    VariableScaler,
    lag_windows,
)

TIMED = [Detrender("linear"), Deseasonalizer(), Deseasonalizer(standardize=False), Deseasonalizer(harmonics=1)]
DAYS = st.dates(
    np.datetime64("1896-01-01").item(), np.datetime64("2104-12-31").item()
)  # leap years and one that is not


def fields_at(time, seed=0):
    return np.random.default_rng(seed).normal(10, 3, (len(time), 2, 3, 2))


def fitted(transformer, X, time):
    """Fitted, or None where the times are too few for it."""
    try:
        return transformer.fit(X, time=time)
    except ValueError as error:
        assert "at least two different times" in str(error) or "positions in the cycle" in str(error)
        return None


@pytest.mark.parametrize("transformer", TIMED)
@settings(deadline=None, max_examples=40)
@given(days=st.lists(DAYS, min_size=1, max_size=40), data=st.data())
def test_round_trip_order_and_single_rows(transformer, days, data):
    time = np.array(days, dtype="datetime64[D]")
    X = fields_at(time)
    if fitted(transformer, X, time) is None:
        return
    out = transformer.transform(X, time=time)
    scale = 1 + np.abs(out).max()
    np.testing.assert_allclose(transformer.inverse_transform(out, time=time), X, atol=1e-9 * scale)
    row = data.draw(st.integers(0, len(time) - 1))
    np.testing.assert_array_equal(transformer.transform(X[[row]], time=time[[row]])[0], out[row])
    order = np.array(data.draw(st.permutations(range(len(time)))))
    again = transformer.fit(X[order], time=time[order]).transform(X, time=time)
    np.testing.assert_allclose(again, out, atol=1e-6 * scale)


@settings(deadline=None, max_examples=40)
@given(st.lists(DAYS, min_size=1, max_size=60))
def test_monthly_means_against_pandas(days):
    pd = pytest.importorskip("pandas")
    time = pd.DatetimeIndex(np.array(days, dtype="datetime64[s]"))
    table = pd.DataFrame(fields_at(days).reshape(len(days), -1), index=time)
    expected = table - table.groupby(table.index.month).transform("mean")
    np.testing.assert_allclose(Deseasonalizer(standardize=False).fit_transform(table), expected, atol=1e-12)


def test_one_row_of_one_month():
    X = fields_at([0])
    deseasonalizer = Deseasonalizer().fit(X, time=np.array(["2000-02-29"], "M8[D]"))
    np.testing.assert_array_equal(deseasonalizer.cycle_, [2])
    np.testing.assert_allclose(deseasonalizer.transform(X, time=np.array(["1900-02-28"], "M8[D]")), 0, atol=1e-12)


YEARS = {"standard": 365.2425, "proleptic_gregorian": 365.2425, "noleap": 365, "all_leap": 366, "360_day": 360}


@pytest.mark.parametrize("calendar, days_per_year", [*YEARS.items(), ("julian", 365.25)])
def test_calendars(calendar, days_per_year):
    """As xarray groups them, and along lines in the calendar's own days."""
    xr = pytest.importorskip("xarray")
    pytest.importorskip("cftime")
    time = xr.date_range("1999-01-30", periods=60, freq="31D", calendar=calendar, use_cftime=True)
    X = fields_at(time)
    fields = xr.DataArray(X, {"time": time}, ("time", "lag", "lat", "lon"))
    groups = fields.groupby("time.month")
    expected = (groups - groups.mean("time")).groupby("time.month") / groups.std("time")
    out = Deseasonalizer().fit_transform(fields)
    xr.testing.assert_allclose(out, expected.drop_vars("month"))
    xr.testing.assert_allclose(out, Deseasonalizer().fit_transform(fields[::-1])[::-1])

    days = np.array([(moment - time[0]).days for moment in time], dtype=float)
    line = fields.copy(data=3.0 + np.multiply.outer(days, np.ones(X.shape[1:])))
    detrender = Detrender("linear").fit(line)
    np.testing.assert_allclose(detrender.slope_, days_per_year)
    for row in range(0, 60, 7):
        np.testing.assert_allclose(detrender.transform(line[[row]]), 0, atol=1e-6)

    windows = lag_windows(fields[:, 0], lags=3)
    np.testing.assert_array_equal(windows.X.time, fields.time[2:])
    with pytest.raises(ValueError, match="time must increase"):
        lag_windows(fields[::-1, 0], lags=3)


@pytest.mark.parametrize("transformer", [*TIMED, Detrender(), VariableScaler(), AreaWeighter()])
def test_chunked_fields(transformer):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("dask")
    time = np.arange("2000-01", "2005-01", dtype="M8[M]").astype("M8[ns]")
    coords = {"time": time, "lat": [10.0, 20.0, 30.0]}
    fields = xr.DataArray(fields_at(time), coords, ("time", "variable", "lat", "lon"))
    out = transformer.fit_transform(fields.chunk(time=7))
    assert out.dims == fields.dims
    xr.testing.assert_allclose(out.compute(), transformer.fit_transform(fields), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("transformer", [*TIMED, Detrender(), VariableScaler(), AreaWeighter([10, 20, 30])])
def test_masked_places_are_places_without_data(transformer):
    """Masked arrays hold any number there, often 1e20."""
    time = np.arange("2000-01", "2005-01", dtype="M8[M]")
    X = fields_at(time)
    land = X > 14
    timed = {} if isinstance(transformer, VariableScaler | AreaWeighter) else {"time": time}
    expected = transformer.fit_transform(np.where(land, np.nan, X), **timed)
    out = transformer.fit_transform(np.ma.array(np.where(land, 1e20, X), mask=land), **timed)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("transformer", [*TIMED, Detrender(), VariableScaler(axis=1), AreaWeighter([10, 20, 30])])
def test_a_pickle_does_the_same(transformer):
    time = np.arange("2000-01", "2005-01", dtype="M8[M]")
    X = fields_at(time)
    timed = {} if isinstance(transformer, VariableScaler | AreaWeighter) else {"time": time}
    transformer.fit(X, **timed)
    other = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(other.transform(X, **timed), transformer.transform(X, **timed))


@pytest.mark.parametrize("chunks", [None, {"time": 20}])
def test_from_chunks_to_labelled_predictions_and_back_from_a_file(tmp_path, chunks):
    """The whole chain, saved with the estimator; chunks change nothing."""
    xr = pytest.importorskip("xarray")
    time = np.arange("2000-01", "2010-01", dtype="M8[M]").astype("M8[ns]")
    coords = {"time": time, "lat": [10.0, 20.0, 30.0], "lon": [0.0, 1.0]}
    fields = xr.DataArray(fields_at(time), coords, ("time", "variable", "lat", "lon"))
    rain = fields[:, 0, 1, 1].drop_vars(["lat", "lon"]) + 10
    if chunks:
        pytest.importorskip("dask")
    X, y, *_ = lag_windows(fields.chunk(chunks) if chunks else fields, rain, lags=3, lead=1)
    steps = Detrender("linear"), Deseasonalizer(), AreaWeighter(), VariableScaler()
    regressor = MRTLRegressor(rank=2, alpha_spatial=0.1, alpha_l2=0.1, max_epochs=3)
    season = DeseasonalizedTargetRegressor(regressor, lead=1, harmonics=2)
    model = make_pipeline(*steps, season).fit(X, y)
    joblib.dump(model, tmp_path / "model")
    later = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(later.predict(X), model.predict(X))
    xr.testing.assert_identical(
        later[:4].inverse_transform(model[:4].transform(X)), model[:4].inverse_transform(model[:4].transform(X))
    )

    labelled = season.regressor.fit(model[:4].transform(X), y).predict_xarray(model[:4].transform(X))
    assert labelled.dims == ("time",) and set(labelled.coords) == {"time", "sample_time"}
    np.testing.assert_array_equal(labelled.time, y.time)
    np.testing.assert_array_equal(labelled.sample_time, X.time)
    in_memory = make_pipeline(*steps, season).fit(X.compute(), y)
    np.testing.assert_allclose(model.predict(X), in_memory.predict(X.compute()), rtol=1e-6)


def routed(transformer):
    transformer.set_fit_request(time=True).set_transform_request(time=True)
    return transformer.set_inverse_transform_request(time=True)


def test_time_is_routed_through_a_pipeline_there_and_back():
    time = np.arange("2000-01", "2005-01", dtype="M8[M]")
    X = fields_at(time)
    with config_context(enable_metadata_routing=True):
        steps = [
            routed(Detrender("linear")),
            AreaWeighter([0, 30, 60]),
            routed(Deseasonalizer()),
            VariableScaler(axis=1),
        ]
        pipeline = make_pipeline(*steps)
        out = pipeline.fit_transform(X, time=time)
        np.testing.assert_allclose(pipeline.inverse_transform(out, time=time), X)
        np.testing.assert_allclose(pipeline.transform(X[[7]], time=time[[7]])[0], out[7])
    by_hand = Detrender("linear").fit_transform(X, time=time) * np.cos(np.deg2rad([0, 30, 60]))[:, None]
    by_hand = VariableScaler(axis=1).fit_transform(Deseasonalizer().fit_transform(by_hand, time=time))
    np.testing.assert_allclose(out, by_hand)


def test_time_is_routed_through_a_search():
    """To both transformers, the target's cycle and the splitter; shuffled rows choose and score as sorted ones."""
    time = np.arange("1990-01", "2010-01", dtype="M8[M]")
    rng = np.random.default_rng(0)
    X = fields_at(time)
    y = 5 * (time.astype(int) % 12) + X[:, 0, 0, 0] + rng.normal(size=len(time))
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))

    def search(rows):
        steps = [routed(Detrender("linear")), routed(Deseasonalizer()), flatten, Ridge()]
        model = DeseasonalizedTargetRegressor(make_pipeline(*steps))
        model.set_fit_request(time=True).set_predict_request(time=True).set_score_request(time=True)
        cv = ConsecutiveBlockSplit(gap=3, random_state=0).set_split_request(time=True)
        search = GridSearchCV(model, {"regressor__ridge__alpha": [0.1, 1e3, 1e6]}, cv=cv)
        return search.fit(X[rows], y[rows], time=time[rows])

    with config_context(enable_metadata_routing=True):
        scores, shuffled = search(np.arange(240)), search(rng.permutation(240))
    assert scores.best_params_ == shuffled.best_params_ == {"regressor__ridge__alpha": 0.1}
    np.testing.assert_allclose(
        scores.cv_results_["mean_test_score"], shuffled.cv_results_["mean_test_score"], rtol=1e-6
    )
