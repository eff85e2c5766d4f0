"""Axes of gridded files, found by any usual name and called time, depth, lat and lon.

The table of names is our own because cf_xarray's guesses take a dimension "zone" for a depth and every name that begins
with i for a longitude, and know neither "date" nor "st_ocean".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

# Names in use (ERSST, EN4, GODAS, HadISST, ORAS, SODA, the IRI data library), the CF conventions' standard name, axis
# and units.
AXES = {
    "time": ({"time", "t", "times", "date", "time_counter"}, "time", "T", set()),
    "depth": ({"depth", "lev", "level", "zlev", "deptht", "z", "st_ocean", "depth_below_surface"}, "depth", "Z", set()),
    "lat": ({"lat", "latitude", "lats", "y", "ylat", "nav_lat"}, "latitude", "Y", {"degrees_north", "degree_north"}),
    "lon": ({"lon", "longitude", "long", "lons", "x", "xlon", "nav_lon"}, "longitude", "X", {"degrees_east"}),
}
LARGEST = {"lat": 90.0, "lon": 720.0}  # degrees
TOLERANCE = 0.01  # degrees, by which centres of cells at the poles may lie beyond them


def rename_axes(dataset):
    """Return a Dataset whose dimensions are called time, depth, lat and lon, as far as it has them."""
    names = {}
    for axis in AXES:
        dims = [dim for dim in dataset.dims if dim in dataset.variables and dim not in names]
        matching = [dim for dim in dims if _is_axis(dataset[dim], axis)]
        if matching:
            names[min(matching, key=lambda dim: str(dim).lower() not in AXES[axis][0])] = axis
    return dataset.rename({dim: axis for dim, axis in names.items() if dim != axis})


def check_grid(dataset, file: Path) -> None:
    """Refuse a Dataset that is on no grid of latitudes and longitudes, each of one dimension.

    Raises
    ------
    ValueError
        If it has none, if the grid is curvilinear, or if coordinates are missing, repeated or impossible.
    """
    for axis in ("lat", "lon"):
        if axis in dataset.dims:
            _check_degrees(dataset[axis], file)
            continue
        curved = [name for name, field in dataset.variables.items() if field.ndim > 1 and _is_axis(dataset[name], axis)]
        if curved:
            raise ValueError(
                f"{file} is on a curvilinear grid: {curved[0]!r} has the dimensions {dataset[curved[0]].dims}. "
                "Interpolate it to latitudes and longitudes of one dimension each first, for example by `cdo remapbil`."
            )
        raise ValueError(
            f"{file} is not on a grid of latitudes and longitudes that each have one dimension: {axis} is missing "
            f"among its dimensions {tuple(dataset.dims)}."
        )


def check_times(dataset, file: Path) -> None:
    """Refuse a Dataset without a dimension of time, or with times that are no dates.

    Raises
    ------
    ValueError
        If there is no such dimension, or a time is missing or no date.
    """
    if "time" not in dataset.dims:
        scalars = [name for name in dataset.variables if dataset[name].ndim == 0 and _is_axis(dataset[name], "time")]
        given = f"one time for all of it ({scalars[0]!r})" if scalars else "no times"
        raise ValueError(
            f"{file} has {given}, where a dimension of time was expected. To add it, open the file with xarray and "
            "write Dataset.expand_dims('time') to a new file."
        )
    time = dataset.time
    if not time.size:
        raise ValueError(f"{file} is empty: its dimension of time has no entries.")
    if time.dtype.kind not in "MO":
        raise ValueError(
            f"{file} has times that are no dates, such as {time.values[0]} in units {time.attrs.get('units')!r}, where "
            "'days since ...' or the like was expected."
        )
    if missing := int(time.isnull().sum()):
        raise ValueError(f"{file} has {missing} missing times, of {time.size}.")


def _check_degrees(coordinate, file: Path) -> None:
    axis = str(coordinate.name)
    if coordinate.dtype.kind not in "fiu" or not coordinate.size:
        raise ValueError(f"{file}: {axis} must be numbers, got {coordinate.size} of {coordinate.dtype}.")
    values = coordinate.values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{file}: {axis} has {(~np.isfinite(values)).sum()} missing values, of {values.size}.")
    if np.abs(values).max() > LARGEST[axis] + TOLERANCE:
        raise ValueError(f"{file}: {axis} must be degrees, got values from {values.min():g} to {values.max():g}.")
    if axis == "lat" and len(np.unique(values)) < len(values):
        raise ValueError(f"{file}: lat has the same value more than once.")


def _is_axis(coordinate, axis: str) -> bool:
    names, standard_name, letter, units = AXES[axis]
    attrs = coordinate.attrs
    return (
        str(coordinate.name).lower() in names
        or attrs.get("standard_name") == standard_name
        or attrs.get("axis") == letter
        or str(attrs.get("units")) in units
    )
