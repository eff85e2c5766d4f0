"""scikit-learn's callbacks (experimental in 1.9): the only place that touches them.

A fit is a task; its subtasks are the phases of the levels of Algorithm 1, and theirs are the epochs.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial, wraps

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    SUPPORTED = True
except ImportError:  # versions of scikit-learn without them: fits go on
    SUPPORTED = False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in without callbacks."""

    def with_callbacks(fit):
        """Return fit unchanged."""
        return fit


def as_task(fit=None, *, n_fits: int = 0):
    """Decorate a fit so that callbacks hear of it as one task, with `n_fits` subtasks: fits of other estimators."""
    if fit is None:
        return partial(as_task, n_fits=n_fits)
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
    """Report the fit of a regressor to callbacks as a part of the fit of the estimator `within`."""
    if not SUPPORTED:
        yield
        return
    context = within._callback_fit_ctx.subcontext(task_name="fit-regressor")
    with context.propagate_callback_context(regressor):
        context.call_on_fit_task_begin(estimator=within, X=X, y=y)
        yield
        context.call_on_fit_task_end(estimator=within, X=X, y=y)
