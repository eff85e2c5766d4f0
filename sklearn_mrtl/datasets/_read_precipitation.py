"""Monthly precipitation from the files of PRISM, nClimDiv and netCDF."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl.datasets._bil import read_bil
from sklearn_mrtl.datasets._climate_divisions import is_climate_divisions, read_climate_divisions
from sklearn_mrtl.datasets._fields import in_order_of_time, in_region, on_one_level
from sklearn_mrtl.datasets._netcdf import find_files, is_netcdf, names_of_fields, open_netcdf
from sklearn_mrtl.datasets._outline import clip, mean_within

MM = {"units": "mm/month", "long_name": "precipitation"}


def read_precipitation(path: str | PathLike | Sequence[str | PathLike], outline=None, *, variable: str | None = None):
    r"""Read precipitation, as fields, as their mean over an outline, or by climate division.

    Takes grids of PRISM (``.bil`` with ``.hdr`` beside it, or the ``.zip`` files in which they come), gridded netCDF
    files, and the text files of NOAA's nClimDiv (``climdiv-pcpndv-...``; also those of states, ``pcpnst``, and
    counties, ``pcpncy``). What a file is, is seen from its content.

    Parameters
    ----------
    path : str, path or sequence of both
        Files, or glob patterns such as ``"PRISM_ppt_*_bil.bil"``. Files of different times are joined in order of time.
    outline : array-like of shape (n_vertices, 2), default=None
        Longitudes and latitudes of the vertices of a polygon, in order, in degrees: give the mean over it, of the cells
        whose centres lie inside, weighted by their area. ``None``: give the whole fields.
    variable : str, default=None
        Name of the variable in netCDF files. ``None``: the only one there is.

    Returns
    -------
    xarray.DataArray
        Of dimensions (time), with an outline; (time, lat, lon), without; (time, division) for nClimDiv, whose
        coordinate has NOAA's codes, such as "1301". float32; mm per month (for netCDF the file's own units); NaN where
        there are no data, in the sea for example. If each time has a month of its own, it is the month's first day.

    Raises
    ------
    FileNotFoundError
        If no file matches.
    ValueError
        If a file is none of these, or not what it says; the outline is no polygon, reaches beyond the grid, has no
        cell inside, or is given for nClimDiv; the variable is not in the file, or not the only one; times occur twice.
    ImportError
        If xarray (extra ``xarray``) is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn_mrtl.datasets import read_precipitation
    >>> values = "".join(f"{inches:7.2f}" for inches in range(1, 13))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open(f"{folder}/climdiv-pcpndv.txt", "w") as file:
    ...         print("1301012020" + values, "1302012020" + values, sep="\n", file=file)
    ...     rain = read_precipitation(f"{folder}/climdiv-*")
    >>> rain.sizes, rain.division.values
    (Frozen({'time': 12, 'division': 2}), array(['1301', '1302'], dtype='<U4'))
    >>> rain.values[0, 0], str(rain.time.values[0])[:7]
    (np.float32(25.4), '2020-01')
    """
    import_optional("xarray", extra="xarray", caller="read_precipitation", otherwise="make DataArrays of your own")
    pieces = []
    for file in find_files(path):
        for piece in _pieces(file, variable, gridded=outline is not None):
            field = piece if outline is None else clip(piece, outline)
            field = field.where(field >= 0).astype(np.float32)  # fill values that a file does not declare are negative
            pieces.append(field if outline is None else mean_within(field, outline))
    return in_order_of_time(pieces, pieces[0].name)


def _pieces(file: Path, variable: str | None, *, gridded: bool) -> Iterator:
    """DataArrays of a file, in whatever format it is."""
    if is_netcdf(file):
        yield from _from_netcdf(file, variable)
    elif file.suffix.lower() == ".bil" or zipfile.is_zipfile(file):
        yield from _from_bil(file)
    elif not is_climate_divisions(file):
        raise ValueError(
            f"{file} is none of the formats of precipitation that are known here: PRISM's .bil with .hdr (or their "
            ".zip), netCDF, and nClimDiv's text."
        )
    elif gridded:
        raise ValueError(
            f"{file} has climate divisions, which are no grid: leave the outline out, and choose or average divisions."
        )
    else:
        yield _from_climate_divisions(file)


def _from_bil(file: Path) -> Iterator:
    import xarray as xr

    for month, values, lat, lon in read_bil(file):
        coords = {"time": [month.astype("datetime64[ns]")], "lat": lat, "lon": lon}
        yield xr.DataArray(values[None], coords, ("time", "lat", "lon"), "precip", MM)


def _from_climate_divisions(file: Path):
    import xarray as xr

    mm, months, divisions = read_climate_divisions(file)
    coords = {"time": months.astype("datetime64[ns]"), "division": divisions}
    return xr.DataArray(mm, coords, ("time", "division"), "precip", MM)


def _from_netcdf(file: Path, variable: str | None) -> Iterator:
    """The variable, not yet read; the file is open until the next step."""
    with open_netcdf(file, caller="read_precipitation") as dataset:
        names = names_of_fields(dataset)
        if variable is None and len(names) == 1:
            variable = names[0]
        if variable not in names:
            what = "give variable=" if variable is None else f"no variable {variable!r}"
            there = ", ".join(map(repr, names)) or "none"
            raise ValueError(f"{file}: {what}; with time, latitude and longitude there are: {there}.")
        yield in_region(on_one_level(dataset[variable], None, file), None)
