"""NetCDF files of gridded fields, brought to one set of names: time, depth, lat, lon."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from sklearn_mrtl._utils.optional import import_optional

# Names in use (ERSST, EN4, GODAS, HadISST, ORAS, SODA, the IRI data library), the CF conventions' standard name, axis
# and units.
AXES = {
    "time": ({"time", "t", "times", "date", "time_counter"}, "time", "T", set()),
    "depth": ({"depth", "lev", "level", "zlev", "deptht", "z", "st_ocean", "depth_below_surface"}, "depth", "Z", set()),
    "lat": ({"lat", "latitude", "lats", "y", "ylat", "nav_lat"}, "latitude", "Y", {"degrees_north", "degree_north"}),
    "lon": ({"lon", "longitude", "long", "lons", "x", "xlon", "nav_lon"}, "longitude", "X", {"degrees_east"}),
}
ENGINES = {b"CDF": ("scipy", "scipy"), b"\x89HDF": ("h5netcdf", "h5netcdf")}


def find_files(path: str | PathLike | Sequence[str | PathLike]) -> list[Path]:
    """Files of a path, a glob pattern or a sequence of both, each pattern's in order of their names.

    Raises
    ------
    FileNotFoundError
        If there is none for one of them.
    """
    patterns = [path] if isinstance(path, str | PathLike) else list(path)
    files = []
    for pattern in map(str, patterns):
        found = (
            [pattern] if Path(pattern).is_file() else sorted(filter(lambda f: Path(f).is_file(), glob.glob(pattern)))
        )
        if not found:
            raise FileNotFoundError(f"no file matches {pattern!r}.")
        files += map(Path, found)
    if not files:
        raise FileNotFoundError("path names no file: got an empty sequence.")
    return files


def is_netcdf(file: Path) -> bool:
    """Whether a file begins as netCDF files do."""
    return any(_first_bytes(file).startswith(magic) for magic in ENGINES)


def open_netcdf(file: Path, *, caller: str, chunks=None):
    """Open a file as a Dataset whose dimensions are called time, depth, lat and lon, as far as it has them.

    Fill values are NaN, packed values unpacked, times decoded. With `chunks` (as for xarray) the fields are dask
    arrays.

    Raises
    ------
    ImportError
        If xarray, or what reads this kind of netCDF, is not installed; dask with `chunks`.
    ValueError
        If the file is not netCDF, has no latitude or longitude, or times that are no dates.
    """
    use = {"caller": caller, "otherwise": "make DataArrays of your own"}
    xr = import_optional("xarray", extra="xarray", **use)
    engine, module = _engine(file)
    import_optional(module, extra="xarray", **use)
    if chunks is not None:
        import_optional("dask", extra="dask", caller=f"{caller}(chunks=...)", otherwise="leave chunks=None")
    try:
        dataset = xr.open_dataset(file, engine=engine, decode_times=False, chunks=chunks)
        dataset = _with_names(xr.decode_cf(_with_months(dataset)))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{file} cannot be read as netCDF: {error}") from error
    for axis in ("lat", "lon"):
        if axis not in dataset.dims:
            raise ValueError(
                f"{file} is not on a grid of latitudes and longitudes that each have one dimension: {axis} is missing "
                f"among its dimensions {tuple(dataset.dims)}."
            )
    if "time" in dataset.dims:
        _check_dates(dataset.time, file)
    return dataset


def names_of_fields(dataset) -> list[str]:
    """Variables that are fields in time on the grid."""
    return [str(name) for name, field in dataset.data_vars.items() if {"time", "lat", "lon"} <= set(field.dims)]


def _engine(file: Path) -> tuple[str, str]:
    start = _first_bytes(file)
    for magic, engine in ENGINES.items():
        if start.startswith(magic):
            return engine
    raise ValueError(f"{file} is not a netCDF file: it begins with {start!r}, not with b'CDF' or b'\\x89HDF'.")


def _first_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(8)


def _with_months(dataset):
    """Decode times in months (of the IRI data library), whose length xarray refuses to guess."""
    for name in dataset.dims:
        units = str(dataset[name].attrs.get("units", "")) if name in dataset.variables else ""
        if since := re.match(r"\s*months since (\d+)-(\d+)", units, flags=re.IGNORECASE):
            first = np.datetime64(f"{int(since[1]):04d}-{int(since[2]):02d}", "M")
            months = first + np.floor(dataset[name].values).astype("timedelta64[M]")
            dataset = dataset.assign_coords({name: (name, months.astype("datetime64[ns]"))})
    return dataset


def _check_dates(time, file: Path) -> None:
    if time.dtype.kind not in "MO":
        raise ValueError(
            f"{file} has times that are no dates, such as {time.values[0]} in units {time.attrs.get('units')!r}, where "
            "'days since ...' or the like was expected."
        )
    if missing := int(time.isnull().sum()):
        raise ValueError(f"{file} has {missing} missing times, of {time.size}.")


def _with_names(dataset):
    names = {}
    for axis in AXES:
        dims = [dim for dim in dataset.dims if dim in dataset.variables and dim not in names]
        matching = [dim for dim in dims if _is_axis(dataset[dim], axis)]
        if matching:
            names[min(matching, key=lambda dim: dim.lower() not in AXES[axis][0])] = axis
    return dataset.rename({dim: axis for dim, axis in names.items() if dim != axis})


def _is_axis(coordinate, axis: str) -> bool:
    names, standard_name, letter, units = AXES[axis]
    has = coordinate.attrs.get
    return (
        coordinate.name.lower() in names
        or has("standard_name") == standard_name
        or has("axis") == letter
        or has("units") in units
    )
