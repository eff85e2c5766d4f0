"""When each row happened, and where in the cycle that is.

Every part of the package that needs the time of a row asks here, so that there is one set of ways to give it.
A row's number is never its time: folds, shuffles and selections change row numbers.
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils.validation import _num_samples

from sklearn_mrtl._utils.arrays import is_dataarray

DAYS_PER_YEAR = 365.2425
# Calendars of climate models (cftime) that have no place in datetime64, though most of their dates look like its own.
OTHER_CALENDARS = {"noleap": 365, "365_day": 365, "all_leap": 366, "366_day": 366, "360_day": 360, "julian": 365.25}
WAYS = (
    "give time= (one entry for each row of X; in pipelines as metadata, with set_fit_request(time=True) and the "
    "like), or X as an xarray.DataArray whose first dimension has a coordinate 'time', or X with a pandas time index"
)


def find_time(X, time=None) -> np.ndarray | None:
    """Times of the rows of X, or None where neither the argument nor X has them.

    Parameters
    ----------
    X : array-like of shape (n, ...)
    time : array-like of shape (n,), default=None
        Goes before what X carries.

    Returns
    -------
    ndarray of shape (n,) or None
        datetime64, integers, or objects with a year and a month (cftime).

    Raises
    ------
    ValueError
        If the times are not one for each row, or some are missing (NaT).
    TypeError
        If they are neither dates nor integers.
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
    """Times of the rows of X; an error that names the ways to give them where there are none.

    ``what`` says who needs them, at the start of the message.
    """
    found = find_time(X, time)
    if found is None:
        raise ValueError(f"{what} needs the time of each row, and X ({type(X).__name__}) has none: {WAYS}.")
    return found


def positions_in_cycle(time: np.ndarray, period: str | int) -> np.ndarray:
    """Where in the cycle each time falls.

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


def all_positions(period: str | int) -> np.ndarray:
    """Every place of the cycle, in order."""
    return np.arange(1, 13) if period == "month" else np.arange(period)


def shift_position(position: np.ndarray, steps: int, period: str | int) -> np.ndarray:
    """Positions in the cycle that many steps later (months, for "month")."""
    first, length = (1, 12) if period == "month" else (0, period)
    return (position - first + steps) % length + first


def check_period(period) -> None:
    """Refuse what is neither "month" nor a positive int."""
    is_count = isinstance(period, Integral) and not isinstance(period, bool) and period >= 1
    if not is_count and period != "month":
        raise ValueError(f"period must be 'month' or a positive int, got {period!r}.")


def as_numbers(time: np.ndarray) -> np.ndarray:
    """Times on a line, float64: years for dates (since 1970, for datetime64), integers as they are."""
    if time.dtype.kind in "iu":
        return time.astype(np.float64)
    if time.dtype.kind == "M":
        return (time - np.datetime64(0, "D")) / np.timedelta64(1, "D") / DAYS_PER_YEAR
    days_per_year = OTHER_CALENDARS.get(getattr(time[0], "calendar", None), DAYS_PER_YEAR)
    return np.array([moment.toordinal() for moment in time], dtype=np.float64) / days_per_year


def check_steps(time: np.ndarray) -> str | None:
    """Whether a series of times is ordered and even: None, or what is wrong with its first uneven step.

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
    time = np.asarray(time)
    if time.dtype == object and time.size:
        time = _from_objects(time)
    if time.dtype.kind not in "iuMO":
        raise TypeError(f"time must be dates (datetime64, datetime, cftime, pandas) or integers, got {time.dtype}.")
    if time.dtype.kind == "M" and np.isnat(time).any():
        raise ValueError(f"time has {np.isnat(time).sum()} missing entries (NaT).")
    return time


def _from_objects(time: np.ndarray) -> np.ndarray:
    moments = [getattr(moment, "start_time", moment) for moment in time.ravel()]  # pandas.Period
    # A month is that of the calendar on the wall, wherever that hangs.
    moments = [moment.replace(tzinfo=None) if getattr(moment, "tzinfo", None) else moment for moment in moments]
    if any(getattr(moment, "calendar", None) in OTHER_CALENDARS for moment in moments):
        return time
    try:
        return np.array(moments, dtype="datetime64[us]").reshape(time.shape)
    except (TypeError, ValueError):
        if all(hasattr(moment, "year") and hasattr(moment, "month") for moment in moments):
            return time
        raise TypeError(f"time must be dates or integers, got objects such as {moments[0]!r}.") from None


def _calendar_months(time: np.ndarray) -> np.ndarray:
    """Months since January 1970."""
    if time.dtype.kind == "M":
        return time.astype("datetime64[M]").astype(np.int64)
    if time.dtype.kind == "O":
        return np.array([12 * (moment.year - 1970) + moment.month - 1 for moment in time], dtype=np.int64)
    raise TypeError(f"period='month' needs dates, got {time.dtype}; for integer times give period an int, such as 12.")
