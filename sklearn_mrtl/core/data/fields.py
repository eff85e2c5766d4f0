"""Samples that are fields: arrays with an axis for each mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Shapes, is_mean, take_last
from sklearn_mrtl.core.data.products import DenseProduct, khatri_rao, project_last
from sklearn_mrtl.core.finegraining import coarsen_mask, coarsen_means, sum_cells
from sklearn_mrtl.modes import Mode

FIELD_ENTRIES = 2**22  # of fields that are coarsened at once: 16 MB in float32


@dataclass(frozen=True, eq=False)
class FieldInputs:
    """Dense fields: a sample is an array with one axis for each mode, its grids flat.

    Scores are means over the cells of grids of means and sums over everything else.

    Attributes
    ----------
    x : Tensor of shape (n, size of mode 1, size of mode 2, ...)
        No data is 0. The last mode is the largest: then a product passes over memory in its order. Of that mode only
        the cells that hold data are stored.
    center : Tensor of shape (size of mode 1, ...)
        Subtracted from every sample, without making that array.
    modes : tuple of Mode
    shapes : tuple of tuple of int
        Shape of each mode at this resolution.
    masks : tuple of (Tensor of bool, or None)
        For each grid the cells that hold data; None: all.
    stored : Tensor, or None
        Cells of the last mode that x holds, from its mask; None: all.
    """

    x: Tensor
    center: Tensor
    modes: tuple[Mode, ...]
    shapes: Shapes
    masks: tuple[Tensor | None, ...]
    stored: Tensor | None = None

    def __post_init__(self):
        if self.stored is None:
            object.__setattr__(self, "stored", stored_cells(self.masks))

    coarsens_in_steps = True  # a coarse level is best made of the next finer one

    @property
    def n_rows(self) -> int:
        return self.x.shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(prod(shape) for shape in self.shapes)

    def pack(self, values: Tensor) -> Tensor:
        """Of values for all cells of the last mode, which lies last, those that are stored."""
        return values if self.stored is None else take_last(values, self.stored)

    def pack_rows(self, factor: Tensor) -> Tensor:
        """Of a factor of the last mode the rows of cells that are stored."""
        return factor if self.stored is None else factor.index_select(0, self.stored)

    def unpack(self, values: Tensor) -> Tensor:
        """Values for all cells of the last mode, which lies last; 0 where nothing is stored."""
        if self.stored is None:
            return values
        # Each cell's inverse among the stored ones, or that of a zero behind them: four times as fast as writing there.
        inverse = torch.full((self.sizes[-1],), len(self.stored), dtype=torch.int32, device=values.device)
        inverse[self.stored] = torch.arange(len(self.stored), dtype=torch.int32, device=values.device)
        return take_last(torch.nn.functional.pad(values, (0, 1)), inverse)

    @cached_property
    def cell_area(self) -> float:
        """Share of one cell in the area of all grids of means."""
        return 1.0 / prod(size for mode, size in zip(self.modes, self.sizes, strict=True) if is_mean(mode))

    def linear_scores(self, weights: Tensor) -> Tensor:
        """<W, X_n> of eq. (1) for every sample and output, shape (n, T); W has shape (*sizes, T)."""
        weights = weights.reshape(*self.sizes, -1)
        weights = weights if self.stored is None else weights.index_select(-2, self.stored)
        weights = weights.reshape(-1, weights.shape[-1])
        scores = DenseProduct.apply(self.x.reshape(self.n_rows, -1), weights)
        return (scores - self.center.reshape(1, -1) @ weights) * self.cell_area

    def cp_scores(self, factors: Sequence[Tensor], outputs: Tensor | None) -> Tensor:
        """<W, X_n> of eq. (2) for every sample and output, shape (n, T); outputs is a factor (T, K), or None."""
        projections = self.projections(factors)
        return projections.sum(1, keepdim=True) if outputs is None else projections @ outputs.T

    def projections(self, factors: Sequence[Tensor]) -> Tensor:
        """<A[:,k] o B[:,k] o ..., X_n> of eq. (2) for every sample and component, shape (n, K)."""
        *others, last = factors
        weights, last = khatri_rao(others) if others else last.new_ones(1, last.shape[1]), self.pack_rows(last)
        contract = lambda x: (project_last(x, last) * weights).sum(1)  # noqa: E731
        return (contract(self.x) - contract(self.center[None])) * self.cell_area

    def multilinear(self, factors: Sequence[Tensor]) -> Tensor:
        """X_n times the factor of every mode, shape (n, K_1, K_2, ...)."""
        *others, last = factors
        last = self.pack_rows(last)

        def contract(x: Tensor) -> Tensor:
            x = project_last(x, last).reshape(*x.shape[:-1], -1)
            for factor in others:
                x = torch.tensordot(x, factor, ([1], [0]))  # the next mode goes, its components come last
            return x.movedim(1, -1)

        return (contract(self.x) - contract(self.center[None])) * self.cell_area

    def design(self) -> Tensor:
        """Every sample as a row of a dense matrix (n, product of sizes), in the units of the scores."""
        return self.unpack(self.x - self.center).reshape(self.n_rows, -1) * self.cell_area

    def mean_squares(self, weight: Tensor) -> list[Tensor]:
        """Weighted mean square of what each row of a mode multiplies; the modes' masses multiply to that of W."""
        step = max(1, self.n_rows // 64)
        x, weight = self.x[::step] - self.center, weight[::step]
        masses = []
        for mode, size in zip(self.modes, self.sizes, strict=True):
            area = 1.0 / size if is_mean(mode) else 1.0
            masses.append(self.x.new_full((size,), area**2))
        square = (weight @ x.square().reshape(len(x), -1).sum(1)) / (weight.sum() * prod(self.sizes))
        masses[0] = masses[0] * max(float(square), torch.finfo(x.dtype).tiny)
        return masses

    def coarsen(self, shapes: Shapes) -> FieldInputs:
        """The same samples on coarser grids: means for grids of means, sums for all others."""
        if shapes == self.shapes:
            return self
        # In blocks, so that what stands between two grids needs no memory.
        n_rows = max(1, FIELD_ENTRIES // max(1, prod(self.sizes)))
        masks = tuple(
            mask if mask is None or fine == coarse else coarsen_mask(mask, fine, coarse, mode.quantity)
            for mode, mask, fine, coarse in zip(self.modes, self.masks, self.shapes, shapes, strict=True)
        )
        center = self._coarse(self.center[None], shapes)[0]
        made = replace(self, x=self.x[:0], center=center, shapes=shapes, masks=masks, stored=None)
        center = made.pack(center)
        x = self.x.new_empty(self.n_rows, *center.shape)
        for start in range(0, self.n_rows, n_rows):
            x[start : start + n_rows] = made.pack(self._coarse(self.x[start : start + n_rows], shapes))
        return replace(made, x=x, center=center)

    def _coarse(self, x: Tensor, shapes: Shapes) -> Tensor:
        """Fields on coarser grids, all cells."""
        x = self.unpack(x)
        for m, (mode, fine, coarse) in enumerate(zip(self.modes, self.shapes, shapes, strict=True)):
            if fine != coarse:
                x = (coarsen_means if mode.quantity == "mean" else sum_cells)(x, m + 1, fine, coarse)
        return x

    @property
    def chunks(self) -> list[tuple[slice, FieldInputs]]:
        """The samples in parts whose scores need little memory: here all, next to the fields they are nothing."""
        return [(slice(None), self)]

    def select(self, rows: Tensor) -> FieldInputs:
        """Some of the samples."""
        return replace(self, x=self.x[rows])

    def merge(self, shapes: Shapes) -> tuple[FieldInputs, None]:
        """The same samples on coarser grids; dense fields hardly ever repeat."""
        return self.coarsen(shapes), None


def stored_cells(masks: Sequence[Tensor | None]) -> Tensor | None:
    """Cells of the last mode that fields store; None: all."""
    return None if masks[-1] is None else torch.nonzero(masks[-1])[:, 0].int()
