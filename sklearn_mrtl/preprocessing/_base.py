"""What the transformers of N-D arrays have in common."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from sklearn_mrtl._utils.arrays import FLOATS, as_one_array, row_blocks
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin


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
