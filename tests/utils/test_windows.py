"""Windows of a series against a loop over rows and lags."""

import numpy as np
import pytest

from sklearn_mrtl._utils.windows import windows_of


@pytest.mark.parametrize("lags", [[0], [3], [0, 1, 2], [2, 1, 0], [1, 3, 5], [5, 3, 1], [0, 1, 3], [2, 2]])
@pytest.mark.parametrize("rows", [slice(5, 12), slice(7, 9)])
@pytest.mark.parametrize("shape", [(12,), (12, 2, 3)])
def test_each_row_and_lag(lags, rows, shape):
    series = np.random.default_rng(0).normal(size=shape)
    windows = windows_of(series, np.array(lags), rows)
    assert windows.shape == (rows.stop - rows.start, len(lags), *shape[1:])
    for i, t in enumerate(range(rows.start, rows.stop)):
        for j, lag in enumerate(lags):
            np.testing.assert_array_equal(windows[i, j], series[t - lag])


def test_evenly_spaced_lags_are_a_read_only_view():
    series = np.zeros((12, 2))
    windows = windows_of(series, np.array([0, 2, 4]), slice(4, 12))
    assert np.shares_memory(windows, series) and not windows.flags.writeable
