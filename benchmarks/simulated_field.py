"""A simulated CP field, ours beside tensorly's CPRegressor and scikit-learn's ridge, in turns."""

import numpy as np
from _common import r2, table, timed
from sklearn.linear_model import RidgeCV
from tensorly.regression import CPRegressor

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import make_ocean

SHAPE, N_TRAIN, N_TEST, N_TURNS = (24, 54), 1000, 1000, 3


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def tensorly_fit(X, y):
    return CPRegressor(weight_rank=5, n_iter_max=30, verbose=0, random_state=0).fit(X, y)


def main():
    rows, ratios = [], []
    for seed in range(N_TURNS):
        ocean = make_ocean(
            N_TRAIN + N_TEST, shape=SHAPE, land=0, autocorrelation=0, dtype=np.float32, random_state=seed
        )
        X, y, W = np.ascontiguousarray(ocean.data), ocean.target, ocean.coef
        train, test = slice(N_TRAIN), slice(N_TRAIN, None)
        ours, seconds = timed(MRTLRegressor(rank=5).fit, X[train], y[train])
        rows.append(row("MRTLRegressor(rank=5)", r2(y[test], ours.predict(X[test])), cosine(ours.coef_, W), seconds))
        peer, peer_seconds = timed(tensorly_fit, X[train].astype(float), y[train].astype(float))
        weights = peer.weight_tensor_
        prediction = np.tensordot(X[test], weights, 4)
        rows.append(row("tensorly CPRegressor(5)", r2(y[test], prediction), cosine(weights, W), peer_seconds))
        flat = X.reshape(len(X), -1)
        ridge, ridge_seconds = timed(RidgeCV(np.logspace(2, 6, 12)).fit, flat[train], y[train])
        rows.append(
            row("RidgeCV", r2(y[test], ridge.predict(flat[test])), cosine(ridge.coef_, W.ravel()), ridge_seconds)
        )
        ratios.append(peer_seconds / seconds)
    table(
        f"Simulated CP field ({N_TRAIN}, 6, 2, 24, 54), 3 components, best R^2 0.80",
        ["model", "R^2", "cosine", "fit s"],
        rows,
    )
    print(f"MRTL is faster than tensorly by {np.median(ratios):.0f} (median of {N_TURNS} fields)")


def row(name, score, similarity, seconds):
    return name, f"{score:.3f}", f"{similarity:.3f}", f"{seconds:.2f}"


if __name__ == "__main__":
    main()
