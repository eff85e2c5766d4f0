"""Real ocean: Nino3.4 three and six months ahead, and Midwest precipitation. Ours beside persistence and ridge, in turns."""

import warnings

import numpy as np
import pandas as pd
import xarray as xr
from _common import r2, require, table, timed
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.model_selection import GroupKFold

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

LAST_TRAINING_YEAR = 1990


def anomalies(X, time, is_train, *, standardize, trend=True):
    """Without trend and seasonal cycle, both estimated on training rows."""
    steps = [Detrender("linear")] if trend else []
    for step in [*steps, Deseasonalizer(standardize=standardize)]:
        X = step.fit(X[is_train], time=time[is_train]).transform(X, time=time)
    return X


def years(time):
    return time.astype("datetime64[Y]").astype(int) + 1970


def nino(sst, lead):
    """Six months of SST, and the Nino3.4 anomaly `lead` months later."""
    lat, lon = sst.lat.values, sst.lon.values
    region = sst.values[:, abs(lat) <= 5][:, :, (lon >= -170) & (lon <= -120)]
    windows = lag_windows(sst.values, region.mean((1, 2)), lags=6, lead=lead, time=sst.time.values)
    is_train = years(windows.target_time) <= LAST_TRAINING_YEAR
    y = anomalies(windows.y[:, None].astype(float), windows.target_time, is_train, standardize=False)[:, 0]
    X = anomalies(windows.X, windows.time, is_train, standardize=False)
    now = np.nanmean(X[:, 0][:, abs(lat) <= 5][:, :, (lon >= -170) & (lon <= -120)], axis=(1, 2))
    return X, y.astype(np.float32), is_train, now


def midwest(sst, lags):
    """Six differenced months of SST, and the Midwest's precipitation as standardized anomalies."""
    rain = pd.read_csv(require("ocean/precip_midwest.csv")).precip_midwest_mm.values[: len(sst)]
    months = sst.time.values.astype("datetime64[M]")
    windows = lag_windows(np.diff(sst.values, axis=0), rain[1:], lags=lags, time=months[1:])
    is_train = years(windows.time) <= LAST_TRAINING_YEAR
    X = anomalies(windows.X, windows.time, is_train, standardize=True, trend=False)
    y = anomalies(windows.y[:, None].astype(float), windows.time, is_train, standardize=True, trend=False)[:, 0]
    return X, y.astype(np.float32), is_train, None


def ridge_at_two_degrees(X, y):
    """Ridge on 2 x 2 means of the ocean, its strength chosen among 12 by cross-validation in blocks."""
    blocks = np.arange(len(y)) * 12 // len(y)
    return RidgeCV(np.logspace(1, 6.5, 12), cv=list(GroupKFold(12).split(X, groups=blocks))).fit(X, y)


def two_degrees(X):
    means = X.reshape(*X.shape[:2], 40, 2, 90, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        means = np.nanmean(means, axis=(3, 5)).reshape(len(X), -1)
    return means[:, ~np.isnan(means).any(0)]


def compare(title, X, y, is_train, now):
    test, rows = ~is_train, []
    X_train, X_test = np.ascontiguousarray(X[is_train]), X[test]
    ours, seconds = timed(MRTLRegressor().fit, X_train, y[is_train])
    rows.append(("MRTLRegressor(), 80 x 180", f"{r2(y[test], ours.predict(X_test)):.3f}", f"{seconds:.2f}"))
    coarse = two_degrees(X)
    ridge, seconds = timed(ridge_at_two_degrees, coarse[is_train], y[is_train])
    rows.append(("ridge, 40 x 90, 12 alphas", f"{r2(y[test], ridge.predict(coarse[test])):.3f}", f"{seconds:.2f}"))
    if now is not None:
        damped = LinearRegression().fit(now[is_train, None], y[is_train])
        rows.append(("damped persistence", f"{r2(y[test], damped.predict(now[test, None])):.3f}", ""))
    rows.append(("climatology", f"{r2(y[test], y[is_train].mean()):.3f}", ""))
    table(
        f"{title}: {is_train.sum()} months to {LAST_TRAINING_YEAR}, {test.sum()} after", ["model", "R^2", "fit s"], rows
    )


def main():
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load()
    for lead in (3, 6):
        compare(f"Nino3.4, {lead} months ahead, SST of months 0..5 back", *nino(sst, lead))
    compare("Midwest precipitation, differenced SST of months 0..5 back", *midwest(sst, range(6)))
    compare("Midwest precipitation, differenced SST of months 1..6 back", *midwest(sst, range(1, 7)))


if __name__ == "__main__":
    main()
