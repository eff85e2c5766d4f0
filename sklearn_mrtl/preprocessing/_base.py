"""What the transformers of N-D arrays have in common."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from sklearn_mrtl._callbacks import CallbackSupportMixin
from sklearn_mrtl.preprocessing._time import is_dataarray, is_dataset

FLOATS = (np.float64, np.float32)
BLOCK_ENTRIES = 2**18  # a block of rows that stays in the cache


class FieldTransformer(CallbackSupportMixin, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Base of transformers of arrays of shape (n, ...).

    Subclasses repeat ``auto_wrap_output_keys=None``: scikit-learn's set_output makes tables, and these are not.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _check_fields(self, X, *, reset: bool) -> np.ndarray:
        """X as a float ndarray of shape (n, ...), not copied if it is one. NaN: no data there.

        In fit (`reset`) the shape of a row is kept, later it is compared with it.
        """
        X = as_one_array(X)
        # scikit-learn's own check of finiteness makes boolean arrays of the full size of a lagged view.
        values = validate_data(self, X, reset=reset, dtype=FLOATS, allow_nd=True, ensure_all_finite=False)
        if any(np.isinf(values[rows]).any() for rows in row_blocks(values)):
            raise ValueError("X contains infinity; NaN is what marks places without data.")
        if reset:
            self._row_shape = values.shape[1:]
        elif values.shape[1:] != self._row_shape:
            raise ValueError(f"X must have rows of shape {self._row_shape}, as in fit, got {values.shape[1:]}.")
        return values


class TimedFieldTransformer(FieldTransformer, auto_wrap_output_keys=None):
    """Base of those whose rows have a time."""

    def fit_transform(self, X, y=None, *, time=None):
        """Fit to X and transform it.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        y : ignored
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them.

        Returns
        -------
        ndarray or xarray.DataArray
            As `transform` gives it.
        """
        return self.fit(X, y, time=time).transform(X, time=time)


def as_one_array(X):
    """X with NaN where a mask hides what is there; anything else as it is.

    Raises
    ------
    TypeError
        If X is a Dataset.
    """
    if is_dataset(X):
        raise TypeError(
            "X is an xarray.Dataset, expected one array: lag_windows makes its variables an axis, as does "
            "X.to_dataarray('variable').transpose('time', 'variable', ...)."
        )
    return unmasked(X)


def unmasked(X):
    """X with NaN where a masked array (netCDF4 gives such) says that there are no data; anything else as it is."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    return X.astype(np.result_type(X, np.float32), copy=False).filled(np.nan)


def row_blocks(X: np.ndarray) -> Iterator[slice]:
    """Slices of rows of X, each small enough to stay in the cache."""
    step = max(1, BLOCK_ENTRIES // max(1, X[:1].size))
    return (slice(start, start + step) for start in range(0, len(X), step))


def axis_number(X, axis: int | str) -> int:
    """Which axis of X that is, 1 or more: a name is a dimension of a DataArray, a number counts as in numpy.

    Raises
    ------
    ValueError
        If X has no such axis, or it is the rows.
    """
    if isinstance(axis, str):
        dims = tuple(X.dims) if is_dataarray(X) else ()
        if axis not in dims[1:]:
            has = f"the dimensions {dims}" if dims else "no names of dimensions"
            raise ValueError(f"axis must be a dimension of X after the first, got {axis!r}; X has {has}.")
        return dims.index(axis)
    ndim = np.ndim(X)
    if axis not in range(-ndim, ndim) or axis % ndim == 0:
        raise ValueError(f"axis must be one of 1..{ndim - 1} (0 is the rows) for X of {ndim} axes, got {axis}.")
    return axis % ndim


def along(values: np.ndarray, axis: int | None, ndim: int) -> np.ndarray:
    """Values, shape (k,), as an array of `ndim` axes that runs along one of them (None: k is 1)."""
    return values.reshape([-1 if i == axis else 1 for i in range(ndim)])


def like(X, values: np.ndarray):
    """Values as a DataArray with X's coordinates if X is one, else as they are."""
    return X.copy(data=values) if is_dataarray(X) else values
