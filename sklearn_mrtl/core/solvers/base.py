"""What every solver takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters

CONVERGENCE = 4e-3  # tighter gains 0.00005 of log loss on real shots, nothing on the ocean, for half the time more
Watch = Callable[[Tensor, Tensor, Parameters, Parameters], bool]
Pair = tuple[Parameters, Parameters]  # a step, and how the gradient changed along it


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
