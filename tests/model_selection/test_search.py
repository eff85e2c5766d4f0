"""Searches over a whole pipeline: what workers hold in memory, how many threads they use, what is routed to them."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from helpers import requires_sklearn
from joblib import cpu_count
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import RandomizedSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.model_selection import ConsecutiveBlockSplit
from sklearn_mrtl.preprocessing import AreaWeighter, Deseasonalizer, Detrender, VariableScaler, lag_windows

TIME = np.arange("1920-01", "2020-01", dtype="M8[M]")
FIELDS = np.random.default_rng(0).normal(size=(1200, 8, 18)).astype(np.float32)
REGRESSOR = MRTLRegressor(rank=2, alpha_spatial=0.1, alpha_l2=0.1, max_epochs=3, random_state=0)


def labelled_windows():
    xr = pytest.importorskip("xarray")
    coords = {"time": TIME.astype("M8[ns]"), "lat": np.linspace(-20, 60, 8), "lon": np.linspace(-180, 0, 18)}
    fields = xr.DataArray(FIELDS, coords)
    return lag_windows(fields, fields[:, 3, 4].rename("y"), lags=4, lead=1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, which Linux has")
@pytest.mark.parametrize("labelled", [True, False])
def test_workers_share_one_copy_of_the_fields(labelled):
    """joblib writes large arrays to a file once, and workers map it; nothing here makes it pickle them instead."""
    X, y, *_ = labelled_windows()
    X, y = (X, y) if labelled else (X.values, y.values)
    model = make_pipeline(Detrender("linear"), Deseasonalizer(), REGRESSOR) if labelled else make_pipeline(REGRESSOR)

    def bytes_mapped(model, X, y):
        gc.collect()  # files of an earlier search
        with open("/proc/self/maps") as file:
            places = [line.split()[0].split("-") for line in file if "joblib_memmapping" in line]
        return sum(int(stop, 16) - int(start, 16) for start, stop in places)

    search = RandomizedSearchCV(
        model, {"mrtlregressor__rank": [1, 2]}, n_iter=2, n_jobs=2, refit=False, scoring=bytes_mapped,
        cv=ConsecutiveBlockSplit(6, n_splits=2, gap=4, random_state=0), error_score="raise",
    ).fit(X, y)  # fmt: skip
    mapped = np.array([search.cv_results_[f"split{k}_test_score"] for k in range(2)])
    assert (mapped >= X.nbytes).all() and (mapped <= 1.01 * X.nbytes + y.nbytes + 2**16).all()


def test_workers_share_the_cores():
    X, y, *_ = labelled_windows()
    threads = cross_validate(
        REGRESSOR, X.values[:200], y.values[:200], cv=2, n_jobs=2,
        scoring=lambda model, X, y: torch.get_num_threads(), error_score="raise",
    )["test_score"]  # fmt: skip
    assert (threads <= max(1, cpu_count() // 2)).all()


@pytest.mark.parametrize(
    "transformer",
    [
        Detrender(),
        Detrender("linear"),
        Deseasonalizer(),
        Deseasonalizer(harmonics=1),
        VariableScaler(),
        AreaWeighter(np.linspace(-20, 60, 32)),
    ],
)
def test_a_transformer_holds_one_array_of_the_size_of_its_input(transformer):
    """X, a view of the series, is not copied; statistics of twelve months and blocks of rows are small beside it."""
    fields = np.zeros((1200, 32, 36), np.float32)
    X, _, time, _ = lag_windows(fields, lags=6, time=TIME)
    timed = isinstance(transformer, Detrender | Deseasonalizer)
    tracemalloc.start()
    transformer.fit_transform(X, **({"time": time} if timed else {}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.4 * X.nbytes


def test_validation_rows_of_three_sides_go_through_the_pipeline():
    X, y, *_ = labelled_windows()
    cv = ConsecutiveBlockSplit(12, n_splits=1, gap=4, random_state=0)
    train, validation, test = next(cv.split_three(X))
    steps = Detrender("linear"), Deseasonalizer()
    regressor = clone(REGRESSOR).set_params(criterion="validation_loss")
    with config_context(enable_metadata_routing=True):
        regressor.set_fit_request(X_val=True, y_val=True)
        model = make_pipeline(*steps, regressor, transform_input=["X_val"])
        model.fit(X[train], y[train], X_val=X[validation], y_val=y[validation])
    before = make_pipeline(*map(clone, steps)).fit(X[train])
    by_hand = clone(regressor).fit(
        before.transform(X[train]), y[train], X_val=before.transform(X[validation]), y_val=y[validation]
    )
    losses = [[record["validation_loss"] for record in fitted.history_] for fitted in (model[-1], by_hand)]
    assert losses[0] == losses[1] and np.isfinite(losses[0]).all()
    np.testing.assert_array_equal(model.predict(X[test]), by_hand.predict(before.transform(X[test])))


@requires_sklearn("1.8", "default scores of pipelines with routed metadata")
def test_time_and_weights_are_routed_through_pipeline_and_search():
    rng = np.random.default_rng(0)
    windows = labelled_windows()
    X, y, time, weight = windows.X.values[:240], windows.y.values[:240], windows.time[:240], rng.uniform(0, 2, 240)
    weight[rng.permutation(240)[:40]] = 0
    given = {"time": time, "sample_weight": weight}
    with config_context(enable_metadata_routing=True):
        steps = [
            step.set_fit_request(time=True).set_transform_request(time=True)
            for step in (Detrender("linear"), Deseasonalizer())
        ]
        weighted = clone(REGRESSOR).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        cv = ConsecutiveBlockSplit(6, n_splits=2, gap=4, random_state=0).set_split_request(time=True)
        model = make_pipeline(*steps, weighted)
        search = RandomizedSearchCV(
            model, {"mrtlregressor__rank": [1, 2]}, n_iter=2, cv=cv, random_state=0, error_score="raise"
        ).fit(X, y, **given)
        # A search hands nothing on in predict; its best pipeline does.
        predicted = search.best_estimator_.predict(X, time=time)
        score = search.score(X, y, **given)

    def by_hand(train, test, regressor):
        detrender = Detrender("linear").fit(X[train], time=time[train])
        trendless = detrender.transform(X, time=time)
        season = Deseasonalizer().fit(trendless[train], time=time[train])
        clear = season.transform(trendless, time=time)
        return regressor.fit(clear[train], y[train], sample_weight=weight[train]).predict(clear[test])

    everything = np.arange(240)
    best = clone(REGRESSOR).set_params(rank=search.best_params_["mrtlregressor__rank"])
    np.testing.assert_allclose(predicted, by_hand(everything, everything, best), rtol=1e-5)
    np.testing.assert_allclose(score, r2_score(y, predicted, sample_weight=weight), rtol=1e-5)
    scores = [
        r2_score(y[test], by_hand(train, test, clone(best)), sample_weight=weight[test])
        for train, test in ConsecutiveBlockSplit(6, n_splits=2, gap=4, random_state=0).split(X, time=time)
    ]
    np.testing.assert_allclose(search.best_score_, np.mean(scores), rtol=1e-4)
