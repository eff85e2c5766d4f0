"""Coastlines, borders, and the outline of cells with data."""

from __future__ import annotations

from functools import cache

import numpy as np

RESOLUTION = "110m"  # of Natural Earth: coasts to about 100 km, enough for a picture of an ocean
LAYERS = (("physical", "coastline"), ("cultural", "admin_0_boundary_lines_land"))


def mask_outline(has_data: np.ndarray, extent) -> list[np.ndarray]:
    """Return the edges between cells with and without data, each a line of two points (x, y).

    Parameters
    ----------
    has_data : ndarray of bool, shape (rows, columns)
    extent : ((bottom, top), (left, right))
        Edges at the first and the last row, and column.
    """
    (bottom, top), (left, right) = extent
    y, x = np.linspace(bottom, top, len(has_data) + 1), np.linspace(left, right, has_data.shape[1] + 1)
    upright = [((x[j + 1], y[i]), (x[j + 1], y[i + 1])) for i, j in np.argwhere(has_data[:, 1:] != has_data[:, :-1])]
    level = [((x[j], y[i + 1]), (x[j + 1], y[i + 1])) for i, j in np.argwhere(has_data[1:] != has_data[:-1])]
    return [np.array(line) for line in upright + level]


@cache
def coastlines() -> tuple[np.ndarray, ...] | None:
    """Return coastlines and borders of Natural Earth, each (n_points, 2) in degrees east and north.

    None without cartopy, and where its files are neither on this machine nor to be had: cartopy fetches them once.
    """
    try:
        from cartopy.io import shapereader

        files = [shapereader.natural_earth(RESOLUTION, category, name) for category, name in LAYERS]
        shapes = [shape for file in files for shape in shapereader.Reader(file).geometries()]
    except (ImportError, OSError):
        return None
    lines = (part for shape in shapes for part in getattr(shape, "geoms", [shape]))
    return tuple(np.asarray(line.coords)[:, :2] for line in lines)


def draw_outline(ax, has_data: np.ndarray, extent, *, geographic: bool, color="0.35", linewidth: float = 0.5):
    """Draw coastlines and borders on a map of latitudes and longitudes, or else the outline of its cells with data.

    Returns
    -------
    LineCollection
    """
    from matplotlib.collections import LineCollection

    drawn = draw_coastlines(ax, color=color, linewidth=linewidth) if geographic else None
    if drawn is not None:
        return drawn
    lines = LineCollection(mask_outline(has_data, extent), colors=color, linewidths=linewidth)
    return ax.add_collection(lines, autolim=False)


def draw_coastlines(ax, *, color="0.35", linewidth: float = 0.5, zorder: float = 2.0):
    """Draw coastlines and borders on longitudes and latitudes; return them, None where there are none to be had."""
    from matplotlib.collections import LineCollection

    lines = coastlines()
    if lines is None:
        return None
    around = [line + (turn, 0.0) for turn in (-360.0, 0.0, 360.0) for line in lines]  # longitudes to 360 too
    return ax.add_collection(LineCollection(around, colors=color, linewidths=linewidth, zorder=zorder), autolim=False)
