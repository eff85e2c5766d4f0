"""What the transformers of fields have in common."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_mrtl._utils.arrays import FLOATS, as_one_array, is_dataarray, is_lazy, like, row_blocks
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, as_task
from sklearn_mrtl._utils.labels import Labels, align, restore_order
from sklearn_mrtl._utils.lazy import check_blocks_of_rows, map_rows


class ArrayTransformerMixin(TransformerMixin):
    """Mixin of transformers whose results are not tables, which scikit-learn's set_output would make of them."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)


class FieldTransformer(CallbackSupportMixin, ArrayTransformerMixin, BaseEstimator):
    """Base of transformers of arrays of shape (n, ...).

    A subclass defines `_check_parameters`, `_learn`, `_forward` and `_backward`.
    """

    @as_task
    def fit(self, X, y=None):
        """Fit to the training rows.

        Parameters
        ----------
        X : array-like, xarray.DataArray or Dataset, of shape (n, ...)
            NaN where there are no data.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has infinite values, or a parameter is wrong or does not suit X.
        """
        return self._fit(X, None)

    def transform(self, X):
        """Transform X.

        Parameters
        ----------
        X : array-like, xarray.DataArray or Dataset, of shape (n, ...)

        Returns
        -------
        ndarray or xarray.DataArray of the shape of X
            A DataArray if X is one.

        Raises
        ------
        ValueError
            If the rows of X have another shape, other dimensions or other coordinates than in fit.
        """
        return self._apply(X, None, self._forward)

    def inverse_transform(self, X):
        """Undo `transform`; parameters, result and errors are those of `transform`."""
        return self._apply(X, None, self._backward)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    # Defined by subclasses

    def _check_parameters(self) -> None:
        """Raise an error for wrong parameters, before X is validated."""

    def _learn(self, X, values: np.ndarray, when) -> None:
        """Set the fitted attributes.

        X is the DataArray that was given, or `values` itself; `when` is what `_when` returned.
        """
        raise NotImplementedError

    def _learn_blocks(self, X, blocks, when) -> None:
        """Do the same as `_learn` for a dask array `blocks`; what needs no values of X asks for none."""
        self._learn(X, np.empty((2, *blocks.shape[1:]), blocks.dtype), when)

    def _forward(self, values: np.ndarray, when) -> np.ndarray:
        raise NotImplementedError

    def _backward(self, values: np.ndarray, when) -> np.ndarray:
        raise NotImplementedError

    def _when(self, X, time):
        """Describe the times of the rows of X; None where the transformer needs none."""
        return None

    def _align(self, X):
        """Put a DataArray in the order of fit."""
        return align(X, self._labels)

    def _frame(self, X):
        """Return the DataArray whose coordinates the result has; X is aligned."""
        return X

    # Shared by all subclasses

    def _fit(self, X, time):
        self._check_parameters()
        X = as_one_array(X)
        if is_lazy(X):
            blocks = self._check_lazy(X, reset=True)
            self._learn_blocks(X if is_dataarray(X) else blocks, blocks, self._when(X, time))
            return self
        values = self._check_fields(X, reset=True)
        self._learn(X if is_dataarray(X) else values, values, self._when(X, time))
        return self

    def _apply(self, X, time, operation):
        check_is_fitted(self)
        X = as_one_array(X)
        aligned = self._align(X)
        if is_lazy(aligned):
            blocks, when = self._check_lazy(aligned, reset=False), self._when(aligned, time)
            row = operation(np.zeros((1, *blocks.shape[1:]), blocks.dtype), None if when is None else when[:1])
            result = map_rows(partial(self._of_block, operation), blocks, when, row)
        else:
            result = operation(self._check_fields(aligned, reset=False), self._when(aligned, time))
        return restore_order(like(self._frame(aligned), result), X, self._labels)

    @staticmethod
    def _of_block(operation, block: np.ndarray, when) -> np.ndarray:
        refuse_infinity(block)
        return operation(block, when)

    def _check_lazy(self, X, *, reset: bool):
        """Return X as a dask array of floats in blocks of rows; labels and shapes as in `_check_fields`."""
        check_blocks_of_rows(X)
        blocks = X.data if is_dataarray(X) else X
        blocks = blocks if blocks.dtype in FLOATS else blocks.astype(np.float64)
        validate_data(
            self, np.empty((0, *blocks.shape[1:])), reset=reset, dtype=FLOATS, allow_nd=True, ensure_min_samples=0
        )
        self._check_rows(X, blocks.shape[1:], reset=reset)
        return blocks

    def _check_fields(self, X, *, reset: bool) -> np.ndarray:
        """Return X as a float ndarray of shape (n, ...), not copied if it is one. NaN: no data there.

        In fit (`reset`) the shape and the labels of a row are kept; later the shape is compared with that of fit.
        """
        # scikit-learn's own check of finiteness would allocate boolean arrays of the full size of a lagged view.
        values = validate_data(self, X, reset=reset, dtype=FLOATS, allow_nd=True, ensure_all_finite=False)
        refuse_infinity(values)
        self._check_rows(X, values.shape[1:], reset=reset)
        return values

    def _check_rows(self, X, row_shape: tuple[int, ...], *, reset: bool) -> None:
        if reset:
            self._row_shape, self._labels = row_shape, Labels.of(X)
        elif row_shape != self._row_shape:
            raise ValueError(f"X must have rows of shape {self._row_shape}, as in fit, got {row_shape}.")


def refuse_infinity(values: np.ndarray) -> None:
    """Raise ValueError if there are infinite values."""
    if any(np.isinf(values[rows]).any() for rows in row_blocks(values)):
        raise ValueError("X contains infinity; mark missing data by NaN.")


class TimedFieldTransformer(FieldTransformer):
    """Base of the transformers that need the time of each row."""

    @as_task
    def fit(self, X, y=None, *, time=None):
        """Fit to the training rows.

        Parameters
        ----------
        X : array-like, xarray.DataArray or Dataset, of shape (n, ...)
            NaN where there are no data.
        y : ignored
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has infinite values, a row's time is needed and not given, the times are too few, or a parameter is
            wrong or does not suit X.
        """
        return self._fit(X, time)

    def transform(self, X, *, time=None):
        """Transform X.

        Parameters
        ----------
        X : array-like, xarray.DataArray or Dataset, of shape (n, ...)
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them.

        Returns
        -------
        ndarray or xarray.DataArray
            Of the shape of X, but for the differences of `Detrender`. A DataArray if X is one, or a Dataset.

        Raises
        ------
        ValueError
            If the rows of X have another shape, other dimensions or other coordinates than in fit, or there are no
            statistics for a time: a month that fit did not see, or dates of another calendar.
        """
        return self._apply(X, time, self._forward)

    def inverse_transform(self, X, *, time=None):
        """Undo `transform`; parameters, result and errors are those of `transform`."""
        return self._apply(X, time, self._backward)

    def fit_transform(self, X, y=None, *, time=None):
        """Fit to X and transform it.

        Parameters
        ----------
        X : array-like, xarray.DataArray or Dataset, of shape (n, ...)
        y : ignored
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them.

        Returns
        -------
        ndarray or xarray.DataArray
            As `transform` gives it.
        """
        return self.fit(X, y, time=time).transform(X, time=time)
