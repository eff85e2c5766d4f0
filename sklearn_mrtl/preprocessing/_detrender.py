"""Remove slow change: by differences within a row, or by a line in time."""

from __future__ import annotations

import numpy as np
from sklearn.utils.metaestimators import available_if

from sklearn_mrtl._utils.arrays import axis_number, is_dataarray, row_blocks
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.lazy import reduce_blocks, row_slices
from sklearn_mrtl._utils.time import as_numbers, require_time, time_kind
from sklearn_mrtl.preprocessing._base import TimedFieldTransformer, refuse_infinity
from sklearn_mrtl.preprocessing._docstrings import LABELS, N_FEATURES_IN, TIME_OF_ROWS

METHODS = ("difference", "linear")


def _is_invertible(detrender) -> bool:
    if detrender.method != "linear":
        raise AttributeError(f"method={detrender.method!r} has no inverse: a difference does not tell the level.")
    return True


@substitute(n_features_in=N_FEATURES_IN, time_of_rows=TIME_OF_ROWS, labels=LABELS)
class Detrender(TimedFieldTransformer):
    """Remove trends from fields, row by row.

    Parameters
    ----------
    method : {"difference", "linear"}, default="difference"
        "difference": each entry minus the next one along `axis`. `lag_windows` puts the newest field first, so along
        its axis this is a field minus that of one step before; L lags give L - 1 differences, and a DataArray keeps
        the coordinates of the first of each two. Nothing is learned.

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
    {n_features_in}

    Notes
    -----
    Only "linear" needs times.

    {time_of_rows}

    The times of later calls must be of the kind of fit: integers, or dates of the same calendar.

    NaN (land) stays NaN; lines are fitted to the rows that are not NaN. Lines are fitted in float64; the output has
    the dtype of X.

    {labels}

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

    inverse_transform = available_if(_is_invertible)(TimedFieldTransformer.inverse_transform)

    def _check_parameters(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {METHODS}, got {self.method!r}.")

    def _learn(self, X, values: np.ndarray, when: np.ndarray | None) -> None:
        if when is None:
            self._axis = axis_number(X, self.axis)
            self._check_length(values.shape)
        else:
            self._fit_lines(values, as_numbers(when))
            self._time_kind = time_kind(when)

    def _forward(self, values: np.ndarray, when: np.ndarray | None) -> np.ndarray:
        if when is not None:
            return self._with_lines(np.subtract, values, when)
        first = [slice(None)] * values.ndim
        second = list(first)
        first[self._axis], second[self._axis] = slice(None, -1), slice(1, None)
        return values[tuple(first)] - values[tuple(second)]

    def _backward(self, values: np.ndarray, when: np.ndarray) -> np.ndarray:
        return self._with_lines(np.add, values, when)

    def _when(self, X, time) -> np.ndarray | None:
        """Return the times of the rows; None for differences, which need none."""
        return require_time(X, time, "Detrender(method='linear')") if self.method == "linear" else None

    def _frame(self, X):
        """Keep the coordinates of the first entry of each difference."""
        if self.method == "linear" or not is_dataarray(X):
            return X
        return X.isel({X.dims[self._axis]: slice(-1)})

    def _check_length(self, shape: tuple[int, ...]) -> None:
        if shape[self._axis] < 2:
            raise ValueError(
                f"a difference along axis {self._axis} needs at least 2 entries there, but X, of shape {shape}, has "
                f"{shape[self._axis]} feature(s)."
            )

    def _learn_blocks(self, X, blocks, when: np.ndarray | None) -> None:
        if when is None:
            super()._learn_blocks(X, blocks, when)
            return
        t = self._centred(as_numbers(when))
        arguments = [(t[rows],) for rows in row_slices(blocks)]
        self._solve_lines(reduce_blocks(sums_of_block, np.add, blocks, arguments))
        self._time_kind = time_kind(when)

    def _fit_lines(self, values: np.ndarray, numbers: np.ndarray) -> None:
        self._solve_lines(line_sums(values, self._centred(numbers)))

    def _centred(self, numbers: np.ndarray) -> np.ndarray:
        """Return times from their mean, which is kept."""
        self.origin_ = float(numbers.mean())
        if numbers.min() == numbers.max():
            raise ValueError(
                f"a line in time needs rows of at least two different times, got {len(numbers)} sample(s) of a single "
                "time."
            )
        return numbers - self.origin_

    def _solve_lines(self, sums: np.ndarray) -> None:
        n, st, stt, sx, stx = sums
        spread = n * stt - st**2
        two_times = spread > 1e-12 * n * stt
        self.slope_ = np.divide(n * stx - st * sx, spread, out=np.zeros_like(n), where=two_times)
        self.slope_[n == 0] = np.nan
        self.intercept_ = np.divide(sx - self.slope_ * st, n, out=np.full_like(n, np.nan), where=n > 0)

    def _with_lines(self, operation: np.ufunc, values: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Return operation(values, line at the rows' times), in the dtype of values."""
        if time_kind(time) != self._time_kind:
            raise ValueError(
                f"time must be of the kind of fit, {self._time_kind}, got {time_kind(time)}: their "
                "numbers do not compare. Convert the times, as xarray's convert_calendar does."
            )
        t = (as_numbers(time) - self.origin_).reshape(-1, *(1,) * (values.ndim - 1))
        out = np.empty(values.shape, values.dtype)
        for rows in row_blocks(values):
            line = self.intercept_ + self.slope_ * t[rows]
            operation(values[rows], line.astype(values.dtype), out=out[rows])
        return out


def line_sums(values: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return for each position the sums over the rows with data of 1, t, t^2, x and t x, shape (5, ...)."""
    n, st, stt, sx, stx = sums = np.zeros((5, *values.shape[1:]))
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
    return sums


def sums_of_block(block: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the sums of a block, which must be finite."""
    refuse_infinity(block)
    return line_sums(block, t)
