"""Gauss-Newton steps for fields, whose equations are solved without a pass over the data."""

from __future__ import annotations

from collections.abc import Callable
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
from sklearn_mrtl.core.solvers.linearized import Linearization
from sklearn_mrtl.core.stopping import gradient_statistics

SUFFICIENT = 0.1  # part of what the gradient promises: a step gains half of it where the equations are exact


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
    the data on coarse ones, see `two_level`. A level ends when the next step is expected to gain little, which the
    equations of the step before can tell. A step waits for a GPU twice: after its evaluation, and for the equations,
    which are solved on the CPU.

    Parameters
    ----------
    linearization : Linearization
        Of the objective.
    """
    parameters, n_steps, last = start, 0, None
    if state is not None:
        parameters, n_steps = group_of(state, "parameters"), int(state["n_steps"])
        last = flatten(group_of(state, "last")).cpu()  # the point of the last equations

    def evaluate(x: Tensor, direction: Tensor) -> Trial:
        value, loss, gradient = objective.value_and_gradient(unflatten(x, start))
        flat = flatten(gradient)
        found = fetched(value=value, loss=loss, derivative=flat @ direction, **gradient_statistics(gradient))
        return Trial(found.pop("value"), found.pop("derivative"), (x, found.pop("loss"), flat, found))

    def step_of(solver: Callable[[Parameters], Parameters], of_gradient: Tensor) -> Tensor:
        return flatten(solver(unflatten(of_gradient, start)))

    def epoch(*, is_last: bool = False) -> Epoch:
        after = {name: value.clone() for name, value in parameters.items()}
        state = {"n_steps": numbers(n_steps), **grouped(parameters=after, last=unflatten(of_x, start))}
        of_state = None if is_last else lambda: state
        return Epoch(loss, value, unflatten(gradient, start), statistics, after, of_state)

    x, null_loss = flatten(parameters), objective.null_loss()
    trial = evaluate(x, torch.zeros_like(x))
    value, (_, loss, gradient, statistics) = trial.value, trial.point
    solver = None if last is None else linearization.solver(unflatten(last, start))
    while n_steps < settings.max_epochs:
        of_x, of_gradient = torch.stack([x, gradient]).cpu()
        enough = settings.convergence / 3 * max(min(null_loss - value, abs(value)), 0.01 * abs(value))
        rounding = torch.finfo(x.dtype).eps * abs(value)
        step = None if solver is None else step_of(solver, of_gradient)
        if step is None or float(step @ of_gradient) / 2 > max(enough, rounding):
            solver = linearization.solver(unflatten(of_x, start))
            step = step_of(solver, of_gradient)
        derivative, direction = -float(step @ of_gradient), -step.to(x.device)
        found = None
        if -derivative / 2 > max(enough, rounding):
            at = partial(lambda x, d, step: evaluate(x + step * d, d), x, direction)
            found = wolfe_search(at, value, derivative, 1.0, rounding, sufficient=SUFFICIENT)
        if found is None:
            if n_steps == 0:  # the monitor sees one epoch of every level
                monitor(epoch(is_last=True))
            break
        value, (x, loss, gradient, statistics), n_steps = found.value, found.point, n_steps + 1
        parameters = unflatten(x, start)
        if monitor(epoch()):
            break
    return parameters
