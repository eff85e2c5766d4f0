"""Choice of the ranks of a sum's terms, and of the fraction of their strengths, on blocks that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sklearn_mrtl.core.models.base import Alphas, Parameters, intercept_of
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Sum, Term, full_rank_sum
from sklearn_mrtl.core.penalties.fellner_schall import EACH, Estimate
from sklearn_mrtl.core.penalties.folds import Folds
from sklearn_mrtl.core.penalties.ranks import NOTHING, RankChoice, RankTrial
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.sketches import with_sketches

EMPTYING = 1e6  # factor of the strengths of terms of low rank that gain nothing
STRONGER = (1000.0, 100.0, 10.0)  # factors tried of strengths that were not estimated, with fractions


def choose_low_rank(
    estimate: Estimate, terms: Sequence[Term], folds: Folds, fits: list[Parameters], factor: float, settings: Settings
) -> tuple[RankTrial[Sum], list[dict]]:
    """Choose the ranks that are open, and the fraction of the strengths for terms of low rank.

    Terms of low rank that gain too little on the sum without them are emptied. So are sketched terms that have no
    others beside them and gain too little on a constant: sketches can find nothing.

    Parameters
    ----------
    estimate : Estimate
        Of the terms that have a full-rank start.
    terms : sequence of Term
        All of them, with strengths.

    Returns
    -------
    best : RankTrial
    path : list of dict
        What was tried.
    """
    asked = [term for term in settings.terms if term.rank is not None]
    is_open = not all(term.strengths.known for term in asked)
    if not is_open and not any(term.ranks for term in asked):
        return RankTrial(0, 1.0, folds.null_losses(), estimate.model), []
    alphas = EACH.times(factor)
    nothing = without_low_rank(estimate, folds, fits, alphas) if is_open else None
    choice = TermRanks(estimate, terms, folds, fits, alphas, settings, nothing)
    best = choice.best()
    return best if best.is_empty else replace(best, fraction=choice.fraction_of(best)), choice.path


def without_low_rank(estimate: Estimate, folds: Folds, fits: list[Parameters], alphas: Alphas) -> RankTrial[Sum] | None:
    """Return the trial of the terms of full rank alone.

    Where there are none, it is that of a constant if all terms are sketched, and None otherwise.
    """
    kept = [term for term in estimate.terms if term.rank is None]
    if not kept and estimate.terms:
        return None
    model = full_rank_sum(estimate.model.axes, kept)
    fits = [{**{name: fit[name] for name in model.parameter_axes}, **intercept_of(fit)} for fit in fits]
    if len(kept) < len(estimate.terms):
        fits = folds.train(model, alphas, fits)
    return RankTrial(NOTHING, EMPTYING, folds.left_out_losses(model, fits), model)


class TermRanks(RankChoice[Sum]):
    """Sums of full-rank and low-rank terms on folds, which start from the full-rank sum of each fold.

    Parameters
    ----------
    estimate : Estimate
        Of the terms that have a full-rank start.
    terms : sequence of Term
        All of them, with strengths. Their ranks are chosen together, by their positions among those to try.
    folds : Folds
    fits : list of Parameters
        Of the full-rank sum, one for each fold.
    alphas : Alphas
        Factor of all strengths.
    settings : Settings
    nothing : RankTrial or None
    """

    def __init__(
        self, estimate: Estimate, terms: Sequence[Term], folds: Folds, fits: list[Parameters], alphas: Alphas,
        settings: Settings, nothing: RankTrial[Sum] | None,
    ):  # fmt: skip
        fractions = (*(STRONGER if any(t.sketched for t in terms) else ()), *settings.choice.fractions)
        n_ranks = max(1, *(len(term.ranks) for term in terms))
        super().__init__(folds, n_ranks, fractions, settings.choice, nothing)
        self.estimate, self.terms, self.fits, self.settings = estimate, terms, fits, settings
        self.alphas = alphas
        if nothing is not None:
            self.path.append({**self.described(nothing), "fraction": nothing.fraction, "error": nothing.error})

    def start(
        self, position: int, smaller: RankTrial[Sum] | None, folds: range
    ) -> tuple[Sum, list[Parameters]]:  # fmt: skip
        """Return the sum from which the folds' fits start: terms of full rank are decomposed, sketches are added.

        Where all terms of low rank are sketched, the sketches go on from the fits of a smaller rank.
        """
        terms, settings = [term.with_rank(position) for term in self.terms], self.settings
        model = full_rank_sum(self.estimate.model.axes, [term for term in terms if not term.sketched])
        fits, kind = self.fits, DECOMPOSITIONS[settings.decomposition]
        if smaller is not None and smaller.fits and all(term.sketched or term.rank is None for term in terms):
            model, fits = smaller.model, smaller.fits
        starts = []
        for fold in folds:
            whole, start = with_sketches(model, fits[fold], terms, self.folds.training[fold], settings)
            starts.append(whole.decomposed(start, kind, settings.nonnegative, settings.seed))
        return starts[0][0], [parameters for _, parameters in starts]

    def train(
        self, model: Sum, fraction: float, fits: list[Parameters], folds: range
    ) -> tuple[Sum, list[Parameters]]:  # fmt: skip
        tried = Sum(model.axes, [replace(term, fraction=fraction) for term in model.terms], model.models)
        return tried, self.folds.train(tried, self.alphas, fits, folds)

    def described(self, trial: RankTrial[Sum]) -> dict:
        return {"rank": {term.name: term.rank for term in trial.model.terms if term.rank is not None}}
