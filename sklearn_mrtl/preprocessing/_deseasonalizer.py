"""Remove the seasonal cycle of every cell."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._utils.arrays import like
from sklearn_mrtl._utils.callbacks import as_task
from sklearn_mrtl._utils.time import check_period, positions_in_cycle, require_time
from sklearn_mrtl.preprocessing._base import TimedFieldTransformer
from sklearn_mrtl.preprocessing._climatology import Climatology


class Deseasonalizer(TimedFieldTransformer, auto_wrap_output_keys=None):
    """Remove the seasonal cycle: subtract each position's mean of the calendar month, divide by its std.

    Mean and standard deviation are those of the training rows of the same calendar month, for every position of X
    after the first axis (lag, variable, cell, ...). As a lag is a fixed number of months, the row's month fixes the
    month of each lag, and nothing needs to be known of lags.

    A row's time comes from the argument ``time=`` (in pipelines as scikit-learn's metadata:
    ``set_fit_request(time=True)``, ``set_transform_request(time=True)``), else from X: the coordinate "time" along
    the first dimension of an ``xarray.DataArray``, or a pandas time index.

    Parameters
    ----------
    period : "month" or int, default="month"
        "month": the cycle is the year, in calendar months, and times are dates (datetime64, datetime, cftime, pandas).
        An int: length of the cycle that integer times run through, such as 24 for hours.
    standardize : bool, default=True
        Divide by the standard deviation (of the population, ddof=0). ``False``: subtract the mean only.
    harmonics : int or None, default=None
        Make mean and variance smooth over the cycle: Fourier series of that many harmonics (1: one wave a year),
        fitted by least squares to the training rows and to their squared residuals. For few years of data, cycles of
        many positions, and months that the training rows lack. ``None``: each position of the cycle by itself.

    Attributes
    ----------
    mean_ : ndarray of shape (n_positions, ...)
        Mean of each place in the cycle; NaN where there were no data.
    std_ : ndarray of shape (n_positions, ...), or None
        Standard deviation, guarded; None if not `standardize`.
    cycle_ : ndarray of int, shape (n_positions,)
        Places in the cycle that were seen in fit, ascending: 1..12 for months, 0..period-1 for integers. With
        `harmonics`, all there are.
    n_guarded_ : int
        Number of entries of `std_` that were raised to the floor.
    n_features_in_ : int
        ``X.shape[1]``.

    Notes
    -----
    Cells under winter sea ice hardly change in the training years; divided by their standard deviation, the first
    ice-free winter would become thousands of standard deviations and ruin any model. Therefore no standard deviation
    is less than a fifth of the median over the cycle and over the grid, which is the last two axes of X (all columns
    of a 2-D X), as in the estimators' ``modes=None``: lags and variables each have a median of their own. A grid
    that never changes gets 1.

    NaN (land) stays NaN. Means and standard deviations are over the rows that are not NaN; a position without any data
    in a month of the training rows is NaN in that month of every output; with `harmonics` it is NaN in all months if
    it has data in fewer than ``2 * harmonics + 1`` of them.

    Statistics are made in float64; the output has the dtype of X.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import Deseasonalizer
    >>> time = np.arange("2000-01", "2004-01", dtype="datetime64[M]")
    >>> year, month = np.divmod(np.arange(48), 12)
    >>> X = (10.0 * month + year)[:, None]  # one cell
    >>> deseasonalizer = Deseasonalizer(standardize=False).fit(X, time=time)
    >>> deseasonalizer.mean_[:3, 0]
    array([ 1.5, 11.5, 21.5])
    >>> deseasonalizer.transform(X[:3], time=time[:3]).ravel()
    array([-1.5, -1.5, -1.5])

    One wave a year, fitted without the winters, gives the winters too:

    >>> X = 10 + 8 * np.cos(2 * np.pi * (month + 1) / 12)[:, None]
    >>> seen = (month >= 2) & (month <= 10)
    >>> smooth = Deseasonalizer(standardize=False, harmonics=1).fit(X[seen], time=time[seen])
    >>> smooth.mean_[[0, 5, 11], 0].round(6)
    array([16.928203,  2.      , 18.      ])
    """

    def __init__(self, period="month", *, standardize=True, harmonics=None):
        self.period = period
        self.standardize = standardize
        self.harmonics = harmonics

    @as_task
    def fit(self, X, y=None, *, time=None):
        """Learn mean and standard deviation of every position in every month.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
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
            If X has infinite values, a row's time is not given, or the rows lie at too few places of the cycle for
            the harmonics.
        """
        check_period(self.period)
        values = self._check_fields(X, reset=True)
        position = self._position(X, time)
        climatology = Climatology.fit(
            values,
            position,
            period=self.period,
            standardize=self.standardize,
            harmonics=self.harmonics,
            n_grid_axes=min(2, values.ndim - 1),
        )
        self._climatology = climatology
        self.cycle_, self.mean_, self.std_ = climatology.positions, climatology.mean, climatology.std
        self.n_guarded_ = climatology.n_guarded
        return self

    def transform(self, X, *, time=None):
        """Remove the seasonal cycle.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them.

        Returns
        -------
        ndarray or xarray.DataArray of the shape of X
            A DataArray if X is one.

        Raises
        ------
        ValueError
            If a row's month was not seen in fit.
        """
        return self._apply("remove", X, time)

    def inverse_transform(self, X, *, time=None):
        """Put the seasonal cycle back; parameters and result as in `transform`."""
        return self._apply("restore", X, time)

    def _apply(self, direction: str, X, time):
        check_is_fitted(self)
        values = self._check_fields(X, reset=False)
        position = self._position(X, time)
        self._climatology.check_seen(position, self.period)
        return like(X, getattr(self._climatology, direction)(values, position))

    def _position(self, X, time) -> np.ndarray:
        return positions_in_cycle(require_time(X, time, "Deseasonalizer"), self.period)
