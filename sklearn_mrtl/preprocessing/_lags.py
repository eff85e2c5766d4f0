"""Samples of lagged fields, made of a series of fields."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from sklearn_mrtl._utils.arrays import is_dataarray, is_dataset, is_lazy, unmasked, variables_as_axis
from sklearn_mrtl._utils.time import check_steps, find_time, time_kind
from sklearn_mrtl._utils.windows import windows_of
from sklearn_mrtl._warnings import warn


class LagWindows(NamedTuple):
    """Result of `lag_windows`.

    Attributes
    ----------
    X : ndarray or xarray.DataArray of shape (n, n_lags, ...)
        The fields of each sample, one for each lag.
    y : ndarray or xarray.DataArray of shape (n, ...), or None
        The target, `lead` steps later.
    time : ndarray of shape (n,), or None
        Time of lag 0 of each sample, for the argument ``time=`` of the transformers of this package.
    target_time : ndarray of shape (n,), or None
        Time of y.
    """

    X: Any
    y: Any
    time: np.ndarray | None
    target_time: np.ndarray | None


def lag_windows(fields, target=None, *, lags: int | Sequence[int], lead: int = 0, time=None) -> LagWindows:
    """Make samples of the last few fields of a series, and the target that follows each.

    The sample of time t holds ``fields[t - lag]`` for each lag, and its target is ``target[t + lead]``. Nothing is
    estimated, so this comes before any split; afterwards each row carries all the fields it needs.

    Parameters
    ----------
    fields : array-like, dask.array.Array, xarray.DataArray or xarray.Dataset of shape (n_times, ...)
        A series of fields, ordered in time along the first axis, or along the dimension "time" of a DataArray, which is
        put first; masked entries become NaN. The variables of a Dataset become an axis after that of time, "variable".
        The windows of a dask array, or of a DataArray or Dataset of dask arrays, are computed when they are needed.
        Their chunks hold all lags and variables of a row, and as many rows as those of the fields have times.
    target : array-like, dask.array.Array or xarray.DataArray of shape (n_times,) or (n_times, n_outputs), default=None
        Quantity to predict, with time along the same axes. If it has times, as a DataArray or pandas object may, they
        may be others than those of `fields`: there is a row for each time of the target whose fields are known. If not,
        it is at the times of `fields`. A lazy target of lazy fields gets the chunks of their windows. ``None``, for the
        samples of predictions: every time with all its lags gives a row, and `lead` changes nothing.
    lags : int or sequence of int
        Steps back in time. An int L means 0, 1, ..., L-1.
    lead : int, default=0
        Steps from the sample's time to its target's.
    time : array-like of shape (n_times,), default=None
        Times of the fields, where `fields` has no coordinate "time" of its own.

    Returns
    -------
    LagWindows
        A named tuple (X, y, time, target_time).

        X has shape (n, n_lags, ...). Where the lags are evenly spaced it is a read-only view of `fields`, otherwise a
        copy. A DataArray keeps its coordinates: "lag" is new, and "time" is the time
        of lag 0, so that a row's calendar month also fixes the month of each of its lags.

        A target that is a DataArray gives a y that is one, any other an ndarray. The DataArray's coordinate "time" is
        the target's own, `lead` steps after that of its row of X; `DeseasonalizedTargetRegressor` checks its own
        `lead` by it.

    Raises
    ------
    ValueError
        If a lag or lead is negative, the series is too short for them, `target` and `fields` differ in length or have
        no times in common, time does not increase, or the variables of a Dataset differ in dimensions.

    Warns
    -----
    UserWarning
        If the times have a gap: lags count steps, so a gap puts fields under the wrong lag.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import lag_windows
    >>> fields = np.arange(12.0).reshape(6, 2)  # 6 months, 2 cells
    >>> rain = np.array([0, 1, 2, 3, 4, 5])
    >>> months = np.arange("2000-01", "2000-07", dtype="datetime64[M]")
    >>> windows = lag_windows(fields, rain, lags=3, lead=1, time=months)
    >>> windows.X.shape
    (3, 3, 2)
    >>> windows.X[0]  # March, February, January
    array([[4., 5.],
           [2., 3.],
           [0., 1.]])
    >>> windows.y
    array([3, 4, 5])
    >>> windows.time[0], windows.target_time[0]
    (np.datetime64('2000-03'), np.datetime64('2000-04'))

    To predict, leave the target out; the last row is then the newest:

    >>> lag_windows(fields, lags=3).X.shape
    (4, 3, 2)
    """
    steps_back, lead = _check_lags(lags), check_step("lead", lead)
    if is_dataset(fields):
        fields = variables_as_axis(fields)
    fields, target = with_time_first(fields), with_time_first(target)
    time_given, time = time is not None, find_time(fields, time)
    if time is not None and (gap := check_steps(time)):
        warn(f"lags count steps of time, and these are uneven: {gap}.")
    fields = _as_series("fields", fields)
    if time_given and is_dataarray(fields):
        fields = fields.assign_coords(time=(fields.dims[0], time))
    if target is not None:
        given, target = target, _as_series("target", target)
        target_time = find_time(given)
        if time is None or target_time is None:
            _check_same_length(len(fields), target)

    n_times = len(fields)
    first, stop = int(steps_back.max()), n_times if target is None else n_times - lead
    if stop <= first:
        lead_too = "" if target is None else f" and lead {lead}"
        raise ValueError(f"lag {first}{lead_too} need at least {n_times + first - stop + 1} times, got {n_times}.")
    rows, ahead = slice(first, stop), slice(first + lead, stop + lead)
    X = _windows(fields, steps_back, rows)
    if target is None:
        return LagWindows(X, None, None if time is None else time[rows], None)
    kept: slice | np.ndarray = slice(None)
    known: slice | np.ndarray = ahead
    if time is not None and target_time is not None and not np.array_equal(time, target_time):
        kept, known = _common_times(time[ahead], target_time)
        X = X[kept]
    times = (None, None) if time is None else (time[rows][kept], time[ahead][kept])
    return LagWindows(X, _in_chunks_of(X, target[known]), *times)


def _windows(fields, lags: np.ndarray, rows: slice):
    """Return fields[t - lag] for t in rows; shape (n, n_lags, ...)."""
    make_windows = _lazy_windows if is_lazy(fields) else windows_of
    if is_dataarray(fields):
        values = make_windows(fields.data, lags, rows)
        return fields[rows].expand_dims(lag=lags, axis=1).copy(data=values)
    return make_windows(fields, lags, rows)


def _lazy_windows(chunked, lags: np.ndarray, rows: slice):
    """Return the same as `windows_of` for a dask array, as a dask array with chunks of whole windows."""
    windows: Any = np.stack([chunked[rows.start - lag : rows.stop - lag] for lag in lags.tolist()], axis=1)
    return windows.rechunk({0: chunked.chunksize[0], 1: -1})


def _in_chunks_of(windows, target):
    """Return a target with the chunks of rows of its windows if both are lazy, else as it is."""
    if not (is_lazy(windows) and is_lazy(target)):
        return target
    chunks = {0: windows.chunks[0], **dict.fromkeys(range(1, target.ndim), -1)}
    if is_dataarray(target):
        return target.copy(data=target.data.rechunk(chunks))
    return target.rechunk(chunks)


def _check_lags(lags) -> np.ndarray:
    if isinstance(lags, Integral) and not isinstance(lags, bool):
        if lags < 1:
            raise ValueError(f"lags must be at least 1, or a sequence of lags, got {lags}.")
        return np.arange(int(lags))
    steps_back = [check_step("each of lags", lag) for lag in lags]
    if not steps_back:
        raise ValueError("lags is empty: expected at least one lag.")
    return np.array(steps_back)


def check_step(name: str, step) -> int:
    """Return a number of steps in time as an int; raise TypeError or ValueError unless it is one, 0 or more."""
    if isinstance(step, bool) or not isinstance(step, Integral):
        raise TypeError(f"{name} must be an int, got {step!r}.")
    if step < 0:
        raise ValueError(f"{name} must not be negative, got {step}.")
    return int(step)


def _as_series(name: str, values):
    """Return values as a DataArray, or as an ndarray."""
    if not is_dataarray(values) and not is_lazy(values):
        values = np.asarray(unmasked(values))
    if values.ndim < 1:
        raise ValueError(f"{name} must have a first axis for time, got a scalar.")
    return values


def with_time_first(values):
    """Return values with their dimension "time" first, if they are a DataArray that has it."""
    if is_dataarray(values) and "time" in values.dims[1:]:
        return values.transpose("time", ...)
    return values


def _check_same_length(n_times: int, target) -> None:
    if len(target) != n_times:
        where = [axis for axis, n in enumerate(target.shape) if n == n_times]
        hint = (
            f" Its axis {where[0]} has that length: np.moveaxis(target, {where[0]}, 0) puts it first." if where else ""
        )
        raise ValueError(
            f"target must be as long as fields along its first axis, which is time: {n_times} times, got {len(target)} "
            f'of shape {target.shape}.{hint} Series of other times need a coordinate "time" each.'
        )


def _common_times(wanted: np.ndarray, target_time: np.ndarray) -> tuple[slice | np.ndarray, slice | np.ndarray]:
    """Return where the times that rows want of the target are among these, and among the target's own.

    Raises
    ------
    ValueError
        If they are of two kinds or have no time in common, or those of the target do not increase.
    """
    if time_kind(wanted) != time_kind(target_time):
        raise ValueError(
            f"target and fields must have times of one kind, got {time_kind(target_time)} and {time_kind(wanted)}."
        )
    check_steps(target_time)
    _, kept, known = np.intersect1d(wanted, target_time, assume_unique=True, return_indices=True)
    if not len(kept):
        raise ValueError(
            "target and fields must have times in common (lead shifts them): rows of fields need a target at "
            f"{wanted[0]} to {wanted[-1]}, got one at {target_time[0]} to {target_time[-1]}."
        )
    return _as_slice(kept), _as_slice(known)


def _as_slice(indices: np.ndarray) -> slice | np.ndarray:
    """Return ascending indices without gaps as a slice, which gives views."""
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices
