"""Samples in blocks of consecutive rows that live elsewhere: in other threads, on other machines, or on disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, prod
from typing import Any, Self

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.data.block import (
    block_with_coarse_targets,
    block_without_products,
    coarse_block,
    coarse_blocks,
    joined_keys,
    merged_block,
    merged_samples,
    part_of_block,
    some_keys,
    some_rows,
    weighted_mean_squares,
)
from sklearn_mrtl.core.data.concatenation import concatenated
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.data.target import TargetGrid
from sklearn_mrtl.modes import Mode

FoldFunction = Callable[[Tensor, Tensor | None], Tensor | None]


class Blocks(ABC):
    """Blocks, wherever they live; functions go to them, and only results come back.

    Functions take a block and further arguments. They are defined by modules by name, so that other processes find
    them.

    Attributes
    ----------
    are_kept : bool
        Whether the blocks are in memory; otherwise every call makes them anew.
    """

    are_kept: bool

    @abstractmethod
    def map(self, function: Callable[..., Any], *args: Any, keep: bool = True) -> Self:
        """Return the blocks function(block, *args), which are kept where they are made, or made when needed."""

    @abstractmethod
    def map_groups(self, function: Callable[..., list[Any]], *args: Any) -> Self:
        """Return the blocks that function(blocks of a group, *args) lists, which are kept where the group is."""

    @property
    @abstractmethod
    def n_groups(self) -> int:
        """Number of groups of consecutive blocks; all blocks of a group are in the same memory."""

    @abstractmethod
    def collect(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        """Return function(block, *args) of each block, in their order."""

    @abstractmethod
    def combine(self, function: Callable[..., Any], *args: Any, by: Callable[[Any, Any], Any]) -> Any:
        """Return function(block, *args) of all blocks, joined two by two where they live; None counts as nothing."""

    def total(self, function: Callable[..., Any], *args: Any) -> Any:
        """Return the sum of function(block, *args): a number, a tensor, or a tuple, list or dict of such."""
        return self.combine(function, *args, by=add)


def joined(results: Iterable[Any], by: Callable[[Any, Any], Any]) -> Any:
    """Join results two by two; None counts as nothing."""
    total = None
    for result in results:
        total = result if total is None else total if result is None else by(total, result)
    return total


def add(a: Any, b: Any) -> Any:
    """Return the sum of two results of the same structure."""
    if isinstance(a, dict):
        return {name: add(a[name], b[name]) for name in a}
    if isinstance(a, tuple | list):
        return type(a)(add(*pair) for pair in zip(a, b, strict=True))
    return a + b


@dataclass(frozen=True, eq=False)
class BlockInputs:
    """What all blocks of inputs have in common, and sums over them.

    Attributes
    ----------
    samples : BlockSamples
        Whose inputs these are.
    used : tuple of int or None
        The modes of a term; None: all.
    """

    samples: BlockSamples
    used: tuple[int, ...] | None = None

    @property
    def template(self) -> Inputs:
        """Inputs without rows."""
        template = self.samples.template.inputs
        return template if self.used is None else template.of_modes(self.used)

    @property
    def n_rows(self) -> int:
        """Number of rows of all blocks together, before any were merged."""
        return self.samples.n_rows

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes of the inputs."""
        return self.template.modes

    @property
    def shapes(self) -> Shapes:
        """Shape of each mode."""
        return self.template.shapes

    @property
    def masks(self) -> tuple[Tensor | None, ...]:
        """For each mode the cells that hold data; None: all."""
        return self.template.masks

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of entries along each mode."""
        return self.template.sizes

    @property
    def coarsens_in_steps(self) -> bool:
        """Whether a coarse level is best made from the next finer one."""
        return self.template.coarsens_in_steps

    def without_products(self) -> BlockInputs:
        """Return itself: it holds no products."""
        return self

    def of_modes(self, modes: tuple[int, ...]) -> BlockInputs:
        """Return the inputs for a term of some of the modes."""
        return replace(self, used=modes)

    def mean_squares(self, weight: Tensor) -> list[Tensor]:
        """Return the mean squares of the inputs; the blocks know the weights."""
        return self.samples.mean_squares(self.used)


@dataclass(frozen=True, eq=False)
class BlockSamples:
    """Samples in blocks: what Algorithm 1 needs of `Samples`, without any block at hand.

    Attributes
    ----------
    blocks : Blocks
        Of `Block`.
    template : Samples
        Without rows.
    n_rows : int
    total_weight : float
    n_bytes : float
        Of the inputs of all blocks.
    max_bytes : float
        Levels of more bytes are not kept: every pass makes them anew, as the finest one.
    fold_of : callable or None
        ``fold_of(y, groups)`` returns the folds (n,) of a part from its targets (n, T) and groups (n,), which the
        blocks have in the place of folds; None: their folds, if any, are those.
    null_losses : dict of Loss to float
        Of the best constant scores, which no level changes but that of maps; filled when they are asked for.
    """

    blocks: Blocks
    template: Samples
    n_rows: int
    total_weight: float
    n_bytes: float = 0.0
    max_bytes: float = inf
    fold_of: FoldFunction | None = None
    null_losses: dict[Any, float] = field(default_factory=dict)

    @property
    def inputs(self) -> BlockInputs:
        """What the blocks of inputs have in common."""
        return BlockInputs(self)

    @property
    def n_outputs(self) -> int:
        """Number of outputs T."""
        return self.template.n_outputs

    @property
    def target(self) -> TargetGrid | None:
        """The grid whose cells the outputs are; None: they are none."""
        return self.template.target

    @property
    def shapes(self) -> Shapes:
        """Shape of every mode."""
        return self.template.shapes

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes whose shapes these are."""
        return self.template.modes

    @property
    def weight(self) -> Tensor:
        """A tensor (0, 1) of the dtype and device of parameters."""
        return self.template.weight

    def merge(self) -> BlockSamples:
        """Merge equal rows of the blocks of each group if they are kept."""
        if self.inputs.coarsens_in_steps or not self.blocks.are_kept:
            return self
        return self.coarsen(self.shapes)

    def coarsen(self, shapes: Shapes) -> BlockSamples:
        """Return the samples on coarser grids, merged in each group and kept if they are small."""
        inputs = self.template.inputs
        template = replace(
            self.template.with_coarse_targets(shapes), inputs=inputs.coarsen(shapes[: len(inputs.modes)])
        )
        n_bytes = self.n_bytes * self._fraction(template.inputs.sizes)
        if n_bytes <= self.max_bytes:
            blocks = self.blocks.map_groups(coarse_blocks, shapes)
        else:
            blocks = self.blocks.map(coarse_block, shapes, keep=False)
        null_losses = self.null_losses if self.target is None else {}
        return replace(self, blocks=blocks, template=template, n_bytes=n_bytes, null_losses=null_losses)

    def with_coarse_targets(self, shapes: Shapes) -> BlockSamples:
        """Return the samples with the outputs on the grid of the last of some shapes; see `Samples`."""
        if self.target is None or shapes[-1] == self.target.shape:
            return self
        blocks = self.blocks.map(block_with_coarse_targets, shapes, keep=False)
        return replace(self, blocks=blocks, template=self.template.with_coarse_targets(shapes), null_losses={})

    def _fraction(self, sizes: tuple[int, ...]) -> float:
        """Return the part of its bytes that it has on coarser grids: at most, where equal rows are merged."""
        if self.inputs.coarsens_in_steps:
            return prod(sizes) / prod(self.inputs.sizes)
        return min(1.0, self.blocks.n_groups * prod(sizes) / self.n_rows)

    def without_products(self) -> BlockSamples:
        """Return the samples without the outer products that inputs keep for the steps of a full-rank model."""
        if self.inputs.coarsens_in_steps or not self.blocks.are_kept:
            return self
        return replace(self, blocks=self.blocks.map(block_without_products))

    def has_few_distinct(self, most: int) -> bool:
        """Return whether at most so many rows differ; see `Samples.has_few_distinct`."""
        if self.inputs.coarsens_in_steps:
            return self.n_rows <= most
        return len(self.blocks.combine(some_keys, most + 1, by=partial(joined_keys, n=most + 1))) <= most

    def merged_at_hand(self) -> Samples:
        """Return all samples at hand, equal rows merged; for few distinct ones."""
        return self.blocks.combine(merged_block, by=merged_samples)

    def thinned(self, n_parts: int, n_blocks: int) -> Samples:
        """Return at hand one of n_parts parts of the samples; see `Samples.thinned`."""
        parts = [part for part in self.blocks.collect(part_of_block, self.n_rows, n_parts, n_blocks) if part]
        inputs = concatenated([part.inputs for part in parts])
        y, weight = (torch.cat([getattr(part, name) for part in parts])[:, 0] for name in ("y", "weight"))
        folds = [part.fold for part in parts if part.fold is not None]
        fold = torch.cat(folds) if folds else None
        fold = fold if self.fold_of is None else self.fold_of(y, fold)
        return Samples.from_rows(inputs, y.to(self.weight), weight.to(self.weight), fold, self.target)

    def every(self, step: int, levels: Sequence[Shapes] = ()) -> tuple[Inputs, Tensor]:
        """Return at hand, on the CPU, every so-many-th row on coarser grids, and its weight; see `block.some_rows`."""
        parts = [part for part in self.blocks.collect(some_rows, step, levels) if part]
        return concatenated([inputs for inputs, _ in parts]), torch.cat([weight for _, weight in parts])

    def mean_squares(self, modes: tuple[int, ...] | None = None) -> list[Tensor]:
        """Return what `Inputs.mean_squares` would of all samples, or of a term of some modes."""
        total, squares = self.blocks.total(weighted_mean_squares, self.n_rows, modes)
        return [(values / total).to(self.weight) for values in squares]


AnySamples = Samples | BlockSamples
