"""How the strengths of the penalties are chosen: all its constants, and where their values come from."""

from __future__ import annotations

from dataclasses import dataclass, field

from sklearn_mrtl.core.solvers.base import SolverSettings


@dataclass(frozen=True)
class ChoiceOptions:
    """Constants of the choice.

    Attributes
    ----------
    n_blocks : int
        Blocks of consecutive rows for cross-validation. 12, by judgement: each leaves most of the rows for the fit.
    n_folds : int
        Groups of blocks, where models are fitted to leave them out. 3: each fold is a fit.
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
        Penalties tried of the smoothest wave on a grid, relative to that of its square.
    smoothest_gradient : float
        Mean squared gradient of that wave, half a wavelength across a square of unit diagonal: 2 pi^2.
    stop_ratio : float
        Error, relative to the least of a walk, that ends it. 1.02, by judgement.
    fractions : tuple of float
        Fractions of the full-rank model's penalties tried for the low-rank one.
    min_gain : float
        Gain, as a fraction of what is explained, for which weaker penalties are taken. 1e-3, by
        judgement: with less, rounding decided.
    coarse_solver : SolverSettings
        For the models that are fitted for the choice, whose errors need three digits.
    """

    n_blocks: int = 12
    n_folds: int = 3
    enough_rows: int = 20_000
    max_distinct: int = 2**17
    merging: float = 0.25
    min_rows: int = 100
    strongest: float = 10.0
    weakest_step: int = 19
    fixed_step: int = 8
    proportions: tuple[float, ...] = (1.0, 0.1, 10.0)
    smoothest_gradient: float = 20.0
    stop_ratio: float = 1.02
    fractions: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03, 0.01)
    min_gain: float = 1e-3
    coarse_solver: SolverSettings = field(default_factory=lambda: SolverSettings(max_epochs=30, convergence=1e-2))
