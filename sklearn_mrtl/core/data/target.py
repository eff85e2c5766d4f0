"""Outputs that are the cells of a grid, at one resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import put_last, take_last
from sklearn_mrtl.core.finegraining import coarsen_means
from sklearn_mrtl.modes import Grid


@dataclass(frozen=True, eq=False)
class TargetGrid:
    """The grid of the outputs. Targets have a column for each of the T cells that hold data.

    Attributes
    ----------
    grid : Grid
    shape : tuple of int
        At this resolution.
    filled : Tensor of shape (D,)
        Fraction of each cell that holds data.
    """

    grid: Grid
    shape: tuple[int, ...]
    filled: Tensor

    @cached_property
    def stored(self) -> Tensor:
        """Indices of the cells that hold data, shape (T,)."""
        return torch.nonzero(self.filled > 0)[:, 0]

    def to(self, device: torch.device) -> TargetGrid:
        """Return the grid on a device."""
        return replace(self, filled=self.filled.to(device))

    def unpack(self, values: Tensor) -> Tensor:
        """Return values (..., D) with 0 in cells without data, from values (..., T)."""
        return put_last(values, self.stored, len(self.filled))

    def coarsen(self, y: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, TargetGrid]:
        """Return the means of targets (..., T) over the data in each cell of a coarser grid, and that grid."""
        if shape == self.shape:
            return y, self
        whole = self.unpack(y.reshape(-1, y.shape[-1])) * self.filled.to(y)
        filled = coarsen_means(self.filled, 0, self.shape, shape)
        coarse = TargetGrid(self.grid, shape, filled)
        sums = take_last(coarsen_means(whole, 1, self.shape, shape), coarse.stored)
        return (sums / filled[coarse.stored].to(y)).reshape(*y.shape[:-1], len(coarse.stored)), coarse
