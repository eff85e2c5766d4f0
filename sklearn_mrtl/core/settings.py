"""What Algorithm 1 needs to know besides the data and the plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.low_rank import Rank
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
        """Both strengths, once they are known."""
        return Alphas(self.alpha_spatial, self.alpha_l2)

    def with_default(self, alphas: Alphas) -> PhaseSettings:
        """Return the settings with these strengths where none are given."""
        own = (default if own is None else own for own, default in zip(self.alphas, alphas, strict=True))
        return replace(self, **dict(zip(("alpha_spatial", "alpha_l2"), own, strict=True)))


@dataclass(frozen=True)
class Settings:
    """Settings of Algorithm 1.

    Attributes
    ----------
    loss : Loss
    rank : int, tuple of int or None
        K of eq. (2), or one rank for each mode of a Tucker tensor; None where nothing is decomposed.
    full_rank, low_rank : PhaseSettings
    sigma : float or None
        Of eq. (4); None: the squared spacing of the cells.
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
        Ctrl-C ends the training and keeps the weights, once the last phase has had an epoch.
    choice : ChoiceOptions
        How the strengths of penalties are chosen.
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
    choice: ChoiceOptions = field(default_factory=ChoiceOptions)

    @property
    def phases(self) -> dict[str, PhaseSettings]:
        """The settings of each phase by name."""
        return {FULL_RANK: self.full_rank, LOW_RANK: self.low_rank}
