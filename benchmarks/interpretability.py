"""Simulated shots and fields, ten seeds: how well the factors match the truth, and how smooth their maps are.

The default start (full rank on the coarsest grids) beside random ones with the same penalties: from coarse to fine, and
on the finest grid alone.
"""

import sys
import warnings

import numpy as np
from _common import table, timed
from simulated_shots import encoder
from sklearn.base import clone

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_ocean, make_shots
from sklearn_mrtl.inspection import factor_match_score, morans_i

STARTS = {
    "full rank": {},
    "random": {"full_rank_levels": 0},
    "random, finest grid only": {"full_rank_levels": 0, "resolutions": "fixed"},
}


def shots(seed, n_frames=100_000):
    """Encodings, targets, the true factors and an estimator."""
    made = make_shots(n_frames, n_players=10, n_components=3, best_auc=0.9, dtype=np.float32, random_state=seed)
    model = MRTLClassifier(made.modes, terms=None, rank=4, random_state=seed)  # one for the players' intercepts
    return encoder(made.modes).fit_transform(made.data), made.target, made.factors, model


def fields(seed, n_months=2000):
    """The same of fields; of twelve lags, as components that act at the same lag have no unique maps."""
    made = make_ocean(
        n_months, n_lags=12, n_variables=4, shape=(12, 27), best_r2=0.9, dtype=np.float32, random_state=seed
    )
    model = MRTLRegressor(made.modes, rank=3, random_state=seed)
    return made.data, made.target, made.factors, model


def smoothness(model, grid):
    """Moran's I of every component's map."""
    maps = model.factors_[grid]
    return [morans_i(maps[..., k], permutations=0).statistic for k in range(maps.shape[-1])]


def measure(model, X, y, truth):
    """The model; its match score, the least and the mean of its spatial factors' Moran's I, seconds."""
    model, seconds = timed(model.fit, X, y)
    smooth = [i for mode in model.modes_ if isinstance(mode, Grid) for i in smoothness(model, mode.name)]
    return model, (factor_match_score(model, truth), min(smooth), np.mean(smooth), seconds)


def main(n_seeds=10):
    warnings.simplefilter("ignore")
    rows = []
    for name, make in {"shots": shots, "fields": fields}.items():
        results = {start: [] for start in STARTS}
        for seed in range(n_seeds):
            X, y, truth, model = make(seed)
            given = {}  # the penalties that the default start chose: on the finest grid the choice takes long
            for start, options in STARTS.items():
                fitted, result = measure(clone(model).set_params(**given, **options), X, y, truth)
                given = given or {"alpha_spatial": fitted.alpha_spatial_, "alpha_l2": fitted.alpha_l2_}
                results[start].append(result)
        for start, result in results.items():
            score, least, mean, seconds = np.array(result).T
            rows.append(
                [name, start, f"{score.mean():.3f}", f"{score.min():.3f}", f"{np.sum(score >= 0.9)}/{n_seeds}",
                 f"{mean.mean():.3f}", f"{np.min(least):.3f}", f"{seconds.mean():.1f}"]
            )  # fmt: skip
    head = ["data", "start", "match, mean", "match, least", "at 0.9", "Moran's I, mean", "Moran's I, least", "fit s"]
    table(f"Simulated factors, {n_seeds} seeds, 3 components", head, rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
