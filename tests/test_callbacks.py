import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, VariableScaler


class Recorder:
    """Keeps the names of tasks, and what half-trained models say; ends what it is told to."""

    def __init__(self, stop=lambda context: False):
        self.tasks, self.scores, self.stop, self.torn_down = [], [], stop, 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.tasks.append(context.task_name)
        self.scores.append(fitted_estimator.score(X, y))
        assert len(fitted_estimator.history_) == self.tasks.count("epoch")
        return self.stop(context)


def data(n=150, classes=False):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2, 12, 12))
    y = X[:, :, 3:7, 3:7].sum((1, 2, 3)) + rng.normal(size=n)
    return X, (np.where(y > 0, "high", "low") if classes else y)


@pytest.mark.parametrize("estimator", [MRTLRegressor(rank=2), MRTLClassifier(rank=2)])
def test_callbacks_hear_of_levels_and_epochs_and_get_models_that_predict(estimator):
    recorder = Recorder()
    model = clone(estimator).set_params(random_state=0).set_callbacks(recorder)
    X, y = data(classes=isinstance(estimator, MRTLClassifier))
    model.fit(X, y)
    stages = list(dict.fromkeys((record["level"], record["stage"]) for record in model.history_))
    names = [name for name in recorder.tasks if name != "epoch"]
    assert names == [*(f"level {level + 1}, {stage}" for level, stage in stages), "fit"]
    assert recorder.tasks.count("epoch") == model.n_iter_
    assert recorder.scores[-1] == model.score(X, y) and recorder.torn_down == 1
    silent = clone(estimator).set_params(random_state=0).fit(X, y)
    np.testing.assert_array_equal(silent.coef_, model.coef_)


def test_true_ends_a_level_after_an_epoch_and_training_after_a_level():
    X, y = data()
    all_levels = MRTLRegressor(rank=2, random_state=0).fit(X, y)
    short = MRTLRegressor(rank=2, random_state=0).set_callbacks(Recorder(lambda context: context.task_name == "epoch"))
    short.fit(X, y)
    assert short.resolutions_ == all_levels.resolutions_ and {record["epoch"] for record in short.history_} == {1}
    first = MRTLRegressor(rank=2, random_state=0).set_callbacks(Recorder(lambda context: "low" in context.task_name))
    first.fit(X, y)
    assert first.resolutions_ == all_levels.resolutions_[:1] and np.isfinite(first.predict(X)).all()


def test_callbacks_are_put_away_where_fit_fails():
    def fail(context):
        raise RuntimeError("enough")

    recorder = Recorder(fail)
    model = MRTLRegressor(rank=2).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(*data())
    assert recorder.torn_down == 1 and not hasattr(model, "_callback_fit_ctx")


def test_a_fitted_model_with_callbacks_is_pickled():
    model = MRTLRegressor(rank=2).set_callbacks(ProgressBarlike())
    X, y = data()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model.fit(X, y))).predict(X), model.predict(X))


class ProgressBarlike:
    """The least that a callback has which reaches estimators in others; keeps the names of tasks."""

    max_propagation_depth = None

    def __init__(self):
        self.ended = []

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context): ...
    def on_fit_task_end(self, estimator, context):
        self.ended.append(context.task_name)


@pytest.mark.filterwarnings("error:The estimator")
def test_a_regressor_of_anomalies_passes_callbacks_on():
    time = np.arange("2000-01", "2012-07", dtype="datetime64[M]")
    bar = ProgressBarlike()
    model = DeseasonalizedTargetRegressor(MRTLRegressor(rank=2)).set_callbacks(bar)
    model.fit(*data(), time=time)
    levels = [name for name in bar.ended if name.startswith("level")]
    assert levels and bar.ended.index(levels[0]) > 0 and bar.ended[-1] == "fit"


def test_scores_are_monitored():
    monitor = ScoringMonitor(scoring="r2")
    MRTLRegressor(rank=2).set_callbacks(monitor).fit(*data())
    assert len(monitor.get_logs().data) > 3


@pytest.mark.filterwarnings("error:The estimator")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_nests_search_pipeline_level_and_epoch(capsys, n_jobs):
    pytest.importorskip("rich", reason="the bar needs rich")
    pipeline = make_pipeline(VariableScaler(), MRTLRegressor(rank=2))
    search = RandomizedSearchCV(pipeline, {"mrtlregressor__rank": [1, 2]}, n_iter=2, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*data())
    printed = capsys.readouterr().out
    for what in ("RandomizedSearchCV", "Pipeline", "MRTLRegressor", "level 1, full rank", "level 1, low rank"):
        assert what in printed
