"""Optimizers: they see an objective and nothing else.

Each takes steps until its watch says that the level is over. An epoch is one pass over the samples, or one step where a
step needs them all; the watch gets the epoch's mean loss and objective, its mean gradient and the parameters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.criteria import flatten, unflatten
from sklearn_mrtl.core.models import Parameters
from sklearn_mrtl.core.objective import Objective

Watch = Callable[[Tensor, Tensor, Parameters, Parameters], bool]


def never(*_) -> bool:
    """A watch that lets a solver go on to its own end."""
    return False


@dataclass(frozen=True)
class SolverSettings:
    """What solvers want to know; each takes what concerns it.

    Attributes
    ----------
    name : {"lbfgs", "adam", "sgd"}
    max_epochs : int
    learning_rate, lr_decay : float
        Step of the first epoch, and what it is multiplied by after each.
    batch_size : int or None
        None: a fiftieth of the distinct samples, at least 256.
    convergence : float
        "lbfgs" ends when the last five epochs lowered the objective by less than this share of what is explained, the
        loss without weights less the objective (or of a hundredth of the objective, where nearly nothing is).
    seed : int
        Order of the batches.
    """

    name: str = "lbfgs"
    max_epochs: int = 100
    learning_rate: float = 0.01
    lr_decay: float = 0.95
    batch_size: int | None = None
    convergence: float = 4e-3
    seed: int = 0


def solve(objective: Objective, start: Parameters, settings: SolverSettings, watch: Watch = never) -> Parameters:
    """Opt of Algorithm 1 until its stopping criterion is true."""
    return SOLVERS[settings.name](objective, start, settings, watch)


def lbfgs(objective: Objective, start: Parameters, settings: SolverSettings, watch: Watch = never) -> Parameters:
    """Limited-memory BFGS with a weak Wolfe line search (Nocedal and Wright, algorithm 7.4; Lewis and Overton 2013).

    Variables are scaled by the objective's own scales, so that the identity is a fair first guess of the Hessian.
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

    x = project(flatten(start) / scale)
    value, loss, gradient = evaluate(x)
    values, pairs, null_loss = [value], deque(maxlen=MEMORY), objective.null_loss()
    for _ in range(settings.max_epochs):
        resting = bounded & (x <= 0) & (gradient > 0) if any_bounded else None
        free = gradient if resting is None else gradient.masked_fill(resting, 0)
        direction = -inverse_hessian_product(free, pairs)
        direction = direction if resting is None else direction.masked_fill(resting, 0)
        slope = float(direction @ free)
        if not slope < 0:
            break
        first_step = 1.0 if pairs else min(1.0, 1.0 / float(free.norm()))
        found = wolfe_search(lambda x: evaluate(project(x)), x, value, slope, direction, first_step)
        if found is None:
            break
        step, value, loss, new_gradient = found
        new_x = project(x + step * direction)
        moved, bend = new_x - x, new_gradient - gradient
        curvature = float(moved @ bend)
        if curvature > 1e-10 * float(bend @ bend):
            pairs.append((moved, bend, 1.0 / curvature))
        x, gradient = new_x, new_gradient
        values.append(value)
        if watch(loss, value, unflatten(gradient / scale, start), unflatten(x * scale, start)):
            break
        explained = max(null_loss - value, 0.01 * abs(value))
        if len(values) > WINDOW and values[-1 - WINDOW] - value <= settings.convergence * explained:
            break
    return unflatten(x * scale, start)


MEMORY = 10  # steps that the guess of the inverse Hessian rests on
WINDOW = 5  # epochs over which progress is judged: single steps may be short


def inverse_hessian_product(gradient: Tensor, pairs) -> Tensor:
    """Inverse Hessian times gradient, from the last steps and changes of gradient: the two-loop recursion."""
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


def adam(objective: Objective, start: Parameters, settings: SolverSettings, watch: Watch = never) -> Parameters:
    """Adam (Kingma and Ba 2014) on mini-batches; the learning rate decays after every epoch, as in the paper."""
    return descend(objective, start, settings, watch, torch.optim.Adam)


def sgd(objective: Objective, start: Parameters, settings: SolverSettings, watch: Watch = never) -> Parameters:
    """Stochastic gradient descent on mini-batches; the learning rate decays after every epoch, as in the paper."""
    return descend(objective, start, settings, watch, torch.optim.SGD)


def descend(objective, start, settings, watch, optimizer_class) -> Parameters:
    """Epochs of mini-batches in random order."""
    parameters = {name: value.clone() for name, value in start.items()}
    optimizer = optimizer_class(parameters.values(), lr=settings.learning_rate)
    decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, settings.lr_decay)
    n = objective.inputs.n_rows
    batch_size = settings.batch_size or max(256, n // 50)
    generator = torch.Generator().manual_seed(settings.seed)
    for _ in range(settings.max_epochs):
        order = torch.randperm(n, generator=generator).to(objective.weight.device)
        mean_loss, mean_value, mean_gradient = 0.0, 0.0, {name: torch.zeros_like(p) for name, p in parameters.items()}
        for rows in order.split(batch_size):
            share = len(rows) / n
            value, loss, gradient = objective.batch(rows).value_and_gradient(parameters)
            mean_loss, mean_value = mean_loss + share * loss, mean_value + share * value
            for name, parameter in parameters.items():
                parameter.grad = gradient[name]
                mean_gradient[name] += share * gradient[name]
            optimizer.step()
            for name in objective.model.bounded:
                parameters[name].clamp_(min=0)
        decay.step()
        if watch(mean_loss, mean_value, mean_gradient, {name: value.clone() for name, value in parameters.items()}):
            break
    return parameters


SOLVERS = {"lbfgs": lbfgs, "adam": adam, "sgd": sgd}
