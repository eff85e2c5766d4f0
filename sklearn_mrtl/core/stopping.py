"""When a level ends (section 4 of the paper): criteria whose rise is a sign that little is left to learn.

Every criterion is a function of an epoch's record (see `monitor.LevelMonitor`); a user's own callable is another.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.solvers.base import flatten

Criterion = Callable[[dict], float]


# E[f_t] on validation data; E[||g_t||^2]; V(E[g_t]) and S(E[g_t]): each an entry of the record of the same name.
CRITERIA: dict[str, Criterion] = {
    name: itemgetter(name) for name in ("validation_loss", "gradient_norm", "gradient_variance", "gradient_entropy")
}


def gradient_statistics(gradient: Parameters, squared_norm: Tensor | None = None) -> dict[str, Tensor]:
    """Return the squared norm of the gradient of an epoch, and variance and entropy of its mean, E[g_t].

    The variance V is that of the entries about their mean. The entropy ``S(p) = - sum_i p_i ln p_i`` is of each entry's
    fraction ``p_i = |g_i| / sum_j |g_j|`` of the sum of magnitudes: it grows as a gradient that pointed somewhere
    becomes noise in all directions.

    Parameters
    ----------
    gradient : Parameters
        Mean over the mini-batches.
    squared_norm : Tensor or None
        E[||g_t||^2], the mean over mini-batches of the gradient's squared norm; None: there is one batch.
    """
    g = flatten(gradient)
    magnitudes = g.abs()
    fractions = magnitudes / magnitudes.sum().clamp(min=torch.finfo(g.dtype).tiny)
    return {
        "gradient_norm": g.square().sum() if squared_norm is None else squared_norm,
        "gradient_variance": g.var(unbiased=False),
        "gradient_entropy": torch.special.entr(fractions).sum(),
    }


class Rises:
    """Count how often a criterion rises by more than tol from one epoch to the next."""

    def __init__(self, criterion: Criterion, tol: float, patience: int):
        self.criterion, self.tol, self.patience = criterion, tol, patience
        self.last, self.count = float("inf"), 0

    def enough(self, record: dict) -> bool:
        """Take note of an epoch; return whether the criterion has risen often enough to end the level."""
        value = self.criterion(record)
        self.count += value - self.last > self.tol
        self.last = value
        return self.count >= self.patience
