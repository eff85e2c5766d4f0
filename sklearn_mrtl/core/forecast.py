"""Forecasts of the seconds that the parts of a training will take, made as each of them begins.

That of a level follows from the level of the same phase before it, in proportion to the work of an epoch; that of the
first level of a phase from its own second pass, since the first makes what later ones multiply by. That of the choice
of rank and penalties follows from its first fit; see `ChoiceOptions`. No pass is made for the sake of a forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from time import perf_counter

from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.plan import Train

ROW_WORK = 10  # of an encoded row, in numbers that an epoch goes through; by judgement


@dataclass(frozen=True)
class Pace:
    """What a level took: its epochs, their seconds, and the work of each."""

    phase: str
    n_epochs: int
    seconds: float
    work: float


class LevelForecast:
    """Forecast of each level of a training, for a callback.

    Parameters
    ----------
    callback : TrainingCallback
    """

    def __init__(self, callback: TrainingCallback):
        self.callback = callback
        self.last: Pace | None = None
        self._began = self._work = 0.0
        self._n_before = 0

    def begin(
        self, step: Train, objective: Objective, parameters: Parameters, max_epochs: int, n_epochs: int = 0
    ) -> None:
        """Forecast what a level will take, now or after its second pass.

        Parameters
        ----------
        step : Train
        objective, parameters : Objective, Parameters
            With which the level starts.
        max_epochs : int
        n_epochs : int
            Epochs that were taken before an interruption.
        """
        self._work, self._began, self._n_before = epoch_work(objective, parameters), perf_counter(), n_epochs
        last = self.last
        if last is not None and last.phase == step.phase:
            seconds = last.seconds / last.n_epochs * self._work / last.work
            self.callback.expect_level(step.level, seconds, last.n_epochs, max_epochs)
        else:
            objective.on_pass = SecondPass(objective, partial(self._expect_epochs, step.level, max_epochs))
        self.last = None

    def _expect_epochs(self, level: int, max_epochs: int, seconds: float) -> None:
        self.callback.expect_level(level, seconds, None, max_epochs)

    def end(self, step: Train, objective: Objective, n_epochs: int) -> None:
        """Take note of what a level took, whose epochs are those before an interruption too."""
        objective.on_pass = None  # which refers to the objective, and would keep the level's samples
        n_new = n_epochs - self._n_before
        if n_new > 0:
            self.last = Pace(step.phase, n_new, perf_counter() - self._began, self._work)


class SecondPass:
    """What an objective calls before each pass until the third, when the seconds of the second one are known.

    A pass may be over a mini-batch; an epoch has as many of them as it takes to see all rows.
    """

    def __init__(self, objective: Objective, report: Callable[[float], None]):
        self.objective, self.report = objective, report
        self.begun: list[tuple[float, int]] = []

    def __call__(self, n_rows: int) -> None:
        self.begun.append((perf_counter(), n_rows))
        if len(self.begun) == 3:
            self.objective.on_pass = None
            _, (began, n_rows), (ended, _) = self.begun
            self.report((ended - began) * self.objective.inputs.n_rows / n_rows)


def epoch_work(objective: Objective, parameters: Parameters) -> float:
    """Return how many numbers an epoch goes through, about: those of the samples, and the weights."""
    inputs = objective.inputs
    of_row = prod(inputs.sizes) if inputs.coarsens_in_steps else ROW_WORK
    return inputs.n_rows * of_row + sum(value.numel() for value in parameters.values())
