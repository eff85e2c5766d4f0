"""A line search for the weak Wolfe conditions (Lewis and Overton 2013) that interpolates where a step was too long."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Evaluate = Callable[[Tensor], tuple[float, float, Tensor]]  # objective, data loss and gradient at a point


def wolfe_search(
    evaluate: Evaluate, x: Tensor, value: float, derivative: float, direction: Tensor, step: float, rounding: float,
    *, sufficient: float = 1e-4, max_trials: int = 25,
) -> tuple[float, float, float, Tensor] | None:  # fmt: skip
    """Find a step along a direction that meets the weak Wolfe conditions.

    Parameters
    ----------
    evaluate : callable
        Returns value, data loss and gradient at a point.
    x : Tensor
        Where the search starts.
    value, derivative : float
        Objective and directional derivative at x.
    direction : Tensor
    step : float
        The first that is tried.
    rounding : float
        Rounding error of the objective; steps whose expected decrease is less are not tried.
    sufficient : float
        Part of what the derivative at x promises by which a step has to lower the objective.

    Returns
    -------
    step, value, loss, gradient, or None
        None if no step that was tried lowers the objective.
    """
    low, high = 0.0, float("inf")
    best: tuple[float, float, float, Tensor] | None = None
    for _ in range(max_trials):
        new_value, loss, gradient = evaluate(x + step * direction)
        if not new_value <= value + sufficient * step * derivative:  # also true of NaN
            high = step
            if -step * derivative <= rounding:
                break
            step = minimum_of_parabola(step, value, derivative, new_value) if low == 0 else (low + high) / 2
        else:
            best = step, new_value, loss, gradient
            if float(gradient @ direction) >= 0.9 * derivative:
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
