"""Optimizers: they see an objective and nothing else."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from sklearn_mrtl.core.models import Parameters
from sklearn_mrtl.core.objective import Objective


def lbfgs(
    objective: Objective,
    parameters: Parameters,
    *,
    max_epochs: int,
    tol: float,
    record: Callable[..., None] = lambda **_: None,
    memory: int = 20,
) -> Parameters:
    """Limited-memory BFGS with a weak Wolfe line search (Nocedal and Wright, algorithm 7.4; Lewis and Overton 2013).

    Variables are scaled by the objective's own scales, so that the identity is a fair first guess of the Hessian.
    Ends when an epoch lowers the objective by less than `tol` of its value, twice in a row.

    Parameters
    ----------
    objective : Objective
    parameters : dict of Tensor
        Start.
    max_epochs : int
        Largest number of iterations; each passes over the samples once, seldom twice.
    tol : float
    record : callable
        Called after each epoch with epoch, loss, objective and gradient_norm.

    Returns
    -------
    dict of Tensor
    """
    scale = flatten(objective.scales(parameters))

    def evaluate(x: Tensor) -> tuple[float, float, Tensor]:
        value, loss, gradient = objective.value_and_gradient(unflatten(x * scale, parameters))
        return value, loss, flatten(gradient) * scale

    x = flatten(parameters) / scale
    value, loss, gradient = evaluate(x)
    pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=memory)
    small_steps = 0
    for epoch in range(1, max_epochs + 1):
        direction = -two_loop(gradient, pairs)
        slope = float(direction @ gradient)
        if not slope < 0:
            break
        first_step = 1.0 if pairs else min(1.0, 1.0 / float(gradient.norm()))
        found = wolfe_search(evaluate, x, value, slope, direction, first_step)
        if found is None:
            break
        step, new_value, loss, new_gradient = found
        moved, bend = step * direction, new_gradient - gradient
        curvature = float(moved @ bend)
        if curvature > 1e-10 * float(bend @ bend):
            pairs.append((moved, bend, 1.0 / curvature))
        decrease = value - new_value
        x, value, gradient = x + moved, new_value, new_gradient
        record(epoch=epoch, loss=loss, objective=value, gradient_norm=float((gradient / scale).norm()))
        small_steps = small_steps + 1 if decrease <= tol * abs(value) else 0
        if small_steps == 2:
            break
    return unflatten(x * scale, parameters)


def two_loop(gradient: Tensor, pairs) -> Tensor:
    """Inverse Hessian times gradient, from the last steps and changes of gradient."""
    q, shares = gradient.clone(), []
    for moved, bend, rho in reversed(pairs):
        share = rho * (moved @ q)
        q -= share * bend
        shares.append(share)
    if pairs:
        moved, bend, rho = pairs[-1]
        q /= rho * (bend @ bend)
    for (moved, bend, rho), share in zip(pairs, reversed(shares), strict=True):
        q += (share - rho * (bend @ q)) * moved
    return q


def wolfe_search(evaluate, x, value, slope, direction, step, *, max_trials=25):
    """A step that lowers the value enough and flattens the slope; None if rounding hides every decrease."""
    low, high, best = 0.0, float("inf"), None
    for _ in range(max_trials):
        new_value, loss, gradient = evaluate(x + step * direction)
        if not new_value <= value + 1e-4 * step * slope:  # also catches nan
            high = step
        else:
            best = step, new_value, loss, gradient
            if float(gradient @ direction) >= 0.9 * slope:
                return best
            low = step
        step = 2 * low if high == float("inf") else (low + high) / 2
    return best


def flatten(parameters: Parameters) -> Tensor:
    return torch.cat([value.reshape(-1) for value in parameters.values()])


def unflatten(vector: Tensor, like: Parameters) -> Parameters:
    pieces = vector.split([value.numel() for value in like.values()])
    return {name: piece.reshape(like[name].shape) for name, piece in zip(like, pieces, strict=True)}
