"""Fields as a few coarse cells see them: the data of Gauss-Newton steps."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from math import ceil, prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.data.block import coarsened
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.objective import Objective, View
from sklearn_mrtl.core.solvers.two_level import CoarseAxis

MAX_ROWS = 2000  # samples that are looked at
FEW_ROWS, LEAST_ROWS = 64, 8  # samples that tell how much of the fields' variance the coarse cells see
FEW_ENTRIES = 2**23  # of these samples
BLOCK_ENTRIES = 2**20  # of those that are made at once
LEAST_UNSEEN = 1e-6  # fraction that is always taken to be unseen: without penalties steps would be endless


class CoarseFields:
    """Fields as coarse cells see them.

    Parameters
    ----------
    objective : Objective
        Of fields.
    shapes : shapes
        Of the coarse cells.
    view : Inputs, BlockSamples or None
        The objective's samples at a coarser level; None: those themselves.

    Attributes
    ----------
    axes : list of CoarseAxis
    x : Tensor of shape (n, *coarse sizes)
        Such that <R W, x> is about the score of weights W without the intercept; of some of the samples.
    weight : Tensor of shape (n,)
        Fractions of the samples' weights.
    unseen : float
        Mean square of an entry of the samples that the coarse cells do not see.
    unseen_fraction : float
        The same as a fraction of the mean square.
    """

    def __init__(self, objective: Objective, shapes: Shapes, view: View | None = None):
        inputs, is_exact = objective.inputs, shapes == objective.inputs.shapes
        # The shapes of a view may end with that of a grid of outputs.
        finer = halfway(inputs.shapes, shapes) if view is None else view.shapes[: len(shapes)]
        levels = () if is_exact else (finer, shapes)
        self._step = ceil(inputs.n_rows / MAX_ROWS)
        coarse, weight = objective.every(self._step, levels, None if is_exact else view)
        axes = objective.model.input_axes
        self.axes = coarse_axes(axes, shapes, weight)
        self.weight = weight / weight.sum()
        self.x = on_cells(coarse, self.axes)
        if is_exact:
            square = float(self.weight @ self.x.square().flatten(1).sum(1))
            self.unseen = LEAST_UNSEEN * square / prod(inputs.sizes)
            self.unseen_fraction = LEAST_UNSEEN if square > 0 else 1.0
            return
        n_few = max(LEAST_ROWS, min(FEW_ROWS, FEW_ENTRIES // prod(inputs.sizes)))
        step, at_once = max(1, len(weight) // n_few), max(1, BLOCK_ENTRIES // prod(inputs.sizes))
        total, square, unseen = objective.total_over(squares, (axes, levels), self._step * step, at_once).tolist()
        self.unseen = max(unseen, LEAST_UNSEEN * square) / (total * prod(inputs.sizes))
        self.unseen_fraction = unseen / square if square > 0 else 1.0

    def weighted(self, weight: Tensor) -> CoarseFields:
        """Return the coarse fields of the same samples with other weights (n,), without those of weight 0."""
        weight, weighted = weight[:: self._step], copy(self)
        rows = torch.nonzero(weight)[:, 0]
        weighted.x, weighted.weight = self.x[rows], weight[rows] / weight.sum()
        return weighted

    def to(self, device: torch.device) -> CoarseFields:
        """Return the coarse fields on a device."""
        moved = copy(self)
        moved.x, moved.weight = self.x.to(device), self.weight.to(device)
        moved.axes = [CoarseAxis(axis.axis.to(device), axis.shape, moved.weight) for axis in self.axes]
        return moved

    @property
    def n_rows(self) -> int:
        """Number of samples."""
        return len(self.x)


def squares(inputs: Inputs, weight: Tensor, axes: Sequence[Axis], levels: Sequence[Shapes]) -> Tensor:
    """Return the sums over samples of the weight, of the square times it, and of what the coarse cells do not see.

    The samples stay where they are: on a worker, or on a GPU.
    """
    known = coarse_axes([axis.to(weight.device) for axis in axes], levels[-1], weight)
    fine = inputs.design().reshape(inputs.n_rows, *inputs.sizes)
    unseen = fine - extended(on_cells(coarsened(inputs, levels), known), known)
    of_rows = torch.stack([values.square().flatten(1).sum(1) for values in (fine, unseen)]).double()
    return torch.cat([weight.double().sum()[None], of_rows @ weight.double()])


def coarse_axes(axes: Sequence[Axis], shapes: Shapes, like: Tensor) -> list[CoarseAxis]:
    """Return the axes with their coarse cells."""
    return [CoarseAxis(axis, shape, like) for axis, shape in zip(axes, shapes, strict=True)]


def on_cells(coarse: Inputs, axes: Sequence[CoarseAxis]) -> Tensor:
    """Return samples (n, *coarse sizes), as means over those of a coarse cell's cells that hold data."""
    x = coarse.design().reshape(coarse.n_rows, *coarse.sizes)
    for m, axis in enumerate(axes):
        if axis.mask is not None:
            filled = axis.filled.reshape([-1 if dim == m + 1 else 1 for dim in range(x.ndim)]).to(x)
            x = x / torch.where(filled > 0, filled, 1)
    return x


def extended(x: Tensor, axes: Sequence[CoarseAxis]) -> Tensor:
    """Return samples on the fine cells, from the coarse ones."""
    for m, axis in enumerate(axes):
        if axis.is_grid:
            x = x.movedim(m + 1, 0)
            x = axis.extend(x.flatten(1).double()).to(x).reshape(-1, *x.shape[1:]).movedim(0, m + 1)
    return x


def halfway(fine: Shapes, coarse: Shapes) -> Shapes:
    """Return shapes to which fields are coarsened first, because whole neighbours are added up fastest."""
    pairs = (zip(*shapes, strict=True) for shapes in zip(fine, coarse, strict=True))
    return tuple(tuple(n // 4 if n % 4 == 0 and n // 4 >= 2 * c else n for n, c in pair) for pair in pairs)
