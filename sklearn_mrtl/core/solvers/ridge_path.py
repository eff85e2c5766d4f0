"""Ridge solutions for penalties in one proportion and any strength, and what they predict for rows that are left out.

With hat matrix H and residuals r, the errors of rows B that are predicted from all others are (I - H_BB)^-1 r_B.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.solvers.definite import root_of
from sklearn_mrtl.core.solvers.ridge import RidgeDesign

MIN_HAT = 1e-10  # of an eigenvector's eigenvalue in the hat matrix


class RidgeSolution(ABC):
    """The ridge solution at one strength.

    Attributes
    ----------
    residual : Tensor of shape (n, T)
        Of the weighted targets.
    """

    residual: Tensor

    @abstractmethod
    def errors(self, rows: Tensor | slice) -> Tensor:
        """Return the weighted errors of rows that are predicted from all others, shape (m, T)."""

    @abstractmethod
    def dual(self, y: Tensor) -> Tensor:
        """Return the dual weights (n, T) for other targets."""


class RidgePath(ABC):
    """Ridge solutions for the penalties of a proportion times any strength.

    Parameters
    ----------
    design : RidgeDesign
    alphas : Alphas
        The proportion.
    """

    def __init__(self, design: RidgeDesign, alphas: Alphas):
        self.design, self.shrinkage = design, design.shrinkage(alphas)

    @abstractmethod
    def at(self, strength: float) -> RidgeSolution:
        """Return the solution at a strength."""

    def fit_without(self, strength: float, blocks: Sequence[int], like: Tensor) -> Parameters:
        """Return the minimizer of the objective on all but some of the blocks.

        It is that on all rows, if the targets of those that are left out are what it predicts for them.
        """
        design = self.design
        rows = torch.arange(len(design.y), device=design.y.device)
        left_out = torch.cat([rows[design.blocks[block]] for block in blocks])
        solution = self.at(strength * (1 - float(design.root[left_out].square().sum())))
        y = design.y.clone()
        y[left_out] -= solution.errors(left_out)
        weights = (design.x.T @ solution.dual(y)).div_(self.shrinkage[:, None])
        return design.parameters(weights, like, design.root @ y)

    def block_errors(self, strength: float) -> Tensor:
        """Return the weighted squared error of every row, predicted from all other blocks, shape (n, T).

        The penalty is relative to the weight of the samples, so that it is less for the samples that are left.
        """
        blocks = self.design.blocks.values()
        solution = self.at(strength * (1 - 1 / len(blocks)))
        return torch.cat([solution.errors(block) for block in blocks]).square()


class SpectralPath(RidgePath):
    """From one eigendecomposition, which takes as long as half a dozen Cholesky factors.

    Attributes
    ----------
    eigenvalues : Tensor of shape (k,)
        Of the rows' moments, ascending.
    left : Tensor of shape (n, k)
        Their eigenvectors.
    """

    def __init__(self, design: RidgeDesign, alphas: Alphas):
        super().__init__(design, alphas)
        if design.is_dual:
            eigenvalues, self.left = torch.linalg.eigh(design.dual_moments(self.shrinkage))
        else:
            eigenvalues, right = torch.linalg.eigh(design.primal_moments(self.shrinkage))
            keep = eigenvalues > 1e-14 * eigenvalues[-1]
            eigenvalues = eigenvalues[keep]
            self.left = design.x @ (right[:, keep] / self.shrinkage.sqrt()[:, None]) / eigenvalues.sqrt()
        self.eigenvalues = eigenvalues.clamp(min=0)

    def at(self, strength: float) -> SpectralSolution:
        return SpectralSolution(self, strength)


class SpectralSolution(RidgeSolution):
    """The solution from eigenvectors, without those that rounding would hide."""

    def __init__(self, path: SpectralPath, strength: float):
        self.y, self.root = path.design.y, path.design.root
        first = min(int(torch.searchsorted(path.eigenvalues, MIN_HAT * strength)), len(path.eigenvalues) - 1)
        self.vectors, self.divisor = path.left[:, first:], path.eigenvalues[first:] + strength
        self.hat = path.eigenvalues[first:] / self.divisor
        self.residual = self.y - self.vectors @ (self.hat[:, None] * (self.vectors.T @ self.y))

    def dual(self, y: Tensor) -> Tensor:
        return self.vectors @ ((self.vectors.T @ y) / self.divisor[:, None])

    def errors(self, rows: Tensor | slice) -> Tensor:
        """Take the inverse in these rows or, by Woodbury's identity, in the eigenvectors, whichever are fewer."""
        residual = self.residual[rows]
        vectors = torch.cat([self.vectors[rows], self.root[rows, None]], 1)  # the intercept's column last
        hat = torch.cat([self.hat, self.hat.new_ones(1)])
        if vectors.shape[0] <= vectors.shape[1]:
            system = torch.eye(len(vectors), dtype=vectors.dtype, device=vectors.device) - (vectors * hat) @ vectors.T
            return torch.linalg.solve(system, residual)
        system = torch.diag(1 / hat.clamp(min=1e-300)) - vectors.T @ vectors
        return residual + vectors @ torch.linalg.solve(system, vectors.T @ residual)


class FactoredPath(RidgePath):
    """From a Cholesky factor of the rows' system for each strength: faster where few are looked at."""

    def __init__(self, design: RidgeDesign, alphas: Alphas):
        super().__init__(design, alphas)
        self.moments = design.dual_moments(self.shrinkage)

    def at(self, strength: float) -> FactoredSolution:
        return FactoredSolution(self, strength)


class FactoredSolution(RidgeSolution):
    """The solution from the factor L of M + strength I, with M the rows' moments: I - H is strength (L L')^-1.

    That is without the intercept's column, of norm 1, which is an eigenvector of M with eigenvalue 0.
    """

    def __init__(self, path: FactoredPath, strength: float):
        self.root, self.strength, system = path.design.root, strength, path.moments.clone()
        system.diagonal().add_(strength)
        self.factor = root_of(system)
        self.residual = strength * self.dual(path.design.y)

    def dual(self, y: Tensor) -> Tensor:
        return torch.cholesky_solve(y, self.factor)

    def errors(self, rows: Tensor | slice) -> Tensor:
        root, factor = self.root[rows], self.factor
        if isinstance(rows, slice):  # in rows before these, their columns of the inverse factor are 0
            factor = factor[rows.start :, rows.start :]
            columns = torch.eye(len(factor), len(root), dtype=root.dtype, device=root.device)
        else:
            columns = root.new_zeros(len(factor), len(root))
            columns[rows, torch.arange(len(root), device=root.device)] = 1
        inverse = torch.linalg.solve_triangular(factor, columns, upper=False)
        return torch.linalg.solve(self.strength * (inverse.T @ inverse) - torch.outer(root, root), self.residual[rows])
