"""What every solver takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters

# Tighter convergence gains 0.00005 of log loss on real shots, nothing on the ocean, for half the time more.
CONVERGENCE = 4e-3

CurvaturePair = tuple[Parameters, Parameters]  # a step s, and the change y of the gradient along it


@dataclass(frozen=True)
class SolverSettings:
    """Settings of all solvers; each takes what concerns it.

    Attributes
    ----------
    name : {"lbfgs", "adam", "sgd"}
    max_epochs : int
    learning_rate, lr_decay : float
        Step of the first epoch, and its factor after each epoch.
    batch_size : int or None
        None: a fiftieth of the distinct samples, at least 256.
    convergence : float
        "lbfgs" ends when the last three epochs lowered the objective by less than this fraction of what is explained:
        the loss without weights less the objective, or a hundredth of the objective where that is more. It also ends
        when the first step is expected to gain less.
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


@dataclass(frozen=True)
class Epoch:
    """One pass over the samples, or one step of a solver that needs them all.

    Attributes
    ----------
    loss, objective : float
        Means over the epoch.
    gradient : Parameters
        Mean over the epoch, E[g_t].
    gradient_norm : float
        E[||g_t||^2], the mean over mini-batches of the gradient's squared norm.
    parameters : Parameters
        At the end of the epoch.
    """

    loss: float
    objective: float
    gradient: Parameters
    gradient_norm: float
    parameters: Parameters


Monitor = Callable[[Epoch], bool]


def never(epoch: Epoch) -> bool:
    """Let a solver go on to its own end."""
    return False


def flatten(parameters: Parameters) -> Tensor:
    """Return all values as one vector."""
    return torch.cat([value.reshape(-1) for value in parameters.values()])


def unflatten(vector: Tensor, like: Parameters) -> Parameters:
    """Invert `flatten`."""
    pieces = vector.split([value.numel() for value in like.values()])
    return {name: piece.reshape(like[name].shape) for name, piece in zip(like, pieces, strict=True)}
