"""An approximate inverse Hessian from which L-BFGS starts: one block for each factor, on two levels along its grid.

The second derivatives by a factor (D, K), with all others fixed, are about ``diag(m) (x) A + I (x) C + L (x) B``: m are
the mean squares of the inputs that its rows multiply, L is the Laplacian of the smoothness penalty, and A, B and C are
small. Scales of single entries miss two things: components resemble one another, so that A is far from diagonal, and
smooth changes along a grid cost much less than L's diagonal says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.products import hadamard
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.terms import SEPARATOR, Sum, term_alphas
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.cp_derivatives import coupled_penalties
from sklearn_mrtl.core.solvers.definite import common_basis

# Fraction by which what components have in common is reduced: where they are nearly the same, or empty, second
# derivatives hold for short steps only. Of 0, 0.1, 0.3, 0.6 and 1 about the best on six levels of four data sets.
SHRINKAGE = 0.3
MIN_RATIO = 1e-6  # of a penalty's second derivatives to the largest ones: without any, steps would be endless


@dataclass(frozen=True, eq=False)
class FactorCurvature:
    """Second derivatives by a factor: ``diag(mean_squares) (x) data + I (x) within + L (x) along``, on the CPU.

    Attributes
    ----------
    axis : Axis
        Of its rows, with L.
    mean_squares : Tensor of shape (D,)
    data, along, within : Tensor of shape (K, K)
    """

    axis: Axis
    mean_squares: Tensor
    data: Tensor
    along: Tensor
    within: Tensor


class FactorInverse:
    """About the inverse of a factor's second derivatives.

    A, B and C lose a part of what is not on their diagonals. In the basis in which A and ``C + l B`` are diagonal, with
    l the largest diagonal entry of L, component k has about ``D + b (L - diag L)`` with a diagonal D. Its inverse is
    exact in the smoothest waves Z, and 1 / D elsewhere:

        D^-1 + Z ((Z' (D + b (L - diag L)) Z)^-1 - (Z' D Z)^-1) Z'

    Parameters
    ----------
    curvature : FactorCurvature
    like : Tensor
        A tensor of the dtype and on the device of factors.
    """

    def __init__(self, curvature: FactorCurvature, like: Tensor):
        axis, mean_squares = curvature.axis, curvature.mean_squares
        data, penalty_along, within = (shrunk(m) for m in (curvature.data, curvature.along, curvature.within))
        diagonal = axis.laplacian_diagonal(like).double().cpu()  # of L
        missing = diagonal - diagonal.max()
        total = within + float(diagonal.max()) * penalty_along
        largest = float((float(mean_squares.max()) * data + total).diagonal().max())
        floor = max(MIN_RATIO * largest, torch.finfo(like.dtype).tiny)
        of_data, basis = common_basis(data, total + floor * torch.eye(len(total), dtype=total.dtype))
        along = (basis * (penalty_along @ basis)).sum(0)  # b, shape (K,)
        self.basis = basis.to(like)
        self.inverse = (1 / (1 + mean_squares[:, None] * of_data + missing[:, None] * along)).to(like)  # D^-1
        self.waves: Tensor | None = None
        if axis.smoothness is not None:
            waves, rough = axis.smoothest_waves
            rough = rough - waves.T @ (diagonal[:, None] * waves)
            parts = [waves.T @ (w[:, None] * waves) for w in (torch.ones_like(diagonal), mean_squares, missing)]
            products = parts[0] + of_data[:, None, None] * parts[1] + along[:, None, None] * parts[2]  # (K, r, r)
            corrections = inverses(products + along[:, None, None] * rough) - inverses(products)
            self.waves, self.corrections = waves.to(like), corrections.to(like)

    def __call__(self, gradient: Tensor) -> Tensor:
        """Multiply a gradient (D K,) by the inverse."""
        rows = gradient.reshape(len(self.inverse), -1) @ self.basis
        step = rows * self.inverse
        if self.waves is not None:
            coefficients = torch.bmm(self.corrections, (rows.T @ self.waves)[..., None])[..., 0]  # (K, r)
            step.addmm_(self.waves, coefficients.T)
        return (step @ self.basis.T).reshape(-1)


def factor_inverses(objective: Objective, parameters: Parameters) -> dict[str, FactorInverse]:
    """Return the inverses for the factors of an objective's model that may be negative, by name."""
    arguments = objective.inputs, objective.weight, objective.loss.curvature, objective.alphas
    curvatures, bounded = factor_curvatures(objective.model, parameters, *arguments), objective.model.bounded
    return {name: FactorInverse(found, parameters[name]) for name, found in curvatures if name not in bounded}


def factor_curvatures(
    model: TensorModel, parameters: Parameters, inputs: Inputs, weight: Tensor, loss_curvature: float, alphas: Alphas
) -> Iterator[tuple[str, FactorCurvature]]:
    """Yield names of factors, of CP models and of full-rank terms of a single grid, and their second derivatives."""
    if isinstance(model, Sum):
        for term, part, own in model.parts(parameters):
            of_term = inputs.of_modes(term.modes), weight, loss_curvature, term_alphas(term, part, alphas)
            for name, curvature in factor_curvatures(part, own, *of_term):
                yield term.name + SEPARATOR + name, curvature
    elif isinstance(model, CP):
        yield from cp_curvatures(model, parameters, model.mean_squares(inputs, weight), loss_curvature, alphas)
    elif isinstance(model, FullRank) and len(model.axes) == 1 and model.axes[0].smoothness is not None:
        (mean_squares,) = model.mean_squares(inputs, weight)
        strength, one = 2 / model.n_entries, torch.ones(1, 1, dtype=torch.float64)
        matrices = loss_curvature * one, strength * alphas.spatial * one, strength * alphas.l2 * one
        yield "weights", FactorCurvature(model.axes[0], mean_squares.double().cpu(), *matrices)


def cp_curvatures(
    model: CP, parameters: Parameters, mean_squares: list[Tensor], loss_curvature: float, alphas: Alphas
) -> Iterator[tuple[str, FactorCurvature]]:
    """Yield names of factors and their second derivatives, as far as these are more than a diagonal."""
    mean_squares = [values.double().cpu() for values in mean_squares]
    factors = [factor.double().cpu() for factor in model.factors(parameters)]
    data = [factor.T @ (rows[:, None] * factor) for rows, factor in zip(mean_squares, factors, strict=True)]
    penalties = coupled_penalties(model, factors, alphas)
    first = torch.full_like(data[0], loss_curvature)
    for m, (name, axis, penalty) in enumerate(zip(model.names, model.axes, penalties, strict=True)):
        if len(first) > 1 or axis.smoothness is not None:
            of_others = hadamard([*data[:m], *data[m + 1 :]], first)
            yield name, FactorCurvature(axis, mean_squares[m], of_others, *penalty)


def shrunk(matrix: Tensor) -> Tensor:
    """Return a matrix (K, K) with smaller entries beside its diagonal."""
    return (1 - SHRINKAGE) * matrix + SHRINKAGE * torch.diag(matrix.diagonal())


def inverses(matrices: Tensor) -> Tensor:
    """Return the inverses of matrices (n, r, r), by numpy: torch's of many at once can fail on several threads."""
    return torch.from_numpy(np.linalg.inv(matrices.numpy()))
