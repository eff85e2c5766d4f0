"""The monitor of a level's epochs: it writes the history, keeps the best weights and ends the level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import isfinite
from time import perf_counter
from typing import Any

import torch

from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.block_objective import make_objective
from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.data.blocks import AnySamples
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.plan import Train
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.solvers.base import Epoch, State, group_of, grouped, numbers
from sklearn_mrtl.core.stopping import Rises

MAX_INCREASE = 1.5  # of the objective, relative to that at the start or without weights; batches make less noise


class LevelMonitor:
    """Monitor of a level's epochs: it writes the history, keeps the best weights and ends the level.

    Parameters
    ----------
    fit : Fit
        With the model and the parameters that the level starts with. Records are appended to its history.
    step : Train
    validation : Samples, BlockSamples or None
    settings : Settings
    callback : TrainingCallback
    began : float
        When the training began, in seconds of `time.perf_counter`.

    Attributes
    ----------
    ends_training : bool
        Whether the training diverged or was interrupted.
    """

    def __init__(
        self, fit: Fit, step: Train, validation: AnySamples | None, settings: Settings,
        callback: TrainingCallback, began: float,
    ):  # fmt: skip
        resolution = {axis.mode.name: axis.shape for axis in fit.model.axes if axis.smoothness is not None}
        self.common: dict[str, Any] = {"level": step.level, "phase": step.phase, "resolution": resolution}
        self.fit, self.settings, self.callback, self.began = fit, settings, callback, began
        self.validation: Objective | None = None
        if validation is not None:
            self.validation = make_objective(fit.model, validation, settings.loss, Alphas(0.0, 0.0))
        criterion = settings.criterion
        self.rises = None if criterion is None else Rises(criterion, settings.tol, settings.patience)
        self.epoch, self.ends_training = 0, False
        self.lowest = float("inf")  # loss on validation data
        self.kept: Parameters | None = None  # the weights of that loss; without validation data the last ones
        self.last = self.good = fit.parameters
        self.least = float("inf")  # objective at `good`

    def __call__(self, epoch: Epoch) -> bool:
        """Take note of an epoch; return whether it ends the level."""
        self.epoch += 1
        record = {
            **self.common,
            "epoch": self.epoch,
            "seconds": perf_counter() - self.began,
            "train_loss": epoch.loss,
            "objective": epoch.objective,
            "validation_loss": float("nan"),
            **epoch.statistics,
        }
        if not isfinite(epoch.objective):
            self._end_diverged(epoch.objective)
            return True
        if epoch.objective < self.least:  # the objective is that of the weights before the epoch, or of better ones
            self.least, self.good = epoch.objective, self.last
        self.last = epoch.parameters
        if self.validation is None:
            self.kept = epoch.parameters
        else:
            record["validation_loss"] = self._validation_loss(self.validation, epoch.parameters)
            if record["validation_loss"] < self.lowest:
                self.lowest, self.kept = record["validation_loss"], epoch.parameters
        self.fit.history.append(record)
        ended = self.callback.end_epoch(record, self.fit_now)
        if bool(ended) or (self.rises is not None and self.rises.enough(record)):
            return True
        if epoch.state is not None:
            self.callback.continue_level(partial(self._fit_between, epoch.state))
        return False

    def fit_now(self) -> Fit:
        """Return the fit as if training ended here."""
        return replace(self.fit, parameters=self.best(self.last), history=list(self.fit.history))

    def _fit_between(self, solver_state: Callable[[], State]) -> Fit:
        """Return the fit between two epochs."""
        state = grouped(solver=solver_state(), monitor=self.state())
        return replace(self.fit, history=list(self.fit.history), level_state=state)

    def state(self) -> State:
        """Return all that what follows depends on, besides the fit."""
        rises = (self.rises.last, self.rises.count) if self.rises is not None else (0.0, 0)
        kept = {} if self.kept is None else {"kept": self.kept}
        return {
            "epoch": numbers(self.epoch), "lowest": numbers(self.lowest), "least": numbers(self.least),
            "rises": numbers(*rises), **grouped(last=self.last, good=self.good, **kept),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self.epoch, self.lowest, self.least = int(state["epoch"]), float(state["lowest"]), float(state["least"])
        if self.rises is not None:
            last, count = state["rises"].tolist()
            self.rises.last, self.rises.count = last, int(count)
        self.last, self.good, self.kept = (
            group_of(state, "last"),
            group_of(state, "good"),
            group_of(state, "kept") or None,
        )

    def best(self, parameters: Parameters) -> Parameters:
        """Return the parameters that the level ends with, from those that the solver returned."""
        return parameters if self.kept is None else self.kept

    def check_last_step(self, objective: Objective) -> None:
        """End the training as diverged if the level ends with weights that are much worse than none.

        The objectives of mini-batches are those before each step, so that no record includes the last step.
        """
        if self.ends_training:
            return
        value = objective.value(self.last)
        if not value <= MAX_INCREASE * max(objective.null_loss(), objective.value(self.fit.parameters)):
            self._end_diverged(value)

    def can_be_interrupted(self, in_phase: str) -> bool:
        """Return whether an interruption keeps the weights: if `in_phase`, that of the result, has had an epoch."""
        return self.settings.keep_interrupted and any(record["phase"] == in_phase for record in self.fit.history)

    def interrupt(self) -> Parameters:
        """End the training with the last weights, or those that the level began with."""
        self.ends_training = True
        warn(
            f"training was interrupted at level {self.common['level']} ({self._describe()}), after {self.epoch} "
            "epoch(s). It ends here, with the best weights so far.",
            RuntimeWarning,
        )
        return self.last

    def _end_diverged(self, objective: float) -> None:
        """End the training with the weights of the least objective; later ones can be useless though finite."""
        self.ends_training = True
        if self.validation is None or not self._validation_loss(self.validation, self.good) >= self.lowest:
            self.kept = self.good
        warn(
            f"training diverged at level {self.common['level']} ({self._describe()}), epoch {self.epoch}: the "
            f"objective is {objective}. Training ends here, with the last good weights; a lower learning_rate, or "
            "stronger penalties, would help.",
            RuntimeWarning,
        )

    def _describe(self) -> str:
        return f"{self.common['phase'].replace('_', ' ')}, {self.common['resolution']}"

    @staticmethod
    def _validation_loss(validation: Objective, parameters: Parameters) -> float:
        with torch.no_grad():
            return float(validation.data_loss(parameters))
