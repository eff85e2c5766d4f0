"""What needs much memory: six million simulated frames, and two variables on the ocean. Seconds and peak memory."""

import gc
import sys

import numpy as np
import xarray as xr
from _common import require, timed_with_peak
from simulated_shots import encoder
from sklearn.metrics import roc_auc_score

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import Deseasonalizer, lag_windows


def report(name, n_bytes, more, seconds, score):
    print(
        f"{name}: fit {seconds:.1f} s, score {score:.4f}; input {n_bytes / 1e6:.0f} MB, {more / 1e6:.0f} MB more at "
        f"the peak of fit: {1 + more / n_bytes:.2f} times the input with it",
        flush=True,
    )


def frames(n=6_000_000):
    shots = make_shots(n + 200_000, dtype=np.float32, random_state=0)
    modes = shots.modes
    X, y = encoder(modes).fit_transform(shots.data), shots.target
    X, y, X_test, y_test = X[:n], y[:n], X[n:], y[n:]
    n_bytes = X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    shots.clear()
    gc.collect()
    model, seconds, more = timed_with_peak(MRTLClassifier(modes, rank=6, verbose=1).fit, X, y)
    report(f"{n} frames", n_bytes, more, seconds, roc_auc_score(y_test, model.decision_function(X_test)))


def two_variables(n_months=1057):
    """SST twice, the second time noisy, in the place of a second variable; Nino3.4 three months ahead."""
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    lat, lon = sst.lat.values, sst.lon.values
    nino = sst.values[:, abs(lat) <= 5][:, :, (lon >= -170) & (lon <= -120)].mean((1, 2))
    noisy = sst.values + np.random.default_rng(0).normal(size=sst.shape).astype("float32")
    windows = lag_windows(np.stack([sst.values, noisy], 1), nino, lags=6, lead=3, time=sst.time.values)
    del noisy
    time = windows.time[:n_months]
    X = Deseasonalizer().fit(windows.X[:n_months], time=time).transform(windows.X[:n_months], time=time)
    y = (
        Deseasonalizer()
        .fit(windows.y[:n_months, None], time=time)
        .transform(windows.y[:n_months, None], time=time)[:, 0]
    )
    for _ in range(3):  # memory is fresh, and slow, the first time
        gc.collect()
        model, seconds, more = timed_with_peak(MRTLRegressor(rank=5, verbose=1).fit, X, y)
        report(f"ocean {X.shape}", X.nbytes, more, seconds, model.score(X[-200:], y[-200:]))


if __name__ == "__main__":
    {"frames": frames, "ocean": two_variables}[sys.argv[1] if len(sys.argv) > 1 else "frames"]()
