"""How the strengths of the penalties are chosen: all its constants, and where their values come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, inf

from sklearn_mrtl.core.solvers.base import SolverSettings


def ignore(seconds: float) -> None:
    """Ignore how long the choice will take."""


@dataclass(frozen=True)
class ChoiceOptions:
    """Constants of the choice.

    Attributes
    ----------
    n_blocks : int
        Blocks of consecutive rows for cross-validation. 12, by judgement: each leaves most of the rows for the fit.
    gap : float
        Part of each block that is neither fitted nor predicted, half of it at either edge: rows next to each other can
        be nearly equal. An eighth is a year in a century of months.
    n_folds : int
        Groups of blocks, where models are fitted to leave them out: each fold is a fit. On the ocean 4 folds choose the
        ranks that 6 and 12 do, 3 others.
    enough_rows : int
        Left-out rows that are enough: with many rows one fold does. At 20 000 rows the standard error of a log loss is
        below 0.5 %.
    max_distinct : int
        Samples on the coarsest grid that are looked at. Of more a part is taken, to save time: penalties are priors,
        which many samples outweigh.
    merging : float
        Part of the rows that are distinct below which all are taken, since that costs little more.
    min_rows : int
        Distinct samples below which fixed strengths are taken, since cross-validation is noise.
    strongest : float
        Strongest penalty tried, relative to the largest eigenvalue of the data's second moment. At 10 times that
        hardly anything is explained.
    weakest_step : int
        Half decades below the strongest at which a walk ends: below 10^-8.5 rounding decides in single precision.
    fixed_step : int
        Half decades below the strongest of the fixed strengths.
    proportions : tuple of float
        Penalties tried of the smoothest wave on a grid, relative to that of its square, ascending. 0, none at all, is
        for fields: with encodings strengths without smoothness are too weak on finer grids.
    first_proportion : float
        The one from which the search goes to both sides.
    smoothest_gradient : float
        Mean squared gradient of that wave, half a wavelength across a square of unit diagonal: 2 pi^2.
    rise : float
        Paired standard errors above the least error beyond which an error counts as risen.
    hopeless_rise : float
        Rise above the least error, relative to that of the strongest penalties, from which weaker ones are not looked
        at, even if that costs little. Errors of the ocean's tasks rise by at most 0.011 before they fall to the least.
    tie : float
        Paired standard errors above the least error up to which stronger penalties of the low-rank model are taken.
        With a quarter, fits of folds that end a step earlier or later still change R^2 by .002; with 1 simulated fields
        lose .001 of R^2.
    proportion_tie : float
        Paired standard errors above the least error up to which the proportion nearest to the first is taken. Each
        penalty covers what the other leaves free: smoothness the mean of a map, L2 sharp edges.
    rank_tie : float
        Paired standard errors by which a larger rank has to gain. 2 is better on the ocean and worse on simulated
        fields (docs/benchmarks.md).
    nothing_tie : float
        Paired standard errors by which terms of low rank have to gain on the sum without them: the best of several
        trials gains by luck. By judgement, after test scores of tracking frames had been seen.
    min_gain : float
        Part of what is explained by which it has to gain as well: models that hardly differ have tiny standard errors.
        1 %, by judgement.
    min_fall : float
        Part of what is explained by which the left-out loss has to fall for a walk to weaker or stronger penalties to
        go on.
    fractions : tuple of float
        Fractions of the full-rank model's penalties tried for the low-rank one.
    coarse_solver : SolverSettings
        For the models that are fitted for the choice, whose errors need three digits. They are fitted as long as those
        that are trained: an early end regularizes, and strengths that are too weak for a longer fit look good.
    exact_trials, fits, rounds, rank_fits : int
        What the whole choice takes, in units of what it does first: the errors of the first strengths of a ridge
        regression; the fit to a fold with the first strengths; the first round of Fellner-Schall updates, times the
        number of folds; the fit to a fold with the first rank. About the middle of what fits of real shots, tracking
        frames, the ocean and simulated shots took (docs/performance.md).
    expect : callable
        Called with about how many seconds the choice takes, when the first of these is done.
    """

    n_blocks: int = 12
    gap: float = 0.125
    n_folds: int = 4
    enough_rows: int = 20_000
    max_distinct: int = 2**17
    merging: float = 0.25
    min_rows: int = 100
    strongest: float = 10.0
    weakest_step: int = 19
    fixed_step: int = 8
    proportions: tuple[float, ...] = (0.0, 0.03, 1.0, 100.0)
    first_proportion: float = 1.0
    smoothest_gradient: float = 20.0
    rise: float = 2.0
    hopeless_rise: float = 0.1
    tie: float = 0.5
    proportion_tie: float = 1.0
    rank_tie: float = 1.0
    nothing_tie: float = 2.0
    min_gain: float = 0.01
    min_fall: float = 1e-3
    fractions: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03, 0.01)
    coarse_solver: SolverSettings = field(
        default_factory=lambda: SolverSettings(max_epochs=100, convergence=3e-3, by_factor=False)
    )
    exact_trials: int = 10
    fits: int = 54
    rounds: int = 17
    rank_fits: int = 10
    expect: Callable[[float], None] = ignore

    def trifle(self, null: float, error: float) -> float:
        """Return the fall of the left-out loss below which it is as good as none."""
        return self.min_fall * max(null - error, 0.0) if error < inf else 0.0

    def folds_of(self, n_rows: int) -> int:
        """Return the number of folds of so many rows."""
        return min(self.n_folds, ceil(self.enough_rows * self.n_folds / n_rows))
