"""Pictures of skill: where a model predicts well, and how predictions compare with what was observed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import KFold, cross_val_predict

from sklearn_mrtl._utils.labels import Labels, align
from sklearn_mrtl._utils.skill import correlation_of, skill_of
from sklearn_mrtl.inspection._figures import add_colorbar, first_axes, mixed_panels, pyplot
from sklearn_mrtl.inspection._mode_labels import target_labels
from sklearn_mrtl.inspection._mode_picture import ModePicture, plane_labels
from sklearn_mrtl.inspection._panels import scale_end

CALLER = "SkillDisplay"
METRICS = {"r2": "R²", "skill": "skill", "correlation": "correlation"}
MANY_POINTS = 2000  # from which a scatter plot is a density


class SkillDisplay:
    """Skill of each output, as a map, points or bars, beside all predictions against what was observed.

    Create it with `from_estimator`, which predicts every row from a model that has not seen it, or with
    `from_predictions`.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n,), (n, T) or (n, n_rows, n_columns)
        What was observed and what was predicted; NaN in either is left out.
    skill : ndarray of the shape of a row
        Skill of each output.
    metric : str
        What the skill is.
    names : sequence of str, default=None
        Names of the outputs.
    extent, axis_labels, positions, geographic
        As in `PredictionDisplay`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The given Axes, or those of the first panel.
    axes_ : ndarray of Axes, shape (2,)
        The skill, and predictions against observations; of one output only the latter.
    figure_ : matplotlib Figure
        The figure of the panels.
    colorbar_ : Colorbar or None
        The colour bar of the map, if there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_mrtl.inspection import SkillDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3))
    >>> y = X + rng.normal(size=(200, 3)) * [0.1, 1, 10]
    >>> display = SkillDisplay.from_estimator(Ridge(), X, y, cv=4, names=["easy", "hard", "noise"])
    >>> display.skill.round(1) + 0.0
    array([1. , 0.5, 0. ])
    """

    def __init__(
        self, y_true, y_pred, skill, *, metric, names=None, extent=None, axis_labels=None, positions=None,
        geographic=False,
    ):  # fmt: skip
        self.y_true = y_true
        self.y_pred = y_pred
        self.skill = skill
        self.metric = metric
        self.names = names
        self.extent = extent
        self.axis_labels = axis_labels
        self.positions = positions
        self.geographic = geographic

    @classmethod
    def from_estimator(cls, estimator, X, y, *, cv=8, groups=None, params=None, **options) -> SkillDisplay:
        """Predict every row by cross-validation, and draw the skill.

        Parameters
        ----------
        estimator : estimator
            It is cloned and fitted for each fold.
        X : array-like or xarray.DataArray of shape (n, ...)
        y : array-like of shape (n,), (n, T) or (n, n_rows, n_columns)
        cv : int or splitter, default=8
            Folds that test every row once. An int: that number of blocks of consecutive rows. Rows that share months
            need a gap between training and test rows: ``ConsecutiveBlockKFold(8, gap=6)``.
        groups : array-like of shape (n,), default=None
            For splitters that need it.
        params : dict, default=None
            Further arguments of `fit`, such as times, as in scikit-learn's ``cross_val_predict``.
        **options
            As in `from_predictions`.

        Returns
        -------
        SkillDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        pyplot(f"{CALLER}.from_estimator")
        cv = KFold(cv) if isinstance(cv, int) else cv  # not stratified: consecutive rows stay together
        y_pred = cross_val_predict(estimator, X, y, cv=cv, groups=groups, params=params)
        return cls.from_predictions(y, y_pred, **options)

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        *,
        metric: str = "r2",
        reference=None,
        names: Sequence[str] | None = None,
        extent=None,
        axis_labels: Sequence[str] | None = None,
        positions=None,
        geographic: bool | None = None,
        ax=None,
        **plot_options,
    ) -> SkillDisplay:
        """Draw the skill of predictions.

        Parameters
        ----------
        y_true, y_pred : array-like of shape (n,), (n, T) or (n, n_rows, n_columns)
            What was observed and what was predicted, of the same shape. A DataFrame or DataArray as y_true names the
            outputs, and the coordinates of maps.
        metric : {"r2", "skill", "correlation"}, default="r2"
            "r2" and "skill": the fraction of squared errors that the model saves, compared with `reference`; as in
            :func:`~sklearn_mrtl.model_selection.skill_score`.
        reference : array-like of the shape of y_true, default=None
            Predictions to compare with, such as those of a climatology or of persistence. None: the mean of y_true,
            which nobody knows beforehand; the skill is then R².
        names : sequence of str, default=None
            Names of the T outputs. None: those of y_true.
        extent, axis_labels, positions, geographic
            As in `PredictionDisplay`. None: those of y_true.
        ax : matplotlib Axes or array-like of Axes, default=None
            As in `plot`.
        **plot_options
            As in `plot`.

        Returns
        -------
        SkillDisplay

        Raises
        ------
        ValueError
            If shapes differ, the metric is unknown, or a reference is given for the correlation.
        """
        labels, y_pred = target_labels(y_true), align(y_pred, Labels.of(y_true), "y_pred")
        y_true, y_pred = (np.asarray(y, dtype=float) for y in (y_true, y_pred))
        if y_true.shape != y_pred.shape:
            raise ValueError(f"y_pred must have the shape of y_true, {y_true.shape}, got {y_pred.shape}.")
        if metric not in METRICS or (metric == "skill" and reference is None):
            raise ValueError(f"metric must be 'r2' or 'correlation', or 'skill' with a reference, got {metric!r}.")
        if reference is not None:
            reference, metric = np.asarray(reference, dtype=float), "skill" if metric == "r2" else metric
            if metric != "skill" or reference.shape != y_true.shape:
                raise ValueError(
                    f"reference is for metric='r2' and has the shape of y_true, {y_true.shape}; got metric={metric!r} "
                    f"and shape {reference.shape}."
                )
        skill = correlation_of(y_true, y_pred) if metric == "correlation" else skill_of(y_true, y_pred, reference)
        display = cls(
            y_true, y_pred, skill, metric=metric, names=labels.category_names if names is None else names,
            extent=labels.extent or None if extent is None else extent,
            axis_labels=labels.axis_labels or None if axis_labels is None and positions is None else axis_labels,
            positions=positions, geographic=labels.is_geographic if geographic is None else geographic,
        )  # fmt: skip
        return display.plot(ax=ax, **plot_options)

    def plot(self, *, ax=None, cmap="RdBu_r", n_extremes: int = 8, outline: bool = True) -> SkillDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes for each panel, or one Axes of a grid, which is divided. None: a new figure.
        cmap : str or Colormap, default="RdBu_r"
            Colour map; the middle is skill 0.
        n_extremes : int, default=8
            Of more than 30 outputs without positions draw this number of the best and of the worst.
        outline : bool, default=True
            As in `FactorDisplay.plot`.

        Returns
        -------
        SkillDisplay
            Itself.
        """
        pyplot(f"{CALLER}.plot")
        from matplotlib.colors import Normalize

        self.colorbar_ = None
        if np.ndim(self.skill) == 0:
            self.figure_, self.axes_ = mixed_panels(ax, [1.0], caller=CALLER)
        else:
            picture = self._picture(n_extremes)
            shapes = [picture.panel_shape("equal"), 1.0]
            self.figure_, self.axes_ = mixed_panels(ax, shapes, n_bars=picture.n_bars, caller=CALLER)
            limit = scale_end(np.abs(self.skill), 99.0 if picture.is_map else 100.0)
            image = picture.draw(self.axes_[0], self.skill, cmap=cmap, norm=Normalize(-limit, limit), outline=outline)
            x, y = picture.labels(METRICS[self.metric])
            self.axes_[0].set(xlabel=x, ylabel=y)
            self.axes_[0].set_title(self._title(), fontsize="small")
            self.colorbar_ = add_colorbar([image], [self.axes_[0]], METRICS[self.metric], new_figure=ax is None)
        self._compare(self.axes_[-1])
        self.ax_ = first_axes(ax, list(self.axes_))
        return self

    def _picture(self, n_extremes: int) -> ModePicture:
        """Return how the skill of several outputs is drawn."""
        shape, positions, names = np.shape(self.skill), self.positions, self.names
        if len(shape) == 1:
            names = [str(i) for i in range(shape[0])] if names is None else [str(name) for name in names]
            if len(names) != shape[0]:
                raise ValueError(f"names needs {shape[0]} names, one for each output, got {len(names)}.")
        labels = self.axis_labels or (("output",) if len(shape) == 1 else plane_labels(self.geographic))
        picture = ModePicture(
            "output", shape, self.extent, labels,
            names if len(shape) == 1 else None, geographic=self.geographic, n_extremes=n_extremes,
            positions=None if positions is None else np.asarray(positions, dtype=float),
        )  # fmt: skip
        picture.check()
        return picture

    def _title(self) -> str:
        known = self.skill[~np.isnan(self.skill)]
        return f"{METRICS[self.metric]}: mean {np.mean(known):.2g}, {np.mean(known > 0):.0%} above 0"

    def _compare(self, ax) -> None:
        """Draw predictions against observations, with the line on which they are equal."""
        observed, predicted = np.ravel(self.y_true), np.ravel(self.y_pred)
        known = ~(np.isnan(observed) | np.isnan(predicted))
        observed, predicted = observed[known], predicted[known]
        if len(observed) > MANY_POINTS:
            ax.hexbin(predicted, observed, gridsize=40, bins="log", cmap="Blues", mincnt=1)
        else:
            ax.scatter(predicted, observed, s=10, alpha=0.6, linewidth=0)
        low, high = min(observed.min(), predicted.min()), max(observed.max(), predicted.max())
        ax.plot([low, high], [low, high], color="0.5", linewidth=0.8)
        title = f"{METRICS[self.metric]} {float(self.skill):.2g}" if np.ndim(self.skill) == 0 else "all outputs"
        ax.set(xlabel="predicted", ylabel="observed")
        ax.set_title(title, fontsize="small")
