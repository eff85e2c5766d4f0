"""scikit-learn's callbacks (experimental in 1.9): the only place that touches them.

A fit is a task whose subtasks are the stages of Algorithm 1, one or two for each level; theirs are the epochs.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps

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
