"""Limited-memory BFGS (Nocedal and Wright, algorithm 7.4) with a weak Wolfe line search (Lewis and Overton 2013)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import CurvaturePair, Epoch, Monitor, SolverSettings, flatten, never, unflatten

Evaluate = Callable[[Tensor], tuple[float, float, Tensor]]  # objective, data loss and gradient at a point

MEMORY = 10  # curvature pairs behind the estimate of the inverse Hessian; 5 to 20 are usual (Nocedal and Wright)
WINDOW = 3  # epochs whose decrease is compared with `convergence`: single steps can be short


def lbfgs(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    pairs: Sequence[CurvaturePair] = (),
) -> tuple[Parameters, list[CurvaturePair]]:
    """Minimize by limited-memory BFGS.

    Variables are scaled by the objective's natural scales, so that the identity approximates the Hessian at first.
    Curvature pairs of the coarser level approximate it better: along smooth directions the curvature on a finer grid
    is nearly the same. Parameters that must not be negative are projected (Bertsekas 1982): those at 0 whose gradient
    is positive stay at 0.
    """
    scale = flatten(objective.natural_scales(start))
    bounded = flatten({name: torch.full_like(p, name in objective.model.bounded) for name, p in start.items()}) > 0
    any_bounded = bool(bounded.any())

    def evaluate(x: Tensor) -> tuple[float, float, Tensor]:
        value, loss, gradient = objective.value_and_gradient(unflatten(x * scale, start))
        return float(value), float(loss), flatten(gradient) * scale

    def project(x: Tensor) -> Tensor:
        return torch.where(bounded, x.clamp(min=0), x) if any_bounded else x

    def epoch(loss: float, value: float, gradient: Tensor, x: Tensor) -> Epoch:
        unscaled = gradient / scale
        return Epoch(
            loss, value, unflatten(unscaled, start), float(unscaled.square().sum()), unflatten(x * scale, start)
        )

    memory: deque[tuple[Tensor, Tensor]] = deque(maxlen=MEMORY)
    for s, y in pairs:
        remember(memory, flatten(s) / scale, flatten(y) * scale)
    x = project(flatten(start) / scale)
    value, loss, gradient = evaluate(x)
    values, null_loss = [value], objective.null_loss()
    for step_number in range(settings.max_epochs):
        resting = bounded & (x <= 0) & (gradient > 0) if any_bounded else None
        free = gradient if resting is None else gradient.masked_fill(resting, 0)
        direction = -inverse_hessian_product(free, memory)
        direction = direction if resting is None else direction.masked_fill(resting, 0)
        derivative = float(direction @ free)
        enough = settings.convergence * max(null_loss - value, 0.01 * abs(value)) / WINDOW
        rounding = torch.finfo(x.dtype).eps * abs(value)
        # The expected decrease of a quadratic is compared with `enough` before the first step, with rounding later.
        nothing_to_gain = bool(memory) and -derivative / 2 <= (max(enough, rounding) if step_number == 0 else rounding)
        found = None
        if derivative < 0 and not nothing_to_gain:
            first_step = 1.0 if memory else min(1.0, 1.0 / float(free.norm()))
            found = wolfe_search(lambda x: evaluate(project(x)), x, value, derivative, direction, first_step, rounding)
        if found is None:
            if step_number == 0:  # the monitor sees one epoch of every level
                monitor(epoch(loss, value, gradient, x))
            break
        step, value, loss, new_gradient = found
        new_x = project(x + step * direction)
        remember(memory, new_x - x, new_gradient - gradient)
        x, gradient = new_x, new_gradient
        values.append(value)
        if monitor(epoch(loss, value, gradient, x)):
            break
        if len(values) > WINDOW and values[-1 - WINDOW] - value <= WINDOW * enough:
            break
    return unflatten(x * scale, start), [(unflatten(s * scale, start), unflatten(y / scale, start)) for s, y in memory]


def remember(memory: deque[tuple[Tensor, Tensor]], s: Tensor, y: Tensor) -> None:
    """Keep a step s and the change y of the gradient along it, if the objective is convex along it."""
    if float(s @ y) > 1e-10 * float(y @ y):
        memory.append((s, y))


def inverse_hessian_product(gradient: Tensor, memory: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Multiply a gradient by the estimated inverse Hessian: the two-loop recursion."""
    q, alphas = gradient.clone(), []
    curvatures = [s @ y for s, y in memory]
    for (s, y), curvature in zip(reversed(memory), reversed(curvatures), strict=True):
        alpha = (s @ q) / curvature
        q -= alpha * y
        alphas.append(alpha)
    if memory:
        y = memory[-1][1]
        q *= curvatures[-1] / (y @ y)
    for (s, y), curvature, alpha in zip(memory, curvatures, reversed(alphas), strict=True):
        q += (alpha - (y @ q) / curvature) * s
    return q


def wolfe_search(
    evaluate: Evaluate, x: Tensor, value: float, derivative: float, direction: Tensor, step: float, rounding: float,
    *, max_trials: int = 25,
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

    Returns
    -------
    step, value, loss, gradient, or None
        None if no step that was tried lowers the objective.
    """
    low, high = 0.0, float("inf")
    best: tuple[float, float, float, Tensor] | None = None
    for _ in range(max_trials):
        new_value, loss, gradient = evaluate(x + step * direction)
        if not new_value <= value + 1e-4 * step * derivative:  # also true of NaN
            high = step
            if -step * derivative <= rounding:
                break
        else:
            best = step, new_value, loss, gradient
            if float(gradient @ direction) >= 0.9 * derivative:
                return best
            low = step
        step = 2 * low if high == float("inf") else (low + high) / 2
    return best
