"""Settings, epochs and states, which all solvers have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters

# Levels end within about 1e-3 of what is explained of their optimum; benchmarks/convergence.py measures it.
CONVERGENCE = 1.5e-3

State = dict[str, Tensor]  # all that the steps after an epoch depend on, besides the objective and the settings


@dataclass(frozen=True)
class SolverSettings:
    """Settings of all solvers; each uses those that concern it.

    Attributes
    ----------
    name : {"lbfgs", "adam", "sgd"}
    max_epochs : int
    learning_rate, lr_decay : float
        Learning rate of the first epoch, and its factor after each epoch.
    batch_size : int or None
        None: a fiftieth of the distinct samples, at least 256.
    convergence : float
        "lbfgs" ends when the last three epochs lowered the objective by less than this fraction of what is explained:
        the loss without weights minus the objective, or a hundredth of the objective if that is more. Gauss-Newton
        steps end when the next one is expected to lower it by less than a third of that fraction of what is explained
        or of the objective, whichever is less: where nearly all is explained, models differ in what is not.
    newton : bool
        Whether Gauss-Newton steps take the place of "lbfgs" where the data are fields; see `linearized.linearize`.
    by_factor : bool
        Whether "lbfgs" starts from an inverse Hessian for each factor; see `preconditioner`. To prepare it takes
        milliseconds, which short fits to few rows do not save.
    seed : int
        Of the random order of the batches.
    """

    name: str = "lbfgs"
    max_epochs: int = 100
    learning_rate: float = 0.01
    lr_decay: float = 0.95
    batch_size: int | None = None
    convergence: float = CONVERGENCE
    newton: bool = True
    by_factor: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """One pass over mini-batches, or one step of a solver that uses all samples in each step.

    Attributes
    ----------
    loss, objective : float
        Means over the epoch.
    gradient : Parameters
        Mean over the epoch, E[g_t].
    statistics : dict of str to float
        Of the gradient, see `stopping.gradient_statistics`.
    parameters : Parameters
        At the end of the epoch.
    state : callable or None
        Returns the solver's state after the epoch, from which it takes the same further steps. None: there are none.
    """

    loss: float
    objective: float
    gradient: Parameters
    statistics: dict[str, float]
    parameters: Parameters
    state: Callable[[], State] | None = None


Monitor = Callable[[Epoch], bool]


def never(epoch: Epoch) -> bool:
    """Never end a level: the solver ends it."""
    return False


def fetched(**scalars: Tensor) -> dict[str, float]:
    """Return tensors of one number each as numbers, all at once: for each transfer a program waits for a GPU."""
    return dict(zip(scalars, torch.stack(list(scalars.values())).tolist(), strict=True))


def numbers(*values: float) -> Tensor:
    """Return numbers as an entry of a state."""
    return torch.tensor(values, dtype=torch.float64)


def grouped(**groups: Parameters) -> State:
    """Return one state of several groups of tensors, with names such as "group/name"."""
    return {f"{group}/{name}": value for group, tensors in groups.items() for name, value in tensors.items()}


def group_of(state: State, group: str) -> State:
    """Return the tensors of a group by their own names: the inverse of `grouped`."""
    return {name.split("/", 1)[1]: value for name, value in state.items() if name.split("/", 1)[0] == group}


def flatten(parameters: Parameters) -> Tensor:
    """Return all values as one vector."""
    return torch.cat([value.reshape(-1) for value in parameters.values()])


def unflatten(vector: Tensor, like: Parameters) -> Parameters:
    """Return parameters from one vector: the inverse of `flatten`."""
    pieces = vector.split([value.numel() for value in like.values()])
    return {name: piece.reshape(like[name].shape) for name, piece in zip(like, pieces, strict=True)}
