"""Solvers that take mini-batches, with the paper's decay of the learning rate.

Their steps are written out because torch.optim imports much of torch when it is first used, inside a user's fit: Ctrl-C
there would leave torch half imported for the rest of the process.
"""

from __future__ import annotations

from functools import partial

import torch

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import (
    Epoch,
    Monitor,
    SolverSettings,
    State,
    fetched,
    group_of,
    grouped,
    never,
    numbers,
)
from sklearn_mrtl.core.stopping import gradient_statistics


def adam(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    state: State | None = None,
) -> Parameters:
    """Minimize by Adam (Kingma and Ba 2014)."""
    return descend(objective, start, settings, monitor, AdamStep(start), state)


def sgd(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    state: State | None = None,
) -> Parameters:
    """Minimize by stochastic gradient descent."""
    return descend(objective, start, settings, monitor, SGDStep(), state)


class SGDStep:
    """A step against the gradient, which remembers nothing of earlier ones."""

    def __call__(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Move parameters by one step."""
        for name, value in parameters.items():
            value.sub_(gradient[name] * learning_rate)  # as `alpha`, torch refuses rates beyond single precision

    def state(self) -> State:
        """Return what the next step depends on."""
        return {}

    def restore(self, state: State) -> None:
        """Go on from a state."""


class AdamStep(SGDStep):
    """A step of Adam, with running means of the gradient and its square."""

    def __init__(self, like: Parameters, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8):
        self.betas, self.eps, self.n_steps = betas, eps, 0
        self.means = {name: torch.zeros_like(value) for name, value in like.items()}
        self.squares = {name: torch.zeros_like(value) for name, value in like.items()}

    def __call__(self, parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
        """Move parameters by one step."""
        self.n_steps += 1
        first, second = (1 - beta**self.n_steps for beta in self.betas)
        for name, value in parameters.items():
            g, mean, square = gradient[name], self.means[name], self.squares[name]
            mean.lerp_(g, 1 - self.betas[0])
            square.mul_(self.betas[1]).addcmul_(g, g, value=1 - self.betas[1])
            deviation = square.sqrt().div_(second**0.5).add_(self.eps)
            value.sub_((mean / deviation).mul_(learning_rate / first))

    def state(self) -> State:
        return {"n_steps": numbers(self.n_steps), **grouped(means=self.means, squares=self.squares)}

    def restore(self, state: State) -> None:
        self.n_steps = int(state["n_steps"])
        self.means, self.squares = copies(group_of(state, "means")), copies(group_of(state, "squares"))


def descend(
    objective: Objective, start: Parameters, settings: SolverSettings, monitor: Monitor, step: SGDStep,
    state: State | None = None,
) -> Parameters:  # fmt: skip
    """Take epochs of mini-batches in random order until the monitor or the number of epochs ends them."""
    parameters = copies(start)
    n = objective.inputs.n_rows
    batch_size = settings.batch_size or max(256, n // 50)
    generator = torch.Generator().manual_seed(settings.seed)
    learning_rate, n_epochs = settings.learning_rate, 0
    if state is not None:
        parameters = copies(group_of(state, "parameters"))
        generator.set_state(state["generator"].cpu())
        learning_rate, n_epochs = float(state["learning_rate"]), int(state["n_epochs"])
        step.restore(group_of(state, "step"))
    for n_before in range(n_epochs, settings.max_epochs):
        order = torch.randperm(n, generator=generator).to(objective.weight.device)
        loss = value = squared_norm = objective.weight.new_zeros(())
        mean_gradient = {name: torch.zeros_like(p) for name, p in parameters.items()}
        for rows in order.split(batch_size):
            fraction = len(rows) / n
            batch_value, batch_loss, gradient = objective.batch(rows).value_and_gradient(parameters)
            loss, value = loss + fraction * batch_loss, value + fraction * batch_value
            squared_norm = squared_norm + fraction * sum(g.square().sum() for g in gradient.values())
            for name, g in gradient.items():
                mean_gradient[name] += fraction * g
            step(parameters, gradient, learning_rate)
            for name in objective.model.bounded:
                parameters[name].clamp_(min=0)
        learning_rate *= settings.lr_decay
        seen = copies(parameters)
        state_now = partial(state_of, seen, generator, learning_rate, n_before + 1, step)
        found = fetched(loss=loss, value=value, **gradient_statistics(mean_gradient, squared_norm))
        if monitor(Epoch(found.pop("loss"), found.pop("value"), mean_gradient, found, seen, state_now)):
            break
    return parameters


def state_of(
    parameters: Parameters, generator: torch.Generator, learning_rate: float, n_epochs: int, step: SGDStep
) -> State:
    """Return the state after an epoch."""
    return {
        "generator": generator.get_state(),
        "learning_rate": numbers(learning_rate),
        "n_epochs": numbers(n_epochs),
        **grouped(parameters=parameters, step=step.state()),
    }


def copies(parameters: Parameters) -> Parameters:
    """Return copies that no step changes."""
    return {name: value.clone() for name, value in parameters.items()}
