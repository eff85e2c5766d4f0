"""Importance of components."""

from __future__ import annotations

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring, log_loss, make_scorer, mean_squared_error

from sklearn_mrtl._utils.labels import align_target
from sklearn_mrtl._utils.maps import flat_target
from sklearn_mrtl.inspection._components import cp_model, without_component
from sklearn_mrtl.inspection._composites import with_model


def component_importance(estimator, X, y, *, scoring=None, sample_weight=None) -> np.ndarray:
    """Compute the increase of the loss when a component is left out of a fitted model, for each component.

    On held-out rows this is the component's contribution to the prediction; on training rows it also includes the noise
    that the component was fitted to.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Held-out rows, as the estimator takes them.
    y : array-like of shape (n,), (n, T) or (n, *shape of target)
        Their targets, in the user's units.
    scoring : str, callable or None, default=None
        As in scikit-learn (greater is better); the importance is the decrease of this score. None: mean squared error
        or log loss.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows in the score.

    Returns
    -------
    importance : ndarray of shape (K,)
        In the order of the components. Negative if the model is better without the component.

    Notes
    -----
    Components overlap, so their importances need not add up. Nothing is fitted again, so other components do not
    compensate. For fields only the effect of deviations from the training means is left out; the effect of the means
    stays in the intercept.

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
    >>> bool(importance[0] > 0.5 and abs(importance[1]) < 0.1)  # the data have one component
    True
    """
    model = cp_model(estimator)
    y = align_target(y, model.tensor_.outputs.form.labels)
    if scoring is None:
        scoring = negative_squared_error
        if is_classifier(model):  # its labels, as held-out rows may lack a class
            scoring = make_scorer(
                log_loss, greater_is_better=False, response_method="predict_proba", labels=model.classes_
            )
    scorer = check_scoring(estimator, scoring=scoring)
    options = {} if sample_weight is None else {"sample_weight": sample_weight}
    score = scorer(estimator, X, y, **options)
    reduced = (with_model(estimator, without_component(model, k)) for k in range(len(model.component_weights_)))
    return score - np.array([scorer(without, X, y, **options) for without in reduced])


def negative_squared_error(estimator, X, y, sample_weight=None) -> float:
    """Return the negative mean squared error of predictions, of maps over the cells that hold data."""
    predicted, mask = flat_target(estimator.predict(X))
    y = flat_target(y, mask=mask)[0]
    return -float(mean_squared_error(y, predicted, sample_weight=sample_weight))
