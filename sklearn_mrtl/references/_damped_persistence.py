"""The last value, drawn to the mean."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl.references._seasonal import SeasonalRegressor, mean_by_position


class DampedPersistenceRegressor(SeasonalRegressor):
    """Predict the target by linear regression on a value in X that persists, such as the present anomaly.

    The prediction is ``mean_ + slope_ * (value - value_mean_)``, with coefficients for each calendar month or for all
    rows together.

    Parameters
    ----------
    of : int, tuple or callable, default=0
        What persists. An index of a row of X, as ``X[:, 0]`` for 0 (lag 0 of `lag_windows`) or ``X[:, 0, 3:5, 2:4]``
        for ``(0, slice(3, 5), slice(2, 4))``: the mean of the values there, NaN left out; or, where these have the
        shape of a row of y with several outputs, a value for each, as for maps. A callable gets X and returns an array
        of shape (n,), or of the shape of y.
    period : "month", int or None, default=None
        Cycle with coefficients for each position: "month" for calendar months, an int for integer times. ``None``: the
        same for all rows, which need no times.

    Attributes
    ----------
    cycle_ : ndarray of int, shape (n_positions,)
        Positions in the cycle that were seen in fit, ascending: 1..12 for months.
    slope_ : ndarray of shape (n_positions, n_outputs)
        Regression coefficient; 0 where the value is constant.
    mean_, value_mean_ : ndarray of shape (n_positions, n_outputs)
        Mean of the targets, and of the value that persists.
    n_features_in_ : int
        ``X.shape[1]``.

    See Also
    --------
    ResidualRegressor : Learns what a reference leaves.

    Notes
    -----
    A row's time, where there is a period, comes from the argument ``time=``, else from X: the coordinate "time" along
    the first dimension of an ``xarray.DataArray``, or a pandas time index.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import lag_windows
    >>> from sklearn_mrtl.references import DampedPersistenceRegressor
    >>> rng = np.random.default_rng(0)
    >>> series = np.zeros(400)
    >>> for month in range(1, 400):
    ...     series[month] = 0.8 * series[month - 1] + rng.normal()
    >>> windows = lag_windows(series[:, None], series, lags=3, lead=1)
    >>> model = DampedPersistenceRegressor(of=0).fit(windows.X, windows.y)
    >>> model.slope_.round(1)
    array([[0.8]])
    """

    def __init__(self, of=0, *, period=None):
        self.of = of
        self.period = period

    def _predictors(self, given, X: np.ndarray) -> np.ndarray:
        """Return what persists, shape (n, 1) or (n, n_outputs), of X as it was given, or as an array."""
        if callable(self.of):
            values = np.asarray(self.of(given), dtype=np.float64)
        else:
            values = X[(slice(None), *(self.of if isinstance(self.of, tuple) else (self.of,)))].astype(np.float64)
            if values.shape[1:] != self._row_shape:
                values = mean_of_known(values)
        if self._mask is not None and values.shape[1:] == self._mask.shape:
            values = values[:, self._mask]
        n_rows = len(X)
        if values.ndim not in (1, 2) or len(values) != n_rows:
            raise ValueError(f"of must return {n_rows} values or rows of values, got an array of shape {values.shape}.")
        if not np.isfinite(values).all():
            n_missing = int((~np.isfinite(values.reshape(n_rows, -1)).all(axis=1)).sum())
            raise ValueError(f"of must select values that are there, got none or infinite ones in {n_missing} row(s).")
        return values.reshape(n_rows, -1)

    def _fit_positions(self, predictors: np.ndarray, y: np.ndarray, weight: np.ndarray, index: np.ndarray) -> None:
        if predictors.shape[1] not in (1, y.shape[1]):
            raise ValueError(
                f"of must give one value a row, or one for each of the {y.shape[1]} outputs, got {predictors.shape[1]}."
            )
        predictors = np.broadcast_to(predictors, y.shape)
        self.mean_ = mean_by_position(y, weight, index)
        self.value_mean_ = mean_by_position(predictors, weight, index)
        deviations = predictors - self.value_mean_[index]
        squares = mean_by_position(deviations**2, weight, index)
        products = mean_by_position(deviations * (y - self.mean_[index]), weight, index)
        constant = squares <= 1e-24 * self.value_mean_**2
        self.slope_ = np.where(constant, 0, products / np.where(constant, 1, squares))

    def _predict_positions(self, predictors: np.ndarray, index: np.ndarray) -> np.ndarray:
        return self.mean_[index] + self.slope_[index] * (predictors - self.value_mean_[index])


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Return the mean of each row, shape (n,), NaN left out."""
    flat = values.reshape(len(values), -1)
    known = ~np.isnan(flat)
    means = np.where(known, flat, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    means[~known.any(axis=1)] = np.nan
    return means
