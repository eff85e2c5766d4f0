"""Limited-memory BFGS (Nocedal and Wright, algorithm 7.4)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import (
    Epoch,
    Monitor,
    SolverSettings,
    State,
    fetched,
    flatten,
    never,
    numbers,
    unflatten,
)
from sklearn_mrtl.core.solvers.line_search import Trial, wolfe_search
from sklearn_mrtl.core.solvers.preconditioner import factor_inverses
from sklearn_mrtl.core.stopping import gradient_statistics

MEMORY = 10  # curvature pairs behind the estimate of the inverse Hessian; 5 to 20 are usual (Nocedal and Wright)
CurvaturePair = tuple[Tensor, Tensor, float]  # s, y and s'y
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
    memory : deque of (Tensor, Tensor, float)
        Steps s, changes y of the gradient along them, and s'y.
    n_steps : int
        Number of steps up to here.
    """

    x: Tensor
    loss: float
    gradient: Tensor
    values: deque[float]
    memory: deque[CurvaturePair]
    n_steps: int = 0

    def state(self) -> State:
        """Return the iterate as tensors."""
        state = {"x": self.x, "gradient": self.gradient, "values": numbers(*self.values)}
        state |= {"loss": numbers(self.loss), "n_steps": numbers(self.n_steps)}
        for n, (s, y, _) in enumerate(self.memory):
            state |= {f"s {n}": s, f"y {n}": y}
        return state

    def after(self, found: Trial) -> Iterate:
        """Return the iterate after a step."""
        x, loss, gradient, pair = found.point
        self.values.append(found.value)
        if pair is not None:
            self.memory.append(pair)
        return Iterate(x, loss, gradient, self.values, self.memory, self.n_steps + 1)

    @classmethod
    def from_state(cls, state: State) -> Iterate:
        """Return the iterate of a state."""
        n_pairs = sum(name.startswith("s ") for name in state)
        pairs = ((state[f"s {n}"], state[f"y {n}"]) for n in range(n_pairs))
        memory = deque(((s, y, float(s @ y)) for s, y in pairs), maxlen=MEMORY)
        values = deque(state["values"].tolist(), maxlen=WINDOW + 1)
        return cls(state["x"], float(state["loss"]), state["gradient"], values, memory, int(state["n_steps"]))


class ScaledObjective:
    """The objective in variables that are the parameters divided by their natural scales, as one vector.

    Before there are curvature pairs, the identity then approximates the inverse Hessian. Factors whose second
    derivatives are known better are not scaled; see `SolverSettings.by_factor`.
    """

    def __init__(self, objective: Objective, like: Parameters, *, by_factor: bool = True):
        self.objective, self.like = objective, like
        scales, inverses = objective.natural_scales(like), factor_inverses(objective, like) if by_factor else {}
        scales |= {name: torch.ones_like(like[name]) for name in inverses}
        self.scale = flatten(scales)
        ends = accumulate(value.numel() for value in like.values())
        parts = {name: slice(end - like[name].numel(), end) for name, end in zip(like, ends, strict=True)}
        self.inverses = [(parts[name], inverse) for name, inverse in inverses.items()]
        bounded = flatten({name: torch.full_like(p, name in objective.model.bounded) for name, p in like.items()}) > 0
        self.bounded = bounded if objective.model.bounded else None

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return objective, data loss and gradient."""
        value, loss, gradient = self.objective.value_and_gradient(self.parameters(x))
        return value, loss, flatten(gradient) * self.scale

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

    def initial_product(self, vector: Tensor) -> Tensor:
        """Multiply by the inverse Hessian that is known without curvature pairs."""
        product = vector.clone() if self.inverses else vector
        for part, inverse in self.inverses:
            product[part] = inverse(vector[part])
        return product

    def descent(self, at: Iterate) -> tuple[Tensor, Tensor]:
        """Return the direction of the next step, and the derivative along it."""
        free = self.without_resting(at.gradient, at.x, at.gradient)
        product = inverse_hessian_product(free, at.memory, self.initial_product)
        direction = self.without_resting(-product, at.x, at.gradient)
        return direction, direction @ free

    def trial(self, at: Iterate, direction: Tensor, step: float) -> Trial:
        """Return what is known after a step: the next iterate too, but for the curvature pairs."""
        x = self.project(at.x + step * direction)
        value, loss, gradient = self(x)
        s, y = x - at.x, gradient - at.gradient
        found = fetched(value=value, loss=loss, derivative=gradient @ direction, sy=s @ y, yy=y @ y)
        pair = (s, y, found["sy"]) if is_convex_along(found["sy"], found["yy"]) else None
        return Trial(found["value"], found["derivative"], (x, found["loss"], gradient, pair))

    def epoch(self, at: Iterate, derivative: Tensor, *, is_last: bool = False) -> tuple[Epoch, float]:
        """Return the epoch that ends at a point, and the derivative along the next direction as a number."""
        unscaled = unflatten(at.gradient / self.scale, self.like)
        found = fetched(derivative=derivative, **gradient_statistics(unscaled))
        next_derivative, state = found.pop("derivative"), None if is_last else at.state
        return Epoch(at.loss, at.values[-1], unscaled, found, self.parameters(at.x), state), next_derivative


def lbfgs(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    state: State | None = None,
) -> Parameters:
    """Minimize by limited-memory BFGS.

    Parameters that must not be negative are projected (Bertsekas 1982): those at 0 whose gradient is positive stay at
    0. A step waits for a GPU twice: after its evaluation, and when its epoch ends.
    """
    scaled = ScaledObjective(objective, start, by_factor=settings.by_factor)
    at = first_iterate(scaled, start) if state is None else Iterate.from_state(state)
    null_loss = objective.null_loss()
    direction, directional_derivative = scaled.descent(at)
    derivative = float(directional_derivative)
    while at.n_steps < settings.max_epochs:
        value = at.values[-1]
        enough = settings.convergence * max(null_loss - value, 0.01 * abs(value))
        if len(at.values) > WINDOW and at.values[0] - value <= enough:
            break
        rounding = torch.finfo(at.x.dtype).eps * abs(value)
        found = None
        if derivative < 0 and (-derivative / 2 > rounding or not at.memory):
            found = wolfe_search(partial(scaled.trial, at, direction), value, derivative, 1.0, rounding)
        if found is None:
            if at.n_steps == 0:  # the monitor sees one epoch of every level
                monitor(scaled.epoch(at, directional_derivative, is_last=True)[0])
            break
        at = at.after(found)
        direction, directional_derivative = scaled.descent(at)
        if monitor is never:  # statistics of the gradient take longer than the step
            derivative = float(directional_derivative)
            continue
        epoch, derivative = scaled.epoch(at, directional_derivative)
        if monitor(epoch):
            break
    return scaled.parameters(at.x)


def first_iterate(scaled: ScaledObjective, start: Parameters) -> Iterate:
    """Return the point where the search begins."""
    x = scaled.project(flatten(start) / scaled.scale)
    value, loss, gradient = scaled(x)
    found = fetched(value=value, loss=loss)
    return Iterate(x, found["loss"], gradient, deque([found["value"]], maxlen=WINDOW + 1), deque(maxlen=MEMORY))


def is_convex_along(sy: float, yy: float) -> bool:
    """Return whether the objective is convex along a step s, from s'y and y'y for the change y of the gradient."""
    return sy > 1e-10 * yy


def inverse_hessian_product(
    gradient: Tensor, memory: Sequence[CurvaturePair], initial_product: Callable[[Tensor], Tensor]
) -> Tensor:  # fmt: skip
    """Multiply a gradient by the estimated inverse Hessian: the two-loop recursion."""
    q, alphas = gradient.clone(), []
    for s, y, curvature in reversed(memory):
        alpha = (s @ q) / curvature
        q.addcmul_(y, alpha, value=-1)  # without a copy of the product
        alphas.append(alpha)
    q = initial_product(q)
    if memory:
        _, y, curvature = memory[-1]
        q *= curvature / (y @ initial_product(y))
    for (s, y, curvature), alpha in zip(memory, reversed(alphas), strict=True):
        q.addcmul_(s, alpha - (y @ q) / curvature)
    return q
