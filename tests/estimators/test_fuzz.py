"""Random data and parameters: every fit ends with a finite model, or with an error of our own that says what is wrong.

300 cases run here. ``make fuzz`` runs 5000, or as many as the environment variable MRTL_FUZZ_CASES says.
"""

import os
import traceback
import warnings
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
import sklearn
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

import sklearn_mrtl
from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor

N_CASES = int(os.environ.get("MRTL_FUZZ_CASES", 300))
OURS = tuple(str(Path(package.__file__).parent) for package in (sklearn_mrtl, sklearn))
SCALES = st.one_of(st.just(0), st.integers(-30, 30))  # powers of ten
STRENGTHS = st.sampled_from([0, 1e-6, 1.0, 1e6])
ODD_NUMBERS = st.sampled_from([float("nan"), float("inf"), -1.0, 1e300, 1e-300, True, "1"])


@dataclass
class Case:
    """Data and parameters of a fit; its printed form is what hypothesis shows of a failure."""

    is_classifier: bool
    modes: list
    is_fields: bool
    dtype: str
    n_rows: int
    x_scale: int
    y_scale: int
    n_outputs: int
    damage: tuple
    seed: int
    parameters: dict = field(default_factory=dict)

    def data(self):
        """X, y and sample weights."""
        rng = np.random.default_rng(self.seed)
        X = self._fields(rng) if self.is_fields else self._encodings(rng)
        target, is_counts = self.parameters.get("target"), self.parameters.get("loss") == "poisson"
        if self.is_classifier:
            y = rng.integers(self.n_outputs + 1, size=self.n_rows)
        elif target is not None:
            y = rng.normal(size=(self.n_rows, *target.shape)) * 10.0**self.y_scale
            y[:, rng.random(target.shape) < 0.3] = np.nan
        else:
            y = rng.normal(size=(self.n_rows, self.n_outputs)) * 10.0**self.y_scale
            y = y[:, 0] if self.n_outputs == 1 else y
        y = np.abs(y) if is_counts else y
        weight = None
        if "weights" in self.damage:
            weight = rng.exponential(size=self.n_rows)
        if "heavy" in self.damage:
            weight = np.where(np.arange(self.n_rows) == 0, 1e12, 1.0)
        if "zeros" in self.damage:
            weight = (rng.random(self.n_rows) < 0.5).astype(float)
        if "negative" in self.damage:
            weight = np.full(self.n_rows, -1.0)
        return X, y, weight

    def _fields(self, rng):
        shape = [n for mode in self.modes for n in mode.shape]
        X = rng.normal(size=(self.n_rows, *shape)) * 10.0**self.x_scale
        if "land" in self.damage:
            X[:, rng.random(shape) < 0.3] = np.nan
        if "gaps" in self.damage:
            X[rng.random(X.shape) < 0.1] = np.nan
        if "infinite" in self.damage:
            X[tuple(0 for _ in X.shape)] = np.inf
        if "constant" in self.damage:
            X[:] = X[:1]
        with np.errstate(over="ignore"):
            return X.astype(self.dtype)

    def _encodings(self, rng):
        parts = []
        for mode in self.modes:
            size = prod(mode.shape)
            n_hot = 1 if isinstance(mode, Feature) else int(rng.integers(1, 4))
            part = np.zeros((self.n_rows, size))
            for _ in range(n_hot):
                part[np.arange(self.n_rows), rng.integers(size, size=self.n_rows)] += 1
            if "empty" in self.damage:
                part[:] = 0
            parts.append(part)
        X = np.concatenate(parts, axis=1) * 10.0**self.x_scale
        if "infinite" in self.damage:
            X[0, 0] = np.inf
        with np.errstate(over="ignore"):
            X = X.astype(self.dtype)
        return X if "dense" in self.damage else sparse.csr_array(X)


@st.composite
def modes(draw):
    """One to three modes, one of them a Grid most of the time."""
    features = [Feature(f"feature {i}", draw(st.integers(1, 4))) for i in range(draw(st.integers(0, 2)))]
    grids = []
    for i in range(draw(st.integers(0 if features else 1, 3 - len(features)))):
        shape = draw(st.lists(st.integers(1, 7), min_size=1, max_size=3 if i == 0 else 1))
        length = draw(st.sampled_from([None, 1.0, 1e-8, 1e8]))
        grids.append(
            Grid(
                f"grid {i}", tuple(shape), bounds=None if length is None else [(0.0, length)] * len(shape),
                quantity=draw(st.sampled_from(["count", "mean"])),
                interpolation=draw(st.sampled_from(["linear", "nearest"])),
                periodic=tuple(draw(st.booleans()) for _ in shape),
            )
        )  # fmt: skip
    return draw(st.permutations([*features, *grids]))


@st.composite
def cases(draw):
    """Cases of which many are sound, and some have one or two things wrong."""
    is_classifier, is_fields = draw(st.booleans()), draw(st.booleans())
    damages = ["weights", "heavy", "zeros", "negative", "infinite"]
    damages += ["land", "gaps", "constant"] if is_fields else ["empty", "dense"]
    chosen = {
        "rank": st.one_of(st.none(), st.integers(1, 6), st.just(0)),
        "decomposition": st.sampled_from(["cp", "tucker"]),
        "full_rank_levels": st.sampled_from(["auto", 0, 1, 2]),
        "alpha_spatial": st.one_of(STRENGTHS, STRENGTHS, ODD_NUMBERS),
        "alpha_l2": st.one_of(STRENGTHS, STRENGTHS, ODD_NUMBERS),
        "sigma": st.one_of(st.sampled_from([1e-4, 0.05, 10.0]), ODD_NUMBERS),
        "nonnegative": st.sampled_from([(), "all"]),
        "solver": st.sampled_from(["auto", "auto", "adam", "sgd"]),
        "learning_rate": st.one_of(st.sampled_from([1e-3, 1.0, 1e6]), ODD_NUMBERS),
        "lr_decay": st.one_of(st.just(0.5), ODD_NUMBERS),
        "tol": st.one_of(st.just(0.1), ODD_NUMBERS),
        "resolutions": st.sampled_from(["auto", "fixed"]),
        "n_levels": st.sampled_from([None, 1, 2]),
        "criterion": st.sampled_from(["auto", "validation_loss", "gradient_norm", "gradient_entropy"]),
        "max_epochs": st.sampled_from([1, 3, 5]),
    }
    own_modes = draw(modes())
    own_names = [mode.name for mode in own_modes]
    several = st.lists(st.lists(st.sampled_from(own_names), min_size=1, unique=True).map(tuple), max_size=3)
    chosen["terms"] = st.one_of(st.none(), several)
    chosen["cv"] = st.one_of(st.integers(1, 4), st.sampled_from([GroupKFold(2), TimeSeriesSplit(2)]))
    if is_classifier:
        chosen["class_weight"] = st.sampled_from(["balanced", {0: 2.0}, {0: float("nan")}])
    else:
        chosen["loss"] = st.just("poisson")
        chosen["target"] = st.just(Grid("map", (3, 2)))
    names = draw(st.lists(st.sampled_from(sorted(chosen)), max_size=3, unique=True))
    parameters = {name: draw(chosen[name]) for name in names}
    damage = draw(st.one_of(st.just([]), st.lists(st.sampled_from(damages), max_size=2, unique=True)))
    n_rows = draw(st.one_of(st.integers(10, 60), st.integers(1, 60)))
    return Case(
        is_classifier, own_modes, is_fields, draw(st.sampled_from(["f4", "f8"])), n_rows,
        draw(SCALES), draw(SCALES), draw(st.integers(1, 3)), tuple(damage), draw(st.integers(0, 2**31)), parameters,
    )  # fmt: skip


@settings(max_examples=N_CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_every_fit_ends_with_a_finite_model_or_an_error_of_our_own(case):
    X, y, weight = case.data()
    groups = np.arange(case.n_rows) // 5 if isinstance(case.parameters.get("cv"), GroupKFold) else None
    estimator = (MRTLClassifier if case.is_classifier else MRTLRegressor)(
        case.modes, random_state=0, **{"max_epochs": 5, **case.parameters}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.fit(X, y, sample_weight=weight, groups=groups)
            predicted = estimator.predict(X)
        except (ValueError, TypeError, MemoryError) as error:
            deepest = traceback.extract_tb(error.__traceback__)[-1].filename
            assert deepest.startswith(OURS), f"raised inside {deepest}: {error!r}"
            assert len(str(error)) > 20, f"says nothing: {error!r}"
            event("an error of our own")
            return
    event("a model")
    assert predicted.shape == y.shape
    if not case.is_classifier:
        assert np.isfinite(predicted[~np.isnan(y)]).all()
    assert all(not np.isinf(term.coef).any() for term in estimator.terms_.values())
    is_land = "target" in case.parameters and np.isnan(y[0])
    assert (np.isfinite(estimator.intercept_) | is_land).all()
