"""Fields of the ocean from netCDF files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np

from sklearn_mrtl.datasets._fields import check_region, in_region, join_in_time, on_one_level
from sklearn_mrtl.datasets._files import find_files
from sklearn_mrtl.datasets._netcdf import load, names_of_fields, open_netcdf
from sklearn_mrtl.datasets._units import in_celsius


def read_ocean(
    path: str | PathLike | Sequence[str | PathLike],
    variables: str | Sequence[str] | None = None,
    *,
    region: tuple[float, float, float, float] | None = None,
    depth: float | None = None,
    fill_value: float | None = None,
    chunks=None,
):
    """Read monthly (or other) fields of the ocean from netCDF files, ready for `lag_windows`.

    Takes files such as those of ERSST, EN4, GODAS and HadISST, netCDF 3 and 4: with any usual names of time, depth,
    latitude and longitude, longitudes from 0 to 360 or -180 to 180, latitudes either way up, kelvin or degrees Celsius.

    Parameters
    ----------
    path : str, path or sequence of both
        Files, or glob patterns such as ``"EN.4.2.2.*.nc"``. Files of different times are joined in order of time; a
        variable may have files of its own.
    variables : str or sequence of str, default=None
        Name or names in the files. ``None``: all variables that have time, latitude and longitude.
    region : (west, east, south, north), default=None
        Cells whose centres lie within, in degrees; west may lie beyond the date line: (120, 280) and (-240, -80) are
        the same Pacific. Longitudes of the result count from west. ``None``: all cells, longitudes as in the file.
    depth : float, default=None
        Where a variable has levels: the one nearest to this depth, in the file's units (mostly metres). ``None``: the
        one nearest to the surface.
    fill_value : float, default=None
        What marks places without data, in the file's units, if the file does not say so itself.
    chunks : int, dict, "auto" or None, default=None
        As in :func:`xarray.open_dataset`: read lazily, as dask arrays (extra ``dask``). ``None``: read now.

    Returns
    -------
    xarray.DataArray or xarray.Dataset
        A DataArray if `variables` is a str, else a Dataset. Dimensions (time, lat, lon), all ascending; float32; NaN
        where there are no data; temperatures in degC. If each time has a month of its own, whatever the calendar of
        the file, it is the month's first day. The depth of the level is in ``attrs``.

    Raises
    ------
    FileNotFoundError
        If no file matches.
    ValueError
        If a file is not netCDF, damaged, without a dimension of time or not on a grid of latitudes and longitudes of
        one dimension each; if it would fill the memory, its values taking more than 64 MiB and more than 200 times the
        size of the file; if a variable is in none of the files, the region has no cells, a time occurs twice, files
        differ in cells, variables differ in cells or times, or calendars differ and several times share a month.
    ImportError
        If xarray, h5netcdf or cftime (extra ``xarray``), or dask for `chunks` (extra ``dask``), is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_mrtl.datasets import read_ocean
    >>> kelvin = xr.DataArray(
    ...     np.full((2, 3, 4), 293.15),
    ...     {"time": np.array(["2000-01-16", "2000-02-15"], "M8[ns]"), "latitude": [60, 0, -60],
    ...      "longitude": [45, 135, 225, 315]},
    ...     name="temperature", attrs={"units": "K"},
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kelvin.to_netcdf(f"{folder}/ocean.nc", engine="h5netcdf")
    ...     sst = read_ocean(f"{folder}/*.nc", "temperature", region=(-180, 0, -20, 60))
    >>> sst.dims, sst.lat.values, sst.lon.values
    (('time', 'lat', 'lon'), array([ 0., 60.]), array([-135.,  -45.]))
    >>> sst.values[0, 0], sst.attrs["units"], str(sst.time.values[0])[:10]
    (array([20., 20.], dtype=float32), 'degC', '2000-01-01')
    """
    check_region(region)
    files = find_files(path)
    wanted = [variables] if isinstance(variables, str) else variables
    pieces: dict[str, list] = {}
    there: set[str] = set()
    for file in files:
        with open_netcdf(file, caller="read_ocean", chunks=chunks) as dataset:
            names = names_of_fields(dataset)
            there.update(names)
            for name in names if wanted is None else [name for name in wanted if name in names]:
                field = in_region(on_one_level(dataset[name], depth, file), region, file)
                field = field if chunks is not None else load(field, file)
                pieces.setdefault(name, []).append(_clean(field, fill_value))
    _check_found(list(pieces) if wanted is None else wanted, there, files)
    fields = {name: join_in_time(pieces[name], name) for name in (pieces if wanted is None else wanted)}
    return fields[variables] if isinstance(variables, str) else _together(fields)


def _clean(field, fill_value: float | None):
    """Return a field as float32, with NaN for the fill value and degrees Celsius for kelvin."""
    if fill_value is not None:
        field = field.where(~np.isclose(field, fill_value, rtol=1e-6, atol=0))
    field = in_celsius(field)
    return field.astype(np.float32).assign_attrs(field.attrs)


def _check_found(wanted: Sequence[str], there: set[str], files: Sequence) -> None:
    """Refuse names of variables that no file has, or no variables at all."""
    missing = [name for name in wanted if name not in there]
    if missing or not wanted:
        what = f"no variable {', '.join(map(repr, missing))}" if missing else "no variables"
        where = files[0] if len(files) == 1 else f"the {len(files)} files"
        names = ", ".join(map(repr, sorted(there))) or "none"
        raise ValueError(f"{what} in {where}; with time, latitude and longitude there are: {names}.")


def _together(fields: dict):
    """Return one Dataset of fields at the same times and cells."""
    import xarray as xr  # an extra, but who has fields has it

    try:
        first, *others = xr.align(*fields.values(), join="exact")
    except ValueError as error:
        raise ValueError(
            f"variables {', '.join(map(repr, fields))} differ in times or cells; read them one by one and bring them "
            f"together as you need: {error}"
        ) from error
    return xr.Dataset(dict(zip(fields, (first, *others), strict=True)))
