"""Times of targets from those of their samples, in every calendar and at every usual day of the month."""

from datetime import timedelta

import numpy as np
import pytest

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl._utils.lead import later, lead_between
from sklearn_mrtl.preprocessing import lag_windows

xr = pytest.importorskip("xarray")
CALENDARS = [None, "standard", "noleap", "360_day"]


def monthly(calendar, day, n=100):
    """Months at their first, middle or last day; None: datetime64."""
    options = {} if calendar is None else {"calendar": calendar, "use_cftime": True}
    edges = xr.date_range("1990-01-01", periods=n + 1, freq="MS", **options)
    first, after = edges[:-1], edges[1:]
    fraction = {"first": 0, "middle": 0.5, "last": 1}[day]
    times = [a + (b - timedelta(days=1) * (day == "last") - a) * fraction for a, b in zip(first, after, strict=True)]
    return np.array(times, dtype="datetime64[ns]" if calendar is None else object)


@pytest.mark.parametrize("day", ["first", "middle", "last"])
@pytest.mark.parametrize("calendar", CALENDARS)
def test_predictions_have_the_times_of_their_targets(calendar, day):
    """Also those of months that fit has not seen, leap years among them; the type is that of X."""
    time = monthly(calendar, day)
    sea = xr.DataArray(np.random.default_rng(0).normal(size=(100, 4, 5)), {"time": time}, ("time", "lat", "lon"))
    X, y, *_ = lag_windows(sea, sea[:, 1, 1], lags=2, lead=3)
    model = MRTLRegressor(rank=1, alpha_l2=0.1, alpha_spatial=0.1).fit(X[:30], y[:30])
    predicted = model.predict_xarray(X)
    assert (predicted.time.values == y.time.values).all()
    assert (predicted.sample_time.values == X.time.values).all()
    assert type(predicted.time.values[0]) is type(y.time.values[0])


@pytest.mark.parametrize("calendar", CALENDARS)
def test_days(calendar):
    day = np.timedelta64(1, "D") if calendar is None else timedelta(days=1)
    time = monthly(calendar, "first", 1)[0] + np.arange(400) * day
    assert (later(time, lead_between(time[:300], time[5:305])) == time + 5 * day).all()


def test_targets_that_are_not_always_as_much_later():
    time = monthly(None, "middle")
    assert lead_between(time[:3], time[[1, 2, 4]]) is None
    assert lead_between(time[:3], time[1:4] + np.array([0, 0, 1], "timedelta64[h]")) is None
    assert lead_between(time, time) is None
    assert lead_between(np.arange(3), np.arange(3) + 4) == ("steps", 4)
    assert lead_between(np.arange(3), time[:3]) is None
