"""Estimators around a fitted model: pipelines, regressors of a transformed target, searches."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl._utils.arrays import is_dataarray

FITTED = ("regressor_", "best_estimator_", "estimator_")  # attributes that hold the one fitted estimator inside
GIVEN = ("regressor", "estimator")  # parameters that hold it before fit


def chain(estimator: Any) -> list[Any]:
    """Return the fitted estimators from the outermost to the model.

    Raises
    ------
    TypeError
        If there is no single model inside.
    NotFittedError
        If the outermost estimator is not fitted.
    """
    links = [estimator]
    while not isinstance(links[-1], BaseMRTL):
        links.append(inner_of(links[-1], estimator))
    return links


def inner_of(link: Any, whole: Any) -> Any:
    """Return the fitted estimator inside a link of the chain of a whole estimator."""
    if isinstance(link, Pipeline):
        return link.steps[-1][1]
    inner = next((getattr(link, name) for name in FITTED if hasattr(link, name)), None)
    if inner is not None:
        return inner
    if any(hasattr(link, name) for name in GIVEN):
        raise NotFittedError(f"{type(link).__name__} holds no fitted estimator: call fit first.")
    kinds = "an MRTLRegressor, an MRTLClassifier, or a pipeline, target transformer or search around one"
    if link is whole:
        raise TypeError(f"estimator must be {kinds}, got {whole!r}.")
    raise TypeError(f"estimator must be {kinds}; inside {type(whole).__name__} there is {link!r}.")


def transformed(estimator: Any, X: Any) -> Any:
    """Return X as the model gets it: transformed by the steps of all pipelines before it."""
    for pipeline in pipelines(estimator):
        X = pipeline[:-1].transform(X)
    return X


def with_model(estimator: Any, model: BaseMRTL) -> Any:
    """Return a copy of a fitted estimator with another fitted model in the place of its own."""
    if isinstance(estimator, BaseMRTL):
        return model
    changed = copy(estimator)
    if isinstance(changed, Pipeline):
        name, last = changed.steps[-1]
        changed.steps = [*changed.steps[:-1], (name, with_model(last, model))]
        return changed
    name = next(name for name in FITTED if hasattr(changed, name))
    setattr(changed, name, with_model(getattr(changed, name), model))
    return changed


def units(estimator: Any, X: Any, n_outputs: int) -> np.ndarray:
    """Return by what the model's scores of each row of X count in the user's units, shape (n, T) or (1, 1).

    Raises
    ------
    ValueError
        If predictions are no linear function of the scores.
    """
    scale = np.ones((1, 1))
    for link in chain(estimator)[:-1]:
        if hasattr(link, "scale_of"):
            scale = scale * link.scale_of(X)
        elif isinstance(link, TransformedTargetRegressor):
            scale = scale * gain_of_inverse(link, n_outputs)
        if isinstance(link, Pipeline) and len(link) > 1:
            X = link[:-1].transform(X)
    return scale


def gain_of_inverse(link: TransformedTargetRegressor, n_outputs: int) -> np.ndarray:
    """Return by what the inverse of a transformed target multiplies, shape (1, T)."""
    steps = np.repeat([[0.0], [1.0], [2.0]], n_outputs, axis=1)
    values = np.asarray(link.transformer_.inverse_transform(steps), dtype=float).reshape(3, -1)
    gains = np.diff(values, axis=0)
    if not np.allclose(gains[0], gains[1], rtol=1e-6, equal_nan=False):
        raise ValueError(
            "predictions are no sum of contributions: the inverse of TransformedTargetRegressor's transformer is not "
            "linear. Give its regressor_, whose scores are."
        )
    return gains[:1]


def model_data(estimator: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Return X and y as the model got them in fit: transformed by pipelines, and by regressors of another target."""
    for link in chain(estimator)[:-1]:
        if isinstance(link, Pipeline) and len(link) > 1:
            X = link[:-1].transform(X)
        elif hasattr(link, "regressor_target"):
            y = link.regressor_target(X, y)
        elif isinstance(link, TransformedTargetRegressor):
            values = np.asarray(y)
            columns = link.transformer_.transform(values.reshape(len(values), -1))
            y = np.asarray(columns).reshape(values.shape)
    return X, y


def parameter_name(estimator: Any, name: str) -> str:
    """Return the name that a parameter of the model has among those of an estimator, fitted or not.

    Raises
    ------
    TypeError
        If there is no single model inside.
    """
    if isinstance(estimator, BaseMRTL):
        return name
    if isinstance(estimator, Pipeline):
        step, inner = estimator.steps[-1]
        return f"{step}__{parameter_name(inner, name)}"
    for given in GIVEN:
        if hasattr(estimator, given):
            return f"{given}__{parameter_name(getattr(estimator, given), name)}"
    raise TypeError(f"estimator must be an MRTLRegressor or MRTLClassifier, or one inside others, got {estimator!r}.")


def pipelines(estimator: Any) -> Iterator[Pipeline]:
    """Yield the pipelines of several steps on the way to the model."""
    return (link for link in chain(estimator) if isinstance(link, Pipeline) and len(link) > 1)


def one_row(X_row: Any, n_axes: int) -> Any:
    """Return a row with a first axis of length 1.

    Raises
    ------
    ValueError
        If it is several rows.
    """
    if np.ndim(X_row) == n_axes:
        if not is_dataarray(X_row):
            return np.asarray(X_row)[None]
        return X_row.expand_dims("time" if "time" in X_row.coords else "sample")  # a row of a series keeps its time
    if len(X_row) != 1:
        raise ValueError(f"X_row must be one row, got {len(X_row)}.")
    return X_row
