"""One picture of one component: a map, a curve, or bars."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl.modes import cell_centers

LAND = "0.88"
MOST_BARS = 30  # levels whose names can be read one below the other


def draw_map(ax, values: np.ndarray, extent, *, cmap, norm, aspect):
    """A map of shape (rows, columns) in physical extent; no data is left blank, on light grey, so that coasts show.

    Parameters
    ----------
    extent : ((bottom, top), (left, right))
        Edges at the first and the last row, and column.
    """
    import matplotlib as mpl

    (bottom, top), (left, right) = extent
    values = values if bottom < top else values[::-1]
    values = values if left < right else values[:, ::-1]
    masked = np.ma.masked_invalid(values)
    if masked.mask.any():
        ax.set_facecolor(LAND)
    sides = (*sorted((left, right)), *sorted((bottom, top)))
    colours = mpl.colormaps[cmap] if isinstance(cmap, str) else cmap
    image = ax.imshow(
        masked, origin="lower", extent=sides, cmap=colours, norm=norm, aspect=aspect, interpolation="nearest"
    )
    ax.locator_params(nbins=5)
    return image


def draw_curve(ax, values: np.ndarray, extent, limit: float) -> None:
    """A factor over the one axis of its grid."""
    ax.axhline(0, color="0.7", linewidth=0.8)
    ax.plot(cell_centers(*extent, len(values)), values, color="C0")
    ax.set_xlim(*sorted(extent))
    ax.set_ylim(-1.08 * limit, 1.08 * limit)


def draw_levels(ax, values: np.ndarray, names, shared: float | None, limit: float, *, cmap, norm) -> None:
    """A factor of levels: bars with their names, or dots where there are too many to be named."""
    import matplotlib as mpl

    colours = (mpl.colormaps[cmap] if isinstance(cmap, str) else cmap)(norm(values))
    places = np.arange(len(values))
    if len(values) <= MOST_BARS:
        ax.barh(places, values, color=colours, edgecolor="0.3", linewidth=0.6)
        ax.set_yticks(places, names)
        ax.set_ylim(len(values) - 0.4, -0.6)
        ax.set_xlim(-1.08 * limit, 1.08 * limit)
        zero, line = ax.axvline, ax.axvline
    else:
        ax.scatter(places, values, color=colours, edgecolor="0.3", linewidth=0.4, s=12)
        ax.set_xlim(-1, len(values))
        ax.set_ylim(-1.08 * limit, 1.08 * limit)
        zero, line = ax.axhline, ax.axhline
    zero(0, color="0.7", linewidth=0.8, zorder=0)
    if shared is not None:
        line(shared, color="0.3", linewidth=1, linestyle="--", label="shared")
