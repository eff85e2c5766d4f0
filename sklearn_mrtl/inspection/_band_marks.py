"""What is not settled, in pictures of factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_mrtl.inspection._bands import FactorBands
from sklearn_mrtl.inspection._mode_picture import ModePicture
from sklearn_mrtl.inspection._panels import extremes, values_at
from sklearn_mrtl.modes import cell_centers

SETTLED = 0.9  # fraction of refits that agree in sign from which a cell counts as settled
FADED = 0.25  # opacity of what is not settled, where it is not hatched


@dataclass(frozen=True, eq=False)
class BandMarks:
    """Bands of the factor of one mode, as it is drawn.

    Attributes
    ----------
    low, high, sign_agreement : ndarray of shape (*shape of the mode, number of components shown)
    """

    low: np.ndarray
    high: np.ndarray
    sign_agreement: np.ndarray

    @classmethod
    def of(cls, bands, name: str, mode: str, picture: ModePicture, shape: tuple[int, ...], chosen) -> BandMarks | None:
        """Return the bands of a mode of a term; None without bands.

        Raises
        ------
        TypeError, ValueError
            If bands are no FactorBands, or those of another model.
        """
        if bands is None:
            return None
        if not isinstance(bands, FactorBands):
            raise TypeError(f"bands must be what factor_bands returns, got {type(bands).__name__}.")
        own = bands.terms.get(name, bands)
        if own.name != name or own.low.get(mode, np.empty(0)).shape != shape:
            raise ValueError(f"bands are of {own.name!r} and do not fit the factor of {mode!r} of {name!r}.")
        return cls(*(picture.oriented(part[mode])[..., chosen] for part in (own.low, own.high, own.sign_agreement)))

    def draw(
        self, ax, image, picture: ModePicture, values: np.ndarray, *, k: int, scale: float, part: int | None = None
    ) -> None:
        """Hatch or fade what is not settled on a map; draw the bands of curves and bars.

        Parameters
        ----------
        image : AxesImage, QuadMesh, PathCollection or None
            Of the values that are drawn, `values`.
        k : int
            Number of the panel's component among those shown.
        scale : float
            What the factor was divided by.
        part : int or None
            Number of the slice through a grid of three axes.
        """
        low, high = self.low[..., k] / scale, self.high[..., k] / scale
        unsettled = self.sign_agreement[..., k] < SETTLED
        unsettled = unsettled if part is None else unsettled[part]
        if picture.positions is not None or picture.origin is not None:
            order = np.arange(len(unsettled)) if picture.positions is None else np.argsort(np.abs(values))
            fade(image, unsettled[order])
        elif picture.n_axes > 1:
            hatch(ax, unsettled, picture.edges[-2:])
        elif picture.n_axes == 1:
            centers = cell_centers(*picture.edges[0], len(low))
            ax.fill_between(centers, low, high, color="C0", alpha=0.2, linewidth=0)
            widen(ax.set_ylim, low, high)
        else:
            shown = extremes(values, picture.n_extremes)
            low, high = values_at(low, shown), values_at(high, shown)
            draw, set_limits = (ax.hlines, ax.set_xlim) if picture.n_bars else (ax.vlines, ax.set_ylim)
            draw(np.arange(len(shown)), low, high, color="0.3", linewidth=1.2 if picture.n_bars else 0.5)
            widen(set_limits, low, high)


def hatch(ax, unsettled: np.ndarray, extent) -> None:
    """Hatch the cells of a map (rows, columns) that are not settled."""
    from matplotlib.collections import PolyCollection

    (bottom, top), (left, right) = extent
    y, x = np.linspace(bottom, top, len(unsettled) + 1), np.linspace(left, right, unsettled.shape[1] + 1)
    corners = [
        [(x[j], y[i]), (x[j + 1], y[i]), (x[j + 1], y[i + 1]), (x[j], y[i + 1])] for i, j in np.argwhere(unsettled)
    ]
    cells = PolyCollection(corners, hatch="/////", facecolor="none", edgecolor="0.35", linewidth=0.0, zorder=1.5)
    ax.add_collection(cells, autolim=False)


def fade(image, unsettled: np.ndarray) -> None:
    """Make points or wedges pale that are not settled."""
    alpha = np.where(unsettled, FADED, 1.0)
    n_repeats = image.get_array().size // alpha.size  # wide wedges are drawn in several pieces
    image.set_alpha(np.repeat(alpha, n_repeats, axis=-1).reshape(np.shape(image.get_array())))


def widen(set_limits, low: np.ndarray, high: np.ndarray) -> None:
    """Make an axis long enough for the bands, with 0 in its middle."""
    end = 1.08 * max(1.0, float(np.nanmax(np.abs([low, high]))))
    set_limits(-end, end)


def align_ends(panels, picture: ModePicture) -> None:
    """Give the curves or bars of all panels the longest of their scales: only the outer panels have ticks."""
    if picture.is_map:
        return
    axis = "x" if picture.n_bars else "y"
    end = max(getattr(panel, f"get_{axis}lim")()[1] for panel in panels)
    for panel in panels:
        panel.set(**{f"{axis}lim": (-end, end)})
