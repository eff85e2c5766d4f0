"""Fit three models: El Nino from the ocean, precipitation in the Midwest, and simulated shots.

Run it with ``make demo``. For each model it prints a table of scores and seconds, all on the same split, and saves maps
of the factors in demo_output/.
"""

import time
import warnings
from pathlib import Path
from textwrap import wrap

import matplotlib

matplotlib.use("Agg")

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeCV
from sklearn.metrics import r2_score, roc_auc_score

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation, make_shots
from sklearn_mrtl.inspection import ComponentDisplay, FactorDisplay, draw_court, draw_handler
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    Deseasonalizer,
    Detrender,
    InlandWaterMasker,
    ModeEncoder,
    lag_windows,
)

OUTPUT = Path("demo_output")
LAST_TRAINING_YEAR = 1990


def timed_fit(model, X, y):
    """Fit a model and return it with the seconds."""
    began = time.perf_counter()
    return model.fit(X, y), f"{time.perf_counter() - began:.1f}"


def print_table(score_name, rows):
    """Print rows of model, score and seconds."""
    print(f"\n  {'':34}{score_name:>8}{'fit s':>9}")
    for name, score, seconds in rows:
        print(f"  {name:34}{score:8.3f}{seconds:>9}")
    print()


def anomalies(series, is_train, *steps):
    """Return fields, weighted by area, or a series, transformed by steps that are fitted on training months only."""
    X = series if series.ndim > 1 else series.expand_dims("series", axis=1)
    for step in steps:
        X = step.fit(X[is_train]).transform(X)
    return AreaWeighter().fit_transform(X) if series.ndim > 1 else X[:, 0].values


def compare_on_ocean(X, y, is_train, baselines):
    """Fit ridge and MRTL on months to LAST_TRAINING_YEAR and score them, and the baselines, on those after."""
    train, test = np.flatnonzero(is_train), np.flatnonzero(~is_train)
    rows = [(name, r2_score(y[test], prediction[test]), "") for name, prediction in baselines.items()]
    cells = X.values.reshape(len(X), -1)
    cells = cells[:, ~np.isnan(cells).any(axis=0)]
    # Windows that have months in common do not test each other: left out singly, they make the penalty too weak.
    blocks = ConsecutiveBlockKFold(8, gap=6)
    ridge, seconds = timed_fit(RidgeCV(np.logspace(2, 7, 6), cv=blocks), cells[train], y[train])
    rows.append(("RidgeCV, 6 alphas, 8 blocks", r2_score(y[test], ridge.predict(cells[test])), seconds))
    model, seconds = timed_fit(MRTLRegressor(verbose=1), X[train], y[train])
    rows.append(("MRTLRegressor()", model.score(X[test], y[test]), seconds))
    print_table("R^2", rows)
    return model, X[test]


def years(windows):
    """Return the year of the target of each sample."""
    return windows.target_time.astype("datetime64[Y]").astype(int) + 1970


def el_nino(data, open_ocean):
    """Forecast Nino3.4 three months ahead from six months of sea surface temperature."""
    print("1. El Nino: sea surface temperature of the last six months -> Nino3.4 three months ahead")
    sst = data.sst
    nino34 = sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
    windows = lag_windows(open_ocean, nino34, lags=6, lead=3)
    is_train = years(windows) <= LAST_TRAINING_YEAR
    steps = Detrender("linear"), Deseasonalizer(standardize=False)
    X, y = (anomalies(series, is_train, *steps) for series in (windows.X, windows.y))
    now = X.isel(lag=0).sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon")).values[:, None]
    persistence = LinearRegression().fit(now[is_train], y[is_train]).predict(now)
    return compare_on_ocean(X, y, is_train, {"damped persistence": persistence})


def midwest(data, open_ocean):
    """Predict the Midwest's precipitation from six months of differenced temperature, as in the paper."""
    print("2. The Midwest's precipitation from six months of sea surface temperature (hardly predictable)")
    windows = lag_windows(open_ocean.diff("time"), data.precip_midwest[1:], lags=6)
    is_train = years(windows) <= LAST_TRAINING_YEAR
    X, y = (anomalies(series, is_train, Deseasonalizer()) for series in (windows.X, windows.y))
    return compare_on_ocean(X, y, is_train, {"climatology": np.full(len(y), y[is_train].mean())})


def shots():
    """Predict simulated shots from the player, his position and the defenders around him."""
    print("3. Simulated frames with six components: player, position and defenders -> a shot or none")
    frames = make_shots(100_000, random_state=0)
    player, court, box = frames.modes
    encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))])
    X, y = encode.fit_transform(frames.data), frames.target
    train, test = slice(0, 80_000), slice(80_000, None)
    logistic, logistic_seconds = timed_fit(LogisticRegression(max_iter=200), X[train], y[train])
    model, seconds = timed_fit(MRTLClassifier(verbose=1), X[train], y[train])
    name = f"MRTLClassifier, rank {model.rank_} chosen"
    rows = [
        ("LogisticRegression, additive", roc_auc_score(y[test], logistic.decision_function(X[test])), logistic_seconds),
        (name, roc_auc_score(y[test], model.decision_function(X[test])), seconds),
        ("true probabilities (upper bound)", roc_auc_score(y[test], frames.logit[test]), ""),
    ]
    print_table("AUC", rows)
    return model


def save(display, name, title):
    """Save a picture."""
    display.figure_.suptitle("\n".join(wrap(title, 70)), fontsize="medium")
    path = OUTPUT / f"{name}.png"
    display.figure_.savefig(path, dpi=120)
    return path


def save_components(model, X, name, title):
    """Save a picture of the components, with their parts of the variance of predictions for the rows X."""
    return save(ComponentDisplay.from_estimator(model, X=X, components=range(min(model.rank_, 4))), name, title)


def save_maps(model, mode, name, title, axis_labels, decorate):
    """Save a picture of the spatial factors of a mode, of six components at most."""
    options = {"mode": mode, "axis_labels": axis_labels, "decorate": decorate}
    shown = range(min(model.rank_, 6))
    title += f" (the first {len(shown)} of {model.rank_} components)" if len(shown) < model.rank_ else ""
    return save(FactorDisplay.from_estimator(model, components=shown, **options), name, title)


def main():
    began = time.perf_counter()
    OUTPUT.mkdir(exist_ok=True)
    data = load_sst_precipitation(as_xarray=True)
    open_ocean = InlandWaterMasker().fit_transform(data.sst)  # without Hudson Bay and the Great Lakes
    forecast, rain, charts = el_nino(data, open_ocean), midwest(data, open_ocean), shots()
    paths = [
        save_components(*forecast, "el_nino", "Sea surface temperature that predicts El Nino three months ahead"),
        save_components(*rain, "midwest", "Sea surface temperature that predicts the Midwest's precipitation"),
        save_maps(
            charts,
            "court",
            "shots_court",
            "Positions of the player",
            ("feet from the baseline", "feet from the sideline"),
            draw_court,
        ),
        save_maps(
            charts,
            "defenders",
            "shots_defenders",
            "Defenders that raise or lower the probability of a shot",
            ("feet to the right", "feet to the basket"),
            draw_handler,
        ),  # fmt: skip
    ]
    print("Maps:", *paths, sep="\n  ")
    print(f"\nTotal: {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    warnings.simplefilter("ignore", category=FutureWarning)
    main()
