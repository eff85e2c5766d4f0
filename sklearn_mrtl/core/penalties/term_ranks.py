"""Choice of the ranks of a sum's terms, and of the fraction of their strengths, on blocks that were left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters, intercept_of
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Sum, full_rank_sum
from sklearn_mrtl.core.penalties.comparison import is_within, strongest_within
from sklearn_mrtl.core.penalties.fellner_schall import EACH, Estimate
from sklearn_mrtl.core.penalties.folds import Folds
from sklearn_mrtl.core.settings import Settings

EMPTYING = 1e6  # factor of the strengths of terms of low rank that gain nothing
MIN_GAIN = 1e-3  # of what is explained: less is no gain


def choose_low_rank(
    estimate: Estimate, folds: Folds, fits: list[Parameters], factor: float, settings: Settings
) -> tuple[int, float, list[dict]]:
    """Choose the ranks that are open, and the fraction of the strengths for terms of low rank.

    Larger and larger ranks are tried, for all terms together, as long as they gain on left-out blocks. Terms of low
    rank that gain less than a paired standard error on the sum without them are emptied.

    Returns
    -------
    position : int
        Among the ranks of each term.
    fraction : float
    path : list of dict
    """
    if all(term.rank is None for term in estimate.terms):
        return 0, 1.0, []
    choice = LowRankChoice(estimate, folds, fits, factor, settings)
    is_open = all(term.rank is None or not term.strengths.known for term in settings.terms)
    best = choice.without_low_rank() if is_open else None
    n_worse = 0
    for position in range(max(1, max(len(term.ranks) for term in estimate.terms))):
        larger = choice.best_fraction(position, 1.0 if best is None else best.fraction)
        if best is None or choice.gains(larger, best):
            best, n_worse = larger, 0
        else:
            n_worse += 1
        if n_worse == 2:
            break
    assert best is not None
    return best.position, choice.fraction_of(best), choice.path


@dataclass(frozen=True, eq=False)
class LowRankTrial:
    """A position among the ranks, the best fraction of the strengths for it, and the errors on each left-out block."""

    position: int
    fraction: float
    errors: Tensor  # (B,)


class LowRankChoice:
    """Sums of full-rank and low-rank terms on folds, which start from the full-rank sum of each fold.

    Parameters
    ----------
    estimate : Estimate
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

    def __init__(self, estimate: Estimate, folds: Folds, fits: list[Parameters], factor: float, settings: Settings):
        self.estimate, self.folds, self.fits, self.settings = estimate, folds, fits, settings
        self.alphas, self.null = EACH.times(factor), folds.null_loss()
        self.path: list[dict] = []
        self.errors: dict[int, dict[float, Tensor]] = {}  # by position and fraction

    def without_low_rank(self) -> LowRankTrial | None:
        """Return the trial of the terms of full rank alone; None where there are none."""
        kept = [term for term in self.estimate.terms if term.rank is None]
        if not kept:
            return None
        model = full_rank_sum(self.estimate.model.axes, kept)
        names = model.parameter_axes
        fits = [{**{name: fit[name] for name in names}, **intercept_of(fit)} for fit in self.fits]
        fits = self.folds.train(model, self.alphas, fits)
        errors = self.folds.left_out_losses(model, fits)
        self.path.append({"rank": {}, "fraction": EMPTYING, "error": float(errors.mean())})
        return LowRankTrial(0, EMPTYING, errors)

    def best_fraction(self, position: int, fraction_before: float) -> LowRankTrial:
        """Try weaker and weaker penalties, as long as the left-out loss falls; return the strongest of the best."""
        settings, options = self.settings, self.settings.choice
        terms = [term.with_rank(position) for term in self.estimate.terms]
        ranks = {term.name: term.rank for term in terms if term.rank is not None}
        start, kind = full_rank_sum(self.estimate.model.axes, terms), DECOMPOSITIONS[settings.decomposition]
        decomposed = [start.decomposed(fit, kind, settings.nonnegative, settings.seed) for fit in self.fits]
        model, fits = decomposed[0][0], [parameters for _, parameters in decomposed]
        trials: list[LowRankTrial] = []
        for fraction in options.fractions[steps_before(fraction_before, options.fractions) :]:
            weaker = Sum(model.axes, [replace(term, fraction=fraction) for term in terms], model.models)
            fits = self.folds.train(weaker, self.alphas, fits)
            trials.append(LowRankTrial(position, fraction, self.folds.left_out_losses(weaker, fits)))
            self.errors.setdefault(position, {})[fraction] = trials[-1].errors
            error = float(trials[-1].errors.mean())
            self.path.append({"rank": ranks, "fraction": fraction, "error": error})
            if len(trials) > 1 and not error < float(trials[-2].errors.mean()) - gain(self.null, error):
                break
        best = min(trials, key=lambda trial: float(trial.errors.mean()))
        return next(t for t in trials if t is best or is_within(t.errors, best.errors, options.tie))

    def fraction_of(self, trial: LowRankTrial) -> float:
        """Return the fraction for the rank of a trial, also between those that were tried."""
        if trial.fraction == EMPTYING:
            return EMPTYING
        return strongest_within(self.errors[trial.position], self.settings.choice.tie)

    def gains(self, larger: LowRankTrial, smaller: LowRankTrial) -> bool:
        """Return whether a larger rank gains enough; on no low-rank terms at all, more than a paired standard error."""
        error, tie = float(larger.errors.mean()), self.settings.choice.rank_tie
        is_tie = smaller.fraction == EMPTYING and is_within(smaller.errors, larger.errors, tie)
        return float(smaller.errors.mean()) - error > gain(self.null, error) and not is_tie


def steps_before(fraction: float, fractions: Sequence[float]) -> int:
    """Return where the next rank begins: one step before the fraction of this one, of which hardly less is left."""
    return max(0, fractions.index(fraction) - 1) if fraction in fractions else 0


def gain(null: float, error: float) -> float:
    """Return the gain over an error that counts: a part of what is explained."""
    return MIN_GAIN * max(null - error, 0) if error < inf else 0.0
