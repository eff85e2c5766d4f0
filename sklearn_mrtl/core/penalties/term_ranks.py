"""Choice of the ranks of a sum's terms, and of the fraction of their strengths, on blocks that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters, intercept_of
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Sum, Term, full_rank_sum
from sklearn_mrtl.core.penalties.comparison import is_gain, is_within, strongest_within
from sklearn_mrtl.core.penalties.fellner_schall import EACH, Estimate
from sklearn_mrtl.core.penalties.folds import Folds
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.sketches import with_sketches

EMPTYING = 1e6  # factor of the strengths of terms of low rank that gain nothing
COARSE_STEP = 2  # of the fractions tried for the smallest rank: half decades are for the rank that is chosen
STRONGER = (1000.0, 100.0, 10.0)  # factors tried of strengths that were not estimated, with fractions
# Paired standard errors by which terms of low rank must gain: the best of several trials gains by luck. By judgement,
# after test scores of tracking frames had been seen.
EMPTY_TIE = 2.0
MIN_GAIN = 1e-3  # of what is explained: less is no gain


@dataclass(frozen=True, eq=False)
class LowRankTrial:
    """A position among the ranks, the best fraction of the strengths for it, and the errors on each left-out block.

    Attributes
    ----------
    position : int
    fraction : float
    errors : Tensor of shape (B,)
    model, fits : Sum, list of Parameters
        Of each fold.
    """

    position: int
    fraction: float
    errors: Tensor
    model: Sum
    fits: list[Parameters] = field(default_factory=list)

    @property
    def error(self) -> float:
        """Mean over the blocks."""
        return float(self.errors.mean())

    @property
    def is_empty(self) -> bool:
        """Whether terms of low rank are left out."""
        return self.fraction == EMPTYING


def choose_low_rank(
    estimate: Estimate, terms: Sequence[Term], folds: Folds, fits: list[Parameters], factor: float, settings: Settings
) -> tuple[LowRankTrial, list[dict]]:
    """Choose the ranks that are open, and the fraction of the strengths for terms of low rank.

    Larger and larger ranks are tried, for all terms together, as long as they gain on left-out blocks. Terms of low
    rank that gain less than two paired standard errors on the sum without them are emptied. So are sketched terms that
    have no others beside them and gain less than that on a constant: sketches can find nothing.

    Parameters
    ----------
    estimate : Estimate
        Of the terms that have a full-rank start.
    terms : sequence of Term
        All of them, with strengths.

    Returns
    -------
    best : LowRankTrial
    path : list of dict
        What was tried.
    """
    asked = [term for term in settings.terms if term.rank is not None]
    is_open = not all(term.strengths.known for term in asked)
    if not is_open and not any(term.ranks for term in asked):
        return LowRankTrial(0, 1.0, folds.null_losses(), estimate.model), []
    choice = LowRankChoice(estimate, terms, folds, fits, factor, settings)
    empty = choice.without_low_rank() if is_open else None
    best = empty if estimate.terms else None
    smaller, n_worse = best, 0
    for position in range(max(1, max(len(term.ranks) for term in terms))):
        smaller = larger = choice.of_rank(position, smaller, best)
        if best is None or choice.gains(larger, best):
            best, n_worse = larger, 0
        else:
            n_worse += 1
        if n_worse == 2:
            break
    assert best is not None
    best = best if best.is_empty else choice.refined(best)
    if empty is not None and not estimate.terms and not choice.gains(best, empty):
        best = empty
    return replace(best, fraction=choice.fraction_of(best)), choice.path


class LowRankChoice:
    """Sums of full-rank and low-rank terms on folds, which start from the full-rank sum of each fold.

    Parameters
    ----------
    estimate : Estimate
        Of the terms that have a full-rank start.
    terms : sequence of Term
        All of them, with strengths.
    folds : Folds
    fits : list of Parameters
        Of the full-rank sum, one for each fold.
    factor : float
        Of all strengths.
    settings : Settings

    Attributes
    ----------
    path : list of dict
        rank, fraction and cross-validated error of all that was tried.
    """

    def __init__(
        self, estimate: Estimate, terms: Sequence[Term], folds: Folds, fits: list[Parameters], factor: float,
        settings: Settings,
    ):  # fmt: skip
        self.estimate, self.terms, self.folds, self.fits, self.settings = estimate, terms, folds, fits, settings
        self.alphas, self.null = EACH.times(factor), folds.null_loss()
        self.path: list[dict] = []
        self.errors: dict[int, dict[float, Tensor]] = {}  # by position and fraction

    def without_low_rank(self) -> LowRankTrial | None:
        """Return the trial of the terms of full rank alone.

        Where there are none, it is that of a constant if all terms are sketched, and None otherwise.
        """
        kept = [term for term in self.estimate.terms if term.rank is None]
        if not kept and self.estimate.terms:
            return None
        model = full_rank_sum(self.estimate.model.axes, kept)
        names = model.parameter_axes
        fits = [{**{name: fit[name] for name in names}, **intercept_of(fit)} for fit in self.fits]
        if len(kept) < len(self.estimate.terms):
            fits = self.folds.train(model, self.alphas, fits)
        trial = LowRankTrial(0, EMPTYING, self.folds.left_out_losses(model, fits), model)
        self.path.append({"rank": {}, "fraction": EMPTYING, "error": trial.error})
        return trial

    def of_rank(self, position: int, smaller: LowRankTrial | None, best: LowRankTrial | None) -> LowRankTrial:
        """Return the best trial of a rank.

        The first rank tries weaker and weaker penalties, in large steps; a larger one those of the smaller rank, and
        stronger ones if it does not gain with them. Sketched terms, whose strengths were not estimated, try stronger
        ones too where weaker ones do not help.
        """
        model, fits = self.start(position, smaller)
        fractions = self.fractions(model)
        if smaller is None or smaller.is_empty:
            first = fractions.index(1.0)
            trials = self.walk(position, model, fits, fractions[first::COARSE_STEP])
            if len(trials) == 2:
                trials += self.walk(position, model, trials[0].fits, fractions[:first][::-1], trials[0])
        else:
            at = fractions.index(smaller.fraction)
            trials = self.walk(position, model, fits, fractions[at : at + 1])
            if best is None or not self.gains(trials[0], best):
                trials += self.walk(position, model, trials[0].fits, fractions[:at][::-1], trials[0])
        return self.strongest_of_best(trials)

    def walk(
        self, position: int, model: Sum, fits: list[Parameters], fractions: Sequence[float],
        before: LowRankTrial | None = None,
    ) -> list[LowRankTrial]:  # fmt: skip
        """Try fractions in turn, each from the fits of the last one, until the left-out loss does not fall."""
        trials: list[LowRankTrial] = []
        ranks = {term.name: term.rank for term in model.terms if term.rank is not None}
        for fraction in fractions:
            tried = Sum(model.axes, [replace(term, fraction=fraction) for term in model.terms], model.models)
            fits = self.folds.train(tried, self.alphas, fits)
            trial = LowRankTrial(position, fraction, self.folds.left_out_losses(tried, fits), tried, fits)
            self.errors.setdefault(position, {})[fraction] = trial.errors
            self.path.append({"rank": ranks, "fraction": fraction, "error": trial.error})
            trials.append(trial)
            if before is not None and not trial.error < before.error - gain(self.null, trial.error):
                break
            before = trial
        return trials

    def refined(self, trial: LowRankTrial) -> LowRankTrial:
        """Try the fractions beside that of a trial, as long as the left-out loss falls."""
        fractions, tried = self.fractions(trial.model), self.errors[trial.position]
        at, trials = fractions.index(trial.fraction), [trial]
        for further in (fractions[at + 1 :], fractions[:at][::-1]):
            if further and further[0] not in tried:
                trials += self.walk(trial.position, trial.model, trial.fits, further, trial)
        return self.strongest_of_best(trials)

    def fractions(self, model: Sum) -> tuple[float, ...]:
        """Return the fractions to try, descending; those above 1 are for sketched terms."""
        return (*(STRONGER if any(term.sketched for term in model.terms) else ()), *self.settings.choice.fractions)

    def strongest_of_best(self, trials: Sequence[LowRankTrial]) -> LowRankTrial:
        """Return the trial with the strongest penalties of those that tie with the best one."""
        best, tie = min(trials, key=lambda trial: trial.error), self.settings.choice.tie
        return max((t for t in trials if t is best or is_within(t.errors, best.errors, tie)), key=lambda t: t.fraction)

    def start(self, position: int, smaller: LowRankTrial | None) -> tuple[Sum, list[Parameters]]:
        """Return the sum from which the folds' fits start: terms of full rank are decomposed, sketches are added.

        Where all terms of low rank are sketched, the sketches go on from the fits of a smaller rank.
        """
        terms, settings = [term.with_rank(position) for term in self.terms], self.settings
        model = full_rank_sum(self.estimate.model.axes, [term for term in terms if not term.sketched])
        fits, kind = self.fits, DECOMPOSITIONS[settings.decomposition]
        if smaller is not None and not smaller.is_empty and all(term.sketched or term.rank is None for term in terms):
            model, fits = smaller.model, smaller.fits
        starts = []
        for fit, samples in zip(fits, self.folds.training, strict=True):
            whole, start = with_sketches(model, fit, terms, samples, settings)
            starts.append(whole.decomposed(start, kind, settings.nonnegative, settings.seed))
        return starts[0][0], [parameters for _, parameters in starts]

    def fraction_of(self, trial: LowRankTrial) -> float:
        """Return the fraction for the rank of a trial, also between those that were tried."""
        return EMPTYING if trial.is_empty else strongest_within(self.errors[trial.position], self.settings.choice.tie)

    def gains(self, larger: LowRankTrial, smaller: LowRankTrial) -> bool:
        """Return whether a larger rank gains enough; more standard errors where the smaller has no low-rank terms."""
        tie = EMPTY_TIE if smaller.is_empty else self.settings.choice.rank_tie
        return is_gain(larger.errors, smaller.errors, gain(self.null, larger.error), tie)


def gain(null: float, error: float) -> float:
    """Return the gain over an error that counts: a part of what is explained."""
    return MIN_GAIN * max(null - error, 0) if error < inf else 0.0
