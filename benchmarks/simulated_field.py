"""A simulated CP field, ours beside tensorly's CPRegressor and scikit-learn's ridge, in turns.

`python benchmarks/simulated_field.py ceilings`: how near the true weights one comes who knows most of them.
"""

import sys

import numpy as np
from _common import r2, table, timed
from sklearn.linear_model import RidgeCV
from tensorly.regression import CPRegressor

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.datasets._ocean_model import make_smoothers

SHAPE, N_TRAIN, N_TEST, N_TURNS = (24, 54), 1000, 1000, 3


def cosine(a, b):
    return float(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def tensorly_fit(X, y):
    return CPRegressor(weight_rank=5, n_iter_max=30, verbose=0, random_state=0).fit(X, y)


def simulated(seed):
    return make_ocean(N_TRAIN + N_TEST, shape=SHAPE, land=0, autocorrelation=0, dtype=np.float32, random_state=seed)


def ceilings():
    """Print cosines to the true weights: ours, and of maps alone whose lags, variables and strength are the truth's."""
    rows = []
    for seed in range(6):
        ocean = simulated(seed)
        model = MRTLRegressor(rank=3).fit(np.ascontiguousarray(ocean.data[:N_TRAIN]), ocean.target[:N_TRAIN])
        cosines = cosine(model.coef_, ocean.coef), *(best_maps(ocean, prior) for prior in priors())
        rows.append((seed, *(f"{value:.3f}" for value in cosines)))
    head = ["seed", "MRTLRegressor(rank=3)", "maps alone, gradient penalized", "maps alone, true covariance"]
    table("Cosines to the true weights", head, rows)


def priors():
    """Covariances of the cells of a map: the inverse of the grid's Laplacian, and that of the simulation."""
    laplacians = [np.diag(np.r_[1, np.full(n - 2, 2), 1]) - np.eye(n, k=1) - np.eye(n, k=-1) for n in SHAPE]
    laplacian = np.kron(laplacians[0], np.eye(SHAPE[1])) + np.kron(np.eye(SHAPE[0]), laplacians[1])
    smoothers = [smoother @ smoother.T for smoother in make_smoothers(SHAPE, 0.08)]
    return np.linalg.inv(laplacian + 1e-3 * np.eye(len(laplacian))), np.kron(*smoothers)


def best_maps(ocean, prior):
    """Cosine to the true weights of the maps that are best given a prior and the true lags and variables."""
    lags, variables = ocean.factors["lag"], ocean.factors["variable"]
    known = np.einsum("lk,vk->lvk", lags, variables)
    X, y = ocean.data[:N_TRAIN].reshape(N_TRAIN, *known.shape[:2], -1).astype(float), ocean.target[:N_TRAIN]
    projected = np.einsum("nlvd,lvk->nkd", X - X.mean(0), known)
    size = np.linalg.norm(known, axis=(0, 1))[:, None] ** 2
    images = projected / size @ prior  # (n, K, D)
    values, vectors = np.linalg.eigh(np.einsum("nkd,mkd->nm", images, projected))
    rotated, cosines = vectors.T @ (y - y.mean()), []
    for strength in values[-1] * 10 ** -np.arange(0, 6, 0.25):
        maps = np.einsum("n,nkd->kd", vectors @ (rotated / (values + strength)), images)
        cosines.append(cosine(np.einsum("lvk,kd->lvd", known, maps), ocean.coef))
    return max(cosines)


def main():
    rows, ratios = [], []
    for seed in range(N_TURNS):
        ocean = simulated(seed)
        X, y, W = np.ascontiguousarray(ocean.data), ocean.target, ocean.coef
        train, test = slice(N_TRAIN), slice(N_TRAIN, None)
        ours, seconds = timed(MRTLRegressor(rank=5).fit, X[train], y[train])
        rows.append(row("MRTLRegressor(rank=5)", r2(y[test], ours.predict(X[test])), cosine(ours.coef_, W), seconds))
        peer, peer_seconds = timed(tensorly_fit, X[train].astype(float), y[train].astype(float))
        weights = peer.weight_tensor_
        prediction = np.tensordot(X[test], weights, 4)
        rows.append(row("tensorly CPRegressor(5)", r2(y[test], prediction), cosine(weights, W), peer_seconds))
        flat = X.reshape(len(X), -1)
        # Each row has noise of its own, so that RidgeCV may leave out single ones.
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
    ceilings() if sys.argv[1:] == ["ceilings"] else main()
