"""Callbacks of the training: they follow it, and may end a level or all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn_mrtl.core.fit import Fit


class TrainingCallback:
    """Base of callbacks; its methods do nothing."""

    def begin_training(self, n_levels: int) -> None:
        """Called before the first of so many trainings of a level in a phase."""

    def begin_level(self, level: int, phase: str, max_epochs: int) -> None:
        """Called before a level is trained in a phase."""

    def end_epoch(self, record: dict, fit_now: Callable[[], Fit]) -> bool | None:
        """Called after an epoch; True ends the level.

        Parameters
        ----------
        record : dict
            The epoch's record in the history.
        fit_now : callable
            Makes the fit as if the training ended here.
        """

    def end_level(self, fit: Fit) -> bool | None:
        """Called after a level was trained in a phase; True ends the training."""

    def end_training(self, fit: Fit) -> None:
        """Called once, at the end."""


class CallbackList(TrainingCallback):
    """Callbacks called in turn; the answer of any of them counts."""

    def __init__(self, callbacks: Sequence[TrainingCallback]):
        self.callbacks = tuple(callbacks)

    def begin_training(self, n_levels):
        for callback in self.callbacks:
            callback.begin_training(n_levels)

    def begin_level(self, level, phase, max_epochs):
        for callback in self.callbacks:
            callback.begin_level(level, phase, max_epochs)

    def end_epoch(self, record, fit_now):
        return any([callback.end_epoch(record, fit_now) for callback in self.callbacks])

    def end_level(self, fit):
        return any([callback.end_level(fit) for callback in self.callbacks])

    def end_training(self, fit):
        for callback in self.callbacks:
            callback.end_training(fit)
