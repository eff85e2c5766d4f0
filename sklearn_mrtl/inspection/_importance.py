"""What a component is worth."""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.pipeline import Pipeline

from sklearn_mrtl.inspection._components import cp_model, without_component


def component_importance(estimator, X, y, *, scoring=None, sample_weight=None) -> np.ndarray:
    """Loss added when a component is left out of a fitted model, for each component.

    On data that fit has not seen this tells what the component knows; on the training data, what it was fitted to.

    Parameters
    ----------
    estimator : fitted MRTLRegressor, MRTLClassifier or Pipeline ending in one
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Held-out rows.
    y : array-like of shape (n,) or (n, T)
    scoring : str, callable or None, default=None
        As in scikit-learn, greater is better; the importance is the score lost. None: mean squared error or log loss.
    sample_weight : array-like of shape (n,), default=None

    Returns
    -------
    importance : ndarray of shape (K,)
        In the order of the components. Negative where the model is better without one.

    Notes
    -----
    Components overlap, so that their importances need not sum to the model's. Nothing is fitted again: the other
    components do not take over. Of fields the deviations from their training means are left out, the mean effect stays
    in the intercept.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import component_importance
    >>> ocean = make_ocean(600, n_components=1, shape=(8, 18), random_state=0)
    >>> X, y = ocean.data, ocean.target
    >>> model = MRTLRegressor(ocean.modes, rank=2).fit(X[:400], y[:400])
    >>> importance = component_importance(model, X[400:], y[400:])
    >>> bool(importance[0] > 0.5 and abs(importance[1]) < 0.1)  # one is planted
    True
    """
    model = cp_model(estimator)
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X) if len(estimator) > 1 else X
    if scoring is None:
        scoring = "neg_log_loss" if is_classifier(model) else "neg_mean_squared_error"
    scorer = check_scoring(model, scoring=scoring)
    options = {} if sample_weight is None else {"sample_weight": sample_weight}
    whole = scorer(model, X, y, **options)
    lesser = [scorer(without_component(model, k), X, y, **options) for k in range(len(model.component_weights_))]
    return whole - np.array(lesser)
