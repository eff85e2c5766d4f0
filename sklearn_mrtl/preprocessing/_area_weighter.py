"""Weigh cells by their area on the globe."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._utils.arrays import along, axis_number, is_dataarray, like
from sklearn_mrtl._utils.callbacks import as_task
from sklearn_mrtl.preprocessing._base import FieldTransformer

LATITUDE_NAMES = ("lat", "latitude")


class AreaWeighter(FieldTransformer, auto_wrap_output_keys=None):
    """Multiply fields by the cosine of latitude: the area of a cell of a regular grid of longitudes and latitudes.

    Cells near the poles are narrow and many; unweighted, they count for more than their share of the globe.

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
    weights_ : ndarray of shape (n_latitudes,)
        Cosines of the latitudes, 0 to 1.
    n_features_in_ : int
        ``X.shape[1]``.

    Notes
    -----
    NaN (land) stays NaN. The output has the dtype of X. A cell whose centre is a pole has weight 0, and
    `inverse_transform` gives NaN there.

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

    @as_task
    def fit(self, X, y=None):
        """Take the latitudes.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the latitudes are not given, are not as many as X has, or lie beyond the poles.
        """
        values = self._check_fields(X, reset=True)
        latitude = self._find_latitude(X)
        self._axis = self._find_axis(X if is_dataarray(X) else values)
        n = values.shape[self._axis]
        if latitude.shape != (n,):
            raise ValueError(f"latitude must have {n} entries, as axis {self._axis} of X, got shape {latitude.shape}.")
        if not (np.abs(latitude) <= 90).all():
            raise ValueError(f"latitude must be degrees, -90 to 90, got {latitude.min()} to {latitude.max()}.")
        cosine = np.cos(np.deg2rad(latitude))
        self.weights_ = np.where(np.abs(latitude) == 90, 0.0, cosine)
        return self

    def transform(self, X):
        """Multiply by the weights.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)

        Returns
        -------
        ndarray or xarray.DataArray of the shape of X
            A DataArray if X is one.
        """
        values, weights = self._prepare(X)
        return like(X, values * weights)

    def inverse_transform(self, X):
        """Divide by the weights; parameters and result as in `transform`."""
        values, weights = self._prepare(X)
        return like(X, values / np.where(weights == 0, weights.dtype.type(np.nan), weights))

    def _find_latitude(self, X) -> np.ndarray:
        latitude = self.latitude if self.latitude is not None else _latitude_of(X)
        if latitude is None:
            raise ValueError(
                f"AreaWeighter needs latitudes, and X ({type(X).__name__}) has none: give latitude=, or X as an "
                f"xarray.DataArray with a one-dimensional coordinate {' or '.join(map(repr, LATITUDE_NAMES))}."
            )
        return np.asarray(latitude, dtype=np.float64)

    def _find_axis(self, X) -> int:
        if self.axis is not None:
            return axis_number(X, self.axis)
        coordinate = _latitude_of(X)
        if coordinate is not None:
            return axis_number(X, coordinate.dims[0])
        return max(1, X.ndim - 2)

    def _prepare(self, X) -> tuple[np.ndarray, np.ndarray]:
        """X as an ndarray, and the weights to broadcast with it."""
        check_is_fitted(self)
        values = self._check_fields(X, reset=False)
        return values, along(self.weights_.astype(values.dtype), self._axis, values.ndim)


def _latitude_of(X):
    """One-dimensional coordinate of latitudes of a DataArray, or None."""
    if not is_dataarray(X):
        return None
    coordinates = [X.coords[name] for name in LATITUDE_NAMES if name in X.coords]
    return next((c for c in coordinates if c.ndim == 1), None)
