"""The mean of the season."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl.references._seasonal import SeasonalRegressor, mean_by_position


class ClimatologyRegressor(SeasonalRegressor):
    """Predict the mean of the training targets in the same calendar month.

    A row's time comes from the argument ``time=``, else from X: the coordinate "time" along the first dimension of an
    ``xarray.DataArray``, or a pandas time index. Targets that lie a number of months ahead of all rows need no
    parameter: the month of a row determines that of its target.

    Parameters
    ----------
    period : "month", int or None, default="month"
        "month": the cycle is the year, in calendar months. An int: length of the cycle that integer times run through.
        ``None``: one mean for all rows, which need no times.

    Attributes
    ----------
    cycle_ : ndarray of int, shape (n_positions,)
        Positions in the cycle that were seen in fit, ascending: 1..12 for months.
    mean_ : ndarray of shape (n_positions, n_outputs)
        Mean of the targets at each position.
    n_features_in_ : int
        ``X.shape[1]``.

    See Also
    --------
    ResidualRegressor : Learns what a reference leaves.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.references import ClimatologyRegressor
    >>> time = np.arange("2000-01", "2003-01", dtype="datetime64[M]")
    >>> X, y = np.zeros((36, 1)), np.tile(np.arange(12.0), 3)
    >>> ClimatologyRegressor().fit(X, y, time=time).predict(X[:3], time=time[:3])
    array([0., 1., 2.])
    """

    def __init__(self, period="month"):
        self.period = period

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # only its times matter
        return tags

    def _predictors(self, given, X: np.ndarray) -> np.ndarray:
        return np.empty((len(X), 0))

    def _fit_positions(self, predictors: np.ndarray, y: np.ndarray, weight: np.ndarray, index: np.ndarray) -> None:
        self.mean_ = mean_by_position(y, weight, index)

    def _predict_positions(self, predictors: np.ndarray, index: np.ndarray) -> np.ndarray:
        return self.mean_[index]
