"""Beyond the paper: what one would use instead, on the same tasks, tuned with the same budget: score and seconds."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import beyond_tasks as tasks
import numpy as np
import pandas as pd
from beyond_page import Result, page
from peers import log_losses, squared_errors, take
from peers_fields import ocean_peers, simulated_peers
from peers_tables import table_peers
from sklearn.metrics import roc_auc_score
from trials import KEPT_ONLY, QUICK, Method, required, timed, trial, write_page


@dataclass(frozen=True)
class Task:
    """A problem and who tries it; `split(part)` makes the data of a part: a seed, a fifth of the months, a decade."""

    name: str
    title: str
    note: str
    split: Callable
    peers: list
    is_class: bool = False
    parts: tuple = (0,)

    @property
    def score(self):
        return "log loss" if self.is_class else "R^2"


NINO = "Six months of sea surface temperature, 1144 months to 1990, tested on the 360 after; folds are four blocks."
TASKS = [
    Task(
        "shots", "Real shots",
        "1 574 750 shots to 2011, tested on 363 000 of 2012 and 2013: made or missed, of player and position. Settings "
        "are chosen on a tenth of the rows: those to 2009, tested on 2010 and 2011.",
        tasks.shots, table_peers(tasks.shots_encoder, {"pygam": 100}), True,
    ),
    Task(
        "frames", "Tracking frames",
        "11 013 frames of games 0 to 6, tested on games 7 to 9: a shot within a second, of player, position and "
        "defenders. Folds leave out games 0 and 1, 2 and 3, 4 to 6.",
        tasks.frames, table_peers(tasks.frames_encoder, {}), True,
    ),
    Task("nino3", "Nino3.4, three months ahead", NINO, partial(tasks.nino, lead=3), ocean_peers()),
    Task(
        "nino6", "Nino3.4, six months ahead",
        f"{NINO} Years after 1990 ask for weaker penalties than blocks of the training years choose, here and in other "
        "forecasts ([benchmarks](../benchmarks.md)). Test years may not decide about a rule, so that it is as it was. "
        "How much the difference from ridge regression changes with the years that are tested: "
        "[other periods](periods.md).",
        partial(tasks.nino, lead=6), ocean_peers(),
    ),
    Task(
        "rain", "Midwest precipitation",
        "Differenced temperature of months 0 to 5 back, each fifth of 1506 months predicted from the others, squared "
        "errors taken together; folds are four blocks of the training months. R^2 is against the "
        "variance within each fifth. Trained on earlier months only: [other periods](periods.md).",
        partial(tasks.precipitation, lags=range(6)), ocean_peers(), parts=tuple(range(5)),
    ),
    Task(
        "simulated", "Simulated field",
        "1000 samples (6, 2, 24, 54), three components, noise a fifth of the variance (R^2 of the truth 0.80); one "
        "field. tensorly's choose on the last of four blocks, CPRegressor after 5 iterations.",
        tasks.simulated, simulated_peers(),
    ),
]  # fmt: skip

N_GROUPS = 20  # consecutive parts of the test rows, whose differences give standard errors


def measure(split, part, peer, is_class):
    """Losses of consecutive parts of the test rows, the seconds of the fit and its setting; AUC where y is a class."""
    X, X_test = split.views[peer.view]
    y = split.y if peer.target == "y" else split.fields
    (predict, setting), seconds = timed(peer.fit, X, y, split.folds)
    predicted = np.asarray(predict(X_test), dtype=float).reshape(split.y_test.shape)
    losses = (log_losses if is_class else squared_errors)(split.y_test, predicted)
    parts = [float(f"{group.mean():.6g}") for group in np.array_split(losses, N_GROUPS)]
    result = {"loss": float(losses.mean()), "variance": float(np.var(split.y_test)), "setting": setting, **seconds}
    if is_class:
        result["auc"] = float(roc_auc_score(split.y_test, predicted))
    return {**result, "losses": parts}


def run(task, table="beyond"):
    """All trials of a task: peer after peer on each of its parts; those that cannot be made are named, and why."""
    rows, missing = [], {}
    for part in task.parts[:1] if QUICK else task.parts:
        load = cache(partial(data_of, task, part))
        for peer in task.peers:
            if not KEPT_ONLY and not importlib.util.find_spec(peer.package):
                missing[peer.title] = f"{peer.package} is not installed"
                continue
            options = {"peer": peer, "is_class": task.is_class}
            method = Method(
                peer.title,
                lambda split, seed, options=options: measure(split, seed, **options),
                trains=peer.kind == "ours",
            )
            row = trial(table, task.name, {}, method, part, load)
            if row is None:
                missing[peer.title] = "not measured"
            else:
                rows.append(row | {"kind": peer.kind, "step": peer.step})
    trials = required(pd.DataFrame(rows))
    return trials[~trials.method.isin(list(missing))], missing


def data_of(task, part, n=400):
    """A part of the task; with QUICK few rows of it, to see that everything works."""
    split = task.split(part)
    if not QUICK:
        return split
    step = max(1, len(split.y) // n)
    split.views = {name: (take(X, slice(None, None, step)), X_test) for name, (X, X_test) in split.views.items()}
    split.y, split.fields = split.y[::step], None if split.fields is None else split.fields[::step]
    split.folds = [tuple(rows[rows % step == 0] // step for rows in fold) for fold in split.folds]
    return split


def main():
    found, every = [], []
    for task in [TASKS[1], TASKS[-1]] if QUICK else TASKS:
        try:
            trials, missing = run(task)
        except (FileNotFoundError, SystemExit) as absent:  # other benchmarks end where their data are missing
            print(f"skipped: {task.name}, {absent}")
            continue
        found.append(Result(task, trials, missing))
        every.append(trials)
    text, figures = page(found)
    write_page("beyond", "Beyond the paper: what one would use instead", text, pd.concat(every), figures)


if __name__ == "__main__":
    main()
