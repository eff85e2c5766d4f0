"""Opt of Algorithm 1: the solvers by name, and the exact solution where there is one."""

from __future__ import annotations

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import AnySamples, BlockSamples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective, View
from sklearn_mrtl.core.solvers import block_ridge, ridge
from sklearn_mrtl.core.solvers.base import Epoch, Monitor, SolverSettings, State, fetched, never
from sklearn_mrtl.core.solvers.coarse_fields import CoarseFields
from sklearn_mrtl.core.solvers.gauss_newton import gauss_newton
from sklearn_mrtl.core.solvers.lbfgs import lbfgs
from sklearn_mrtl.core.solvers.linearized import linearize
from sklearn_mrtl.core.solvers.minibatch import adam, sgd
from sklearn_mrtl.core.stopping import gradient_statistics

SOLVERS = {"lbfgs": lbfgs, "adam": adam, "sgd": sgd}


def solve(
    objective: Objective,
    start: Parameters,
    settings: SolverSettings,
    monitor: Monitor = never,
    state: State | None = None,
    view: View | None = None,
    known: dict[Shapes, CoarseFields] | None = None,
) -> Parameters:
    """Take steps until the monitor or the solver itself ends them.

    Parameters
    ----------
    state : State or None
        After an earlier epoch from the same start; the solver goes on with the next one.
    view : Inputs, BlockSamples or None
        The objective's inputs at a coarser level; Gauss-Newton steps make theirs from it.
    known : dict of Shapes to CoarseFields, or None
        Coarse fields of the same samples from earlier fits, to which new ones are added.
    """
    if settings.name == "lbfgs" and settings.newton:
        linearization = linearize(objective, start, view, known)
        if linearization is not None:
            return gauss_newton(objective, start, linearization, settings, monitor, state)
    return SOLVERS[settings.name](objective, start, settings, monitor, state)


def solves_exactly(objective: Objective, samples: AnySamples, settings: SolverSettings, largest: int) -> bool:
    """Return whether the objective is a ridge regression whose system has at most `largest` rows."""
    model = objective.model
    if not isinstance(model, FullRank) or objective.loss is not SquaredLoss or settings.name != "lbfgs":
        return False
    return ridge.is_affordable(model, samples, largest)


def solve_exactly(objective: Objective, samples: AnySamples, monitor: Monitor = never) -> Parameters:
    """Return the minimizer of a ridge regression."""
    if not isinstance(objective.model, FullRank):
        raise TypeError(f"only full-rank models are solved exactly, got {type(objective.model).__name__}.")
    design: ridge.RidgeDesign
    if not isinstance(samples, BlockSamples):
        design = ridge.RidgeDesign(objective.model, samples)
    elif block_ridge.has_few_weights(objective.model):
        design = block_ridge.BlockRidgeDesign(objective.model, samples)
    else:  # few distinct rows
        design = ridge.RidgeDesign(objective.model, samples.merged_at_hand())
    solution = design.solve(objective.alphas, samples.weight)
    value, loss, gradient = objective.value_and_gradient(solution)
    found = fetched(loss=loss, value=value, **gradient_statistics(gradient))
    monitor(Epoch(found.pop("loss"), found.pop("value"), gradient, found, solution))
    return solution
