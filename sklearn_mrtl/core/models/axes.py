"""The axes of the weight tensor: its modes at one resolution, and the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from math import prod
from typing import Self, cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.data.target import TargetGrid
from sklearn_mrtl.core.finegraining import finegrain
from sklearn_mrtl.core.penalties.smoothness import LaplacianPenalty, PackedSmoothness, Smoothness
from sklearn_mrtl.core.separable import waves
from sklearn_mrtl.modes import Feature, Grid, Mode

N_WAVES = 5  # smoothest waves along each axis of a grid
DEPENDENT = 1e-3  # singular value, relative to the largest, of waves that data on few cells hardly tell apart


@dataclass(frozen=True, eq=False)
class Axis:
    """One mode of the weight tensor at one resolution.

    If there are several outputs, they are the last axis.

    Attributes
    ----------
    mode : Mode
    shape : tuple of int
        Shape of the mode at this resolution.
    mask : Tensor of bool, shape (D,), or None
        Cells that hold data; None: all.
    smoothness : LaplacianPenalty or None
        R_s along this axis; None for a Feature.
    is_output : bool
    """

    mode: Mode
    shape: tuple[int, ...]
    mask: Tensor | None = None
    smoothness: LaplacianPenalty | None = None
    is_output: bool = False

    @property
    def name(self) -> str | None:
        """Name of the mode; None for the outputs, so that no mode of a user can be taken for them."""
        return None if self.is_output else self.mode.name

    @property
    def size(self) -> int:
        """Number of categories or cells: of rows of a factor."""
        return prod(self.shape)

    @cached_property
    def n_free(self) -> int:
        """Number of rows that are not masked."""
        return self.size if self.mask is None else int(self.mask.sum())

    def to(self, device: torch.device) -> Self:
        """Return the axis on a device."""
        mask = None if self.mask is None else self.mask.to(device)
        return replace(self, mask=mask, smoothness=None if self.smoothness is None else self.smoothness.to(device))

    def finegrain(self, factor: Tensor, dim: int, finer: Axis) -> Tensor:
        """Finegrain a factor along `dim`; next to masked cells, from the cells that hold data only."""
        if self.shape == finer.shape or not isinstance(self.mode, Grid):
            return factor
        fine = finegrain(factor, dim, self.mode, self.shape, finer.shape)
        if self.mask is None:
            return fine
        along = [1] * factor.ndim
        along[dim] = -1
        fraction = finegrain(self.mask.to(factor), 0, self.mode, self.shape, finer.shape)
        keep = (fraction > 0) if finer.mask is None else finer.mask & (fraction > 0)
        return torch.where(keep.reshape(along), fine / fraction.clamp(min=1e-12).reshape(along), 0)

    @cached_property
    def smoothest_waves(self) -> tuple[Tensor, Tensor]:
        """Z and Z' L Z, on the CPU: Z (D, r) spans the smoothest waves of a grid on the cells that hold data."""
        smoothness = cast(LaplacianPenalty, self.smoothness)
        periodic = cast(tuple[bool, ...], cast(Grid, self.mode).periodic)
        along = [waves(n, closed)[:, :N_WAVES] for n, closed in zip(self.shape, periodic, strict=True)]
        spanning = orthonormal(self._stored_rows(reduce(torch.kron, along)))
        return spanning, spanning.T @ smoothness.laplacian(spanning.to(smoothness.like)).double().cpu()

    def _stored_rows(self, cells: Tensor) -> Tensor:
        """Return rows of all cells (D, r) as rows of a factor, 0 where there are no data."""
        return cells if self.mask is None else cells * self.mask.cpu()[:, None]

    def laplacian_diagonal(self, like: Tensor) -> Tensor:
        """Return the diagonal of the Laplacian L of R_s, shape (rows,); zeros for a Feature."""
        return like.new_zeros(self.size) if self.smoothness is None else self.smoothness.laplacian_diagonal()


@dataclass(frozen=True, eq=False)
class TargetAxis(Axis):
    """The outputs as a grid: a factor has a row for each cell that holds data, and no others.

    Attributes
    ----------
    target : TargetGrid
    """

    target: TargetGrid = field(kw_only=True)

    @property
    def size(self) -> int:
        """Number of cells that hold data."""
        return len(self.target.stored)

    @property
    def whole(self) -> Axis:
        """The axis of all cells of the grid."""
        penalty = self.smoothness
        smoothness = penalty.whole if isinstance(penalty, PackedSmoothness) else None
        return Axis(self.mode, self.shape, self.target.filled > 0, smoothness)

    def to(self, device: torch.device) -> Self:
        return replace(super().to(device), target=self.target.to(device))

    def _stored_rows(self, cells: Tensor) -> Tensor:
        return cells[self.target.stored.cpu()]

    def pack(self, factor: Tensor, dim: int = 0) -> Tensor:
        """Return the rows of cells that hold data."""
        return factor.index_select(dim, self.target.stored)

    def unpack(self, factor: Tensor, dim: int = 0) -> Tensor:
        """Return rows for all cells, 0 where there are no data."""
        return self.target.unpack(factor.movedim(dim, -1)).movedim(-1, dim)

    def finegrain(self, factor: Tensor, dim: int, finer: Axis) -> Tensor:
        assert isinstance(finer, TargetAxis)
        return finer.pack(self.whole.finegrain(self.unpack(factor, dim), dim, finer.whole), dim)


def orthonormal(columns: Tensor) -> Tensor:
    """Return orthonormal columns that span the same, without those that the others nearly span."""
    squares, vectors = torch.linalg.eigh(columns.T @ columns)
    keep = squares > DEPENDENT**2 * squares[-1]
    return columns @ (vectors[:, keep] / squares[keep].sqrt())


def make_axes(
    inputs: Inputs, n_outputs: int, sigma: float | None, like: Tensor, target: TargetGrid | None = None
) -> tuple[Axis, ...]:
    """Return the axes of the weight tensor for inputs and a number of outputs, which may be the cells of a grid."""
    return axes_of(inputs.modes, inputs.shapes, inputs.masks, n_outputs, sigma, like, target)


def axes_of(
    modes: Sequence[Mode], shapes: Shapes, masks: Sequence[Tensor | None], n_outputs: int, sigma: float | None,
    like: Tensor, target: TargetGrid | None = None,
) -> tuple[Axis, ...]:  # fmt: skip
    """Return the axes of the weight tensor for modes at one resolution, and a number of outputs."""
    axes: list[Axis] = []
    for mode, shape, mask in zip(modes, shapes, masks, strict=True):
        smoothness = Smoothness(mode, shape, sigma, mask, like) if isinstance(mode, Grid) else None
        axes.append(Axis(mode, shape, mask, smoothness))
    if target is not None:
        whole = Smoothness(target.grid, target.shape, sigma, target.filled > 0, like)
        packed = PackedSmoothness(whole, target.stored)
        axes.append(TargetAxis(target.grid, target.shape, None, packed, is_output=True, target=target))
    elif n_outputs > 1:
        axes.append(Axis(Feature("output"), (n_outputs,), is_output=True))
    return tuple(axes)
