"""Choice of the rank, and of the fraction of the full-rank model's penalties that goes with it, on left-out blocks.

One rule says what a gain of a larger rank is, where the walk over ranks ends and which rank is taken. One tensor and a
sum of terms differ in how the fits of a rank start.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, TypeVar

from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.penalties.comparison import excess, is_gain, is_within, paired_differences, strongest_within
from sklearn_mrtl.core.penalties.folds import Folds
from sklearn_mrtl.core.penalties.options import ChoiceOptions

M = TypeVar("M", bound=TensorModel)
NOTHING = -1  # position of the model without anything of low rank, before the smallest rank


@dataclass(frozen=True, eq=False)
class RankTrial(Generic[M]):
    """A rank with the best fraction of the penalties for it, and what was left out by each fold.

    Attributes
    ----------
    position : int
        Of the rank among those to try; `NOTHING`: nothing has low rank.
    fraction : float
    errors : Tensor of shape (B,)
        On each left-out block.
    model, fits : model, list of Parameters
        Of each fold; of a rank that was given up, of the first ones.
    """

    position: int
    fraction: float
    errors: Tensor
    model: M
    fits: list[Parameters] = field(default_factory=list)

    @property
    def error(self) -> float:
        """Mean over the blocks."""
        return float(self.errors.mean())

    @property
    def is_empty(self) -> bool:
        """Whether nothing has low rank."""
        return self.position == NOTHING


class RankChoice(ABC, Generic[M]):
    """Low-rank models on folds, for larger and larger ranks.

    Parameters
    ----------
    folds : Folds
    n_ranks : int
        Number of ranks to try, ascending.
    fractions : sequence of float
        Descending; 1 is among them.
    options : ChoiceOptions
    nothing : RankTrial or None
        Of the model without anything of low rank, on which the smallest rank has to gain; None: it is taken anyway.

    Attributes
    ----------
    path : list of dict
        rank, fraction and cross-validated error of all that was tried.
    errors : dict of int to dict of float to Tensor
        Errors on each block by position and fraction.
    """

    def __init__(
        self, folds: Folds, n_ranks: int, fractions: Sequence[float], options: ChoiceOptions,
        nothing: RankTrial[M] | None = None,
    ):  # fmt: skip
        self.folds, self.n_ranks, self.fractions, self.options = folds, n_ranks, tuple(fractions), options
        self.nothing, self.null = nothing, folds.null_loss() if nothing is None else nothing.error
        self.path: list[dict] = []
        self.errors: dict[int, dict[float, Tensor]] = {}

    @abstractmethod
    def start(self, position: int, smaller: RankTrial[M] | None, folds: range) -> tuple[M, list[Parameters]]:
        """Return the model of a rank, and the parameters from which the fit of each of these folds starts."""

    @abstractmethod
    def train(self, model: M, fraction: float, fits: list[Parameters], folds: range) -> tuple[M, list[Parameters]]:
        """Fit each of these folds with a fraction of the penalties; return the model and the fits."""

    @abstractmethod
    def described(self, trial: RankTrial[M]) -> dict:
        """Return what `path` says of a trial besides fraction and error."""

    def best(self) -> RankTrial[M]:
        """Return the smallest rank on which larger ones gain no more than an error of the folds.

        Larger and larger steps lead to a rank that clearly loses, or to two that do not gain: one alone may need what
        the next adds. Then ranks between these and the last two that gained are tried.
        """
        compared = cache(self.compared)
        before = best = self.nothing or self.without_smaller(0)
        failed = self.n_ranks
        for position in [n for n in (0, *fibonacci_below(self.n_ranks)) if n > best.position]:
            larger, gains = compared(position, best)
            if gains:
                before, best, failed = best, larger, self.n_ranks
                continue
            has_lost = not is_within(larger.errors, best.errors, self.options.rise)
            failed = best.position if has_lost else min(position, failed)
            if failed < position:
                break
        least = before.position
        while least + 1 < best.position:
            middle = (least + best.position) // 2
            smaller, _ = compared(middle, before)
            if self.is_given_up(smaller) or self.gains(best, smaller):
                least = middle
            else:
                best, failed = smaller, middle + 1
        for position in range(best.position + 1, failed):
            larger, gains = compared(position, best)
            if not gains:
                break
            best = larger
        return best if best.is_empty else self.refined(best)

    def gains(self, larger: RankTrial[M], smaller: RankTrial[M]) -> bool:
        """Return whether a larger rank is better by more than an error of the folds and a trifle."""
        tie = self.options.nothing_tie if smaller.is_empty else self.options.rank_tie
        return is_gain(larger.errors, smaller.errors, self.options.min_gain * (self.null - larger.error), tie)

    def without_smaller(self, position: int) -> RankTrial[M]:
        """Return the best trial of a rank that no smaller one precedes.

        Weaker and weaker penalties than the full-rank model's are tried, and stronger ones, if there are any, where
        these do not help.
        """
        (trial,) = self.walk(position, *self.start(position, None, self.folds.every), [1.0])
        return self.refined(trial)

    def compared(self, position: int, smaller: RankTrial[M]) -> tuple[RankTrial[M], bool]:
        """Return the best trial of a larger rank, and whether it gains.

        The fraction of the smaller rank is tried, and stronger penalties if the larger one does not gain with it. It is
        given up if it loses on the first half of the folds by as many errors as it has to gain: then the other half
        never makes it gain, see docs/performance.md.
        """
        if smaller.is_empty:
            trial = self.without_smaller(position)
            return trial, self.gains(trial, smaller)
        fits: list[Parameters] = []
        for folds in halves(len(self.folds)):
            model, starts = self.start(position, smaller, folds)
            model, more = self.train(model, smaller.fraction, starts, folds)
            fits += more
            trial = RankTrial(position, smaller.fraction, self.folds.left_out_losses(model, fits), model, fits)
            if excess(trial.errors, smaller.errors) >= self.options.rank_tie:
                break
        self.note(trial, smaller)
        if self.gains(trial, smaller):
            return trial, True
        if not self.is_given_up(trial):
            trial = self.refined(trial, only_stronger=True)
        return trial, self.gains(trial, smaller)

    def is_given_up(self, trial: RankTrial[M]) -> bool:
        """Return whether a rank was fitted to the first folds only."""
        return len(trial.fits) < len(self.folds)

    def note(self, trial: RankTrial[M], smaller: RankTrial[M] | None = None) -> None:
        """Keep the errors of a trial; those of one that was given up count as differences from a smaller rank's."""
        self.errors.setdefault(trial.position, {})[trial.fraction] = trial.errors
        error = trial.error
        if smaller is not None and self.is_given_up(trial):
            error = smaller.error + float(paired_differences(trial.errors, smaller.errors).mean())
        self.path.append({**self.described(trial), "fraction": trial.fraction, "error": error})

    def refined(self, trial: RankTrial[M], *, only_stronger: bool = False) -> RankTrial[M]:
        """Go on from a trial to weaker penalties, or to stronger ones where these do not help."""
        at, trials = self.fractions.index(trial.fraction), [trial]
        weaker, stronger = self.fractions[at + 1 :], self.fractions[:at][::-1]
        for further in [stronger] if only_stronger else [weaker, stronger]:
            if further and further[0] not in self.errors[trial.position]:
                trials += self.walk(trial.position, trial.model, trial.fits, further, trial)
            if trials[-1].error < trial.error or len(trials) > 2:
                break
        return self.strongest_of_best(trials)

    def walk(
        self, position: int, model: M, fits: list[Parameters], fractions: Sequence[float],
        before: RankTrial[M] | None = None,
    ) -> list[RankTrial[M]]:  # fmt: skip
        """Try fractions in turn, each from the fits of the last one, until the left-out loss hardly falls."""
        trials: list[RankTrial[M]] = []
        for fraction in fractions:
            model, fits = self.train(model, fraction, fits, self.folds.every)
            trial = RankTrial(position, fraction, self.folds.left_out_losses(model, fits), model, fits)
            self.note(trial)
            trials.append(trial)
            if before is not None and not before.error - trial.error > self.options.trifle(self.null, trial.error):
                break
            before = trial
        return trials

    def strongest_of_best(self, trials: Sequence[RankTrial[M]]) -> RankTrial[M]:
        """Return the trial with the strongest penalties of those that tie with the best one."""
        best, tie = min(trials, key=lambda trial: trial.error), self.options.tie
        return max((t for t in trials if t is best or is_within(t.errors, best.errors, tie)), key=lambda t: t.fraction)

    def fraction_of(self, trial: RankTrial[M]) -> float:
        """Return the fraction for the rank of a trial, also between those that were tried."""
        return strongest_within(self.errors[trial.position], self.options.tie)


def halves(n_folds: int) -> list[range]:
    """Return the first half of the folds and the others; one fold has no halves."""
    middle = n_folds // 2
    return [folds for folds in (range(middle), range(middle, n_folds)) if folds]


def fibonacci_below(n: int) -> list[int]:
    """Return 1, 2, 4, 7, 12, ..., one less than the Fibonacci numbers, below n; and n - 1 as the last."""
    numbers, step = [], (1, 2)
    while step[1] - 1 < n - 1:
        numbers.append(step[1] - 1)
        step = step[1], sum(step)
    return numbers + [n - 1] * (n > 1)
