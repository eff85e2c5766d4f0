"""PRISM's grids as fields of months; days are summed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sklearn_mrtl.datasets._bil import read_bil
from sklearn_mrtl.datasets._dates import months_as_dates

MM = {"units": "mm/month", "long_name": "precipitation"}


def read_prism(files: Sequence[Path], clip: Callable) -> list:
    """Return a DataArray of dimensions (time, lat, lon) for each month of some files.

    Parameters
    ----------
    files : sequence of Path
        .bil files or .zip archives of them, each of a month or of a day.
    clip : callable
        Takes a DataArray of dimensions (time, lat, lon) and returns the part of it that is wanted.

    Raises
    ------
    ValueError
        If a file is not what it should be, days of a month are missing or given twice, or their grids differ.
    """
    fields, sums, days = [], {}, {}
    for file in files:
        for date, values, lat, lon in read_bil(file):
            field = clip(_as_field(date, values, lat, lon, file))
            month = date.astype("datetime64[M]")
            if np.datetime_data(date)[0] == "M":
                fields.append(field)
            elif month not in sums:
                sums[month], days[month] = field.astype(np.float64), {date: file}
            else:
                _check_day(date, field, days[month], sums[month], file)
                sums[month] += field.values
                days[month][date] = file
    _check_complete(days)
    return fields + [total.astype(np.float32) for total in sums.values()]


def _as_field(date, values, lat, lon, file: Path):
    import xarray as xr  # an extra, which the caller has

    time = months_as_dates(date.astype("datetime64[M]"), file)
    field = xr.DataArray(values[None], {"time": [time], "lat": lat, "lon": lon}, ("time", "lat", "lon"), "precip", MM)
    return field.where(field >= 0)


def _check_day(date: np.datetime64, field, days: dict, total, file: Path) -> None:
    if date in days:
        raise ValueError(f"{file} has the day {date}, which {days[date]} has as well.")
    if not (field.lat.equals(total.lat) and field.lon.equals(total.lon)):
        raise ValueError(f"{file} differs in cells from the other days of {date.astype('datetime64[M]')}.")


def _check_complete(days: dict[np.datetime64, dict[np.datetime64, Path]]) -> None:
    """Refuse the sum of a month of which days are missing."""
    for month, found in days.items():
        n_days = monthrange(*map(int, str(month).split("-")))[1]
        if len(found) < n_days:
            all_days = np.arange(month, month + np.timedelta64(1, "M"), dtype="datetime64[D]")
            missing = [str(day) for day in all_days if day not in found]
            raise ValueError(
                f"{next(iter(found.values()))} has a day of {month}. Days are summed to months, but of this month only "
                f"{len(found)} of {n_days} days are there: give the files of all its days in one call, or leave them "
                f"all out. Missing: {', '.join(missing[:3])}{', ...' if len(missing) > 3 else '.'}"
            )
