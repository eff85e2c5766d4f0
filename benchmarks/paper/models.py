"""The paper's models as this package has them: schedules of levels, and fits whose epochs know the processor's time."""

import time

from data import Task
from trials import QUICK

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor

# Levels of appendix B without the finest (40 x 50; 24 x 54 to 80 x 180): court and box of the defenders, or ocean.
FRAMES = [(4, 5, 6, 6), (8, 10, 6, 6), (8, 10, 12, 12), (20, 25, 12, 12)]
OCEAN = [(4, 9), (8, 18), (12, 27), (20, 45)]
LEVELS = {"tracking": FRAMES, "simulated": FRAMES, "precipitation": OCEAN, "nino34": OCEAN}
OCEAN_OPTIONS = {"shape": (20, 45), "thin": 5 if QUICK else 1}
DATA_OPTIONS = {
    "tracking": {"court": (20, 25), "thin": 8 if QUICK else 1},
    "precipitation": OCEAN_OPTIONS,
    "nino34": OCEAN_OPTIONS,
}
ADAM = {"solver": "adam", "criterion": "validation_loss", "max_epochs": 3 if QUICK else 30}


def schedule(task, kind, levels):
    """Parameters of a kind of training; "full rank" is the full-rank phase alone, the first half of Table 1."""
    levels, n_full = [shapes(task, cells) for cells in levels], 3 if task.is_classification else 2
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
    """A criterion of a fit that notes the processor's time at each epoch; `name` None ends no level."""

    def __init__(self, name):
        self.name, self.times, self.began = name, [], time.process_time()

    def __call__(self, record):
        self.times.append(time.process_time() - self.began)
        return 0.0 if self.name is None else record[self.name]


def fit(task: Task, seed, kind, levels, validate=True, **parameters):
    """Fit a model; return it, its prediction and the seconds of its phases, with `history_` that has them too."""
    options = schedule(task, kind, levels) | parameters
    watch = Watched(options.pop("criterion", None))
    if task.is_classification:
        options |= {"terms": None, "class_weight": "balanced"}
    estimator = MRTLClassifier if task.is_classification else MRTLRegressor
    model = estimator(task.modes, criterion=watch, random_state=seed, **options)
    held_out = {"X_val": task.X["validation"], "y_val": task.y["validation"]} if validate else {}
    began, watch.began = time.perf_counter(), time.process_time()
    model.fit(task.X["train"], task.y["train"], **held_out)
    cpu, seconds = time.process_time() - watch.began, time.perf_counter() - began
    for record, moment in zip(model.history_, watch.times, strict=True):
        record["cpu"] = moment
    full = max((r["cpu"] for r in model.history_ if r["phase"] == "full_rank"), default=0.0)
    times = {"cpu": cpu, "seconds": seconds, "epochs": model.n_iter_}
    if options["rank"] is not None:
        times["cpu_low_rank"] = cpu - full
    predict = (lambda X: model.predict_proba(X)[:, 1]) if task.is_classification else model.predict
    return model, predict, times
