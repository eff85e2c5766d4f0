"""Fits one after the other hold no more and no more memory."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest

from sklearn_mrtl import MRTLRegressor

N_WARM, N_FITS = 10, 25


def resident():
    """Bytes of memory that the process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of the process from /proc")
def test_fits_leave_nothing_behind():
    """A copy of X left behind by every second fit would be found."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2, 8, 8))
    y = X[:, 0, :3].sum((1, 2)) + rng.normal(size=len(X))

    def fit(n_fits):
        for _ in range(n_fits):
            MRTLRegressor(rank=2, random_state=0).fit(X, y).predict(X)
        gc.collect()
        return resident()

    before = fit(N_WARM)
    assert fit(N_FITS) - before < X.nbytes * N_FITS / 2
