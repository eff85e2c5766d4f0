"""Real ocean: Nino3.4 and Midwest precipitation. Ours beside persistence and ridge, in turns."""

import warnings

import numpy as np
import pandas as pd
import xarray as xr
from _common import r2, require, table, timed
from sklearn.linear_model import LinearRegression, Ridge

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

LAST_TRAINING_YEAR = 1990


def anomalies(X, time, is_train, *, standardize, trend=True):
    """Without trend and seasonal cycle, both estimated on training rows."""
    steps = [Detrender("linear")] if trend else []
    for step in [*steps, Deseasonalizer(standardize=standardize)]:
        X = step.fit(X[is_train], time=time[is_train]).transform(X, time=time)
    return X


def standardized(windows, is_train):
    """Fields and target of windows without their seasonal cycle, in standard deviations."""
    X = anomalies(windows.X, windows.time, is_train, standardize=True, trend=False)
    return X, anomalies(windows.y[:, None], windows.time, is_train, standardize=True, trend=False)[:, 0]


def years(time):
    return time.astype("datetime64[Y]").astype(int) + 1970


def nino(sst, lead, last_year=LAST_TRAINING_YEAR):
    """Six months of SST, and the Nino3.4 anomaly `lead` months later; training rows end with `last_year`."""
    lat, lon = sst.lat.values, sst.lon.values
    region = sst.values[:, abs(lat) <= 5][:, :, (lon >= -170) & (lon <= -120)]
    windows = lag_windows(sst.values, region.mean((1, 2)), lags=6, lead=lead, time=sst.time.values)
    is_train = years(windows.target_time) <= last_year
    y = anomalies(windows.y[:, None], windows.target_time, is_train, standardize=False)[:, 0]
    X = anomalies(windows.X, windows.time, is_train, standardize=False)
    now = np.nanmean(X[:, 0][:, abs(lat) <= 5][:, :, (lon >= -170) & (lon <= -120)], axis=(1, 2))
    return X, y.astype(np.float32), is_train, now


def midwest(sst, lags):
    """Six differenced months of SST and the Midwest's precipitation, raw."""
    rain = pd.read_csv(require("ocean/precip_midwest.csv")).precip_midwest_mm.values[: len(sst)]
    months = sst.time.values.astype("datetime64[M]")
    return lag_windows(np.diff(sst.values, axis=0), rain[1:].astype(np.float32), lags=lags, time=months[1:])


def blocks_of_years(n, n_blocks=5, gap=6):
    """Consecutive test blocks, and the training rows that share no month with them."""
    for test in np.array_split(np.arange(n), n_blocks):
        yield np.r_[0 : max(0, test[0] - gap), min(n, test[-1] + 1 + gap) : n], test


def ridge_at_two_degrees(X, y):
    """Ridge on 2 x 2 means of the ocean, one of 12 strengths by cross-validation in 12 blocks, in dual form."""
    center = y.mean()
    alphas, kernel = np.logspace(1, 6.5, 12), (X - X.mean(0)) @ (X - X.mean(0)).T
    errors = np.zeros(len(alphas))
    for test in np.array_split(np.arange(len(y)), 12):
        train = np.setdiff1d(np.arange(len(y)), test)
        values, vectors = np.linalg.eigh(kernel[np.ix_(train, train)].astype(float))
        rotated = vectors.T @ (y[train] - center)
        for i, alpha in enumerate(alphas):
            dual = vectors @ (rotated / (values + alpha))
            errors[i] += np.sum((y[test] - center - kernel[np.ix_(test, train)] @ dual) ** 2)
    return Ridge(alphas[errors.argmin()]).fit(X, y)


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


def compare_in_blocks(title, windows):
    """Every fifth of the months predicted from the others, and the squared errors taken together."""
    predictions = {"MRTLRegressor(), 80 x 180": [], "ridge, 40 x 90, 12 alphas": [], "climatology": []}
    seconds, truth = dict.fromkeys(predictions, 0.0), []
    for train, test in blocks_of_years(len(windows.X)):
        is_train = np.isin(np.arange(len(windows.X)), train)
        X, y = standardized(windows, is_train)
        coarse = two_degrees(X)
        ours, seconds_ours = timed(MRTLRegressor().fit, X[train], y[train])
        ridge, seconds_ridge = timed(ridge_at_two_degrees, coarse[train], y[train])
        fold = ours.predict(X[test]), ridge.predict(coarse[test]), np.full(len(test), y[train].mean())
        for name, prediction, more in zip(predictions, fold, (seconds_ours, seconds_ridge, 0), strict=True):
            predictions[name].append(prediction)
            seconds[name] += more / 5
        truth.append(y[test])
    truth = np.concatenate(truth)
    rows = [(name, f"{r2(truth, np.concatenate(p)):.3f}", f"{seconds[name]:.2f}") for name, p in predictions.items()]
    table(f"{title}: {len(truth)} months, 5 blocks", ["model", "R^2", "fit s"], rows)


def main():
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    for lead in (3, 6):
        compare(f"Nino3.4, {lead} months ahead, SST of months 0..5 back", *nino(sst, lead))
    compare_in_blocks("Midwest precipitation, differenced SST of months 0..5 back", midwest(sst, range(6)))
    compare_in_blocks("Midwest precipitation, differenced SST of months 1..6 back", midwest(sst, range(1, 7)))


if __name__ == "__main__":
    main()
