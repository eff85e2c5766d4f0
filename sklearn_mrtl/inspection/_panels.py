"""One picture of one component: a map, a curve, or bars."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl.modes import cell_centers

LAND = "0.88"
MAX_BARS = 30  # with more categories the names would overlap


def scaled(factor: np.ndarray, normalize: bool, percentile: float = 100.0) -> tuple[np.ndarray, float, np.ndarray]:
    """Return the values to draw, the end of their scale, and what each component was divided by.

    The end of a scale is a percentile of absolute values, so that a few cells do not make all others pale.
    """
    magnitudes = np.abs(factor).reshape(-1, factor.shape[-1])
    known = magnitudes[~np.isnan(magnitudes).all(axis=1)]
    if not normalize:
        return factor, scale_end(known, percentile), np.ones(factor.shape[-1])
    scale = np.array([scale_end(column, percentile) for column in known.T])
    return factor / scale, 1.0, scale


def scale_end(magnitudes: np.ndarray, percentile: float) -> float:
    """Return a percentile of magnitudes; the largest if that is 0, and 1 if all are 0."""
    if not magnitudes.size or not np.nanmax(magnitudes):
        return 1.0
    return float(np.nanpercentile(magnitudes, percentile)) or float(np.nanmax(magnitudes))


def symmetric_limits(values: np.ndarray, percentile: float = 99.0) -> tuple[float, float]:
    """Return the ends of a scale with 0 in its middle."""
    end = scale_end(np.abs(values), percentile)
    return -end, end


def beyond(values: np.ndarray, low: float, high: float) -> str:
    """Return where values are beyond the ends of a scale, as colour bars take it."""
    known, slack = values[~np.isnan(values)], 1e-9 * max(abs(low), abs(high))
    below, above = bool((known < low - slack).any()), bool((known > high + slack).any())
    return {(True, True): "both", (True, False): "min", (False, True): "max"}.get((below, above), "neither")


def scale_label(name: str, normalize: bool, percentile: float) -> str:
    """Return the label of a colour bar: what it shows, and in which unit."""
    largest = "largest" if percentile == 100 else f"{percentile:g}th percentile"
    return f"{name}\n(relative to its {largest})" if normalize else f"{name}\n(columns of length 1)"


def component_title(k: int, weight: float | None, explained: float | None) -> str:
    """Return the title of a component: its number, its weight, and its fraction of the variance."""
    title = f"component {k}"
    if weight is not None:
        title += f"\nweight {weight:.3g}" if weight < 1000 else f"\nweight {weight:,.0f}"
    if explained is not None:
        title += f"{', ' if weight is not None else chr(10)}{explained:.0%} of variance"
    return title


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
    ax.locator_params(nbins=4)
    return image


def draw_curve(ax, values: np.ndarray, extent, limit: float) -> None:
    """Draw a factor of a grid of one axis."""
    ax.axhline(0, color="0.7", linewidth=0.8)
    first, last = extent
    ax.plot(cell_centers(first, last, len(values)), values, color="C0")
    ax.set_xlim(*sorted(extent))
    ax.set_ylim(-1.08 * limit, 1.08 * limit)


def draw_categories(ax, values: np.ndarray, names, limit: float, *, cmap, norm, n_extremes: int | None = None) -> None:
    """Draw a factor of a Feature: bars with names; of many categories the largest and the smallest.

    With more than MAX_BARS categories and `n_extremes` None: dots without names.
    """
    import matplotlib as mpl

    shown = extremes(values, n_extremes)
    drawn = values_at(values, shown)
    colours = (mpl.colormaps[cmap] if isinstance(cmap, str) else cmap)(norm(drawn))
    positions = np.arange(len(shown))
    if len(values) <= MAX_BARS or n_extremes is not None:
        left_out = len(values) - (shown >= 0).sum()
        ax.barh(positions, drawn, color=colours, edgecolor="0.3", linewidth=0.6)
        ax.set_yticks(positions, [names[i] if i >= 0 else f"({left_out} more)" for i in shown])
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_xlim(-1.08 * limit, 1.08 * limit)
        ax.locator_params(axis="x", nbins=5)
        zero = ax.axvline
    else:
        ax.scatter(positions, drawn, color=colours, edgecolor="0.3", linewidth=0.4, s=12)
        ax.set_xlim(-1, len(shown))
        ax.set_ylim(-1.08 * limit, 1.08 * limit)
        zero = ax.axhline
    zero(0, color="0.7", linewidth=0.8, zorder=0)


def extremes(values: np.ndarray, n: int | None) -> np.ndarray:
    """Return the indices of the n largest and the n smallest values, -1 between them; all in order if they are few."""
    if n is None or len(values) <= max(MAX_BARS, 2 * n + 1):
        return np.arange(len(values))
    order = np.argsort(-values, kind="stable")
    order = order[~np.isnan(values[order])]
    n = min(n, len(order) // 2)
    return np.concatenate([order[:n], [-1], order[len(order) - n :]])


def values_at(values: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return the values at indices, NaN where these are -1."""
    return np.where(indices >= 0, values[indices], np.nan)


def draw_points(ax, values: np.ndarray, positions: np.ndarray, *, cmap, norm, aspect):
    """Draw categories as points at their positions, shape (n, 2) of x and y; the strongest are on top."""
    order = np.argsort(np.abs(values))
    x, y = positions[order].T
    points = ax.scatter(x, y, c=values[order], cmap=cmap, norm=norm, edgecolor="0.4", linewidth=0.3, s=22)
    ax.set_aspect(aspect)
    ax.locator_params(nbins=4)
    return points
