"""Weigh cells by their area on the globe."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._utils.arrays import along, axis_number, is_dataarray, unmasked
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.labels import listed, same_labels
from sklearn_mrtl.preprocessing._base import FieldTransformer
from sklearn_mrtl.preprocessing._docstrings import LABELS, N_FEATURES_IN

LATITUDE_NAMES = ("lat", "latitude")


@substitute(n_features_in=N_FEATURES_IN, labels=LABELS)
class AreaWeighter(FieldTransformer):
    """Multiply fields by the cosine of latitude: the area of a cell of a regular grid of longitudes and latitudes.

    Cells near the poles are narrow and many; unweighted, they count for more than their part of the globe.

    Parameters
    ----------
    latitude : array-like of shape (n_latitudes,), default=None
        Latitudes along the axis, degrees north. ``None``: X is a DataArray, and its coordinate "lat" or "latitude"
        has them.
    axis : int, str or None, default=None
        Axis of the latitudes, counted as in X, or the name of a DataArray's dimension. ``None``: that of the
        coordinate; without one, the last but one (latitude, longitude), and for a 2-D X the columns.

    Attributes
    ----------
    latitude_ : ndarray of shape (n_latitudes,)
        Latitudes, degrees north.
    weights_ : ndarray of shape (n_latitudes,)
        Cosines of the latitudes, 0 to 1.
    {n_features_in}

    Notes
    -----
    NaN (land) stays NaN. The output has the dtype of X. A cell whose centre is a pole has weight 0, and
    `inverse_transform` gives NaN there.

    {labels}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import AreaWeighter
    >>> X = np.ones((1, 2, 3))  # 1 row, 2 latitudes, 3 longitudes
    >>> AreaWeighter(latitude=[0, 60]).fit_transform(X).round(6)
    array([[[1. , 1. , 1. ],
            [0.5, 0.5, 0.5]]])
    """

    def __init__(self, latitude=None, *, axis=None):
        self.latitude = latitude
        self.axis = axis

    def _learn(self, X, values: np.ndarray, when) -> None:
        latitude = self._find_latitude(X)
        self._axis = self._find_axis(X)
        n = values.shape[self._axis]
        if latitude.shape != (n,):
            raise ValueError(f"latitude must have {n} entries, as axis {self._axis} of X, got shape {latitude.shape}.")
        if not (np.abs(latitude) <= 90).all():
            raise ValueError(f"latitude must be degrees, -90 to 90, got {latitude.min()} to {latitude.max()}.")
        self.latitude_ = latitude
        self.weights_ = np.where(np.abs(latitude) == 90, 0.0, np.cos(np.deg2rad(latitude)))

    def _forward(self, values: np.ndarray, when) -> np.ndarray:
        return values * self._weights(values)

    def _backward(self, values: np.ndarray, when) -> np.ndarray:
        weights = self._weights(values)
        return values / np.where(weights == 0, weights.dtype.type(np.nan), weights)

    def _weights(self, values: np.ndarray) -> np.ndarray:
        """Weights to broadcast with values, in their dtype."""
        return along(self.weights_.astype(values.dtype), self._axis, values.ndim)

    def _align(self, X):
        """Compare the latitudes too: they may be a coordinate beside that of the dimension."""
        X = super()._align(X)
        coordinate = _latitude_of(X) if self.latitude is None else None
        if coordinate is not None and not same_labels(coordinate.values, self.latitude_):
            raise ValueError(
                f"X must have the latitudes of fit: {listed(self.latitude_)}; got {listed(coordinate.values)}."
            )
        return X

    def _find_latitude(self, X) -> np.ndarray:
        latitude = self.latitude if self.latitude is not None else _latitude_of(X)
        if latitude is None:
            raise ValueError(
                f"AreaWeighter needs latitudes, and X ({type(X).__name__}) has none: give latitude=, or X as an "
                f"xarray.DataArray with a one-dimensional coordinate {' or '.join(map(repr, LATITUDE_NAMES))}."
            )
        return np.asarray(unmasked(latitude), dtype=np.float64)

    def _find_axis(self, X) -> int:
        if self.axis is not None:
            return axis_number(X, self.axis)
        coordinate = _latitude_of(X)
        if coordinate is not None:
            return axis_number(X, coordinate.dims[0])
        return max(1, X.ndim - 2)


def _latitude_of(X):
    """Return the one-dimensional coordinate of latitudes of a DataArray, or None."""
    if not is_dataarray(X):
        return None
    coordinates = [X.coords[name] for name in LATITUDE_NAMES if name in X.coords]
    return next((c for c in coordinates if c.ndim == 1), None)
