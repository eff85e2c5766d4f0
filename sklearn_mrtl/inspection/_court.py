"""Outlines for maps of basketball: half a court, and the box around the player with the ball."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._utils import court
from sklearn_mrtl._utils.court import BASKET, BOX_BOUNDS
from sklearn_mrtl.inspection._figures import pyplot

# Feet. Half a court, along its length and from its middle to a sideline.
LENGTH, HALF_WIDTH = court.LENGTH / 2, court.WIDTH / 2
RIM, RESTRICTED, CIRCLE = 0.75, 4.0, 6.0
BACKBOARD = (4.0, 3.0)  # from the baseline, half its width
PAINT = (19.0, 8.0)  # from the baseline, half its width
ARC, CORNER = court.ARC_RADIUS, 22.0

ORIENTATIONS = ("auto", "up", "right")


def draw_court(ax=None, *, orientation: str = "auto", color="0.25", linewidth: float = 1.0):
    """Draw the lines of half a court, in feet.

    Parameters
    ----------
    ax : matplotlib Axes, default=None
        None: the current Axes. Its limits do not change, except that empty Axes are set to the half court.
    orientation : {"auto", "up", "right"}, default="auto"
        "up": x from -25 to 25 and y from 0 (the baseline) to 47, the basket at (0, 5.25). "right": x from 0 (the
        baseline) to 47 and y from 0 to 50, the basket at (5.25, 25), as in `make_shots` and player-tracking data.
        "auto": "up" where the horizontal axis of `ax` has negative numbers, "right" otherwise.
    color : color, default="0.25"
        Color of the lines.
    linewidth : float, default=1.0
        Width of the lines in points.

    Returns
    -------
    LineCollection
        The lines.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `orientation` is none of these.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_mrtl.inspection import draw_court
    >>> _, ax = plt.subplots()
    >>> lines = draw_court(ax, orientation="up")
    >>> [float(edge) for edge in (*ax.get_xlim(), *ax.get_ylim())]
    [-26.0, 26.0, -1.0, 48.0]
    """
    if orientation not in ORIENTATIONS:
        raise ValueError(f"orientation must be one of {ORIENTATIONS}, got {orientation!r}.")
    plt = pyplot("draw_court")
    from matplotlib.collections import LineCollection

    ax = plt.gca() if ax is None else ax
    empty = not ax.has_data()
    if orientation == "auto":
        orientation = "up" if not empty and min(ax.get_xlim()) < 0 else "right"
    lines = court_lines()
    if orientation == "right":
        lines = [line[:, ::-1] + (0.0, HALF_WIDTH) for line in lines]
    limits = ax.get_xlim(), ax.get_ylim()
    drawn = ax.add_collection(LineCollection(lines, colors=color, linewidths=linewidth), autolim=False)
    if empty:
        across, along = (-HALF_WIDTH - 1, HALF_WIDTH + 1), (-1.0, LENGTH + 1)
        limits = (across, along) if orientation == "up" else (along, (-1.0, 2 * HALF_WIDTH + 1))
        ax.set_aspect("equal")
    ax.set(xlim=limits[0], ylim=limits[1])
    return drawn


def court_lines() -> list[np.ndarray]:
    """Return the lines of half a court for orientation "up", each of shape (n_points, 2)."""
    basket = np.array([0.0, BASKET[0]])
    end = np.arccos(CORNER / ARC)  # where the arc meets the straight lines along the sidelines
    middle, free_throw = np.array([0.0, LENGTH]), np.array([0.0, PAINT[0]])
    three = [[-CORNER, 0.0], *(basket + arc(ARC, np.pi - end, end)), [CORNER, 0.0]]
    return [
        np.array([[-HALF_WIDTH, 0], [HALF_WIDTH, 0], [HALF_WIDTH, LENGTH], [-HALF_WIDTH, LENGTH], [-HALF_WIDTH, 0]]),
        np.array([[-PAINT[1], 0], [-PAINT[1], PAINT[0]], [PAINT[1], PAINT[0]], [PAINT[1], 0]]),
        np.array([[-BACKBOARD[1], BACKBOARD[0]], [BACKBOARD[1], BACKBOARD[0]]]),
        basket + arc(RIM, 0, 2 * np.pi),
        basket + arc(RESTRICTED, 0, np.pi),
        free_throw + arc(CIRCLE, 0, np.pi),
        middle + arc(CIRCLE, np.pi, 2 * np.pi),
        np.array(three),
    ]


def arc(radius: float, start: float, end: float) -> np.ndarray:
    """Return points of an arc about 0, shape (n_points, 2)."""
    angle = np.linspace(start, end, 90)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def draw_handler(ax=None, *, position=(0.0, 0.0), bounds=BOX_BOUNDS, color="tab:green"):
    """Draw the player with the ball as a dot, an arrow towards the basket, and the box of the defenders.

    Parameters
    ----------
    ax : matplotlib Axes, default=None
        None: the current Axes.
    position : (float, float), default=(0.0, 0.0)
        Position of the player; the default is the one after `RelativePosition`.
    bounds : ((float, float), (float, float)) or None, default=((-6.0, 6.0), (-2.0, 10.0))
        Bounds of the box: to the player's right, and towards the basket. None: no box.
    color : color, default="tab:green"
        Color of the dot and the arrow.

    Returns
    -------
    list of Artist
        The dot, the arrow and the box.

    Raises
    ------
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_mrtl.inspection import draw_handler
    >>> _, ax = plt.subplots()
    >>> len(draw_handler(ax))
    3
    """
    plt = pyplot("draw_handler")
    ax = plt.gca() if ax is None else ax
    x, y = position
    (dot,) = ax.plot(x, y, "o", color=color, markeredgecolor="white", markersize=7, zorder=3)
    head = {"arrowstyle": "->", "color": color, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    artists = [dot, ax.annotate("", (x, y + 2.5), (x, y + 0.4), arrowprops=head)]
    if bounds is not None:
        (left, right), (bottom, top) = bounds
        box = plt.Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor="0.25")
        artists.append(ax.add_patch(box))
    return artists
