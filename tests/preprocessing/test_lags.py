import numpy as np
import pytest

from sklearn_mrtl.preprocessing import lag_windows

N = 20
FIELDS = np.random.default_rng(0).normal(size=(N, 3, 4))
TARGET = np.arange(N) * 10
MONTHS = np.arange(N).astype("datetime64[M]")
DAYS_31 = np.array("2000-01-30", "datetime64[D]") + 31 * np.arange(N)


def slow_windows(fields, target, lags, lead):
    times = [t for t in range(N) if all(0 <= t - lag for lag in lags) and (target is None or t + lead < N)]
    X = np.array([[fields[t - lag] for lag in lags] for t in times])
    return X, None if target is None else np.array([target[t + lead] for t in times]), times


@pytest.mark.parametrize(
    "lags", [6, 1, [0], [4], [1, 2, 3], [0, 3, 6], [5, 3, 1], [0, 1, 5], [2, 0, 1], [3, 3], [0, N - 4]]
)
@pytest.mark.parametrize("target", [TARGET, None])
@pytest.mark.parametrize("lead", [0, 3])
def test_against_an_explicit_loop(lags, target, lead):
    X, y, time, target_time = lag_windows(FIELDS, target, lags=lags, lead=lead, time=MONTHS)
    slow_X, slow_y, times = slow_windows(FIELDS, target, range(lags) if isinstance(lags, int) else lags, lead)
    np.testing.assert_array_equal(X, slow_X)
    np.testing.assert_array_equal(time, MONTHS[times])
    if target is None:
        assert y is None and target_time is None
    else:
        np.testing.assert_array_equal(y, slow_y)
        np.testing.assert_array_equal(target_time, MONTHS[times] + lead)


@pytest.mark.parametrize("lags", [6, [2], [0, 3, 6], [5, 3, 1]])
def test_even_lags_are_a_read_only_view(lags):
    X = lag_windows(FIELDS, lags=lags).X
    assert np.shares_memory(X, FIELDS) and not X.flags.writeable


def test_series_of_numbers_and_targets_of_several_outputs():
    windows = lag_windows(np.arange(5), np.arange(10).reshape(5, 2), lags=2, lead=1)
    np.testing.assert_array_equal(windows.X, [[1, 0], [2, 1], [3, 2]])
    np.testing.assert_array_equal(windows.y, [[4, 5], [6, 7], [8, 9]])
    assert windows.time is None and windows.target_time is None


def test_masked_places_become_nan():
    fields = np.ma.masked_greater(np.arange(12, dtype=np.float32).reshape(6, 2), 10)
    windows = lag_windows(fields, np.ma.masked_less(np.arange(6), 1), lags=[0])
    assert windows.X.dtype == np.float32
    np.testing.assert_array_equal(windows.X[:, 0], fields.filled(np.nan))
    np.testing.assert_array_equal(windows.y, [np.nan, 1, 2, 3, 4, 5])


def test_data_arrays_keep_their_coordinates():
    xr = pytest.importorskip("xarray")
    time = MONTHS.astype("datetime64[ns]")
    coords = {"time": time, "lat": [1.0, 2, 3], "month": ("time", np.arange(N))}
    fields = xr.DataArray(FIELDS, dims=("time", "lat", "lon"), coords=coords, name="sst", attrs={"units": "K"})
    target = xr.DataArray(TARGET, dims="time", coords={"time": time})
    windows = lag_windows(fields, target, lags=[0, 2, 4], lead=3)
    X, y = windows.X, windows.y
    assert X.dims == ("time", "lag", "lat", "lon") and X.name == "sst" and X.attrs == {"units": "K"}
    np.testing.assert_array_equal(X.lag, [0, 2, 4])
    np.testing.assert_array_equal(X.lat, fields.lat)
    np.testing.assert_array_equal(X.time, time[4 : N - 3])
    np.testing.assert_array_equal(X.month, np.arange(4, N - 3))
    np.testing.assert_array_equal(y.time, time[7:])
    np.testing.assert_array_equal(windows.time, X.time)
    np.testing.assert_array_equal(windows.target_time, y.time)
    np.testing.assert_array_equal(X, lag_windows(FIELDS, TARGET, lags=[0, 2, 4], lead=3).X)
    assert np.shares_memory(X.values, FIELDS)
    for lag in (0, 2, 4):
        shifted = fields.shift(time=lag).sel(time=X.time)
        np.testing.assert_array_equal(X.sel(lag=lag), shifted)
    assert isinstance(lag_windows(fields, TARGET, lags=2).y, np.ndarray)


def test_time_given_to_a_data_array_without():
    xr = pytest.importorskip("xarray")
    X = lag_windows(xr.DataArray(FIELDS, dims=("t", "lat", "lon")), lags=3, time=MONTHS.astype("datetime64[ns]")).X
    assert X.dims[0] == "t"
    np.testing.assert_array_equal(X.coords["time"], MONTHS[2:])


def test_the_variables_of_a_dataset_become_an_axis():
    xr = pytest.importorskip("xarray")
    time = MONTHS.astype("datetime64[ns]")
    fields = {name: (("time", "lat", "lon"), FIELDS * k) for k, name in enumerate(["sst", "ssh"], start=1)}
    dataset = xr.Dataset(fields, {"time": time, "lat": [1.0, 2, 3]})
    X, _, times, _ = lag_windows(dataset, lags=[0, 2])
    assert X.dims == ("time", "lag", "variable", "lat", "lon")
    np.testing.assert_array_equal(X.coords["variable"], ["sst", "ssh"])
    np.testing.assert_array_equal(times, time[2:])
    for name in ("sst", "ssh"):
        np.testing.assert_array_equal(X.sel(variable=name), lag_windows(dataset[name], lags=[0, 2]).X)
    with pytest.raises(ValueError, match=r"must all have the same dimensions, got .*'depth': \('lat',\)"):
        lag_windows(dataset.assign(depth=("lat", [1.0, 2, 3])), lags=2)


@pytest.mark.parametrize("lags", [3, [0, 3, 6], [2, 0, 1]])
def test_chunks_stay_chunks(lags):
    xr = pytest.importorskip("xarray")
    dask_array = pytest.importorskip("dask.array")
    fields = xr.DataArray(FIELDS, dims=("time", "lat", "lon"), coords={"time": MONTHS.astype("datetime64[ns]")})
    target = xr.DataArray(TARGET, dims="time").chunk(time=7)
    X, y, _, _ = lag_windows(fields.chunk(time=7), target, lags=lags, lead=1)
    assert isinstance(X.data, dask_array.Array) and isinstance(y.data, dask_array.Array)
    expected = lag_windows(fields, TARGET, lags=lags, lead=1)
    xr.testing.assert_identical(X.compute(), expected.X)
    np.testing.assert_array_equal(y, expected.y)


def test_pandas_series_have_times():
    pd = pytest.importorskip("pandas")
    index = pd.period_range("2000-01", periods=N, freq="M")
    windows = lag_windows(pd.DataFrame(FIELDS[:, 0], index=index), pd.Series(TARGET, index=index), lags=3, lead=1)
    np.testing.assert_array_equal(windows.time, np.datetime64("2000-03") + np.arange(N - 3))
    np.testing.assert_array_equal(windows.y, TARGET[3:])
    later = lag_windows(pd.DataFrame(FIELDS[:, 0], index=index), pd.Series(TARGET, index=index + 1), lags=3, lead=1)
    np.testing.assert_array_equal(later.target_time, windows.target_time)
    np.testing.assert_array_equal(later.y, TARGET[2:-1])


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"lags": 0}, "at least 1, or a sequence"),
        ({"lags": []}, "lags is empty"),
        ({"lags": [0, -1]}, "must not be negative, got -1"),
        ({"lags": 3, "lead": -1}, "lead must not be negative"),
        ({"lags": [0, N]}, rf"lag {N} need at least {N + 1} times, got {N}"),
        ({"lags": N - 2, "lead": 3, "target": TARGET}, rf"lag {N - 3} and lead 3 need at least {N + 1} times"),
        ({"lags": 3, "target": TARGET[1:]}, f"which is time: {N} times, got {N - 1}"),
        ({"lags": 3, "time": MONTHS[1:]}, "one entry for each of the 20 rows"),
        ({"lags": 3, "time": MONTHS[::-1]}, "time must increase, got 1971-08 followed by 1971-07; sort by time"),
        ({"lags": 3, "time": MONTHS[[0, *range(N - 1)]]}, "time must increase, got 1970-01 twice"),
    ],
)
def test_bad_input(kwargs, message):
    with pytest.raises(ValueError, match=message):
        lag_windows(FIELDS, **kwargs)


@pytest.mark.parametrize("kwargs", [{"lags": 2.0}, {"lags": [0.5]}, {"lags": True}, {"lags": 2, "lead": 1.5}])
def test_steps_are_whole_numbers(kwargs):
    with pytest.raises(TypeError):
        lag_windows(FIELDS, **kwargs)


def test_the_longest_possible_lag():
    assert lag_windows(FIELDS, lags=N).X.shape == (1, N, 3, 4)
    assert lag_windows(FIELDS, TARGET, lags=N - 3, lead=3).X.shape == (1, N - 3, 3, 4)


def test_a_gap_in_time_warns():
    time = MONTHS.copy()
    time[10:] += 1
    with pytest.warns(UserWarning, match="1970-10 by 1970-12"):
        lag_windows(FIELDS, lags=2, time=time)


@pytest.mark.parametrize(
    "time", [MONTHS.astype("datetime64[D]") + 14, np.arange(N) * 3, np.arange(N).astype("M8[h]"), DAYS_31]
)
def test_even_times_do_not_warn(time, recwarn):
    lag_windows(FIELDS, lags=2, time=time)
    assert not recwarn


@pytest.mark.parametrize(
    "known", [slice(None), slice(5, None), slice(None, -4), slice(7, 12), slice(1, None, 3), [3, 4, 11, 19]], ids=repr
)
@pytest.mark.parametrize("lags", [3, [0, 1, 4]])
def test_targets_of_other_times_are_aligned(known, lags):
    xr = pytest.importorskip("xarray")
    months = np.arange(-3, N + 5).astype("datetime64[M]")
    all_targets = dict(zip(months.tolist(), range(len(months)), strict=True))
    fields = xr.DataArray(FIELDS, {"time": MONTHS.astype("M8[ns]")}, ("time", "lat", "lon"))
    target = xr.DataArray(np.arange(len(months)), {"time": months.astype("M8[ns]")}, ("time",))[3:][known]
    X, y, time, target_time = lag_windows(fields, target, lags=lags, lead=2)
    complete, _, times, _ = lag_windows(fields, lags=lags)
    has_target = [when + 2 in target.time.values.astype("M8[M]") for when in times.astype("M8[M]")]
    inside = np.array(has_target) & (times.astype("M8[M]") + 2 <= MONTHS[-1])
    xr.testing.assert_identical(X, complete[inside])
    np.testing.assert_array_equal(y, [all_targets[when] for when in target_time.astype("M8[M]").tolist()])
    np.testing.assert_array_equal(target_time.astype("M8[M]"), time.astype("M8[M]") + 2)
    np.testing.assert_array_equal(y.time, target_time)


def test_a_target_without_a_common_time_is_refused():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(FIELDS, {"time": MONTHS.astype("M8[ns]")}, ("time", "lat", "lon"))
    mid_month = xr.DataArray(TARGET, {"time": MONTHS.astype("M8[ns]") + np.timedelta64(14, "D")}, ("time",))
    with pytest.raises(ValueError, match=r"times in common .* need a target at 1970-03.*got one at 1970-01-15"):
        lag_windows(fields, mid_month, lags=2, lead=1)
    repeated = mid_month[[0, *range(N - 1)]]
    with pytest.raises(ValueError, match="time must increase, got 1970-01-15.*twice"):
        lag_windows(fields, repeated, lags=2, lead=1)


def test_times_of_two_kinds_are_refused():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(np.zeros((4, 2)), {"time": np.arange("2000-01", "2000-05", dtype="M8[M]")}, ("time", "x"))
    target = xr.DataArray(np.zeros(4), {"time": np.arange(4)}, ("time",))
    with pytest.raises(ValueError, match="of one kind, got integers and dates of the standard calendar"):
        lag_windows(fields, target, lags=2)


def test_the_dimension_time_may_be_anywhere():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(np.arange(8.0).reshape(4, 2), dims=("time", "x"))
    target = xr.DataArray(np.arange(12.0).reshape(4, 3), dims=("time", "division"))
    expected = lag_windows(fields, target, lags=2)
    found = lag_windows(fields.T, target.T, lags=2)
    xr.testing.assert_equal(found.X, expected.X)
    xr.testing.assert_equal(found.y, expected.y)


def test_a_target_whose_time_is_not_first_is_told_so():
    message = r"got 3 of shape \(3, 4\). Its axis 1 has that length: np.moveaxis\(target, 1, 0\) puts it first"
    with pytest.raises(ValueError, match=message):
        lag_windows(np.zeros((4, 2)), np.zeros((3, 4)), lags=2)


def test_a_number_is_no_series():
    with pytest.raises(ValueError, match="fields must have a first axis for time, got a scalar"):
        lag_windows(3.0, lags=1)
