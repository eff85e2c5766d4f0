"""Names and coordinates of the axes of X, kept in fit and compared with those of later calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl._utils.encodings import Encodings
from sklearn_mrtl.modes import Mode, describe

ATTRS = ("units", "long_name", "standard_name")  # of a coordinate, as the CF conventions have them
# Coordinates of one grid in two files differ by rounding, often that of float32; a hundredth of the spacing is far
# more than that, and far less than a shift to another grid.
TOLERANCE = 0.01
MAX_LISTED = 6  # labels that an error message lists


@dataclass(frozen=True)
class Labels:
    """Names and coordinates of the axes of X after the first; none where X is a plain array.

    Attributes
    ----------
    dims : tuple of str, or None
    coords : dict of str to ndarray
        Coordinates of the dimensions that have one; of encodings, the categories of the Features.
    attrs : dict of str to dict
        Units and long names of each coordinate; of encodings, the names of the axes of Grids.
    modes : tuple of Mode, or None
        The modes that encodings carry.
    numbers : tuple of str
        Of encodings, the names of the modes whose columns are numbers.
    """

    dims: tuple[str, ...] | None = None
    coords: dict | None = None
    attrs: dict | None = None
    modes: tuple[Mode, ...] | None = None
    numbers: tuple[str, ...] = ()

    @classmethod
    def of(cls, X) -> Labels:
        """Return the labels of an xarray.DataArray or of encodings; no labels for anything else."""
        if isinstance(X, Encodings):
            return cls(coords=X.categories, attrs=names_of_axes(X), modes=X.modes, numbers=X.numbers)
        if not is_dataarray(X):
            return cls()
        dims = tuple(str(dim) for dim in X.dims[1:])
        own = {dim: X.coords[dim] for dim in dims if dim in X.coords}
        attrs = {dim: {key: str(coord.attrs[key]) for key in ATTRS if key in coord.attrs} for dim, coord in own.items()}
        return cls(dims, {dim: np.asarray(coord.values) for dim, coord in own.items()}, attrs)

    @classmethod
    def of_target(cls, y) -> Labels:
        """Return the labels of a target: those of a DataArray, or the names of the columns of a table."""
        columns = getattr(y, "columns", None)
        if columns is None or len(getattr(y, "shape", ())) != 2:
            return cls.of(y)
        return cls(("output",), {"output": np.asarray(columns)})

    def __eq__(self, other) -> bool:
        if not isinstance(other, Labels):
            return NotImplemented
        mine, theirs = self.coords or {}, other.coords or {}
        same = (self.dims, self.attrs or {}, self.modes) == (other.dims, other.attrs or {}, other.modes)
        same = same and self.numbers == other.numbers and mine.keys() == theirs.keys()
        return same and all(np.array_equal(mine[dim], theirs[dim]) for dim in mine)

    def bounds(self, axes: Sequence[int]) -> tuple[tuple[float, float], ...] | None:
        """Return the outer edges of cells centred at the coordinates; None where one is absent or unevenly spaced."""
        if self.dims is None or self.coords is None:
            return None
        bounds = [edges(self.coords.get(self.dims[axis])) for axis in axes]
        known = tuple(pair for pair in bounds if pair is not None)
        return known if len(known) == len(bounds) else None


def axis_dims(name: str, n_axes: int) -> tuple[str, ...]:
    """Return the dimensions of a mode whose axes have no names of their own."""
    return (name,) if n_axes == 1 else tuple(f"{name}_{i}" for i in range(n_axes))


def names_of_axes(X: Encodings) -> dict[str, dict[str, str]]:
    """Return the names of the axes of Grids as attributes of their dimensions."""
    return {
        dim: {"long_name": axis}
        for name, axes in X.axes.items()
        for dim, axis in zip(axis_dims(name, len(axes)), axes, strict=True)
    }


def edges(centers: np.ndarray | None) -> tuple[float, float] | None:
    """Return the outer edges of evenly spaced cells; None where the centres are absent or unevenly spaced."""
    if centers is None or centers.dtype.kind not in "iuf" or len(centers) < 2:
        return None
    steps = np.diff(centers.astype(float))
    if not np.allclose(steps, steps[0], rtol=1e-3) or steps[0] == 0:
        return None
    half = abs(steps[0]) / 2
    return float(centers.min() - half), float(centers.max() + half)


def align(X, labels: Labels, what: str = "X"):
    """Put the axes of X after the first, and their entries, in the order of fit.

    Parameters
    ----------
    X : array-like, Encodings or xarray.DataArray of shape (n, ...)
        Encodings are only compared.
    labels : Labels
        Labels of the X of fit.
    what : str, default="X"
        Name of X in error messages.

    Returns
    -------
    array-like or xarray.DataArray
        X itself where nothing has to move, or where X or `labels` has no names.

    Raises
    ------
    ValueError
        If X has other modes, dimensions or labels than in fit. What X or fit has no names for is not compared.

    Notes
    -----
    Floats are compared with a tolerance of a hundredth of their smallest spacing, everything else exactly.
    """
    if isinstance(X, Encodings):
        check_modes(X, labels, what)
    if labels.dims is None or not is_dataarray(X):
        return X
    names = tuple(str(dim) for dim in X.dims[1:])
    if sorted(names) != sorted(labels.dims):
        raise ValueError(f"{what} must have the dimensions {labels.dims} of fit after the first, got {names}.")
    if names != labels.dims:
        actual = dict(zip(names, X.dims[1:], strict=True))
        X = X.transpose(X.dims[0], *(actual[name] for name in labels.dims))
    moves = _moves(X, labels, what)
    return X.isel({dim: _indexer(order) for dim, order in moves.items()}) if moves else X


def align_target(y, labels: Labels, what: str = "y"):
    """Return y with its axes after the first, or the columns of a table, in the order of fit; see `align`."""
    y = align(y, labels, what)
    own, expected = Labels.of_target(y), (labels.coords or {}).get("output")
    if expected is None or is_dataarray(y) or own.coords is None:
        return y
    order = order_of(own.coords["output"], expected)
    return y if order is None or (np.diff(order) == 1).all() else y[list(expected)]


def check_modes(X: Encodings, labels: Labels, what: str) -> None:
    """Check that encodings have the modes and categories of fit.

    Raises
    ------
    ValueError
    """
    if X.modes is None or labels.modes is None:
        return
    if X.modes != labels.modes:
        raise ValueError(f"{what} must have the modes of fit, {describe(labels.modes)}; got {describe(X.modes)}.")
    for name, expected in (labels.coords or {}).items():
        found = X.categories.get(name, expected)
        if not same_labels(found, expected):
            raise ValueError(
                f"{what} must have the categories of fit for {name!r}: {listed(expected)}; got {listed(found)}."
                f"{_first_difference(found, expected)} Encode all data by the ModeEncoder that was fitted first."
            )


def restore_order(result, X, labels: Labels):
    """Put `result`, computed from ``align(X, labels)``, in the order of X.

    Parameters
    ----------
    result : ndarray or xarray.DataArray
        Its axes have the entries of the aligned X, or the first few of them.
    X : array-like or xarray.DataArray
        What was given to `align`.
    labels : Labels
        Labels of the X of fit.

    Returns
    -------
    ndarray or xarray.DataArray
        `result` itself where `align` moved nothing.
    """
    if labels.dims is None or not is_dataarray(X) or not is_dataarray(result):
        return result
    moves = _moves(X, labels, "X")
    back = {dim: np.argsort(order[: result.sizes[dim]]) for dim, order in moves.items()}
    if back:
        result = result.isel({dim: _indexer(order) for dim, order in back.items()})
    return result if result.dims == X.dims else result.transpose(*X.dims)


def order_of(found: np.ndarray, expected: np.ndarray) -> np.ndarray | None:
    """Return the positions of the expected labels among those found; None where the labels are not the same.

    Labels that repeat have one order only: the one they stand in.
    """
    n = len(expected)
    if len(found) != n:
        return None
    tolerance = _tolerance(found, expected)
    if _same(found, expected, tolerance):
        return np.arange(n)
    try:
        by_expected, by_found = np.argsort(expected, kind="stable"), np.argsort(found, kind="stable")
        ascending = expected[by_expected]
        if not _same(found[by_found], ascending, tolerance) or (ascending[1:] == ascending[:-1]).any():
            return None
    except TypeError:  # labels of mixed types, which have no order
        return None
    order = np.empty(n, dtype=np.intp)
    order[by_expected] = by_found
    return order


def same_labels(found: np.ndarray, expected: np.ndarray) -> bool:
    """Return whether two arrays of labels are the same, in the same order; floats within the tolerance of `align`."""
    return len(found) == len(expected) and _same(found, expected, _tolerance(found, expected))


def listed(values: np.ndarray) -> str:
    """Return labels in words for an error message, shortened where there are many."""
    words = [str(value) for value in values]
    if len(words) <= MAX_LISTED:
        return ", ".join(words)
    return f"{', '.join(words[:3])}, ..., {words[-1]} ({len(words)} labels)"


def _moves(X, labels: Labels, what: str) -> dict:
    """Positions in X of the labels of fit, for each dimension of X whose order differs from that in fit."""
    moves: dict = {}
    for dim in X.dims[1:]:
        expected = (labels.coords or {}).get(str(dim))
        if dim not in X.coords or expected is None:
            continue
        found = np.asarray(X.coords[dim].values)
        order = order_of(found, expected)
        if order is None:
            raise ValueError(
                f"{what} must have the labels of fit along {str(dim)!r}, in any order: {listed(expected)}; got "
                f"{listed(found)}.{_first_difference(found, expected)}"
            )
        if (np.diff(order) != 1).any():
            moves[dim] = order
    return moves


def _indexer(order: np.ndarray) -> slice | np.ndarray:
    """Return a slice for a reversal, which needs no copy; otherwise the order itself."""
    is_reversal = len(order) > 1 and (order == np.arange(len(order))[::-1]).all()
    return slice(None, None, -1) if is_reversal else order


def _tolerance(found: np.ndarray, expected: np.ndarray) -> float | None:
    """Largest difference of labels that count as the same; None: they are compared exactly."""
    kinds = found.dtype.kind + expected.dtype.kind
    if "f" not in kinds or not set(kinds) <= set("iuf"):
        return None
    values = np.unique(expected[np.isfinite(expected)].astype(float))
    if len(values) < 2:
        return 1e-5 * float(np.abs(values).max(initial=0))
    return TOLERANCE * float(np.diff(values).min())


def _same(found: np.ndarray, expected: np.ndarray, tolerance: float | None) -> bool:
    if tolerance is None:
        return bool(np.all(found == expected))
    return bool(np.isclose(found.astype(float), expected.astype(float), 0, tolerance, equal_nan=True).all())


def _first_difference(found: np.ndarray, expected: np.ndarray) -> str:
    """Return a sentence about the first position that differs, for labels too many to list."""
    if len(found) != len(expected) or len(found) <= MAX_LISTED:
        return ""
    tolerance = _tolerance(found, expected)
    differ = [i for i in range(len(found)) if not _same(found[i : i + 1], expected[i : i + 1], tolerance)]
    return f" The first difference is at position {differ[0]}: {expected[differ[0]]} in fit, {found[differ[0]]} here."
