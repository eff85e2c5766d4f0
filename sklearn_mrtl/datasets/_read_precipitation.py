"""Monthly precipitation from files of PRISM, nClimDiv and netCDF."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path

import numpy as np

from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl.datasets._bil import is_zip
from sklearn_mrtl.datasets._climate_divisions import is_climate_divisions, read_climate_divisions
from sklearn_mrtl.datasets._fields import in_region, join_in_time, on_one_level
from sklearn_mrtl.datasets._files import find_files
from sklearn_mrtl.datasets._netcdf import is_netcdf, load, names_of_fields, open_netcdf
from sklearn_mrtl.datasets._outline import clip, mean_within
from sklearn_mrtl.datasets._prism import MM, read_prism
from sklearn_mrtl.datasets._units import is_temperature


def read_precipitation(path: str | PathLike | Sequence[str | PathLike], outline=None, *, variable: str | None = None):
    r"""Read precipitation, as fields, as their mean over an outline, or by climate division.

    Takes grids of PRISM (``.bil`` with ``.hdr`` beside it, or the ``.zip`` files in which they come), gridded netCDF
    files, and the text files of NOAA's nClimDiv (``climdiv-pcpndv-...``; also those of states, ``pcpnst``, and
    counties, ``pcpncy``). The content of a file tells its format. PRISM's daily grids are summed to months, which need
    the files of all their days.

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
        If a file is none of these, or damaged, or holds something else (temperatures, a climatological normal); if it
        would fill the memory, its values taking more than 64 MiB and more than 200 times the size of the file; if days
        of a month are missing or a time occurs twice; if files differ in cells; if the outline is no polygon, reaches
        beyond the grid, has no cell inside, or is given for nClimDiv; if the variable is not in the file, or not the
        only one.
    ImportError
        If xarray, h5netcdf or cftime (extra ``xarray``) is not installed.

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
    files = find_files(path)
    prism = [file for file in files if _is_prism(file)]
    # Grids of the whole country are cut before they are kept.
    pieces = read_prism(prism, _whole if outline is None else partial(clip, outline=outline))
    for file in files:
        if file in prism:
            continue
        if is_netcdf(file):
            pieces.append(_from_netcdf(file, variable, outline))
        elif is_climate_divisions(file):
            pieces.append(_from_climate_divisions(file, gridded=outline is not None))
        else:
            raise ValueError(
                f"{file} is none of the formats of precipitation that are known here: PRISM's .bil with .hdr (or their "
                ".zip), netCDF, and nClimDiv's text."
            )
    if len({piece.dims for piece in pieces}) > 1:
        raise ValueError(f"the files have different dimensions, {[piece.dims for piece in pieces]}: read them apart.")
    fields = pieces if outline is None else [mean_within(piece, outline) for piece in pieces]
    return join_in_time(fields, fields[0].name)


def _is_prism(file: Path) -> bool:
    return file.suffix.lower() == ".bil" or is_zip(file)


def _from_climate_divisions(file: Path, *, gridded: bool):
    """Return a DataArray of dimensions (time, division)."""
    import xarray as xr  # an extra, which read_precipitation has

    if gridded:
        raise ValueError(
            f"{file} has climate divisions, which are no grid: leave the outline out, and choose or average divisions."
        )
    mm, time, divisions = read_climate_divisions(file)
    coords = {"time": time, "division": divisions}
    return xr.DataArray(mm.astype(np.float32), coords, ("time", "division"), "precip", MM)


def _from_netcdf(file: Path, variable: str | None, outline):
    """Return a DataArray of dimensions (time, lat, lon), cut to what the outline spans."""
    with open_netcdf(file, caller="read_precipitation") as dataset:
        names = names_of_fields(dataset)
        if variable is None and len(names) == 1:
            variable = names[0]
        if variable not in names:
            what = "give variable=" if variable is None else f"no variable {variable!r}"
            there = ", ".join(map(repr, names)) or "none"
            raise ValueError(f"{file}: {what}; with time, latitude and longitude there are: {there}.")
        field = in_region(on_one_level(dataset[variable], None, file), None, file)
        if is_temperature(field):
            raise ValueError(f"{file}: {variable!r} is a temperature in {field.units}, not precipitation.")
        field = load(field if outline is None else clip(field, outline), file)
    return field.where(field >= 0).astype(np.float32)  # fill values that a file does not declare are negative


def _whole(field):
    """Return the field as it is, where there is no outline to clip it to."""
    return field
