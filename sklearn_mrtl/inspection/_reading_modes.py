"""What pictures need to know of a mode: extents, names of axes and of levels."""

from __future__ import annotations

from dataclasses import dataclass
from os.path import commonprefix

import numpy as np
from sklearn.pipeline import Pipeline

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl._utils.labels import edges
from sklearn_mrtl.modes import Grid

# Dimensions whose name and units need no explanation.
KNOWN = {
    "lat": ("latitude", "°N"), "latitude": ("latitude", "°N"), "lon": ("longitude", "°E"),
    "longitude": ("longitude", "°E"), "depth": ("depth", "m"),
}  # fmt: skip


@dataclass(frozen=True)
class ModeLabels:
    """Names and places of a mode's rows.

    Attributes
    ----------
    is_grid : bool
    extent : tuple of (first, last)
        Outer edges along each axis, at the first and the last cell.
    axis_labels : tuple of str
    level_names : tuple of str, or None
        Of a mode that is no grid.
    """

    is_grid: bool
    extent: tuple[tuple[float, float], ...]
    axis_labels: tuple[str, ...]
    level_names: tuple[str, ...] | None = None


def mode_labels(model: BaseMRTL, name: str) -> ModeLabels:
    """Labels of a mode of a fitted model, from its bounds, the coordinates of X and the names of classes."""
    described = model.tensor_.modes[name]
    if described.mode is None:
        names = described.coords.get(name, range(described.size))
        return ModeLabels(False, ((0, described.size),), (name,), tuple(map(str, names)))
    if not isinstance(described.mode, Grid):
        dim = described.dims[0]
        names = described.coords.get(dim, range(described.size))
        label = with_units(name, described.attrs.get(dim, {}))
        return ModeLabels(False, ((0, described.size),), (label,), tuple(map(str, names)))
    extent, labels, bounds = [], [], described.mode.bounds
    for i, (dim, n) in enumerate(zip(described.dims, described.shape, strict=True)):
        ends = ends_of(described.coords.get(dim), None if bounds is None else bounds[i])
        label = dim if described.has_own_dims or len(described.dims) == 1 else f"{name}, axis {i}"
        extent.append(ends or (0.0, float(n)))
        attrs = described.attrs.get(dim, {}) if described.has_own_dims else {}
        labels.append(with_units(label, attrs) if ends else f"{label} (cell)")
    return ModeLabels(True, tuple(extent), tuple(labels))


def column_names(estimator, model: BaseMRTL, name: str) -> tuple[str, ...] | None:
    """Levels of a Feature as the table that fit saw, or the pipeline's steps before, name its columns.

    What all names begin with goes, up to its last underscore: "onehotencoder__player_30" is "30".
    """
    layout = model.tensor_.layout
    where = {mode.name: columns for mode, columns in zip(layout.modes, layout.columns, strict=True)}
    if layout.is_fields or name not in where:
        return None
    names = getattr(model, "feature_names_in_", None)
    if names is None and isinstance(estimator, Pipeline) and len(estimator) > 1:
        try:
            names = estimator[:-1].get_feature_names_out()
        except (AttributeError, ValueError):  # of steps that have no names
            return None
    if names is None:
        return None
    names = [str(column) for column in names[where[name]]]
    shared = commonprefix(names) if len(names) > 1 else ""
    return tuple(column[shared.rfind("_") + 1 :] for column in names)


def with_units(name: str, attrs: dict) -> str:
    """Name of an axis with its units, as its coordinate says them; else what the name alone tells."""
    known, units = KNOWN.get(name, (name, ""))
    name = attrs.get("long_name") or attrs.get("standard_name", known).replace("_", " ")
    units = attrs.get("units", units)
    return f"{name} ({units})" if units not in ("", "1") else name


def ends_of(centres: np.ndarray | None, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return the edges at the first and the last cell; None where neither bounds nor evenly spaced centres tell."""
    ends = edges(centres) if bounds is None else bounds
    descends = ends is not None and centres is not None and centres[0] > centres[-1]
    return ends[::-1] if descends else ends
