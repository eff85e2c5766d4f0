"""Scores of components, and what fraction of the variance each makes."""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier

from sklearn_mrtl.inspection._components import cp_model, inputs_of, without_component


def component_scores(estimator, X) -> np.ndarray:
    """Compute what each component adds to the score of each row: its series, where rows are times.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)

    Returns
    -------
    scores : ndarray of shape (n, K), or (n, T, K) with several outputs or classes
        In the units of y, of its logarithm for counts, or of the logit. For fields a component's score is that of the
        deviations from the training means; the effect of the means is in the intercept.

    Raises
    ------
    ValueError
        If the model has no components that add up: full rank or ``decomposition="tucker"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import component_scores
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=3).fit(ocean.data, ocean.target)
    >>> scores = component_scores(model, ocean.data)
    >>> scores.shape
    (100, 3)
    >>> rest = model.predict(ocean.data) - scores.sum(axis=1)  # the same for all rows
    >>> bool(np.ptp(rest) < 1e-8)
    True
    """
    _, scores = whole_and_parts(estimator, X)
    return scores[:, 0] if scores.shape[1] == 1 else scores


def whole_and_parts(estimator, X) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of rows, shape (n, T), and what each component adds to them, shape (n, T, K)."""
    model, X = cp_model(estimator), inputs_of(estimator, X)
    whole = model._scores(X)
    parts = [whole - without_component(model, k)._scores(X) for k in range(len(model.component_weights_))]
    return whole, np.stack(parts, axis=-1)


def explained_fractions(estimator, X) -> np.ndarray:
    """Return the fraction of the variance of the scores that each component makes, shape (K,).

    It is the covariance of the component's score with the whole score, by the variance of the latter, summed over
    outputs. The fractions of all components (of all terms) add up to 1; that of a component that cancels others can be
    negative or above 1.
    """
    whole, scores = whole_and_parts(estimator, X)
    if is_classifier(estimator) and whole.shape[1] > 1:  # what is the same for all classes changes no probability
        scores, whole = scores - scores.mean(axis=1, keepdims=True), whole - whole.mean(axis=1, keepdims=True)
    deviations = whole - whole.mean(axis=0)
    variance = np.square(deviations).sum()
    return np.einsum("nt,ntk->k", deviations, scores) / variance if variance else np.zeros(scores.shape[-1])
