"""What larger ranks gain on left-out blocks of the training years, and what they gain on the years after.

Indices of boxes of the sea and precipitation of every fourth state on 20 x 45 cells, trained to 1940 and to 1960 and
tested on the thirty years after: other years than those on which the rules of the choice were judged.
`python benchmarks/rank_gains.py 4` takes every fourth task.
"""

import sys
import warnings
from itertools import islice

import numpy as np
import xarray as xr
from _common import r2, require, table
from many_forecasts import BOXES, coarse
from ocean import anomalies, years

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.preprocessing import lag_windows

LAST_YEARS, N_YEARS, LEADS = (1960, 1940), 30, (3, 6)


def indices(sst):
    """Yield names of indices and their windows of six months of the sea."""
    lat, lon, time, fields = sst.lat.values, sst.lon.values, sst.time.values, coarse(sst.values, 4)
    for name, (south, north, west, east) in BOXES.items():
        box = sst.values[:, (lat >= south) & (lat <= north)][:, :, (lon >= west) & (lon <= east)]
        for lead in LEADS:
            yield f"{name} + {lead}", lag_windows(fields, np.nanmean(box, (1, 2)), lags=6, lead=lead, time=time)


def rain(sst):
    """Yield the same of states' precipitation, in turn from anomalies and from differences of the sea."""
    divisions = xr.open_dataset(require("ocean/precip_divisions.nc")).load()
    precipitation = divisions.precip.transpose("division", "time").values[:, : len(sst)]
    states, months = divisions.state.values.astype(str), sst.time.values.astype("datetime64[M]")
    fields = coarse(sst.values, 4)
    for n, name in enumerate(np.unique(states)[::4]):
        weight = divisions.area_weight.values[states == name]
        target = (weight @ precipitation[states == name] / weight.sum()).astype(np.float32)
        first, sea = n % 2, np.diff(fields, axis=0) if n % 2 else fields
        if not np.isnan(target).any():
            windows = lag_windows(sea, target[first:], lags=range(6), time=months[first:])
            yield f"{name}{' differences' * first}", windows


def gains(windows, last, *, standardize):
    """Return the chosen rank, the gain of rank 2 on the blocks, and the test R^2 of ranks 1, 2, 3 and the chosen."""
    time = windows.time if standardize else windows.target_time
    is_train, is_test = years(time) <= last, (years(time) > last) & (years(time) <= last + N_YEARS)
    options = {"standardize": standardize, "trend": not standardize}
    X = anomalies(windows.X, windows.time, is_train, **options).astype(np.float32)
    y = anomalies(windows.y[:, None], time, is_train, **options)[:, 0].astype(np.float32)
    train = np.ascontiguousarray(X[is_train]), y[is_train]
    models = [MRTLRegressor(rank=rank).fit(*train) for rank in (1, 2, 3, "auto")]
    path = models[-1].rank_path_
    least = {rank: min(tried["error"] for tried in path if tried["rank"] == rank) for rank in (1, 2)}
    return models[-1].rank_, least[1] - least[2], *(r2(y[is_test], model.predict(X[is_test])) for model in models)


def main(step=1):
    warnings.simplefilter("ignore")
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    for title, tasks, standardize in (("Indices", indices, False), ("Precipitation", rain, True)):
        rows = []
        for last in LAST_YEARS:
            for name, windows in islice(tasks(sst), 0, None, step):
                rows.append((name, last, *gains(windows, last, standardize=standardize)))
        head = ["target", "trained to", "rank", "gain of rank 2 on blocks", "R^2 at rank 1", "2", "3", "chosen"]
        table(title, head, [(*row[:3], *(f"{value:.3f}" for value in row[3:])) for row in rows])
        blocks, one, two, _, chosen = np.array([row[3:] for row in rows]).T
        difference = two - one - blocks
        print(
            f"gain of rank 2: blocks {blocks.mean():.4f}, test {(two - one).mean():.4f}, standard deviation of the "
            f"difference {difference.std():.4f}; chosen rank against rank 1: {(chosen - one).mean():.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
