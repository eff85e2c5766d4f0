"""The paper's models as this package has them: schedules of levels, and fits whose epochs know the processor's time."""

import time
from math import log

from data import CURRENT, Task
from trials import QUICK

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor

# Levels of appendix B without the finest: court and box of the defenders, or ocean. The paper has no shots.
FRAMES = [(4, 5, 6, 6), (8, 10, 6, 6), (8, 10, 12, 12), (20, 25, 12, 12)]
OCEAN = [(4, 9), (8, 18), (12, 27), (20, 45)]
SHOTS = [(13, 12), (25, 24), (50, 47)]
LEVELS = {"tracking": FRAMES, "nino34": OCEAN, "precipitation": OCEAN, CURRENT: OCEAN, "shots": SHOTS}
OCEAN_OPTIONS = {"shape": (20, 45), "thin": 5 if QUICK else 1}
DATA_OPTIONS = {
    "tracking": {"court": (20, 25), "thin": 8 if QUICK else 1},
    "nino34": OCEAN_OPTIONS,
    "precipitation": OCEAN_OPTIONS,
    CURRENT: OCEAN_OPTIONS | {"variables": 1},
    "shots": {"court": (50, 47), "thin": 200 if QUICK else 40},
}
# All of appendix B.
FINE_OCEAN = [(4, 9), (8, 18), (12, 27), (24, 54), (40, 90), (60, 135), (80, 180)]
FINE_LEVELS = {"tracking": [*FRAMES, (40, 50, 12, 12)], "nino34": FINE_OCEAN, "precipitation": FINE_OCEAN}
FINEST = {"tracking": {"court": (40, 50)}}
FINE_OPTIONS = {name: DATA_OPTIONS[name] | FINEST.get(name, {"shape": (80, 180)}) for name in FINE_LEVELS}
N_FULL_RANK = {4: 3, 2: 2}  # levels at full rank, by the numbers of a level: two grids, or one
ADAM = {"solver": "adam", "criterion": "validation_loss", "max_epochs": 3 if QUICK else 30}


def schedule(task, kind, levels):
    """Parameters of a kind of training; "full rank" is the full-rank phase alone, the first half of Table 1."""
    n_full, levels = N_FULL_RANK[len(levels[0])], [shapes(task, cells) for cells in levels]
    kinds = {
        "MRTL, full rank": {"rank": None, "resolutions": levels[:n_full]},
        "fixed, full rank": {"rank": None, "resolutions": levels[-1:]},
        "MRTL": {"resolutions": levels, "full_rank_levels": n_full},
        "fixed": {"resolutions": levels[-1:], "full_rank_levels": 1},
        "random start, coarse to fine": {"resolutions": levels[n_full - 1 :], "full_rank_levels": 0},
        "random start, fixed": {"resolutions": levels[-1:], "full_rank_levels": 0},
    }
    usual = {"rank": 20, "patience": 1} if task.is_classification else {"rank": 10, "patience": 4}
    return usual | kinds[kind]


def shapes(task, cells):
    """Shapes of the grids of a level, two numbers each."""
    grids = [mode.name for mode in task.modes if isinstance(mode, Grid)]
    return {name: tuple(cells[2 * k : 2 * k + 2]) for k, name in enumerate(grids)}


class Watched:
    """A criterion of a fit that notes the processor's time at each epoch; `name` None ends no level.

    "explained" ends a level when the objective has decreased in `WINDOW` epochs by less than `ENOUGH` of what is
    explained: the value of no weights (`null_loss`) minus its own.
    """

    WINDOW, ENOUGH = 3, 0.01

    def __init__(self, name, null_loss):
        self.name, self.null_loss, self.times, self.began = name, null_loss, [], time.process_time()

    def __call__(self, record):
        self.times.append(time.process_time() - self.began)
        if self.name == "explained":
            return self.has_ended(record)
        return 0.0 if self.name is None else record[self.name]

    def has_ended(self, record):
        """A number that rises when the level should end."""
        if record["epoch"] == 1:
            self.objectives, self.rises = [], 0
        self.objectives.append(record["objective"])
        if len(self.objectives) > self.WINDOW:
            enough = self.ENOUGH * max(self.null_loss - self.objectives[-1], 0.01 * self.objectives[-1])
            self.rises += self.objectives[-1 - self.WINDOW] - self.objectives[-1] < enough
        return float(self.rises)


def estimator(task: Task, seed, kind, levels, criterion=None, **parameters):
    """The estimator of a kind of training; the paper's model is one product of all modes."""
    options = schedule(task, kind, levels) | parameters | {"random_state": seed, "criterion": criterion or "auto"}
    if task.is_classification:
        return MRTLClassifier(task.modes, terms=None, class_weight="balanced", **options)
    return MRTLRegressor(task.modes, **options)


def fit(task: Task, seed, kind, levels, validate=True, criterion=None, callbacks=(), **parameters):
    """Fit a model; return it with the processor's time in `history_`, its prediction, and the seconds of its phases."""
    watch = Watched(criterion, null_loss=log(2) if task.is_classification else 1.0)
    model = estimator(task, seed, kind, levels, watch, **parameters)
    if callbacks:
        model.set_callbacks(*callbacks)
    held_out = {"X_val": task.X["validation"], "y_val": task.y["validation"]} if validate else {}
    began, watch.began = time.perf_counter(), time.process_time()
    model.fit(task.X["train"], task.y["train"], **held_out)
    times = {"cpu": time.process_time() - watch.began, "seconds": time.perf_counter() - began, "epochs": model.n_iter_}
    for record, moment in zip(model.history_, watch.times, strict=True):
        record["cpu"] = moment
    if model.rank is not None:
        full = max((r["cpu"] for r in model.history_ if r["phase"] == "full_rank"), default=0.0)
        times["cpu_low_rank"] = times["cpu"] - full
    predict = (lambda X: model.predict_proba(X)[:, 1]) if task.is_classification else model.predict
    return model, predict, times
