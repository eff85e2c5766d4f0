"""Limited-memory BFGS (Nocedal and Wright, algorithm 7.4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import Epoch, Monitor, SolverSettings, State, flatten, never, numbers, unflatten
from sklearn_mrtl.core.solvers.line_search import wolfe_search

MEMORY = 10  # curvature pairs behind the estimate of the inverse Hessian; 5 to 20 are usual (Nocedal and Wright)
WINDOW = 3  # epochs whose decrease is compared with `convergence`: single steps can be short


@dataclass
class Iterate:
    """A point of the search, and what is known there: all that further steps depend on.

    Attributes
    ----------
    x : Tensor
    loss : float
    gradient : Tensor
    values : sequence of float
        The objective here, last, and at up to `WINDOW` points before.
    memory : deque of (Tensor, Tensor)
        Steps s and changes y of the gradient along them.
    n_steps : int
        Number of steps up to here.
    """

    x: Tensor
    loss: float
    gradient: Tensor
    values: deque[float]
    memory: deque[tuple[Tensor, Tensor]]
    n_steps: int = 0

    def state(self) -> State:
        """Return the iterate as tensors."""
        state = {"x": self.x, "gradient": self.gradient, "values": numbers(*self.values)}
        state |= {"loss": numbers(self.loss), "n_steps": numbers(self.n_steps)}
        for n, (s, y) in enumerate(self.memory):
            state |= {f"s {n}": s, f"y {n}": y}
        return state

    @classmethod
    def from_state(cls, state: State) -> Iterate:
        """Return the iterate of a state."""
        n_pairs = sum(name.startswith("s ") for name in state)
        memory = deque(((state[f"s {n}"], state[f"y {n}"]) for n in range(n_pairs)), maxlen=MEMORY)
        values = deque(state["values"].tolist(), maxlen=WINDOW + 1)
        return cls(state["x"], float(state["loss"]), state["gradient"], values, memory, int(state["n_steps"]))


class ScaledObjective:
    """The objective in variables that are the parameters divided by their natural scales, as one vector.

    The identity then approximates the Hessian before there are curvature pairs.
    """

    def __init__(self, objective: Objective, like: Parameters):
        self.objective, self.like = objective, like
        self.scale = flatten(objective.natural_scales(like))
        bounded = flatten({name: torch.full_like(p, name in objective.model.bounded) for name, p in like.items()}) > 0
        self.bounded = bounded if bool(bounded.any()) else None

    def __call__(self, x: Tensor) -> tuple[float, float, Tensor]:
        """Return objective, data loss and gradient."""
        value, loss, gradient = self.objective.value_and_gradient(self.parameters(x))
        return float(value), float(loss), flatten(gradient) * self.scale

    def parameters(self, x: Tensor) -> Parameters:
        """Return the parameters of a point."""
        return unflatten(x * self.scale, self.like)

    def project(self, x: Tensor) -> Tensor:
        """Return the nearest point whose bounded variables are not negative."""
        return x if self.bounded is None else torch.where(self.bounded, x.clamp(min=0), x)

    def without_resting(self, vector: Tensor, x: Tensor, gradient: Tensor) -> Tensor:
        """Return a vector that is 0 along the variables that stay at 0 (Bertsekas 1982)."""
        if self.bounded is None:
            return vector
        return vector.masked_fill(self.bounded & (x <= 0) & (gradient > 0), 0)

    def epoch(self, at: Iterate, *, is_last: bool = False) -> Epoch:
        """Return the epoch that ends at a point."""
        unscaled = at.gradient / self.scale
        norm, state = float(unscaled.square().sum()), None if is_last else at.state
        return Epoch(at.loss, at.values[-1], unflatten(unscaled, self.like), norm, self.parameters(at.x), state)


def lbfgs(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    state: State | None = None,
) -> Parameters:
    """Minimize by limited-memory BFGS.

    Parameters that must not be negative are projected (Bertsekas 1982): those at 0 whose gradient is positive stay at
    0.
    """
    scaled = ScaledObjective(objective, start)
    at = first_iterate(scaled, start) if state is None else Iterate.from_state(state)
    null_loss = objective.null_loss()
    while at.n_steps < settings.max_epochs:
        value = at.values[-1]
        enough = settings.convergence * max(null_loss - value, 0.01 * abs(value))
        if len(at.values) > WINDOW and at.values[0] - value <= enough:
            break
        free = scaled.without_resting(at.gradient, at.x, at.gradient)
        direction = scaled.without_resting(-inverse_hessian_product(free, at.memory), at.x, at.gradient)
        derivative = float(direction @ free)
        rounding = torch.finfo(at.x.dtype).eps * abs(value)
        found = None
        if derivative < 0 and (-derivative / 2 > rounding or not at.memory):
            found = wolfe_search(lambda x: scaled(scaled.project(x)), at.x, value, derivative, direction, 1.0, rounding)
        if found is None:
            if at.n_steps == 0:  # the monitor sees one epoch of every level
                monitor(scaled.epoch(at, is_last=True))
            break
        step, new_value, loss, gradient = found
        x = scaled.project(at.x + step * direction)
        remember(at.memory, x - at.x, gradient - at.gradient)
        at.values.append(new_value)
        at = Iterate(x, loss, gradient, at.values, at.memory, at.n_steps + 1)
        if monitor(scaled.epoch(at)):
            break
    return scaled.parameters(at.x)


def first_iterate(scaled: ScaledObjective, start: Parameters) -> Iterate:
    """Return the point where the search begins."""
    x = scaled.project(flatten(start) / scaled.scale)
    value, loss, gradient = scaled(x)
    return Iterate(x, loss, gradient, deque([value], maxlen=WINDOW + 1), deque(maxlen=MEMORY))


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
