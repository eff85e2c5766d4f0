"""Gauss-Newton steps for fields, whose equations are solved without a pass over the data."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import (
    Epoch,
    Monitor,
    SolverSettings,
    State,
    fetched,
    flatten,
    group_of,
    grouped,
    never,
    numbers,
    unflatten,
)
from sklearn_mrtl.core.solvers.line_search import Trial, wolfe_search
from sklearn_mrtl.core.solvers.linearized import Linearization, Solver
from sklearn_mrtl.core.stopping import gradient_statistics

SUFFICIENT = 0.1  # part of what the gradient promises: a step gains half of it where the equations are exact
SHORT = 0.1  # where a search leaves less of a step, the equations do not hold so far
SIMILAR = 0.1  # squared relative step after which the equations are about those before it


def gauss_newton(
    objective: Objective,
    start: Parameters,
    linearization: Linearization,
    settings: SolverSettings,
    monitor: Monitor = never,
    state: State | None = None,
) -> Parameters:
    """Minimize by Gauss-Newton steps with a line search.

    The gradient is that of all data on the fine cells; the equations of a step have the penalties on the fine cells and
    the data on coarse ones, see `two_level`. Where factors are small, or components cancel, the equations hold for
    short steps only: after a search that leaves little of a step, the next ones are damped (Levenberg 1944). A level
    ends when the next step is expected to gain little, which the equations before a short step can tell. A step waits
    for a GPU twice: after its evaluation, and for the equations, which are solved on the CPU.

    Parameters
    ----------
    linearization : Linearization
        Of the objective.
    """
    parameters, n_steps, damping, solver = start, 0, 0.0, None
    if state is not None:
        parameters, n_steps, damping = group_of(state, "parameters"), int(state["n_steps"]), float(state["damping"])
        last = {name: value.cpu() for name, value in group_of(state, "last").items()}
        solver = linearization.solver(last) if last else None

    def evaluate(x: Tensor, direction: Tensor, length: float = 0.0) -> Trial:
        value, loss, gradient = objective.value_and_gradient(unflatten(x, start))
        flat = flatten(gradient)
        found = fetched(value=value, loss=loss, derivative=flat @ direction, **gradient_statistics(gradient))
        return Trial(found.pop("value"), found.pop("derivative"), (x, found.pop("loss"), flat, found, length))

    def step_of(solver: Solver) -> tuple[Tensor, float]:
        """Return the step, and what it is expected to gain."""
        step = flatten(solver(unflatten(of_gradient, start)))
        return step, float(step @ of_gradient) / 2

    def epoch(*, is_last: bool = False) -> Epoch:
        after = {name: value.clone() for name, value in parameters.items()}
        state = {"n_steps": numbers(n_steps), "damping": numbers(damping)}
        state |= grouped(parameters=after, last={} if solver is None else at)
        of_state = None if is_last else lambda: state
        return Epoch(loss, value, unflatten(gradient, start), statistics, after, of_state)

    x, null_loss = flatten(parameters), objective.null_loss()
    trial = evaluate(x, torch.zeros_like(x))
    value, (_, loss, gradient, statistics, _) = trial.value, trial.point
    while n_steps < settings.max_epochs:
        of_x, of_gradient = torch.stack([x, gradient]).cpu()
        at, rounding = unflatten(of_x, start), torch.finfo(x.dtype).eps * abs(value)
        enough = settings.convergence / 3 * max(min(null_loss - value, abs(value)), 0.01 * abs(value))
        enough = max(enough, rounding)
        is_near = solver is not None and step_of(solver)[1] <= enough
        was_damped = damping > 0
        for trying in [] if is_near else dict.fromkeys((damping, 0.0)):  # damped steps gain little wherever they are
            damping, solver = trying, linearization.solver(at, trying)
            step, gain = step_of(solver)
            if gain > enough:
                break
        found = None
        if not is_near and gain > enough:
            direction = -step.to(x.device)
            search = partial(lambda x, d, length: evaluate(x + length * d, d, length), x, direction)
            found = wolfe_search(search, value, -2 * gain, 1.0, rounding, sufficient=SUFFICIENT)
        if found is None:
            if n_steps == 0:  # the monitor sees one epoch of every level
                monitor(epoch(is_last=True))
            break
        is_last = was_damped and not damping and value - found.value <= enough  # neither way leads on
        value, (x, loss, gradient, statistics, length), n_steps = found.value, found.point, n_steps + 1
        parameters = unflatten(x, start)
        change = linearization.relative_square(unflatten(step, start), at)
        damping = next_damping(damping, 2 * gain, change, length)
        if damping or change * length**2 > SIMILAR:
            solver = None
        if monitor(epoch(is_last=is_last)) or is_last:
            break
    return parameters


def next_damping(damping: float, promised: float, change: float, length: float) -> float:
    """Return the damping of the next step.

    Parameters
    ----------
    damping, promised, change : float
        Of the step before; what the gradient promises for it, and its relative square.
    length : float
        The part of it that was taken. If that is little, the damping is one with which the whole step along the same
        direction would have been as short.
    """
    if length >= 1:
        return damping / 10
    is_long = damping > 0 or length < SHORT
    return damping + promised / change * (1 / length - 1) if is_long and change else damping
