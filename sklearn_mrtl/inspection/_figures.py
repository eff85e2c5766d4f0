"""Figures and the arrangement of their panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from types import ModuleType

import numpy as np

from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl.inspection._panels import beyond

PANEL_AREA = 7.0  # square inches of a map alone; smaller as there are more
MAX_WIDTH, MAX_HEIGHT = 12.0, 9.0  # inches of a figure
SHAPE = 1.4  # preferred width over height of a figure
MIXED_HEIGHT = 2.6  # inches of a panel among others of other shapes
MOST_IN_A_ROW = 4
MOST_SMALL_BARS = 12  # beyond, each needs the height of its name
NAME_HEIGHT = 0.15  # inches of a bar
BAR_WIDTH = 1.9  # inches of bars without their names
LETTER = 5.5  # points, width of a small letter


def pyplot(caller: str) -> ModuleType:
    """Import matplotlib.pyplot.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message names the extra.
    """
    return import_optional(
        "matplotlib.pyplot", extra="plot", caller=caller, otherwise="read the fitted attributes themselves"
    )


def arrange(n_panels: int, shape: float, n_columns: int | None = None) -> tuple[int, int]:
    """Choose rows and columns for panels of a width over height, so that the figure is near SHAPE and has few gaps."""
    if n_columns is not None:
        return ceil(n_panels / n_columns), min(n_columns, n_panels)

    def price(columns: int) -> float:
        rows = ceil(n_panels / columns)
        return abs(np.log(columns * shape / rows / SHAPE)) + (rows * columns / n_panels - 1)

    columns = min(range(1, n_panels + 1), key=price)
    return ceil(n_panels / columns), columns


def figure_size(rows: int, columns: int, shape: float) -> tuple[float, float]:
    """Return width and height in inches for panels of a width over height, titles and labels included."""
    height = np.sqrt(PANEL_AREA / shape / (rows * columns) ** 0.5)
    width = height * shape
    shrink = min(1.0, MAX_WIDTH / (width * columns), MAX_HEIGHT / (height * rows))
    return width * columns * shrink + 1.2, height * rows * shrink + 0.4 * rows + 0.6


def panel_shape(n_axes: int, n_entries: int, sides, aspect) -> float:
    """Return width over height of a panel.

    Parameters
    ----------
    n_axes : int
        Number of axes of the grid; 0 for a Feature.
    n_entries : int
        Number of a Feature's bars; 0 if they are dots.
    sides : sequence of (first, last)
        The last two: edges of a map from bottom to top and from left to right.
    """
    if n_axes < 2:
        return 8 / min(MOST_SMALL_BARS, max(5, n_entries)) if n_axes == 0 and n_entries else 1.8
    (bottom, top), (left, right) = sides[-2:]
    if aspect == "auto":
        return 1.3
    ratio = abs(right - left) / abs(top - bottom)
    return float(np.clip(ratio / (1.0 if aspect == "equal" else aspect), 0.2, 5))


def bars_size(n_bars: int, names: Sequence[str]) -> tuple[float, float] | None:
    """Return width and height in inches of a panel of many bars with their names; None if they are few."""
    if n_bars <= MOST_SMALL_BARS:
        return None
    return BAR_WIDTH + max(map(len, names)) * LETTER / 72, NAME_HEIGHT * n_bars


def panels(
    ax, rows: int, columns: int, n_panels: int, shape: float, *, size: tuple[float, float] | None = None, caller: str,
    **options,
) -> tuple:  # fmt: skip
    """Return the figure and its axes, an object array (rows, columns) that is None beyond the last panel.

    Parameters
    ----------
    shape : float
        Width over height of a panel.
    size : (float, float), default=None
        Width and height of a panel in inches. None: chosen by their number and shape.
    ax : None, Axes or array-like of Axes
        None: a new figure. Otherwise Axes for each panel, or one Axes, which is divided into all panels.

    Raises
    ------
    ValueError
        If the number of axes is wrong.
    """
    plt = pyplot(caller)
    made = np.full(rows * columns, None, dtype=object)
    if ax is None:
        whole = figure_size(rows, columns, shape)
        if size is not None:
            whole = min(MAX_WIDTH, size[0] * columns + 0.5), (size[1] + 0.4) * rows + 0.6
        figure = plt.figure(figsize=whole, layout="compressed")
        made[:n_panels] = subplots(figure, figure, rows, columns, n_panels, **options)
    elif isinstance(ax, plt.Axes) and n_panels > 1:
        figure, spec = ax.figure, ax.get_subplotspec()
        if spec is None:
            raise ValueError(f"ax is not in a grid and cannot be divided into {n_panels} panels; give one for each.")
        ax.set_axis_off()
        made[:n_panels] = subplots(spec, figure, rows, columns, n_panels, **options)
    else:
        given = np.asarray(ax, dtype=object).ravel()
        if len(given) != n_panels:
            raise ValueError(f"ax must be one Axes or {n_panels}, one for each panel, got {len(given)}.")
        figure, made[:n_panels] = given[0].figure, given
    return figure, made.reshape(rows, columns)


def mixed_panels(ax, shapes: Sequence[float], *, n_bars: int = 0, caller: str) -> tuple:
    """Return the figure and its axes for panels of different shapes: in a row, or in several if they are many.

    `n_bars` is the largest number of bars of a panel, which have to be high enough for their names.
    """
    n, widths = len(shapes), np.clip(shapes, 0.8, 2.4)
    columns = n if n <= MOST_IN_A_ROW else MOST_IN_A_ROW - (n % MOST_IN_A_ROW in (1, 2))
    rows = ceil(n / columns)
    if ax is not None:
        figure, made = panels(ax, rows, columns, n, float(np.median(widths)), caller=caller)
        return figure, np.array([panel for panel in made.flat if panel is not None], dtype=object)
    height = max(MIXED_HEIGHT, NAME_HEIGHT * n_bars)
    ratios = [widths[column::columns].max() for column in range(columns)]
    width = min(MAX_WIDTH, MIXED_HEIGHT * sum(ratios) + 0.9 * columns + 0.6)
    figure = pyplot(caller).figure(figsize=(width, (height + 0.9) * rows), layout="constrained")
    made = np.ravel(figure.subplots(rows, columns, width_ratios=ratios, squeeze=False, gridspec_kw={"wspace": 0.05}))
    for panel in made[n:]:
        panel.remove()
    return figure, made[:n]


def first_axes(ax, drawn: list):
    """Return the Axes that a display calls ax_: the given one, or that of the first panel."""
    return ax if ax is not None and not isinstance(ax, Sequence | np.ndarray) else drawn[0]


def subplots(
    parent, figure, rows: int, columns: int, n_panels: int, *, sharex: bool = False, sharey: bool = False
) -> list:
    """Divide a figure or a cell of one into panels; those of a last row that is not full stand in its middle."""
    divide = parent.subgridspec if hasattr(parent, "subgridspec") else parent.add_gridspec
    missing = rows * columns - n_panels
    width = 2 if missing else 1  # columns of the grid for a panel, so that it can be moved by half a panel
    grid = divide(rows, width * columns)
    made: list = []
    for i in range(n_panels):
        row, column = divmod(i, columns)
        start = width * column + (missing if row == rows - 1 else 0)
        first = made[0] if made else None
        cell = grid[row, start : start + width]
        made.append(figure.add_subplot(cell, sharex=first if sharex else None, sharey=first if sharey else None))
    return made


def add_colorbar(images: list, drawn: list, label: str, *, new_figure: bool):
    """Add one colour bar for all maps, with arrows where values are beyond its ends; None where there is no map."""
    images = [image for image in images if image is not None]
    if not images:
        return None
    values = np.concatenate([np.ma.filled(image.get_array(), np.nan).ravel() for image in images])
    rows = len({panel.get_subplotspec().rowspan.start for panel in drawn if panel.get_subplotspec() is not None})
    figure, norm = drawn[0].figure, images[0].norm
    extend = beyond(values, norm.vmin, norm.vmax)
    bar = figure.colorbar(images[0], ax=drawn, shrink=0.9 if rows < 3 else 0.6, extend=extend)
    bar.set_label(label, fontsize="small")
    bar.ax.tick_params(labelsize="small")
    if new_figure:
        for _ in range(2):  # ticks follow the layout, and the layout the ticks; else the bar's label is cut off
            figure.draw_without_rendering()
    return bar


def decorate_panel(panel, decorate: Mapping[str, Callable] | None, mode: str) -> None:
    """Call the function for a mode, if there is one, with a panel's Axes."""
    if decorate is not None and mode in decorate:
        decorate[mode](panel)


def label_outer(drawn: list, x: str, y: str, size: str, *, own_names: bool = False) -> None:
    """Label the horizontal axes of the lowest panels and the vertical axes of the leftmost ones.

    With `own_names` the ticks of a vertical axis are those of its panel alone, and stay.
    """
    ends = outer(drawn)
    stacked = sum(is_leftmost for _, is_leftmost in ends) > 1
    for panel, (is_lowest, is_leftmost) in zip(drawn, ends, strict=True):
        panel.tick_params(labelsize=size)
        panel.title.set_fontsize(size)
        if is_lowest:
            panel.set_xlabel(x, fontsize=size)
        else:
            panel.tick_params(labelbottom=False)
        if is_leftmost:
            room = panel.get_position().height * panel.figure.get_figheight() if stacked else np.inf
            panel.set_ylabel(fitted(y, room), fontsize=size)
        elif not own_names:
            panel.tick_params(labelleft=False)


def outer(drawn: list) -> list[tuple[bool, bool]]:
    """Return whether each panel is the lowest of its column and the leftmost of its row; both if it is in no grid."""
    specs = [panel.get_subplotspec() for panel in drawn]
    if None in specs:
        return [(True, True)] * len(drawn)
    cells = [(spec.rowspan.start, spec.colspan.start, spec.colspan.stop) for spec in specs]
    return [
        (
            not any(below > row and first < stop and last > start for below, first, last in cells),
            start == min(first for beside, first, _ in cells if beside == row),
        )
        for row, start, stop in cells
    ]


def fitted(label: str, inches: float) -> str:
    """Return a label with its units on a second line if one line would be wider than the inches."""
    return label.replace(" (", "\n(", 1) if len(label) * LETTER / 72 > inches else label
