import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl.preprocessing import VariableScaler, lag_windows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3, 2, 4, 5)) * np.array([1.0, 1e3])[:, None, None] + np.array([20.0, 0.0])[:, None, None]


@parametrize_with_checks([VariableScaler(), VariableScaler(axis=1), VariableScaler(feature_range=(-1, 1))])
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("feature_range", [(0, 1), (-1, 2)])
def test_against_minmaxscaler(feature_range):
    """A variable is one column of a table whose rows are all its values."""
    table = np.moveaxis(X, 2, -1).reshape(-1, 2)
    expected = MinMaxScaler(feature_range).fit_transform(table).reshape(20, 3, 4, 5, 2)
    out = VariableScaler(axis=2, feature_range=feature_range).fit_transform(X)
    np.testing.assert_allclose(np.moveaxis(out, 2, -1), expected)


def test_one_variable_is_all_of_it():
    np.testing.assert_allclose(VariableScaler().fit_transform(X), (X - X.min()) / (X.max() - X.min()))


def test_columns_are_variables_with_axis_1():
    table = X[:, 0, 0, 0]
    np.testing.assert_allclose(VariableScaler(axis=1).fit_transform(table), MinMaxScaler().fit_transform(table))


def test_the_variables_of_a_dataset():
    xr = pytest.importorskip("xarray")
    fields = {name: (("time", "lat", "lon"), X[:, 0, v]) for v, name in enumerate(["sst", "salinity"])}
    windows = lag_windows(xr.Dataset(fields, {"time": np.arange(20)}), lags=3).X
    out = VariableScaler().fit_transform(windows)
    assert out.dims == ("time", "lag", "variable", "lat", "lon")
    for name in ("sst", "salinity"):
        one = windows.sel(variable=name)
        np.testing.assert_allclose(out.sel(variable=name), (one - one.min()) / (one.max() - one.min()))
    np.testing.assert_array_equal(VariableScaler(axis="variable").fit_transform(windows), out)


def test_nan_is_left_out(recwarn):
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.3] = np.nan
    holes[:, :, 1] = np.nan
    scaler = VariableScaler(axis=2).fit(holes)
    out = scaler.transform(holes)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(holes))
    assert scaler.data_min_[0] == np.nanmin(holes[:, :, 0]) and np.isnan(scaler.data_min_[1])
    assert not recwarn


def test_a_constant_variable_becomes_low():
    np.testing.assert_array_equal(VariableScaler(feature_range=(2, 3)).fit_transform(np.full((4, 3), 7.0)), 2)


@settings(deadline=None, max_examples=50)
@given(
    arrays(np.float64, (5, 2, 3), elements=st.floats(-1e6, 1e6)),
    st.sampled_from([None, 1, 2, -1]),
    st.sampled_from([(0, 1), (-5, 5)]),
)
def test_round_trip_and_rows_stand_alone(X, axis, feature_range):
    scaler = VariableScaler(axis, feature_range=feature_range).fit(X)
    out = scaler.transform(X)
    assert out.min() >= feature_range[0] - 1e-9 and out.max() <= feature_range[1] + 1e-9
    np.testing.assert_allclose(scaler.inverse_transform(out), X, rtol=1e-9, atol=1e-9 * max(1, np.abs(X).max()))
    np.testing.assert_array_equal(scaler.transform(X[[3]])[0], out[3])


def test_float32_stays_and_a_pickle_does_the_same():
    mine = X.astype(np.float32)
    scaler = VariableScaler(axis=2).fit(mine)
    out = scaler.transform(mine)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scaler)).transform(mine), out)
    np.testing.assert_array_equal(mine, X.astype(np.float32))


@pytest.mark.parametrize(
    "scaler, message",
    [
        (VariableScaler(axis=0), r"axis must be one of 1..4 \(0 is the rows\)"),
        (VariableScaler(axis=5), "axis must be one of 1..4"),
        (VariableScaler(axis="variable"), "got 'variable'; X has no names of dimensions"),
        (VariableScaler(feature_range=(1, 1)), "feature_range must increase"),
    ],
)
def test_bad_parameters(scaler, message):
    with pytest.raises(ValueError, match=message):
        scaler.fit(X)


def test_unknown_dimension():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X[:, 0], dims=("time", "variable", "lat", "lon"))
    with pytest.raises(ValueError, match=r"got 'level'; X has the dimensions \('time', 'variable'"):
        VariableScaler(axis="level").fit(fields)
    with pytest.raises(ValueError, match="after the first, got 'time'"):
        VariableScaler(axis="time").fit(fields)


def test_each_variable_of_a_dataset_has_its_scale():
    xr = pytest.importorskip("xarray")
    fields = {name: (("time", "lat", "lon"), X[:, 0, i]) for i, name in enumerate("ab")}
    scaled = VariableScaler().fit_transform(xr.Dataset(fields))
    assert scaled.dims == ("time", "variable", "lat", "lon")
    np.testing.assert_array_equal(scaled, VariableScaler(axis=1).fit_transform(X[:, 0]))
