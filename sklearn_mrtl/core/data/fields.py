"""Samples that are fields: arrays with an axis for each mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs, Shapes, is_mean, put_last, take_last
from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.core.data.products import DenseProduct, khatri_rao, project_last
from sklearn_mrtl.core.finegraining import coarsen_mask, coarsen_means, sum_cells
from sklearn_mrtl.modes import Grid, Mode

SQUARED_ENTRIES = 2**20  # numbers of fields that are squared at once
BLOCK_ENTRIES = 2**22  # numbers of fields that are coarsened at once: 16 MB in float32


@dataclass(frozen=True, eq=False)
class FieldInputs(Inputs):
    """Dense fields: a sample is an array with one axis for each mode, its grids flat.

    Scores are means over the cells of grids of means and sums over everything else.

    Attributes
    ----------
    x : Tensor of shape (n, size of mode 1, size of mode 2, ...)
        0 where there is no data. The last mode is the largest, so that products read memory in its order; of that mode
        only the cells that hold data are stored.
    center : Tensor of shape (size of mode 1, ...)
        Subtracted from every sample, without making that array.
    modes : tuple of Mode
    shapes : tuple of tuple of int
        Shape of each mode at this resolution.
    masks : tuple of (Tensor of bool, or None)
        For each grid the cells that hold data; None: all.
    stored : Tensor, or None
        Indices of the cells of the last mode that x holds, from its mask; None: all.
    block_entries : int
        Numbers of the fields that are coarsened at once.
    """

    x: Tensor
    center: Tensor
    modes: tuple[Mode, ...]
    shapes: Shapes
    masks: tuple[Tensor | None, ...]
    stored: Tensor | None = None
    block_entries: int = BLOCK_ENTRIES
    _parts: dict[tuple[int, ...], FieldInputs] = field(default_factory=dict, init=False, repr=False)

    coarsens_in_steps = True

    def __post_init__(self) -> None:
        if self.stored is None:
            object.__setattr__(self, "stored", stored_cells(self.masks))

    @property
    def n_rows(self) -> int:
        return self.x.shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(prod(shape) for shape in self.shapes)

    @cached_property
    def cell_area(self) -> float:
        """Fraction of one cell in the area of all grids of means."""
        return 1.0 / prod(size for mode, size in zip(self.modes, self.sizes, strict=True) if is_mean(mode))

    # Cells that are stored

    def pack(self, values: Tensor) -> Tensor:
        """Return the stored ones of values for all cells of the last mode, which are the last axis."""
        return values if self.stored is None else take_last(values, self.stored)

    def pack_rows(self, factor: Tensor) -> Tensor:
        """Return the rows of stored cells of a factor of the last mode."""
        return factor if self.stored is None else factor.index_select(0, self.stored)

    def unpack(self, values: Tensor) -> Tensor:
        """Return values for all cells of the last mode from the stored ones; 0 where nothing is stored."""
        return values if self.stored is None else put_last(values, self.stored, self.sizes[-1])

    # Scores

    def linear_scores(self, weights: Tensor) -> Tensor:
        weights = weights.reshape(*self.sizes, -1)
        weights = weights if self.stored is None else weights.index_select(-2, self.stored)
        weights = weights.reshape(-1, weights.shape[-1])
        scores = DenseProduct.apply(self.x.reshape(self.n_rows, -1), weights)
        return (scores - self.center.reshape(1, -1) @ weights) * self.cell_area

    def cp_scores(self, factors: Sequence[Tensor], outputs: Tensor | None) -> Tensor:
        projections = self.projections(factors)
        return projections.sum(1, keepdim=True) if outputs is None else projections @ outputs.T

    def projections(self, factors: Sequence[Tensor]) -> Tensor:
        """Return <A[:,k] o B[:,k] o ..., X_n> of eq. (2) for every sample and component, shape (n, K)."""
        *others, last = factors
        weights, last = khatri_rao(others) if others else last.new_ones(1, last.shape[1]), self.pack_rows(last)

        def contract(x: Tensor) -> Tensor:
            return (project_last(x, last) * weights).sum(1)

        return (contract(self.x) - contract(self.center[None])) * self.cell_area

    def multilinear(self, factors: Sequence[Tensor]) -> Tensor:
        *others, last = factors
        last = self.pack_rows(last)

        def contract(x: Tensor) -> Tensor:
            x = project_last(x, last).reshape(*x.shape[:-1], -1)
            for factor in others:
                x = torch.tensordot(x, factor, ([1], [0]))  # replaces the first mode by its components, as last axis
            return x.movedim(1, -1)

        return (contract(self.x) - contract(self.center[None])) * self.cell_area

    def design(self) -> Tensor:
        return self.unpack(self.x - self.center).reshape(self.n_rows, -1) * self.cell_area

    def mean_squares(self, weight: Tensor) -> list[Tensor]:
        """Return mean squares that are equal for all entries of a mode, from about 64 of the samples."""
        step = max(1, self.n_rows // 64)
        x, weight = self.x[::step], weight[::step]
        parts = x.split(max(1, SQUARED_ENTRIES // max(1, self.center.numel())))
        deviations, totals = torch.empty_like(parts[0]), x.new_empty(len(x))  # once: small arrays between large ones
        for part, squares in zip(parts, totals.split(len(parts[0])), strict=True):  # keep these from being reused
            own = torch.sub(part, self.center, out=deviations[: len(part)]).square_()
            torch.sum(own.reshape(len(part), -1), 1, out=squares)
        mean_squares = []
        for mode, size in zip(self.modes, self.sizes, strict=True):
            area = 1.0 / size if is_mean(mode) else 1.0
            mean_squares.append(self.x.new_full((size,), area**2))
        square = (weight @ totals) / (weight.sum() * prod(self.sizes))
        mean_squares[0] = mean_squares[0] * max(float(square), torch.finfo(x.dtype).tiny)
        return mean_squares

    # Parts of the samples

    @property
    def chunks(self) -> list[tuple[slice, FieldInputs]]:
        """All samples as a single part: scores need little memory beside the fields."""
        return [(slice(None), self)]

    def of_modes(self, modes: tuple[int, ...]) -> FieldInputs:
        if modes == tuple(range(len(self.modes))):
            return self
        if modes not in self._parts:
            self._parts[modes] = self._sum_over_others(modes)
        return self._parts[modes]

    def _sum_over_others(self, modes: tuple[int, ...]) -> FieldInputs:
        """Return the fields summed over all other modes, or averaged over grids of means."""
        others = [m for m in range(len(self.modes)) if m not in modes]
        n_averaged = prod(self.sizes[m] for m in others if is_mean(self.modes[m]))
        kinds, shapes = tuple(self.modes[m] for m in modes), tuple(self.shapes[m] for m in modes)
        masks = tuple(self.masks[m] for m in modes)
        # The last mode's cells are packed already; where it is summed over, another mode becomes the last.
        newly_stored = stored_cells(masks) if len(self.modes) - 1 in others else None

        def summed(x: Tensor) -> Tensor:
            total = x.sum([m + 1 for m in others]).div_(n_averaged)
            return total if newly_stored is None else take_last(total, newly_stored)

        x, center = summed(self.x), summed(self.center[None])[0]
        return replace(self, x=x, center=center, modes=kinds, shapes=shapes, masks=masks, stored=None)

    def select(self, rows: Tensor) -> FieldInputs:
        return replace(self, x=self.x[rows])

    # Coarser grids

    def coarsen(self, shapes: Shapes) -> FieldInputs:
        """Return the samples on coarser grids: means over the cells for grids of means, sums for all others."""
        if shapes == self.shapes:
            return self
        # In blocks, because grids that are coarsened along some of their axes need memory too.
        n_rows = max(1, self.block_entries // max(1, prod(self.sizes)))
        masks = tuple(
            coarsen_mask(mask, fine, coarse, mode.quantity)
            if mask is not None and fine != coarse and isinstance(mode, Grid)
            else mask
            for mode, mask, fine, coarse in zip(self.modes, self.masks, self.shapes, shapes, strict=True)
        )
        center = self._coarse(self.center[None], shapes)[0]
        made = replace(self, x=self.x[:0], center=center, shapes=shapes, masks=masks, stored=None)
        center = made.pack(center)
        x = self.x.new_empty(self.n_rows, *center.shape)
        for start in range(0, self.n_rows, n_rows):
            x[start : start + n_rows] = made.pack(self._coarse(self.x[start : start + n_rows], shapes))
        if self.n_rows > n_rows:
            return_freed_memory(self.x.numel())
        return replace(made, x=x, center=center)

    def _coarse(self, x: Tensor, shapes: Shapes) -> Tensor:
        """Return fields on coarser grids, with all cells of the last mode."""
        x = self.unpack(x)
        for m, (mode, fine, coarse) in enumerate(zip(self.modes, self.shapes, shapes, strict=True)):
            if fine != coarse:
                x = (coarsen_means if is_mean(mode) else sum_cells)(x, m + 1, fine, coarse)
        return x

    def merge(self, shapes: Shapes) -> tuple[FieldInputs, None]:
        """Return all samples on coarser grids: dense fields hardly ever repeat."""
        return self.coarsen(shapes), None


def stored_cells(masks: Sequence[Tensor | None]) -> Tensor | None:
    """Return the cells of the last mode that fields store; None: all."""
    return None if masks[-1] is None else torch.nonzero(masks[-1])[:, 0].int()
