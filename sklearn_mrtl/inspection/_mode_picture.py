"""How the values of one mode are drawn: as a map, a curve, or bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl.inspection._components import known_as
from sklearn_mrtl.inspection._figures import bars_size, panel_shape
from sklearn_mrtl.inspection._geography import draw_coastlines, draw_outline
from sklearn_mrtl.inspection._mode_labels import check_names, column_names, mode_labels
from sklearn_mrtl.inspection._panels import MAX_BARS, draw_categories, draw_curve, draw_map, draw_points
from sklearn_mrtl.inspection._polar import check_polar, disc_sides, draw_polar_map
from sklearn_mrtl.modes import cell_centers


@dataclass(frozen=True, eq=False)
class ModePicture:
    """How the values of one mode are drawn.

    Attributes
    ----------
    mode : str
        Name of the mode.
    shape : tuple of int
        Shape of the values: the last axis goes from left to right, the one before from bottom to top.
    extent : sequence of (first, last), or None
        Outer edges of each axis of a grid. None: in cells.
    axis_labels : sequence of str, or None
        Names and units of the axes. None: the mode's name.
    category_names : sequence of str, or None
        Names of a Feature's categories. None: the mode is a grid.
    origin : (float, float), or None
        Centre of a polar grid.
    geographic : bool
        Whether the last two axes, or y and x of the positions, are latitude and longitude.
    transposed : bool
        Whether the axes are those of the mode in reverse.
    positions : ndarray of shape (n_categories, 2), or None
        x and y of a Feature's categories, which are then points on a map; NaN: left out.
    n_extremes : int or None
        Of more than 30 categories, how many of the largest and of the smallest are drawn. None: all, as dots.
    """

    mode: str
    shape: tuple[int, ...]
    extent: Sequence[tuple[float, float]] | None = None
    axis_labels: Sequence[str] | None = None
    category_names: Sequence[str] | None = None
    origin: tuple[float, float] | None = None
    geographic: bool = False
    transposed: bool = False
    positions: np.ndarray | None = None
    n_extremes: int | None = None

    @property
    def n_axes(self) -> int:
        """Number of axes of the grid; 0 for a Feature."""
        return 0 if self.category_names is not None else len(self.shape)

    @property
    def is_map(self) -> bool:
        """Whether values are colours on a map."""
        return self.n_axes > 1 or self.positions is not None

    @property
    def n_bars(self) -> int:
        """Number of a Feature's bars; 0 if there are none."""
        n = self.shape[0]
        if self.n_axes or self.positions is not None or (n > MAX_BARS and self.n_extremes is None):
            return 0
        return n if n <= MAX_BARS else min(n, 2 * (self.n_extremes or 0) + 1)

    @property
    def has_own_names(self) -> bool:
        """Whether each panel shows other categories, with their names."""
        return self.n_bars not in (0, self.shape[0])

    @property
    def edges(self) -> Sequence[tuple[float, float]]:
        """Outer edges of each axis."""
        return self.extent or [(0.0, float(n)) for n in self.shape]

    @property
    def names(self) -> Sequence[str]:
        """Names of the axes."""
        return self.axis_labels or [self.mode] * max(1, self.n_axes)

    def check(self) -> None:
        """Raise ValueError if an origin or positions are given that the mode cannot have."""
        if self.origin is not None:
            check_polar(self.origin, self.mode, self.n_axes, self.extent)
        if self.positions is not None and (self.n_axes or np.shape(self.positions) != (self.shape[0], 2)):
            has = f"is a Grid of {self.n_axes} axes" if self.n_axes else f"has {self.shape[0]} categories"
            raise ValueError(
                f"positions must be (x, y) of each category of a Feature, got shape {np.shape(self.positions)}; "
                f"{self.mode!r} {has}."
            )

    @property
    def size(self) -> tuple[float, float] | None:
        """Width and height in inches of a panel of many bars; None for others."""
        return bars_size(self.n_bars, self.category_names or ())

    def panel_shape(self, aspect) -> float:
        """Return width over height of a panel."""
        if self.size is not None:
            return self.size[0] / self.size[1]
        if self.positions is not None:
            width, height = np.nanmax(self.positions, axis=0) - np.nanmin(self.positions, axis=0)
            smallest = 0.2 * max(width, height) or 1.0  # points on a line, or one
            return panel_shape(2, 0, [(0.0, max(height, smallest)), (0.0, max(width, smallest))], aspect)
        sides = self.edges if self.origin is None else disc_sides(self.edges, self.origin)
        return panel_shape(self.n_axes, self.n_bars, sides, aspect)

    def labels(self, value: str) -> tuple[str, str]:
        """Return the labels of the horizontal and the vertical axis; `value` is what bars and curves show."""
        if self.positions is not None:
            own = self.axis_labels if self.axis_labels and len(self.axis_labels) == 2 else None
            vertical, horizontal = own or plane_labels(self.geographic)
            return horizontal, vertical
        if self.n_bars:
            return value, self.names[0]
        return self.names[-1], self.names[-2] if self.n_axes > 1 else value

    def oriented(self, values: np.ndarray) -> np.ndarray:
        """Return values of the mode, shape (*shape of the mode, ...), with their axes as they are drawn."""
        n = self.n_axes
        return values.transpose(*reversed(range(n)), *range(n, values.ndim)) if self.transposed else values

    def slice_name(self, part: int) -> str:
        """Return the position of a slice through a grid of three axes."""
        return f"{self.names[0]}: {cell_centers(*self.edges[0], self.shape[0])[part]:.3g}"

    def draw(self, ax, values: np.ndarray, *, cmap, norm, aspect="equal", outline: bool = True):
        """Draw values, of a slice if the grid has three axes; return the map, None if it is none."""
        if self.positions is not None:
            points = draw_points(ax, values, np.asarray(self.positions), cmap=cmap, norm=norm, aspect=aspect)
            if outline and self.geographic:
                draw_coastlines(ax, zorder=0.5)  # below the points
            return points
        if self.n_axes == 0:
            style = {"cmap": cmap, "norm": norm, "n_extremes": self.n_extremes}
            return draw_categories(ax, values, self.category_names, norm.vmax, **style)
        if self.n_axes == 1:
            return draw_curve(ax, values, self.edges[0], norm.vmax)
        extent = self.edges[-2:]
        if self.origin is not None:
            return draw_polar_map(ax, values, extent, origin=self.origin, cmap=cmap, norm=norm, aspect=aspect)
        image = draw_map(ax, values, extent, cmap=cmap, norm=norm, aspect=aspect)
        if outline:
            draw_outline(ax, ~np.isnan(values), extent, geographic=self.geographic)
        return image


def picture_of(
    estimator,
    model: BaseMRTL,
    mode: str,
    *,
    category_names: Sequence[str] | None = None,
    axis_labels: Sequence[str] | None = None,
    transpose: bool | None = None,
    origin: tuple[float, float] | None = None,
) -> ModePicture:
    """Describe how a mode of a fitted model is drawn; the options are those of `FactorDisplay.from_estimator`.

    Raises
    ------
    ValueError
        If names are not as many as the mode has, or an option is given that does not apply to the mode.
    """
    labels, described = mode_labels(model, mode), model.tensor_.modes[mode]
    extent, names = labels.extent, labels.axis_labels
    if origin is not None:
        if transpose is not None:
            raise ValueError(f"transpose does not apply to a polar grid, got transpose={transpose} and an origin.")
        check_polar(origin, mode, len(extent) * labels.is_grid, getattr(described.mode, "bounds", None))
        names = ("x", "y")
    if axis_labels is not None:
        names = check_names("axis_labels", axis_labels, len(names))
    if not labels.is_grid:
        if category_names is None:
            category_names = column_names(estimator, model, mode) or labels.category_names
        else:
            category_names = check_names("category_names", category_names, described.size)
        others = [mode_labels(model, name) for name in model.tensor_.modes if name != mode]
        is_geographic = any(other.is_geographic for other in others)  # then so are the positions of categories
        return ModePicture(mode, described.shape, None, names, category_names, geographic=is_geographic)
    if category_names is not None:
        raise ValueError(f"category_names are for Features; {mode!r} is a Grid, whose axes have axis_labels.")
    if origin is not None:
        return ModePicture(mode, described.shape, extent, names[::-1], origin=origin)
    if transpose if transpose is not None else not model.tensor_.layout.is_fields:
        return ModePicture(mode, described.shape[::-1], extent[::-1], names[::-1], transposed=True)
    return ModePicture(mode, described.shape, extent, names, geographic=labels.is_geographic)


def plane_labels(geographic: bool) -> tuple[str, str]:
    """Return the labels of the vertical and the horizontal axis of a map."""
    return ("latitude (°N)", "longitude (°E)") if geographic else ("y", "x")


def options_by_mode(given: Mapping[str, Mapping | None], model: BaseMRTL) -> dict[str, Mapping]:
    """Return options that are dicts by the names of modes, empty where they are None.

    Raises
    ------
    ValueError
        If an option names an unknown mode.
    """
    modes = {name: mode for term in model.terms_.values() for name, mode in term.tensor.modes.items()}
    options: dict[str, Mapping] = {
        name: {known_as(mode, modes): option for mode, option in (by_mode or {}).items()}
        for name, by_mode in given.items()
    }
    for name, by_mode in options.items():
        if not set(by_mode) <= set(modes):
            raise ValueError(f"{name} must be a dict by names among {list(modes)}, got {list(by_mode)}.")
    return options
