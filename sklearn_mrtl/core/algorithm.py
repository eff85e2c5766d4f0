"""Algorithm 1 of the paper, to be read beside it: a loop over the steps of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from time import perf_counter
from typing import Any

import torch

from sklearn_mrtl.core.block_objective import make_objective
from sklearn_mrtl.core.callbacks import CallbackList, TrainingCallback
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import AnySamples
from sklearn_mrtl.core.data.levels import LevelData
from sklearn_mrtl.core.fit import Fit, resume
from sklearn_mrtl.core.forecast import LevelForecast
from sklearn_mrtl.core.models.axes import Axis, axes_of
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import LowRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Sum
from sklearn_mrtl.core.monitor import LevelMonitor
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.choice import Choice, choose
from sklearn_mrtl.core.plan import Decompose, Finegrain, Initialize, Plan, Step, Train, phases_of
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, Settings
from sklearn_mrtl.core.sketches import start_sum
from sklearn_mrtl.core.solvers import ridge
from sklearn_mrtl.core.solvers.base import group_of
from sklearn_mrtl.core.solvers.solve import solve, solve_exactly, solves_exactly


@dataclass(frozen=True, eq=False)
class Run:
    """A training: its plan, settings and data, which its steps share; when it began, without interruptions."""

    plan: Plan
    settings: Settings
    data: LevelData
    callback: TrainingCallback
    choice: Choice
    began: float
    forecast: LevelForecast


def mrtl(
    samples: AnySamples,
    resolutions: Sequence[Shapes],
    plan: Plan,
    settings: Settings,
    validation: AnySamples | None = None,
    earlier: Fit | None = None,
    callbacks: Sequence[TrainingCallback] = (),
) -> Fit:
    """Run Algorithm 1.

    Parameters
    ----------
    samples, validation : Samples or BlockSamples
        At the finest resolution.
    resolutions : sequence of shapes
        Shape of every mode at each level, coarse to fine.
    plan : sequence of Step
        For all levels or the coarsest ones; see `plan.paper_plan`.
    settings : Settings
    earlier : Fit
        Of the same samples and settings; the steps that it has done of the plan are not repeated.
    callbacks : sequence of TrainingCallback

    Returns
    -------
    Fit
    """
    fit, callback, began = resume(earlier, plan), CallbackList(callbacks), perf_counter()
    steps = plan[len(fit.done) :]
    data = LevelData(samples, validation, resolutions, sorted({step.level for step in steps}))
    callback.begin_training(sum(isinstance(step, Train) for step in steps))
    choice = Choice(fit.phases, fit.rank, fit.alpha_path, terms=fit.terms, degrees_of_freedom=fit.degrees_of_freedom)
    if not fit.phases:
        in_row_order = data.peek() if samples.inputs.coarsens_in_steps else samples
        choice = choose(in_row_order, resolutions[0], phases_of(plan), settings, callback.expect_choice)
        del in_row_order
        if choice.path:
            callback.end_choice(choice.rank, choice.path, perf_counter() - began)
    del samples, validation  # so that `data` can release their memory
    fit.phases, fit.rank, fit.alpha_path = choice.phases, choice.rank, choice.path
    fit.terms, fit.degrees_of_freedom = choice.terms, choice.degrees_of_freedom
    seconds_before = fit.history[-1]["seconds"] if fit.history else 0.0
    settings = replace(settings, rank=choice.rank)
    run = Run(plan, settings, data, callback, choice, began - seconds_before, LevelForecast(callback))

    for step in steps_to_do(plan, fit):
        data.move_to(step.level)
        match step:
            case Initialize():
                initialize(fit, step, run)
            case Train():
                train(fit, step, run)
            case Finegrain():
                finegrain(fit, run)
            case Decompose():
                decompose(fit, run)
        fit.done.append(step)
        callback.end_step(fit)

    callback.end_training(fit)
    return fit


def steps_to_do(plan: Plan, fit: Fit) -> Iterator[Step]:
    """Yield the steps that are not done; after an early end only the decomposition that closes the plan, if any."""
    for step in plan[len(fit.done) :]:
        if fit.has_ended:
            if isinstance(plan[-1], Decompose):
                yield Decompose(fit.done[-1].level)
            return
        yield step


def initialize(fit: Fit, step: Initialize, run: Run) -> None:
    """Run line 1: full-rank weights of 0, or from the choice of penalties; or random factors."""
    weight, axes = run.data.training.weight, axes_at(run)
    if step.phase == FULL_RANK:
        terms = run.choice.terms
        full_rank = fit.model = start_sum(axes, terms, run.settings) if terms else FullRank(axes)
        fit.parameters = full_rank.initial(weight) if run.choice.start is None else run.choice.start
    else:
        low_rank = fit.model = make_low_rank(axes, run.settings)
        mean_squares = run.data.training.mean_squares()
        mean_square = float(torch.stack([values.sum() for values in mean_squares]).prod())
        fit.parameters = low_rank.random(run.settings.required_rank, weight, mean_square, run.settings.seed)


def train(fit: Fit, step: Train, run: Run) -> None:
    """Run lines 5 to 9 or 17 to 21: Opt until the stopping criterion is true."""
    phase, samples = fit.phases[step.phase], run.data.training
    run.callback.begin_level(step.level, step.phase, phase.solver.max_epochs)
    objective = make_objective(fit.model, samples, run.settings.loss, phase.alphas)
    monitor = LevelMonitor(fit, step, run.data.validation, run.settings, run.callback, run.began)
    is_first = not any(isinstance(done, Train) for done in fit.done)
    if is_first and step.phase == LOW_RANK:
        check_random_start(objective, fit.parameters)
    largest = ridge.LARGEST_SYSTEM if is_first else ridge.SMALL_SYSTEM
    solver_state = None
    if fit.level_state:
        monitor.restore(group_of(fit.level_state, "monitor"))
        solver_state, fit.level_state = group_of(fit.level_state, "solver"), {}
    try:
        if solves_exactly(objective, samples, phase.solver, largest):
            parameters = solve_exactly(objective, samples, monitor)
        else:
            run.forecast.begin(step, objective, fit.parameters, phase.solver.max_epochs, monitor.epoch)
            parameters = solve(objective, fit.parameters, phase.solver, monitor, solver_state, run.data.view())
            run.forecast.end(step, objective, monitor.epoch)
        if phase.solver.name != "lbfgs":
            monitor.check_last_step(objective)
    except KeyboardInterrupt:
        if not monitor.can_be_interrupted(in_phase=phases_of(run.plan)[-1]):
            raise
        parameters = monitor.interrupt()
    fit.parameters = monitor.best(parameters)
    is_over = run.callback.end_level(replace(fit, done=[*fit.done, step]))
    fit.has_ended = bool(is_over) or monitor.ends_training


def check_random_start(objective: Objective, parameters: Parameters) -> None:
    """Refuse random factors with which the loss is not finite: no step leads away from them."""
    with torch.no_grad():
        loss = float(objective.data_loss(parameters))
    if not isfinite(loss):
        raise ValueError(
            f"full_rank_levels=0 starts from random factors, whose loss must be finite, got {loss}: some rows of X are "
            "very large beside those with the largest sample_weight. full_rank_levels='auto' starts from 0."
        )


def finegrain(fit: Fit, run: Run) -> None:
    """Run line 10 or lines 22 to 24: interpolate the weights to the finer level."""
    coarse, finer = fit.model, fit.model.with_axes(axes_at(run))
    fit.model, fit.parameters = finer, coarse.finegrain(fit.parameters, finer)


def decompose(fit: Fit, run: Run) -> None:
    """Run line 14: CP_ALS, or another decomposition."""
    fit.before_decomposition, settings = (fit.model, fit.parameters), run.settings
    if isinstance(fit.model, Sum):
        kind = DECOMPOSITIONS[settings.decomposition]
        fit.model, fit.parameters = fit.model.decomposed(fit.parameters, kind, settings.nonnegative, settings.seed)
    else:
        low_rank = make_low_rank(fit.model.axes, settings)
        fit.parameters = low_rank.from_full_rank(fit.parameters, settings.required_rank, settings.seed)
        fit.model = low_rank
    run.data.release_products()


def axes_at(run: Run) -> tuple[Axis, ...]:
    """Return the axes of the weight tensor at the present level."""
    samples = run.data.training
    inputs, sigma = samples.inputs, run.settings.sigma
    return axes_of(inputs.modes, inputs.shapes, inputs.masks, samples.n_outputs, sigma, samples.weight, samples.target)


def make_low_rank(axes: Sequence[Axis], settings: Settings) -> LowRank[Any]:
    """Return the low-rank model of the settings."""
    return DECOMPOSITIONS[settings.decomposition](axes, settings.nonnegative)
