"""Search for the strengths of the full-rank model's penalties, by cross-validation in blocks.

A pair of strengths is a total, in half decades below the strongest, and a proportion of smoothness, from none
(fields) or little (encodings) to nearly all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import isfinite
from time import perf_counter

from torch import Tensor

from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.penalties.comparison import is_within
from sklearn_mrtl.core.penalties.folds import ExactErrors, IterativeErrors, largest_eigenvalue
from sklearn_mrtl.core.penalties.options import ChoiceOptions


@dataclass(frozen=True, eq=False)
class Selection:
    """Strengths of the full-rank model's penalties, and what is known of it at them.

    Attributes
    ----------
    alphas : Alphas
    path : list of dict
        alpha_spatial, alpha_l2 and cross-validated error of all that was tried.
    start : Parameters or None
        A good start of the model at these strengths.
    of_folds : list of Parameters
        The model without the left-out blocks of each fold; empty where `exact` can tell it.
    exact : ExactErrors or None
    step : int
        Half decades below the strongest that were tried; 0 if none were.
    """

    alphas: Alphas
    path: list[dict] = field(default_factory=list)
    start: Parameters | None = None
    of_folds: list[Parameters] = field(default_factory=list)
    exact: ExactErrors | None = None
    step: int = 0


@dataclass(frozen=True, eq=False)
class Trial:
    """Strengths that were tried, the errors on each left-out block, and the fits that made them."""

    step: int  # half decades below the strongest
    alphas: Alphas
    errors: Tensor  # (B,)
    fits: list[Parameters]

    @property
    def error(self) -> float:
        """Mean error."""
        return float(self.errors.mean())


def select_alphas(
    model: FullRank, samples: Samples, loss: Loss, alpha_spatial: float | None, alpha_l2: float | None,
    options: ChoiceOptions,
) -> Selection:  # fmt: skip
    """Choose the alphas that are None; keep those that are not.

    Parameters
    ----------
    samples : Samples
        In blocks.
    """
    if alpha_spatial is not None and alpha_l2 is not None:
        return Selection(Alphas(alpha_spatial, alpha_l2))
    n_entries = model.n_entries / model.n_outputs
    scale = largest_eigenvalue(model, samples) * n_entries * loss.curvature / SquaredLoss.curvature
    smoothest = options.smoothest_gradient if any(axis.smoothness for axis in model.axes) else float("inf")
    both_are_open = alpha_spatial is None and alpha_l2 is None

    def alphas_at(step: int, proportion: float) -> Alphas:
        """Return the strengths at so many half decades below the strongest."""
        strength = scale * options.strongest * 10 ** (-step / 2)
        if both_are_open:
            return Alphas(strength * proportion / (1 + proportion) / smoothest, strength / (1 + proportion))
        return Alphas(strength / smoothest if alpha_spatial is None else alpha_spatial, alpha_l2 or strength)

    fixed = alphas_at(options.fixed_step, options.first_proportion)
    if not can_be_judged(samples, options):
        return Selection(fixed)
    exact = ExactErrors(model, samples) if ExactErrors.are_affordable(model, samples, loss) else None
    errors = exact or IterativeErrors(model, samples, loss, options)
    # One eigendecomposition serves all strengths in the first proportion.
    whole_path = exact is not None and (both_are_open or alpha_spatial == 0)
    search = Search(errors, alphas_at, whole_path=whole_path, options=options)
    proportions = options.proportions if both_are_open and smoothest < float("inf") else (options.first_proportion,)
    if isinstance(samples.inputs, EncodedInputs):  # finer cells have fewer samples, and L2 alone shrinks each by itself
        proportions = tuple(p for p in proportions if p > 0)
    best = search.run(proportions)
    if not isfinite(best.error):  # no errors to choose by
        return Selection(fixed, search.path)
    return Selection(best.alphas, search.path, best.fits[0] if best.fits else None, best.fits, exact, best.step)


def can_be_judged(samples: Samples, options: ChoiceOptions) -> bool:
    """Return whether there are enough rows, in two blocks or more; one row may weigh as much as all others."""
    return samples.inputs.n_rows >= options.min_rows and int((samples.weight > 0).any(0).sum()) >= 2


class Search:
    """A search over totals and proportions of the strengths that noise cannot end.

    Parameters
    ----------
    errors : ExactErrors or IterativeErrors
    alphas_at : callable
        Gives the strengths at a step and a proportion.
    whole_path : bool
        Whether the strengths in the first proportion are looked at until errors are hopeless; otherwise a walk to
        weaker ones ends where they rise.
    options : ChoiceOptions

    Attributes
    ----------
    path : list of dict
        alpha_spatial, alpha_l2 and error of all that was tried.
    """

    def __init__(
        self, errors: ExactErrors | IterativeErrors, alphas_at: Callable[[int, float], Alphas], *, whole_path: bool,
        options: ChoiceOptions,
    ):  # fmt: skip
        self.errors, self.alphas_at, self.whole_path, self.options = errors, alphas_at, whole_path, options
        self.path: list[dict] = []
        self.tried: dict[tuple[float, int], Trial] = {}  # by proportion and step
        self.best_step: dict[float, int] = {}  # by proportion

    def run(self, proportions: tuple[float, ...]) -> Trial:
        """Return the best trial in the first proportion that is as good as the best one.

        From the first proportion to smaller ones and, if the next smaller one is no better, to larger ones: either way
        as long as they are better. Noise cannot end that walk too early: of proportions as good as the best, the one
        nearest to the first is taken, and one proportion and the next have nearly the same errors.
        """
        first = self.options.first_proportion
        self.best_step[first] = self._refined(first, self._walk(first))
        for side in ([p for p in reversed(proportions) if p < first], [p for p in proportions if p > first]):
            step = self.best_step[first]
            for proportion in side:
                step = self._refined(proportion, step)
                self.best_step[proportion] = step
                if self.best_at(proportion) is not self._best:
                    break
            if side and self.best_at(side[0]).error < self.best_at(first).error:
                break
        best = self._best
        good = [
            p for p in self.best_step
            if self.best_at(p) is best or is_within(self.best_at(p).errors, best.errors, self.options.proportion_tie)
        ]  # fmt: skip
        order = sorted([*proportions, first])
        nearest = min(good, key=lambda p: (abs(order.index(p) - order.index(first)), self.best_at(p).error))
        return self.best_at(nearest)

    @property
    def _best(self) -> Trial:
        return min((self.best_at(p) for p in self.best_step), key=lambda trial: trial.error)

    def best_at(self, proportion: float) -> Trial:
        """Return the trial of least error in a proportion."""
        return self.tried[proportion, self.best_step[proportion]]

    def _walk(self, proportion: float) -> int:
        """Return the best of every second step, from strong penalties to weak ones."""
        best, n_rises = 0, 0
        for step in range(0, self.options.weakest_step + 1, 2):
            trial, least = self._try(step, proportion), self._try(best, proportion)
            if trial.error < least.error:
                best, n_rises = step, 0
            elif not is_within(trial.errors, least.errors, self.options.rise):
                n_rises += 1
            hopeless = trial.error > least.error + self.options.hopeless_rise * self._try(0, proportion).error
            if hopeless if self.whole_path else n_rises == 2:
                break
        return best

    def _refined(self, proportion: float, step: int) -> int:
        """Return the step from which no neighbour has a lower error."""
        while True:
            around = [s for s in (step - 1, step, step + 1) if 0 <= s <= self.options.weakest_step]
            best = min(around, key=lambda s: self._try(s, proportion).error)
            if best == step:
                return step
            step = best

    def _try(self, step: int, proportion: float) -> Trial:
        """Return the trial at a step; only the best fits in each proportion are kept."""
        if (proportion, step) not in self.tried:
            alphas, began = self.alphas_at(step, proportion), perf_counter()
            trial = Trial(step, alphas, *self.errors(alphas))
            if not trial.fits:  # `Folds.train` forecasts from its own fits
                self.options.expect(self.options.exact_trials * (perf_counter() - began))
            self.path.append({"alpha_spatial": alphas.spatial, "alpha_l2": alphas.l2, "error": trial.error})
            others = [key for key in self.tried if key[0] == proportion]
            if any(self.tried[key].error <= trial.error for key in others):
                trial = replace(trial, fits=[])
            else:
                self.tried |= {key: replace(self.tried[key], fits=[]) for key in others}
            self.tried[proportion, step] = trial
        return self.tried[proportion, step]
