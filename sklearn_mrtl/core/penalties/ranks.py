"""Choice of the rank, and of the fraction of the full-rank model's penalties that goes with it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import LowRank, Rank
from sklearn_mrtl.core.penalties.comparison import is_within
from sklearn_mrtl.core.penalties.folds import Folds
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.strengths import Selection


@dataclass(frozen=True, eq=False)
class RankTrial:
    """The best fraction of the penalties for a rank, and the errors on each left-out block."""

    rank: Rank
    fraction: float
    errors: Tensor  # (B,)

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
        start = [model.initial(samples.weight)] * len(self.folds)
        self.full = selection.of_folds or self.folds.train(model, selection.alphas, start)
        self.null = self.folds.null_loss()

    def choose(self, ranks: Sequence[Rank], fractions: Sequence[float]) -> tuple[Rank, float]:
        """Return the smallest rank from which larger ones gain nothing but chance, and its fraction.

        Larger and larger steps lead to a rank that does not gain; those between it and the last two that did are tried
        one by one.

        Parameters
        ----------
        ranks : sequence of int, or of tuple of int
            Ascending.
        fractions : sequence of float
            Descending; for a larger rank from the one before that which was best for the smaller rank.
        """

        def trial_of(n: int, smaller: RankTrial) -> RankTrial:
            # A larger rank asks for about the fraction of the one before.
            return self._best_fraction(ranks[n], fractions[max(fractions.index(smaller.fraction) - 1, 0) :])

        best, n_best, n_before, n_failed = self._best_fraction(ranks[0], fractions), 0, 0, len(ranks)
        before = best
        for n in fibonacci_below(len(ranks)):
            larger = trial_of(n, best)
            if not self._gains(larger, best):
                n_failed = n
                break
            before, best, n_before, n_best = best, larger, n_best, n
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
            warnings.warn(
                f"no rank predicts the left-out blocks of rows better than a constant does: the smallest rank, "
                f"{ranks[0]}, is trained, with strong penalties. X may tell nothing about y.",
                stacklevel=2,
            )
            return ranks[0], fractions[0]
        return best.rank, best.fraction

    def _gains(self, larger: RankTrial, smaller: RankTrial) -> bool:
        """Return whether a larger rank is better beyond chance, and not by a trifle."""
        enough = self.options.min_gain * (self.null - larger.error)
        return smaller.error - larger.error > enough and not is_within(
            smaller.errors, larger.errors, self.options.rank_tie
        )

    def _best_fraction(self, rank: Rank, fractions: Sequence[float]) -> RankTrial:
        """Try weaker and weaker penalties, as long as the left-out loss falls; return the strongest of the best."""
        fits = [self.low_rank.from_full_rank(parameters, rank, self.seed) for parameters in self.full]
        trials: list[RankTrial] = []
        for fraction in fractions:
            alphas = self.selection.alphas.times(fraction)
            fits = self.folds.train(self.low_rank, alphas, fits)
            trials.append(RankTrial(rank, fraction, self.folds.left_out_losses(self.low_rank, fits)))
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
