"""The components of a fitted estimator, as the inspection tools want them."""

from __future__ import annotations

from copy import copy

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._estimators.base import BaseMRTL


def fitted_model(estimator) -> BaseMRTL:
    """The fitted MRTL estimator, be it the last step of a pipeline.

    Raises
    ------
    TypeError
        If there is none.
    NotFittedError
    """
    model = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if not isinstance(model, BaseMRTL):
        raise TypeError(
            f"estimator must be an MRTLRegressor, MRTLClassifier or a pipeline ending in one, got {model!r}."
        )
    check_is_fitted(model)
    return model


def low_rank_model(estimator) -> BaseMRTL:
    """The same for a model that has factors.

    Raises
    ------
    ValueError
        If it is of full rank.
    """
    model = fitted_model(estimator)
    if not hasattr(model, "factors_"):
        raise ValueError(f"{type(model).__name__} was fitted at full rank and has no factors; give it a rank.")
    return model


def cp_model(estimator) -> BaseMRTL:
    """The same for a model whose components are rank-one tensors.

    Raises
    ------
    ValueError
        If it is of full rank or a Tucker tensor.
    """
    model = low_rank_model(estimator)
    if not hasattr(model, "component_weights_"):
        raise ValueError("the components of decomposition='tucker' are no rank-one tensors; use decomposition='cp'.")
    return model


def complete_factors(model: BaseMRTL) -> dict[str, np.ndarray]:
    """Factors {mode: (*shape, K)} of which a pooled mode's levels are complete, the shared row added."""
    shared = model.factors_shared_
    return {name: factor + shared[name] if name in shared else factor for name, factor in model.factors_.items()}


def without_component(model: BaseMRTL, k: int) -> BaseMRTL:
    """Return a copy for predictions, with component k left out and nothing else changed."""
    lesser = copy(model)
    lesser.tensor_ = model.tensor_.without_component(k)
    return lesser
