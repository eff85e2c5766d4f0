"""Checks that compare two methods of a page, seed by seed."""

from functools import cache

import numpy as np
from data import CURRENT
from trials import PAGES, read_trials, succeeded
from verdicts import Check

TASKS = {"tracking": "frames", "nino34": "Nino3.4", "precipitation": "precipitation"}
TASKS |= {CURRENT: "precipitation, lags 0 to 5", "shots": "shots"}


@cache
def load(page):
    """The trials of a page, those that did not fail."""
    return succeeded(read_trials(PAGES / f"{page}.csv"))


def column(trials, task, method, value):
    """The values of a method, by seed."""
    mine = trials[(trials.task == task) & (trials.method == method)]
    return mine.set_index("seed")[value].dropna()


def compared(how, page, value, method, other, *, part="", tasks=TASKS, **options):
    """Checks, one a task: a method against another, seed by seed."""
    checks = []
    for task in tasks:
        a, b = (column(load(page), task, name, value) for name in (method, other))
        seeds = a.index.intersection(b.index)
        if len(seeds):
            checks.append(Check(part, tasks[task], how(a[seeds], b[seeds]).to_numpy(), **options))
    return checks


def times(page, slow, fast, value="cpu", low=1.0, **options):
    """How many times as long the first method takes as the second."""
    return compared(np.divide, page, value, slow, fast, low=low, is_ratio=True, **options)


def more_loss(page, method, other, value="loss", **options):
    """By how many per cent the loss of the first method is above that of the second."""
    return compared(lambda a, b: 100 * (a / b - 1), page, value, method, other, **options)


def more(page, value, method, other, **options):
    return compared(np.subtract, page, value, method, other, **options)
