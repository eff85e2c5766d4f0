"""Solvers by name."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import Pair, SolverSettings, Watch, never
from sklearn_mrtl.core.solvers.lbfgs import lbfgs
from sklearn_mrtl.core.solvers.minibatch import adam, sgd

SOLVERS = {"lbfgs": lbfgs, "adam": adam, "sgd": sgd}


def solve(
    objective: Objective, start: Parameters, settings: SolverSettings, watch: Watch = never, pairs: Sequence[Pair] = ()
) -> tuple[Parameters, list[Pair]]:
    """Opt of Algorithm 1 until its stopping criterion is true.

    Parameters
    ----------
    pairs : sequence of Pair
        Steps and changes of gradient of an earlier level, carried to this one; only "lbfgs" has use for them.

    Returns
    -------
    parameters : Parameters
    pairs : list of Pair
        To be carried to the next level.
    """
    return SOLVERS[settings.name](objective, start, settings, watch, pairs)
