import pickle

import numpy as np
import pytest
import scipy.signal
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from sklearn_mrtl.preprocessing import Detrender, lag_windows

N = 40
MONTHS = np.arange("1990-01", "1993-05", dtype="datetime64[M]")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3, 2, 4)) + RNG.normal(size=(3, 2, 4)) * np.arange(N)[:, None, None, None] / 5


class MadeUpTimes(Detrender):
    """Makes up the times, so that scikit-learn's checks can call it."""

    def fit(self, X, y=None, *, time=None):
        self._check_fields(X, reset=True)
        return super().fit(X, y, time=np.arange(_num_samples(X)))

    def transform(self, X, *, time=None):
        return super().transform(X, time=np.zeros(_num_samples(X), dtype=int))


@parametrize_with_checks([Detrender(), MadeUpTimes("linear")])
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_difference_against_numpy(axis):
    np.testing.assert_array_equal(Detrender(axis=axis).fit_transform(X), -np.diff(X, axis=axis))


def test_difference_along_lags_is_a_month_minus_the_month_before():
    fields = RNG.normal(size=(N, 5))
    X, _, time, _ = lag_windows(fields, lags=4, time=np.arange(N))
    out = Detrender().fit_transform(X)
    for row, t in zip(out, time, strict=True):
        for lag in range(3):
            np.testing.assert_array_equal(row[lag], fields[t - lag] - fields[t - lag - 1])


def test_difference_of_a_data_array():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, dims=("time", "lag", "lat", "lon"), coords={"time": np.arange(N), "lag": [0, 1, 2]})
    out = Detrender().fit_transform(fields)
    assert out.dims == fields.dims
    np.testing.assert_array_equal(out.lag, [0, 1])
    np.testing.assert_array_equal(out.time, fields.time)
    np.testing.assert_array_equal(out, -fields.diff("lag", label="lower"))


def test_difference_along_a_named_dimension():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, dims=("time", "lag", "lat", "lon"))
    for axis, name in enumerate(fields.dims[1:], start=1):
        np.testing.assert_array_equal(Detrender(axis=name).fit_transform(fields), Detrender(axis=axis).fit_transform(X))
    with pytest.raises(
        ValueError, match=r"axis must be a dimension of X after the first, got 'x'; X has the dimensions"
    ):
        Detrender(axis="x").fit(fields)


def test_linear_against_scipy():
    expected = scipy.signal.detrend(X, axis=0, type="linear")
    np.testing.assert_allclose(Detrender("linear").fit_transform(X, time=np.arange(N) + 1900), expected, atol=1e-12)


def test_linear_goes_by_time_and_skips_nan():
    time = RNG.permutation(1000)[:N]
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.3] = np.nan
    holes[:, 0, 0, 0] = np.nan
    holes[1:, 0, 0, 1] = np.nan
    holes[0, 0, 0, 1] = 5.0
    detrender = Detrender("linear").fit(holes, time=time)
    out = detrender.transform(holes, time=time)
    for cell in np.ndindex(X.shape[1:]):
        x = holes[(slice(None), *cell)]
        there = ~np.isnan(x)
        slope, intercept = np.polyfit(time[there], x[there], 1) if there.sum() > 1 else (0.0, x[0])
        np.testing.assert_allclose(out[(slice(None), *cell)], x - slope * time - intercept, atol=1e-10)
    assert np.isnan(detrender.slope_[0, 0, 0]) and detrender.slope_[0, 0, 1] == 0


def test_linear_there_and_back():
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.1] = np.nan
    detrender = Detrender("linear").fit(holes[:20], time=MONTHS[:20])
    back = detrender.inverse_transform(detrender.transform(holes, time=MONTHS), time=MONTHS)
    np.testing.assert_allclose(back, holes, atol=1e-12)
    other = pickle.loads(pickle.dumps(detrender))
    np.testing.assert_array_equal(other.inverse_transform(X, time=MONTHS), detrender.inverse_transform(X, time=MONTHS))


def test_differences_have_no_inverse():
    detrender = Detrender().fit(X)
    assert not hasattr(detrender, "inverse_transform") and hasattr(Detrender("linear"), "inverse_transform")
    with pytest.raises(AttributeError) as error:
        detrender.inverse_transform(X)
    assert "does not tell the level" in str(error.value.__cause__ or error.value)


def test_linear_slope_is_per_year():
    days = (MONTHS - MONTHS[0].astype("datetime64[D]")).astype(float)
    detrender = Detrender("linear").fit(days[:, None] * 0.01, time=MONTHS)
    np.testing.assert_allclose(detrender.slope_, 3.652425)


def test_linear_takes_time_from_the_coordinate():
    xr = pytest.importorskip("xarray")
    time = MONTHS.astype("datetime64[ns]")
    fields = xr.DataArray(X, dims=("time", "lag", "lat", "lon"), coords={"time": time, "lag": [0, 1, 2]})
    order = RNG.permutation(N)
    out = Detrender("linear").fit(fields[order]).transform(fields)
    assert out.dims == fields.dims and set(out.coords) == {"time", "lag"}
    np.testing.assert_allclose(out, Detrender("linear").fit_transform(X, time=MONTHS), atol=1e-12)


def test_test_rows_are_not_seen_and_rows_stand_alone():
    train, test = slice(0, 30), slice(30, None)
    detrender = Detrender("linear").fit(X[train], time=MONTHS[train])
    before = detrender.transform(X[train], time=MONTHS[train])
    changed = X.copy()
    changed[test] *= 1e3
    after = Detrender("linear").fit(changed[train], time=MONTHS[train]).transform(changed, time=MONTHS)[train]
    np.testing.assert_array_equal(before, after)
    for row in (3, 33):
        alone = detrender.transform(X[[row]], time=MONTHS[[row]])
        np.testing.assert_array_equal(alone[0], detrender.transform(X, time=MONTHS)[row])


@pytest.mark.parametrize("detrender", [Detrender(), Detrender("linear")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_input_is_not_touched(detrender, dtype):
    mine = X.astype(dtype)
    assert detrender.fit_transform(mine, time=MONTHS).dtype == dtype
    np.testing.assert_array_equal(mine, X.astype(dtype))


@pytest.mark.parametrize(
    "detrender, X, time, message",
    [
        (Detrender("quadratic"), X, None, "method must be one of"),
        (Detrender("linear"), X, None, r"Detrender\(method='linear'\) needs the time of each row.*give time="),
        (Detrender("linear"), X[:2], MONTHS[[4, 4]], "at least two different times"),
        (Detrender(axis=0), X, None, r"axis must be one of 1..3 \(0 is the rows\)"),
        (Detrender(axis=4), X, None, "axis must be one of 1..3"),
        (Detrender(), X[:, :1], None, "at least 2 entries there"),
        (Detrender(), np.full((2, 3), np.inf), None, "infinity"),
    ],
)
def test_bad_input(detrender, X, time, message):
    with pytest.raises(ValueError, match=message):
        detrender.fit(X, time=time)


def test_rows_of_another_shape():
    with pytest.raises(ValueError, match=r"rows of shape \(3, 2, 4\), as in fit, got \(3, 2, 3\)"):
        Detrender().fit(X).transform(X[..., :3])


def test_times_of_another_kind_are_refused():
    xr = pytest.importorskip("xarray")
    cftime = pytest.importorskip("cftime")
    noleap, days_360, standard = (
        np.array([cftime.datetime(1990 + k // 12, k % 12 + 1, 1, calendar=calendar) for k in range(N)])
        for calendar in ("noleap", "360_day", "standard")
    )
    kinds = {
        "dates of the calendar 'noleap'": noleap,
        "dates of the calendar '360_day'": days_360,
        "dates of the standard calendar": MONTHS,
        "integers": np.arange(N),
    }
    for mine, time in kinds.items():
        detrender = Detrender("linear").fit(X, time=time)
        for other, later in kinds.items():
            if mine == other:
                assert np.isfinite(detrender.transform(X, time=later)).all()
                continue
            for method in (detrender.transform, detrender.inverse_transform):
                with pytest.raises(ValueError, match=f"of the kind of fit, {mine}, got {other}"):
                    method(X, time=later)
    detrender = Detrender("linear").fit(X, time=MONTHS)
    fields = xr.DataArray(X, {"time": standard}, ("time", "lag", "lat", "lon"))
    np.testing.assert_allclose(detrender.transform(fields), detrender.transform(X, time=MONTHS), atol=1e-12)
