"""Columns of tables: pandas and polars, none of which is imported here, and numpy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing, check_array

from sklearn_mrtl._utils.arrays import unmasked


@dataclass(frozen=True)
class Columns:
    """Some columns of a table.

    Attributes
    ----------
    names : list of str, or None
        None: the table's columns have no names.
    positions : list of int
    """

    names: list[str] | None
    positions: list[int]

    @classmethod
    def find(cls, columns, X, what: str) -> Columns:
        """Return the columns of X that a str, an int, a slice of ints or a list of these names.

        Raises
        ------
        TypeError
            If `columns` is none of these.
        ValueError
            If X has no such column, or there are none.
        """
        names, n_columns = names_of(X), X.shape[1]
        if isinstance(columns, slice):
            columns = range(n_columns)[columns]
        wanted = [columns] if isinstance(columns, str | Integral) else list(columns)
        positions = [_position(column, names, n_columns, what) for column in wanted]
        if not positions:
            raise ValueError(f"columns of {what} must be at least one, got none.")
        return cls(None if names is None else [names[i] for i in positions], positions)

    @property
    def labels(self) -> np.ndarray:
        """Names, or numbers where there are no names."""
        return np.array(self.positions if self.names is None else self.names)

    def of(self, X):
        """Return these columns of X, by name where X and the table of fit have names.

        Raises
        ------
        ValueError
            If X does not have them.
        """
        known = names_of(X)
        if self.names is None or known is None:
            return _safe_indexing(X, self.positions, axis=1)
        absent = [name for name in self.names if name not in known]
        if absent:
            raise ValueError(f"X must have the columns {self.names} of fit, {absent} are absent: it has {known}.")
        return X[self.names]


def _position(column, names: Sequence[str] | None, n_columns: int, what: str) -> int:
    if isinstance(column, str):
        if names is None:
            raise ValueError(f"{what} is to be made of the column {column!r}, but the columns of X have no names.")
        if list(names).count(column) != 1:
            found = "more than one" if column in names else f"only {', '.join(map(repr, names))}"
            raise ValueError(f"{what} is to be made of the column {column!r}, X has {found}.")
        return list(names).index(column)
    if isinstance(column, bool | np.bool_) or not isinstance(column, Integral):
        raise TypeError(f"columns of {what} must be names, numbers or a slice of numbers, got {column!r}.")
    number = int(column)
    if not -n_columns <= number < n_columns:
        raise ValueError(f"{what} is to be made of column {number}, X has {n_columns} columns.")
    return number % n_columns


def names_of(X) -> list[str] | None:
    """Return the names of the columns of a table; None where they have none."""
    names = list(getattr(X, "columns", []))
    return names if names and all(isinstance(name, str) for name in names) else None


def as_table(X):
    """Return a table as it is, anything else as an array of two axes, of numbers or objects.

    Raises
    ------
    TypeError, ValueError
        If X is no table.
    """
    X = unmasked(X)
    if all(hasattr(X, name) for name in ("shape", "columns", "dtypes")):
        return X
    if hasattr(type(X), "columns") or (isinstance(X, dict) and not issparse(X)):
        raise TypeError(f"X must be a DataFrame of pandas or polars, or an array, got {type(X).__name__}.")
    words = isinstance(X, list | tuple) and np.asarray(X, dtype=object).ndim == 2 and np.asarray(X).dtype.kind == "U"
    return check_array(X, dtype=object if words else None, ensure_all_finite=False)  # else numbers would be words too


def single_columns(block) -> list:
    """Return each column of a table or array."""
    return [_safe_indexing(block, i, axis=1) for i in range(block.shape[1])]


def holds_floats(column) -> bool:
    """Return whether the dtype of a column is floating: of numpy, pandas or polars."""
    kind = getattr(column.dtype, "kind", None)
    return kind in "fc" if kind is not None else bool(column.dtype.is_float() or column.dtype.is_decimal())
