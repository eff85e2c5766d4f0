"""Strengths of many penalties at once: generalized Fellner-Schall updates (Wood and Fasiolo 2017).

For penalties ``sum_k alpha_k b' S_k b`` of weights b, one step towards the largest restricted likelihood is

    alpha_k <- alpha_k phi (tr(P^- S_k) - tr(H^-1 S_k)) / (b' S_k b)

with P the second derivative of all penalties, H = A + P that of the objective, A that of the loss, and phi its
dispersion over the number of samples. The difference of the traces is tr(H^-1 A P^- S_k), which is not negative.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, pi, prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.terms import SEPARATOR, Strengths, Sum, Term, full_rank_sum
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.directional import DirectionalSmoothness
from sklearn_mrtl.core.solvers.base import SolverSettings, flatten, unflatten
from sklearn_mrtl.core.solvers.lbfgs import lbfgs
from sklearn_mrtl.modes import Grid

EACH = Alphas(1.0, 1.0)  # the strengths are those of the terms
MAX_ROUNDS = 30  # 10 to 15 are usual
ENOUGH = 0.1  # change of the logarithms of the strengths that ends the rounds
LARGEST_STEP = 30.0  # factor by which a round may change a strength
STRONGEST, WEAKEST = 1e6, 1e-8  # relative to the second derivative of the loss
EMPTY = 0.1  # degrees of freedom of a term below which it explains nothing
DENSE_COLUMNS = 1500  # weights of all terms up to which matrices of them are made
DENSE_ENTRIES = 50_000_000  # of the design matrix: 400 MB
N_PROBES = 4  # random vectors; the error of d degrees of freedom is about the root of 2 d / N_PROBES


@dataclass(frozen=True)
class Penalty:
    """One penalty b' S b: squares of a term's weights, or of their differences along an axis of a grid.

    Attributes
    ----------
    term : int
        Number of the term.
    mode, axis : int
        Position of the grid among the term's modes, and the axis of the grid; mode -1: squares.
    """

    term: int
    mode: int = -1
    axis: int = -1

    def of(self, strengths: Strengths) -> float | None:
        """Return the strength of this penalty."""
        return strengths.l2 if self.mode < 0 else strengths.spatial[self.mode][self.axis]

    def replaced(self, strengths: Strengths, alpha: float) -> Strengths:
        """Return the strengths with another one of this penalty."""
        if self.mode < 0:
            return replace(strengths, l2=alpha)
        spatial = [list(along) for along in strengths.spatial]
        spatial[self.mode][self.axis] = alpha
        return replace(strengths, spatial=tuple(map(tuple, spatial)))


def penalties_of(terms: Sequence[Term], axes: Sequence[Axis]) -> list[Penalty]:
    """Return all penalties of the terms; an axis of one cell has none."""
    penalties = []
    for t, term in enumerate(terms):
        penalties.append(Penalty(t))
        for position, m in enumerate(term.modes):
            if isinstance(axes[m].mode, Grid):
                penalties += [Penalty(t, position, axis) for axis, n in enumerate(axes[m].shape) if n > 1]
    return penalties


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
    samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], loss: Loss, solver: SolverSettings
) -> Estimate:
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
    """
    penalties = penalties_of(terms, axes)
    sizes = [prod(axis.size for axis in term.axes(axes)) for term in terms]
    units = typical_strengths(samples, axes, terms, loss)
    given = [penalty.of(terms[penalty.term].strengths) for penalty in penalties]
    alphas = [unit if alpha is None else alpha for alpha, unit in zip(given, units, strict=True)]
    traces = make_traces(samples, axes, terms, penalties)
    parameters: Parameters | None = None
    for _ in range(MAX_ROUNDS):
        terms = with_strengths(terms, penalties, alphas)
        model = full_rank_sum(axes, terms)
        objective = Objective.from_samples(model, samples, loss, EACH)
        parameters, _ = lbfgs(objective, model.initial(samples.weight) if parameters is None else parameters, solver)
        with torch.no_grad():
            second = loss.second_derivatives(model.scores(parameters, samples.inputs)).double()
            mean_loss = float(objective.data_loss(parameters))
        second *= (objective.weight / objective.total)[:, None]
        numerators, degrees = traces(model, alphas, second)
        dispersion = 1.0
        if loss is SquaredLoss:
            free = max(objective.total - sum(degrees) / model.n_outputs, 0.1 * objective.total)
            dispersion = 2 * mean_loss * objective.total / free / model.n_outputs
        updated = []
        for penalty, alpha, fixed, numerator, unit in zip(penalties, alphas, given, numerators, units, strict=True):
            if fixed is None:
                energy = penalty_energy(penalty, model, parameters)
                ratio = dispersion / objective.total * max(numerator, 0.0) / max(energy, 1e-300)
                ratio = min(max(ratio, 1 / LARGEST_STEP), LARGEST_STEP)
                alpha = min(max(alpha * ratio, WEAKEST * unit), STRONGEST * unit)
            updated.append(alpha)
        changes = [
            abs(log(new / old)) for new, old, penalty in zip(updated, alphas, penalties, strict=True)
            if old > 0 and degrees[penalty.term] > EMPTY
        ]  # fmt: skip
        alphas = updated
        if max(changes, default=0.0) < ENOUGH:
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
    unfolded = weights.movedim(penalty.mode, 0).reshape(weights.shape[penalty.mode], -1)
    return float(unit_smoothness(part.axes[penalty.mode], penalty.axis).roughness(unfolded)) / part.n_entries


def unit_smoothness(axis: Axis, direction: int) -> DirectionalSmoothness:
    """Return the smoothness along one direction of a grid, with strength 1."""
    strengths = [float(a == direction) for a in range(len(axis.shape))]
    return DirectionalSmoothness(axis.mode, axis.shape, strengths, axis.mask, axis.smoothness.like)


class Traces(ABC):
    """tr(P^- S_k) - tr(H^-1 S_k) of every penalty, and the degrees of freedom tr(H^-1 A) of every term.

    S_k are divided by the number of entries of the term's weight tensor, as in the objective.
    """

    @abstractmethod
    def __call__(self, model: Sum, alphas: Sequence[float], second: Tensor) -> tuple[list[float], list[float]]:
        """Return them at these strengths.

        Parameters
        ----------
        model : Sum
            Of full-rank terms.
        alphas : sequence of float
            One for each penalty.
        second : Tensor of shape (n, T)
            Second derivative of the loss by each score, times the sample's fraction of the weights.
        """


def make_traces(
    samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], penalties: Sequence[Penalty]
) -> Traces:  # fmt: skip
    """Return exact traces where their matrices are small, otherwise estimates."""
    n_columns = sum(prod(axes[m].size for m in term.modes) for term in terms)
    masked = any(axis.mask is not None for axis in axes)
    if masked or (n_columns <= DENSE_COLUMNS and n_columns * samples.inputs.n_rows <= DENSE_ENTRIES):
        return ExactTraces(samples, axes, terms, penalties)
    return EstimatedTraces(samples, axes, terms, penalties)


class ExactTraces(Traces):
    """Traces from the matrices themselves, in double precision."""

    def __init__(
        self, samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], penalties: Sequence[Penalty]
    ):  # fmt: skip
        designs = [samples.inputs.of_modes(term.modes).design().double() for term in terms]
        ends = torch.tensor([design.shape[1] for design in designs]).cumsum(0).add(1).tolist()
        self.columns = [slice(start, end) for start, end in zip([1, *ends[:-1]], ends, strict=True)]
        self.x = torch.cat([designs[0].new_ones(len(designs[0]), 1), *designs], 1)
        self.penalties = penalties
        self.matrices = [dense_penalty(penalty, terms, axes).to(self.x) for penalty in penalties]

    def __call__(self, model: Sum, alphas: Sequence[float], second: Tensor) -> tuple[list[float], list[float]]:
        shrinkage = self.x.new_zeros(self.x.shape[1], self.x.shape[1])
        for penalty, alpha, matrix in zip(self.penalties, alphas, self.matrices, strict=True):
            own = self.columns[penalty.term]
            shrinkage[own, own] += 2 * alpha / model.models[penalty.term].n_entries * matrix
        inverses = [torch.linalg.pinv(shrinkage[own, own], hermitian=True) for own in self.columns]
        numerators, degrees = [0.0] * len(self.penalties), [0.0] * len(self.columns)
        same = bool((second == second[:, :1]).all())
        for t in range(1 if same else second.shape[1]):
            times = second.shape[1] if same else 1
            of_loss = (self.x * second[:, t, None]).T @ self.x
            inverse = torch.linalg.pinv(of_loss + shrinkage, hermitian=True)
            fitted = inverse @ of_loss
            for n, own in enumerate(self.columns):
                degrees[n] += times * float(fitted[own, own].trace())
            for k, (penalty, matrix) in enumerate(zip(self.penalties, self.matrices, strict=True)):
                own = self.columns[penalty.term]
                difference = ((inverses[penalty.term] - inverse[own, own]) * matrix).sum()
                numerators[k] += times * float(difference) / model.models[penalty.term].n_entries
        return numerators, degrees


def dense_penalty(penalty: Penalty, terms: Sequence[Term], axes: Sequence[Axis]) -> Tensor:
    """Return S of a penalty as a matrix of all weights of a term, for one output."""
    matrix = torch.ones(1, 1, dtype=torch.float64)
    for position, m in enumerate(terms[penalty.term].modes):
        if position == penalty.mode:
            own = unit_smoothness(axes[m], penalty.axis).dense_laplacian().double()
        else:
            own = torch.eye(axes[m].size, dtype=torch.float64)
        matrix = torch.kron(matrix, own.cpu())
    return matrix


class EstimatedTraces(Traces):
    """Traces from random vectors e: with u = X' W^(1/2) e and v = H^-1 u, tr(H^-1 A P^- S) is the mean of v' S P^- u.

    P and S are diagonal in the eigenvectors of the differences along the axes of the grids.
    """

    def __init__(
        self, samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], penalties: Sequence[Penalty]
    ):  # fmt: skip
        self.inputs, self.penalties = samples.inputs, penalties
        self.bases = [[eigenvectors(axes[m], samples.weight) for m in term.modes] for term in terms]
        self.eigenvalues = [eigenvalues(penalty, terms, axes).to(samples.weight) for penalty in penalties]
        self.last: list[Tensor] = []  # solutions for the same probes at the strengths before

    def __call__(self, model: Sum, alphas: Sequence[float], second: Tensor) -> tuple[list[float], list[float]]:
        zero = model.initial(self.eigenvalues[0])
        root = second.sqrt().to(zero["intercept"])
        generator = torch.Generator().manual_seed(0)
        of_term: list[Tensor | float] = [0.0] * len(model.terms)
        for penalty, alpha, values in zip(self.penalties, alphas, self.eigenvalues, strict=True):
            of_term[penalty.term] = of_term[penalty.term] + 2 * alpha / model.models[penalty.term].n_entries * values

        def adjoint(cotangent: Tensor) -> Tensor:
            parameters = {name: value.requires_grad_() for name, value in model.initial(root).items()}
            scores = model.scores(parameters, self.inputs)
            return flatten(dict(zip(parameters, torch.autograd.grad(scores, list(parameters.values()), cotangent), strict=True)))

        def hessian_product(vector: Tensor) -> Tensor:
            parameters = {name: value.detach().requires_grad_() for name, value in unflatten(vector, zero).items()}
            scores = model.scores(parameters, self.inputs)
            penalty = model.penalty(parameters, EACH)
            cotangents = [second.to(scores) * scores.detach(), torch.ones_like(penalty)]
            gradient = torch.autograd.grad([scores, penalty], list(parameters.values()), cotangents)
            return flatten(dict(zip(parameters, gradient, strict=True)))

        scale = flatten(model.natural_scales(zero, self.inputs, second.sum(1).to(root), 1.0, EACH)).square()
        numerators, degrees, last = [0.0] * len(self.penalties), [0.0] * len(model.terms), []
        for probe in range(N_PROBES):
            signs = torch.randint(0, 2, root.shape, generator=generator).to(root) * 2 - 1
            u = adjoint(root * signs)
            v = conjugate_gradients(hessian_product, u, scale, self.last[probe] if self.last else torch.zeros_like(u))
            last.append(v)
            parts = zip(model.parts(unflatten(u, zero)), model.parts(unflatten(v, zero)), strict=True)
            products = []
            for n, ((_, _, of_u), (_, _, of_v)) in enumerate(parts):
                degrees[n] += float((of_u["weights"] * of_v["weights"]).sum()) / N_PROBES
                product = rotated(of_u["weights"], self.bases[n]) * rotated(of_v["weights"], self.bases[n])
                products.append(product.reshape(*of_term[n].shape, -1).sum(-1))
            for k, (penalty, values) in enumerate(zip(self.penalties, self.eigenvalues, strict=True)):
                ratio = products[penalty.term] * values / of_term[penalty.term].clamp(min=1e-300)
                numerators[k] += float(ratio.sum()) / N_PROBES / model.models[penalty.term].n_entries
        self.last = last
        return numerators, degrees


def eigenvectors(axis: Axis, like: Tensor) -> list[Tensor] | None:
    """Return the eigenvectors of the differences along every axis of a grid, as columns; None for a Feature."""
    if not isinstance(axis.mode, Grid):
        return None
    return [torch.linalg.eigh(line_laplacian(axis, a))[1].to(like) for a in range(len(axis.shape))]


def line_laplacian(axis: Axis, direction: int) -> Tensor:
    """Return the Laplacian (n, n) of one axis of a grid."""
    n, periodic = axis.shape[direction], axis.mode.periodic[direction]
    like = torch.zeros(0, dtype=torch.float64)
    return DirectionalSmoothness(Grid("line", n, periodic=periodic), (n,), (1.0,), None, like).dense_laplacian()


def eigenvalues(penalty: Penalty, terms: Sequence[Term], axes: Sequence[Axis]) -> Tensor:
    """Return the eigenvalues of S of a penalty, with a dimension for each Feature and each axis of a Grid."""
    shape: list[int] = []
    values = torch.ones((), dtype=torch.float64)
    for position, m in enumerate(terms[penalty.term].modes):
        for a, n in enumerate(axes[m].shape):
            shape.append(n)
            if (position, a) == (penalty.mode, penalty.axis):
                values = torch.linalg.eigvalsh(line_laplacian(axes[m], a)).clamp(min=0)
                place = len(shape) - 1
    if penalty.mode < 0:
        return torch.ones(shape, dtype=torch.float64)
    return values.reshape([-1 if d == place else 1 for d in range(len(shape))]).expand(shape)


def rotated(weights: Tensor, bases: Sequence[list[Tensor] | None]) -> Tensor:
    """Return weights in the eigenvectors of the grids' axes, shape (*shape of mode 1, ..., outputs)."""
    shape, used = [], []
    for m, basis in enumerate(bases):
        sizes = [weights.shape[m]] if basis is None else [len(vectors) for vectors in basis]
        used += [None] if basis is None else basis
        shape += sizes
    weights = weights.reshape(*shape, -1)
    for dim, vectors in enumerate(used):
        if vectors is not None:
            weights = torch.tensordot(weights, vectors, ([dim], [0])).movedim(-1, dim)
    return weights


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], b: Tensor, preconditioner: Tensor, x: Tensor, *, max_steps: int = 50,
    tolerance: float = 0.02,
) -> Tensor:  # fmt: skip
    """Solve H x = b for a symmetric positive definite H, roughly.

    Parameters
    ----------
    product : callable
        Multiplies by H.
    b : Tensor
    preconditioner : Tensor
        About the inverse of H's diagonal.
    x : Tensor
        Where to begin.
    """
    residual = b - product(x)
    z = preconditioner * residual
    direction, squares = z, residual @ z
    enough = tolerance**2 * float(b @ (preconditioner * b))
    for _ in range(max_steps):
        if float(squares) <= enough:
            break
        image = product(direction)
        step = squares / (direction @ image)
        x = x + step * direction
        residual = residual - step * image
        z = preconditioner * residual
        direction, squares = z + (residual @ z) / squares * direction, residual @ z
    return x
