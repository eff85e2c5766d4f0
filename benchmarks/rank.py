"""The choice of rank and penalties: untouched defaults on the ocean, on regional precipitation and on simulated fields.

Rows of earlier versions for comparison are in docs/benchmarks.md.
"""

import numpy as np
import xarray as xr
from _common import r2, require, table, timed
from ocean import LAST_TRAINING_YEAR, anomalies, midwest, nino, ridge_at_two_degrees, standardized, years
from simulated_field import N_TEST, N_TRAIN, SHAPE, cosine

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.preprocessing import lag_windows

STATES = ("CA", "TX", "AL", "GA", "AZ", "OR", "MT", "IL")  # each with anomalies, and with differences, of SST


def tropical_atlantic(sst, lead):
    """Six months of SST, and the anomaly of the tropical North Atlantic `lead` months later."""
    lat, lon = sst.lat.values, sst.lon.values
    region = sst.values[:, (lat >= 5) & (lat <= 25)][:, :, (lon >= -60) & (lon <= -15)]
    target = np.nanmean(region, axis=(1, 2))
    windows = lag_windows(sst.values, target, lags=6, lead=lead, time=sst.time.values)
    is_train = years(windows.target_time) <= LAST_TRAINING_YEAR
    y = anomalies(windows.y[:, None], windows.target_time, is_train, standardize=False, trend=False)[:, 0]
    return anomalies(windows.X, windows.time, is_train, standardize=False, trend=False), y.astype(np.float32), is_train


def midwest_rain(sst, lags):
    """Six differenced months of SST without trend and seasonal cycle, and the Midwest's precipitation."""
    windows = midwest(sst, lags)
    is_train = years(windows.time) <= LAST_TRAINING_YEAR
    y = anomalies(windows.y[:, None], windows.time, is_train, standardize=True)[:, 0]
    return anomalies(windows.X, windows.time, is_train, standardize=False), y.astype(np.float32), is_train


def precipitation(windows):
    """Standardized fields and target of windows, and their training months."""
    is_train = years(windows.time) <= LAST_TRAINING_YEAR
    X, y = standardized(windows, is_train)
    return X, y.astype(np.float32), is_train


def of_state(state, sst, differenced):
    """Six months of SST on 2 x 2 degrees, and the precipitation of a state in the last of them."""
    divisions = xr.open_dataset(require("ocean/precip_divisions.nc")).load()
    inside = divisions.state.values.astype(str) == state
    weight = divisions.area_weight.values[inside]
    rain = (weight @ divisions.precip.transpose("division", "time").values[inside] / weight.sum())[: len(sst)]
    coarse = np.nanmean(sst.values.reshape(-1, 40, 2, 90, 2), axis=(2, 4)).astype(np.float32)
    months, rain = sst.time.values.astype("datetime64[M]"), rain.astype(np.float32)
    if differenced:
        coarse, months, rain = np.diff(coarse, axis=0), months[1:], rain[1:]
    return precipitation(lag_windows(coarse, rain, lags=range(6), time=months))


def fitted(X, y, is_train, *, rank="auto"):
    """Return the score on test months, the rank and the seconds of a fit."""
    model, seconds = timed(MRTLRegressor(rank=rank).fit, np.ascontiguousarray(X[is_train]), y[is_train])
    return r2(y[~is_train], model.predict(X[~is_train])), model.rank_, seconds


def row(name, tasks):
    """Return a row of scores: the rank chosen, the rank given, and the ratio of their seconds."""
    score, rank, seconds = fitted(*tasks)
    _, _, given_seconds = fitted(*tasks, rank=rank)
    ten, _, _ = fitted(*tasks, rank=10)
    return name, f"{score:.3f}", rank, f"{ten:.3f}", f"{seconds:.2f}", f"{seconds / given_seconds:.1f}"


def main():
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    rows = [row(f"Nino3.4 + {lead}", nino(sst, lead)[:3]) for lead in (3, 6)]
    rows.append(row("tropical North Atlantic + 3", tropical_atlantic(sst, 3)))
    for lags in (range(6), range(1, 7)):
        rows.append(row(f"Midwest precipitation, lags {lags[0]} to {lags[-1]}", midwest_rain(sst, lags)))
    head = ["target", "R^2", "rank", "R^2 at rank 10", "fit s", "times the fit of that rank"]
    table("Ocean 80 x 180, untouched defaults", head, rows)

    scores = []
    for state in STATES:
        for differenced in (False, True):
            X, y, is_train = of_state(state, sst, differenced)
            flat = X.reshape(len(X), -1)
            flat = flat[:, ~np.isnan(flat).any(0)]
            ridge = ridge_at_two_degrees(flat[is_train], y[is_train])
            score, rank, _ = fitted(X, y, is_train)
            ridge_score = r2(y[~is_train], ridge.predict(flat[~is_train]))
            scores.append((f"{state}{' differences' * differenced}", score, rank, ridge_score))
    table(
        "Regional precipitation, 40 x 90",
        ["state", "R^2", "rank", "ridge"],
        [(name, f"{ours:.3f}", rank, f"{ridge:.3f}") for name, ours, rank, ridge in scores],
    )
    ours, ridge = (np.array([values[i] for values in scores]) for i in (1, 3))
    print(f"mean {ours.mean():.4f}, ridge {ridge.mean():.4f}; least difference {(ours - ridge).min():.3f}")

    rows = []
    for seed in range(3):
        ocean = make_ocean(
            N_TRAIN + N_TEST, shape=SHAPE, land=0, autocorrelation=0, dtype=np.float32, random_state=seed
        )
        X, y = np.ascontiguousarray(ocean.data), ocean.target
        model, seconds = timed(MRTLRegressor().fit, X[:N_TRAIN], y[:N_TRAIN])
        score = r2(y[N_TRAIN:], model.predict(X[N_TRAIN:]))
        rows.append((seed, f"{score:.3f}", f"{cosine(model.coef_, ocean.coef):.3f}", model.rank_, f"{seconds:.2f}"))
    table("Simulated field of 3 components", ["seed", "R^2", "cosine", "rank", "fit s"], rows)


if __name__ == "__main__":
    main()
