"""NetCDF files of gridded fields, opened as xarray Datasets with one set of names: time, depth, lat, lon."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl.datasets._axes import check_grid, check_times, rename_axes
from sklearn_mrtl.datasets._dates import months_as_dates
from sklearn_mrtl.datasets._files import check_expansion, first_bytes, reading

ENGINES = {b"CDF\x01": "scipy", b"CDF\x02": "scipy", b"\x89HDF": "h5netcdf"}
CDF5 = b"CDF\x05"
STANDARD_CALENDARS = {"standard", "gregorian", "proleptic_gregorian"}
ADVICE = "If it is right, give a smaller region, or chunks to read it lazily"


def is_netcdf(file: Path) -> bool:
    """Tell whether a file begins as netCDF files do."""
    return first_bytes(file).startswith((b"CDF", b"\x89HDF"))


@contextmanager
def open_netcdf(file: Path, *, caller: str, chunks=None) -> Iterator:
    """Open a file as a Dataset of fields in time; it is closed at the end, but not with `chunks`.

    Its dimensions are called time, depth, lat and lon. Fill values are NaN, packed values unpacked, times decoded. With
    `chunks` (as for xarray) the fields are dask arrays.

    Raises
    ------
    ImportError
        If xarray, or what reads this kind of netCDF or calendar, is not installed; dask with `chunks`.
    ValueError
        If the file is not netCDF or damaged, is on no grid of latitudes and longitudes, or has no dates.
    """
    dataset = _open(file, caller, chunks)
    try:
        with reading(file, "netCDF"):
            months = _months_since(dataset)
        for name, values in months.items():
            dataset = dataset.assign_coords({name: (name, months_as_dates(values, file))})
        _check_calendars(dataset, caller)
        with reading(file, "netCDF"):
            decoded = rename_axes(_decode(dataset))
        check_grid(decoded, file)
        check_times(decoded, file)
        yield decoded
    finally:
        if chunks is None:
            dataset.close()


def load(field, file: Path):
    """Return a field of an open file with its values in memory.

    Raises
    ------
    ValueError
        If the values are damaged, or far more than such a file can hold.
    """
    check_expansion(field.nbytes, file, f"the values of {field.name!r}", ADVICE)
    with reading(file, "netCDF"):
        return field.load()


def names_of_fields(dataset) -> list[str]:
    """Return the names of the variables that are fields in time on the grid."""
    return [str(name) for name, field in dataset.data_vars.items() if {"time", "lat", "lon"} <= set(field.dims)]


def _open(file: Path, caller: str, chunks):
    """Return the file as a Dataset as it is stored, only its dimensions checked."""
    engine = _engine(file)
    use = {"caller": caller, "otherwise": "make DataArrays of your own"}
    xr = import_optional("xarray", extra="xarray", **use)
    import_optional(engine, extra="xarray", **use)
    if chunks is not None:
        import_optional("dask", extra="dask", caller=f"{caller}(chunks=...)", otherwise="leave chunks=None")
    if engine == "h5netcdf":
        _check_coordinates(file)
    with reading(file, "netCDF"):
        dataset = xr.open_dataset(file, engine=engine, decode_cf=False, chunks=chunks)
        # xarray before 2026.9 fails where it indexes such a file lazily more than once.
        return dataset.load() if engine == "scipy" and chunks is None else dataset


def _check_coordinates(file: Path) -> None:
    """Refuse an HDF5 file of a few bytes with huge coordinates, which xarray would load to open it."""
    import h5py  # which h5netcdf needs

    with reading(file, "netCDF"), h5py.File(file, "r") as content:
        datasets = [item for item in content.values() if isinstance(item, h5py.Dataset)]
        longest = max((item.size for item in datasets if item.is_scale), default=0)
    what = f"the coordinate of a dimension of {longest} entries"
    check_expansion(8 * longest, file, what, "Look for the dimension that is wrong")


def _engine(file: Path) -> str:
    start = first_bytes(file)
    if start.startswith(CDF5):
        raise ValueError(
            f"{file} is netCDF in the format CDF-5, which cannot be read here. Convert it to netCDF 4, for example by "
            "`nccopy -k nc4`."
        )
    for magic, engine in ENGINES.items():
        if start.startswith(magic):
            return engine
    raise ValueError(f"{file} is not a netCDF file: it begins with {start!r}, not with b'CDF' or b'\\x89HDF'.")


def _months_since(dataset) -> dict[str, np.ndarray]:
    """Return times in months (of the IRI data library), whose length xarray refuses to guess, as datetime64[M]."""
    months = {}
    for name in dataset.dims:
        units = str(dataset[name].attrs.get("units", "")) if name in dataset.variables else ""
        if since := re.match(r"\s*months since (\d+)-(\d+)", units, flags=re.IGNORECASE):
            first = np.datetime64(f"{int(since[1]):04d}-{int(since[2]):02d}", "M")
            months[name] = first + np.floor(dataset[name].values).astype("timedelta64[M]")
    return months


def _check_calendars(dataset, caller: str) -> None:
    for name in dataset.dims:
        calendar = str(dataset[name].attrs.get("calendar", "standard")).lower() if name in dataset.variables else None
        if calendar is not None and calendar not in STANDARD_CALENDARS:
            import_optional(
                "cftime", extra="xarray", caller=f"{caller} of a calendar {calendar}", otherwise="convert the times"
            )


def _decode(dataset):
    import xarray as xr  # an extra, but who has a Dataset has it

    return xr.decode_cf(dataset)
