"""How many threads a fit takes."""

from __future__ import annotations

from functools import wraps

from scipy import sparse

from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl.core.threads import computing, useful_threads


def in_useful_threads(fit):
    """Run a method with as many threads of torch as its training rows, the first argument, can use."""

    @wraps(fit)
    def fit_in_threads(self, training: Rows, *args, **kwargs):
        X = training.X
        with computing(useful_threads(X.nnz if sparse.issparse(X) else X.size)):
            return fit(self, training, *args, **kwargs)

    return fit_in_threads
