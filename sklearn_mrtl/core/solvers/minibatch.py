"""Solvers that take mini-batches, with the paper's decay of the learning rate.

Their steps are written out because torch.optim imports much of torch when it is first used, inside a user's fit: Ctrl-C
there would leave torch half imported for the rest of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import CurvaturePair, Epoch, Monitor, SolverSettings, never

Step = Callable[[Parameters, Parameters, float], None]  # parameters, gradient, learning rate


def adam(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    pairs: Sequence[CurvaturePair] = (),
) -> tuple[Parameters, list[CurvaturePair]]:
    """Minimize by Adam (Kingma and Ba 2014)."""
    return descend(objective, start, settings, monitor, AdamStep(start)), []


def sgd(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    pairs: Sequence[CurvaturePair] = (),
) -> tuple[Parameters, list[CurvaturePair]]:
    """Minimize by stochastic gradient descent."""
    return descend(objective, start, settings, monitor, sgd_step), []


def sgd_step(parameters: Parameters, gradient: Parameters, learning_rate: float) -> None:
    """Move parameters against their gradient."""
    for name, value in parameters.items():
        value.sub_(gradient[name], alpha=learning_rate)


class AdamStep:
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
            value.addcdiv_(mean, square.sqrt().div_(second**0.5).add_(self.eps), value=-learning_rate / first)


def descend(
    objective: Objective, start: Parameters, settings: SolverSettings, monitor: Monitor, step: Step
) -> Parameters:
    """Take epochs of mini-batches in random order until the monitor or the number of epochs ends them."""
    parameters = {name: value.clone() for name, value in start.items()}
    n = objective.inputs.n_rows
    batch_size = settings.batch_size or max(256, n // 50)
    generator = torch.Generator().manual_seed(settings.seed)
    learning_rate = settings.learning_rate
    for _ in range(settings.max_epochs):
        order = torch.randperm(n, generator=generator).to(objective.weight.device)
        loss: Tensor | float = 0.0
        value: Tensor | float = 0.0
        squared_norm: Tensor | float = 0.0
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
        seen = {name: p.clone() for name, p in parameters.items()}
        if monitor(Epoch(float(loss), float(value), mean_gradient, float(squared_norm), seen)):
            break
    return parameters
