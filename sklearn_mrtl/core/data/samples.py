"""Inputs with their targets and weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import CHUNK_ROWS, Inputs, Shapes
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION
from sklearn_mrtl.core.data.target import TargetGrid
from sklearn_mrtl.modes import Mode


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs with their targets.

    Equal rows are merged: their weights are added and their targets averaged, which changes every loss of this package
    by a constant only.

    Attributes
    ----------
    inputs : Inputs
        n distinct samples.
    weight : Tensor of shape (n, B)
        Sample weight in each of B blocks of consecutive rows; B is 1 except in cross-validation.
    y : Tensor of shape (n, B, T)
        Mean target, for each of T outputs.
    mean_square : float
        Weighted mean, over all rows before they were merged, of the sum of the squared targets; for the constant.
    fold : Tensor of int, shape (n,), or None
        Number of the block of each row in cross-validation; None: blocks of consecutive rows. Merged rows have none.
    target : TargetGrid or None
        The grid whose cells the outputs are; None: they are none.
    """

    inputs: Inputs
    weight: Tensor
    y: Tensor
    mean_square: float
    fold: Tensor | None = None
    target: TargetGrid | None = None

    @classmethod
    def from_rows(
        cls, inputs: Inputs, y: Tensor, weight: Tensor, fold: Tensor | None = None, target: TargetGrid | None = None
    ) -> Samples:
        """Make samples from targets (n, T), weights (n,) and folds (n,)."""
        return cls(inputs, weight[:, None], y[:, None], mean_square_sum(y, weight), fold, target)

    @property
    def n_outputs(self) -> int:
        """Number of outputs T."""
        return self.y.shape[2]

    def mean_squares(self) -> list[Tensor]:
        """Return the mean squares of the inputs; see `Inputs.mean_squares`."""
        return self.inputs.mean_squares(self.weight.sum(1))

    @property
    def shapes(self) -> Shapes:
        """Shape of every mode of the inputs, and of the grid of the outputs if they are one."""
        return self.inputs.shapes if self.target is None else (*self.inputs.shapes, self.target.shape)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes whose shapes these are; outputs are means over cells."""
        if self.target is None:
            return self.inputs.modes
        return (*self.inputs.modes, replace(self.target.grid, quantity="mean"))

    def merge(self) -> Samples:
        """Merge equal rows."""
        return self.coarsen(self.shapes)

    def coarsen(self, shapes: Shapes) -> Samples:
        """Return the samples on coarser grids, merged."""
        samples = self.with_coarse_targets(shapes)
        inputs, row = self.inputs.merge(shapes[: len(self.inputs.modes)])
        return replace(samples, inputs=inputs) if row is None else samples._merged(inputs, row, 1)

    def with_coarse_targets(self, shapes: Shapes) -> Samples:
        """Return the samples with the outputs on the grid of the last of some shapes; as they are without a grid."""
        if self.target is None or shapes[-1] == self.target.shape:
            return self
        y, target = self.target.coarsen(self.y, shapes[-1])
        mean_square = mean_square_sum(y.flatten(0, 1), self.weight.flatten())
        return replace(self, y=y, mean_square=mean_square, target=target)

    def without_products(self) -> Samples:
        """Return the samples without the outer products that inputs keep for the steps of a full-rank model."""
        return replace(self, inputs=self.inputs.without_products())

    def has_few_distinct(self, most: int) -> bool:
        """Return whether at most so many rows differ; of fields, whether there are no more.

        After a merge all rows differ; none were merged where nearly all do.
        """
        n_rows = self.inputs.n_rows
        if self.inputs.coarsens_in_steps or not most < n_rows < most / MAX_DISTINCT_FRACTION:
            return n_rows <= most
        return len(torch.unique(cast(EncodedInputs, self.inputs).keys())) <= most

    def thinned(self, n_parts: int, n_blocks: int) -> Samples:
        """Return one of n_parts parts of the samples: n_blocks blocks of consecutive rows, evenly spread."""
        if n_parts == 1:
            return self
        n_rows = self.inputs.n_rows
        block = torch.arange(n_rows, device=self.weight.device) * (n_parts * n_blocks) // n_rows
        rows = torch.nonzero(block % n_parts == 0)[:, 0]
        fold = None if self.fold is None else self.fold[rows]
        inputs, y, weight = self.inputs.select(rows), self.y[rows, 0], self.weight[rows, 0]
        return Samples.from_rows(inputs, y, weight, fold, self.target)

    def in_blocks(self, shapes: Shapes, n_blocks: int, gap: float = 0.0) -> Samples:
        """Return the samples on coarser grids, apart in blocks: folds, or consecutive rows of about the same weight.

        Parameters
        ----------
        shapes : shapes
        n_blocks : int
        gap : float
            Part of each block of consecutive rows that weighs nothing, half of it at either edge, so that rows of
            different blocks are not neighbours. A block of so few rows that none is left keeps all.
        """
        samples = self.with_coarse_targets(shapes)
        inputs, row = self.inputs.merge(shapes[: len(self.inputs.modes)])
        if self.fold is not None:
            n_folds = int(self.fold.max()) + 1
            row = torch.arange(len(self.fold), device=self.fold.device) if row is None else row
            return samples._merged(inputs, row * n_folds + self.fold, n_folds)
        weight = self.weight[:, 0]
        middle = weight.cumsum(0, dtype=torch.float64).sub_(weight / 2)
        place = middle.mul_(n_blocks / weight_sum(weight)).clamp_(0, n_blocks - 1e-6)
        block = place.int()
        if gap:
            is_inside = (place.sub_(block).sub_(0.5).abs_() <= (1 - gap) / 2) & (weight > 0)
            is_inside |= (torch.bincount(block[is_inside], minlength=n_blocks) == 0).index_select(0, block)
            samples = replace(samples, weight=(weight * is_inside)[:, None])
            del is_inside
        del middle, place  # as long as the samples, like all of these
        # One heavy row fills several blocks: those without rows are not counted.
        number = (torch.bincount(block, minlength=n_blocks) > 0).cumsum(0) - 1
        number = number.index_select(0, block)
        del block
        row = torch.arange(len(weight), device=weight.device) if row is None else row
        return samples._merged(inputs, number.add_(row, alpha=n_blocks), n_blocks)

    def _merged(self, inputs: Inputs, index: Tensor, n_blocks: int) -> Samples:
        """Add up rows of the same index, which is their row among the inputs times n_blocks, plus their block."""
        weight = self.weight[:, 0]

        def add(values: Tensor) -> Tensor:
            return values.new_zeros(inputs.n_rows * n_blocks).index_add_(0, index, values)

        total = add(weight)
        # Output by output, because torch adds up single numbers faster than rows of them.
        y = torch.stack([mean_from_total(add(weight * y), total) for y in self.y[:, 0].unbind(1)], 1)
        weight, y = total.reshape(-1, n_blocks), y.reshape(-1, n_blocks, self.n_outputs)
        return Samples(inputs, weight, y, self.mean_square, target=self.target)

    def rows_of(self, blocks: Tensor) -> Samples:
        """Return some of the blocks, with the rows that weigh anything in them."""
        weight = self.weight[:, blocks]
        rows = torch.nonzero((weight > 0).any(1))[:, 0]
        return replace(self, inputs=self.inputs.select(rows), weight=weight[rows], y=self.y[rows][:, blocks])

    def totals(self) -> tuple[Tensor, Tensor]:
        """Return the mean target (n, T) and weight (n,) of every row over all blocks, each time the same tensors."""
        return self._totals

    @cached_property
    def _totals(self) -> tuple[Tensor, Tensor]:
        return self.of_blocks(slice(None))

    def of_blocks(self, blocks: slice | Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean target (n, T) and the weight (n,) of every row over some of the blocks."""
        weight, y = self.weight[:, blocks], self.y[:, blocks]
        if weight.shape[1] == 1:
            return y[:, 0], weight[:, 0]
        total = weight.sum(1)
        return mean_from_total((weight[..., None] * y).sum(1), total[:, None]), total


def mean_from_total(total: Tensor, weight: Tensor) -> Tensor:
    """Return the mean target of rows from their weighted sums; 0 for rows without weight."""
    return total.div_(torch.where(weight > 0, weight, 1))


def mean_square_sum(y: Tensor, weight: Tensor) -> float:
    """Return the weighted mean over the rows of the sum of the squares of y (n, T)."""
    parts = zip(weight.split(CHUNK_ROWS), y.split(CHUNK_ROWS), strict=True)
    total = sum(float(weight.double() @ y.double().square().sum(1)) for weight, y in parts)
    return total / weight_sum(weight) if len(weight) else 0.0


def weight_sum(weight: Tensor) -> float:
    """Return the sum of weights (n,) in double precision, for which torch would copy all of them at once."""
    return sum(float(part.sum(dtype=torch.float64)) for part in weight.split(CHUNK_ROWS))
