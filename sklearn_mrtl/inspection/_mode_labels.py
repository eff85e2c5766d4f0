"""Labels of a mode for pictures: extents, names of axes and of categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonprefix

import numpy as np

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl._utils.labels import Labels, edges
from sklearn_mrtl.inspection._composites import pipelines
from sklearn_mrtl.modes import Grid

# Dimensions whose name and units need no explanation.
KNOWN = {
    "lat": ("latitude", "°N"), "latitude": ("latitude", "°N"), "lon": ("longitude", "°E"),
    "longitude": ("longitude", "°E"), "depth": ("depth", "m"),
}  # fmt: skip
DEGREES = {"degrees_north": "°N", "degrees_east": "°E"}  # as netCDF files say it
GEOGRAPHIC = [("lat", "lon"), ("latitude", "longitude")]  # last dimensions of fields on the globe


@dataclass(frozen=True)
class ModeLabels:
    """Extents and names of a mode.

    Attributes
    ----------
    is_grid : bool
        Whether the mode is a Grid.
    extent : tuple of (first, last)
        Outer edges along each axis, at the first and the last cell.
    axis_labels : tuple of str
        Names and units of the axes.
    category_names : tuple of str, or None
        Names of the categories. None: the mode is a Grid.
    is_geographic : bool
        Whether the last two axes are latitude and longitude, by the names of the dimensions of X.
    """

    is_grid: bool
    extent: tuple[tuple[float, float], ...]
    axis_labels: tuple[str, ...]
    category_names: tuple[str, ...] | None = None
    is_geographic: bool = False


def mode_labels(model: BaseMRTL, name: str) -> ModeLabels:
    """Return the labels of a mode, from its bounds, the coordinates of X and the names of classes."""
    described = model.tensor_.modes[name]
    if described.mode is None:
        names = described.coords.get(described.dims[0], range(described.size))
        return ModeLabels(False, ((0, described.size),), described.dims, tuple(map(str, names)))
    if not isinstance(described.mode, Grid):
        dim = described.dims[0]
        names = described.coords.get(dim, range(described.size))
        label = with_units(name, described.attrs.get(dim, {}))
        return ModeLabels(False, ((0, described.size),), (label,), tuple(map(str, names)))
    extent, labels, bounds = [], [], described.mode.bounds
    for i, (dim, n) in enumerate(zip(described.dims, described.shape, strict=True)):
        ends = ends_of(described.coords.get(dim), None if bounds is None else bounds[i])
        extent.append(ends or (0.0, float(n)))
        attrs = described.attrs.get(dim, {})
        if not described.has_own_dims:  # then attributes have the name of a column at most
            dim = attrs.get("long_name") or (dim if len(described.dims) == 1 else f"{name}, axis {i}")
            attrs = {}
        label = with_units(dim, attrs)
        labels.append(label if ends else f"{label} (cell)")
    is_geographic = described.has_own_dims and described.dims[-2:] in GEOGRAPHIC
    return ModeLabels(True, tuple(extent), tuple(labels), is_geographic=is_geographic)


def target_labels(y) -> ModeLabels:
    """Return the labels of the outputs, or of the cells of a map, of a target; all empty if y has no names."""
    labels = Labels.of_target(y)
    dims, coords, attrs = labels.dims or (), labels.coords or {}, labels.attrs or {}
    names = tuple(with_units(dim, attrs.get(dim, {})) for dim in dims)
    if len(dims) == 1 and dims[0] in coords:
        return ModeLabels(False, (), names, tuple(map(str, coords[dims[0]])))
    extent = tuple(ends for dim in dims if (ends := ends_of(coords.get(dim), None)) is not None)
    return ModeLabels(True, extent if len(extent) == len(dims) else (), names, is_geographic=dims[-2:] in GEOGRAPHIC)


def column_names(estimator, model: BaseMRTL, name: str) -> tuple[str, ...] | None:
    """Return names of a Feature's categories, from the columns of X or of the output of the pipeline's other steps.

    None where the model itself knows them, and where nobody does.

    The common prefix of the names is removed up to its last underscore: "onehotencoder__player_30" becomes "30".
    """
    layout = model.tensor_.layout
    where = {mode.name: columns for mode, columns in zip(layout.modes, layout.columns, strict=True)}
    if layout.is_fields or name not in where or name in model.tensor_.modes[name].coords:
        return None
    names = getattr(model, "feature_names_in_", None)
    for pipeline in [] if names is not None else pipelines(estimator):
        try:
            names = pipeline[:-1].get_feature_names_out()
        except (AttributeError, ValueError):  # steps without names
            return None
    if names is None:
        return None
    names = [str(column) for column in names[where[name]]]
    shared = commonprefix(names) if len(names) > 1 else ""
    return tuple(column[shared.rfind("_") + 1 :] for column in names)


def telling_names(X, columns: Sequence | None) -> list[str] | None:
    """Return what tells the rows of a DataFrame apart: their entries in those other columns in which they differ."""
    if not hasattr(X, "columns") or len(X) < 2:
        return None
    others = [list(map(str, X[name])) for name in X.columns if name not in (columns or ())]
    differing = [entries for entries in others if len(set(entries)) > 1]
    return [", ".join(row) for row in zip(*differing, strict=True)] or None


def with_units(name: str, attrs: dict) -> str:
    """Return the name of an axis with its units, from the attributes of its coordinate or from KNOWN."""
    known, units = KNOWN.get(name, (name, ""))
    name = attrs.get("long_name") or attrs.get("standard_name", known).replace("_", " ")
    units = attrs.get("units", units)
    units = DEGREES.get(units, units)
    return f"{name} ({units})" if units not in ("", "1") else name


def ends_of(centres: np.ndarray | None, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return the edges at the first and the last cell; None without bounds and evenly spaced centres."""
    ends = edges(centres) if bounds is None else bounds
    if ends is None or centres is None or centres[0] <= centres[-1]:
        return ends
    return ends[::-1]


def check_names(parameter: str, names, expected: int) -> tuple[str, ...]:
    """Return the names as a tuple of the expected length."""
    names = tuple(map(str, names))
    if len(names) != expected:
        raise ValueError(f"{parameter} needs {expected} names, got {len(names)}: {names}.")
    return names
