"""Targets of validation data in the fit parameters of a regressor of another target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def with_validation_targets(params: dict[str, Any], change: Callable[[Any, Any], Any], caller: str) -> dict[str, Any]:
    """Return fit parameters of the regressor inside, with y_val as the target that it gets.

    Parameters
    ----------
    params : dict
    change : callable
        Returns that target for X_val and y_val.
    caller : str
        Name of the estimator for messages.

    Raises
    ------
    ValueError
        If the parameter of a step is given by its name, whose X_val has been transformed.
    """
    nested = [name for name, value in params.items() if name.endswith("__y_val") and value is not None]
    if nested:
        raise ValueError(
            f"{caller} changes y_val as it changes y, for which it needs X_val as it needs X, got {nested[0]!r}: give "
            "X_val and y_val themselves, with scikit-learn's metadata routing, and transform_input=['X_val'] in the "
            "pipeline."
        )
    X_val, y_val = params.get("X_val"), params.get("y_val")
    if X_val is None or y_val is None:  # the regressor refuses one without the other
        return params
    return {**params, "y_val": change(X_val, y_val)}
