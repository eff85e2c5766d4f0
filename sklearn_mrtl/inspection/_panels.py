"""One picture of one component: a map, a curve, or bars."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl.modes import cell_centers

LAND = "0.88"
MAX_BARS = 30  # with more categories the names would overlap


def scaled(factor: np.ndarray, normalize: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the values to draw, what each component was divided by, and the largest absolute value of their scale."""
    magnitudes = np.abs(np.nan_to_num(factor))
    n_components = factor.shape[-1]
    if not normalize:
        return factor, np.ones(n_components), float(magnitudes.max()) or 1.0
    largest = magnitudes.reshape(-1, n_components).max(axis=0)
    scale = np.where(largest > 0, largest, 1)
    return factor / scale, scale, 1.0


def slice_numbers(n: int, n_slices: int) -> list[int]:
    """Return the numbers of at most n_slices slices, evenly spaced among n."""
    n_slices = min(n, n_slices)
    return [int((i + 0.5) * n / n_slices) for i in range(n_slices)]


def draw_map(ax, values: np.ndarray, extent, *, cmap, norm, aspect):
    """Draw a map of shape (rows, columns) in its physical extent, with cells without data in light grey.

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
    """Draw a factor of a grid of one axis."""
    ax.axhline(0, color="0.7", linewidth=0.8)
    first, last = extent
    ax.plot(cell_centers(first, last, len(values)), values, color="C0")
    ax.set_xlim(*sorted(extent))
    ax.set_ylim(-1.08 * limit, 1.08 * limit)


def draw_categories(ax, values: np.ndarray, names, limit: float, *, cmap, norm) -> None:
    """Draw a factor of a Feature: bars with names, or dots without names if there are more than MAX_BARS."""
    import matplotlib as mpl

    colours = (mpl.colormaps[cmap] if isinstance(cmap, str) else cmap)(norm(values))
    positions = np.arange(len(values))
    if len(values) <= MAX_BARS:
        ax.barh(positions, values, color=colours, edgecolor="0.3", linewidth=0.6)
        ax.set_yticks(positions, names)
        ax.set_ylim(len(values) - 0.4, -0.6)
        ax.set_xlim(-1.08 * limit, 1.08 * limit)
        zero = ax.axvline
    else:
        ax.scatter(positions, values, color=colours, edgecolor="0.3", linewidth=0.4, s=12)
        ax.set_xlim(-1, len(values))
        ax.set_ylim(-1.08 * limit, 1.08 * limit)
        zero = ax.axhline
    zero(0, color="0.7", linewidth=0.8, zorder=0)
