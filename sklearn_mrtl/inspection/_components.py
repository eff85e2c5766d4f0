"""Access to the fitted model and its components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from numbers import Integral

from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._estimators.base import BaseMRTL
from sklearn_mrtl._estimators.tensor_mode import TensorMode
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.inspection._composites import chain, transformed
from sklearn_mrtl.modes import Grid


def fitted_model(estimator) -> BaseMRTL:
    """Return the fitted MRTL estimator: the given one, or the one inside.

    Raises
    ------
    TypeError
        If there is none, or several.
    NotFittedError
        If it is not fitted.
    """
    model = chain(estimator)[-1]
    check_is_fitted(model)
    return model


def inputs_of(estimator, X):
    """Return X as the fitted MRTL estimator gets it: transformed by the other steps of pipelines."""
    return transformed(estimator, X)


def low_rank_model(estimator) -> BaseMRTL:
    """Return the fitted MRTL estimator if it has factors.

    Raises
    ------
    ValueError
        If it has full rank.
    """
    model = fitted_model(estimator)
    if not hasattr(model, "factors_"):
        raise ValueError(f"{type(model).__name__} was fitted at full rank and has no factors; give it a rank.")
    return model


def cp_model(estimator) -> BaseMRTL:
    """Return the fitted MRTL estimator if its components are rank-one tensors.

    Raises
    ------
    ValueError
        If it has full rank or is a Tucker tensor.
    """
    model = low_rank_model(estimator)
    if not hasattr(model, "component_weights_"):
        raise ValueError(
            f"the components of decomposition={model.decomposition!r} are not rank-one tensors; use decomposition='cp'."
        )
    return model


def warn_if_empty(model: BaseMRTL) -> None:
    """Warn that the components of the model's tensor add nothing to its scores, and name the terms that do."""
    empty = {name: term.is_empty for name, term in model.terms_.items()}
    if empty.get(model.tensor_.name):
        others = [name for name, is_empty in empty.items() if not is_empty]
        warn(
            f"{model.tensor_.name!r} is empty: its components add nothing to the scores."
            + (
                f" select_term(model, {others[0]!r}) has those of another term; {others} are not empty."
                if others
                else ""
            )
        )


def without_component(model: BaseMRTL, k: int) -> BaseMRTL:
    """Return a copy for predictions, with component k left out and nothing else changed."""
    reduced = copy(model)
    reduced.tensor_ = model.tensor_.without_component(k)
    return reduced


def check_mode(model: BaseMRTL, mode: str | None) -> str:
    """Return the name of a mode of `factors_`; None stands for the first grid, or the first mode."""
    known = list(model.factors_)
    if mode is None:
        return next((m.name for m in model.modes_ if isinstance(m, Grid) and m.name in known), known[0])
    mode = known_as(mode, model.tensor_.modes)
    if mode not in known:
        raise ValueError(f"mode must be one of {known}, got {mode!r}.")
    return mode


def known_as(name: str, modes: Mapping[str, TensorMode]) -> str:
    """Return the name of a mode for that of its dimension, if it has one only; such as "output" for "place"."""
    return next((mode for mode, own in modes.items() if own.dims == (name,) and name not in modes), name)


def check_components(components: int | Sequence[int] | None, rank: int) -> list[int]:
    """Return the numbers of components, counted from 0; None stands for all."""
    chosen = [components] if isinstance(components, Integral) else components
    chosen = list(range(rank)) if chosen is None else [int(k) for k in chosen]  # type: ignore[union-attr]
    if not chosen or not all(-rank <= k < rank for k in chosen):
        raise ValueError(f"components must be among the model's {rank}, 0 to {rank - 1}, got {components!r}.")
    return [k % rank for k in chosen]
