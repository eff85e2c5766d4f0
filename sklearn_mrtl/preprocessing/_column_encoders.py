"""From the columns of one mode to its encoding: categories, numbers, points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_array, get_tags

from sklearn_mrtl._warnings import warn
from sklearn_mrtl.modes import Grid
from sklearn_mrtl.preprocessing._columns import holds_floats, single_columns
from sklearn_mrtl.preprocessing._counts import count_entries
from sklearn_mrtl.preprocessing._grid_discretizer import FLOATS, GridDiscretizer
from sklearn_mrtl.preprocessing._points import PointTransformer
from sklearn_mrtl.preprocessing._vocabulary import Entries, Vocabulary, is_missing

MAX_LISTED = 3  # unknown values that a message lists


class ColumnEncoder(ABC):
    """Encoder of the columns of one mode.

    Attributes
    ----------
    labels : ndarray or None
        After fit the names of the categories of a Feature; None for a Grid.
    axes : tuple of str, or None
        After fit the names of the axes of a Grid, where each is a column with a name.
    n_missing, n_outside : int
        Number of entries or points of fit that are missing, and of points outside the bounds.
    """

    labels: np.ndarray | None = None
    axes: tuple[str, ...] | None = None
    n_missing: int = 0
    n_outside: int = 0

    @abstractmethod
    def fit(self, block, names: np.ndarray) -> ColumnEncoder:
        """Fit to a table or array that holds the columns of the mode only; names are of these columns."""

    @abstractmethod
    def transform(self, block) -> sparse.csr_array:
        """Return the encoding of each row."""

    def join(self, other: Self) -> Self:
        """Return an encoder as if it was fitted to the rows of this one and of another one together."""
        self.n_missing += other.n_missing
        self.n_outside += other.n_outside
        return self

    def check(self) -> Self:
        """Return the encoder, fitted to all rows; refuse it if there is nothing to encode."""
        return self


class CategoryEncoder(ColumnEncoder):
    """One-hot encoding of a column, or counts of the categories of several columns.

    Parameters
    ----------
    what : str
        The mode, for messages.
    handle_unknown : {"error", "ignore"}
    dtype : dtype
    """

    def __init__(self, what: str, handle_unknown: str, dtype):
        self.what, self.handle_unknown, self.dtype = what, handle_unknown, dtype

    def fit(self, block, names: np.ndarray) -> CategoryEncoder:
        """Collect the categories."""
        columns = [Entries.of(column) for column in single_columns(block)]
        self._vocabulary = Vocabulary.of(columns, self.what)
        self.labels = self._vocabulary.categories
        if self._vocabulary.has_missing:
            codes = self._codes(columns)
            self._unknown(columns, codes)  # refuses them, if they are not allowed
            self.n_missing = int((codes < 0).sum())
        return self

    def join(self, other: Self) -> Self:
        self._vocabulary = self._vocabulary.join(other._vocabulary, self.what)
        self.labels = self._vocabulary.categories
        return super().join(other)

    def check(self) -> Self:
        if not len(self._vocabulary.categories):
            raise ValueError(f"{self.what} has no categories: all entries are missing.")
        return self

    def transform(self, block) -> sparse.csr_array:
        """Count the categories of each row."""
        columns = [Entries.of(column) for column in single_columns(block)]
        codes = self._codes(columns)
        unknown = self._unknown(columns, codes)
        if unknown.any():
            warn(f"{self._describe(columns, unknown)}; they are left out.")
        n_categories = len(self._vocabulary.categories)
        return count_entries(codes, codes >= 0, n_categories, self.dtype, f"times the same category of {self.what}")

    def _codes(self, columns: Sequence[Entries]) -> np.ndarray:
        """Return the number of the category of each entry, -1 if it has none; shape (n_samples, n_columns)."""
        return np.stack([self._vocabulary.codes(column) for column in columns], axis=1)

    def _unknown(self, columns: Sequence[Entries], codes: np.ndarray) -> np.ndarray:
        """Return which entries are unknown; among several columns a missing entry is absent, as an absent point."""
        unknown = codes < 0
        if len(columns) > 1 and unknown.any():
            for j, column in enumerate(columns):
                rows = np.flatnonzero(unknown[:, j])
                unknown[rows, j] = [not is_missing(value) for value in column[rows].tolist()]
        if unknown.any() and self.handle_unknown == "error":
            raise ValueError(
                f"{self._describe(columns, unknown)}. Choose handle_unknown='ignore' to leave them out, or leave out "
                "these rows."
            )
        return unknown

    def _describe(self, columns: Sequence[Entries], unknown: np.ndarray) -> str:
        found = np.argwhere(unknown)
        values = dict.fromkeys(str(columns[j][row]) for row, j in found[: 100 * MAX_LISTED])
        listed = ", ".join(list(values)[:MAX_LISTED]) + (", ..." if len(values) > MAX_LISTED else "")
        return (
            f"{len(found)} of {unknown.size} entries of {self.what} are missing or no category of fit: {listed}; the "
            f"first is in row {found[0][0]}"
        )


class NumberEncoder(ColumnEncoder):
    """Numeric columns as they are."""

    def __init__(self, what: str, dtype):
        self.what, self.dtype = what, dtype

    def fit(self, block, names: np.ndarray) -> NumberEncoder:
        """Check the numbers."""
        self._numbers(block)
        self.labels = names
        return self

    def transform(self, block) -> sparse.csr_array:
        """Return the numbers."""
        return sparse.csr_array(self._numbers(block))

    def _numbers(self, block):
        try:
            return check_array(block, accept_sparse="csr", dtype=self.dtype, input_name=self.what)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.what} needs finite numbers: {str(error).splitlines()[0]}") from error


class PointEncoder(ColumnEncoder):
    """Number of points in each cell of a grid."""

    def __init__(self, grid: Grid, outside: str, dtype):
        self._discretizer = GridDiscretizer(grid, outside=outside, dtype=dtype)

    def fit(self, block, names: np.ndarray) -> PointEncoder:
        """Check the grid and the points."""
        points, n_axes = self._points(block), len(self._discretizer.grid.shape)
        self.n_outside = self._discretizer.fit(points).n_outside_
        self.n_missing = int(np.isnan(points[:, ::n_axes]).sum())
        if names.dtype.kind == "U" and len(names) == n_axes:
            self.axes = tuple(names.tolist())
        return self

    def transform(self, block) -> sparse.csr_array:
        """Count the points of each row in each cell."""
        return sparse.csr_array(self._discretizer.transform(self._points(block)))

    @staticmethod
    def _points(block) -> np.ndarray:
        return check_array(block, dtype=FLOATS, ensure_all_finite="allow-nan")  # names are compared before


class TransformedEncoder(ColumnEncoder):
    """An encoder of what a transformer makes of the columns; the transformer is cloned."""

    def __init__(self, transformer, encoder: ColumnEncoder):
        self.transformer, self._encoder = clone(transformer), encoder

    def fit(self, block, names: np.ndarray) -> TransformedEncoder:
        """Fit the transformer and the encoder."""
        transformed = self.transformer.fit(block).transform(block)
        names = np.arange(transformed.shape[1])
        if hasattr(self.transformer, "get_feature_names_out"):
            names = np.asarray(self.transformer.get_feature_names_out()).astype(str)
        self._encoder.fit(transformed, names)
        self.axes = self._encoder.axes
        return self._described()

    def join(self, other: Self) -> Self:
        if get_tags(self.transformer).requires_fit and not isinstance(self.transformer, PointTransformer):
            raise TypeError(
                f"{self.transformer!r} learns from all rows, which dask has in blocks: fit ModeEncoder to a table at "
                "hand, such as a part of the rows."
            )
        self._encoder.join(other._encoder)
        return self._described()

    def _described(self) -> Self:
        """Take over what the encoder knows of the rows."""
        own = self._encoder
        self.labels, self.n_missing, self.n_outside = own.labels, own.n_missing, own.n_outside
        return self

    def check(self) -> Self:
        self._encoder.check()
        return self

    def transform(self, block) -> sparse.csr_array:
        """Transform and encode."""
        return self._encoder.transform(self.transformer.transform(block))


def encodes_numbers(block, what: str) -> bool:
    """Return whether columns are numbers, by their dtype; otherwise they are categories.

    Raises
    ------
    ValueError
        If the dtypes leave both readings open.
    """
    columns = single_columns(block)
    floats = [holds_floats(column) for column in columns]
    if not any(floats):
        return False
    says = 'say (mode, columns, "one-hot") for categories, (mode, columns, "passthrough") for numbers'
    if not all(floats):
        raise ValueError(f"{what} has columns of floats and others: {says}, or make two Features.")
    values = [np.asarray(column, dtype=np.float64) for column in columns]
    missing = sum(int(np.isnan(column).sum()) for column in values)
    if missing:
        raise ValueError(f"{what} has floats, {missing} of them missing: {says}, after filling the missing ones.")
    if all((column == np.round(column)).all() for column in values):
        raise ValueError(f"{what} has floats that are all whole numbers, which may be codes of categories: {says}.")
    return True
