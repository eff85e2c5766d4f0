"""Who hears how the training goes on, and may end it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn_mrtl.core.algorithm import Fit


class Listener:
    """Hears of every stage at every level and of their epochs; this one does nothing."""

    def begin_training(self, n_stages: int) -> None:
        """So many stages are to come."""

    def begin_stage(self, level: int, stage: str, max_epochs: int) -> None:
        """A stage of a level begins."""

    def end_epoch(self, record: dict, fit_now: Callable[[], Fit]) -> bool | None:
        """An epoch is over; True ends the stage. The record is that of the history; fit_now gives the fit so far."""

    def end_stage(self, fit: Fit) -> bool | None:
        """A stage is over; True ends the training."""

    def end_training(self, fit: Fit) -> None:
        """All is done."""
