"""Maps of polar grids: wedges of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from sklearn_mrtl._utils.points import check_point
from sklearn_mrtl.inspection._panels import LAND

MAX_DEGREES = 3.0  # of a straight edge, which then looks like a piece of the circle


def check_polar(origin, mode: str, n_axes: int, bounds) -> None:
    """Raise ValueError if origin is no point, or the bounds are not those of a distance and an angle in degrees."""
    check_point("origin", origin, ", or None for a grid that is not polar")
    expected = "origin is for a Grid of two axes with bounds: distance, at least 0, and angle, at most 360 degrees"
    if n_axes != 2:
        raise ValueError(f"{expected}; {mode!r} has {f'{n_axes} axes' if n_axes else 'categories'}.")
    if bounds is None:
        raise ValueError(f"{expected}; {mode!r} has no bounds.")
    distances, (first, last) = bounds
    if min(distances) < 0 or abs(last - first) > 360:
        raise ValueError(f"{expected}; {mode!r} has bounds {tuple(bounds)}.")


def polar_edges(extent, shape: tuple[int, int], repeats: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the corners of cells about 0; each angular cell is divided into `repeats`.

    Returns
    -------
    x, y : ndarray of shape (n_distances + 1, n_angles * repeats + 1)
    """
    (nearest, farthest), (first, last) = extent
    distances = np.linspace(nearest, farthest, shape[0] + 1)[:, None]
    angles = np.radians(np.linspace(first, last, shape[1] * repeats + 1))
    return distances * np.cos(angles), distances * np.sin(angles)


def disc_sides(extent, origin: Sequence[float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return ((bottom, top), (left, right)) of the part of the plane that a polar grid covers."""
    x, y = polar_edges(extent, (1, 360))
    (left, right), (bottom, top) = ((float(c.min()), float(c.max())) for c in (x + origin[0], y + origin[1]))
    return (bottom, top), (left, right)


def draw_polar_map(ax, values: np.ndarray, extent, *, origin: Sequence[float], cmap, norm, aspect):
    """Draw a map of shape (n_distances, n_angles) as wedges about the origin, cells without data in light grey.

    Parameters
    ----------
    extent : ((first, last), (first, last))
        Edges at the first and the last cell: distances, and angles in degrees.
    """
    import matplotlib as mpl

    degrees = abs(extent[1][1] - extent[1][0]) / values.shape[1]
    repeats = ceil(degrees / MAX_DEGREES)
    x, y = polar_edges(extent, values.shape, repeats)
    colours = (mpl.colormaps[cmap] if isinstance(cmap, str) else cmap).with_extremes(bad=LAND)
    masked = np.ma.masked_invalid(np.repeat(values, repeats, axis=1))
    mesh = ax.pcolormesh(origin[0] + x, origin[1] + y, masked, cmap=colours, norm=norm, rasterized=True)
    ax.set_aspect(aspect)
    (bottom, top), (left, right) = disc_sides(extent, origin)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.locator_params(nbins=4)
    return mesh
