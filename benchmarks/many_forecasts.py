"""Many forecasts from sea surface temperature on 20 x 45 cells (indices of boxes of the sea, rain of all states), and
many small simulated fields.

Rules of the choice of rank and penalties are judged by the averages over them, since one task tells little. The ocean
is trained to 1990 and tested after. `python benchmarks/many_forecasts.py 5` takes every fifth one.
"""

import sys
import warnings
from functools import partial
from itertools import islice

import numpy as np
import xarray as xr
from _common import r2, require, table
from ocean import LAST_TRAINING_YEAR, anomalies, ridge_at_two_degrees, years

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.preprocessing import lag_windows

BOXES = {  # south, north, west, east
    "Nino1+2": (-10, 0, -90, -80),
    "Nino3": (-5, 5, -150, -90),
    "Nino3.4": (-5, 5, -170, -120),
    "Nino4": (-5, 5, -180, -150),
    "tropical Atlantic": (5, 25, -60, -15),
    "North Pacific": (25, 45, -179, -140),
    "California": (20, 40, -130, -110),
    "Caribbean": (10, 20, -85, -60),
    "North Atlantic": (30, 60, -50, -10),
    "Gulf Stream": (30, 45, -75, -50),
}
LEADS = (2, 3, 5, 6, 9)


def coarse(fields, n):
    """Means over n x n cells, land counting as 0; NaN where there is no sea."""
    blocks = fields.reshape(*fields.shape[:-2], fields.shape[-2] // n, n, fields.shape[-1] // n, n)
    means, sea = np.nan_to_num(blocks).mean((-3, -1)), ~np.isnan(blocks).all((-3, -1))
    return np.where(sea, means, np.nan).astype(np.float32)


def indices(sst):
    """Yield the names of forecasts of boxes some months ahead, and what makes fields, target and training months."""
    lat, lon, time, fields = sst.lat.values, sst.lon.values, sst.time.values, coarse(sst.values, 4)
    for name, (south, north, west, east) in BOXES.items():
        box = sst.values[:, (lat >= south) & (lat <= north)][:, :, (lon >= west) & (lon <= east)]
        for lead in LEADS:
            windows = lag_windows(fields, np.nanmean(box, (1, 2)), lags=6, lead=lead, time=time)
            yield f"{name} + {lead}", partial(prepared, windows, years(windows.target_time), standardize=False)


def rain(sst):
    """Yield the same of a state's precipitation in the last of six months of the sea, and of their differences."""
    divisions = xr.open_dataset(require("ocean/precip_divisions.nc")).load()
    precipitation = divisions.precip.transpose("division", "time").values[:, : len(sst)]
    fields, months = coarse(sst.values, 4), sst.time.values.astype("datetime64[M]")
    for name in np.unique(divisions.state.values.astype(str)):
        inside = divisions.state.values.astype(str) == name
        weight = divisions.area_weight.values[inside]
        target = (weight @ precipitation[inside] / weight.sum()).astype(np.float32)
        if np.isnan(target).any():
            continue
        for first, sea in (0, fields), (1, np.diff(fields, axis=0)):
            windows = lag_windows(sea, target[first:], lags=range(6), time=months[first:])
            yield f"{name}{' differences' * first}", partial(prepared, windows, years(windows.time), standardize=True)


def simulated(n_seeds=30):
    """Yield the same of simulated fields of 120 to 500 samples, 1 to 4 components and a best R^2 of 0.2 to 0.85."""
    for seed in range(n_seeds):
        rng = np.random.default_rng(1000 + seed)
        n, best, rank = int(rng.choice([120, 200, 300, 500])), rng.uniform(0.2, 0.85), int(rng.integers(1, 5))
        settings = {"shape": (16, 36), "n_components": rank, "best_r2": best, "random_state": 100 + seed}
        yield f"{n} samples, {rank} components, R^2 {best:.2f}", partial(made, n, settings)


def made(n_train, settings):
    """A simulated field and its training samples."""
    ocean = make_ocean(n_train + 500, **settings)
    return np.asarray(ocean.data), ocean.target, np.arange(n_train + 500) < n_train


def prepared(windows, year, *, standardize):
    """Anomalies of fields and target, and the training months."""
    is_train = year <= LAST_TRAINING_YEAR
    X = anomalies(windows.X, windows.time, is_train, standardize=standardize, trend=not standardize)
    time = windows.time if standardize else windows.target_time
    y = anomalies(windows.y[:, None], time, is_train, standardize=standardize, trend=not standardize)[:, 0]
    return X.astype(np.float32), y.astype(np.float32), is_train


def main(step):
    warnings.simplefilter("ignore")
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    kinds = {"Indices, 20 x 45": indices(sst), "Precipitation, 20 x 45": rain(sst), "Simulated, 16 x 36": simulated()}
    for kind, tasks in kinds.items():
        rows = []
        for name, make in islice(tasks, 0, None, step):
            X, y, is_train = make()
            flat = X.reshape(len(X), -1)
            flat = flat[:, ~np.isnan(flat).any(0)]
            model = MRTLRegressor().fit(np.ascontiguousarray(X[is_train]), y[is_train])
            ridge = ridge_at_two_degrees(flat[is_train], y[is_train])
            scores = (r2(y[~is_train], p) for p in (model.predict(X[~is_train]), ridge.predict(flat[~is_train])))
            rows.append((name, model.rank_, *scores))
        shown = [(name, rank, f"{ours:.3f}", f"{ridge:.3f}") for name, rank, ours, ridge in rows]
        table(kind, ["target", "rank", "MRTLRegressor()", "ridge"], shown)
        ours, ridge = np.array([row[2:] for row in rows]).T
        print(
            f"mean {ours.mean():.4f}, ridge {ridge.mean():.4f}; least difference {(ours - ridge).min():.3f}", flush=True
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
