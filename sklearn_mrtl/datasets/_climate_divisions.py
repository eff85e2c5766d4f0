"""NOAA's nClimDiv text files: a line for each region and year, of fixed width."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

PRECIPITATION = "01"
MM_PER_INCH = 25.4
# Region (states 3 digits and a 0, divisions 2 + 2, counties 2 + 3), element 2, year 4; then 12 values of 7 characters.
RECORD = re.compile(r"(\d{4,5})(\d\d)(\d{4})((?:[ \d.-]{7}){12})\s*")


def is_climate_divisions(file: Path) -> bool:
    """Whether a file's first line is such a record."""
    with file.open(encoding="ascii", errors="replace") as stream:
        return RECORD.fullmatch(stream.readline(200)) is not None


def read_climate_divisions(file: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Precipitation in mm of shape (n_months, n_regions), months, and codes of regions.

    NaN where missing. Ends with the last month that has data anywhere.

    Raises
    ------
    ValueError
        If a line is no such record or a repetition, or the file is not of precipitation.
    """
    records: dict[tuple[str, int], list[float]] = {}
    lines = file.read_text(encoding="ascii", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        match = RECORD.fullmatch(line)
        if match is None:
            raise ValueError(f"{file}, line {number}, is not an nClimDiv record: {line[:40]!r}.")
        region, element, year, values = match.groups()
        if element != PRECIPITATION:
            raise ValueError(
                f"{file} holds element {element}, not precipitation ({PRECIPITATION}, in climdiv-pcpn...)."
            )
        if (region, int(year)) in records:
            raise ValueError(f"{file}, line {number}: region {region} has the year {year} twice.")
        records[region, int(year)] = [float(values[i : i + 7]) for i in range(0, 84, 7)]
    regions, years = sorted({region for region, _ in records}), [year for _, year in records]
    first, n_years = min(years), max(years) - min(years) + 1
    inches = np.full((len(regions), n_years, 12), np.nan)
    column = {region: k for k, region in enumerate(regions)}
    for (region, year), values in records.items():
        inches[column[region], year - first] = values
    inches[inches < 0] = np.nan  # -9.99
    mm = MM_PER_INCH * inches.reshape(len(regions), -1).T
    n_months = 1 + np.flatnonzero(~np.isnan(mm).all(axis=1)).max(initial=-1)
    return mm[:n_months], np.datetime64(f"{first:04d}-01", "M") + np.arange(n_months), regions
