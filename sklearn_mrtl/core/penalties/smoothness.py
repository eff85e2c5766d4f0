"""Spatial regularization (eq. 3 and 4 of the paper) without its D x D matrix.

The RBF kernel of a regular grid is a Kronecker product of one small kernel for each axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_mrtl.core.finegraining import apply_separable
from sklearn_mrtl.modes import Grid


class Smoothness:
    """Eq. (3) on the cells of one grid, as a mean squared slope: ``w' L w`` with L a graph Laplacian.

    ``w' L w = sum_{d,d'} k(d,d') (w_d - w_d')^2 / mean_{d,d'}``, where the mean is of ``k(d,d') |l_d - l_d'|^2``,
    summed over d' and averaged over d. So the penalty of a given field is the same at every resolution, and divided by
    the number of cells it is the mean of the field's squared slope between nearby cells.

    Parameters
    ----------
    grid : Grid
    shape : tuple of int
        Shape of the grid at this resolution.
    sigma : float or None
        Width of the kernel of eq. (4), in units of the squared largest distance on the grid. None: the squared
        spacing of the cells, at every resolution anew.
    mask : Tensor of bool, shape (D,), or None
        Cells with data; the others neither pull nor are pulled.
    like : Tensor
        Gives dtype and device.
    """

    def __init__(self, grid: Grid, shape: tuple[int, ...], sigma: float | None, mask: Tensor | None, like: Tensor):
        self.shape = shape
        spacings = [extent / n for extent, n in zip(grid.extents, shape, strict=True)]
        squares = [
            squared_distances(n, periodic) * spacing**2
            for n, spacing, periodic in zip(shape, spacings, grid.periodic, strict=True)
        ]
        largest = sum(float(square.max()) for square in squares) or 1.0
        squares = [square / largest for square in squares]
        width = max(spacings) ** 2 / largest if sigma is None else sigma
        kernels = [torch.exp(-square / width) for square in squares]
        self.kernels = [kernel.to(like) for kernel in kernels]
        self.mask = None if mask is None or bool(mask.all()) else mask.to(like)[:, None]  # (D, 1)
        self.degree = self._kernel_product(like.new_ones(len(self), 1))  # (D, 1)
        self.n_cells = float(len(self) if self.mask is None else self.mask.sum())
        self.scale = self._mean_squared_distance([k * square for k, square in zip(kernels, squares, strict=True)])

    def __len__(self) -> int:
        return torch.Size(self.shape).numel()

    def _mean_squared_distance(self, weighted_squares: list[Tensor]) -> float:
        """Mean over d of sum_d' k(d,d') |l_d - l_d'|^2; infinite on a grid of one cell, where nothing is rough."""
        total, kernels = 0.0, self.kernels
        for axis, weighted in enumerate(weighted_squares):
            self.kernels = [weighted.to(k) if a == axis else k for a, k in enumerate(kernels)]
            total += float(self._kernel_product(self.degree.new_ones(len(self), 1)).sum())
        self.kernels = kernels
        return total / self.n_cells if total > 0 else float("inf")

    def laplacian(self, weights: Tensor) -> Tensor:
        """L @ weights, for weights of shape (D, K)."""
        return (self.degree * weights - self._kernel_product(weights)) * (2 / self.scale)

    def energy(self, factor: Tensor) -> Tensor:
        """C' L C for a factor C (D, K)."""
        return _Energy.apply(factor, self)

    def roughness(self, weights: Tensor) -> Tensor:
        """R_s of weights (D, anything): <W, L W>."""
        return _Roughness.apply(weights, self)

    def dense_laplacian(self) -> Tensor:
        """L as a matrix (D, D); for coarse grids only."""
        return self.laplacian(torch.eye(len(self), dtype=self.degree.dtype, device=self.degree.device))

    def laplacian_diagonal(self) -> Tensor:
        """Diagonal of L, up to the kernel's own, shape (D,)."""
        return self.degree[:, 0] * (2 / self.scale)

    def _kernel_product(self, weights: Tensor) -> Tensor:
        if self.mask is not None:
            weights = weights * self.mask
        product = apply_separable(weights, 0, self.shape, self.kernels)
        return product if self.mask is None else product * self.mask


class _Energy(torch.autograd.Function):
    """C' L C; as L is symmetric, L C is all that its gradient needs."""

    @staticmethod
    def forward(ctx, factor: Tensor, smoothness: Smoothness) -> Tensor:
        image = smoothness.laplacian(factor)
        ctx.save_for_backward(image)
        return factor.T @ image

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        (image,) = ctx.saved_tensors
        return image @ (gradient + gradient.T), None


class _Roughness(torch.autograd.Function):
    """<W, L W>, likewise."""

    @staticmethod
    def forward(ctx, weights: Tensor, smoothness: Smoothness) -> Tensor:
        image = smoothness.laplacian(weights)
        ctx.save_for_backward(image)
        return (weights * image).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        (image,) = ctx.saved_tensors
        return (2 * gradient) * image, None


def squared_distances(n_cells: int, periodic: bool) -> Tensor:
    """Squared distances between the cell centres of one axis, in cells, shape (n_cells, n_cells)."""
    steps = torch.arange(n_cells, dtype=torch.float64)
    steps = (steps[:, None] - steps).abs()
    return (torch.minimum(steps, n_cells - steps) if periodic else steps) ** 2


def roughness(weights: Tensor, modes: Sequence[Smoothness | None]) -> Tensor:
    """R_s of eq. (3) for a full weight tensor: the sum of <W, L W> over its grids."""
    total = weights.new_zeros(())
    for dim, smoothness in enumerate(modes):
        if smoothness is not None:
            unfolded = weights.movedim(dim, 0).reshape(weights.shape[dim], -1)
            total = total + smoothness.roughness(unfolded)
    return total
