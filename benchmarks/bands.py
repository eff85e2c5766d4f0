"""Coverage of the bands of `factor_bands` on simulated fields, twenty seeds, and their cost on the real ocean.

``python benchmarks/bands.py refits`` measures the cost alone.

A band of 90 % should hold the true factor in 90 % of its entries. Beside the bands as they are: without the draws of
the penalties' centre, which are the percentiles of a plain block bootstrap.
"""

import sys
import time
import warnings

import numpy as np
from _common import table

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl._estimators.refits import Refits
from sklearn_mrtl.datasets import load_sst_precipitation, make_ocean
from sklearn_mrtl.inspection import factor_bands, factor_match_score
from sklearn_mrtl.inspection._matching import aligned_components
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

UNIT = Refits.unit


def simulated(seed):
    """Fields whose components act at different lags, so that they are unique; and a model of the true rank."""
    made = make_ocean(1000, n_lags=12, n_variables=4, shape=(12, 27), dtype=np.float32, random_state=seed)
    X = np.ascontiguousarray(made.data)
    return made, X, MRTLRegressor(made.modes, rank=3).fit(X, made.target)


def true_components(made, model):
    """The true factors with unit columns, in the order and with the signs of the fitted ones; NaN on land."""
    truth = {name: factor / np.linalg.norm(factor.reshape(-1, 3), axis=0) for name, factor in made.factors.items()}
    truth["ocean"][~made.ocean] = np.nan
    return aligned_components(model.factors_, np.ones(3), truth)[1]


def coverage(truth, low, high):
    """Fraction of entries between the ends of their band."""
    known = ~np.isnan(truth) & ~np.isnan(low)
    return ((truth >= low) & (truth <= high))[known].mean()


def measure(seed, n_resamples):
    """Coverage of factors and weights, wrong signs among settled cells, match with the truth, CPU seconds."""
    made, X, model = simulated(seed)
    truth, rows = true_components(made, model), {}
    for name, unit in {"bands": UNIT, "without prior": lambda *_: 0.0}.items():
        Refits.unit, began = unit, time.process_time()
        bands = factor_bands(model, X, made.target, n_resamples=n_resamples, random_state=seed)
        seconds = time.process_time() - began
        settled = (bands.sign_agreement["ocean"] >= 0.9) & ~np.isnan(truth["ocean"])
        wrong = np.sign(truth["ocean"])[settled] != np.sign(model.factors_["ocean"])[settled]
        of_weights = coverage(made.coef / made.ocean.size, *bands.coef()[:2])
        rows[name] = [
            *(coverage(truth[mode], bands.low[mode], bands.high[mode]) for mode in truth), of_weights,
            settled[~np.isnan(truth["ocean"])].mean(), wrong.mean(), factor_match_score(model, made.factors), seconds,
        ]  # fmt: skip
    return rows


def el_nino():
    """CPU and wall seconds of 100 refits of the model of examples/plot_el_nino.py, and of one with six components."""
    data = load_sst_precipitation(as_xarray=True)
    nino34 = data.sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
    windows = lag_windows(data.sst, nino34, lags=6, lead=3)
    train = windows.target_time < np.datetime64("1991")
    X, y = windows.X[train], windows.y.expand_dims("series", axis=1)[train]
    for step in (Detrender("linear"), Deseasonalizer(standardize=False)):
        X, y = step.fit(X).transform(X), step.fit(y).transform(y)
    y = y.values[:, 0]
    rows = []
    for rank in ("auto", 6):
        model = MRTLRegressor(rank=rank).fit(X, y)
        cpu, wall = time.process_time(), time.perf_counter()
        bands = factor_bands(model, X, y, block_length=24, n_jobs=2, random_state=0)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        match = " ".join(f"{value:.2f}" for value in bands.match.mean(0))
        rows.append([f"{model.rank_} ({rank})", f"{cpu:.1f}", f"{wall:.1f}", match])
    table("El Nino, 100 refits, 2 threads", ["rank", "CPU s", "wall s", "mean match of the components"], rows)


def main(n_seeds=20, n_resamples=50):
    warnings.simplefilter("ignore")
    results = [measure(seed, n_resamples) for seed in range(n_seeds)]
    head = ["", "lag", "variable", "ocean", "weights", "settled", "of these wrong", "match", "CPU s"]
    rows = []
    for name in results[0]:
        values = np.array([one[name] for one in results])
        rows.append(
            [name, *(f"{mean:.3f} +- {sd:.3f}" for mean, sd in zip(values.mean(0), values.std(0), strict=True))]
        )
    table(f"coverage of 90 % bands, {n_seeds} seeds, {n_resamples} refits", head, rows)
    Refits.unit = UNIT
    el_nino()


if __name__ == "__main__":
    if sys.argv[1:] == ["refits"]:
        el_nino()
    else:
        main(*map(int, sys.argv[1:]))
