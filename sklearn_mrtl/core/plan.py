"""The plan of a training: the steps of Algorithm 1 in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK


@dataclass(frozen=True)
class Initialize:
    """Line 1: make the weights that a phase starts from, at a level."""

    level: int
    phase: str


@dataclass(frozen=True)
class Train:
    """Lines 5 to 9, or 17 to 21: take steps until the criterion ends the level."""

    level: int
    phase: str


@dataclass(frozen=True)
class Finegrain:
    """Line 10, or lines 22 to 24: interpolate the weights from the coarser level to this one."""

    level: int


@dataclass(frozen=True)
class Decompose:
    """Line 14: decompose the full-rank weight tensor of a level."""

    level: int


Step = Initialize | Train | Finegrain | Decompose
Plan = Sequence[Step]


def paper_plan(n_levels: int, full_rank_levels: int) -> list[Step]:
    """Return Algorithm 1: full rank on the coarse levels, decompose, low rank from there to the finest.

    Parameters
    ----------
    n_levels : int
        R, or fewer, to end at a coarser level.
    full_rank_levels : int
        r_0; with 0 the low-rank model starts from random factors.
    """
    if full_rank_levels == 0:
        return [Initialize(0, LOW_RANK), *coarse_to_fine(range(n_levels), LOW_RANK)]
    last = full_rank_levels - 1
    return [
        Initialize(0, FULL_RANK),
        *coarse_to_fine(range(full_rank_levels), FULL_RANK),  # lines 4 to 12
        Decompose(last),
        *coarse_to_fine(range(last, n_levels), LOW_RANK),  # lines 16 to 26
    ]


def full_rank_plan(n_levels: int, *, decompose: bool) -> list[Step]:
    """Return the plan of a full-rank model at every level, decomposed at the end or not at all.

    Use it where the low-rank model is no restriction: two modes, and a rank that represents every matrix.
    """
    plan: list[Step] = [Initialize(0, FULL_RANK), *coarse_to_fine(range(n_levels), FULL_RANK)]
    return [*plan, Decompose(n_levels - 1)] if decompose else plan


def coarse_to_fine(levels: Iterable[int], phase: str) -> list[Step]:
    """Return the steps that train at each level, and finegrain between one level and the next."""
    steps: list[Step] = [step for level in levels for step in (Finegrain(level), Train(level, phase))]
    return steps[1:]


def phases_of(plan: Plan) -> list[str]:
    """Return the phases in which a plan trains, in order."""
    return list(dict.fromkeys(step.phase for step in plan if isinstance(step, Train)))
