"""Pictures of what each term of a sum adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl.inspection._components import fitted_model, inputs_of
from sklearn_mrtl.inspection._figures import add_colorbar, decorate_panel, first_axes, mixed_panels, pyplot
from sklearn_mrtl.inspection._mode_picture import options_by_mode, picture_of
from sklearn_mrtl.inspection._panels import scale_end
from sklearn_mrtl.inspection._terms import select_term
from sklearn_mrtl.modes import Grid

CALLER = "TermDisplay"


class TermDisplay:
    """What each term of a sum adds to the score: a panel for each term, all on one scale.

    Create it with `from_estimator`. A term of one mode is drawn as it is: bars of a Feature, a curve or a map of a
    Grid, the slice in the middle if it has three axes. Of a term of several modes its largest Grid is drawn (its first
    mode if it has none), with the root mean square of the weights over the other modes: how much it adds there for a
    typical category, of either sign.

    Parameters
    ----------
    effects : dict of ndarray
        For each term, by name, the values that are drawn.
    pictures : dict of ModePicture
        How each of them is drawn.
    titles : dict of str
        The titles of the panels.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the first panel.
    axes_ : ndarray of Axes, shape (number of terms,)
        Axes of all panels.
    figure_ : matplotlib Figure
        The figure of the panels.
    colorbar_ : Colorbar or None
        The colour bar of all maps, if there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import Feature, MRTLRegressor
    >>> from sklearn_mrtl.inspection import TermDisplay
    >>> rng = np.random.default_rng(0)
    >>> row, column = rng.integers(4, size=300), rng.integers(5, size=300)
    >>> X = np.hstack([np.eye(4)[row], np.eye(5)[column]])
    >>> modes = [Feature("row", 4), Feature("column", 5)]
    >>> model = MRTLRegressor(modes, terms=["row", "column"]).fit(X, row + rng.normal(size=300))
    >>> list(TermDisplay.from_estimator(model).effects)
    ['row', 'column']
    """

    def __init__(self, effects, *, pictures, titles):
        self.effects = effects
        self.pictures = pictures
        self.titles = titles

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        X=None,
        terms: Sequence[str] | None = None,
        axis_labels: Mapping[str, Sequence[str]] | None = None,
        category_names: Mapping[str, Sequence[str]] | None = None,
        origin: Mapping[str, tuple[float, float]] | None = None,
        **plot_options,
    ) -> TermDisplay:
        """Draw the terms of a fitted model.

        Parameters
        ----------
        estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
        X : array-like, sparse matrix or xarray.DataArray of shape (n, ...), default=None
            Rows of which the titles say what fraction of the variance of the predicted scores a term makes.
        terms : sequence of str, default=None
            Names of terms. None: all that are not empty.
        axis_labels, category_names, origin : dict, default=None
            For each mode that needs one, by name, the option of `FactorDisplay.from_estimator`.
        **plot_options
            As in `plot`.

        Returns
        -------
        TermDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the model has no such term, or an option names an unknown mode.
        """
        pyplot(f"{CALLER}.from_estimator")
        model = fitted_model(estimator)
        chosen = (
            list(terms) if terms is not None else [name for name, term in model.terms_.items() if not term.is_empty]
        )
        fractions = {} if X is None else explained_by_terms(estimator, X)
        given = {"axis_labels": axis_labels, "category_names": category_names, "origin": origin}
        options = options_by_mode(given, model)
        effects, pictures, titles = {}, {}, {}
        for name in chosen:
            term = select_term(model, name)
            mode = drawn_mode(term)
            own: dict[str, Any] = {option: by_mode[mode] for option, by_mode in options.items() if mode in by_mode}
            pictures[name] = picture_of(estimator, term, mode, **own)
            effects[name] = pictures[name].oriented(effect_of(term, mode))
            others = [other for other in term.tensor_.modes if other != mode]
            lines = [name, f"typical size over {', '.join(others)}" if others else ""]
            lines += [f"{fractions[name]:.0%} of variance"] if fractions else []
            titles[name] = "\n".join(filter(None, lines))
        return cls(effects, pictures=pictures, titles=titles).plot(**plot_options)

    def plot(
        self,
        *,
        ax=None,
        percentile: float = 99.0,
        cmap="RdBu_r",
        n_extremes: int | None = 8,
        colorbar: bool = True,
        outline: bool = True,
        decorate: Mapping[str, Callable] | None = None,
    ) -> TermDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes for each panel, or one Axes of a grid, which is divided. None: a new figure.
        percentile : float, default=99.0
            Percentile of the absolute values of a map that ends its scale; the common scale is the largest of all.
        cmap : str or Colormap, default="RdBu_r"
            Colour map of maps and bars.
        n_extremes : int or None, default=8
            Of more than 30 categories draw this number of the largest and of the smallest. None: all, as dots.
        colorbar : bool, default=True
            Add one colour bar for all maps.
        outline : bool, default=True
            As in `FactorDisplay.plot`.
        decorate : dict of callables, default=None
            For each mode that needs one, by name, a function that is called with its Axes.

        Returns
        -------
        TermDisplay
            Itself.
        """
        pyplot(f"{CALLER}.plot")
        from matplotlib.colors import Normalize

        pictures = [replace(self.pictures[name], n_extremes=n_extremes) for name in self.effects]
        ends = [
            scale_end(np.abs(values), percentile if picture.is_map else 100.0)
            for values, picture in zip(self.effects.values(), pictures, strict=True)
        ]
        limit = max(ends)
        shapes, n_bars = [p.panel_shape("equal") for p in pictures], max(p.n_bars for p in pictures)
        self.figure_, self.axes_ = mixed_panels(ax, shapes, n_bars=n_bars, caller=CALLER)
        self.ax_ = first_axes(ax, list(self.axes_))
        images = []
        for panel, picture, (name, values) in zip(self.axes_, pictures, self.effects.items(), strict=True):
            title, shown = self.titles[name], values
            if picture.n_axes == 3:
                part = len(values) // 2
                title, shown = f"{title}\n{picture.slice_name(part)}", values[part]
            images.append(picture.draw(panel, shown, cmap=cmap, norm=Normalize(-limit, limit), outline=outline))
            x, y = picture.labels("added to the score")
            panel.set_xlabel(x, fontsize="small")
            panel.set_ylabel(y, fontsize="small")
            panel.tick_params(labelsize="small")
            panel.set_title(title, fontsize="small")
            decorate_panel(panel, decorate, picture.mode)
        drawn, label = list(self.axes_), "added to the score"
        self.colorbar_ = add_colorbar(images, drawn, label, new_figure=ax is None) if colorbar else None
        return self


def drawn_mode(term: BaseMRTL) -> str:
    """Return the largest grid of a term; its first mode if it has none."""
    modes = term.tensor_.modes
    grids = [name for name, mode in modes.items() if isinstance(mode.mode, Grid)]
    return max(grids, key=lambda name: modes[name].size) if grids else next(iter(modes))


def effect_of(term: BaseMRTL, mode: str) -> np.ndarray:
    """Return the weights of a term of one mode; of several, their root mean square over the other modes.

    The mean square needs no dense weights: of a CP tensor it is that of its components' products, in which the inner
    products of the other modes' columns stand for these modes.
    """
    modes = term.tensor_.modes
    if not hasattr(term, "component_weights_"):
        names = [name for name in modes if modes[name].mode is None] + [n for n in modes if modes[n].mode is not None]
        axes = [name for name in names for _ in modes[name].shape]  # of the dense weights, outputs first
        coef = term.tensor_.coefficients()
        if len(modes) == 1:
            return coef
        return np.sqrt(np.nanmean(coef**2, axis=tuple(i for i, name in enumerate(axes) if name != mode)))
    factors, weights = term.factors_, term.component_weights_
    if len(modes) == 1:
        return factors[mode] @ weights
    products, n_others = np.outer(weights, weights), 1
    for name, factor in factors.items():
        if name != mode:
            columns = np.nan_to_num(factor.reshape(-1, factor.shape[-1]))
            products = products * (columns.T @ columns)
            n_others *= int(np.isfinite(factor.reshape(len(columns), -1)).all(axis=1).sum())
    squares = np.einsum("...k,kl,...l->...", factors[mode], products, factors[mode]) / n_others
    return np.sqrt(np.maximum(squares, 0))


def explained_by_terms(estimator, X) -> dict[str, float]:
    """Return the fraction of the variance of the scores that each term makes; they add up to 1."""
    model, X = fitted_model(estimator), inputs_of(estimator, X)
    whole = model._scores(X)
    deviations = whole - whole.mean(axis=0)
    variance = np.square(deviations).sum() or 1.0
    fractions = {}
    for name, term in model.terms_.items():
        alone = copy(model)
        alone.terms_, alone.tensor_ = {name: term}, term.tensor
        fractions[name] = float((deviations * alone._scores(X)).sum() / variance)
    return fractions
