"""Windows of past entries of a series of arrays."""

from __future__ import annotations

import numpy as np


def windows_of(series: np.ndarray, lags: np.ndarray, rows: slice) -> np.ndarray:
    """Return ``series[t - lag]`` for each row t and each lag.

    Parameters
    ----------
    series : ndarray of shape (n_times, ...)
    lags : ndarray of int, shape (n_lags,)
    rows : slice
        The rows t, with start and stop; ``rows.start`` is at least the largest lag.

    Returns
    -------
    ndarray of shape (n_rows, n_lags, ...)
        A read-only view where the lags are evenly spaced, a copy otherwise.
    """
    steps = np.diff(lags)
    step = int(steps[0]) if len(steps) else 1
    if step == 0 or (steps != step).any():
        return series[np.arange(rows.start, rows.stop)[:, None] - lags]
    # A sliding window runs from the oldest to the newest lag; ascending lags run the other way.
    smallest, largest = int(lags.min()), int(lags.max())
    recent = series[rows.start - largest : rows.stop - smallest]
    windows = np.lib.stride_tricks.sliding_window_view(recent, largest - smallest + 1, axis=0)
    return np.moveaxis(windows, -1, 1)[:, :: -step if step > 0 else -step]
