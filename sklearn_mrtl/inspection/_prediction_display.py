"""Maps of predictions: of one player, one class or one month, over a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl.inspection._figures import add_colorbar, arrange, first_axes, label_outer, panels, pyplot
from sklearn_mrtl.inspection._mode_labels import telling_names
from sklearn_mrtl.inspection._mode_picture import ModePicture, plane_labels
from sklearn_mrtl.inspection._moved_rows import moved_over
from sklearn_mrtl.inspection._panels import symmetric_limits
from sklearn_mrtl.modes import Grid

CALLER = "PredictionDisplay"


class PredictionDisplay:
    """Maps of predictions, a panel for each row: what a model expects everywhere for a player, a class or a month.

    Create it with `from_estimator`, for any fitted estimator of scikit-learn's kind.

    Parameters
    ----------
    values : ndarray of shape (n_panels, n_rows, n_columns), or (n_panels, n_places)
        Predictions on maps, the last axis from left to right and the one before from bottom to top; or at places that
        have `positions`. NaN: no data.
    quantity : str, default="prediction"
        What the colour bar says.
    names : sequence of str, default=None
        Titles of the panels.
    extent : ((bottom, top), (left, right)), default=None
        Outer edges of the maps. None: in cells.
    axis_labels : (str, str), default=None
        Names and units of the vertical and the horizontal axis. None: y and x; latitude and longitude if `geographic`.
    positions : ndarray of shape (n_places, 2), default=None
        x and y of places that are not cells of a grid.
    is_difference : bool, default=False
        Whether 0 is the middle of the colours.
    geographic : bool, default=False
        Whether the axes are latitude and longitude.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The given Axes, or those of the first panel.
    axes_ : ndarray of Axes, shape (rows, columns)
        Axes of the panels; None beyond the last panel.
    figure_ : matplotlib Figure
        The figure of the panels.
    images_ : list of AxesImage or PathCollection
        The maps.
    colorbar_ : Colorbar or None
        The colour bar of all maps, if there is one.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_mrtl import Grid
    >>> from sklearn_mrtl.inspection import PredictionDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(0, 10, (200, 3))  # skill, x, y
    >>> model = LogisticRegression().fit(X, X[:, 0] + X[:, 1] > 10)
    >>> court = Grid("court", (5, 4), bounds=[(0, 10), (0, 10)])
    >>> players = [[2, 0, 0], [8, 0, 0]]  # their positions do not count
    >>> display = PredictionDisplay.from_estimator(model, players, court, [1, 2], names=["weak", "strong"])
    >>> display.values.shape  # two rows, 4 cells along y and 5 along x
    (2, 4, 5)
    >>> display.colorbar_.ax.get_ylabel()
    'probability of True'
    """

    def __init__(
        self, values, *, quantity="prediction", names=None, extent=None, axis_labels=None, positions=None,
        is_difference=False, geographic=False,
    ):  # fmt: skip
        self.values = values
        self.quantity = quantity
        self.names = names
        self.extent = extent
        self.axis_labels = axis_labels
        self.positions = positions
        self.is_difference = is_difference
        self.geographic = geographic

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        grid: Grid | None = None,
        columns: Sequence | None = None,
        *,
        reference=None,
        target=None,
        quantity: str | None = None,
        names: Sequence[str] | None = None,
        axis_labels: Sequence[str] | None = None,
        extent=None,
        positions=None,
        geographic: bool = False,
        ax=None,
        **plot_options,
    ) -> PredictionDisplay:
        """Draw the predictions of a fitted estimator.

        Parameters
        ----------
        estimator : fitted estimator
            With ``predict``, or ``predict_proba`` if it is a classifier.
        X : DataFrame of pandas or polars, or array-like, of shape (n_panels, ...)
            The rows to predict, one for each panel.
        grid : Grid, default=None
            Grid of two axes with bounds, over which each row is moved: in the columns of its position the row gets the
            centres of all cells. None: the prediction for a row is itself a map, of shape (n_rows, n_columns), or has
            a value for each of `positions`.
        columns : sequence of two names or numbers, default=None
            Columns of X with the position along the first and the second axis of `grid`.
        reference : DataFrame of pandas or polars, or array-like, of shape (1, ...), default=None
            Row whose predictions are subtracted.
        target : class or int, default=None
            Class whose probability is drawn; None: the second of two. Of a regressor with several outputs over a
            `grid`, the number of the output; None: the first.
        quantity : str, default=None
            What the colour bar says, with a unit. None: the class whose probability it is, or "prediction".
        names : sequence of str, default=None
            Titles of the panels. None: the entries of the DataFrame's columns in which its rows differ.
        axis_labels : (str, str), default=None
            Names and units of the axes of `grid` in their order; of maps, of the vertical and the horizontal axis.
        extent, positions, geographic
            As in the class.
        ax : matplotlib Axes or array-like of Axes, default=None
            As in `plot`.
        **plot_options
            As in `plot`.

        Returns
        -------
        PredictionDisplay

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the grid has no bounds or not two axes, columns are missing, or the predictions are no maps.
        """
        pyplot(f"{CALLER}.from_estimator")
        check_is_fitted(estimator)
        if grid is not None:
            extent = checked_bounds(grid, columns)[::-1]
            axis_labels = list(axis_labels or map(str, columns or ()))[::-1]
        values, predicted = predictions(estimator, X, grid, columns, target)
        names = telling_names(X, columns) if names is None else names
        if reference is not None:
            values = values - predictions(estimator, reference, grid, columns, target)[0]
            predicted = f"difference of the {predicted}"
        display = cls(
            values, quantity=quantity or predicted, names=names, extent=extent, axis_labels=axis_labels,
            positions=positions, is_difference=reference is not None, geographic=geographic,
        )  # fmt: skip
        return display.plot(ax=ax, **plot_options)

    def plot(
        self,
        *,
        ax=None,
        n_columns: int | None = None,
        cmap=None,
        limits: tuple[float, float] | None = None,
        colorbar: bool = True,
        outline: bool = True,
        decorate: Callable | None = None,
    ) -> PredictionDisplay:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes, default=None
            Axes for each panel, or one Axes of a grid, which is divided. None: a new figure.
        n_columns : int, default=None
            Number of columns of panels. None: chosen for a balanced figure.
        cmap : str or Colormap, default=None
            None: "viridis", and "RdBu_r" for differences.
        limits : (float, float), default=None
            Ends of the colours of all panels. None: the first and the 99th percentile; for differences the 99th of
            their size.
        colorbar : bool, default=True
            Add one colour bar for all panels.
        outline : bool, default=True
            As in `FactorDisplay.plot`.
        decorate : callable, default=None
            Function that is called with each panel's Axes, such as `draw_court`.

        Returns
        -------
        PredictionDisplay
            Itself.

        Raises
        ------
        ValueError
            If the names are not as many as the panels, or the values are no maps and have no positions.
        """
        from matplotlib.colors import Normalize

        values = np.asarray(self.values, dtype=float)
        if values.ndim != (3 if self.positions is None else 2):
            raise ValueError(
                "predictions must be a map for each row, or one number for each of positions; got shape "
                f"{values.shape}. To move the rows of a table over a grid, give grid and columns."
            )
        n = len(values)
        if self.names is not None and len(self.names) != n:
            raise ValueError(f"names needs {n} names, one for each row, got {len(self.names)}.")
        positions = None if self.positions is None else np.asarray(self.positions, dtype=float)
        picture = ModePicture(
            "map", values.shape[1:], self.extent, self.axis_labels or plane_labels(self.geographic),
            None if positions is None else [""] * len(positions), geographic=self.geographic, positions=positions,
        )  # fmt: skip
        picture.check()
        if limits is None:
            limits = symmetric_limits(values) if self.is_difference else tuple(np.nanpercentile(values, [1, 99]))
        norm = Normalize(*limits)
        cmap = cmap or ("RdBu_r" if self.is_difference else "viridis")
        rows, n_columns = arrange(n, picture.panel_shape("equal"), n_columns)
        shape = picture.panel_shape("equal")
        self.figure_, self.axes_ = panels(ax, rows, n_columns, n, shape, caller=CALLER)
        drawn = list(self.axes_.flat[:n])
        self.ax_ = first_axes(ax, drawn)
        self.images_ = []
        for i, panel in enumerate(drawn):
            self.images_.append(picture.draw(panel, values[i], cmap=cmap, norm=norm, outline=outline))
            if self.names is not None:
                panel.set_title(str(self.names[i]))
            if decorate is not None:
                decorate(panel)
        names = picture.names
        label_outer(drawn, names[-1], names[0], "small" if n_columns <= 3 else "x-small")
        new = ax is None
        self.colorbar_ = add_colorbar(self.images_, drawn, self.quantity, new_figure=new) if colorbar else None
        return self


def checked_bounds(grid: Grid, columns: Sequence | None) -> tuple[tuple[float, float], ...]:
    """Return the bounds of a grid of two axes."""
    if not isinstance(grid, Grid) or len(grid.shape) != 2 or grid.bounds is None:
        raise ValueError(f"grid must be a Grid of two axes with bounds, got {grid!r}.")
    if columns is None or isinstance(columns, str) or len(columns) != 2:
        raise ValueError(f"columns must be the two columns with the position on grid {grid.name!r}, got {columns!r}.")
    return grid.bounds


def predictions(estimator, X, grid: Grid | None, columns, target) -> tuple[np.ndarray, str]:
    """Return the predictions for each row, as maps with the second axis of a grid upwards, and what they are."""
    number, quantity = target_number(estimator, target)

    def predict(rows) -> np.ndarray:
        if is_classifier(estimator):
            return np.asarray(estimator.predict_proba(rows))[..., number]
        return np.asarray(estimator.predict(rows), dtype=float)

    if grid is None:
        return predict(X), quantity
    found = []
    for i in range(len(X)):
        values = predict(moved_over(X, i, grid, columns or ()))
        values = values if values.ndim == 1 else values[:, number]
        found.append(values.reshape(grid.shape).T)
    return np.stack(found), quantity


def target_number(estimator, target) -> tuple[int, str]:
    """Return the number of a class or an output, and what is predicted of it."""
    if not is_classifier(estimator):
        return (0 if target is None else int(target)), "prediction"
    classes = list(estimator.classes_)
    if target is None and len(classes) != 2:
        raise ValueError(f"target must be one of the classes {classes}, got None.")
    target = classes[1] if target is None else target
    if target not in classes:
        raise ValueError(f"target must be one of the classes {classes}, got {target!r}.")
    return classes.index(target), f"probability of {target}"
