"""Mask lakes and nearly closed bays."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from scipy import ndimage

from sklearn_mrtl._utils.arrays import row_blocks
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl.preprocessing._base import FieldTransformer
from sklearn_mrtl.preprocessing._docstrings import LABELS, N_FEATURES_IN


@substitute(n_features_in=N_FEATURES_IN, labels=LABELS)
class InlandWaterMasker(FieldTransformer):
    """Set lakes and nearly closed bays to NaN, so that a model has no weights there.

    A smoothness penalty compares neighbouring cells. A lake has no neighbours in the ocean and a bay has few, so only
    the penalty of squared weights holds a model there: it can fit noise with the temperature of a lake, and the weights
    of a few cells become the largest of the map. Coarse data are also poor there, for lakes and shallow bays freeze or
    are filled from stations on land.

    Cells count as open water if a square of `min_width` cells that contains them fits into the water, and such squares
    connect them to a region with at least `min_fraction` of all water. Cells along the coast into which no such square
    fits are kept within ``min_width - 1`` steps of open water.

    Parameters
    ----------
    min_fraction : float, default=0.05
        Smallest fraction of the cells with data that a connected region needs to be kept, from 0 (every region) to 1.
    min_width : int, default=3
        Width in cells of the narrowest passage that connects two waters. 1: cells that share an edge are connected.
    periodic : bool, default=False
        Whether the last axis, the longitudes, closes on itself.

    Attributes
    ----------
    mask_ : ndarray of bool, shape of the grid
        True for the cells that are kept.
    n_masked_ : int
        Number of cells with data that are masked.
    {n_features_in}

    Notes
    -----
    The grid is the last two axes of X, latitude and longitude, or the columns of a 2-D X. A cell has data if it is not
    NaN in all rows. What lies outside the region counts as land: a bay whose mouth is outside is masked.
    `inverse_transform` leaves masked cells NaN.

    {labels}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import InlandWaterMasker
    >>> X = np.ones((1, 6, 9))
    >>> X[:, :, 5] = np.nan  # land between an ocean and a lake
    >>> masker = InlandWaterMasker(min_fraction=0.4).fit(X)
    >>> masker.mask_[0]
    array([ True,  True,  True,  True,  True, False, False, False, False])
    >>> masker.n_masked_
    18
    """

    def __init__(self, *, min_fraction=0.05, min_width=3, periodic=False):
        self.min_fraction = min_fraction
        self.min_width = min_width
        self.periodic = periodic

    def _check_parameters(self) -> None:
        if not 0 <= self.min_fraction <= 1:
            raise ValueError(f"min_fraction must be between 0 and 1, got {self.min_fraction!r}.")
        if not isinstance(self.min_width, Integral) or isinstance(self.min_width, bool) or self.min_width < 1:
            raise ValueError(f"min_width must be an int of at least 1 (cells), got {self.min_width!r}.")

    def _learn(self, X, values: np.ndarray, when) -> None:
        with_data = np.zeros(values.shape[1:], dtype=bool)
        for rows in row_blocks(values):
            with_data |= ~np.isnan(values[rows]).all(axis=0)
        water = np.asarray(with_data.any(axis=tuple(range(max(0, values.ndim - 3)))))
        self.mask_ = open_water(water, self.min_fraction, int(self.min_width), self.periodic)
        if water.any() and not self.mask_.any():
            raise ValueError(
                f"no water is left: no region of {water.sum()} cells has a fraction of "
                f"min_fraction={self.min_fraction} and a width of min_width={self.min_width}."
            )
        self.n_masked_ = int(water.sum() - self.mask_.sum())

    def _forward(self, values: np.ndarray, when) -> np.ndarray:
        return np.where(self.mask_ | np.isnan(values), values, values.dtype.type(np.nan))

    def _backward(self, values: np.ndarray, when) -> np.ndarray:
        return values.copy()


def open_water(water: np.ndarray, min_fraction: float, min_width: int, periodic: bool) -> np.ndarray:
    """Return the water in large regions that are connected by passages of a width, and the coast beside it."""
    n = water.shape[-1]
    # Three times around the globe: a region that crosses the seam is whole in the middle.
    around = np.concatenate([water] * 3, axis=-1) if periodic else water
    square = np.ones([min(min_width, size) for size in around.shape], dtype=bool)
    regions, n_regions = ndimage.label(ndimage.binary_erosion(around, square))
    covered = (ndimage.binary_dilation(regions == region, square) for region in range(1, n_regions + 1))
    large = [region for region in covered if region.sum() >= min_fraction * water.sum()]
    kept = np.logical_or.reduce([np.zeros_like(around), *large])
    if min_width > 1:
        kept = ndimage.binary_dilation(kept, iterations=min_width - 1, mask=around)
    return kept[..., n : 2 * n] if periodic else kept
