"""One sweep of the defaults that are easily overlooked: each is varied alone, on all data sets, thinned.

Scores are on held-out data, and for comparison only: no default was chosen by this table. With an argument, only the
data sets whose names begin so: `python benchmarks/defaults.py real`.
"""

import sys
import time
import warnings
from contextlib import ExitStack
from dataclasses import replace
from unittest import mock

import numpy as np
import shots
import terms
import xarray as xr
from _common import r2, require, table
from ocean import nino
from rank import midwest_rain
from simulated_shots import encoder
from sklearn.metrics import log_loss

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators import schedule, settings
from sklearn_mrtl.datasets import make_ocean, make_shots
from sklearn_mrtl.preprocessing import ModeEncoder

# The varied settings: parameters of the estimator, or constants that stand in for those of a module.
VARIED = {
    "defaults": {},
    "rank 1": {"rank": 1},
    "rank 3": {"rank": 3},
    "rank 10": {"rank": 10},
    "sigma 0.01": {"sigma": 0.01},
    "sigma 0.1": {"sigma": 0.1},
    "coarsest 3 cells": {"coarsest": 3},
    "coarsest 12 cells": {"coarsest": 12},
    "random start": {"full_rank_levels": 0},
    "full rank 2 levels": {"full_rank_levels": 2},
    "convergence x 10": {"convergence": 10.0},
    "convergence / 10": {"convergence": 0.1},
    "6 blocks": {"cv": 6},
    "24 blocks": {"cv": 24},
}


def fields(X, y, is_train):
    """A regressor, training and test rows, and a score."""
    coarse = X.reshape(*X.shape[:-2], X.shape[-2] // 2, 2, X.shape[-1] // 2, 2).mean((-3, -1))
    train = np.ascontiguousarray(coarse[is_train]), y[is_train], None
    return MRTLRegressor(), train, (coarse[~is_train], y[~is_train]), lambda y, model, X: r2(y, model.predict(X))


def encodings(X, y, is_train, groups=None, **parameters):
    """A classifier, training and test rows, and a score."""
    train = X[is_train], y[is_train], None if groups is None else groups[is_train]
    score = lambda y, model, X: log_loss(y, model.predict_proba(X))  # noqa: E731
    return MRTLClassifier(**parameters), train, (X[~is_train], y[~is_train]), score


def simulated_field():
    made = make_ocean(2000, shape=(24, 54), land=0, autocorrelation=0, dtype=np.float32, random_state=0)
    return fields(made.data, made.target, np.arange(2000) < 1000)


def ocean_task(make, *args):
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    return fields(*make(sst, *args)[:3])


def simulated_shots(n=20_000):
    made = make_shots(2 * n, n_players=20, dtype=np.float32, random_state=0)
    return encodings(encoder(made.modes).fit_transform(made.data), made.target, np.arange(2 * n) < n)


def real_shots(step=10):
    train, test = (part.iloc[::step] for part in shots.load())
    court = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
    encode = ModeEncoder([("player", "player_id"), (court, ["x", "y"])], handle_unknown="ignore", dtype=np.float32)
    encode.fit(train)
    case = encodings(encode.transform(train), train.made.to_numpy(), np.ones(len(train), bool))
    return case[0], case[1], (encode.transform(test), test.made), case[3]


def tracking_frames():
    data = terms.frames()
    court = Grid("court", (20, 8), bounds=[(0, 42), (-180, 180)], periodic=(False, True))
    around = Grid("defenders", (8, 8), bounds=[(0, 8), (-180, 180)], periodic=(False, True))
    defenders = [f"{what}_{k}" for k in range(1, 6) for what in ("near", "side")]
    encode = ModeEncoder(
        [("player", "player"), (court, ["distance", "angle"]), (around, defenders)],
        handle_unknown="ignore", outside="drop", dtype=np.float32,
    )  # fmt: skip
    is_train = (data.game <= 6).to_numpy()
    X = encode.fit(data[is_train]).transform(data)
    return encodings(X, data.shoots.to_numpy(), is_train, data.game.to_numpy())


DATA = {
    "simulated field": simulated_field,
    "Nino3.4 + 3": lambda: ocean_task(nino, 3),
    "Nino3.4 + 6": lambda: ocean_task(nino, 6),
    "Midwest rain": lambda: ocean_task(midwest_rain, range(6)),
    "simulated shots": simulated_shots,
    "real shots": real_shots,
    "tracking frames": tracking_frames,
}


def fitted(model, X, y, groups, coarsest=schedule.COARSEST, convergence=1.0, **parameters):
    """The model with a setting varied, and the seconds of the processor."""
    made = settings.solver_of

    def solver_of(*args, **options):
        solver = made(*args, **options)
        return replace(solver, convergence=convergence * solver.convergence)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(schedule, "COARSEST", coarsest))
        stack.enter_context(mock.patch.object(settings, "solver_of", solver_of))
        began = time.process_time()
        model = model.__class__(**parameters).fit(X, y, groups=groups)
        return model, time.process_time() - began


def main(name=""):
    warnings.simplefilter("ignore")
    for data, make in DATA.items():
        if not data.startswith(name):
            continue
        model, train, (X, y), score = make()
        rows = []
        for setting, varied in VARIED.items():
            if setting == "random start" and isinstance(model, MRTLClassifier):
                continue  # these are sums of terms, which need a full-rank start
            found, seconds = fitted(model, *train, **varied)
            rows.append([setting, f"{score(y, found, X):.4f}", found.rank_, len(found.resolutions_), f"{seconds:.1f}"])
            print(data, *rows[-1], flush=True)
        table(data, ["setting", "R^2 or log loss", "rank", "levels", "CPU s"], rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
