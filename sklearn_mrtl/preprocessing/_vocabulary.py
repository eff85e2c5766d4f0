"""The categories of columns, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

NUMBERS = "biuf"  # kinds of dtypes
MAX_TABLE = 2**22  # entries of a table that gives the number of each int
LARGEST = 2**53  # whole number up to which floats tell all of them apart


@dataclass(frozen=True, eq=False)
class Entries:
    """The entries of a column: ``values[index]``, or `values` themselves where there is no index.

    Attributes
    ----------
    values : ndarray
        Of numbers, times or objects; None and NaN are missing.
    index : ndarray of int, default=None
    """

    values: np.ndarray
    index: np.ndarray | None = None

    @classmethod
    def of(cls, column) -> Entries:
        """Take a column of pandas, of polars or an array."""
        kind = getattr(column.dtype, "kind", None)
        if kind is None and not (column.dtype.is_numeric() or column.dtype.is_temporal()):  # polars, words
            return cls(objects(column.to_list()))
        if (
            isinstance(column, np.ndarray)
            or kind is None
            or (kind in NUMBERS + "M" and isinstance(column.dtype, np.dtype))
        ):
            return cls(np.asarray(column))
        index, values = column.factorize()  # pandas
        return cls(objects([*values.tolist(), None]), index)  # -1, for a missing entry, is the last

    def __getitem__(self, rows):
        return self.values[rows if self.index is None else self.index[rows]]

    def spread(self, of_values: np.ndarray) -> np.ndarray:
        """Return for each entry what `of_values` has for its value."""
        return of_values if self.index is None else of_values[self.index]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Categories and the number of each.

    Attributes
    ----------
    categories : ndarray
        Sorted.
    has_missing : bool
        Whether the columns that it was made of have missing entries.
    """

    categories: np.ndarray
    has_missing: bool

    @classmethod
    def of(cls, columns: Sequence[Entries], what: str) -> Vocabulary:
        """Collect the categories of columns.

        Raises
        ------
        ValueError
            If they have no order.
        """
        kinds = {column.values.dtype.kind for column in columns}
        if kinds <= set(NUMBERS) or kinds == {"M"}:
            found = np.unique(np.concatenate([distinct(column.values) for column in columns]))
            present = found == found  # neither NaN nor NaT
            categories, has_missing = as_integers(found[present]), not present.all()
        else:
            values = {value for column in columns for value in column.values.tolist()}
            present = {value for value in values if not is_missing(value)}
            categories, has_missing = sorted_array(present, what), len(present) < len(values)
        return cls(categories, bool(has_missing))

    def join(self, other: Vocabulary, what: str) -> Vocabulary:
        """Return the categories of both."""
        both = Vocabulary.of([Entries(self.categories), Entries(other.categories)], what)
        return Vocabulary(both.categories, self.has_missing or other.has_missing)

    def codes(self, column: Entries) -> np.ndarray:
        """Return the number of the category of each entry, -1 where it is none."""
        return column.spread(self._codes(column.values))

    def _codes(self, values: np.ndarray) -> np.ndarray:
        if not len(self.categories):
            return np.full(len(values), -1, np.int32)
        kinds = values.dtype.kind + self.categories.dtype.kind
        if kinds in ("ii", "iu", "ui", "uu"):
            low, high = int(self.categories[0]), int(self.categories[-1])
            if -LARGEST < low <= high < LARGEST and high - low < MAX_TABLE:
                return self._codes_by_table(values, low, high)
        if set(kinds) <= set(NUMBERS) or kinds == "MM":
            return self._codes_by_search(values)
        table = dict(zip(self.categories.tolist(), range(len(self.categories)), strict=True))
        return np.fromiter(map(table.get, values.tolist(), repeat(-1)), np.int32, len(values))

    def _codes_by_table(self, values: np.ndarray, low: int, high: int) -> np.ndarray:
        table = np.full(high - low + 2, -1, dtype=np.int32)  # the last entry is for what lies outside
        table[self.categories.astype(np.int64) - low] = np.arange(len(self.categories))
        inside = (values >= low) & (values <= high)
        offset = values.astype(np.int64, copy=False) - low
        return table[offset if inside.all() else np.where(inside, offset, high - low + 1)]

    def _codes_by_search(self, values: np.ndarray) -> np.ndarray:
        index = np.minimum(np.searchsorted(self.categories, values), len(self.categories) - 1)
        return np.where(self.categories[index] == values, index, -1).astype(np.int32)


def distinct(values: np.ndarray) -> np.ndarray:
    """Return the distinct values, sorted."""
    if values.dtype.kind not in "iu" or not len(values):
        return np.unique(values)
    low, high = int(values.min()), int(values.max())
    if not (-LARGEST < low <= high < LARGEST and high - low < MAX_TABLE):
        return np.unique(values)
    seen = np.zeros(high - low + 1, dtype=bool)
    seen[values.astype(np.int64, copy=False) - low] = True
    return (np.flatnonzero(seen) + low).astype(values.dtype)


def sorted_array(values: set, what: str) -> np.ndarray:
    """Return strings and numbers as a sorted array of their own type, anything else as one of objects.

    Raises
    ------
    ValueError
        If the values have no order.
    """
    kinds = {type(value) for value in values}
    try:
        ordered = sorted(values)
    except TypeError as error:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"{what} has categories of several types, which have no order: {names}.") from error
    if all(issubclass(kind, str) for kind in kinds):
        return np.array(ordered, dtype=str)
    return as_integers(np.array(ordered)) if kinds <= {bool} or kinds <= {int, float} else objects(ordered)


def objects(values: Sequence) -> np.ndarray:
    """Return an array of objects."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def as_integers(values: np.ndarray) -> np.ndarray:
    """Return floats that are all whole numbers as ints, anything else as it is."""
    if values.dtype.kind != "f" or (values != np.round(values)).any() or (np.abs(values) > LARGEST).any():
        return values
    return values.astype(np.int64)


def is_missing(value) -> bool:
    """Return whether a value is None, NaN, or what pandas and numpy have for a time that is none."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.datetime64) and value != value
