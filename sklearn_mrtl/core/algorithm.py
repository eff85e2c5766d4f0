"""Multiresolution Tensor Learning: Algorithm 1 of the paper, to be read beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from time import perf_counter

from sklearn_mrtl.core import ridge
from sklearn_mrtl.core.decomposition import cp_als
from sklearn_mrtl.core.inputs import Shapes
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models import CP, FullRank, Parameters, TensorModel, axes_of
from sklearn_mrtl.core.objective import Objective, Samples
from sklearn_mrtl.core.selection import select_alphas
from sklearn_mrtl.core.solvers import lbfgs


@dataclass(frozen=True)
class Settings:
    """What Algorithm 1 needs to know besides the data.

    Attributes
    ----------
    rank : int or None
        K of eq. (2); None: full rank at every level.
    full_rank_levels : int
        r_0 of Algorithm 1, at least 1 (0: random factors).
    alpha_spatial, alpha_l2 : float or None
        None: chosen on the coarsest level.
    """

    loss: Loss
    rank: int | None
    full_rank_levels: int
    alpha_spatial: float | None
    alpha_l2: float | None
    sigma: float
    max_epochs: int
    tol: float
    seed: int
    report: Callable[[dict], None] = lambda record: None


@dataclass
class Fit:
    """A trained model and how it came about."""

    model: TensorModel | None = None
    parameters: Parameters | None = None
    alpha_spatial: float | None = None
    alpha_l2: float | None = None
    alpha_path: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)


def mrtl(samples: Samples, resolutions: Sequence[Shapes], settings: Settings) -> Fit:
    """Algorithm 1: full rank on coarse grids, decompose, low rank from there to the finest.

    Parameters
    ----------
    samples : Samples
        At the finest resolution.
    resolutions : sequence of shapes
        Shape of every mode at each level, coarse to fine; the last is that of the samples.
    settings : Settings
    """
    fit = Fit()
    levels = pyramid(samples, resolutions)
    r0 = len(levels) if settings.rank is None else settings.full_rank_levels

    fit.alpha_spatial, fit.alpha_l2, fit.alpha_path = choose_alphas(levels[0], settings)
    for level in range(r0):  # lines 4 to 12
        model = FullRank(axes_of(levels[level].inputs, settings.sigma, levels[level].weight))
        start = model.initial(levels[level].weight) if level == 0 else fit.model.finegrain(fit.parameters, model)
        fit.model, fit.parameters = model, train_full_rank(model, levels[level], start, level, fit, settings)
        if level < r0 - 1:
            levels[level] = None  # its memory is free
    if settings.rank is None:
        return fit

    for level in range(max(r0 - 1, 0), len(levels)):  # lines 14 to 26
        model = CP(axes_of(levels[level].inputs, settings.sigma, levels[level].weight))
        if isinstance(fit.model, CP):
            start = fit.model.finegrain(fit.parameters, model)
        elif isinstance(fit.model, FullRank):
            start = model.from_factors(cp_als(fit.parameters["weights"], settings.rank, settings.seed), fit.parameters)
        else:
            start = model.random(settings.rank, levels[level].weight, settings.seed)
        fit.model, fit.parameters = model, train(model, levels[level], start, level, "low rank", fit, settings)
        levels[level] = None
    return fit


def pyramid(samples: Samples, resolutions: Sequence[Shapes]) -> list[Samples]:
    """The samples at every level, coarse to fine; each coarsened from the finer level it nests in, else the finest."""
    levels = [samples.merge()]
    for shapes in reversed(resolutions[:-1]):
        source = levels[0] if levels[0].inputs.nests(shapes) else levels[-1]
        levels.insert(0, source.coarsen(shapes))
    return levels


def choose_alphas(samples: Samples, settings: Settings):
    model = FullRank(axes_of(samples.inputs, settings.sigma, samples.weight))
    return select_alphas(model, samples, settings.loss, settings.alpha_spatial, settings.alpha_l2)


def train_full_rank(model: FullRank, samples: Samples, start: Parameters, level: int, fit: Fit, settings: Settings):
    """Opt of Algorithm 1 for W: solved exactly under squared loss where that is affordable."""
    if settings.loss is not SquaredLoss or not ridge.is_affordable(model, samples):
        return train(model, samples, start, level, "full rank", fit, settings)
    recorder = Recorder(model, level, "full rank", fit, settings)
    parameters = ridge.RidgeDesign(model, samples).solve(fit.alpha_spatial, fit.alpha_l2, samples.weight)
    objective = Objective.of_samples(model, samples, settings.loss, fit.alpha_spatial, fit.alpha_l2)
    value, loss, gradient = objective.value_and_gradient(parameters)
    norm = sum(float(part.square().sum()) for part in gradient.values()) ** 0.5
    recorder(epoch=1, loss=loss, objective=value, gradient_norm=norm)
    return parameters


def train(model: TensorModel, samples: Samples, start: Parameters, level: int, stage: str, fit: Fit, settings: Settings):
    """Opt of Algorithm 1 until nothing is left to gain."""
    objective = Objective.of_samples(model, samples, settings.loss, fit.alpha_spatial, fit.alpha_l2)
    recorder = Recorder(model, level, stage, fit, settings)
    return lbfgs(objective, start, max_epochs=settings.max_epochs, tol=settings.tol, record=recorder)


class Recorder:
    """Writes an epoch into the history."""

    def __init__(self, model: TensorModel, level: int, stage: str, fit: Fit, settings: Settings):
        resolution = {axis.mode.name: axis.shape for axis in model.axes if axis.smoothness is not None}
        self.common = {"level": level, "stage": stage, "resolution": resolution}
        self.fit, self.settings, self.start = fit, settings, perf_counter()

    def __call__(self, *, epoch: int, loss: float, objective: float, gradient_norm: float) -> None:
        record = {
            **self.common, "epoch": epoch, "seconds": perf_counter() - self.start,
            "train_loss": loss, "objective": objective, "gradient_norm": gradient_norm,
        }
        self.fit.history.append(record)
        self.settings.report(record)
