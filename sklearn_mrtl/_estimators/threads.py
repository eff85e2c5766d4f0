"""Number of threads of a fit."""

from __future__ import annotations

from functools import wraps

from sklearn_mrtl._estimators.fit_data import FitData
from sklearn_mrtl.core.threads import computing, useful_threads


def in_useful_threads(fit):
    """Run a method with as many threads of torch as the rows at hand of its first argument can use."""

    @wraps(fit)
    def fit_in_threads(self, data: FitData, *args, **kwargs):
        X = data.X
        with computing(useful_threads(getattr(X, "nnz", X.size))):
            return fit(self, data, *args, **kwargs)

    return fit_in_threads
