"""Operators between two resolutions of a grid (section 4 of the paper, "How to finegrain").

Every operator is separable: one small operator for each axis of the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.separable import AxisOperator, apply_separable, few_in_row
from sklearn_mrtl.modes import Grid, Mode

MOST_NEIGHBOURS = 8  # fine cells of a coarse one up to which they are added one by one


def nearest_index(n_fine: int, n_coarse: int) -> Tensor:
    """Return the coarse cell in which the centre of each fine cell lies, shape (n_fine,)."""
    return ((2 * torch.arange(n_fine) + 1) * n_coarse) // (2 * n_fine)


def nearest_cells(fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Return the flat index of the coarse cell of each fine cell, shape (n_fine_cells,)."""
    cells = torch.zeros((), dtype=torch.long)
    for n_fine, n_coarse in zip(fine, coarse, strict=True):
        cells = cells[..., None] * n_coarse + nearest_index(n_fine, n_coarse)
    return cells.reshape(-1)


def interpolating(n_coarse: int, n_fine: int, *, periodic: bool = False) -> AxisOperator:
    """Return linear interpolation between cell centres, constant beyond the outermost ones, (n_fine, n_coarse)."""
    position = (torch.arange(n_fine, dtype=torch.float64) + 0.5) * n_coarse / n_fine - 0.5
    if not periodic:
        position = position.clamp(0, n_coarse - 1)
    left = position.floor()
    columns = torch.stack([left, left + 1]).long()
    columns = columns % n_coarse if periodic else columns.clamp(max=n_coarse - 1)
    fraction = position - left
    return few_in_row(columns, torch.stack([1 - fraction, fraction]), n_coarse)


def averaging(n_fine: int, n_coarse: int) -> AxisOperator:
    """Return the mean over each coarse cell of the parts of fine cells in it, shape (n_coarse, n_fine).

    Edges are whole numbers in units of 1 / (n_fine n_coarse), so that cells which only touch overlap by exactly 0.
    """
    start = torch.arange(n_coarse) * n_fine  # of the coarse cells
    most = n_fine // n_coarse + 2  # fine cells that a coarse one can meet
    columns = start // n_coarse + torch.arange(most)[:, None]
    overlap = torch.minimum((columns + 1) * n_coarse, start + n_fine) - torch.maximum(columns * n_coarse, start)
    return few_in_row(columns.clamp(max=n_fine - 1), overlap.clamp(min=0).double() / n_fine, n_fine)


def finegrain(weights: Tensor, dim: int, grid: Grid, coarse: tuple[int, ...], fine: tuple[int, ...]) -> Tensor:
    """Interpolate weights to a finer grid: Finegrain in lines 10 and 22 to 24 of Algorithm 1.

    Weights of grids of means are per unit of the grid's area, which includes the paper's division by D_{r+1} / D_r.
    Weights of counts are not divided, because a smaller cell holds fewer events.

    Parameters
    ----------
    weights : Tensor of shape (..., n_coarse_cells, ...)
        The grid's cells, flat in C order, lie along `dim`.

    Returns
    -------
    Tensor of shape (..., n_fine_cells, ...)
    """
    if coarse == fine:
        return weights
    if grid.interpolation == "nearest":
        return weights.index_select(dim, nearest_cells(fine, coarse).to(weights.device))
    operators = [
        None if n_coarse == n_fine else interpolating(n_coarse, n_fine, periodic=periodic).to(weights)
        for n_coarse, n_fine, periodic in zip(coarse, fine, cast(tuple[bool, ...], grid.periodic), strict=True)
    ]
    return apply_separable(weights, dim, coarse, operators)


def coarsen_means(fields: Tensor, dim: int, fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Return the mean of fields over the cells of a coarser grid, whose cells lie along `dim`."""
    before, after = fields.shape[:dim], fields.shape[dim + 1 :]
    x = fields.reshape(*before, *fine, *after)
    # The axis that shrinks most goes first, which makes the others cheaper.
    for axis in sorted(range(len(fine)), key=lambda axis: coarse[axis] / fine[axis]):
        x = mean_along(x, len(before) + axis, coarse[axis])
    return x.reshape(*before, prod(coarse), *after)  # not -1: there may be no rows


def mean_along(x: Tensor, dim: int, n_coarse: int) -> Tensor:
    """Return means over the coarser cells of one axis; few whole neighbours are added up without a product."""
    ratio, rest = divmod(x.shape[dim], n_coarse)
    if ratio == 1 and not rest:
        return x
    if rest or ratio > MOST_NEIGHBOURS:
        return averaging(x.shape[dim], n_coarse).to(x).along(x, dim)
    first, second, *others = x.unflatten(dim, (n_coarse, ratio)).unbind(dim + 1)
    total = first + second
    for other in others:
        total += other
    return total.div_(ratio)


def coarsen_mask(mask: Tensor, fine: tuple[int, ...], coarse: tuple[int, ...], quantity: str) -> Tensor:
    """Return the coarse cells that hold any cell of the mask: bool of shape (n_coarse_cells,)."""
    if quantity == "count":
        count = torch.zeros(torch.Size(coarse).numel(), dtype=torch.long, device=mask.device)
        return count.index_add_(0, nearest_cells(fine, coarse).to(mask.device), mask.long()) > 0
    return coarsen_means(mask.double(), 0, fine, coarse) > 0


def nests(modes: Sequence[Mode], finest: Shapes, finer: Shapes, coarse: Shapes) -> bool:
    """Return whether coarsening the finest shapes of modes in two steps gives the same as in one."""
    for mode, n_finest, n_finer, n_coarse in zip(modes, finest, finer, coarse, strict=True):
        if n_finer in (n_finest, n_coarse):
            continue
        for finest_axis, finer_axis, coarse_axis in zip(n_finest, n_finer, n_coarse, strict=True):
            if isinstance(mode, Grid) and mode.quantity == "mean":
                same = finer_axis % coarse_axis == 0
            else:
                in_two = nearest_index(finer_axis, coarse_axis)[nearest_index(finest_axis, finer_axis)]
                same = torch.equal(in_two, nearest_index(finest_axis, coarse_axis))
            if not same:
                return False
    return True


def sum_cells(x: Tensor, dim: int, fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Return the sum of fields over the fine cells whose centres lie in each coarse cell."""
    shape = (*x.shape[:dim], prod(coarse), *x.shape[dim + 1 :])
    return x.new_zeros(shape).index_add_(dim, nearest_cells(fine, coarse).to(x.device), x)
