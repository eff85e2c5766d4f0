"""Ten seeds of simulated shots and fields: the rank that is chosen, and what the true rank would have given.

Three components each, trained on the first half and scored on the second (log loss, R^2). Match score and Moran's I are
those of `interpretability.py`. The rank of the shots is that of the product beside terms of single modes: simulated
players differ in how often they score, so that as one tensor the truth has four components.
"""

import sys
import warnings

import numpy as np
from _common import r2, table, timed
from interpretability import smoothness
from simulated_shots import encoder
from sklearn.metrics import log_loss

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_ocean, make_shots
from sklearn_mrtl.inspection import factor_match_score

TRUE_RANK, WITHIN = 3, 0.002


def shots(seed, n=50_000):
    """An estimator, the encodings, targets and true factors, and a score that is better the larger."""
    made = make_shots(2 * n, n_players=10, n_components=3, best_auc=0.9, dtype=np.float32, random_state=seed)
    model = MRTLClassifier(made.modes, random_state=seed)
    X = encoder(made.modes).fit_transform(made.data)
    return model, X, made.target, made.factors, lambda y, model, X: -log_loss(y, model.predict_proba(X))


def fields(seed, n=2000):
    """The same of fields of twelve lags and four variables."""
    made = make_ocean(2 * n, n_lags=12, n_variables=4, shape=(12, 27), best_r2=0.9, dtype=np.float32, random_state=seed)
    model = MRTLRegressor(made.modes, random_state=seed)
    return model, np.asarray(made.data), made.target, made.factors, lambda y, model, X: r2(y, model.predict(X))


def measure(model, X, y, truth, score):
    """Rank, score on the second half, match score, mean Moran's I, and seconds."""
    half = len(y) // 2
    model, seconds = timed(model.fit, X[:half], y[:half])
    maps = [i for mode in model.modes_ if isinstance(mode, Grid) for i in smoothness(model, mode.name)]
    match = factor_match_score(model, truth)
    return model.rank_, score(y[half:], model, X[half:]), match, np.mean(maps), seconds


def main(n_seeds=10):
    warnings.simplefilter("ignore")
    for name, make in {"shots": shots, "fields": fields}.items():
        rows, n_right = [], 0
        for seed in range(n_seeds):
            model, *data = make(seed)
            rank, score, *chosen = measure(model, *data)
            _, given_score, *given = measure(model.set_params(rank=TRUE_RANK), *data)
            is_right = rank == TRUE_RANK or score >= given_score - WITHIN
            n_right += is_right
            numbers = [f"{a:.3f} {b:.3f}" for a, b in zip(chosen, given, strict=True)]
            rows.append([name, seed, rank, f"{score:.4f} {given_score:.4f}", *numbers, "yes" if is_right else "no"])
            print(*rows[-1], flush=True)
        head = ["data", "seed", "rank", "score", "match", "Moran's I", "seconds", f"right or within {WITHIN}"]
        table(f"Chosen and true rank: {n_right} of {n_seeds} are right or within {WITHIN}", head, rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
