import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLClassifier, MRTLRegressor
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, VariableScaler

callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")


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
    phases = list(dict.fromkeys((record["level"], record["phase"]) for record in model.history_))
    names = [name for name in recorder.tasks if name != "epoch"]
    assert names == [*(f"level {level + 1}, {phase.replace('_', ' ')}" for level, phase in phases), "fit"]
    assert recorder.tasks.count("epoch") == model.n_iter_
    assert recorder.scores[-1] == model.score(X, y) and recorder.torn_down == 1
    silent = clone(estimator).set_params(random_state=0).fit(X, y)
    np.testing.assert_array_equal(silent.coef_, model.coef_)


def test_true_ends_a_level_after_an_epoch_and_training_after_a_level():
    X, y = data()
    model = MRTLRegressor(rank=2, full_rank_levels=1, random_state=0)
    all_levels = clone(model).fit(X, y)
    short = clone(model).set_callbacks(Recorder(lambda context: context.task_name == "epoch")).fit(X, y)
    assert short.resolutions_ == all_levels.resolutions_ and {record["epoch"] for record in short.history_} == {1}
    first = clone(model).set_callbacks(Recorder(lambda context: "low" in context.task_name)).fit(X, y)
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
    monitor = callback.ScoringMonitor(scoring="r2")
    MRTLRegressor(rank=2).set_callbacks(monitor).fit(*data())
    assert len(monitor.get_logs().data) > 3


@pytest.mark.filterwarnings("error:The estimator")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_progress_bar_nests_search_pipeline_level_and_epoch(capsys, n_jobs):
    pytest.importorskip("rich", reason="the bar needs rich")
    pipeline = make_pipeline(VariableScaler(), MRTLRegressor(rank=2))
    search = RandomizedSearchCV(pipeline, {"mrtlregressor__rank": [1, 2]}, n_iter=2, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(*data())
    printed = capsys.readouterr().out
    for what in ("RandomizedSearchCV", "Pipeline", "MRTLRegressor", "level 1, full rank", "level 1, low rank"):
        assert what in printed


def test_scorers_that_know_no_weights_are_monitored():
    def plain(y_true, y_pred):
        return -np.abs(y_true - y_pred).max()

    monitor = callback.ScoringMonitor(scoring=make_scorer(plain))
    MRTLRegressor(rank=2).set_callbacks(monitor).fit(*data())
    assert len(monitor.get_logs().data) > 3


def test_weights_of_the_user_reach_scorers_without_those_of_the_classes():
    seen = []

    def keep(y_true, y_pred, sample_weight):
        seen.append(sample_weight)
        return 0.0

    X, y = data(classes=True)
    weight = np.random.default_rng(1).random(len(y)).round(1)
    model = MRTLClassifier(rank=2, class_weight="balanced").set_callbacks(
        callback.ScoringMonitor(scoring=make_scorer(keep))
    )
    model.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(seen[-1], weight[weight > 0])


def test_clones_share_callbacks_and_no_fit_leaves_traces():
    recorder = Recorder()
    model = MRTLRegressor(rank=2).set_callbacks(recorder)
    before = vars(model).keys() | set()
    assert clone(model)._skl_callbacks is model._skl_callbacks  # as scikit-learn says: a search's candidates report
    kept = vars(model.fit(*data())).keys() - before
    assert not [name for name in kept if "callback" in name]
    assert not hasattr(model.set_callbacks(), "_skl_callbacks")


# Ctrl-C


class Interrupts(Recorder):
    """Ctrl-C at some epoch of some task."""

    def __init__(self, task, epoch=0):
        super().__init__()
        self.task, self.epoch = task, epoch

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)
        if context.task_name == "epoch" and (context.parent.task_name, context.task_id) == (self.task, self.epoch):
            raise KeyboardInterrupt


@pytest.mark.parametrize("task, epoch, n_levels", [("level 1, low rank", 0, 1), ("level 2, low rank", 1, 2)])
@pytest.mark.parametrize("make", [MRTLRegressor, MRTLClassifier])
def test_ctrl_c_ends_training_and_keeps_the_weights(make, task, epoch, n_levels):
    X, y = data(classes=make is MRTLClassifier)
    interrupts = Interrupts(task, epoch)
    model = make(rank=2, full_rank_levels=1, random_state=0).set_callbacks(interrupts)
    with pytest.warns(RuntimeWarning, match=rf"interrupted at level {n_levels - 1} .*after {epoch + 1} epoch"):
        model.fit(X, y)
    whole = make(rank=2, full_rank_levels=1, random_state=0).fit(X, y)
    assert len(model.resolutions_) == n_levels
    untimed = [{**record, "seconds": 0} for record in whole.history_[: model.n_iter_]]
    np.testing.assert_equal([{**record, "seconds": 0} for record in model.history_], untimed)
    assert interrupts.tasks[-2:] == [task, "fit"] and interrupts.torn_down == 1
    assert model.score(X, y) > 0.1


def test_ctrl_c_keeps_the_best_weights_on_validation_data():
    X, y = data()
    model = MRTLRegressor(rank=2, full_rank_levels=1, random_state=0, solver="adam", learning_rate=0.3, patience=100)
    model.set_callbacks(Interrupts("level 2, low rank", 20))
    with pytest.warns(RuntimeWarning, match="interrupted"):
        model.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    losses = [record["validation_loss"] for record in model.history_ if record["level"] == 1]
    assert len(losses) == 21 and losses.index(min(losses)) < 20
    loss = ((model.predict(X[100:]) - y[100:]) ** 2).mean() / y[:100].var()
    assert loss == pytest.approx(min(losses), rel=1e-6)


def test_ctrl_c_decomposes_a_full_tensor_that_the_rank_does_not_constrain():
    X, y = data()
    model = MRTLRegressor(rank=2, random_state=0, warm_start=True).set_callbacks(Interrupts("level 1, full rank"))
    with pytest.warns(RuntimeWarning, match="interrupted at level 0"):
        model.fit(X, y)
    assert model.rank_ == 2 and model.factors_["grid"].shape == (6, 6, 2) and model.score(X, y) > 0.1
    again = model.set_callbacks().fit(X, y)  # it goes on from there
    np.testing.assert_allclose(again.coef_, MRTLRegressor(rank=2, random_state=0).fit(X, y).coef_, rtol=1e-3, atol=1e-3)


def test_ctrl_c_before_there_is_a_low_rank_model_leaves_all_as_it_was():
    X, y = data()
    model = MRTLRegressor(rank=1, random_state=0).fit(X, y)
    expected = model.predict(X)
    with pytest.raises(KeyboardInterrupt):
        model.set_callbacks(Interrupts("level 1, full rank")).fit(X[:100], y[:100])
    np.testing.assert_array_equal(model.predict(X), expected)
    assert not hasattr(model, "_callback_fit_ctx")


def test_ctrl_c_ends_a_search_and_not_one_of_its_fits():
    search = RandomizedSearchCV(
        MRTLRegressor().set_callbacks(Interrupts("level 2, low rank")), {"rank": [1, 2]}, n_iter=2
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data())
