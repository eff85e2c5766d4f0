"""The modes of a weight tensor: what each axis of the model means.

A mode is written once and shared by the transformer that encodes it and the estimator that learns its weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral, Real

import numpy as np

QUANTITIES = ("count", "mean")
INTERPOLATIONS = ("linear", "nearest")
SMALLEST = 1e-100  # extent of an axis: its square is still a number
RESERVED = ("output", "class", "component", "intercept")  # names of the model's own axes and numbers


@dataclass(frozen=True)
class Feature:
    """A non-spatial mode of the weight tensor: players, lags, variables, ...

    Parameters
    ----------
    name : str
        Name of the mode; ``factors_`` uses it as key.
    size : int or None, default=None
        Number of categories. ``None``: inferred in fit, from the table (`ModeEncoder`) or from the axes of an N-D X. Of
        other encodings one Feature can be inferred, if its columns are one-hot and none of them is empty.

    Examples
    --------
    >>> from sklearn_mrtl import Feature
    >>> Feature("player", 50)
    Feature('player', size=50)
    """

    name: str
    size: int | None = None

    def __post_init__(self):
        _check_name("Feature", self.name)
        if self.size is not None:
            object.__setattr__(self, "size", _check_count(f"size of {self.name!r}", self.size))

    @property
    def shape(self) -> tuple[int] | None:
        """Shape of the mode in an N-D array: (size,), or None while the size is unknown."""
        return None if self.size is None else (self.size,)

    def __repr__(self):
        words = [repr(self.name)]
        words += [f"size={self.size}"] if self.size is not None else []
        return f"Feature({', '.join(words)})"


@dataclass(frozen=True)
class Grid:
    """A spatial mode of the weight tensor: a regular grid of 1, 2 or 3 axes.

    Parameters
    ----------
    name : str
        Name of the mode; ``factors_`` uses it as key.
    shape : int or tuple of int
        Number of cells along each axis, at the finest resolution.
    bounds : sequence of (low, high), default=None
        Outer edges of the grid along each axis, in physical units (feet, degrees, ...); a single pair for a grid of
        one axis. They give the cells their proportions and pictures their axes. ``None``: a cell is one unit wide
        along every axis.
    quantity : {"count", "mean"}, default="count"
        What a sample holds in a cell. "count": events (one-hot, multi-hot); on a finer grid the same event falls into
        a smaller cell, on a coarser grid cells are summed. "mean": the average of a quantity over the cell (a
        temperature); coarser cells hold means, and the weight of a cell shrinks with its area.
    interpolation : {"linear", "nearest"}, default="linear"
        How weights pass to a finer grid (section 4 of the paper). "linear": interpolated between the centres of
        cells. "nearest": copied from the coarse cell that holds the centre of the finer one. The paper's choice for
        counts; predictions do not change at first, but where data are few the coarse squares stay in the map.
    periodic : bool or sequence of bool, default=False
        Whether an axis closes on itself (all longitudes, months, hours), for each axis or for all.

    Examples
    --------
    >>> from sklearn_mrtl import Grid
    >>> Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
    Grid('court', (50, 47), bounds=((-25.0, 25.0), (0.0, 47.0)))
    >>> Grid("hour", 24, periodic=True).size
    24
    """

    name: str
    shape: tuple[int, ...]
    _: KW_ONLY
    bounds: tuple[tuple[float, float], ...] | None = None
    quantity: str = "count"
    interpolation: str = "linear"
    periodic: tuple[bool, ...] | bool = False

    def __post_init__(self):
        _check_name("Grid", self.name)
        shape = check_shape(self.name, self.shape)
        n_axes = len(shape)
        bounds = None if self.bounds is None else _check_bounds(self.name, self.bounds, n_axes)
        _check_choice(f"quantity of Grid {self.name!r}", self.quantity, QUANTITIES)
        _check_choice(f"interpolation of Grid {self.name!r}", self.interpolation, INTERPOLATIONS)
        periodic = (self.periodic,) * n_axes if isinstance(self.periodic, bool) else tuple(map(bool, self.periodic))
        if len(periodic) != n_axes:
            raise ValueError(
                f"periodic of Grid {self.name!r} needs a value for each of its {n_axes} axes, got {self.periodic!r}."
            )
        for name, value in {"shape": shape, "bounds": bounds, "periodic": periodic}.items():
            object.__setattr__(self, name, value)  # of a frozen dataclass

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def centers(self, shape: Sequence[int] | None = None) -> tuple[np.ndarray, ...]:
        """Return the centres of the cells along each axis, in the units of ``bounds`` (in cells where there are none).

        Parameters
        ----------
        shape : sequence of int, default=None
            Number of cells along each axis of a coarser grid over the same bounds. ``None``: that of this grid.

        Returns
        -------
        tuple of ndarray
            One array for each axis.

        Examples
        --------
        >>> Grid("hour", 4, bounds=(0, 24)).centers()
        (array([ 3.,  9., 15., 21.]),)
        """
        shape = self.shape if shape is None else shape
        edges = [(0.0, extent) for extent in self.extents] if self.bounds is None else self.bounds
        return tuple(cell_centers(low, high, n) for n, (low, high) in zip(shape, edges, strict=True))

    @property
    def extents(self) -> tuple[float, ...]:
        """Physical length of each axis, in the units of ``bounds`` (in cells where there are none)."""
        if self.bounds is None:
            return tuple(float(n) for n in self.shape)
        return tuple(high - low for low, high in self.bounds)

    def __repr__(self):
        words = [repr(self.name), str(self.shape if len(self.shape) > 1 else self.shape[0])]
        words += [f"bounds={self.bounds}"] if self.bounds is not None else []
        words += [f"quantity={self.quantity!r}"] if self.quantity != "count" else []
        words += [f"interpolation={self.interpolation!r}"] if self.interpolation != "linear" else []
        words += [f"periodic={self.periodic}"] if any(self.periodic) else []
        return f"Grid({', '.join(words)})"


Mode = Feature | Grid


def cell_centers(first: float, last: float, n: int) -> np.ndarray:
    """Return the centres of n equal cells from one outer edge to the other, which may be the lower one."""
    return first + (np.arange(n) + 0.5) * (last - first) / n


def as_modes(modes: str | Mode | Sequence[str | Mode]) -> tuple[Mode, ...]:
    """Make a tuple of modes; a bare string means a Feature. Names must differ."""
    modes = [modes] if isinstance(modes, str | Feature | Grid) else list(modes)
    modes = tuple(Feature(mode) if isinstance(mode, str) else mode for mode in modes)
    for mode in modes:
        if not isinstance(mode, Feature | Grid):
            raise TypeError(f"modes must be Feature, Grid or str (a Feature's name), got {mode!r}.")
    names = [mode.name for mode in modes]
    if len(set(names)) < len(names):
        raise ValueError(f"modes need names that differ, got {names}.")
    reserved = [name for name in names if name in RESERVED]
    if reserved:
        raise ValueError(
            f"modes may not be called {', '.join(map(repr, reserved))}: {', '.join(RESERVED)} are names of the model's "
            "own. Give another name, or rename the dimension of X."
        )
    if not modes:
        raise ValueError("modes is empty: expected at least one Feature or Grid.")
    return modes


def describe(modes: Sequence[Mode]) -> str:
    """Describe modes in words."""
    return ", ".join(repr(mode) for mode in modes)


def check_shape(name: str, shape) -> tuple[int, ...]:
    """Make a tuple of 1 to 3 positive ints of a grid's shape."""
    shape = (shape,) if isinstance(shape, Integral) else tuple(shape)
    if not 1 <= len(shape) <= 3:
        raise ValueError(f"shape of Grid {name!r} must have 1, 2 or 3 axes, got {shape}.")
    return tuple(_check_count(f"shape of {name!r}", n) for n in shape)


def _check_name(kind: str, name) -> None:
    if not isinstance(name, str) or not name:
        raise TypeError(f"name of a {kind} must be a non-empty string, got {name!r}.")


def _check_count(what: str, value) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{what} must be an int, got {value!r}.")
    if value < 1:
        raise ValueError(f"{what} must be at least 1, got {value}.")
    return int(value)


def _check_choice(what: str, value, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{what} must be one of {tuple(choices)}, got {value!r}.")


def _check_bounds(name: str, bounds, n_axes: int) -> tuple[tuple[float, float], ...]:
    bounds = tuple(bounds)
    if n_axes == 1 and len(bounds) == 2 and all(isinstance(edge, Real) for edge in bounds):
        bounds = (bounds,)
    if len(bounds) != n_axes or any(len(pair) != 2 for pair in bounds):
        raise ValueError(f"bounds of Grid {name!r} need one (low, high) for each of its {n_axes} axes, got {bounds}.")
    bounds = tuple((float(low), float(high)) for low, high in bounds)
    for low, high in bounds:
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ValueError(f"bounds of Grid {name!r} must be finite with low < high, got ({low}, {high}).")
        if not SMALLEST <= high - low <= 1 / SMALLEST:
            raise ValueError(
                f"bounds of Grid {name!r} must span {SMALLEST:g} to {1 / SMALLEST:g}, got ({low}, {high}); give them "
                "in other units."
            )
    return bounds
