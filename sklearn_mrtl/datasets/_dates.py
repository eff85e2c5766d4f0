"""Dates of several files and calendars, brought to one kind."""

from __future__ import annotations

from collections import Counter

import numpy as np

# Whole years that datetime64[ns] holds, the only kind of date of older versions of xarray.
FIRST_YEAR, LAST_YEAR = 1678, 2261


def months_as_dates(months: np.ndarray, where) -> np.ndarray:
    """Return the first day of each month as datetime64[ns].

    Parameters
    ----------
    months : datetime64[M] array
    where : str or path
        File, or place in a file, that has the months; for the error.

    Raises
    ------
    ValueError
        If a month lies beyond what datetime64[ns] holds.
    """
    months = np.asarray(months, dtype="datetime64[M]")
    beyond = months[~_in_nanoseconds(months)]
    if beyond.size:
        raise ValueError(f"{where} has the month {beyond[0]}, not one of the years {FIRST_YEAR} to {LAST_YEAR}.")
    return months.astype("datetime64[ns]")


def unify_times(times: list[np.ndarray], name: str) -> list[np.ndarray]:
    """Return the times of several files as one kind of date.

    Products date their months by the first, the middle or the last day, and count them in different calendars. Where
    each time has a month of its own, it becomes the first day of that month; other times stay as they are.

    Parameters
    ----------
    times : list of ndarray of shape (n,)
        datetime64, or objects of cftime.
    name : str
        Name of the variable; for the error.

    Raises
    ------
    ValueError
        If several times share a month and the calendars differ.
    """
    months = [calendar_months(time) for time in times]
    together = np.concatenate(months)
    one_a_month = len(np.unique(together)) == len(together)
    if one_a_month and _in_nanoseconds(together).all():
        return [own.astype("datetime64[ns]") for own in months]
    calendars = sorted({_calendar(time) for time in times})
    if len(calendars) > 1:
        month, count = Counter(together.tolist()).most_common(1)[0]
        why = f"{month:%Y-%m} has {count}" if count > 1 else f"some lie before {FIRST_YEAR} or after {LAST_YEAR}"
        raise ValueError(
            f"the files of {name!r} have times of different calendars ({', '.join(calendars)}), which can be joined "
            f"only if each month of the years {FIRST_YEAR} to {LAST_YEAR} has one time: {why}. Read them one by one."
        )
    return [_first_of_month(time) for time in times] if one_a_month else times


def calendar_months(time: np.ndarray) -> np.ndarray:
    """Return the month of each date, datetime64[M]."""
    if time.dtype.kind == "M":
        return time.astype("datetime64[M]")
    months = np.array([12 * (moment.year - 1970) + moment.month - 1 for moment in time], dtype=np.int64)
    return months.astype("datetime64[M]")


def _in_nanoseconds(months: np.ndarray) -> np.ndarray:
    return (months >= np.datetime64(f"{FIRST_YEAR}-01", "M")) & (months <= np.datetime64(f"{LAST_YEAR}-12", "M"))


def _calendar(time: np.ndarray) -> str:
    return "standard" if time.dtype.kind == "M" else str(getattr(time[0], "calendar", "unknown"))


def _first_of_month(time: np.ndarray) -> np.ndarray:
    if time.dtype.kind == "M":
        return time.astype("datetime64[M]").astype(time.dtype)
    start = {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    return np.array([moment.replace(**start) for moment in time])
