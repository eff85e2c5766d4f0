"""Pictures of factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from sklearn_mrtl.inspection._components import check_components, check_mode, low_rank_model
from sklearn_mrtl.inspection._figures import arrange, label_outer, panel_shape, panels, pyplot
from sklearn_mrtl.inspection._mode_labels import check_names, column_names, mode_labels
from sklearn_mrtl.inspection._panels import MAX_BARS, draw_categories, draw_curve, draw_map, scaled, slice_numbers
from sklearn_mrtl.inspection._polar import check_polar, disc_sides, draw_polar_map
from sklearn_mrtl.modes import cell_centers

CALLER = "FactorDisplay"


class FactorDisplay:
    """Factors of one mode: maps of a grid, curves of a grid of one axis, bars of a Feature's categories.

    Create it with `from_estimator`. Each component is scaled to (-1, 1); red is positive and blue negative, as in the
    figures of Park et al. (2020). Cells without data are left blank.

    Parameters
    ----------
    factor : ndarray of shape (*shape of the mode, number of components shown)
        The last axis before the components goes from left to right, the one before from bottom to top.
    components : sequence of int
        Numbers of the components.
    mode : str
        Name of the mode.
    extent : sequence of (first, last), default=None
        Outer edges of each axis of the grid, at its first and last cell. None: in cells.
    axis_labels : sequence of str, default=None
        Names and units of the axes. None: the mode's name.
    category_names : sequence of str, default=None
        Names of a Feature's categories. None: the mode is a grid.
    weights : ndarray of shape (number of components shown,), default=None
        Weights of the components, for the titles.
    origin : (float, float), default=None
        Centre of a polar grid: `extent` is of distance and angle in degrees, `axis_labels` are those of y and x.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The given Axes, or those of the first panel.
    axes_ : ndarray of Axes, shape (rows, columns)
        Axes of the panels; None beyond the last panel.
    figure_ : matplotlib Figure
        The figure of the panels.
    images_ : list of AxesImage or QuadMesh
        The maps in the order of the panels; meshes for a polar grid.
    colorbar_ : Colorbar or None
        The colour bar of all maps, if there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import FactorDisplay
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=3).fit(ocean.data, ocean.target)
    >>> display = FactorDisplay.from_estimator(model, "ocean", components=[0, 1])
    >>> [round(float(edge)) for edge in display.images_[0].get_extent()]
    [-180, 0, -20, 60]
    """

    def __init__(
        self,
        factor,
        *,
        components,
        mode,
        extent=None,
        axis_labels=None,
        category_names=None,
        weights=None,
        origin=None,
    ):
        self.factor = factor
        self.components = components
        self.mode = mode
        self.extent = extent
        self.axis_labels = axis_labels
        self.category_names = category_names
        self.weights = weights
        self.origin = origin

    @classmethod
    def from_estimator(
        cls,
        estimator,
        mode: str | None = None,
        *,
        components: int | Sequence[int] | None = None,
        category_names: Sequence[str] | None = None,
        axis_labels: Sequence[str] | None = None,
        transpose: bool | None = None,
        origin: tuple[float, float] | None = None,
        ax=None,
        **plot_options,
    ) -> FactorDisplay:
        """Draw the factors of a fitted model.

        Parameters
        ----------
        estimator : fitted MRTLRegressor, MRTLClassifier or Pipeline ending in one
        mode : str, default=None
            Name of the mode. None: the first grid, or the first mode if there is no grid.
        components : int or sequence of int, default=None
            Numbers of the components. None: all.
        category_names : sequence of str, default=None
            Names of a Feature's categories. None: those of a `ModeEncoder`, the coordinates of X if it was a DataArray,
            the names of the columns of X or of the output of the pipeline's other steps, the classes, or numbers.
        axis_labels : sequence of str, default=None
            Names and units of the grid's axes, in their order. None: the dimensions of X if it was a DataArray, or the
            grid's name.
        transpose : bool, default=None
            Draw the grid's first axis, not its last, from left to right. None: True for encodings, whose grids have
            axes x, y; False for fields, whose last axis is longitude.
        origin : (float, float), default=None
            Draw a Grid of distance and angle in degrees, as `PolarPosition` gives them, as wedges of the plane about
            this point; `axis_labels` are then those of x and y. None: the Grid is not polar.
        ax : matplotlib Axes or array-like of Axes, default=None
            As in `plot`.
        **plot_options
            As in `plot`.

        Returns
        -------
        FactorDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the model has no such mode or components, or was fitted at full rank, or `origin` is given for a mode
            that is no polar Grid.
        """
        pyplot(f"{CALLER}.from_estimator")
        model = low_rank_model(estimator)
        mode = check_mode(model, mode)
        factor = model.factors_[mode]
        chosen = check_components(components, factor.shape[-1])
        labels = mode_labels(model, mode)
        extent, names = labels.extent, labels.axis_labels
        if origin is not None:
            if transpose is not None:
                raise ValueError(f"transpose does not apply to a polar grid, got transpose={transpose} and an origin.")
            described = model.tensor_.modes[mode].mode
            check_polar(origin, mode, len(extent) * labels.is_grid, getattr(described, "bounds", None))
            names = ("x", "y")
        if axis_labels is not None:
            names = check_names("axis_labels", axis_labels, len(names))
        if category_names is not None:
            if labels.is_grid:
                raise ValueError(f"category_names are for Features; {mode!r} is a Grid, whose axes have axis_labels.")
            category_names = check_names("category_names", category_names, len(factor))
        elif not labels.is_grid:
            category_names = column_names(estimator, model, mode) or labels.category_names
        if origin is not None:
            names = names[::-1]
        elif labels.is_grid and (transpose if transpose is not None else not model.tensor_.layout.is_fields):
            factor = factor.transpose(*reversed(range(factor.ndim - 1)), factor.ndim - 1)
            extent, names = extent[::-1], names[::-1]
        weights = getattr(model, "component_weights_", None)
        display = cls(
            factor[..., chosen],
            components=chosen,
            mode=mode,
            extent=extent if labels.is_grid else None,
            axis_labels=names,
            category_names=category_names,
            weights=None if weights is None else weights[chosen],
            origin=origin,
        )
        return display.plot(ax=ax, **plot_options)

    def plot(
        self,
        *,
        ax=None,
        n_columns: int | None = None,
        normalize: bool = True,
        cmap="RdBu_r",
        aspect="equal",
        n_slices: int = 4,
        colorbar: bool = True,
        decorate: Callable | None = None,
    ) -> FactorDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes for each panel, or one Axes, which is divided into all panels. None: a new figure.
        n_columns : int, default=None
            Number of columns of panels. None: chosen for a balanced figure. A grid of three axes has one row for each
            component.
        normalize : bool, default=True
            Scale each component to (-1, 1). False: one scale for all, centred at 0.
        cmap : str or Colormap, default="RdBu_r"
            Colour map of maps and bars.
        aspect : "equal", "auto" or float, default="equal"
            Aspect ratio of maps.
        n_slices : int, default=4
            Slices through a grid of three axes, evenly spaced along the first of its axes that is not drawn.
        colorbar : bool, default=True
            Add one colour bar for all maps.
        decorate : callable, default=None
            Function that is called with each panel's Axes, such as `draw_court`.

        Returns
        -------
        FactorDisplay
            Itself.
        """
        pyplot(f"{CALLER}.plot")
        if self.origin is not None:
            check_polar(self.origin, self.mode, self._n_axes, self.extent)
        from matplotlib.colors import Normalize

        values, self._scale, limit = scaled(self.factor, normalize)
        slices = slice_numbers(len(values), n_slices) if self._n_axes == 3 else [None]
        n_panels = len(self.components) * len(slices)
        sides = self._extent() if self.origin is None else disc_sides(self._extent(), self.origin)
        shape = panel_shape(self._n_axes, len(self.factor), sides, aspect)
        n_columns = len(slices) if len(slices) > 1 else n_columns
        rows, columns = arrange(n_panels, shape, n_columns)
        self.figure_, self.axes_ = panels(ax, rows, columns, n_panels, shape, caller=CALLER)
        drawn = list(self.axes_.flat[:n_panels])
        self.ax_ = ax if ax is not None and not isinstance(ax, Sequence | np.ndarray) else drawn[0]
        self.images_: list = []
        self.colorbar_ = None
        norm = Normalize(-limit, limit)
        for i, panel in enumerate(drawn):
            k, part = divmod(i, len(slices))
            self._draw(panel, values[..., k], slices[part], k, limit, cmap=cmap, norm=norm, aspect=aspect)
            if decorate is not None:
                decorate(panel)
        self._label(columns, n_panels)
        if self.images_ and colorbar:
            self.colorbar_ = self.figure_.colorbar(self.images_[0], ax=drawn, shrink=0.9 if rows < 3 else 0.6)
            self.colorbar_.set_label(f"{self.mode}, {'scaled to (-1, 1)' if normalize else 'unit columns'}")
            if ax is None:
                self.figure_.draw_without_rendering()  # else the colour bar's label is cut off
        return self

    @property
    def _n_axes(self) -> int:
        """Number of axes of the grid; 0 for a Feature."""
        return 0 if self.category_names is not None else self.factor.ndim - 1

    def _extent(self) -> Sequence[tuple[float, float]]:
        return self.extent or [(0.0, float(n)) for n in self.factor.shape[:-1]]

    def _names(self) -> Sequence[str]:
        return self.axis_labels or [self.mode] * max(1, self._n_axes)

    def _draw(self, panel, values, part, k: int, limit: float, *, cmap, norm, aspect) -> None:
        """Draw one panel with its title."""
        title = f"component {self.components[k]}"
        if self.weights is not None and part is None:
            weight = self.weights[k]
            title += f"\nweight {weight:.3g}" if weight < 1000 else f"\nweight {weight:,.0f}"
        if self._n_axes == 0:
            draw_categories(panel, values, self.category_names, limit, cmap=cmap, norm=norm)
        elif self._n_axes == 1:
            draw_curve(panel, values, self._extent()[0], limit)
        else:
            if part is not None:
                center = cell_centers(*self._extent()[0], len(values))[part]
                title += f", {self._names()[0]}: {center:.3g}"
                values = values[part]
            draw = draw_map if self.origin is None else partial(draw_polar_map, origin=self.origin)
            self.images_.append(draw(panel, values, self._extent()[-2:], cmap=cmap, norm=norm, aspect=aspect))
        panel.set_title(title)

    def _label(self, columns: int, n_panels: int) -> None:
        """Label the axes of the leftmost and the lowest panels."""
        names = self._names()
        bars = self._n_axes == 0 and len(self.factor) <= MAX_BARS
        x, y = (names[-1], names[-2] if self._n_axes > 1 else "weight") if not bars else ("weight", names[0])
        label_outer(list(self.axes_.flat[:n_panels]), x, y, "small" if columns <= 3 else "x-small")
