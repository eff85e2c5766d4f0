"""Smoothness with a strength for each direction of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self, cast

import torch
from torch import Tensor

from sklearn_mrtl.core.penalties.smoothness import LaplacianPenalty
from sklearn_mrtl.modes import Grid


class DirectionalSmoothness(LaplacianPenalty):
    """Eq. (3) with neighbours along one axis at a time: ``w' L w = sum_a alpha_a sum_d (n_a (w_d - w_d'))^2``.

    d' is the cell behind d along axis a, of n_a cells: divided by the number of cells, the sum is the mean squared
    gradient in units of the axis' length, which is the same at every resolution.

    Parameters
    ----------
    grid : Grid
    shape : tuple of int
        Shape of the grid at this resolution.
    strengths : sequence of float
        alpha_a for each axis.
    mask : Tensor of bool, shape (D,), or None
        Cells with data; None: all. Differences to other cells are not penalized.
    like : Tensor
        A tensor of the dtype and device that results shall have.
    """

    def __init__(
        self, grid: Grid, shape: tuple[int, ...], strengths: Sequence[float], mask: Tensor | None, like: Tensor
    ):
        self.shape, self.like = shape, like.new_empty(0)
        self.periodic = cast(tuple[bool, ...], grid.periodic)
        self.strengths = tuple(strength * n * n for strength, n in zip(strengths, shape, strict=True))
        self.mask = None if mask is None or bool(mask.all()) else mask.to(like).reshape(shape)

    def __len__(self) -> int:
        return torch.Size(self.shape).numel()

    def to(self, device: torch.device) -> Self:
        moved = copy(self)
        moved.like, moved.mask = self.like.to(device), None if self.mask is None else self.mask.to(device)
        return moved

    def laplacian(self, weights: Tensor, dim: int = 0) -> Tensor:
        # Where the grid lies: moving it to the front would take a copy to and fro.
        grid = weights.reshape(*weights.shape[:dim], *self.shape, -1)
        image = torch.zeros_like(grid)
        for axis, (n, strength, periodic) in enumerate(zip(self.shape, self.strengths, self.periodic, strict=True)):
            if n > 1 and strength > 0:
                closes, along = periodic and n > 2, dim + axis
                step = self._differences(grid, dim, axis, closes).mul_(strength)
                if closes:
                    image.add_(torch.roll(step, 1, along) - step)
                else:
                    image.narrow(along, 0, n - 1).sub_(step)
                    image.narrow(along, 1, n - 1).add_(step)
        return image.reshape(weights.shape)

    def laplacian_diagonal(self) -> Tensor:
        """Return the diagonal of L, shape (D,)."""
        diagonal = self.like.new_zeros(self.shape)
        for axis, (n, strength, periodic) in enumerate(zip(self.shape, self.strengths, self.periodic, strict=True)):
            if n > 1:
                n_neighbours = diagonal.new_full((n,), 2.0)
                if not (periodic and n > 2):
                    n_neighbours[0] = n_neighbours[-1] = 1.0
                diagonal += strength * n_neighbours.reshape(-1, *[1] * (len(self.shape) - axis - 1))
        return diagonal.reshape(-1)

    def _differences(self, grid: Tensor, dim: int, axis: int, closes: bool) -> Tensor:
        """Return the differences of the cells behind each other along an axis; 0 next to masked cells.

        The grid's axes are the dimensions of the tensor from `dim` on, all others behind them are one.
        """
        mask, along = None if self.mask is None else self.mask[..., None], dim + axis
        if closes:
            step = torch.roll(grid, -1, along) - grid
            return step if mask is None else step * mask * torch.roll(mask, -1, axis)
        n = grid.shape[along] - 1
        step = grid.narrow(along, 1, n) - grid.narrow(along, 0, n)
        return step if mask is None else step * mask.narrow(axis, 1, n) * mask.narrow(axis, 0, n)
