"""Solvers that take mini-batches."""

from __future__ import annotations

import torch

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.solvers.base import Pair, never


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
