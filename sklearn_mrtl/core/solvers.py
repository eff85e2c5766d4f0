"""Optimizers: they see an objective and nothing else.

Each takes steps until its watch says that the level is over. An epoch is one pass over the samples, or one step where a
step needs them all; the watch gets the epoch's mean loss and objective, its mean gradient and the parameters.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.criteria import flatten, unflatten
from sklearn_mrtl.core.models import Parameters
from sklearn_mrtl.core.objective import Objective

Watch = Callable[[Tensor, Tensor, Parameters, Parameters], bool]
Pair = tuple[Parameters, Parameters]  # a step, and how the gradient changed along it


def never(*_) -> bool:
    """A watch that lets a solver go on to its own end."""
    return False


CONVERGENCE = 4e-3  # tighter gains 0.00005 of log loss on real shots, nothing on the ocean, for half the time more


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
        "lbfgs" ends when the last three epochs lowered the objective by less than this share of what is explained, the
        loss without weights less the objective (or of a hundredth of the objective, where nearly nothing is); or at
        once, where the first step is expected to gain less than its part of that.
    seed : int
        Order of the batches.
    """

    name: str = "lbfgs"
    max_epochs: int = 100
    learning_rate: float = 0.01
    lr_decay: float = 0.95
    batch_size: int | None = None
    convergence: float = CONVERGENCE
    seed: int = 0


def solve(
    objective: Objective, start: Parameters, settings: SolverSettings, watch: Watch = never, pairs: Sequence[Pair] = ()
) -> tuple[Parameters, list[Pair]]:
    """Opt of Algorithm 1 until its stopping criterion is true.

    Parameters
    ----------
    pairs : sequence of Pair
        Steps and changes of gradient of an earlier level, carried to this one; only "lbfgs" has use for them.

    Returns
    -------
    parameters : Parameters
    pairs : list of Pair
        To be carried to the next level.
    """
    return SOLVERS[settings.name](objective, start, settings, watch, pairs)


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


MEMORY = 10  # steps that the guess of the inverse Hessian rests on
WINDOW = 3  # epochs over which progress is judged: single steps may be short


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


def adam(objective, start, settings, watch=never, pairs=()) -> tuple[Parameters, list[Pair]]:
    """Adam (Kingma and Ba 2014) on mini-batches; the learning rate decays after every epoch, as in the paper."""
    return descend(objective, start, settings, watch, torch.optim.Adam), []


def sgd(objective, start, settings, watch=never, pairs=()) -> tuple[Parameters, list[Pair]]:
    """Stochastic gradient descent on mini-batches; the learning rate decays after every epoch, as in the paper."""
    return descend(objective, start, settings, watch, torch.optim.SGD), []


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
