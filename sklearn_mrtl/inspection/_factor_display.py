"""Pictures of factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from sklearn_mrtl.inspection._band_marks import BandMarks, align_ends
from sklearn_mrtl.inspection._components import check_components, check_mode, low_rank_model, warn_if_empty
from sklearn_mrtl.inspection._explained import explained_fractions
from sklearn_mrtl.inspection._figures import add_colorbar, arrange, first_axes, label_outer, panels, pyplot
from sklearn_mrtl.inspection._mode_picture import ModePicture, picture_of
from sklearn_mrtl.inspection._panels import component_title, scale_label, scaled, slice_numbers

CALLER = "FactorDisplay"


class FactorDisplay:
    """Factors of one mode: maps of a grid, curves of a grid of one axis, bars of a Feature's categories.

    Create it with `from_estimator`. Each component has a scale of its own; red is positive and blue negative, as in the
    figures of Park et al. (2020). Cells without data are grey.

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
    explained : ndarray of shape (number of components shown,), default=None
        Fractions of the prediction's variance that the components make, for the titles.
    geographic : bool, default=False
        Whether the last two axes of the grid are latitude and longitude.
    positions : ndarray of shape (n_categories, 2), default=None
        x and y of a Feature's categories, which are drawn as points there.
    bands : BandMarks, default=None
        Bands of the factor.
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
        self, factor, *, components, mode, extent=None, axis_labels=None, category_names=None,
        weights=None, explained=None, origin=None, geographic=False, positions=None, bands=None,
    ):  # fmt: skip
        self.factor = factor
        self.components = components
        self.mode = mode
        self.extent = extent
        self.axis_labels = axis_labels
        self.category_names = category_names
        self.weights = weights
        self.explained = explained
        self.origin = origin
        self.geographic = geographic
        self.positions = positions
        self.bands = bands

    @classmethod
    def from_estimator(
        cls,
        estimator,
        mode: str | None = None,
        *,
        X=None,
        components: int | Sequence[int] | None = None,
        category_names: Sequence[str] | None = None,
        axis_labels: Sequence[str] | None = None,
        transpose: bool | None = None,
        origin: tuple[float, float] | None = None,
        positions=None,
        bands=None,
        ax=None,
        **plot_options,
    ) -> FactorDisplay:
        """Draw the factors of a fitted model.

        Parameters
        ----------
        estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
        mode : str, default=None
            Name of the mode. None: the first grid, or the first mode if there is no grid.
        X : array-like, sparse matrix or xarray.DataArray of shape (n, ...), default=None
            Rows of which the titles say what fraction of the variance of the predicted scores a component makes, from
            `component_scores`. None: the titles have the weights only.
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
        positions : array-like of shape (n_categories, 2), default=None
            x and y, such as longitude and latitude, of a Feature's categories: they are drawn as points on a map.
        bands : FactorBands, default=None
            What `factor_bands` returns for the estimator. Cells of maps are hatched (points and wedges pale) where
            fewer than 90 % of the refits agree in sign; curves and bars get their bands.
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
            that is no polar Grid, or `positions` are not those of the mode's categories.

        Warns
        -----
        UserWarning
            If the term is empty.
        """
        pyplot(f"{CALLER}.from_estimator")
        model = low_rank_model(estimator)
        warn_if_empty(model)
        mode = check_mode(model, mode)
        factor = model.factors_[mode]
        chosen = check_components(components, factor.shape[-1])
        picture = picture_of(
            estimator, model, mode, category_names=category_names, axis_labels=axis_labels, transpose=transpose,
            origin=origin,
        )  # fmt: skip
        weights = getattr(model, "component_weights_", None)
        display = cls(
            picture.oriented(factor)[..., chosen],
            components=chosen,
            mode=mode,
            extent=picture.extent,
            axis_labels=picture.axis_labels,
            category_names=picture.category_names,
            weights=None if weights is None else weights[chosen],
            explained=None if X is None else explained_fractions(estimator, X)[chosen],
            origin=origin,
            geographic=picture.geographic,
            positions=None if positions is None else np.asarray(positions, dtype=float),
            bands=BandMarks.of(bands, model.tensor_.name, mode, picture, factor.shape, chosen),
        )
        return display.plot(ax=ax, **plot_options)

    def plot(
        self,
        *,
        ax=None,
        n_columns: int | None = None,
        normalize: bool = True,
        percentile: float = 99.0,
        cmap="RdBu_r",
        aspect="equal",
        n_slices: int = 4,
        n_extremes: int | None = 8,
        colorbar: bool = True,
        outline: bool = True,
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
            Scale each component by itself. False: one scale for all.
        percentile : float, default=99.0
            Percentile of absolute values that ends the scale of maps; the colour bar has arrows where cells are beyond
            it. 100: the largest value. Curves and bars are scaled by the largest value.
        cmap : str or Colormap, default="RdBu_r"
            Colour map of maps and bars.
        aspect : "equal", "auto" or float, default="equal"
            Aspect ratio of maps.
        n_slices : int, default=4
            Slices through a grid of three axes, evenly spaced along the first of its axes that is not drawn.
        n_extremes : int or None, default=8
            Of more than 30 categories draw this number of the largest and of the smallest, with their names. None: all,
            as dots without names.
        colorbar : bool, default=True
            Add one colour bar for all maps.
        outline : bool, default=True
            Outline the cells with data. On latitudes and longitudes draw coastlines and borders instead, if cartopy
            (extra "maps") and its Natural Earth files are there.
        decorate : callable, default=None
            Function that is called with each panel's Axes, such as `draw_court`.

        Returns
        -------
        FactorDisplay
            Itself.

        Raises
        ------
        ValueError
            If `percentile` is not above 0 and at most 100.
        """
        pyplot(f"{CALLER}.plot")
        from matplotlib.colors import Normalize

        if not 0 < percentile <= 100:
            raise ValueError(f"percentile must be above 0 and at most 100, got {percentile!r}.")
        picture = replace(self._picture(), n_extremes=n_extremes)
        percentile = percentile if picture.is_map else 100.0
        values, limit, scales = scaled(self.factor, normalize, percentile)
        slices = slice_numbers(len(values), n_slices) if picture.n_axes == 3 else [None]
        n_panels, shape = len(self.components) * len(slices), picture.panel_shape(aspect)
        n_columns = len(slices) if len(slices) > 1 else n_columns
        rows, columns = arrange(n_panels, shape, n_columns)
        self.figure_, self.axes_ = panels(ax, rows, columns, n_panels, shape, size=picture.size, caller=CALLER)
        drawn = list(self.axes_.flat[:n_panels])
        self.ax_ = first_axes(ax, drawn)
        images = []
        for i, panel in enumerate(drawn):
            k, part = divmod(i, len(slices))
            shown = values[..., k] if slices[part] is None else values[slices[part], ..., k]
            style = {"cmap": cmap, "norm": Normalize(-limit, limit), "aspect": aspect, "outline": outline}
            images.append(picture.draw(panel, shown, **style))
            if self.bands is not None:
                self.bands.draw(panel, images[-1], picture, shown, k=k, scale=scales[k], part=slices[part])
            panel.set_title(self._title(k, picture, slices[part]))
            if decorate is not None:
                decorate(panel)
        align_ends(drawn, picture)
        self.images_ = [image for image in images if image is not None]
        x, y = picture.labels("relative weight" if normalize else "weight")
        label_outer(drawn, x, y, "small" if columns <= 3 else "x-small", own_names=picture.has_own_names)
        label = scale_label(f"weight of {self.mode}", normalize, percentile)
        self.colorbar_ = add_colorbar(images, drawn, label, new_figure=ax is None) if colorbar else None
        return self

    def _picture(self) -> ModePicture:
        """Return how one component is drawn."""
        picture = ModePicture(
            self.mode, self.factor.shape[:-1], self.extent, self.axis_labels, self.category_names, self.origin,
            geographic=self.geographic, positions=self.positions,
        )  # fmt: skip
        picture.check()
        return picture

    def _title(self, k: int, picture: ModePicture, part: int | None) -> str:
        if part is not None:
            return f"component {self.components[k]}, {picture.slice_name(part)}"
        weight = None if self.weights is None else self.weights[k]
        return component_title(self.components[k], weight, None if self.explained is None else self.explained[k])
