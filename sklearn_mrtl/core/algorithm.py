"""Multiresolution Tensor Learning: Algorithm 1 of the paper, to be read beside it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from math import isfinite
from time import perf_counter

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.finegraining import nests
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Parameters, TensorModel, axes_of
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.monitor import Listener
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.selection import Choice, blocks_for_choice, low_rank_share, select_alphas
from sklearn_mrtl.core.solvers import ridge
from sklearn_mrtl.core.solvers.base import Pair, SolverSettings
from sklearn_mrtl.core.solvers.solve import solve
from sklearn_mrtl.core.stopping import Criterion, Rises, gradient_statistics

DECOMPOSITIONS = {"cp": CP, "tucker": Tucker}
FULL_RANK, LOW_RANK = "full_rank", "low_rank"


@dataclass(frozen=True)
class Stage:
    """What Opt of Algorithm 1 does: how to take steps, when to stop, and how strong the penalties are.

    Attributes
    ----------
    alpha_spatial, alpha_l2 : float or None
        None: chosen on the coarsest level.
    """

    solver: SolverSettings
    alpha_spatial: float | None
    alpha_l2: float | None

    @property
    def alphas(self) -> tuple[float | None, float | None]:
        return self.alpha_spatial, self.alpha_l2


@dataclass(frozen=True)
class Settings:
    """What Algorithm 1 needs to know besides the data.

    Attributes
    ----------
    rank : int, tuple of int or None
        K of eq. (2), or one rank for each mode of a Tucker tensor; None: full rank at every level.
    full_rank_levels : int
        r_0 of Algorithm 1; 0: random factors instead of decomposed ones.
    rank_constrains : bool
        Whether the rank keeps the model from fitting noise; if so weaker penalties are tried for it.
    sigma : float or None
        Of eq. (4); None: the squared spacing of the cells.
    criterion : callable or None
        None: a level ends when the solver does.
    listeners : sequence of Listener
    keep_interrupted : bool
        Ctrl-C ends the training and keeps the weights, once the stage of the result has had an epoch.
    """

    loss: Loss
    rank: int | tuple[int, ...] | None
    full_rank_levels: int
    full_rank: Stage
    low_rank: Stage
    sigma: float | None
    decomposition: str = "cp"
    nonnegative: frozenset[str] = frozenset()
    criterion: Criterion | None = None
    patience: int = 1
    tol: float = 0.0
    seed: int = 0
    listeners: Sequence[Listener] = ()
    keep_interrupted: bool = False
    rank_constrains: bool = True

    @property
    def stage_of_result(self) -> str:
        return LOW_RANK if self.rank is not None and self.rank_constrains else FULL_RANK


@dataclass
class Fit:
    """A trained model and how it came about.

    Attributes
    ----------
    done : list of (int, str)
        Level and stage of all that was trained.
    parameters, start : Parameters
        At the end, and at the end of the full-rank stages.
    pairs : list of Pair
        What the solver learned of the curvature at the last level.
    stages : dict of str to Stage
        With the penalties that were chosen.
    """

    model: TensorModel | None = None
    parameters: Parameters | None = None
    start: Parameters | None = None
    pairs: list[Pair] = field(default_factory=list)
    done: list[tuple[int, str]] = field(default_factory=list)
    stages: dict[str, Stage] = field(default_factory=dict)
    alpha_path: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)


def mrtl(
    samples: Samples,
    resolutions: Sequence[Shapes],
    settings: Settings,
    validation: Samples | None = None,
    earlier: Fit | None = None,
) -> Fit:
    """Algorithm 1: full rank on coarse grids, decompose, low rank from there to the finest.

    Parameters
    ----------
    samples, validation : Samples
        At the finest resolution.
    resolutions : sequence of shapes
        Shape of every mode at each level, coarse to fine; all levels, or the coarsest ones.
    settings : Settings
    earlier : Fit
        Of the same settings on fewer levels: training goes on where it stopped.
    """
    r0 = len(resolutions) if settings.rank is None else min(settings.full_rank_levels, len(resolutions))
    plan = [(level, FULL_RANK) for level in range(r0)]  # lines 4 to 12
    if settings.rank is not None:
        plan += [(level, LOW_RANK) for level in range(max(r0 - 1, 0), len(resolutions))]  # lines 16 to 26

    fit, choice = resume(earlier, plan) if earlier is not None else Fit(), None
    to_do = plan[len(fit.done) :]
    for listener in settings.listeners:
        listener.begin_training(len(to_do))
    levels = sorted({level for level, _ in to_do})
    made = pyramid(samples, resolutions, levels)
    if not fit.stages:
        if samples.inputs.coarsens_in_steps:  # whose rows stay what they are on coarser levels
            samples = next(made)
            made = chain([samples], made)
        fit.stages, fit.alpha_path, choice = choose_alphas(samples, resolutions[0], settings)
    held_out = repeat(None) if validation is None else pyramid(validation, resolutions, levels)
    del samples, validation  # the pyramids let go of what is not needed any more
    began = perf_counter()
    current = None
    for level, stage in to_do:
        if level != current:
            here = validation = None  # let go before those of the next level are made
            current, here, validation = level, next(made), next(held_out)
        for listener in settings.listeners:
            listener.begin_stage(level, stage, fit.stages[stage].solver.max_epochs)
        model, start = next_model(fit, here, stage, settings)
        watch = Watch(model, level, stage, fit, settings, validation, start, began)
        pairs = carry_pairs(fit, model)
        try:
            parameters, fit.pairs = opt(model, here, start, fit.stages[stage], settings, watch, pairs, choice)
        except KeyboardInterrupt:
            if not watch.can_be_interrupted:
                raise
            parameters, fit.pairs = watch.interrupt(), []
        choice = None
        fit.model, fit.parameters = model, parameters if watch.kept is None else watch.kept
        if stage == FULL_RANK:
            fit.start, here = fit.parameters, here.without_products()
            validation = None if validation is None else validation.without_products()
        fit.done.append((level, stage))
        if any([listener.end_stage(fit) for listener in settings.listeners]) or watch.is_last:
            break
    if isinstance(fit.model, FullRank) and settings.rank is not None and not settings.rank_constrains:
        fit.model, fit.parameters = next_model(fit, here, LOW_RANK, settings)  # ended early, decomposed all the same
        fit.done.append((level, LOW_RANK))
    for listener in settings.listeners:
        listener.end_training(fit)
    return fit


def resume(earlier: Fit, plan: list[tuple[int, str]]) -> Fit:
    """The part of an earlier fit that a plan shares, as far as its parameters are known."""
    n_full = sum(stage == FULL_RANK for _, stage in earlier.done)
    for n, parameters in ((len(earlier.done), earlier.parameters), (n_full, earlier.start)):
        if parameters is not None and earlier.done[:n] == plan[:n]:
            done, is_all = earlier.done[:n], n == len(earlier.done)
            model, pairs = (earlier.model, earlier.pairs) if is_all else (FullRank(earlier.model.axes), [])
            history = [record for record in earlier.history if (record["level"], record["phase"]) in done]
            return replace(earlier, model=model, parameters=parameters, pairs=pairs, done=done, history=history)
    return Fit()


def axes_at(samples: Samples, settings: Settings):
    return axes_of(samples.inputs, samples.n_outputs, settings.sigma, samples.weight)


def choose_alphas(
    samples: Samples, coarsest: Shapes, settings: Settings
) -> tuple[dict[str, Stage], list[dict], Choice | None]:
    """The settings of both stages with their penalties, which mean the same at every level.

    What was tried comes with them, and what the choice knows of the first full-rank stage.
    """
    low, full, share, choice, path = settings.low_rank, settings.full_rank, 1.0, None, []
    alphas = low.alphas
    if None in alphas:
        blocks, part = blocks_for_choice(samples, coarsest, settings.loss)
        model = FullRank(axes_at(blocks, settings))
        given = (None if alpha is None else alpha / part for alpha in alphas)
        choice = select_alphas(model, blocks, settings.loss, *given)
        path = choice.path
        if path and settings.full_rank_levels > 0 and settings.stage_of_result == LOW_RANK:
            low_rank = DECOMPOSITIONS[settings.decomposition](model.axes, settings.nonnegative)
            share, more = low_rank_share(model, low_rank, settings.rank, blocks, settings.loss, choice, settings.seed)
            path = path + more
        alphas = (part * choice.alpha_spatial, part * choice.alpha_l2)
        path = [{**tried, **{name: part * tried[name] for name in ("alpha_spatial", "alpha_l2")}} for tried in path]
    own = (own if own is not None else alpha for own, alpha in zip(full.alphas, alphas, strict=True))
    chosen = (share * alpha if own is None else own for own, alpha in zip(low.alphas, alphas, strict=True))
    return {FULL_RANK: with_alphas(full, *own), LOW_RANK: with_alphas(low, *chosen)}, path, choice


def with_alphas(stage: Stage, alpha_spatial: float, alpha_l2: float) -> Stage:
    """The stage with other penalties."""
    return replace(stage, alpha_spatial=alpha_spatial, alpha_l2=alpha_l2)


def pyramid(samples: Samples, resolutions: Sequence[Shapes], levels: Sequence[int]) -> Iterator[Samples]:
    """The samples at some levels, coarse to fine.

    Fields that nest in a finer level are made of that, all before the first is needed; others are made when they are,
    of the finest.
    """
    finest = finer = samples.merge()
    del samples
    made: dict[int, Samples] = {}
    for level in reversed(levels):
        shapes = resolutions[level]
        if finer.inputs.coarsens_in_steps and nests(
            finest.inputs.modes, finest.inputs.shapes, finer.inputs.shapes, shapes
        ):
            made[level] = finer = finer.coarsen(shapes)
    del finer
    for level in levels:
        if resolutions[level] == finest.inputs.shapes:
            yield finest.without_products()
        else:
            yield made.pop(level) if level in made else finest.coarsen(resolutions[level])


def next_model(fit: Fit, samples: Samples, stage: str, settings: Settings) -> tuple[TensorModel, Parameters]:
    """The model of a stage and where it starts: lines 4, 11, 14 and 23 of Algorithm 1."""
    axes = axes_at(samples, settings)
    if stage == FULL_RANK:
        model = FullRank(axes)
        return model, model.initial(samples.weight) if fit.model is None else fit.model.finegrain(fit.parameters, model)
    model = DECOMPOSITIONS[settings.decomposition](axes, settings.nonnegative)
    if fit.model is None:
        mass = float(torch.stack([mass.sum() for mass in samples.inputs.mass(samples.weight.sum(1))]).prod())
        return model, model.random(settings.rank, samples.weight, mass, settings.seed)
    if isinstance(fit.model, FullRank):
        return model, model.from_full_rank(fit.parameters, settings.rank, settings.seed)
    return model, fit.model.finegrain(fit.parameters, model)


def carry_pairs(fit: Fit, model: TensorModel) -> list[Pair]:
    """Steps and changes of gradient of the low-rank level before, on the grids of this one."""
    if isinstance(model, FullRank) or type(fit.model) is not type(model):
        return []
    return [(fit.model.finegrain(moved, model), fit.model.finegrain_gradient(bend, model)) for moved, bend in fit.pairs]


def opt(
    model: TensorModel, samples: Samples, start: Parameters, stage: Stage, settings: Settings, watch: Watch,
    pairs: Sequence[Pair], choice: Choice | None = None,
) -> tuple[Parameters, list[Pair]]:  # fmt: skip
    """Opt of Algorithm 1; a full tensor under squared loss is solved for where that is affordable, or was before.

    On a finer level, which starts near its solution, steps are cheaper than solving any but small systems.
    """
    objective = Objective.of_samples(model, samples, settings.loss, stage.alpha_spatial, stage.alpha_l2)
    full_batch = isinstance(model, FullRank) and stage.solver.name == "lbfgs"
    if full_batch and choice is not None and choice.start is not None:
        start = choice.start
    largest = ridge.LARGEST_SYSTEM if watch.fit.model is None else ridge.SMALL_SYSTEM
    if not (full_batch and settings.loss is SquaredLoss and ridge.is_affordable(model, samples, largest)):
        return solve(objective, start, stage.solver, watch, pairs)
    if choice is not None and choice.is_solved and stage.alphas == (choice.alpha_spatial, choice.alpha_l2):
        parameters = start
    else:
        parameters = ridge.RidgeDesign(model, samples).solve(*stage.alphas, samples.weight)
    value, loss, gradient = objective.value_and_gradient(parameters)
    watch(loss, value, gradient, parameters)
    return parameters, []


class Watch:
    """Sees the epochs of a level: writes them into the history, keeps the best weights, says when to stop."""

    def __init__(
        self, model: TensorModel, level: int, stage: str, fit: Fit, settings: Settings, validation: Samples | None,
        start: Parameters, began: float,
    ):  # fmt: skip
        resolution = {axis.mode.name: axis.shape for axis in model.axes if axis.smoothness is not None}
        self.common = {"level": level, "phase": stage, "resolution": resolution}
        self.model, self.fit, self.settings, self.began = model, fit, settings, began
        self.validation = None if validation is None else Objective.of_samples(model, validation, settings.loss, 0, 0)
        criterion = settings.criterion
        self.rises = None if criterion is None else Rises(criterion, settings.tol, settings.patience)
        self.lowest, self.kept, self.is_last, self.epoch = float("inf"), None, False, 0
        self.last, self.least, self.good = start, float("inf"), start

    def __call__(self, loss: Tensor, objective: Tensor, gradient: Parameters, parameters: Parameters) -> bool:
        """Take note of an epoch; True ends the level."""
        self.epoch += 1
        record = {
            **self.common,
            "epoch": self.epoch,
            "seconds": perf_counter() - self.began,
            "train_loss": float(loss),
            "objective": float(objective),
            "validation_loss": float("nan"),
            **gradient_statistics(gradient),
        }
        if not isfinite(record["objective"]):
            self.diverge(record)
            return True
        if record["objective"] < self.least:  # of the weights that the epoch began with, or better ones
            self.least, self.good = record["objective"], self.last
        self.last = parameters
        if self.validation is not None:
            record["validation_loss"] = self.validation_loss(parameters)
            if record["validation_loss"] < self.lowest:
                self.lowest, self.kept = record["validation_loss"], parameters
        else:
            self.kept = parameters
        self.fit.history.append(record)
        ended = [listener.end_epoch(record, self.fit_now) for listener in self.settings.listeners]
        return any(ended) or (self.rises is not None and self.rises.enough(record))

    def fit_now(self) -> Fit:
        """The fit as if training ended here."""
        parameters = self.last if self.kept is None else self.kept
        return replace(self.fit, model=self.model, parameters=parameters, history=list(self.fit.history))

    def validation_loss(self, parameters: Parameters) -> float:
        with torch.no_grad():
            return float(self.validation.data_loss(parameters))

    @property
    def can_be_interrupted(self) -> bool:
        """Whether what has been learned so far is worth keeping."""
        stage = self.settings.stage_of_result
        return self.settings.keep_interrupted and any(record["phase"] == stage for record in self.fit.history)

    def interrupt(self) -> Parameters:
        """End training with the last weights, or those that the level began with."""
        self.is_last = True
        warnings.warn(
            f"training was interrupted at level {self.common['level']} ({self.common['phase']}, "
            f"{self.common['resolution']}), after {self.epoch} epoch(s). It ends here, with the best weights so far.",
            RuntimeWarning,
            stacklevel=2,
        )
        return self.last

    def diverge(self, record: dict) -> None:
        """End training with good weights: steps may have left them epochs before the objective is no number."""
        self.is_last = True
        if self.validation is None or not self.validation_loss(self.good) >= self.lowest:
            self.kept = self.good
        warnings.warn(
            f"training diverged at level {record['level']} ({record['phase']}, {record['resolution']}), epoch "
            f"{record['epoch']}: the objective is {record['objective']}. Training ends here, with the last good "
            "weights; a lower learning_rate, or stronger penalties, would help.",
            RuntimeWarning,
            stacklevel=2,
        )
