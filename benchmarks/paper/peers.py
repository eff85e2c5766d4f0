"""What a peer is, and the search for its settings, which is the same for all.

A peer is fitted to the training rows of a task and to folds of them, and gives a function that predicts and the setting
that it chose. Nearly all of them try `N_SETTINGS` settings on the folds and fit the best one to all rows; a few
(ridge regression, EOF regression, ...) compute their settings together, which is faster and gives the same.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_SETTINGS = 12
LIMIT = 2 if os.environ.get("QUICK", "") not in ("", "0") else N_SETTINGS  # of settings that a search tries


@dataclass(frozen=True)
class Peer:
    """A way to predict: fit(X, y, folds) gives predict(X) and its setting, as text."""

    name: str
    fit: Callable
    kind: str = "other"  # "ours", "linear" or "other"
    package: str = "sklearn"  # to import; where it is missing, the row says so
    view: str = "full"  # which of the task's inputs it takes
    step: int = 1  # of the training rows it takes one in so many
    target: str = "y"  # "y", or "fields": y and, in further columns, the field that it is a mean of

    @property
    def title(self):
        return self.name if self.step == 1 else f"{self.name}, one row in {self.step}"


def take(X, rows):
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def searched(fit, settings, loss, n_folds=None, brief=None):
    """A peer's fit from fit(X, y, **setting) -> predict: the setting with the least mean loss on the folds.

    What takes long looks at the last `n_folds` only, and searches with the options `brief`.
    """

    def fit_best(X, y, folds):
        def left_out(setting, train, test):
            predict = fit(take(X, train), y[train], **setting, **(brief or {}))
            return np.nan_to_num(loss(y[test], predict(take(X, test))).mean(), nan=np.inf)

        few = folds[-(n_folds or len(folds)) :]
        losses = [np.mean([left_out(setting, *fold) for fold in few]) for setting in settings[:LIMIT]]
        best = settings[int(np.argmin(losses))]
        return fit(X, y, **best), in_words(best)

    return fit_best


def on_every(step, fit):
    """The same on every `step`-th row, for what takes too long on all."""

    def fit_some(X, y, folds):
        folds = [tuple(rows[rows % step == 0] // step for rows in fold) for fold in folds]
        return fit(take(X, slice(None, None, step)), y[::step], folds)

    return fit_some


def grid(**options):
    """All combinations, as a list of dicts."""
    settings = [{}]
    for name, values in options.items():
        settings = [{**setting, name: value} for setting in settings for value in values]
    return settings


def in_words(setting):
    return ", ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in setting.items())


def log_losses(y, probability):
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    return -np.where(y, np.log(probability), np.log1p(-probability))


def squared_errors(y, prediction):
    return (y - prediction) ** 2
