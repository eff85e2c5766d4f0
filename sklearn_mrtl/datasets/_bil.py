"""PRISM's grids: a .bil file of numbers, a .hdr file that describes it, and a month or a day in the name.

The lines that read them are our own because rioxarray needs GDAL, a far larger library than this package.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from sklearn_mrtl.datasets._files import check_expansion, first_bytes, reading

PIXELS = {"FLOAT": "f", "SIGNEDINT": "i", "UNSIGNEDINT": "u"}
COUNTS, LENGTHS = ("NROWS", "NCOLS"), ("ULXMAP", "ULYMAP", "XDIM", "YDIM")
LONGEST_HEADER = 2**16  # bytes; a header has some hundred
DATE = re.compile(r"(?<!\d)(\d{4})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])?(?!\d)", flags=re.ASCII)
VARIABLE = re.compile(r"PRISM_([a-z]+)_", flags=re.IGNORECASE)


class BilGrid(NamedTuple):
    """One grid, ascending in latitude and longitude."""

    date: np.datetime64  # of a month ("M") or a day ("D")
    values: np.ndarray  # (n_lat, n_lon), float32, NaN where there are no data
    lat: np.ndarray
    lon: np.ndarray


class _Member(NamedTuple):
    """A file on disk, or in an archive."""

    where: str
    n_bytes: int
    open: Callable[[], Any]  # a stream of bytes

    def read(self) -> bytes:
        """Return the content, of no more than `n_bytes`."""
        with self.open() as stream:
            return stream.read(self.n_bytes)


class _Header(NamedTuple):
    shape: tuple[int, int]
    dtype: np.dtype
    no_data: float | None
    north_west: tuple[float, float]  # latitude and longitude of a cell's centre
    steps: tuple[float, float]


def is_zip(file: Path) -> bool:
    """Tell whether a file begins or ends as a zip archive does."""
    return first_bytes(file).startswith(b"PK\x03\x04") or zipfile.is_zipfile(file)


def read_bil(file: Path) -> Iterator[BilGrid]:
    """Give the grid of a .bil file, or each grid of a month or a day in a .zip file.

    Raises
    ------
    ValueError
        If no name has a month (YYYYMM) or a day (YYYYMMDD), there is no header beside a grid, they do not belong
        together, or a file is damaged.
    """
    with _members(file) as members:
        grids = {name: member for name, member in members.items() if name.lower().endswith(".bil")}
        dated = {name: date for name in grids if (date := _date_of(name, file)) is not None}
        if not dated:
            raise ValueError(_without_date(file, list(grids)))
        for name, date in dated.items():
            _check_variable(name, file)
            header = members.get(f"{name[:-4]}.hdr") or members.get(f"{name[:-4]}.HDR")
            if header is None:
                raise ValueError(f"{grids[name].where} has no header {name[:-4]}.hdr beside it.")
            yield BilGrid(date, *_read_grid(grids[name], _read_header(header), file))


@contextmanager
def _members(file: Path) -> Iterator[dict[str, _Member]]:
    """Give the files of an archive by name without folder, or a .bil file and the header beside it."""
    if not is_zip(file):
        beside = (path for path in (file, file.with_suffix(".hdr"), file.with_suffix(".HDR")) if path.is_file())
        yield {path.name: _Member(str(path), path.stat().st_size, partial(open, path, "rb")) for path in beside}
        return
    with reading(file, "a zip archive"):
        archive = zipfile.ZipFile(file)
    with archive:
        members = {}
        for info in archive.infolist():
            name = PurePosixPath(info.filename).name
            if not name or info.is_dir():
                continue
            if name in members:
                raise ValueError(f"{file} has more than one file called {name}.")
            members[name] = _Member(f"{file}/{name}", info.file_size, partial(archive.open, info))
        yield members


def _date_of(name: str, file: Path) -> np.datetime64 | None:
    """Return the day or the month in a name, the last one if there are several."""
    dates = DATE.findall(name)
    if not dates:
        return None
    date = "-".join(filter(None, dates[-1]))
    try:
        return np.datetime64(date)
    except ValueError:
        raise ValueError(f"{file}: the name {name} has the day {date}, which does not exist.") from None


def _without_date(file: Path, grids: list[str]) -> str:
    if not grids:
        return f"{file} is no PRISM archive: it has no .bil file."
    if any("normal" in name.lower() for name in grids):
        return (
            f"{file} is a climatological normal, the mean of many years, and has no time of its own. Give the grids of "
            "months or days."
        )
    return (
        f"{file}: no name of a .bil file has a month, YYYYMM, as in PRISM_ppt_..._189501_bil.bil, or a day, YYYYMMDD; "
        f"got {grids[0]}."
    )


def _check_variable(name: str, file: Path) -> None:
    variable = VARIABLE.match(name)
    if variable is not None and variable[1].lower() != "ppt":
        raise ValueError(f"{file} holds PRISM's {variable[1]}, not precipitation (ppt).")


def _read_header(member: _Member) -> _Header:
    where = member.where
    if member.n_bytes > LONGEST_HEADER:
        raise ValueError(f"{where} is not the header of a grid: it has {member.n_bytes} bytes.")
    with reading(where, "a header"):
        text = member.read().decode("ascii", errors="replace")
    lines = (line.split() for line in text.splitlines())
    entries = {words[0].upper(): words[1] for words in lines if len(words) == 2}
    missing = [key for key in COUNTS + LENGTHS if key not in entries]
    if missing:
        raise ValueError(f"{where} is not the header of a grid: it has no {', '.join(missing)}.")
    kind = entries.get("PIXELTYPE", "UNSIGNEDINT").upper()
    if entries.get("NBANDS", "1") != "1" or kind not in PIXELS:
        raise ValueError(f"{where} describes no single band of numbers: {entries}.")
    n_rows, n_columns = (int(_number(entries, key, where, whole=True)) for key in COUNTS)
    west, north, x_step, y_step = (_number(entries, key, where) for key in LENGTHS)
    if min(n_rows, n_columns, x_step, y_step) <= 0:
        raise ValueError(f"{where}: NROWS, NCOLS, XDIM and YDIM must be positive, got {entries}.")
    if north > 90 or north - (n_rows - 1) * y_step < -90 or abs(west) > 360 or n_columns * x_step > 361:
        raise ValueError(f"{where}: the grid must be in degrees of latitude and longitude, got {entries}.")
    no_data = _number(entries, "NODATA", where) if "NODATA" in entries else None
    return _Header((n_rows, n_columns), _number_type(entries, kind, where), no_data, (north, west), (y_step, x_step))


def _number_type(entries: dict[str, str], kind: str, where: str) -> np.dtype:
    n_bits = int(_number({"NBITS": "8"} | entries, "NBITS", where, whole=True))
    if n_bits not in ((32, 64) if kind == "FLOAT" else (8, 16, 32)):
        raise ValueError(f"{where}: no numbers of PIXELTYPE {kind} have {n_bits} bits (NBITS).")
    order = ">" if entries.get("BYTEORDER", "I").upper() == "M" else "<"
    return np.dtype(f"{order}{PIXELS[kind]}{n_bits // 8}")


def _number(entries: dict[str, str], key: str, where: str, *, whole: bool = False) -> float:
    try:
        number = float(entries[key])
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (whole and not number.is_integer()):
        raise ValueError(f"{where}: {key} must be a {'whole ' if whole else ''}number, got {entries[key]!r:.40}.")
    return number


def _read_grid(member: _Member, header: _Header, file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return field, latitudes and longitudes."""
    (n_rows, n_columns), size = header.shape, header.dtype.itemsize
    if member.n_bytes != n_rows * n_columns * size:
        raise ValueError(
            f"{member.where} is damaged: it has {member.n_bytes} bytes, but by its header {n_rows} x {n_columns} "
            f"numbers of {size}."
        )
    check_expansion(member.n_bytes, file, member.where, "If it is right, unpack it")
    with reading(member.where, "a grid"):
        stored = np.frombuffer(member.read(), header.dtype).reshape(n_rows, n_columns)[::-1]
    values = stored.astype(np.float32)
    if header.no_data is not None:
        values[np.isclose(stored, header.no_data, rtol=1e-6, atol=0)] = np.nan  # text rounds it
    if np.isinf(values).any():
        raise ValueError(f"{member.where} is damaged: it has infinite values.")
    lat = header.north_west[0] - header.steps[0] * np.arange(n_rows)[::-1]
    lon = header.north_west[1] + header.steps[1] * np.arange(n_columns)
    return values, lat, lon
