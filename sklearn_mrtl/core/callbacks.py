"""Callbacks, which follow a training and can end a level or all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn_mrtl.core.fit import Fit
    from sklearn_mrtl.core.models.low_rank import Rank


class TrainingCallback:
    """Base class of callbacks, whose methods do nothing."""

    def begin_training(self, n_levels: int) -> None:
        """Take note that a training begins, in which n_levels times a level is trained in a phase."""

    def expect_choice(self, seconds: float) -> None:
        """Take note that the choice of the rank and the penalties, which has begun, will take about so long."""

    def end_choice(self, rank: Rank | None, path: list[dict], seconds: float) -> None:
        """Take note that the rank and the penalties were chosen from those in `path`."""

    def begin_level(self, level: int, phase: str, max_epochs: int) -> None:
        """Take note that the training of a level in a phase begins."""

    def expect_level(self, level: int, epoch_seconds: float, n_epochs: int | None, max_epochs: int) -> None:
        """Take note of what a level will take: before it, or after the first epoch of the first level of a phase.

        Parameters
        ----------
        level : int
        epoch_seconds : float
            About what an epoch takes.
        n_epochs : int or None
            Epochs of the level before; None: it was of another phase, or there is none.
        max_epochs : int
        """

    def end_epoch(self, record: dict, fit_now: Callable[[], Fit]) -> bool | None:
        """Take note of an epoch; return True to end the level.

        Parameters
        ----------
        record : dict
            The epoch's record in the history.
        fit_now : callable
            Returns the fit as if the training ended here.
        """

    def continue_level(self, fit_between: Callable[[], Fit]) -> None:
        """Take note that a level goes on after an epoch.

        Parameters
        ----------
        fit_between : callable
            Returns the fit between two epochs of the level, from which training goes on with the next one.
        """

    def end_level(self, fit: Fit) -> bool | None:
        """Take note that a level was trained in a phase; return True to end the training."""

    def end_step(self, fit: Fit) -> None:
        """Take note that a step of the plan is done."""

    def end_training(self, fit: Fit) -> None:
        """Take note of the end of the training."""


class CallbackList(TrainingCallback):
    """Callbacks that are called one after the other; each of them can end a level or the training."""

    def __init__(self, callbacks: Sequence[TrainingCallback]):
        self.callbacks = tuple(callbacks)

    def begin_training(self, n_levels: int) -> None:
        for callback in self.callbacks:
            callback.begin_training(n_levels)

    def expect_choice(self, seconds: float) -> None:
        for callback in self.callbacks:
            callback.expect_choice(seconds)

    def end_choice(self, rank: Rank | None, path: list[dict], seconds: float) -> None:
        for callback in self.callbacks:
            callback.end_choice(rank, path, seconds)

    def begin_level(self, level: int, phase: str, max_epochs: int) -> None:
        for callback in self.callbacks:
            callback.begin_level(level, phase, max_epochs)

    def expect_level(self, level: int, epoch_seconds: float, n_epochs: int | None, max_epochs: int) -> None:
        for callback in self.callbacks:
            callback.expect_level(level, epoch_seconds, n_epochs, max_epochs)

    def end_epoch(self, record: dict, fit_now: Callable[[], Fit]) -> bool:
        return any([callback.end_epoch(record, fit_now) for callback in self.callbacks])

    def continue_level(self, fit_between: Callable[[], Fit]) -> None:
        for callback in self.callbacks:
            callback.continue_level(fit_between)

    def end_level(self, fit: Fit) -> bool:
        return any([callback.end_level(fit) for callback in self.callbacks])

    def end_step(self, fit: Fit) -> None:
        for callback in self.callbacks:
            callback.end_step(fit)

    def end_training(self, fit: Fit) -> None:
        for callback in self.callbacks:
            callback.end_training(fit)
