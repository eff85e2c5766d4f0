"""Choice of the rank and of the penalties' strengths by block cross-validation on the coarsest grid.

Both penalties are means over the entries of W: what is best on the coarsest grid means the same on every other one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import AnySamples
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import Rank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Term
from sklearn_mrtl.core.penalties.fellner_schall import EACH
from sklearn_mrtl.core.penalties.folds import make_blocks
from sklearn_mrtl.core.penalties.options import ignore
from sklearn_mrtl.core.penalties.strengths import can_be_judged, select_alphas
from sklearn_mrtl.core.penalties.tensor_ranks import TensorRanks
from sklearn_mrtl.core.penalties.term_choice import choose_term_strengths
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings, Settings


@dataclass(frozen=True, eq=False)
class Choice:
    """The settings of the phases with their strengths, the rank, and what is known of the model at them.

    Attributes
    ----------
    phases : dict of str to PhaseSettings
    rank : int, tuple of int or None
    path : list of dict
        alpha_spatial, alpha_l2 and cross-validated error of all that was tried; of the low-rank model also the rank and
        the "fraction" of the full-rank model's strengths.
    start : Parameters or None
        A good start of the full-rank model on the coarsest level.
    terms : tuple of Term
        Of a sum, with their strengths.
    degrees_of_freedom : dict of str to float
        Effective number of parameters of each term on the coarsest level.
    """

    phases: dict[str, PhaseSettings]
    rank: Rank | None = None
    path: list[dict] = field(default_factory=list)
    start: Parameters | None = None
    terms: tuple[Term, ...] = ()
    degrees_of_freedom: dict[str, float] = field(default_factory=dict)


def choose(
    samples: AnySamples, coarsest: Shapes, phases: Sequence[str], settings: Settings,
    expect: Callable[[float], None] = ignore,
) -> Choice:  # fmt: skip
    """Choose the rank and the strengths that the settings leave open.

    Parameters
    ----------
    samples : Samples or BlockSamples
        In the order of their rows.
    coarsest : shapes
    phases : sequence of str
        In which the model will be trained.
    settings : Settings
    expect : callable
        Called once, early on, with about how many seconds the choice takes.
    """
    settings = replace(settings, choice=replace(settings.choice, expect=only_once(expect)))
    low, full, options = settings.low_rank, settings.full_rank, settings.choice
    if settings.terms:
        of_terms = choose_term_strengths(samples, coarsest, settings)
        both = {FULL_RANK: full.with_default(EACH), LOW_RANK: low.with_default(EACH)}
        degrees = of_terms.degrees_of_freedom
        return Choice(both, None, of_terms.path, of_terms.start, of_terms.terms, degrees)
    has_strengths, ranks = None not in low.alphas, settings.ranks_to_try
    if has_strengths and len(ranks) < 2:
        return Choice({FULL_RANK: full.with_default(low.alphas), LOW_RANK: low}, settings.rank)
    blocks, part = make_blocks(samples, coarsest, options)
    model = FullRank(make_axes(blocks.inputs, blocks.n_outputs, settings.sigma, blocks.weight, blocks.target))
    spatial, l2 = (None if alpha is None else alpha / part for alpha in (low.alpha_spatial, low.alpha_l2))
    selection = select_alphas(model, blocks, settings.loss, spatial, l2, options)
    rank, fraction, path = ranks[0] if ranks else None, 1.0, selection.path
    is_chosen = len(ranks) > 1 or (FULL_RANK in phases and not has_strengths)
    if LOW_RANK in phases and is_chosen and can_be_judged(blocks, options):
        low_rank = DECOMPOSITIONS[settings.decomposition](model.axes, settings.nonnegative)
        fractions = [1.0] if has_strengths else options.fractions
        choice = TensorRanks(
            model, low_rank, blocks, selection, settings.loss, ranks, fractions, options, settings.seed
        )
        rank, fraction = choice.choose()
        path = path + choice.path
    alphas = selection.alphas.times(part)
    chosen = {FULL_RANK: full.with_default(alphas), LOW_RANK: low.with_default(alphas.times(fraction))}
    path = [{**tried, **{name: part * tried[name] for name in ("alpha_spatial", "alpha_l2")}} for tried in path]
    return Choice(chosen, rank, path, selection.start if full.solver.name == "lbfgs" else None)


def only_once(expect: Callable[[float], None]) -> Callable[[float], None]:
    """Return a function that passes its first call on, and ignores the others."""
    seen: list[float] = []

    def once(seconds: float) -> None:
        if not seen:
            seen.append(seconds)
            expect(seconds)

    return once
