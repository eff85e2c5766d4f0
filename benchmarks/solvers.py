"""Why solver="auto" is L-BFGS at every size: simulated shots, the same penalties for all, seconds and log loss."""

import sys
import warnings

import numpy as np
from _common import table, timed
from simulated_shots import encoder
from sklearn.metrics import log_loss

from sklearn_mrtl import MRTLClassifier
from sklearn_mrtl.datasets import make_shots

SIZES, N_TEST = (10_000, 100_000, 1_000_000), 100_000
SOLVERS = {
    "lbfgs": {},
    "adam": {"solver": "adam", "learning_rate": 0.02},
    "sgd": {"solver": "sgd", "learning_rate": 1.0},
}


def main(sizes=SIZES):
    warnings.simplefilter("ignore")
    rows = []
    for n in sizes:
        shots = make_shots(n + N_TEST, dtype=np.float32, random_state=0)
        X, y = encoder(shots.modes).fit_transform(shots.data), shots.target
        chosen = MRTLClassifier(shots.modes, terms=None, rank=6, n_levels=1, random_state=0).fit(X[:n], y[:n])
        alphas = {"alpha_spatial": chosen.alpha_spatial_, "alpha_l2": chosen.alpha_l2_}
        for name, parameters in SOLVERS.items():
            model = MRTLClassifier(shots.modes, terms=None, rank=6, random_state=0, **alphas, **parameters)
            model, seconds = timed(model.fit, X[:n], y[:n])
            loss = log_loss(y[n:], model.predict_proba(X[n:])[:, 1])
            rows.append([f"{n:,}", name, f"{loss:.4f}", f"{seconds:.1f}", model.n_iter_])
    table("Simulated shots, rank 6, whole schedule", ["frames", "solver", "log loss", "fit s", "epochs"], rows)


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or SIZES)
