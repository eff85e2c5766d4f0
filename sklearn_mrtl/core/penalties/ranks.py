"""Choice of the rank, and of the fraction of the full-rank model's penalties that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from torch import Tensor

from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import LowRank, Rank
from sklearn_mrtl.core.penalties.comparison import is_gain, is_within, strongest_within
from sklearn_mrtl.core.penalties.folds import ExactErrors, Folds
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.strengths import Selection
from sklearn_mrtl.core.solvers.ridge import smooth_outputs


@dataclass(frozen=True, eq=False)
class RankTrial:
    """The best fraction of the penalties for a rank, the errors on each left-out block, and the fits that made them."""

    rank: Rank
    fraction: float
    errors: Tensor  # (B,)
    fits: list[Parameters] = field(default_factory=list)

    @property
    def error(self) -> float:
        """Mean error."""
        return float(self.errors.mean())


class RankChoice:
    """Low-rank models on folds: the full-rank solution of each fold is decomposed and trained on.

    Parameters
    ----------
    model : FullRank
    low_rank : LowRank
    samples : Samples
        In blocks.
    selection : Selection
        Strengths of the full-rank model.
    loss : Loss
    options : ChoiceOptions
    seed : int
        Of the decomposition.

    Attributes
    ----------
    path : list of dict
        rank, fraction, alpha_spatial, alpha_l2 and cross-validated error of all that was tried.
    """

    def __init__(
        self, model: FullRank, low_rank: LowRank, samples: Samples, selection: Selection, loss: Loss,
        options: ChoiceOptions, seed: int,
    ):  # fmt: skip
        self.low_rank, self.selection, self.options, self.seed = low_rank, selection, options, seed
        self.folds = Folds(samples, loss, options)
        self.path: list[dict] = []
        self.errors: dict[Rank, dict[float, Tensor]] = {}  # by rank and fraction
        self.full = selection.of_folds or self._full_rank_fits(model, samples, loss)
        self.null = self.folds.null_loss()

    def _full_rank_fits(self, model: FullRank, samples: Samples, loss: Loss) -> list[Parameters]:
        """Return the full-rank model of each fold."""
        alphas = self.selection.alphas
        # The path of a ridge regression has no penalty along the outputs.
        if ExactErrors.are_affordable(model, samples, loss) and not (smooth_outputs(model) and alphas.spatial):
            return (self.selection.exact or ExactErrors(model, samples)).fits(alphas, self.folds)
        return self.folds.train(model, alphas, [model.initial(samples.weight)] * len(self.folds))

    def choose(self, ranks: Sequence[Rank], fractions: Sequence[float]) -> tuple[Rank, float]:
        """Return the smallest rank from which larger ones gain nothing but chance, and its fraction.

        Larger and larger steps lead to a rank that clearly loses, or to two that do not gain: one alone may need what
        the next adds. Ranks between these and the last two that gained are tried one by one. If none of them predicts
        what is left out, the smallest is tried with stronger penalties than the full-rank model has, from the strongest
        down.

        Parameters
        ----------
        ranks : sequence of int, or of tuple of int
            Ascending.
        fractions : sequence of float
            Descending. Of a larger rank first the one that was best for the smaller rank and the one before it; weaker
            ones if it does not gain with these, or is chosen; none if it loses with the strongest one.
        """

        @cache
        def trial_of(n: int, smaller: RankTrial) -> RankTrial:
            at = fractions.index(smaller.fraction)
            trial = self._best_fraction(ranks[n], fractions[max(at - 1, 0) : at + 1])
            is_clear = self._gains(trial, smaller) or (at == 0 and self._loses(trial, smaller))
            return trial if is_clear else self._weakest(trial, fractions)

        best, n_best, n_before, n_failed = self._best_fraction(ranks[0], fractions), 0, 0, len(ranks)
        before = best
        for n in fibonacci_below(len(ranks)):
            larger = trial_of(n, best)
            if self._gains(larger, best):
                before, best, n_before, n_best, n_failed = best, larger, n_best, n, len(ranks)
                continue
            has_lost = self._loses(larger, best)
            n_failed = n_best if has_lost else min(n, n_failed)
            if has_lost or n_failed < n:
                break
        for n in range(n_before + 1, n_best):
            smaller = trial_of(n, before)
            if not self._gains(best, smaller):
                best, n_failed = smaller, n + 1
                break
        for n in range(n_best + 1, n_failed):
            larger = trial_of(n, best)
            if not self._gains(larger, best):
                break
            best = larger
        if len(ranks) > 1 and best.error >= self.null:
            stronger = [10 ** (n / 2) for n in range(self.selection.step, 0, -1)]
            best = self._best_fraction(ranks[0], stronger) if stronger else best
            if best.error >= self.null:
                warn(
                    f"no rank predicts the left-out blocks of rows better than a constant does: the smallest rank, "
                    f"{ranks[0]}, is trained, with the strongest penalties. X may tell nothing about y.",
                )
                return ranks[0], (stronger or fractions)[0]
        if best.rank != ranks[0]:
            best = self._weakest(best, fractions)
        return best.rank, strongest_within(self.errors[best.rank], self.options.tie)

    def _gains(self, larger: RankTrial, smaller: RankTrial) -> bool:
        """Return whether a larger rank is better beyond chance, and not by a trifle."""
        enough = self.options.min_gain * (self.null - larger.error)
        return is_gain(larger.errors, smaller.errors, enough, self.options.rank_tie)

    def _loses(self, larger: RankTrial, smaller: RankTrial) -> bool:
        """Return whether a larger rank is clearly worse, by paired errors: ranks between would hardly be better."""
        return not is_within(larger.errors, smaller.errors, self.options.rise)

    def _best_fraction(self, rank: Rank, fractions: Sequence[float]) -> RankTrial:
        """Try weaker and weaker penalties, as long as the left-out loss falls; return the strongest of the best."""
        start = [self.low_rank.from_full_rank(parameters, rank, self.seed) for parameters in self.full]
        return self._strongest_of_best([], rank, start, fractions)

    def _weakest(self, best: RankTrial, fractions: Sequence[float]) -> RankTrial:
        """Go on from a trial to weaker penalties, unless they were tried."""
        tried = [record["fraction"] for record in self.path if record["rank"] == best.rank]
        weaker = [fraction for fraction in fractions if fraction < min(tried)] if best.fraction == min(tried) else []
        return self._strongest_of_best([best], best.rank, best.fits, weaker)

    def _strongest_of_best(
        self, trials: list[RankTrial], rank: Rank, fits: list[Parameters], fractions: Sequence[float]
    ) -> RankTrial:
        """Add trials of weaker and weaker penalties, as long as the left-out loss falls."""
        for fraction in fractions:
            alphas = self.selection.alphas.times(fraction)
            fits = self.folds.train(self.low_rank, alphas, fits)
            trials.append(RankTrial(rank, fraction, self.folds.left_out_losses(self.low_rank, fits), fits))
            self.errors.setdefault(rank, {})[fraction] = trials[-1].errors
            record = {"rank": rank, "fraction": fraction, "alpha_spatial": alphas.spatial, "alpha_l2": alphas.l2}
            self.path.append({**record, "error": trials[-1].error})
            if len(trials) > 1 and not trials[-1].error < trials[-2].error:
                break
        best = min(trials, key=lambda trial: trial.error)
        return next(t for t in trials if t is best or is_within(t.errors, best.errors, self.options.tie))


def fibonacci_below(n: int) -> list[int]:
    """Return 1, 2, 4, 7, 12, ..., one less than the Fibonacci numbers, below n; and n - 1 as the last."""
    numbers, step = [], (1, 2)
    while step[1] - 1 < n - 1:
        numbers.append(step[1] - 1)
        step = step[1], sum(step)
    return numbers + [n - 1] * (n > 1)
