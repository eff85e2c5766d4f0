"""Remove slow change: by differences within a row, or by a line in time."""

from __future__ import annotations

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._utils.arrays import axis_number, is_dataarray, like, row_blocks
from sklearn_mrtl._utils.callbacks import as_task
from sklearn_mrtl._utils.time import as_numbers, require_time
from sklearn_mrtl.preprocessing._base import TimedFieldTransformer

METHODS = ("difference", "linear")


def _is_invertible(detrender) -> bool:
    if detrender.method != "linear":
        raise AttributeError(f"method={detrender.method!r} has no inverse: a difference does not tell the level.")
    return True


class Detrender(TimedFieldTransformer, auto_wrap_output_keys=None):
    """Remove trends from fields, row by row.

    Parameters
    ----------
    method : {"difference", "linear"}, default="difference"
        "difference": each entry minus the next one along `axis`. `lag_windows` puts the newest field first, so along
        its axis this is a field minus that of one step before; L lags give L - 1. Nothing is learned.

        "linear": subtract each position's least-squares line in time, fitted to the training rows, at the row's own
        time.
    axis : int or str, default=1
        Axis of the differences, counted as in X: 0 is the rows and not allowed, 1 the lags of `lag_windows`. A str is
        the name of a DataArray's dimension.

    Attributes
    ----------
    slope_ : ndarray of shape X.shape[1:]
        Only for "linear": change per year, or per unit of integer times. 0 where a position has data at fewer than two
        times, NaN where it has none.
    intercept_ : ndarray of shape X.shape[1:]
        Only for "linear": value of the line at `origin_`.
    origin_ : float
        Only for "linear": mean time of the training rows, in years since 1970 for datetime64.
    n_features_in_ : int
        ``X.shape[1]``.

    Notes
    -----
    A row's time, which "linear" needs, comes from the argument ``time=`` (in pipelines as scikit-learn's metadata:
    ``set_fit_request(time=True)``, ``set_transform_request(time=True)``), else from X: the coordinate "time" along
    the first dimension of an ``xarray.DataArray``, or a pandas time index; never from the row's number.

    NaN (land) stays NaN; lines are fitted to the rows that are not NaN. Lines are fitted in float64; the output has
    the dtype of X.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import Detrender
    >>> X = np.array([[[9.0], [7.0], [4.0]]])  # 1 row, 3 lags, 1 cell
    >>> Detrender().fit_transform(X)
    array([[[2.],
            [3.]]])
    >>> time = np.array([2000, 2001, 2003])
    >>> detrender = Detrender("linear").fit([[1.0], [3.0], [7.0]], time=time)
    >>> detrender.slope_
    array([2.])
    >>> detrender.transform([[10.0]], time=[2004])
    array([[1.]])
    >>> detrender.inverse_transform([[1.0]], time=[2004])
    array([[10.]])
    """

    def __init__(self, method="difference", *, axis=1):
        self.method = method
        self.axis = axis

    @as_task
    def fit(self, X, y=None, *, time=None):
        """Fit the lines of "linear"; for "difference", only check X.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
            NaN where there are no data.
        y : ignored
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them; "difference" needs none.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has infinite values, `axis` has a single entry, a row's time is not given, or all rows have the same.
        """
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {self.method!r}.")
        values = self._check_fields(X, reset=True)
        if self.method == "difference":
            self._axis = axis_number(X if is_dataarray(X) else values, self.axis)
            self._check_length(values.shape)
        else:
            self._fit_lines(values, self._numbers(X, time))
        return self

    def transform(self, X, *, time=None):
        """Remove the trend.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        time : array-like of shape (n,), default=None
            Times of the rows, where X does not carry them; "difference" needs none.

        Returns
        -------
        ndarray or xarray.DataArray
            For "linear" of the shape of X, for "difference" one shorter along `axis` (a DataArray keeps there the
            coordinates of the first of each two). A DataArray if X is one.
        """
        check_is_fitted(self)
        values = self._check_fields(X, reset=False)
        if self.method == "linear":
            return like(X, self._with_lines(np.subtract, values, self._numbers(X, time)))
        values = np.moveaxis(values, self._axis, 0)
        differences = np.moveaxis(values[:-1] - values[1:], 0, self._axis)
        return like(X.isel({X.dims[self._axis]: slice(-1)}) if is_dataarray(X) else X, differences)

    @available_if(_is_invertible)
    def inverse_transform(self, X, *, time=None):
        """Put the lines of "linear" back; parameters and result as in `transform`. Differences have no inverse."""
        check_is_fitted(self)
        values = self._check_fields(X, reset=False)
        return like(X, self._with_lines(np.add, values, self._numbers(X, time)))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_row_shape")

    def _check_length(self, shape: tuple[int, ...]) -> None:
        if shape[self._axis] < 2:
            raise ValueError(
                f"a difference along axis {self._axis} needs at least 2 entries there, but X, of shape {shape}, has "
                f"{shape[self._axis]} feature(s)."
            )

    def _numbers(self, X, time) -> np.ndarray:
        return as_numbers(require_time(X, time, "Detrender(method='linear')"))

    def _fit_lines(self, values: np.ndarray, numbers: np.ndarray) -> None:
        self.origin_ = float(numbers.mean())
        t = numbers - self.origin_
        if numbers.min() == numbers.max():
            raise ValueError(
                f"a line in time needs rows of at least two different times, got {len(t)} sample(s) of a single time."
            )
        n, st, stt, sx, stx = np.zeros((5, *values.shape[1:]))
        for rows in row_blocks(values):
            x = values[rows].astype(np.float64)
            there = ~np.isnan(x)
            x[~there] = 0.0
            there = there.astype(np.float64)
            n += there.sum(axis=0)
            st += np.tensordot(t[rows], there, 1)
            stt += np.tensordot(t[rows] ** 2, there, 1)
            sx += x.sum(axis=0)
            stx += np.tensordot(t[rows], x, 1)
        spread = n * stt - st**2
        two_times = spread > 1e-12 * n * stt
        self.slope_ = np.divide(n * stx - st * sx, spread, out=np.zeros_like(n), where=two_times)
        self.slope_[n == 0] = np.nan
        self.intercept_ = np.divide(sx - self.slope_ * st, n, out=np.full_like(n, np.nan), where=n > 0)

    def _with_lines(self, operation: np.ufunc, values: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """operation(values, line at the rows' times), in the values' dtype."""
        t = (numbers - self.origin_).reshape(-1, *(1,) * (values.ndim - 1))
        out = np.empty(values.shape, values.dtype)
        for rows in row_blocks(values):
            line = self.intercept_ + self.slope_ * t[rows]
            operation(values[rows], line.astype(values.dtype), out=out[rows])
        return out
