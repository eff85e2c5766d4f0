"""When to finegrain (section 4 of the paper): numbers whose rise ends a level.

Every criterion is a function of an epoch's record (see `algorithm.Watch`); a user's own callable is one too.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters

Criterion = Callable[[dict], float]

CRITERIA: dict[str, Criterion] = {
    "validation_loss": lambda record: record["validation_loss"],
    "gradient_norm": lambda record: record["gradient_norm"] ** 2,
    "gradient_variance": lambda record: record["gradient_variance"],
    "gradient_entropy": lambda record: record["gradient_entropy"],
}


def gradient_statistics(gradient: Parameters) -> dict[str, float]:
    """Norm, variance and entropy of a gradient averaged over an epoch, E[g_t].

    The norm is the Euclidean one (the criterion compares its square), the variance V that of the entries about their
    mean. The entropy ``S(p) = - sum_i p_i ln p_i`` is of the shares ``p_i = |g_i| / sum_j |g_j|`` of the entries in the
    sum of magnitudes: it grows as a gradient that pointed somewhere becomes noise in all directions.
    """
    g = flatten(gradient)
    magnitudes = g.abs()
    shares = magnitudes / magnitudes.sum().clamp(min=torch.finfo(g.dtype).tiny)
    return {
        "gradient_norm": float(g.norm()),
        "gradient_variance": float(g.var(unbiased=False)),
        "gradient_entropy": float(torch.special.entr(shares).sum()),
    }


class Rises:
    """Counts how often a number has risen by more than tol from one epoch to the next."""

    def __init__(self, criterion: Criterion, tol: float, patience: int):
        self.criterion, self.tol, self.patience = criterion, tol, patience
        self.last, self.count = float("inf"), 0

    def enough(self, record: dict) -> bool:
        """Take note of an epoch; whether it was the last."""
        value = self.criterion(record)
        self.count += value - self.last > self.tol
        self.last = value
        return self.count >= self.patience


def flatten(parameters: Parameters) -> Tensor:
    """All values as one vector."""
    return torch.cat([value.reshape(-1) for value in parameters.values()])


def unflatten(vector: Tensor, like: Parameters) -> Parameters:
    """The inverse of `flatten`."""
    pieces = vector.split([value.numel() for value in like.values()])
    return {name: piece.reshape(like[name].shape) for name, piece in zip(like, pieces, strict=True)}
