"""A line search for the weak Wolfe conditions (Lewis and Overton 2013) that interpolates where a step was too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Trial:
    """What is known of a step along the direction of a search.

    Attributes
    ----------
    value : float
        Objective.
    derivative : float
        Of the objective along the direction.
    point : object
        What else the caller wants to know of the step that is found.
    """

    value: float
    derivative: float
    point: Any = None


def wolfe_search(
    evaluate: Callable[[float], Trial], value: float, derivative: float, step: float, rounding: float,
    *, sufficient: float = 1e-4, max_trials: int = 25,
) -> Trial | None:  # fmt: skip
    """Find a step along a direction that meets the weak Wolfe conditions.

    Parameters
    ----------
    evaluate : callable
        Returns what is known of a step.
    value, derivative : float
        Objective and directional derivative where the search starts.
    step : float
        The first that is tried.
    rounding : float
        Rounding error of the objective; steps whose expected decrease is less are not tried.
    sufficient : float
        Part of what the derivative promises by which a step has to lower the objective.

    Returns
    -------
    Trial or None
        None if no step that was tried lowers the objective.
    """
    low, high = 0.0, float("inf")
    best: Trial | None = None
    for _ in range(max_trials):
        trial = evaluate(step)
        if not trial.value <= value + sufficient * step * derivative:  # also true of NaN
            high = step
            if -step * derivative <= rounding:
                break
            step = minimum_of_parabola(step, value, derivative, trial.value) if low == 0 else (low + high) / 2
        else:
            best = trial
            if trial.derivative >= 0.9 * derivative:
                return best
            low = step
            step = 2 * low if high == float("inf") else (low + high) / 2
    return best


def minimum_of_parabola(step: float, value: float, derivative: float, new_value: float) -> float:
    """Return where a parabola with this value and derivative at 0, and the new value at `step`, is least.

    At least a hundredth of the step and at most half of it, so that a search ends soon.
    """
    excess = new_value - value - step * derivative
    minimum = -derivative * step**2 / (2 * excess) if 0 < excess < float("inf") else 0.0
    return min(max(minimum, 0.01 * step), 0.5 * step)
