"""NOAA's nClimDiv text files: a line for each region and year, of fixed width."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from sklearn_mrtl.datasets._dates import FIRST_YEAR, LAST_YEAR, months_as_dates
from sklearn_mrtl.datasets._files import check_expansion

PRECIPITATION = "01"
MM_PER_INCH = 25.4
# Region (states 3 digits and a 0, divisions 2 + 2, counties 2 + 3), element 2, year 4; then 12 values of 7 characters.
RECORD = re.compile(r"(\d{4,5})(\d\d)(\d{4})((?:[ \d.-]{7}){12})\s*", flags=re.ASCII)


def is_climate_divisions(file: Path) -> bool:
    """Tell whether a file's first line is such a record."""
    with file.open(encoding="ascii", errors="replace") as stream:
        return RECORD.fullmatch(stream.readline(200)) is not None


def read_climate_divisions(file: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return precipitation in mm of shape (n_months, n_regions), first days of months, and codes of regions.

    NaN where missing. Ends with the last month that has data anywhere.

    Raises
    ------
    ValueError
        If a line is no such record or a repetition, its year is impossible, or the file is not of precipitation.
    """
    records: dict[tuple[str, int], list[float]] = {}
    with file.open(encoding="ascii", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            region, year, values = _parse(line, f"{file}, line {number},")
            if (region, year) in records:
                raise ValueError(f"{file}, line {number}: region {region} has the year {year} twice.")
            records[region, year] = values
    regions, years = sorted({region for region, _ in records}), [year for _, year in records]
    first, n_years = min(years), max(years) - min(years) + 1
    what = f"a table of {len(regions)} regions and {n_years} years"
    check_expansion(8 * 12 * n_years * len(regions), file, what, "Look for years and regions that are wrong")
    inches = np.full((len(regions), n_years, 12), np.nan)
    column = {region: k for k, region in enumerate(regions)}
    for (region, year), values in records.items():
        inches[column[region], year - first] = values
    inches[inches < 0] = np.nan  # -9.99
    mm = MM_PER_INCH * inches.reshape(len(regions), -1).T
    n_months = 1 + np.flatnonzero(~np.isnan(mm).all(axis=1)).max(initial=-1)
    if not n_months:
        raise ValueError(f"{file} is empty: every value in it is missing.")
    return mm[:n_months], months_as_dates(np.datetime64(f"{first}-01", "M") + np.arange(n_months), file), regions


def _parse(line: str, where: str) -> tuple[str, int, list[float]]:
    """Return region, year and values of a line."""
    match = RECORD.fullmatch(line)
    if match is None:
        raise ValueError(f"{where} is not an nClimDiv record: {line[:40]!r}.")
    region, element, year, values = match.groups()
    if element != PRECIPITATION:
        raise ValueError(f"{where} has element {element}, not precipitation ({PRECIPITATION}, in climdiv-pcpn...).")
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise ValueError(f"{where} has the year {year}, not one of {FIRST_YEAR} to {LAST_YEAR}.")
    try:
        return region, int(year), [float(values[i : i + 7]) for i in range(0, len(values), 7)]
    except ValueError as error:
        raise ValueError(f"{where} has a value that is no number: {error}.") from None
