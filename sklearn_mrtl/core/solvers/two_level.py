"""A quadratic model of the objective on two levels: penalties on the fine cells, data on coarse ones.

In suitable coordinates its matrix is ``I + e L + R' C R``: L is the Laplacian of the smoothness penalty, R takes means
about coarse cells, and C is small and dense. Its products need no pass over the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.finegraining import coarsen_means, interpolating
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.penalties.smoothness import Smoothness
from sklearn_mrtl.core.separable import DenseMatrix, apply_separable
from sklearn_mrtl.core.solvers.definite import TINY, common_basis, root_of
from sklearn_mrtl.core.solvers.waves import Waves
from sklearn_mrtl.modes import Grid

MAX_ITERATIONS = 40  # of the conjugate gradients
TOLERANCE = 1e-2  # gain of the last iteration, relative to that of all
MIN_CURVATURE_RATIO = 1e-6  # of a factor's penalty: smallest eigenvalue, relative to the mean
RELATIVE_SHIFT = 1e-6  # of the diagonal of R R', which is singular near land, where rows of R have the same few cells


class CoarseAxis:
    """An axis of the weights, and the coarse cells in which the data see it. A Feature's are its categories.

    Fields are taken to be linear between the centres of coarse cells: ``x = R' x_c`` with x per fine and x_c per coarse
    cell. So the coarse data see of weights W only ``R W``, weighted means about each coarse cell.

    Parameters
    ----------
    axis : Axis
    shape : tuple of int
        Of the coarse cells.
    like : Tensor
        A tensor on the device of results, which are in double precision.
    """

    def __init__(self, axis: Axis, shape: tuple[int, ...], like: Tensor):
        self.axis, self.shape, self.device = axis, shape, like.device
        self.is_grid = axis.smoothness is not None
        self.is_exact = not self.is_grid or shape == axis.shape
        self.n_coarse = prod(shape) if self.is_grid else axis.size
        self.mask: Tensor | None = None if axis.mask is None else axis.mask.to(like).double()[:, None]  # (D, 1)
        self.operators: list[DenseMatrix] = []
        if not self.is_exact:
            periodic = cast(tuple[bool, ...], cast(Grid, axis.mode).periodic)
            sizes = zip(axis.shape, shape, periodic, strict=True)
            self.operators = [DenseMatrix(mean_matrix(*size).to(like.device)) for size in sizes]

    def masked(self, x: Tensor) -> Tensor:
        """Return x (D, K) with 0 in cells without data."""
        return x if self.mask is None else x * self.mask

    def restrict(self, x: Tensor) -> Tensor:
        """Return R x (d, K) for x (D, K); cells without data count as 0."""
        if self.is_exact:
            return self.masked(x)
        return apply_separable(self.masked(x), 0, self.axis.shape, self.operators)

    def extend(self, x: Tensor) -> Tensor:
        """Return R' x (D, K) for x (d, K)."""
        if self.is_exact:
            return self.masked(x)
        return self.masked(apply_separable(x, 0, self.shape, [DenseMatrix(o.matrix.T) for o in self.operators]))

    @staticmethod
    def columns(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Apply a function of columns (D, n) to x (D, K, B)."""
        return function(x.reshape(len(x), -1)).reshape(-1, *x.shape[1:])

    @property
    def filled(self) -> Tensor:
        """Fraction of each coarse cell that holds data, shape (d,)."""
        if self.mask is None:
            return torch.ones(self.n_coarse, dtype=torch.float64, device=self.device)
        return coarsen_means(self.mask, 0, self.axis.shape, self.shape)[:, 0]

    @cached_property
    def laplacian(self) -> Tensor:
        """The Laplacian of the smoothness penalty as a matrix (D, D); for coarse grids only."""
        return cast(Smoothness, self.axis.smoothness).dense_laplacian().double()

    @cached_property
    def waves(self) -> Waves:
        """The smooth functions of the grid."""
        return Waves(self.axis)

    @cached_property
    def _grams(self) -> tuple[Tensor, Tensor]:
        """R R', with 1 for coarse cells far from data, of full rank, and the coefficients of the rows of R."""
        rows = self.extend(torch.eye(self.n_coarse, dtype=torch.float64, device=self.device))
        gram = rows.T @ rows
        shift = 0.0 if self.is_exact else float(RELATIVE_SHIFT * gram.diagonal().max())
        return gram + torch.diag((gram.diagonal() == 0).double() + shift), self.waves.project(rows)

    def coarse_penalty(self, strengths: Tensor) -> Tensor:
        """Return the inverse of R (I + e L)^-1 R', shape (K, d, d), with the approximation of `waves`."""
        additional, common = self.waves.multipliers(strengths)
        gram, coefficients = self._grams
        products = [c * gram + (coefficients.T * a) @ coefficients for a, c in zip(additional.T, common, strict=True)]
        # One by one: on several threads torch's inverse of many matrices at once can fail.
        return torch.stack([torch.cholesky_inverse(root_of(product)) for product in products])


class Block:
    """A parameter (D, K, B) in coordinates in which the curvature of its penalty is I + e_k L.

    Parameters
    ----------
    coarse : CoarseAxis
    along, within : Tensor of shape (K, K)
        The curvature is ``L (x) along + I (x) within``, the same for each of B columns.
    """

    def __init__(self, coarse: CoarseAxis, along: Tensor, within: Tensor):
        self.coarse = coarse
        size = within.trace()
        if coarse.is_grid:
            size = size + along.trace() * coarse.waves.others
        floor = max(MIN_CURVATURE_RATIO * float(size) / len(within), TINY)
        eye = torch.eye(len(within), dtype=within.dtype, device=within.device)
        eigenvalues, self.basis = common_basis(along, within + floor * eye)
        self.strengths = eigenvalues if coarse.is_grid else torch.zeros_like(eigenvalues)

    @property
    def n_unknowns(self) -> int:
        """Number of coarse unknowns d K."""
        return self.coarse.n_coarse * len(self.basis)

    def to_coordinates(self, gradient: Tensor) -> Tensor:
        """Return a gradient (D, K, B) in these coordinates."""
        return torch.einsum("dkb,kl->dlb", gradient, self.basis)

    def from_coordinates(self, x: Tensor) -> Tensor:
        """Return a step (D, K, B) from these coordinates."""
        return torch.einsum("dlb,kl->dkb", x, self.basis)

    def masked(self, x: Tensor) -> Tensor:
        """Return x with 0 in cells without data."""
        return self.coarse.columns(self.coarse.masked, x)

    def penalty(self, x: Tensor) -> Tensor:
        """Return (I + e L) x."""
        smoothness = self.coarse.axis.smoothness
        if smoothness is None:
            return x
        x = self.masked(x)
        image = self.coarse.columns(lambda c: smoothness.laplacian(c.to(smoothness.like)).double(), x)
        return x + image * self.strengths[:, None]

    def inverse(self, x: Tensor) -> Tensor:
        """Return about (I + e L)^-1 x."""
        if not self.coarse.is_grid:
            return x
        strengths = self.strengths.repeat_interleave(x.shape[2])

        def solved(columns: Tensor) -> Tensor:
            return self.coarse.masked(self.coarse.waves.inverse(self.coarse.masked(columns), strengths))

        return self.coarse.columns(solved, x)

    def restrict(self, x: Tensor) -> Tensor:
        """Return R x, shape (d, K, B)."""
        return self.coarse.columns(self.coarse.restrict, x)

    def extend(self, x: Tensor) -> Tensor:
        """Return R' x, shape (D, K, B)."""
        return self.coarse.columns(self.coarse.extend, x)

    @cached_property
    def coarse_penalty(self) -> Tensor | None:
        """The inverse of R (I + e L)^-1 R' for each k, shape (K, d, d); None: the identity."""
        if not self.coarse.is_grid:
            return None
        distinct, inverse = torch.unique(self.strengths, return_inverse=True)
        return self.coarse.coarse_penalty(distinct)[inverse]

    def times_coarse_penalty(self, x: Tensor) -> Tensor:
        """Multiply x (d, K, B) by the coarse penalty."""
        return x if self.coarse_penalty is None else torch.einsum("kde,ekb->dkb", self.coarse_penalty, x)

    def add_coarse_penalty(self, matrix: Tensor) -> None:
        """Add the coarse penalty to a matrix (d K, d K), in place."""
        if self.coarse_penalty is None:
            matrix.diagonal().add_(1)
            return
        blocks = matrix.unflatten(0, (-1, len(self.basis))).unflatten(2, (-1, len(self.basis)))  # (d, K, d, K)
        for k, penalty in enumerate(self.coarse_penalty):
            blocks[:, k, :, k] += penalty


class TwoLevelSystem:
    """The equations ``(I + e L + R' C R) x = g`` of several blocks, solved by conjugate gradients.

    Their preconditioner is the inverse for an approximate ``P`` in the place of ``I + e L``: with ``S = R P^-1 R'``

        (P + R' C R)^-1 = P^-1 - P^-1 R' (S^-1 - S^-1 (S^-1 + C)^-1 S^-1) R P^-1

    Parameters
    ----------
    blocks : sequence of Block
    data : Tensor of shape (p, p)
        C, for the coarse unknowns (d, K) of all blocks one after the other.
    """

    def __init__(self, blocks: Sequence[Block], data: Tensor):
        self.blocks, self.data = list(blocks), data
        self.sizes = [block.n_unknowns for block in blocks]
        total, start = data.clone(), 0
        for block, size in zip(self.blocks, self.sizes, strict=True):
            block.add_coarse_penalty(total[start : start + size, start : start + size])
            start += size
        self.root = root_of(total)

    def solve(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """Return about the solution, in coordinates of the blocks."""
        residual = [b.coarse.masked(g.flatten(1)).reshape(g.shape) for b, g in zip(self.blocks, gradient, strict=True)]
        x = [torch.zeros_like(r) for r in residual]
        direction = conjugate = self.rough_solution(residual)
        product, gained = dot(residual, conjugate), 0.0
        for _ in range(MAX_ITERATIONS):
            image = self.times(direction)
            curvature = dot(direction, image)
            if not product > 0 or not curvature > 0:
                break
            step = product / curvature
            x = combined(x, step, direction)
            gained += step * product
            if step * product <= TOLERANCE * gained:
                break
            residual = combined(residual, -step, image)
            conjugate = self.rough_solution(residual)
            before, product = product, dot(residual, conjugate)
            direction = combined(conjugate, product / before, direction)
        return x

    def steps(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """Return about the solution for a gradient (D, K, B) of each block."""
        found = self.solve([block.to_coordinates(g) for block, g in zip(self.blocks, gradient, strict=True)])
        return [block.from_coordinates(step) for block, step in zip(self.blocks, found, strict=True)]

    def times(self, x: Sequence[Tensor]) -> list[Tensor]:
        """Return (I + e L + R' C R) x."""
        coarse = self._split(self.data @ self._joined([b.restrict(v) for b, v in zip(self.blocks, x, strict=True)]))
        return [b.penalty(v) + b.extend(c) for b, v, c in zip(self.blocks, x, coarse, strict=True)]

    def rough_solution(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """Return the solution with the approximate P."""
        fine = [block.inverse(g) for block, g in zip(self.blocks, gradient, strict=True)]
        averaged = [b.times_coarse_penalty(b.restrict(f)) for b, f in zip(self.blocks, fine, strict=True)]
        solution = self._split(torch.cholesky_solve(self._joined(averaged), self.root))
        corrections = [a - b.times_coarse_penalty(s) for b, a, s in zip(self.blocks, averaged, solution, strict=True)]
        return [f - b.inverse(b.extend(c)) for b, f, c in zip(self.blocks, fine, corrections, strict=True)]

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        """Return coarse unknowns (d, K, B) of all blocks as a matrix (p, B)."""
        return torch.cat([part.flatten(0, 1) for part in parts])

    def _split(self, joined: Tensor) -> list[Tensor]:
        """Return the coarse unknowns of each block: the inverse of `_joined`."""
        parts = zip(self.blocks, joined.split(self.sizes), strict=True)
        return [part.reshape(block.coarse.n_coarse, -1, joined.shape[1]) for block, part in parts]


def mean_matrix(n_fine: int, n_coarse: int, periodic: bool) -> Tensor:
    """Return R along one axis (n_coarse, n_fine): the adjoint of interpolation, with rows whose mean sum is 1."""
    eye = torch.eye(n_coarse, dtype=torch.float64)
    return interpolating(n_coarse, n_fine, periodic=periodic).along(eye, 0).T * (n_coarse / n_fine)


def dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Return the inner product of two lists of tensors."""
    return float(sum(float((x * y).sum()) for x, y in zip(a, b, strict=True)))


def combined(a: Sequence[Tensor], factor: float, b: Sequence[Tensor]) -> list[Tensor]:
    """Return a + factor b."""
    return [torch.add(x, y, alpha=factor) for x, y in zip(a, b, strict=True)]
