"""Limited-memory BFGS."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.solvers.base import Pair, never
from sklearn_mrtl.core.stopping import flatten, unflatten

MEMORY = 10  # steps that the guess of the inverse Hessian rests on
WINDOW = 3  # epochs over which progress is judged: single steps may be short


def lbfgs(objective, start, settings, watch=never, pairs=()) -> tuple[Parameters, list[Pair]]:
    """Limited-memory BFGS with a weak Wolfe line search (Nocedal and Wright, algorithm 7.4; Lewis and Overton 2013).

    Variables are scaled by the objective's own scales, so that the identity is a fair first guess of the Hessian. The
    last steps of the coarser level are another: a finer grid has nearly the same curvature along smooth directions.
    Parameters that must not become negative are projected (Bertsekas 1982): those at 0 that want to leave rest.
    """
    scale = flatten(objective.scales(start))
    bounded = flatten({name: torch.full_like(p, name in objective.model.bounded) for name, p in start.items()}) > 0
    any_bounded = bool(bounded.any())

    def evaluate(x: Tensor):
        value, loss, gradient = objective.value_and_gradient(unflatten(x * scale, start))
        return float(value), loss, flatten(gradient) * scale

    def project(x: Tensor) -> Tensor:
        return torch.where(bounded, x.clamp(min=0), x) if any_bounded else x

    memory: deque[tuple[Tensor, Tensor]] = deque(maxlen=MEMORY)
    for moved, bend in pairs:
        remember(memory, flatten(moved) / scale, flatten(bend) * scale)
    x = project(flatten(start) / scale)
    value, loss, gradient = evaluate(x)
    values, null_loss = [value], objective.null_loss()
    for epoch in range(settings.max_epochs):
        resting = bounded & (x <= 0) & (gradient > 0) if any_bounded else None
        free = gradient if resting is None else gradient.masked_fill(resting, 0)
        direction = -inverse_hessian_product(free, memory)
        direction = direction if resting is None else direction.masked_fill(resting, 0)
        slope = float(direction @ free)
        enough = settings.convergence * max(null_loss - value, 0.01 * abs(value)) / WINDOW
        rounding = torch.finfo(x.dtype).eps * abs(value)
        # What a quadratic would fall: at first by too little to go on, later by too little to be seen.
        nothing_to_gain = memory and -slope / 2 <= (max(enough, rounding) if epoch == 0 else rounding)
        found = None
        if slope < 0 and not nothing_to_gain:
            first_step = 1.0 if memory else min(1.0, 1.0 / float(free.norm()))
            found = wolfe_search(lambda x: evaluate(project(x)), x, value, slope, direction, first_step, rounding)
        if found is None:
            if epoch == 0:  # one epoch is seen, also where nothing moves
                watch(loss, value, unflatten(gradient / scale, start), unflatten(x * scale, start))
            break
        step, value, loss, new_gradient = found
        new_x = project(x + step * direction)
        remember(memory, new_x - x, new_gradient - gradient)
        x, gradient = new_x, new_gradient
        values.append(value)
        if watch(loss, value, unflatten(gradient / scale, start), unflatten(x * scale, start)):
            break
        if len(values) > WINDOW and values[-1 - WINDOW] - value <= WINDOW * enough:
            break
    pairs = [(unflatten(moved * scale, start), unflatten(bend / scale, start)) for moved, bend in memory]
    return unflatten(x * scale, start), pairs


def remember(memory: deque, moved: Tensor, bend: Tensor) -> None:
    """Keep a step and its change of gradient, if the objective bends upwards along it."""
    if float(moved @ bend) > 1e-10 * float(bend @ bend):
        memory.append((moved, bend))


def inverse_hessian_product(gradient: Tensor, memory: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Inverse Hessian times gradient, from the last steps and changes of gradient: the two-loop recursion."""
    q, shares = gradient.clone(), []
    curvatures = [moved @ bend for moved, bend in memory]
    for (moved, bend), curvature in zip(reversed(memory), reversed(curvatures), strict=True):
        share = (moved @ q) / curvature
        q -= share * bend
        shares.append(share)
    if memory:
        bend = memory[-1][1]
        q *= curvatures[-1] / (bend @ bend)
    for (moved, bend), curvature, share in zip(memory, curvatures, reversed(shares), strict=True):
        q += (share - (bend @ q) / curvature) * moved
    return q


def wolfe_search(evaluate, x, value, slope, direction, step, rounding, *, max_trials=25):
    """A step that lowers the value enough and flattens the slope; None if rounding hides every decrease.

    Shorter steps than one whose expected decrease is rounding are not tried.
    """
    low, high, best = 0.0, float("inf"), None
    for _ in range(max_trials):
        new_value, loss, gradient = evaluate(x + step * direction)
        if not new_value <= value + 1e-4 * step * slope:  # also catches nan
            high = step
            if -step * slope <= rounding:
                break
        else:
            best = step, new_value, loss, gradient
            if float(gradient @ direction) >= 0.9 * slope:
                return best
            low = step
        step = 2 * low if high == float("inf") else (low + high) / 2
    return best
