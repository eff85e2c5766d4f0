"""Reports of a training's progress: printed lines, and calls of scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable

from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.plan import Train

LONG = 10.0  # seconds from which it is said before a part of a training how long it will be
FIRST_EPOCHS = 20  # of the first level of a phase, to judge whether it is long; many take 5 to 40, random starts more


class LevelPrinter(TrainingCallback):
    """Printer of the last record of each level (verbose=1), or of every record (verbose=2).

    Before the choice of the penalties and before each level both print how long it will be, if that is long.

    Parameters
    ----------
    verbose : int
        0: print nothing.
    n_levels : int
        Number of levels, for lines such as "level 1/3".
    """

    def __init__(self, verbose: int, n_levels: int):
        self.verbose, self.n_levels = verbose, n_levels

    def expect_choice(self, seconds):
        if self.verbose and seconds >= LONG:
            print(f"choice of rank and penalties: about {duration(seconds)}", flush=True)

    def end_choice(self, rank, path, seconds):
        if self.verbose:
            of_rank = "" if rank is None else f"rank {rank}, "
            print(f"chosen: {of_rank}penalties of {len(path)} that were tried  {seconds:6.2f} s", flush=True)

    def expect_level(self, level, epoch_seconds, n_epochs, max_epochs):
        likely = epoch_seconds * (n_epochs or min(FIRST_EPOCHS, max_epochs))
        if self.verbose and likely >= LONG:
            of_level_before = f"{duration(likely)} for {n_epochs} epochs as before, " if n_epochs else ""
            longest = f"at most {max_epochs} epochs, {duration(epoch_seconds * max_epochs)}"
            each = f"level {level + 1}/{self.n_levels}: about {duration(epoch_seconds)} an epoch"
            print(f"{each}, {of_level_before}{longest}", flush=True)

    def end_epoch(self, record, fit_now):
        if self.verbose > 1:
            print(line(record, self.n_levels), flush=True)

    def end_level(self, fit):
        if self.verbose != 1 or not fit.history:
            return
        record = fit.history[-1]
        if fit.done[-1] == Train(record["level"], record["phase"]):
            print(line(record, self.n_levels), flush=True)


def duration(seconds: float) -> str:
    """Format a duration with two digits."""
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"


def line(record: dict, n_levels: int) -> str:
    """Format an epoch's record as a line."""
    grids = ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in record["resolution"].items())
    validation = record["validation_loss"]
    held_out = f"  validation loss {validation:.5f}" if validation == validation else ""
    phase = record["phase"].replace("_", " ")
    return (
        f"level {record['level'] + 1}/{n_levels}  {phase:9}  {grids:32} {record['epoch']:4} epochs  "
        f"train loss {record['train_loss']:.5f}{held_out}  {record['seconds']:6.2f} s"
    )


class FitTasks(TrainingCallback):
    """Training callback that calls the callbacks of an estimator: a task for the training, each level and each epoch.

    Parameters
    ----------
    estimator : BaseMRTL
    X, y : array
        Data of fit, as the user gave them.
    sample_weight : array or None
        None: fit was given none, and scorers get none.
    attributes : callable
        ``attributes(fit)`` returns the fitted attributes of the estimator for a `Fit`.
    """

    def __init__(self, estimator, X, y, sample_weight, attributes: Callable[..., dict]):
        self.estimator, self.attributes = estimator, attributes
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.task = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}

    def begin_training(self, n_levels):
        context = self.estimator._init_callback_context(max_subtasks=n_levels)
        self.training = context.call_on_fit_task_begin(**self.task)

    def begin_level(self, level, phase, max_epochs):
        name = f"level {level + 1}, {phase.replace('_', ' ')}"
        context = self.training.subcontext(task_name=name, max_subtasks=max_epochs)
        self.level_task = context.call_on_fit_task_begin(**self.task)

    def end_epoch(self, record, fit_now):
        context = self.level_task.subcontext(task_name="epoch").call_on_fit_task_begin(**self.task)
        return self._end(context, fit_now)

    def end_level(self, fit):
        return self._end(self.level_task, lambda: fit)

    def end_training(self, fit):
        self._end(self.training, lambda: fit)

    def _end(self, context, fit_now) -> bool:
        return context.call_on_fit_task_end(**self.task, reconstruction_attributes=lambda: self.attributes(fit_now()))


def training_callbacks(estimator, *data) -> list[TrainingCallback]:
    """Return a training callback that calls the estimator's callbacks, if it has any."""
    return [FitTasks(estimator, *data)] if getattr(estimator, "_skl_callbacks", None) else []
