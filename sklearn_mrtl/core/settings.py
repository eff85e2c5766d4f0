"""Settings of Algorithm 1, besides the data and the plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import cast

from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.low_rank import Rank
from sklearn_mrtl.core.models.terms import Term
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.stopping import Criterion

FULL_RANK, LOW_RANK = "full_rank", "low_rank"  # the phases


@dataclass(frozen=True)
class PhaseSettings:
    """How a phase takes steps, and the strengths of its penalties.

    Attributes
    ----------
    alpha_spatial, alpha_l2 : float or None
        None: chosen on the coarsest level.
    """

    solver: SolverSettings
    alpha_spatial: float | None
    alpha_l2: float | None

    @property
    def alphas(self) -> Alphas:
        """Both strengths; those that are not chosen yet are None."""
        return Alphas(cast(float, self.alpha_spatial), cast(float, self.alpha_l2))

    def with_default(self, alphas: Alphas) -> PhaseSettings:
        """Return the settings with these strengths in place of those that are None."""
        spatial = alphas.spatial if self.alpha_spatial is None else self.alpha_spatial
        l2 = alphas.l2 if self.alpha_l2 is None else self.alpha_l2
        return replace(self, alpha_spatial=spatial, alpha_l2=l2)


@dataclass(frozen=True)
class Settings:
    """Settings of Algorithm 1.

    Attributes
    ----------
    loss : Loss
    rank : int, tuple of int or None
        K of eq. (2), or one rank for each mode of a Tucker tensor; None: there is none, or it is to be chosen.
    full_rank, low_rank : PhaseSettings
    sigma : float or None
        Of eq. (4); None: the squared distance of neighbouring cells.
    decomposition : str
        A name in `models.registry.DECOMPOSITIONS`.
    nonnegative : collection of str or None
        Names of the modes whose factors must not be negative; None names the outputs.
    criterion : callable or None
        None: a level ends when the solver does.
    patience, tol : int, float
        A level ends when the criterion has risen by more than `tol` `patience` times.
    seed : int
        Of random factors.
    keep_interrupted : bool
        Whether Ctrl-C ends the training and keeps the weights, once the last phase has had an epoch.
    terms : tuple of Term
        Of a sum of weight tensors; empty: one tensor of all modes.
    ranks : tuple of Rank
        Ranks to choose from, ascending; empty where `rank` is given.
    keeps_full_rank : bool
        Whether the terms of a sum have full rank in the phase of that name, as was asked for, even if the choice of
        the rank has fits of low rank.
    rows_per_weight : float
        Effective number of rows over the sum of their weights, from which strengths of terms are estimated.
    choice : ChoiceOptions
        How the rank and the strengths of penalties are chosen.
    """

    loss: Loss
    rank: Rank | None
    full_rank: PhaseSettings
    low_rank: PhaseSettings
    sigma: float | None
    decomposition: str = "cp"
    nonnegative: Collection[str | None] = frozenset()
    criterion: Criterion | None = None
    patience: int = 1
    tol: float = 0.0
    seed: int = 0
    keep_interrupted: bool = False
    terms: tuple[Term, ...] = ()
    ranks: tuple[Rank, ...] = ()
    keeps_full_rank: bool = False
    rows_per_weight: float = 1.0
    choice: ChoiceOptions = field(default_factory=ChoiceOptions)

    @property
    def ranks_to_try(self) -> tuple[Rank, ...]:
        """The ranks to choose from, or the one that is given; none where no model is of low rank."""
        return self.ranks or (() if self.rank is None else (self.rank,))

    @property
    def required_rank(self) -> Rank:
        """The rank of the low-rank model."""
        if self.rank is None:
            raise ValueError("a plan with a low-rank model needs a rank, got None.")
        return self.rank

    @property
    def phases(self) -> dict[str, PhaseSettings]:
        """The settings of each phase by name."""
        return {FULL_RANK: self.full_rank, LOW_RANK: self.low_rank}
