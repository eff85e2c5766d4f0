"""Operators between two resolutions of a grid (section 4 of the paper, "How to finegrain").

Every operator is separable: a list of small matrices, one for each axis of the grid.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.modes import Grid

MOST_NEIGHBOURS = 8  # of a coarse cell, that are added up one by one
NARROW = 16  # an axis with no more numbers than that to each place is multiplied fastest with them out of the way


def nearest_index(n_fine: int, n_coarse: int) -> Tensor:
    """Coarse cell in which the centre of each fine cell lies, shape (n_fine,)."""
    return ((2 * torch.arange(n_fine) + 1) * n_coarse) // (2 * n_fine)


def nearest_cells(fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Flat index of the coarse cell of each fine cell, shape (n_fine_cells,)."""
    cells = torch.zeros((), dtype=torch.long)
    for n_fine, n_coarse in zip(fine, coarse, strict=True):
        cells = cells[..., None] * n_coarse + nearest_index(n_fine, n_coarse)
    return cells.reshape(-1)


def interpolation_matrix(n_coarse: int, n_fine: int, *, periodic: bool = False) -> Tensor:
    """Linear interpolation P between cell centres, constant beyond the outermost ones, shape (n_fine, n_coarse)."""
    position = (torch.arange(n_fine, dtype=torch.float64) + 0.5) * n_coarse / n_fine - 0.5
    if not periodic:
        position = position.clamp(0, n_coarse - 1)
    left = position.floor()
    fraction = position - left
    rows = torch.arange(n_fine)
    matrix = torch.zeros(n_fine, n_coarse, dtype=torch.float64)
    for column, weight in ((left, 1 - fraction), (left + 1, fraction)):
        column = column.long()
        column = column % n_coarse if periodic else column.clamp(max=n_coarse - 1)
        matrix.index_put_((rows, column), weight, accumulate=True)
    return matrix


def mean_matrix(n_fine: int, n_coarse: int) -> Tensor:
    """Mean over the whole of each coarse cell, cut cells by their share, shape (n_coarse, n_fine)."""
    fine = torch.arange(n_fine + 1, dtype=torch.float64) / n_fine
    coarse = torch.arange(n_coarse + 1, dtype=torch.float64) / n_coarse
    overlap = torch.minimum(fine[1:], coarse[1:, None]) - torch.maximum(fine[:-1], coarse[:-1, None])
    return overlap.clamp(min=0) * n_coarse


def finegrain(weights: Tensor, dim: int, grid: Grid, coarse: tuple[int, ...], fine: tuple[int, ...]) -> Tensor:
    """Carry weights to a finer grid: Finegrain of Algorithm 1, lines 10 and 23.

    Weights of grids of means are per unit of the grid's area, so that interpolating them is all there is to do: the
    paper's division by D_{r+1} / D_r is in the units. Counts ask for no division: a smaller cell holds fewer events.

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
    matrices = [
        interpolation_matrix(n_coarse, n_fine, periodic=periodic).to(weights)
        for n_coarse, n_fine, periodic in zip(coarse, fine, grid.periodic, strict=True)
    ]
    return apply_separable(weights, dim, coarse, matrices)


def coarsen_means(fields: Tensor, dim: int, fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Mean of fields over the cells of a coarser grid, whose cells lie along `dim`."""
    before, after = fields.shape[:dim], fields.shape[dim + 1 :]
    x = fields.reshape(*before, *fine, *after)
    for axis in sorted(range(len(fine)), key=lambda axis: coarse[axis] / fine[axis]):  # then the next is cheaper
        x = mean_along(x, len(before) + axis, coarse[axis])
    return x.reshape(*before, -1, *after)


def mean_along(x: Tensor, dim: int, n_coarse: int) -> Tensor:
    """Means over coarser cells of one axis; whole neighbours are added up, eight times as fast as a product."""
    ratio, rest = divmod(x.shape[dim], n_coarse)
    if ratio == 1 and not rest:
        return x
    if rest or ratio > MOST_NEIGHBOURS:
        return apply_along(x, dim, mean_matrix(x.shape[dim], n_coarse).to(x))
    first, second, *others = x.unflatten(dim, (n_coarse, ratio)).unbind(dim + 1)
    total = first + second
    for other in others:
        total += other
    return total.div_(ratio)


def coarsen_mask(mask: Tensor, fine: tuple[int, ...], coarse: tuple[int, ...], quantity: str) -> Tensor:
    """Coarse cells that hold any cell of the mask: bool of shape (n_coarse_cells,)."""
    if quantity == "count":
        count = torch.zeros(torch.Size(coarse).numel(), dtype=torch.long, device=mask.device)
        return count.index_add_(0, nearest_cells(fine, coarse).to(mask.device), mask.long()) > 0
    return coarsen_means(mask.double(), 0, fine, coarse) > 0


def nests(modes, finest, finer, coarse) -> bool:
    """Whether coarsening the finest shapes of modes in two steps gives the same as in one."""
    for mode, n_finest, n_finer, n_coarse in zip(modes, finest, finer, coarse, strict=True):
        if n_finer in (n_finest, n_coarse):
            continue
        for finest_axis, finer_axis, coarse_axis in zip(n_finest, n_finer, n_coarse, strict=True):
            if mode.quantity == "mean":
                same = finer_axis % coarse_axis == 0
            else:
                in_two = nearest_index(finer_axis, coarse_axis)[nearest_index(finest_axis, finer_axis)]
                same = torch.equal(in_two, nearest_index(finest_axis, coarse_axis))
            if not same:
                return False
    return True


def apply_separable(x: Tensor, dim: int, shape: tuple[int, ...], matrices: list[Tensor | None]) -> Tensor:
    """Multiply the axes of a grid, flat along `dim`, each by its own matrix (n_out, n_in); None: leave it.

    The axis that shrinks most goes first: what follows is cheaper.
    """
    dim = dim % x.ndim
    before, after = x.shape[:dim], x.shape[dim + 1 :]
    x = x.reshape(*before, *shape, *after)
    axes = [axis for axis, matrix in enumerate(matrices) if matrix is not None]
    for axis in sorted(axes, key=lambda axis: matrices[axis].shape[0] / matrices[axis].shape[1]):
        x = apply_along(x, len(before) + axis, matrices[axis])
    return x.reshape(*before, -1, *after)


def apply_along(x: Tensor, dim: int, matrix: Tensor) -> Tensor:
    """Multiply one axis by a matrix (n_out, n_in)."""
    after = x.shape[dim + 1 :].numel()
    if after == 1:
        y = x.reshape(-1, x.shape[dim]) @ matrix.T
    elif after <= NARROW:
        y = torch.tensordot(x.reshape(-1, x.shape[dim], after), matrix, ([1], [1])).movedim(-1, 1)
    else:
        y = matrix @ x.reshape(-1, x.shape[dim], after)
    return y.reshape(*x.shape[:dim], matrix.shape[0], *x.shape[dim + 1 :])


def sum_cells(x: Tensor, dim: int, fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Sum of fields over the fine cells whose centres lie in each coarse cell."""
    shape = (*x.shape[:dim], prod(coarse), *x.shape[dim + 1 :])
    return x.new_zeros(shape).index_add_(dim, nearest_cells(fine, coarse).to(x.device), x)
