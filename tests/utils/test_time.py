import datetime

import numpy as np
import pytest

from sklearn_mrtl._utils.time import (
    as_numbers,
    check_steps,
    find_time,
    positions_in_cycle,
    require_time,
    shift_position,
    time_kind,
)

X = np.zeros((3, 2))
DATES = np.array(["2000-01-15", "1969-12-15", "2001-07-01"], dtype="datetime64[D]")


class CFTime:
    """What cftime's datetimes offer, in a calendar of 360 days."""

    def __init__(self, year, month, day):
        self.year, self.month, self.day = year, month, day

    def toordinal(self):
        return 360 * self.year + 30 * (self.month - 1) + self.day - 1


def kinds_of_dates():
    yield DATES
    yield DATES.astype("datetime64[M]")
    yield DATES.astype("datetime64[ns]")
    yield list(DATES.astype("datetime64[us]").astype(object))
    yield [datetime.date(2000, 1, 15), datetime.date(1969, 12, 15), datetime.date(2001, 7, 1)]
    yield [CFTime(2000, 1, 30), CFTime(1969, 12, 30), CFTime(2001, 7, 30)]


@pytest.mark.parametrize("time", list(kinds_of_dates()))
def test_calendar_months(time):
    np.testing.assert_array_equal(positions_in_cycle(find_time(X, time), "month"), [1, 12, 7])


@pytest.mark.parametrize("make", ["DatetimeIndex", "Series", "PeriodIndex"])
def test_calendar_months_of_pandas(make):
    pd = pytest.importorskip("pandas")
    time = pd.PeriodIndex(DATES, freq="M") if make == "PeriodIndex" else getattr(pd, make)(DATES)
    np.testing.assert_array_equal(positions_in_cycle(find_time(X, time), "month"), [1, 12, 7])
    frame = pd.DataFrame(X, index=pd.Index(time))
    np.testing.assert_array_equal(positions_in_cycle(find_time(frame), "month"), [1, 12, 7])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Denver"])
def test_months_are_those_of_the_rows_own_time_zone(zone):
    pd = pytest.importorskip("pandas")
    time = pd.DatetimeIndex(DATES).tz_localize(zone)
    moments = [moment.to_pydatetime() for moment in time]
    for times in (find_time(pd.DataFrame(X, index=time)), find_time(X, time), find_time(X, moments)):
        np.testing.assert_array_equal(times.astype("M8[D]"), DATES)


def test_integers_run_through_a_cycle():
    np.testing.assert_array_equal(positions_in_cycle(np.array([0, 23, 24, -1]), 24), [0, 23, 0, 23])
    np.testing.assert_array_equal(shift_position(np.array([0, 23]), 2, 24), [2, 1])
    np.testing.assert_array_equal(shift_position(np.array([1, 12, 10]), 3, "month"), [4, 3, 1])
    np.testing.assert_array_equal(shift_position(np.array([1, 12]), 12, "month"), [1, 12])


def test_numbers_are_years_or_integers():
    np.testing.assert_allclose(as_numbers(np.array(["1970-01", "2370-01"], dtype="datetime64[M]")), [0, 400])
    np.testing.assert_array_equal(as_numbers(np.array([3, -1])), [3, -1])
    steps = np.diff(as_numbers(find_time(X, [CFTime(2000, 1, 1), CFTime(2000, 2, 30), CFTime(2000, 4, 29)])))
    np.testing.assert_allclose(steps, 59 / 365.2425)


def test_the_argument_goes_before_the_coordinate():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, dims=("time", "cell"), coords={"time": [1, 2, 3]})
    np.testing.assert_array_equal(find_time(fields), [1, 2, 3])
    np.testing.assert_array_equal(find_time(fields, [4, 5, 6]), [4, 5, 6])


def test_a_time_along_another_dimension_is_not_the_rows():
    xr = pytest.importorskip("xarray")
    assert find_time(xr.DataArray(X, dims=("cell", "time"), coords={"time": [1, 2]})) is None


def test_no_time_names_the_ways_to_give_it():
    with pytest.raises(ValueError, match=r"This needs .* X \(ndarray\) has none: give time=.*DataArray.*pandas"):
        require_time(X, None, "This")
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="DataFrame"):
        require_time(pd.DataFrame(X), None, "This")


@pytest.mark.parametrize(
    "time, error, message",
    [
        (DATES[:2], ValueError, r"each of the 3 rows, got shape \(2,\)"),
        ([[1], [2], [3]], ValueError, r"got shape \(3, 1\)"),
        (np.array(["2000-01", "NaT", "2000-03"], dtype="datetime64[M]"), ValueError, "1 missing entries"),
        ([1.0, 2.0, 3.0], TypeError, "dates .* or integers, got float64"),
        (["2000-01", "2000-02", "2000-03"], TypeError, "got <U7"),
        ([object()] * 3, TypeError, "objects such as <object"),
    ],
)
def test_bad_times(time, error, message):
    with pytest.raises(error, match=message):
        find_time(X, time)


def test_the_period_must_fit_the_times():
    with pytest.raises(TypeError, match="period='month' needs dates, got int64.*such as 12"):
        positions_in_cycle(np.arange(3), "month")
    with pytest.raises(TypeError, match="period=12 counts in integer times"):
        positions_in_cycle(DATES, 12)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "u8"])
def test_integers_of_small_types_do_not_wrap(dtype):
    time = find_time(X, np.array([100, 110, 120], dtype))
    assert time.dtype == np.int64
    np.testing.assert_array_equal(positions_in_cycle(time, 300), [100, 110, 120])
    assert check_steps(find_time(np.zeros(2), np.array([0, 120], dtype))) is None
    with pytest.raises(ValueError, match="time must increase"):
        check_steps(find_time(np.zeros(2), np.array([120, 0], dtype)))


def test_integers_beyond_int64():
    with pytest.raises(ValueError, match=r"less than 2\*\*63, got 9223372036854775808"):
        find_time(X, np.array([1, 2, 2**63], np.uint64))


@pytest.mark.parametrize("calendar", ["standard", "proleptic_gregorian"])
def test_dates_of_the_standard_calendar_are_datetime64(calendar):
    cftime = pytest.importorskip("cftime")
    dates = (2000, 1, 15, 6), (1969, 12, 15), (1600, 7, 1)
    time = find_time(X, [cftime.datetime(*date, calendar=calendar) for date in dates])
    np.testing.assert_array_equal(time, np.array(["2000-01-15T06", "1969-12-15", "1600-07-01"], "M8[us]"))


def test_several_calendars_are_refused():
    cftime = pytest.importorskip("cftime")
    moments = [cftime.datetime(2000, 1, 1, calendar=calendar) for calendar in ("noleap", "360_day", "noleap")]
    assert time_kind(find_time(X, moments[:1] * 3)) == "dates of the calendar 'noleap'"
    with pytest.raises(TypeError, match="of one calendar, got 360_day, noleap"):
        find_time(X, moments)


def test_hours_of_other_calendars_count():
    cftime = pytest.importorskip("cftime")
    time = find_time(X, [cftime.datetime(2000, 1, 1, hour, calendar="noleap") for hour in (0, 6, 18)])
    np.testing.assert_allclose(np.diff(as_numbers(time)) * 365, [0.25, 0.5])


def test_one_time_has_no_steps():
    assert check_steps(DATES[:1]) is None
