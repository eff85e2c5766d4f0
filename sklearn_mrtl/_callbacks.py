"""scikit-learn's callbacks (experimental in 1.9): the only place that touches them.

A fit is a task whose subtasks are the stages of Algorithm 1, one or two for each level; theirs are the epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps

from sklearn_mrtl.core.listening import Listener

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    SUPPORTED = True
except ImportError:  # where a later scikit-learn has them elsewhere, fits go on without
    SUPPORTED = False

    class CallbackSupportMixin:
        """No callbacks."""

    def with_callbacks(fit):
        """The same method."""
        return fit


class FitTasks(Listener):
    """Tells the callbacks of an estimator how its training goes on.

    Parameters
    ----------
    estimator : BaseMRTL
    X, y : array
        Data of fit, in the estimator's terms.
    sample_weight : array or None
        None where fit was given none: scorers that know no weights then get none.
    attributes : callable
        Makes of a `Fit` the attributes with which the estimator can predict.
    """

    def __init__(self, estimator, X, y, sample_weight, attributes: Callable[..., dict]):
        self.estimator, self.attributes = estimator, attributes
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.task = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}

    def begin_training(self, n_stages):
        context = self.estimator._init_callback_context(max_subtasks=n_stages)
        self.training = context.call_on_fit_task_begin(**self.task)

    def begin_stage(self, level, stage, max_epochs):
        context = self.training.subcontext(task_name=f"level {level + 1}, {stage}", max_subtasks=max_epochs)
        self.stage = context.call_on_fit_task_begin(**self.task)

    def end_epoch(self, record, fit_now):
        context = self.stage.subcontext(task_name="epoch").call_on_fit_task_begin(**self.task)
        return self._end(context, fit_now)

    def end_stage(self, fit):
        return self._end(self.stage, lambda: fit)

    def end_training(self, fit):
        self._end(self.training, lambda: fit)

    def _end(self, context, fit_now) -> bool:
        return context.call_on_fit_task_end(**self.task, reconstruction_attributes=lambda: self.attributes(fit_now()))


def listeners_of(estimator, *data) -> list[Listener]:
    """A listener for the estimator's callbacks, if it has any."""
    return [FitTasks(estimator, *data)] if getattr(estimator, "_skl_callbacks", None) else []


def as_task(fit=None, *, n_fits: int = 0):
    """A fit of which callbacks hear as one task, or one of so many fits of other estimators."""
    if fit is None:
        return lambda fit: as_task(fit, n_fits=n_fits)
    if not SUPPORTED:
        return fit

    @with_callbacks
    @wraps(fit)
    def fit_as_task(self, X, y=None, **params):
        context = self._init_callback_context(max_subtasks=n_fits)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        fit(self, X, y, **params)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    return fit_as_task


@contextmanager
def fit_of(regressor, within, X, y):
    """Around the fit of a regressor in that of another estimator: callbacks hear of it as a part of that."""
    if not SUPPORTED:
        yield
        return
    context = within._callback_fit_ctx.subcontext(task_name="fit-regressor")
    with context.propagate_callback_context(regressor):
        context.call_on_fit_task_begin(estimator=within, X=X, y=y)
        yield
        context.call_on_fit_task_end(estimator=within, X=X, y=y)
