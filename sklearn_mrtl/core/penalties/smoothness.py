"""Spatial regularization (eq. 3 and 4 of the paper) without its D x D matrix.

The RBF kernel of a regular grid is a Kronecker product of one small kernel for each axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial, reduce
from typing import Any, Self, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_mrtl.core.separable import AxisOperator, apply_separable, distance_operator
from sklearn_mrtl.modes import Grid

SHARP = 5.0  # squared spacing in units of sigma from which the nearest cells, of less than exp(-5), are scaled up
LARGEST_DENSE = 5000  # cells whose Laplacian is made as a matrix: 200 MB


class LaplacianPenalty(ABC):
    """A penalty ``w' L w`` on the cells of one grid, with L a symmetric positive semidefinite matrix (D, D).

    Attributes
    ----------
    like : Tensor
        A tensor of the dtype and on the device of results.
    """

    like: Tensor

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of cells D."""

    @abstractmethod
    def to(self, device: torch.device) -> Self:
        """Return the penalty on a device."""

    @abstractmethod
    def laplacian(self, weights: Tensor, dim: int = 0) -> Tensor:
        """Multiply weights (..., D, ...) by L, along one dimension."""

    @abstractmethod
    def laplacian_diagonal(self) -> Tensor:
        """Return the diagonal of L, shape (D,), roughly."""

    def energy(self, factor: Tensor) -> Tensor:
        """Return C' L C for a factor C (D, K)."""
        return _Energy.apply(factor, self)

    def roughness(self, weights: Tensor, dim: int = 0) -> Tensor:
        """Return <W, L W> for weights (..., D, ...), with L along one dimension."""
        return quadratic_form(weights, partial(self.laplacian, dim=dim))

    def dense_laplacian(self) -> Tensor:
        """Return L as a matrix (D, D); for coarse grids only.

        Raises
        ------
        ValueError
            If the grid has too many cells.
        """
        if len(self) > LARGEST_DENSE:
            raise ValueError(f"the Laplacian as a matrix is for at most {LARGEST_DENSE} cells, got {len(self)}.")
        return self.laplacian(torch.eye(len(self), dtype=self.like.dtype, device=self.like.device))


class Smoothness(LaplacianPenalty):
    """Eq. (3) on the cells of one grid, as a mean squared gradient: ``w' L w`` with L a graph Laplacian.

    ``w' L w = sum_{d,d'} k(d,d') (w_d - w_d')^2 / mean_{d,d'}``, where the mean is of ``k(d,d') |l_d - l_d'|^2``,
    summed over d' and averaged over d. So the penalty of a given field is the same at every resolution, and divided by
    the number of cells it is the mean of the field's squared gradient between nearby cells.

    Parameters
    ----------
    grid : Grid
    shape : tuple of int
        Shape of the grid at this resolution.
    sigma : float or None
        Width of the kernel of eq. (4), in units of the squared largest distance on the grid. None: the squared
        spacing of the cells, at every resolution anew.
    mask : Tensor of bool, shape (D,), or None
        Cells with data; None: all. Differences to other cells are not penalized.
    like : Tensor
        A tensor of the dtype and device that results shall have.

    Notes
    -----
    A kernel that is much narrower than the cells is almost the identity: as ``L = degree - kernel`` rounding would
    leave nothing of it. Then each cell's own entry is left out of both, and what remains is scaled so that the nearest
    cells have 1. The mean in the denominator takes the scale back.
    """

    def __init__(self, grid: Grid, shape: tuple[int, ...], sigma: float | None, mask: Tensor | None, like: Tensor):
        self.shape = shape
        periodic_axes = cast(tuple[bool, ...], grid.periodic)
        spacings = [extent / n for extent, n in zip(grid.extents, shape, strict=True)]
        squares = [
            squared_steps(n, periodic).to(like.device) * spacing**2
            for n, spacing, periodic in zip(shape, spacings, periodic_axes, strict=True)
        ]
        largest = sum(float(square.max()) for square in squares) or 1.0
        squares = [square / largest for square in squares]
        width = max(spacings) ** 2 / largest if sigma is None else sigma
        nearest = min((float(square[1]) for square in squares if len(square) > 1), default=0.0)
        self.is_sharp = nearest > SHARP * width
        pulls = kernels = [torch.exp(-square / width) for square in squares]
        if self.is_sharp:
            pulls = [torch.where(square > 0, torch.exp((nearest - square) / width), 0) for square in squares]
        products = [pull * square for pull, square in zip(pulls, squares, strict=True)]

        self.mask = None if mask is None or bool(mask.all()) else mask.double()[:, None]  # (D, 1)
        self.n_cells = float(len(self) if self.mask is None else self.mask.sum())
        self.kernels, self.pulls, weighted = (
            [distance_operator(values, periodic) for values, periodic in zip(axes, periodic_axes, strict=True)]
            for axes in (kernels, pulls, products)
        )
        ones = torch.ones(len(self), 1, dtype=torch.float64, device=like.device)
        degree = self._pull(ones)
        self.scale = self._mean_squared_distance(ones, weighted, 1e6 * torch.finfo(like.dtype).tiny)
        self.degree = degree.to(like)  # (D, 1)
        self.like = self.degree
        self.mask = None if self.mask is None else self.mask.to(like)
        self.kernels, self.pulls = ([axis.to(like) for axis in axes] for axes in (self.kernels, self.pulls))

    def __len__(self) -> int:
        return torch.Size(self.shape).numel()

    def to(self, device: torch.device) -> Self:
        moved = copy(self)
        moved.like = moved.degree = self.degree.to(device)
        moved.mask = None if self.mask is None else self.mask.to(device)
        moved.kernels, moved.pulls = ([axis.to(moved.like) for axis in axes] for axes in (self.kernels, self.pulls))
        return moved

    def _mean_squared_distance(self, ones: Tensor, weighted: list[AxisOperator], smallest: float) -> float:
        """Return the mean over d of sum_d' k(d,d') |l_d - l_d'|^2; infinite if no cell has another in reach."""
        total = sum(
            float(self._product(ones, [*self.kernels[:axis], operator, *self.kernels[axis + 1 :]]).sum())
            for axis, operator in enumerate(weighted)
        )
        return total / self.n_cells if total > smallest else float("inf")

    def laplacian(self, weights: Tensor, dim: int = 0) -> Tensor:
        cells = weights.movedim(dim, 0)
        columns = cells.reshape(len(self), -1)
        image = (self.degree * columns - self._pull(columns)) * (2 / self.scale)
        return image.reshape(cells.shape).movedim(0, dim)

    def laplacian_diagonal(self) -> Tensor:
        """Return the diagonal of L, shape (D,), plus that of the kernel unless the kernel is sharp."""
        return self.degree[:, 0] * (2 / self.scale)

    def _pull(self, weights: Tensor) -> Tensor:
        """Return the kernel times the weights; a sharp kernel without its diagonal.

        A Kronecker product of matrices I + P is I plus a sum of products with one P, I before it and I + P behind it.
        """
        if not self.is_sharp:
            return self._product(weights, self.kernels)
        terms = (
            self._product(weights, [*[None] * axis, pull, *self.kernels[axis + 1 :]])
            for axis, pull in enumerate(self.pulls)
        )
        return reduce(torch.add, terms)

    def _product(self, weights: Tensor, operators: Sequence[AxisOperator | None]) -> Tensor:
        if self.mask is not None:
            weights = weights * self.mask
        product = apply_separable(weights, 0, self.shape, operators)
        return product if self.mask is None else product * self.mask


class PackedSmoothness(LaplacianPenalty):
    """The smoothness of a grid for weights of only those cells that hold data.

    Parameters
    ----------
    whole : Smoothness
        Of all cells, with the mask of those that hold data.
    stored : Tensor of shape (T,)
        Indices of the cells that hold data.
    """

    def __init__(self, whole: Smoothness, stored: Tensor):
        self.whole, self.stored, self.like = whole, stored, whole.like

    def __len__(self) -> int:
        return len(self.stored)

    def to(self, device: torch.device) -> Self:
        return type(self)(self.whole.to(device), self.stored.to(device))

    def laplacian(self, weights: Tensor, dim: int = 0) -> Tensor:
        shape = [*weights.shape[:dim], len(self.whole), *weights.shape[dim + 1 :]]
        cells = weights.new_zeros(shape).index_copy_(dim, self.stored, weights)
        return self.whole.laplacian(cells, dim).index_select(dim, self.stored)

    def laplacian_diagonal(self) -> Tensor:
        """Return the diagonal of L, shape (T,), roughly."""
        return self.whole.laplacian_diagonal()[self.stored]


class _Energy(torch.autograd.Function):
    """C' L C, whose gradient needs L C only, because L is symmetric."""

    @staticmethod
    def forward(ctx: Any, factor: Tensor, smoothness: LaplacianPenalty) -> Tensor:
        image = smoothness.laplacian(factor)
        ctx.save_for_backward(image)
        return factor.T @ image

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (image,) = ctx.saved_tensors
        return image @ (gradient + gradient.T), None


def quadratic_form(weights: Tensor, product: Callable[[Tensor], Tensor]) -> Tensor:
    """Return <W, M W>, for a symmetric matrix M that is known by its products."""
    return _QuadraticForm.apply(weights, product)


class _QuadraticForm(torch.autograd.Function):
    """<W, M W>, whose gradient needs M W only."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, product: Callable[[Tensor], Tensor]) -> Tensor:
        image = product(weights)
        ctx.save_for_backward(image)
        return weights.reshape(-1) @ image.reshape(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (image,) = ctx.saved_tensors
        return (2 * gradient) * image, None


def squared_steps(n_cells: int, periodic: bool) -> Tensor:
    """Return the squared distances of the first cell of an axis from all of them, in cells, shape (n_cells,)."""
    steps = torch.arange(n_cells, dtype=torch.float64)
    return (torch.minimum(steps, n_cells - steps) if periodic else steps) ** 2


def squared_distances(n_cells: int, periodic: bool) -> Tensor:
    """Return the squared distances between the cells of one axis, in cells, shape (n_cells, n_cells)."""
    cells = torch.arange(n_cells)
    return squared_steps(n_cells, periodic)[(cells[:, None] - cells).abs()]


def roughness(weights: Tensor, modes: Sequence[LaplacianPenalty | None]) -> Tensor:
    """Return R_s of eq. (3) for a full weight tensor: the sum of <W, L W> over its grids."""
    return quadratic_form(weights, partial(laplacians, modes=modes))


def laplacians(weights: Tensor, modes: Sequence[LaplacianPenalty | None]) -> Tensor:
    """Return the sum over the grids of L W, for a full weight tensor."""
    images = [smoothness.laplacian(weights, dim) for dim, smoothness in enumerate(modes) if smoothness is not None]
    return reduce(Tensor.add_, images) if images else torch.zeros_like(weights)
