"""Strengths of many penalties at once: generalized Fellner-Schall updates (Wood and Fasiolo 2017).

For penalties ``sum_k alpha_k b' S_k b`` of weights b, one step towards the largest restricted likelihood is

    alpha_k <- alpha_k phi (tr(P^- S_k) - tr(H^-1 S_k)) / (b' S_k b)

with P the second derivative of all penalties, H = A + P that of the objective, A that of the loss, and phi its
dispersion over the number of samples. The difference of the traces is tr(H^-1 A P^- S_k), which is not negative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, pi, prod
from time import perf_counter

import torch

from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.terms import SEPARATOR, Sum, Term, full_rank_sum
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.options import ignore
from sklearn_mrtl.core.penalties.traces import EACH, Penalty, make_traces, penalties_of, unit_smoothness
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.lbfgs import lbfgs

MAX_ROUNDS = 10  # of more, strengths change further, and log losses no more than by rounding (docs/performance.md)
LARGEST_STEP = 30.0  # factor by which a round may change a strength
STRONGEST, WEAKEST = 1e6, 1e-8  # relative to the second derivative of the loss
EMPTY = 0.1  # degrees of freedom of a penalty below which changes of its strength do not matter


@dataclass(frozen=True, eq=False)
class Estimate:
    """Strengths of all terms, and what is known of the model at them.

    Attributes
    ----------
    terms : tuple of Term
        With their strengths.
    model, parameters : Sum, Parameters
    degrees_of_freedom : list of float
        Effective number of parameters of each term.
    """

    terms: tuple[Term, ...]
    model: Sum
    parameters: Parameters
    degrees_of_freedom: list[float]


def fellner_schall(
    samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], loss: Loss, solver: SolverSettings,
    rows_per_weight: float = 1.0, expect_round: Callable[[float], None] = ignore,
) -> Estimate:  # fmt: skip
    """Estimate the strengths that the terms leave open; keep the others.

    Parameters
    ----------
    samples : Samples
        On a coarse grid.
    axes : sequence of Axis
        Of all modes there, the outputs last.
    terms : sequence of Term
        Strengths that are None are estimated.
    loss : Loss
    solver : SolverSettings
        Of the model's fit in each round.
    rows_per_weight : float
        See `Settings`.
    expect_round : callable
        Called with the seconds of each round.
    """
    if not terms:
        model = full_rank_sum(axes, terms)
        objective = Objective.from_samples(model, samples, loss, EACH)
        return Estimate((), model, lbfgs(objective, model.initial(samples.weight), solver), [])
    penalties = penalties_of(terms, axes)
    units = typical_strengths(samples, axes, terms, loss)
    given = [penalty.of(terms[penalty.term].strengths) for penalty in penalties]
    alphas = [unit if alpha is None else alpha for alpha, unit in zip(given, units, strict=True)]
    traces = make_traces(samples, axes, terms, penalties)
    parameters = full_rank_sum(axes, terms).initial(samples.weight)
    for _ in range(MAX_ROUNDS):
        began = perf_counter()
        terms = with_strengths(terms, penalties, alphas)
        model = full_rank_sum(axes, terms)
        objective = Objective.from_samples(model, samples, loss, EACH)
        parameters = lbfgs(objective, parameters, solver)
        with torch.no_grad():
            second = loss.second_derivatives(model.scores(parameters, samples.inputs)).double()
        second *= (objective.weight / objective.total)[:, None]
        numerators, degrees = traces(model, alphas, second)
        dispersion, n_rows = 1.0, objective.total * rows_per_weight
        if loss is SquaredLoss:
            mean_loss = float(objective.data_loss(parameters).detach())
            free = max(n_rows - sum(degrees) / model.n_outputs, 0.1 * n_rows)
            dispersion = 2 * mean_loss * n_rows / free / model.n_outputs
        updated = []
        for penalty, alpha, fixed, numerator, unit in zip(penalties, alphas, given, numerators, units, strict=True):
            if fixed is None:
                energy = penalty_energy(penalty, model, parameters)
                ratio = dispersion / n_rows * max(numerator, 0.0) / max(energy, 1e-300)
                ratio = min(max(ratio, 1 / LARGEST_STEP), LARGEST_STEP)
                alpha = min(max(alpha * ratio, WEAKEST * unit), STRONGEST * unit)
            updated.append(alpha)
        changes = [
            abs(log(new / old)) for new, old, numerator in zip(updated, alphas, numerators, strict=True)
            if 2 * old * numerator > EMPTY
        ]  # fmt: skip
        alphas = updated
        expect_round(perf_counter() - began)
        if max(changes, default=0.0) < traces.enough:
            break
    return Estimate(tuple(terms), model, parameters, degrees)


def fixed_strengths(
    samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], loss: Loss, factor: float
) -> tuple[Term, ...]:
    """Return the terms with typical strengths, times a factor, where they have none."""
    units = [factor * unit for unit in typical_strengths(samples, axes, terms, loss)]
    typical = with_strengths(terms, penalties_of(terms, axes), units)
    pairs = zip(terms, typical, strict=True)
    return tuple(replace(term, strengths=term.strengths.filled_from(other.strengths)) for term, other in pairs)


def with_strengths(terms: Sequence[Term], penalties: Sequence[Penalty], alphas: Sequence[float]) -> list[Term]:
    """Return the terms with a strength for each penalty."""
    strengths = [term.strengths for term in terms]
    for penalty, alpha in zip(penalties, alphas, strict=True):
        strengths[penalty.term] = penalty.replaced(strengths[penalty.term], alpha)
    return [replace(term, strengths=own) for term, own in zip(terms, strengths, strict=True)]


def typical_strengths(samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], loss: Loss) -> list[float]:
    """Return for each penalty the strength at which it is as curved as the loss.

    Of differences, along the smoothest wave: half a wavelength on the axis, pi^2 its mean squared gradient.
    """
    weight = samples.weight.sum(1)
    curvatures = []
    for term in terms:
        squares = samples.inputs.of_modes(term.modes).mean_squares(weight)
        of_data = prod(float(values.mean()) for values in squares)
        n_outputs = prod(axis.size for axis in axes if axis.is_output)
        n_weights = prod(axis.n_free for axis in term.axes(axes))
        curvatures.append(loss.curvature * of_data / n_outputs * n_weights / 2)
    return [curvatures[p.term] / (1.0 if p.mode < 0 else pi**2) for p in penalties_of(terms, axes)]


def penalty_energy(penalty: Penalty, model: Sum, parameters: Parameters) -> float:
    """Return b' S b of a penalty, as a mean over the entries of the term's weight tensor."""
    part = model.models[penalty.term]
    weights = parameters[model.terms[penalty.term].name + SEPARATOR + "weights"]
    if penalty.mode < 0:
        return float(weights.square().sum()) / part.n_entries
    smoothness = unit_smoothness(part.axes[penalty.mode], penalty.axis)
    return float(smoothness.roughness(weights, penalty.mode)) / part.n_entries
