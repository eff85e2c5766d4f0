"""Fitted estimators and transformers of every kind, small, with rows to try them on.

As a script it writes them to the file that later versions have to read: python tests/saved_models.py
"""

from __future__ import annotations

import inspect
from importlib.util import find_spec
from pathlib import Path

import joblib
import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import sklearn_mrtl
from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor, preprocessing
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    DeseasonalizedTargetRegressor,
    Deseasonalizer,
    Detrender,
    GridDiscretizer,
    InlandWaterMasker,
    ModeEncoder,
    PolarPosition,
    RelativePosition,
    VariableScaler,
)

SEA = Grid("sea", (6, 8), quantity="mean", periodic=(False, True))
COURT = Grid("court", (4, 6), bounds=[(0, 40), (0, 60)])
PLAYERS = Feature("player", 4)
MONTHS = np.arange("2000-01", "2005-01", dtype="M8[M]")
LATITUDES = np.linspace(-50, 50, 6)
GOLDEN = Path(__file__).parent / "estimators" / "golden" / f"{sklearn_mrtl.__version__}.joblib"
FAST = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2, "max_epochs": 5, "random_state": 0}


def fields(n=60, seed=0):
    """Fields of three lags with land, and a target."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3, 6, 8))
    X[:, :, 2, 3] = np.nan
    return X, np.nansum(X[:, 0, :3], axis=(1, 2)) + rng.normal(size=n)


def encodings(n=200, seed=0):
    """One-hot players and cells, and a number."""
    rng = np.random.default_rng(seed)
    player, cell = rng.integers(4, size=n), rng.integers(24, size=n)
    X = np.hstack([np.eye(4)[player], np.eye(24)[cell]])
    return X, np.linspace(-1, 1, 4)[player] + np.cos(cell / 4) + rng.logistic(size=n)


def table(n=200, seed=0):
    """Players and positions."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(4, size=n), *rng.uniform(0, 40, (2, n))], axis=1)


def estimators():
    """Return fitted estimators by name, each with rows of X."""
    X, y = fields()
    rows, numbers = encodings()
    ocean = {"modes": ["lag", SEA], "resolutions": [{"sea": (3, 4)}, {}]} | FAST
    court = {"modes": [PLAYERS, COURT], "resolutions": [{"court": (2, 3)}, {}], "terms": None} | FAST
    three, two = np.digitize(y, [-2, 2]), np.where(numbers > 0, "made", "missed")
    fitted = {
        "fields, full rank": MRTLRegressor(**ocean, rank=None).fit(X, y),
        "fields, cp": MRTLRegressor(**ocean, rank=2).fit(X, y),
        "fields, tucker": MRTLRegressor(**ocean, rank=2, decomposition="tucker", warm_start=True).fit(X, y),
        "fields, two outputs": MRTLRegressor(**ocean, rank=2, warm_start=True).fit(X, np.stack([y, y**2], 1)),
        "fields, three classes": MRTLClassifier(**ocean, rank=2).fit(X, three),
        "fields, float32": MRTLRegressor(**ocean, rank=2).fit(X.astype(np.float32), y),
        "fields, coarsest level": MRTLRegressor(**ocean, rank=2, n_levels=1, warm_start=True).fit(X, y),
        "pipeline": make_pipeline(VariableScaler(), MRTLRegressor(**ocean, rank=2)).fit(X, y),
        "fields, counts": MRTLRegressor(**ocean, rank=2, loss="poisson").fit(X, np.abs(y).round()),
        "encodings, classes": MRTLClassifier(**court, rank=2, warm_start=True).fit(rows, two),
        "encodings, sparse": MRTLRegressor(**court, rank=None).fit(sparse.csr_array(rows), numbers),
        "encodings, three terms": MRTLClassifier(**(court | {"terms": "auto"}), rank=2).fit(rows, two),
        "encodings, nonnegative": MRTLRegressor(**court, rank=2, nonnegative="all").fit(rows, numbers),
        "encodings, adam": MRTLClassifier(**court, rank=2, solver="adam", warm_start=True).fit(rows, two),
    }
    encoder = ModeEncoder([("player", 0, "one-hot"), (COURT, [1, 2])])
    fitted["encodings, table"] = make_pipeline(encoder, MRTLClassifier(rank=2, **FAST)).fit(table(), two)
    covariates = np.hstack([rows[:, :4], np.random.default_rng(1).normal(5, 2, (200, 2))])
    bodies = MRTLRegressor([PLAYERS, Feature("body", 2)], rank=1, **FAST)
    fitted["encodings, numbers"] = bodies.fit(covariates, numbers + covariates[:, 4])
    if find_spec("xarray"):
        fitted["fields, with labels"] = MRTLRegressor(**ocean, rank=2).fit(labelled(X), y)
    inputs = {name: {"X": rows if "encodings" in name else X} for name in fitted}
    inputs["encodings, table"] = {"X": table()}
    inputs["encodings, numbers"] = {"X": covariates}
    inputs["fields, float32"] = {"X": X.astype(np.float32)}
    return {name: (model, inputs[name]) for name, model in fitted.items()}


def transformers():
    """Return fitted transformers by name, each with the arguments of a call."""
    X, y = fields()
    flat = np.nan_to_num(X).reshape(len(X), -1)
    points = np.random.default_rng(0).uniform(0, 40, (30, 6))
    timed = {"X": X, "time": MONTHS}
    cases = {
        "area": (AreaWeighter(LATITUDES), {"X": X}),
        "lakes": (InlandWaterMasker(min_width=2), {"X": X}),
        "scaler": (VariableScaler(axis=1), {"X": X}),
        "months": (Deseasonalizer(), timed),
        "harmonics": (Deseasonalizer(harmonics=1), timed),
        "mean": (Detrender(), {"X": X}),
        "trend": (Detrender("linear"), timed),
        "cells": (GridDiscretizer(COURT), {"X": points}),
        "modes": (ModeEncoder([("player", 0, "one-hot"), ("distance", [1, 2]), (COURT, [1, 2])]), {"X": table()}),
        "names": (ModeEncoder([("name", 0)]), {"X": np.array([["Ann"], ["Bo"], ["Ann"]])}),
        "relative": (RelativePosition(), {"X": points}),
        "polar": (PolarPosition((5.25, 25.0)), {"X": points}),
    }
    fitted = {name: (transformer.fit(**inputs), inputs) for name, (transformer, inputs) in cases.items()}
    target = DeseasonalizedTargetRegressor(Ridge()).fit(flat, y, time=MONTHS)
    return {**fitted, "target": (target, {"X": flat, "time": MONTHS})}


def labelled(X):
    """Return fields as a DataArray."""
    import xarray as xr

    coords = {"time": MONTHS.astype("M8[ns]"), "lag": [0, 1, 2], "lat": LATITUDES, "lon": np.linspace(0, 70, 8)}
    return xr.DataArray(X, coords, ("time", "lag", "lat", "lon"))


def output(model, inputs):
    """Return what a fitted estimator or transformer makes of rows."""
    out = (model.predict if hasattr(model, "predict") else model.transform)(**inputs)
    return out.toarray() if sparse.issparse(out) else out


def public_classes():
    """Return all public classes that are fitted."""
    names = [(room, name) for room in (sklearn_mrtl, preprocessing) for name in room.__all__]
    classes = [getattr(room, name) for room, name in names if inspect.isclass(getattr(room, name))]
    return {cls for cls in classes if hasattr(cls, "fit")}


def write_golden():
    """Write all of them with rows and what they make of these."""
    saved = {}
    for name, (model, inputs) in (estimators() | transformers()).items():
        few = {key: values[:2] for key, values in inputs.items()}
        saved[name] = {"model": model, "inputs": few, "output": output(model, few)}
    GOLDEN.parent.mkdir(exist_ok=True)
    joblib.dump(saved, GOLDEN, compress=("xz", 6))
    print(f"{GOLDEN}: {len(saved)} models, {GOLDEN.stat().st_size} bytes")


if __name__ == "__main__":
    write_golden()
