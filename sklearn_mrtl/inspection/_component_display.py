"""Pictures of whole components."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_mrtl.inspection._band_marks import BandMarks, align_ends
from sklearn_mrtl.inspection._components import check_components, cp_model, warn_if_empty
from sklearn_mrtl.inspection._explained import explained_fractions
from sklearn_mrtl.inspection._figures import MAX_WIDTH, add_colorbar, decorate_panel, first_axes, label_outer, pyplot
from sklearn_mrtl.inspection._mode_picture import ModePicture, options_by_mode, picture_of
from sklearn_mrtl.inspection._panels import component_title, scale_label, scaled

CALLER = "ComponentDisplay"
FEW_MODES = 3  # beyond, panels of bars are too narrow for more than three numbers
ROW_HEIGHT = 1.9  # inches
WIDEST, NARROWEST = 2.4, 0.8  # width over height of a panel
BARS = 0.9  # the same of bars and curves, whose width is free


class ComponentDisplay:
    """Whole components: a row for each, with all modes side by side, its weight and its fraction of the variance.

    Create it with `from_estimator`. A component adds to the score the product of what its panels show: where the
    factors of the other modes are positive, red cells of a map raise the score. Each panel has a scale of its own; red
    is positive and blue negative.

    Parameters
    ----------
    factors : dict of ndarray of shape (*shape of the mode, number of components shown)
        For each mode, by name.
    components : sequence of int
        Numbers of the components.
    pictures : dict of ModePicture
        How each mode is drawn.
    weights : ndarray of shape (number of components shown,), default=None
        Weights of the components.
    explained : ndarray of shape (number of components shown,), default=None
        Fractions of the prediction's variance that the components make.
    bands : dict of BandMarks, default=None
        Bands of the factor of each mode, by name.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the first panel.
    axes_ : ndarray of Axes, shape (number of components, number of modes)
        Axes of all panels.
    figure_ : matplotlib Figure
        The figure of the panels.
    colorbar_ : Colorbar or None
        The colour bar of all maps, if there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import ComponentDisplay
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=2).fit(ocean.data, ocean.target)
    >>> display = ComponentDisplay.from_estimator(model, X=ocean.data)
    >>> display.axes_.shape  # lag, variable and ocean of two components
    (2, 3)
    """

    def __init__(self, factors, *, components, pictures, weights=None, explained=None, bands=None):
        self.factors = factors
        self.components = components
        self.pictures = pictures
        self.weights = weights
        self.explained = explained
        self.bands = bands

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        X=None,
        components: int | Sequence[int] | None = None,
        axis_labels: Mapping[str, Sequence[str]] | None = None,
        category_names: Mapping[str, Sequence[str]] | None = None,
        origin: Mapping[str, tuple[float, float]] | None = None,
        positions: Mapping | None = None,
        bands=None,
        **plot_options,
    ) -> ComponentDisplay:
        """Draw the components of a fitted model.

        Parameters
        ----------
        estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
        X : array-like, sparse matrix or xarray.DataArray of shape (n, ...), default=None
            Rows of which the titles say what fraction of the variance of the predicted scores a component makes. None:
            the titles have the weights only.
        components : int or sequence of int, default=None
            Numbers of the components. None: all.
        axis_labels, category_names, origin, positions : dict, default=None
            For each mode that needs one, by name, the option of `FactorDisplay.from_estimator`.
        bands : FactorBands, default=None
            What `factor_bands` returns for the estimator, drawn as `FactorDisplay.from_estimator` does.
        **plot_options
            As in `plot`.

        Returns
        -------
        ComponentDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the model has no rank-one components or not these, an option names an unknown mode, or a mode is a grid
            of three axes, for which there is `FactorDisplay`.

        Warns
        -----
        UserWarning
            If the term is empty.
        """
        pyplot(f"{CALLER}.from_estimator")
        model = cp_model(estimator)
        warn_if_empty(model)
        factors = model.factors_
        given = {"axis_labels": axis_labels, "category_names": category_names, "origin": origin, "positions": positions}
        options = options_by_mode(given, model)
        chosen = check_components(components, len(model.component_weights_))
        pictures = {}
        for mode in factors:
            own: dict[str, Any] = {name: by_mode[mode] for name, by_mode in options.items() if mode in by_mode}
            at = own.pop("positions", None)
            picture = picture_of(estimator, model, mode, **own)
            pictures[mode] = replace(picture, positions=None if at is None else np.asarray(at, dtype=float))
            pictures[mode].check()
        display = cls(
            {mode: pictures[mode].oriented(factor)[..., chosen] for mode, factor in factors.items()},
            components=chosen,
            pictures=pictures,
            weights=model.component_weights_[chosen],
            explained=None if X is None else explained_fractions(estimator, X)[chosen],
            bands=None if bands is None else {
                mode: BandMarks.of(bands, model.tensor_.name, mode, picture, factors[mode].shape, chosen)
                for mode, picture in pictures.items()
            },
        )  # fmt: skip
        return display.plot(**plot_options)

    def plot(
        self,
        *,
        ax=None,
        percentile: float = 99.0,
        cmap="RdBu_r",
        n_extremes: int | None = 5,
        colorbar: bool = True,
        outline: bool = True,
        decorate: Mapping[str, Callable] | None = None,
    ) -> ComponentDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes of a grid, which is divided into all panels. None: a new figure.
        percentile : float, default=99.0
            Percentile of absolute values that ends the scale of maps. Curves and bars are scaled by the largest value.
        cmap : str or Colormap, default="RdBu_r"
            Colour map of maps and bars.
        n_extremes : int or None, default=5
            Of more than 30 categories draw this number of the largest and of the smallest. None: all, as dots.
        colorbar : bool, default=True
            Add one colour bar for all maps.
        outline : bool, default=True
            As in `FactorDisplay.plot`.
        decorate : dict of callables, default=None
            For each mode that needs one, by name, a function that is called with each panel's Axes.

        Returns
        -------
        ComponentDisplay
            Itself.

        Raises
        ------
        ValueError
            If a mode is a grid of three axes.
        """
        from matplotlib.colors import Normalize

        pictures = {mode: replace(picture, n_extremes=n_extremes) for mode, picture in self.pictures.items()}
        for mode, picture in pictures.items():
            if picture.n_axes == 3:
                raise ValueError(f"{CALLER} draws no grids of three axes such as {mode!r}; FactorDisplay draws slices.")
        self.figure_, self.axes_ = self._panels(ax, list(pictures.values()))
        images: list = []
        for column, (mode, picture) in enumerate(pictures.items()):
            values, _, scales = scaled(self.factors[mode], True, percentile if picture.is_map else 100.0)
            drawn = list(self.axes_[:, column])
            for row, panel in enumerate(drawn):
                style = {"cmap": cmap, "norm": Normalize(-1, 1), "aspect": "equal", "outline": outline}
                images.append(picture.draw(panel, values[..., row], **style))
                if self.bands is not None:
                    self.bands[mode].draw(panel, images[-1], picture, values[..., row], k=row, scale=scales[row])
                if picture.n_bars and len(pictures) > FEW_MODES:
                    panel.locator_params(axis="x", nbins=3)
                decorate_panel(panel, decorate, mode)
            align_ends(drawn, picture)
            x, y = picture.labels("relative weight")
            label_outer(drawn, x, y, "small")
            drawn[0].set_title(picture.names[0] if mode == "output" else mode, fontsize="medium")
        for row, panel in enumerate(self.axes_[:, 0]):
            self._name(row, panel)
        self.ax_ = first_axes(ax, list(self.axes_.flat))
        label, drawn = scale_label("weight in maps", True, percentile), list(self.axes_.flat)
        self.colorbar_ = add_colorbar(images, drawn, label, new_figure=ax is None) if colorbar else None
        return self

    def _panels(self, ax, pictures: list[ModePicture]):
        """Return the figure and its axes, columns as wide as their modes need."""
        plt = pyplot(f"{CALLER}.plot")
        shapes = [
            float(np.clip(picture.panel_shape("equal"), NARROWEST, WIDEST)) if picture.is_map else BARS
            for picture in pictures
        ]
        n_rows = len(self.components)
        if ax is None:
            width = min(MAX_WIDTH, ROW_HEIGHT * sum(shapes) + 1.3 * len(shapes) + 2.2)
            figure = plt.figure(figsize=(width, ROW_HEIGHT * n_rows + 1.0), layout="compressed")
            grid = figure.add_gridspec(n_rows, len(shapes), width_ratios=shapes)
        else:
            if ax.get_subplotspec() is None:
                raise ValueError(f"ax is not in a grid and cannot be divided into {n_rows * len(shapes)} panels.")
            figure = ax.figure
            ax.set_axis_off()
            grid = ax.get_subplotspec().subgridspec(n_rows, len(shapes), width_ratios=shapes)
        panels = [[figure.add_subplot(grid[row, column]) for column in range(len(shapes))] for row in range(n_rows)]
        return figure, np.array(panels, dtype=object)

    def _name(self, row: int, panel) -> None:
        """Write a component's number, weight and fraction left of its first panel."""
        weight = None if self.weights is None else self.weights[row]
        text = component_title(self.components[row], weight, None if self.explained is None else self.explained[row])
        label = panel.get_ylabel()
        panel.set_ylabel(f"{text.replace(', ', chr(10))}\n\n{label}" if label else text, fontsize="small")
