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

    def laplacian(self, weights: Tensor) -> Tensor:
        """Return L @ weights, for weights of shape (D, K)."""
        weights = weights.reshape(*self.shape, -1)
        image = torch.zeros_like(weights)
        for axis, (n, strength, periodic) in enumerate(zip(self.shape, self.strengths, self.periodic, strict=True)):
            if n > 1 and strength > 0:
                closes = periodic and n > 2
                step = strength * self._differences(weights, axis, closes)
                if closes:
                    image += torch.roll(step, 1, axis) - step
                else:
                    image.narrow(axis, 0, n - 1).sub_(step)
                    image.narrow(axis, 1, n - 1).add_(step)
        return image.reshape(len(self), -1)

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

    def _differences(self, weights: Tensor, axis: int, closes: bool) -> Tensor:
        """Return the differences of the cells behind each other along an axis; 0 next to masked cells."""
        mask = None if self.mask is None else self.mask[..., None]
        if closes:
            step = torch.roll(weights, -1, axis) - weights
            return step if mask is None else step * mask * torch.roll(mask, -1, axis)
        n = weights.shape[axis] - 1
        step = weights.narrow(axis, 1, n) - weights.narrow(axis, 0, n)
        return step if mask is None else step * mask.narrow(axis, 1, n) * mask.narrow(axis, 0, n)
