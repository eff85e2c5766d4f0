"""Spatial regularization (eq. 3 and 4 of the paper) without its D x D matrix.

The RBF kernel of a regular grid is a Kronecker product of one small kernel for each axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.finegraining import apply_separable
from sklearn_mrtl.modes import Grid


class Smoothness:
    """Graph Laplacian L of eq. (4)'s kernel on the cells of a grid, divided by the mean degree of a cell.

    ``sum_{d,d'} k(d,d') |w_d - w_d'|^2 = 2 mean_degree w' L w``: dividing by the mean degree makes the penalty mean
    the same at every resolution.

    Parameters
    ----------
    grid : Grid
    shape : tuple of int
        Shape of the grid at this resolution.
    sigma : float
        Width of the kernel of eq. (4), in units of the squared largest distance on the grid.
    mask : Tensor of bool, shape (D,), or None
        Cells with data; the others neither pull nor are pulled.
    like : Tensor
        Gives dtype and device.
    """

    def __init__(self, grid: Grid, shape: tuple[int, ...], sigma: float, mask: Tensor | None, like: Tensor):
        self.shape = shape
        squares = [
            squared_distances(n, extent, periodic)
            for n, extent, periodic in zip(shape, grid.extents, grid.periodic, strict=True)
        ]
        largest = sum(float(square.max()) for square in squares) or 1.0
        self.kernels = [torch.exp(-square / largest / sigma).to(like) for square in squares]
        self.mask = None if mask is None or bool(mask.all()) else mask.to(like)[:, None]  # (D, 1)
        ones = like.new_ones(torch.Size(shape).numel(), 1) if self.mask is None else self.mask
        degree = self._kernel_product(ones) * ones
        self.n_cells = float(ones.sum())
        self.mean_degree = float(degree.sum()) / self.n_cells
        self.degree = degree / self.mean_degree  # (D, 1)

    def laplacian(self, weights: Tensor) -> Tensor:
        """L @ weights, for weights of shape (D, K)."""
        return self.degree * weights - self._kernel_product(weights) / self.mean_degree

    def dense_laplacian(self) -> Tensor:
        """L as a matrix (D, D); for coarse grids only."""
        return self.laplacian(torch.eye(len(self.degree), dtype=self.degree.dtype, device=self.degree.device))

    def _kernel_product(self, weights: Tensor) -> Tensor:
        if self.mask is not None:
            weights = weights * self.mask
        product = apply_separable(weights, 0, self.shape, self.kernels)
        return product if self.mask is None else product * self.mask


def squared_distances(n_cells: int, extent: float, periodic: bool) -> Tensor:
    """Squared distances between the cell centres of one axis, shape (n_cells, n_cells), in squared units of extent."""
    steps = torch.arange(n_cells, dtype=torch.float64)
    steps = (steps[:, None] - steps).abs()
    if periodic:
        steps = torch.minimum(steps, n_cells - steps)
    return (steps * extent / n_cells) ** 2


def roughness(weights: Tensor, modes: Sequence[Smoothness | None]) -> Tensor:
    """R_s of eq. (3) for a full weight tensor, over mean degree: ``sum over grids of 2 <W, L W>``."""
    total = weights.new_zeros(())
    for dim, smoothness in enumerate(modes):
        if smoothness is not None:
            unfolded = weights.movedim(dim, 0).reshape(weights.shape[dim], -1)
            total = total + 2 * (unfolded * smoothness.laplacian(unfolded)).sum()
    return total
