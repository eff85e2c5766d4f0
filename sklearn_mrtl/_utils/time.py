"""Times of rows, and their positions in a cycle.

All parts of the package get the times of rows here, so that all accept them in the same ways. The number of a row is
never its time: folds, shuffles and selections change row numbers.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils.validation import _num_samples

from sklearn_mrtl._utils.arrays import is_dataarray

DAYS_PER_YEAR = 365.2425
# Calendars of climate models (cftime) that datetime64 does not have, and the days of a year in each. Most of their
# dates would convert to datetime64 without an error.
OTHER_CALENDARS = {"noleap": 365, "365_day": 365, "all_leap": 366, "366_day": 366, "360_day": 360, "julian": 365.25}
WAYS = (
    "give time= (one entry for each row of X; in pipelines as metadata, with set_fit_request(time=True) and the "
    "like), or X as an xarray.DataArray whose first dimension has a coordinate 'time', or X with a pandas time index"
)


def find_time(X, time=None) -> np.ndarray | None:
    """Return the times of the rows of X, or None where neither the argument nor X has them.

    Parameters
    ----------
    X : array-like of shape (n, ...)
    time : array-like of shape (n,), default=None
        Takes precedence over the times that X carries.

    Returns
    -------
    ndarray of shape (n,) or None
        datetime64, int64, or objects with a year and a month (cftime).

    Raises
    ------
    ValueError
        If there is not one time for each row, or some are missing (NaT, masked).
    TypeError
        If they are neither dates nor integers, or of several calendars.
    """
    if time is None:
        time = _time_of(X)
    if time is None:
        return None
    time = _as_times(time)
    n = _num_samples(X)
    if time.shape != (n,):
        raise ValueError(f"time must have one entry for each of the {n} rows, got shape {time.shape}.")
    return time


def require_time(X, time, what: str) -> np.ndarray:
    """Return the times of the rows of X, or raise an error that names the ways to give them.

    `what` names the caller in the message.
    """
    found = find_time(X, time)
    if found is None:
        raise ValueError(f"{what} needs the time of each row, and X ({type(X).__name__}) has none: {WAYS}.")
    return found


def positions_in_cycle(time: np.ndarray, period: str | int) -> np.ndarray:
    """Return the position of each time in the cycle.

    Parameters
    ----------
    time : ndarray of shape (n,)
        As `find_time` returns it.
    period : "month" or int
        "month": the calendar month of a date. An int: length of the cycle that integer times run through.

    Returns
    -------
    ndarray of int, shape (n,)
        1..12 for "month", else 0..period-1.
    """
    if period == "month":
        return _calendar_months(time) % 12 + 1
    if time.dtype.kind not in "iu":
        raise TypeError(f"period={period} counts in integer times, got {time.dtype}; for dates use period='month'.")
    return time % period


def n_positions(period: str | int) -> int:
    """Return the length of the cycle."""
    return 12 if period == "month" else int(period)


def all_positions(period: str | int) -> np.ndarray:
    """Return every position of the cycle, in order."""
    return np.arange(n_positions(period)) + (period == "month")


def shift_position(position: np.ndarray, steps: int, period: str | int) -> np.ndarray:
    """Return the positions in the cycle a number of steps later (months, for "month")."""
    first, length = int(period == "month"), n_positions(period)
    return (position - first + steps) % length + first


def check_period(period) -> None:
    """Raise ValueError unless period is "month" or a positive int."""
    is_count = isinstance(period, Integral) and not isinstance(period, bool) and int(period) >= 1
    if not is_count and period != "month":
        raise ValueError(f"period must be 'month' or a positive int, got {period!r}.")


def as_numbers(time: np.ndarray) -> np.ndarray:
    """Return times on a line, float64: years for dates (since 1970, for datetime64), integers as they are."""
    if time.dtype.kind in "iu":
        return time.astype(np.float64)
    if time.dtype.kind == "M":
        return (time - np.datetime64(0, "D")) / np.timedelta64(1, "D") / DAYS_PER_YEAR
    days_per_year = OTHER_CALENDARS.get(getattr(time[0], "calendar", ""), DAYS_PER_YEAR)
    return np.array([_days_of(moment) for moment in time], dtype=np.float64) / days_per_year


def time_kind(time: np.ndarray) -> str:
    """Return the kind of times in words; `as_numbers` of different kinds do not compare."""
    if time.dtype.kind == "M":
        return "dates of the standard calendar"
    if time.dtype.kind in "iu":
        return "integers"
    calendar = getattr(time[0], "calendar", None)
    return f"dates of the calendar {calendar!r}" if calendar else f"dates of type {type(time[0]).__name__}"


def check_same_order(X, y, what: str = "y") -> None:
    """Check that the rows of y are not those of X in another order.

    Raises
    ------
    ValueError
        If X is a DataArray with times, y one too or with a time index of pandas, and its times are those of X, but not
        row by row.
    """
    time, own = _time_of(X) if is_dataarray(X) else None, _time_of(y)
    if time is None or own is None or np.shape(time) != np.shape(own):
        return
    time, own = np.asarray(time), np.asarray(own)
    if time.dtype.kind == own.dtype.kind and (time != own).any() and (np.sort(time) == np.sort(own)).all():
        row = int(np.argmax(time != own))
        raise ValueError(
            f"{what} must be in the order of X, but its times are those of X in another order: row {row} is of "
            f"{own[row]}, and that of X of {time[row]}. Select y by the times of X first; if the order is meant, give "
            f"{what}.values."
        )


def check_steps(time: np.ndarray) -> str | None:
    """Check that a series of times increases; return a description of its first uneven step, or None.

    Steps are even if all are the same number of calendar months or the same length.

    Raises
    ------
    ValueError
        If time does not increase.
    """
    if len(time) < 2:
        return None
    late = np.flatnonzero(time[1:] <= time[:-1])
    if len(late):
        first, second = time[late[0]], time[late[0] + 1]
        what = f"{first} twice" if first == second else f"{first} followed by {second}; sort by time"
        raise ValueError(f"time must increase, got {what}.")
    steps = time[1:] - time[:-1]
    if time.dtype.kind not in "iu":
        months = np.diff(_calendar_months(time))
        is_even = (steps == steps[0]).all()
        steps = months if months.min() >= 1 and not is_even else steps
    uneven = np.flatnonzero(steps != steps[0])
    if not len(uneven):
        return None
    return f"{time[0]} is followed by {time[1]}, but {time[uneven[0]]} by {time[uneven[0] + 1]}"


def _time_of(X):
    if is_dataarray(X):
        if "time" not in X.coords:
            return None
        coordinate = X.coords["time"]
        return coordinate.values if tuple(coordinate.dims) == tuple(X.dims[:1]) else None
    index = getattr(X, "index", None)
    return index if hasattr(index, "month") else None


def _as_times(time) -> np.ndarray:
    if isinstance(time, np.ma.MaskedArray) and np.ma.is_masked(time):
        raise ValueError(f"time has {np.ma.count_masked(time)} missing entries (masked).")
    time = np.asarray(time)
    if time.dtype == object and time.size:
        time = _from_objects(time)
    if time.dtype.kind not in "iuMO":
        raise TypeError(f"time must be dates (datetime64, datetime, cftime, pandas) or integers, got {time.dtype}.")
    if time.dtype.kind == "M" and np.isnat(time).any():
        raise ValueError(f"time has {np.isnat(time).sum()} missing entries (NaT).")
    if time.dtype.kind in "iu":
        return _as_int64(time)
    return time


def _as_int64(time: np.ndarray) -> np.ndarray:
    """Convert integer times to int64, in which differences and remainders do not wrap around."""
    if time.dtype == np.uint64 and time.size and time.max() > np.iinfo(np.int64).max:
        raise ValueError(f"integer times must be less than 2**63, got {time.max()}.")
    return time.astype(np.int64, copy=False)


def _from_objects(time: np.ndarray) -> np.ndarray:
    """Return dates of the standard calendar as datetime64, those of other calendars unchanged."""
    moments = [getattr(moment, "start_time", moment) for moment in time.ravel()]  # pandas.Period
    # The month is that of the local time of each row.
    moments = [moment.replace(tzinfo=None) if getattr(moment, "tzinfo", None) else moment for moment in moments]
    calendars = {getattr(moment, "calendar", None) for moment in moments}
    if len(calendars) > 1:
        raise TypeError(f"time must be of one calendar, got {', '.join(sorted(map(str, calendars)))}.")
    (calendar,) = calendars
    if calendar in OTHER_CALENDARS:
        return time
    try:
        return np.array(moments, dtype="datetime64[us]").reshape(time.shape)
    except (TypeError, ValueError):
        if all(hasattr(moment, "year") and hasattr(moment, "month") for moment in moments):
            return time
        raise TypeError(f"time must be dates or integers, got objects such as {moments[0]!r}.") from None


def _days_of(moment) -> float:
    """Days since the first day of a calendar, with the fraction of the day where the date tells it (cftime)."""
    return moment.toordinal(fractional=True) if hasattr(moment, "calendar") else moment.toordinal()


def _calendar_months(time: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    if time.dtype.kind == "M":
        return time.astype("datetime64[M]").astype(np.int64)
    if time.dtype.kind == "O":
        return np.array([12 * (moment.year - 1970) + moment.month - 1 for moment in time], dtype=np.int64)
    raise TypeError(f"period='month' needs dates, got {time.dtype}; for integer times give period an int, such as 12.")
