"""Traces of penalties' matrices, exact or estimated: what Fellner-Schall updates need (Wood and Fasiolo 2017).

For penalties ``sum_k alpha_k b' S_k b`` of weights b, with P the second derivative of all penalties, A that of the loss
and H = A + P, they are tr(P^- S_k) - tr(H^-1 S_k) = tr(H^-1 A P^- S_k).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod
from typing import ClassVar

import torch
from torch import Tensor

from sklearn_mrtl.core.data.moments import DenseMoments, Moments, sparse_moments
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.terms import Strengths, Sum, Term
from sklearn_mrtl.core.penalties.directional import DirectionalSmoothness
from sklearn_mrtl.core.separable import DenseMatrix
from sklearn_mrtl.core.solvers.base import flatten, unflatten
from sklearn_mrtl.core.solvers.conjugate_gradients import conjugate_gradients
from sklearn_mrtl.modes import Grid

EACH = Alphas(1.0, 1.0)  # the strengths are those of the terms
DENSE_PRODUCT = 2e9  # multiplications of the design matrix with itself up to which it is made: a tenth of a second
DENSE_COLUMNS = 1500  # weights of all terms up to which matrices of them are made
SPARSE_COLUMNS = 400  # and up to which that takes less time than estimates where encodings are sparse
N_PROBES = 2  # random vectors; the error of d degrees of freedom is about the root of 2 d / N_PROBES


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


def unit_smoothness(axis: Axis, direction: int) -> DirectionalSmoothness:
    """Return the smoothness along one direction of a grid, with strength 1."""
    assert isinstance(axis.mode, Grid) and axis.smoothness is not None
    strengths = [float(a == direction) for a in range(len(axis.shape))]
    return DirectionalSmoothness(axis.mode, axis.shape, strengths, axis.mask, axis.smoothness.like)


class Traces(ABC):
    """tr(P^- S_k) - tr(H^-1 S_k) of every penalty, and the degrees of freedom tr(H^-1 A) of every term.

    S_k are divided by the number of entries of the term's weight tensor, as in the objective. So 2 alpha_k times the
    first are the degrees of freedom of penalty k, which add up to those of its term.
    """

    enough: ClassVar[float]
    """Largest change of the logarithm of a strength with which the rounds end."""

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
    is_small = n_columns <= DENSE_COLUMNS and n_columns**2 * samples.inputs.n_rows <= DENSE_PRODUCT
    parts = [samples.inputs.of_modes(term.modes) for term in terms]
    moments: Moments | None = sparse_moments(parts) if is_small or n_columns <= SPARSE_COLUMNS else None
    if moments is None and (is_small or any(axis.mask is not None for axis in axes)):
        moments = DenseMoments(parts)
    if moments is None:
        return EstimatedTraces(samples, axes, terms, penalties)
    return ExactTraces(moments, axes, terms, penalties)


class ExactTraces(Traces):
    """Traces from the matrices themselves, in double precision.

    Parameters
    ----------
    moments : Moments
        Of the columns of all terms.
    axes : sequence of Axis
    terms : sequence of Term
    penalties : sequence of Penalty
    """

    enough = 0.05

    def __init__(
        self, moments: Moments, axes: Sequence[Axis], terms: Sequence[Term], penalties: Sequence[Penalty]
    ):  # fmt: skip
        ends = torch.tensor(moments.sizes).cumsum(0).tolist()
        self.columns = [slice(start, end) for start, end in pairwise(ends)]
        self.moments, self.penalties = moments, penalties
        self.matrices = [dense_penalty(penalty, terms, axes).to(moments.device) for penalty in penalties]

    def __call__(self, model: Sum, alphas: Sequence[float], second: Tensor) -> tuple[list[float], list[float]]:
        size = self.columns[-1].stop
        shrinkage = torch.zeros(size, size, dtype=torch.float64, device=self.moments.device)
        for penalty, alpha, matrix in zip(self.penalties, alphas, self.matrices, strict=True):
            own = self.columns[penalty.term]
            shrinkage[own, own] += 2 * alpha / model.models[penalty.term].n_entries * matrix
        inverses = [inverse_of(shrinkage[own, own]) for own in self.columns]
        numerators, degrees = [0.0] * len(self.penalties), [0.0] * len(self.columns)
        same = bool((second == second[:, :1]).all())
        for t in range(1 if same else second.shape[1]):
            times = second.shape[1] if same else 1
            of_loss = self.moments(second[:, t])
            inverse = inverse_of(of_loss + shrinkage)
            for n, own in enumerate(self.columns):
                degrees[n] += times * float((inverse[own] * of_loss[own]).sum())
            for k, (penalty, matrix) in enumerate(zip(self.penalties, self.matrices, strict=True)):
                own = self.columns[penalty.term]
                difference = ((inverses[penalty.term] - inverse[own, own]) * matrix).sum()
                numerators[k] += times * float(difference) / model.models[penalty.term].n_entries
        return numerators, degrees


def inverse_of(matrix: Tensor) -> Tensor:
    """Return the inverse of a symmetric matrix, or the pseudo-inverse where it is singular."""
    factor, info = torch.linalg.cholesky_ex(matrix)
    diagonal = factor.diagonal()
    if int(info) == 0 and float(diagonal.min()) > 1e-7 * float(diagonal.max()):
        return torch.cholesky_inverse(factor)
    return torch.linalg.pinv(matrix, hermitian=True)


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

    enough = 0.15

    def __init__(
        self, samples: Samples, axes: Sequence[Axis], terms: Sequence[Term], penalties: Sequence[Penalty], *,
        n_probes: int = N_PROBES, tolerance: float = 0.1, max_steps: int = 30,
    ):  # fmt: skip
        self.inputs, self.weight, self.penalties = samples.inputs, samples.totals()[1], penalties
        self.n_probes, self.tolerance, self.max_steps = n_probes, tolerance, max_steps
        self.bases = [[eigenvectors(axes[m], samples.weight) for m in term.modes] for term in terms]
        self.eigenvalues = [eigenvalues(penalty, terms, axes).to(samples.weight) for penalty in penalties]
        self.last: list[Tensor] = []  # solutions for the same probes at the strengths before

    def __call__(self, model: Sum, alphas: Sequence[float], second: Tensor) -> tuple[list[float], list[float]]:
        zero = model.initial(self.eigenvalues[0])
        root = second.sqrt().to(zero["intercept"])
        generator = torch.Generator().manual_seed(0)
        of_term = [root.new_zeros(())] * len(model.terms)  # eigenvalues of P
        for penalty, alpha, values in zip(self.penalties, alphas, self.eigenvalues, strict=True):
            of_term[penalty.term] = of_term[penalty.term] + 2 * alpha / model.models[penalty.term].n_entries * values

        def adjoint(cotangent: Tensor) -> Tensor:
            parameters = {name: value.requires_grad_() for name, value in model.initial(root).items()}
            scores = model.scores(parameters, self.inputs)
            # Of a sum: with gradients from elsewhere torch imports its symbolic shapes, a third of a second.
            gradient = torch.autograd.grad((scores * cotangent).sum(), list(parameters.values()))
            return flatten(dict(zip(parameters, gradient, strict=True)))

        def hessian_product(vector: Tensor) -> Tensor:
            parameters = {name: value.detach().requires_grad_() for name, value in unflatten(vector, zero).items()}
            scores = model.scores(parameters, self.inputs)
            penalty = model.penalty(parameters, EACH)
            value = (second.to(scores) * scores.detach() * scores).sum() + penalty
            gradient = torch.autograd.grad(value, list(parameters.values()))
            return flatten(dict(zip(parameters, gradient, strict=True)))

        curvature = float(second.sum())  # of the mean sample: columns' mean squares are those of the first round
        scale = flatten(model.natural_scales(zero, self.inputs, self.weight, curvature, EACH)).square()
        numerators, degrees, last = [0.0] * len(self.penalties), [0.0] * len(model.terms), []
        for probe in range(self.n_probes):
            signs = torch.randint(0, 2, root.shape, generator=generator).to(root) * 2 - 1
            u = adjoint(root * signs)
            start = self.last[probe] if self.last else torch.zeros_like(u)
            v = conjugate_gradients(hessian_product, u, scale, start, self.max_steps, self.tolerance)
            last.append(v)
            parts = zip(model.parts(unflatten(u, zero)), model.parts(unflatten(v, zero)), strict=True)
            products = []
            for n, ((_, _, of_u), (_, _, of_v)) in enumerate(parts):
                degrees[n] += float((of_u["weights"] * of_v["weights"]).sum()) / self.n_probes
                product = rotated(of_u["weights"], self.bases[n]) * rotated(of_v["weights"], self.bases[n])
                products.append(product.reshape(*of_term[n].shape, -1).sum(-1))
            for k, (penalty, values) in enumerate(zip(self.penalties, self.eigenvalues, strict=True)):
                ratio = products[penalty.term] * values / of_term[penalty.term].clamp(min=1e-300)
                numerators[k] += float(ratio.sum()) / self.n_probes / model.models[penalty.term].n_entries
        self.last = last
        return numerators, degrees


def eigenvectors(axis: Axis, like: Tensor) -> list[Tensor] | None:
    """Return the eigenvectors of the differences along every axis of a grid, as columns; None for a Feature."""
    if not isinstance(axis.mode, Grid):
        return None
    return [torch.linalg.eigh(line_laplacian(axis, a))[1].to(like) for a in range(len(axis.shape))]


def line_laplacian(axis: Axis, direction: int) -> Tensor:
    """Return the Laplacian (n, n) of one axis of a grid."""
    assert isinstance(axis.mode, Grid) and isinstance(axis.mode.periodic, tuple)
    shape, like = (axis.shape[direction],), torch.zeros(0, dtype=torch.float64)
    line = Grid("line", shape, periodic=axis.mode.periodic[direction])
    return DirectionalSmoothness(line, shape, (1.0,), None, like).dense_laplacian()


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
    shape: list[int] = []
    used: list[Tensor | None] = []
    for m, basis in enumerate(bases):
        sizes = [weights.shape[m]] if basis is None else [len(vectors) for vectors in basis]
        used += [None] if basis is None else basis
        shape += sizes
    weights = weights.reshape(*shape, -1)
    for dim, vectors in enumerate(used):
        if vectors is not None:
            weights = DenseMatrix(vectors.T).along(weights, dim)
    return weights
