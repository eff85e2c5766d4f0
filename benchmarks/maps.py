"""How smooth the maps of the default models on real data are: Moran's I (queen) of every component.

The default start (full rank on the coarsest grids), which knows no seed, beside ten random ones with the same
penalties.
"""

import sys

import numpy as np
import ocean
import shots
import xarray as xr
from _common import require, table
from interpretability import smoothness
from sklearn.base import clone

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.inspection import factor_match_score


def problems():
    """Name, estimator, training samples and the grid of each."""
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    for lead in (3, 6):
        X, y, is_train, _ = ocean.nino(sst, lead)
        yield f"Nino3.4, {lead} months ahead", MRTLRegressor(), X[is_train], y[is_train], "grid"
    for lags in (range(6), range(1, 7)):
        windows = ocean.midwest(sst, lags)
        X, y = ocean.standardized(windows, np.ones(len(windows.X), dtype=bool))
        yield f"Midwest precipitation, lags {lags[0]} to {lags[-1]}", MRTLRegressor(), X, y, "grid"
    train, _ = shots.load()
    yield "real shots", MRTLClassifier(shots.MODES), shots.encoder().fit_transform(train), train.made, "court"


def main(n_seeds=10):
    each, starts = [], []
    for name, model, X, y, grid in problems():
        smooth = smoothness(model.fit(X, y), grid)
        each.append([name, ", ".join(f"{i:.3f}" for i in smooth)])
        starts.append([name, "full rank", f"{np.mean(smooth):.3f}", f"{min(smooth):.3f}", "1"])
        given = {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_, "full_rank_levels": 0}
        random = [clone(model).set_params(random_state=seed, **given).fit(X, y) for seed in range(n_seeds)]
        smooth = [smoothness(model, grid) for model in random]
        match = [factor_match_score(model, random[0]) for model in random[1:]]
        starts.append([name, "random", f"{np.mean(smooth):.3f}", f"{np.min(smooth):.3f}", f"{np.mean(match):.3f}"])
    table("Real data, default models", ["data", "Moran's I, the heaviest component first"], each)
    head = ["data", "start", "Moran's I, mean", "least", "match of one seed's factors to another's"]
    table(f"Real data, {n_seeds} seeds", head, starts)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
