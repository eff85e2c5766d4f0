"""What the paper's protocol for precipitation is worth: the missing gap between parts, and the current month."""

import numpy as np
from data import CURRENT
from models import DATA_OPTIONS, OCEAN_OPTIONS
from score import scores
from trials import Method, run, timed, write_table

from sklearn_mrtl import MRTLRegressor

COLUMNS = {"r2": "test R^2", "loss": "mean squared error", "cpu": "CPU s"}
TASKS = {
    "precipitation": OCEAN_OPTIONS,
    "precipitation without gap": OCEAN_OPTIONS,
    "precipitation, lags 0 to 5": OCEAN_OPTIONS,
    CURRENT: DATA_OPTIONS[CURRENT],
}


def defaults(task, seed):
    model, times = timed(MRTLRegressor(task.modes, random_state=seed).fit, task.X["train"], task.y["train"])
    return {**scores(task, model.predict), **times, "rank": model.rank_}


def climatology(task, seed):
    return scores(task, lambda X: np.zeros(len(X)))


METHODS = [Method("MRTLRegressor()", defaults), Method("climatology", climatology, trains=False)]
TEXT = """Midwest precipitation by the paper's protocol: differenced and deseasonalized sea surface temperature and
height (the paper has salinity) of the previous six months, 1980 to 2020, 20 x 45 cells, random blocks of months.
"without gap" leaves the parts next to each other, as the paper does: six months of a test row at a border are then also
in training rows. "lags 0 to 5" has the current month as well. R^2 is of the trial's own test rows, which have a mean of
their own: climatology, the mean of the training months, is below 0."""


def main():
    trials = run("protocol", TASKS, METHODS)
    write_table("protocol", "The protocol for precipitation, and what its gap is worth", TEXT, trials, COLUMNS)


if __name__ == "__main__":
    main()
