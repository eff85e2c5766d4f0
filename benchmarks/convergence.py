"""How near to its optimum each level ends, after how many passes over the data: Gauss-Newton steps beside L-BFGS.

The gap is what a level leaves to gain, as a fraction of what is explained (loss without weights minus objective). The
optimum is the least objective that 2000 more epochs of either solver find from the level's end.
"""

import sys
import time
import warnings
from unittest import mock

import numpy as np
import ocean
import shots
import simulated_shots
import xarray as xr
from _common import r2, require, table
from sklearn.metrics import log_loss

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core import algorithm
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.solve import solve
from sklearn_mrtl.datasets import make_ocean, make_shots


def recorded_fit(estimator, X, y):
    """The fitted estimator, and for each level its objective, weights, passes over the data and seconds."""
    levels, evaluate, passes = [], Objective.value_and_gradient, [0]

    def counted(objective, parameters):
        passes[0] += 1
        return evaluate(objective, parameters)

    def recording(objective, *args):
        passes[0], began = 0, time.perf_counter()
        found = solve(objective, *args)
        levels.append((objective, found, passes[0], time.perf_counter() - began))
        return found

    with mock.patch.object(Objective, "value_and_gradient", counted), mock.patch.object(algorithm, "solve", recording):
        return estimator.fit(X, y), levels


def gap(objective, found, n_epochs):
    """What is left to gain, as a fraction of what is explained."""
    value, least = objective.value(found), float("inf")
    for newton in (True, False):
        settings = SolverSettings(max_epochs=n_epochs, convergence=1e-7, newton=newton)
        least = min(least, objective.value(solve(objective, found, settings)))
    return (value - least) / (objective.null_loss() - least)


def rows_of(title, estimator, data, score, n_epochs):
    X, y, X_test, y_test = data
    chosen = estimator.fit(X, y)
    alphas = {"alpha_spatial": chosen.alpha_spatial_, "alpha_l2": chosen.alpha_l2_}
    for solver in ("auto", "lbfgs"):
        model, levels = recorded_fit(estimator.set_params(solver=solver, **alphas), X, y)
        gaps = [gap(objective, found, n_epochs) for objective, found, _, _ in levels]
        *_, (_, _, passes, _) = levels
        predicted = model.predict_proba(X_test)[:, 1] if hasattr(model, "classes_") else model.predict(X_test)
        seconds = sum(seconds for *_, seconds in levels)
        numbers = f"{max(gaps):.1e}", f"{gaps[-1]:.1e}", passes, f"{seconds:.2f}", f"{score(y_test, predicted):.4f}"
        yield (title, solver, *numbers)


def tasks():
    """Title, estimator, training and test data, and score of every task."""
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    for lead, ranks in ((3, (1, 3, 10)), (6, (1, 5))):
        X, y, train, _ = ocean.nino(sst, lead)
        data = np.ascontiguousarray(X[train]), y[train], X[~train], y[~train]
        for rank in ranks:
            yield f"Nino3.4 + {lead}, rank {rank}", MRTLRegressor(rank=rank), data, r2
    field = make_ocean(2000, shape=(24, 54), land=0, autocorrelation=0, dtype=np.float32, random_state=0)
    X, y = np.ascontiguousarray(field.data), field.target
    yield "field of 3 components, rank 3", MRTLRegressor(rank=3), (X[:1000], y[:1000], X[1000:], y[1000:]), r2
    simulated = make_shots(200_000, dtype=np.float32, random_state=0)
    X, y = simulated_shots.encoder(simulated.modes).fit_transform(simulated.data), simulated.target
    data = X[:100_000], y[:100_000], X[100_000:], y[100_000:]
    yield "simulated shots, rank 6", MRTLClassifier(simulated.modes, terms=None, rank=6), data, log_loss
    (train, test), encode = shots.load(), shots.encoder()
    data = encode.fit_transform(train), train.made, encode.transform(test), test.made
    yield "real shots, rank 10", MRTLClassifier(shots.MODES, terms=None, rank=10), data, log_loss


def main(n_epochs=2000):
    warnings.simplefilter("ignore")
    rows = [row for task in tasks() for row in rows_of(*task, n_epochs)]
    head = ["task", "solver", "largest gap", "finest gap", "passes there", "seconds", "R^2 or log loss"]
    table("Levels against their optima", head, rows)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
