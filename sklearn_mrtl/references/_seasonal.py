"""What regressors with coefficients for each calendar month have in common."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from sklearn_mrtl._utils.arrays import FLOATS, unmasked
from sklearn_mrtl._utils.labels import Labels, align_target
from sklearn_mrtl._utils.maps import flat_target, r2_of_targets, restored
from sklearn_mrtl._utils.time import check_period, positions_in_cycle, require_time


class SeasonalRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Base of regressors whose coefficients depend on the position of a row in the cycle alone."""

    def fit(self, X, y, sample_weight=None, *, time=None):
        """Estimate the coefficients from the training rows.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        y : array-like of shape (n,), (n, n_outputs), or maps (n, ...) that are NaN over land
        sample_weight : array-like of shape (n,), default=None
        time : array-like of shape (n,), default=None
            Times of the rows of X, where X does not carry them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a row's time is needed and not given, or values are missing.
        """
        if self.period is not None:
            check_period(self.period)
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        given = X
        self._labels = Labels.of_target(y)
        y, self._mask = flat_target(y)
        X, y = self._validated(X, y=y, multi_output=True, y_numeric=True)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        outputs = y.reshape(len(y), -1).astype(np.float64)
        self._row_shape = y.shape[1:] if self._mask is None else self._mask.shape
        rows = weight > 0
        position = self._position(given, len(y), time)
        self.cycle_, index = np.unique(position[rows], return_inverse=True)
        self._fit_positions(self._predictors(given, X)[rows], outputs[rows], weight[rows], index)
        self._is_single = y.ndim == 1
        return self

    def predict(self, X, *, time=None):
        """Predict the targets.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        time : array-like of shape (n,), default=None
            Times of the rows of X, where X does not carry them.

        Returns
        -------
        ndarray of the shape of y

        Raises
        ------
        ValueError
            If a row's month was not seen in fit.
        """
        check_is_fitted(self)
        given, X = X, self._validated(X, reset=False)
        position = self._position(given, len(X), time)
        unseen = np.setdiff1d(position, self.cycle_)
        if len(unseen):
            raise ValueError(
                f"rows of X lie at positions {unseen.tolist()} of the cycle (period={self.period!r}), where fit had no "
                f"rows; it had some at {self.cycle_.tolist()}."
            )
        values = self._predict_positions(self._predictors(given, X), np.searchsorted(self.cycle_, position))
        return values[:, 0] if self._is_single else restored(values, self._mask)

    def score(self, X, y, sample_weight=None, *, time=None):
        """Return R^2 of the predictions.

        Parameters
        ----------
        X, time
            As in `predict`.
        y : array-like of shape (n,), (n, n_outputs), or maps (n, ...) that are NaN over land
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
        """
        y = align_target(y, self._labels)
        return r2_of_targets(y, self.predict(X, time=time), self._mask, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.regressor_tags.poor_score = True
        return tags

    def _validated(self, X, **options):
        """Return X, or X and y, as arrays."""
        return validate_data(self, unmasked(X), dtype=FLOATS, allow_nd=True, ensure_all_finite="allow-nan", **options)

    def _position(self, X, n_rows: int, time) -> np.ndarray:
        """Return the positions in the cycle of the rows of X; 0 where there is no cycle."""
        if self.period is None:
            return np.zeros(n_rows, dtype=np.int64)
        return positions_in_cycle(require_time(X, time, type(self).__name__), self.period)


def mean_by_position(values: np.ndarray, weight: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the weighted mean (n_positions, T) of values (n, T) at each position."""
    total = np.bincount(index, weight)
    sums = [np.bincount(index, weight * column) for column in values.T]
    return np.stack(sums, axis=1) / total[:, None]
