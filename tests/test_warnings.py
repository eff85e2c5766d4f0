"""Every warning points at the line of the user's that it is about."""

import linecache
import sys
import warnings
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor, save_netcdf
from sklearn_mrtl.inspection import report
from sklearn_mrtl.preprocessing import GridDiscretizer, ModeEncoder, lag_windows

RNG = np.random.default_rng(0)
FIELDS = RNG.normal(size=(60, 2, 4, 4))
Y = FIELDS[:, 0, 1:3, 1:3].sum((1, 2)) + RNG.normal(size=60)
GAPS = FIELDS.copy()
GAPS[3, 0, 0, 0] = np.nan
LINEAR = MRTLRegressor(rank=1)
FITTED = MRTLRegressor(rank=1).fit(FIELDS, Y)


def gaps_in_fit():
    MRTLRegressor(rank=1).fit(GAPS, Y)  # here


def gaps_in_fit_of_a_pipeline():
    make_pipeline(FunctionTransformer(), MRTLRegressor(rank=1)).fit(GAPS, Y)  # here


def gaps_in_folds():
    cross_val_score(LINEAR, GAPS, Y, cv=2)  # here


def gaps_in_predict():
    FITTED.predict(GAPS)  # here


def gaps_in_score():
    FITTED.score(GAPS, Y)  # here


def a_rank_too_large():
    MRTLRegressor(rank=2, full_rank_levels=1, resolutions=[{"grid": (1, 1)}, {}]).fit(FIELDS, Y)  # here


def training_that_diverges():
    MRTLRegressor(rank=1, solver="sgd", learning_rate=1e6, max_epochs=2).fit(FIELDS, Y)  # here


def a_checkpoint_that_cannot_be_written():
    MRTLRegressor(rank=1, checkpoint="/proc/fit.npz").fit(FIELDS, Y)  # here


def columns_that_may_not_be_those_of_the_modes():
    X = np.hstack([np.eye(3)[RNG.integers(3, size=60)], np.eye(5)[RNG.integers(5, size=60)]])
    X[7] = [0, 0, 0, 1, 1, 0, 0, 0]
    MRTLRegressor([Feature("a", 3), Grid("b", 5)]).fit(X, Y)  # here


def points_outside():
    GridDiscretizer(Grid("g", 3, bounds=(0, 1)), outside="drop").fit_transform([[0.5], [2.0]])  # here


def unknown_categories():
    encoder = ModeEncoder([(Feature("name"), [0])], handle_unknown="ignore").fit(np.array([["a"], ["b"]]))
    encoder.transform(np.array([["c"]]))  # here


def uneven_steps():
    lag_windows(FIELDS, lags=2, time=np.cumsum(RNG.integers(1, 4, size=60)))  # here


def a_parameter_that_is_not_saved(folder):
    model = MRTLClassifier(rank=1, random_state=np.random.RandomState(0)).fit(FIELDS, Y > 0)
    save_netcdf(model, folder / "model.nc")  # here


def a_report_on_gaps(folder):
    report(FITTED, GAPS, Y, folder / "report.html")  # here


CASES = [
    case for name, case in list(globals().items()) if callable(case) and getattr(case, "__module__", "") == __name__
]


if sys.platform != "linux":  # elsewhere there is no folder that nothing can be written into
    CASES.remove(a_checkpoint_that_cannot_be_written)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_warning_points_at_the_users_line(case, tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        case(*[tmp_path] * case.__code__.co_argcount)
    lines = {linecache.getline(warning.filename, warning.lineno).strip()[-6:] for warning in caught}
    assert lines == {"# here"}, [str(warning) for warning in caught]


def test_without_a_line_of_the_users_a_warning_points_into_the_package():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread = Thread(target=FITTED.predict, args=[GAPS])
        thread.start()
        thread.join()
    assert [Path(warning.filename).name for warning in caught] == ["fields.py"]
