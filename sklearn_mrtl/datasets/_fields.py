"""Fields of dimensions (time, lat, lon): their cells in a region, one of their levels, several of them joined."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from sklearn_mrtl.datasets._dates import unify_times

EDGE_TOLERANCE = 1e-6  # degrees, so that centres of cells on the region's edge lie in it whatever their rounding


def check_region(region) -> None:
    """Refuse a region that is not (west, east, south, north)."""
    if region is None:
        return
    if np.shape(region) != (4,) or not all(isinstance(edge, Real) and math.isfinite(edge) for edge in region):
        raise ValueError(f"region must be four numbers (west, east, south, north), got {region!r}.")
    west, east, south, north = region
    if west == east or not south < north:
        raise ValueError(f"region (west, east, south, north) must have a width and a height, got {region!r}.")


def in_region(field, region, file):
    """Return the cells of a field whose centres lie in the region, ascending in latitude and longitude.

    Raises
    ------
    ValueError
        If there are none.
    """
    lat, lon = field.lat.values.astype(np.float64), field.lon.values.astype(np.float64)
    west, east, south, north = (lon.min(), lon.min() + 360, lat.min(), lat.max()) if region is None else region
    width = east - west if east > west else east - west + 360
    offset = (lon - west + EDGE_TOLERANCE) % 360 - EDGE_TOLERANCE
    # A file may have its first meridian at both ends, and a region may be the whole circle: take each meridian once.
    offset, columns = np.unique(offset.round(9), return_index=True)
    columns, offset = columns[offset <= width + EDGE_TOLERANCE], offset[offset <= width + EDGE_TOLERANCE]
    rows = np.argsort(lat)
    rows = rows[(lat[rows] >= south - EDGE_TOLERANCE) & (lat[rows] <= north + EDGE_TOLERANCE)]
    if not len(rows) or not len(columns):
        raise ValueError(
            f"{file}: region {tuple(region)} (west, east, south, north) has no cells: the file has latitudes from "
            f"{lat.min():g} to {lat.max():g} and longitudes from {lon.min():g} to {lon.max():g}."
        )
    return field.isel(lat=rows, lon=columns).assign_coords(lat=lat[rows], lon=west + offset)


def join_in_time(pieces: list, name: str):
    """Return one DataArray of those of several files, in order of time.

    Raises
    ------
    ValueError
        If they have different cells or calendars, or a time twice.
    """
    import xarray as xr  # an extra, but who has pieces has it

    times = unify_times([piece.time.values for piece in pieces], name)
    pieces = [piece.assign_coords(time=time) for piece, time in zip(pieces, times, strict=True)]
    try:
        joined = xr.concat(pieces, "time", join="exact", combine_attrs="override")
    except ValueError as error:
        raise ValueError(f"the files of {name!r} differ in cells: {error}") from error
    joined = joined.sortby("time")
    time = joined.time.values
    twice = time[1:][time[1:] == time[:-1]]
    if len(twice):
        raise ValueError(f"{name!r} has the time {twice[0]} more than once in the files.")
    return joined


def on_one_level(field, depth: float | None, file):
    """Return a field of dimensions (time, lat, lon), on the level nearest to a depth, which its attrs then give."""
    if "depth" in field.dims:
        levels = np.abs(field.depth.values.astype(np.float64))
        if depth is not None and not 0 <= depth <= levels.max():
            raise ValueError(
                f"{file}: depth={depth:g} lies beyond the levels of {field.name!r}, 0 to {levels.max():g}."
            )
        level = int(np.argmin(np.abs(levels - (depth or 0.0))))
        field = field.isel(depth=level).assign_attrs(depth=float(levels[level]))
    others = [dim for dim in field.dims if dim not in ("time", "lat", "lon")]
    if long := [dim for dim in others if field.sizes[dim] > 1]:
        raise ValueError(f"{file}: {field.name!r} has more dimensions than time, depth, lat and lon: {long}.")
    return field.squeeze(others).transpose("time", "lat", "lon").reset_coords(drop=True)
