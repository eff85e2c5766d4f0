"""How much later targets are than their samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np

SECOND = 1_000_000  # microseconds; times that are decoded from floats differ by less

# What a number of calendar months keeps of a moment: from microseconds since the first of its month, the month's length
# and that of the other month to microseconds there. The first of the month, its middle, and its last day are all usual.
MONTHS: dict[str, Callable[[int, int, int], int]] = {
    "months": lambda since, length, other: since,
    "months by fraction": lambda since, length, other: round(since * other / length),
    "months from their end": lambda since, length, other: other - length + since,
}


def lead_between(time: np.ndarray | None, target_time: np.ndarray | None) -> tuple[str, int] | None:
    """Return how much later all targets are than their samples; None if they are not, or it differs.

    Parameters
    ----------
    time, target_time : ndarray of shape (n,), or None
        As `find_time` returns them.

    Returns
    -------
    (unit, number) or None
        The unit is one of `MONTHS`, or else that of the times: "steps" of integers, or a unit of datetime64.
    """
    if time is None or target_time is None or not len(time) or len(time) != len(target_time):
        return None
    if time.dtype.kind != target_time.dtype.kind or not (time.dtype.kind in "iuM" or is_calendar(time)):
        return None
    in_months = () if time.dtype.kind in "iu" else tuple(leads_in_months(time, target_time))
    if in_months and in_months[0][0] == "months":
        return in_months[0]
    steps = target_time - time
    if steps[0] and (steps == steps[0]).all():
        if time.dtype.kind == "O":
            return "us", steps[0] // timedelta(microseconds=1)
        unit = "steps" if steps.dtype.kind != "m" else np.datetime_data(steps.dtype)[0]
        return unit, int(steps[0].astype(np.int64))
    return in_months[0] if in_months else None


def leads_in_months(time: np.ndarray, target_time: np.ndarray) -> Iterator[tuple[str, int]]:
    """Yield the rules of `MONTHS` by which all targets are as many months later, and that number, unless it is 0."""
    number = months_of(target_time[0])[0] - months_of(time[0])[0]
    for name, rule in MONTHS.items() if number else ():
        if all(is_later(*moments, number, rule) for moments in zip(time, target_time, strict=True)):
            yield name, number


def is_later(moment: Any, target: Any, number: int, rule: Callable[[int, int, int], int]) -> bool:
    """Return whether a moment is another one a number of months later."""
    (month, since, length), (target_month, target_since, target_length) = months_of(moment), months_of(target)
    return target_month - month == number and abs(rule(since, length, target_length) - target_since) < SECOND


def later(time: np.ndarray, lead: tuple[str, int]) -> np.ndarray:
    """Return times with the lead of `lead_between` added."""
    unit, number = lead
    if unit == "steps":
        return time + number
    if unit in MONTHS:
        return np.array([months_later(moment, number, MONTHS[unit]) for moment in time], dtype=time.dtype)
    if time.dtype.kind == "O":
        return time + timedelta(microseconds=number)
    return time + np.array(number, dtype=f"timedelta64[{unit}]")


def is_calendar(time: np.ndarray) -> bool:
    """Return whether times are dates of a calendar of cftime."""
    return time.dtype.kind == "O" and all(hasattr(moment, "daysinmonth") for moment in time)


def months_of(moment: Any) -> tuple[int, int, int]:
    """Return months since 1970, microseconds since the first of the month, and the month's length in microseconds."""
    first, after = first_of(moment, 0), first_of(moment, 1)
    us: Any = np.timedelta64(1, "us")
    if isinstance(moment, np.datetime64):
        return (
            int(moment.astype("datetime64[M]").astype(np.int64)),
            int((moment - first) // us),
            int((after - first) // us),
        )
    us = timedelta(microseconds=1)
    return 12 * (moment.year - 1970) + moment.month - 1, (moment - first) // us, (after - first) // us


def months_later(moment: Any, number: int, rule: Callable[[int, int, int], int]) -> Any:
    """Return the moment a number of months later."""
    _, since, length = months_of(moment)
    first = first_of(moment, number)
    since = rule(since, length, months_of(first)[2])
    return first + (np.timedelta64(since, "us") if isinstance(moment, np.datetime64) else timedelta(microseconds=since))


def first_of(moment: Any, number: int) -> Any:
    """Return the first of the month a number of months later."""
    if isinstance(moment, np.datetime64):
        return (moment.astype("datetime64[M]") + number).astype(moment.dtype)
    years, month = divmod(moment.month - 1 + number, 12)
    start = {"day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    return moment.replace(year=moment.year + years, month=month + 1, **start)
