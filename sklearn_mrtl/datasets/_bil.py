"""PRISM's grids: a .bil file of numbers, a .hdr file that describes it, a month in the name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PIXELS = {"FLOAT": "f", "SIGNEDINT": "i", "UNSIGNEDINT": "u"}
SIZES = ("NROWS", "NCOLS", "ULXMAP", "ULYMAP", "XDIM", "YDIM")


def read_bil(file: Path) -> Iterator[tuple[np.datetime64, np.ndarray, np.ndarray, np.ndarray]]:
    """Month, field, latitudes and longitudes of a .bil file, or of each monthly one in a .zip file.

    Raises
    ------
    ValueError
        If there is no month (YYYYMM) in the name, no header beside the file, or they do not belong together.
    """
    grids = [file]
    if zipfile.is_zipfile(file):
        members = [member for member in zipfile.Path(file).iterdir() if member.name.endswith(".bil")]
        grids = [member for member in members if _month_of(member.name) is not None]  # there may be the year's sum too
    months = [_month_of(grid.name) for grid in grids]
    if not grids or None in months:
        raise ValueError(f"{file}: no name of a .bil file has a month, YYYYMM, as in PRISM_ppt_..._189501_bil.bil.")
    for month, grid in zip(months, grids, strict=True):
        yield month, *_read_grid(grid, _read_header(grid))


def _month_of(name: str) -> np.datetime64 | None:
    months = re.findall(r"(?<!\d)(\d{4})(0[1-9]|1[0-2])(?!\d)", name)
    return np.datetime64(f"{months[-1][0]}-{months[-1][1]}", "M") if months else None


def _read_header(grid) -> dict[str, str]:
    """Keys and values beside a .bil file, which is a Path or a zipfile.Path."""
    header = grid.parent / grid.name.replace(".bil", ".hdr")
    if not header.exists():
        raise ValueError(f"{grid} has no header {header.name} beside it.")
    lines = (line.split() for line in header.read_text(encoding="ascii", errors="replace").splitlines())
    entries = {words[0].upper(): words[1] for words in lines if len(words) == 2}
    missing = [key for key in SIZES if key not in entries]
    if missing:
        raise ValueError(f"{header} is not the header of a grid: it has no {', '.join(missing)}.")
    if entries.get("NBANDS", "1") != "1" or entries.get("PIXELTYPE", "UNSIGNEDINT").upper() not in PIXELS:
        raise ValueError(f"{header} describes no single band of numbers: {entries}.")
    return entries


def _read_grid(grid, header: dict[str, str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Field (n_lat, n_lon), NaN where there are no data; latitudes, ascending; longitudes."""
    n_rows, n_columns = int(header["NROWS"]), int(header["NCOLS"])
    order = ">" if header.get("BYTEORDER", "I").upper() == "M" else "<"
    kind = PIXELS[header.get("PIXELTYPE", "UNSIGNEDINT").upper()]
    dtype = np.dtype(f"{order}{kind}{int(header.get('NBITS', 8)) // 8}")
    content = grid.read_bytes()
    if len(content) != n_rows * n_columns * dtype.itemsize:
        raise ValueError(
            f"{grid} has {len(content)} bytes, but by its header {n_rows} x {n_columns} numbers of {dtype.itemsize}."
        )
    values = np.frombuffer(content, dtype).reshape(n_rows, n_columns)[::-1].astype(np.float32)
    if "NODATA" in header:
        values[values == np.float32(header["NODATA"])] = np.nan
    lat = float(header["ULYMAP"]) - float(header["YDIM"]) * np.arange(n_rows)[::-1]
    lon = float(header["ULXMAP"]) + float(header["XDIM"]) * np.arange(n_columns)
    return values, lat, lon
