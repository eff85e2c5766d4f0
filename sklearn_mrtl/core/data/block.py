"""A block of samples of consecutive rows, and what is done with it where it lives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.data.concatenation import joined_samples, on_cpu, samples_on_cpu
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION, MIN_SAMPLED, distinct, samples_of_some_keys
from sklearn_mrtl.core.data.samples import Samples

ROWS_PER_CELL = 1  # of coarse blocks, above which they are merged before all are made; 4: 1.2 GB for 900 000 cells
SAMPLED_ROWS = 64  # of fields, whose mean squares scale the variables of a solver, as in `FieldInputs.mean_squares`


RowFunction = Callable[..., Tensor]  # of inputs, their weights and further arguments


@dataclass(frozen=True, eq=False)
class Block:
    """Samples of consecutive rows.

    Attributes
    ----------
    first : int
        Number of rows in the blocks before.
    samples : Samples
    """

    first: int
    samples: Samples


def coarse_block(block: Block, shapes: Shapes) -> Block:
    """Return a block on coarser grids, its equal rows merged."""
    return replace(block, samples=block.samples.coarsen(shapes))


def coarse_blocks(blocks: Iterable[Block], shapes: Shapes) -> list[Block]:
    """Return blocks on coarser grids, their equal rows merged, within each and then among all of them."""
    coarse: list[Block] = []
    many = 0
    for block in blocks:
        many = many or ROWS_PER_CELL * prod(map(prod, shapes[: len(block.samples.inputs.modes)]))
        coarse.append(coarse_block(block, shapes))
        if sum(block.samples.inputs.n_rows for block in coarse) > many:
            coarse = merged_blocks(coarse)
            many = max(many, 2 * sum(block.samples.inputs.n_rows for block in coarse))
    return merged_blocks(coarse)


def merged_blocks(blocks: list[Block]) -> list[Block]:
    """Return blocks as one, its equal rows merged; as they are if they are fields, or most rows differ."""
    inputs = [cast(EncodedInputs, block.samples.inputs) for block in blocks]
    if len(blocks) < 2 or inputs[0].coarsens_in_steps:
        return blocks
    is_large = sum(part.n_rows for part in inputs) >= MIN_SAMPLED
    if is_large and distinct(torch.cat([samples_of_some_keys(part.keys()) for part in inputs])) > MAX_DISTINCT_FRACTION:
        return blocks
    return [replace(blocks[0], samples=joined_samples([block.samples for block in blocks]).merge())]


def block_with_coarse_targets(block: Block, shapes: Shapes) -> Block:
    """Return a block with the outputs on the grid of the last of some shapes."""
    return replace(block, samples=block.samples.with_coarse_targets(shapes))


def block_without_products(block: Block) -> Block:
    """Return a block without what its inputs keep for full-rank models."""
    return replace(block, samples=block.samples.without_products())


def part_of_block(block: Block, n_rows: int, n_parts: int, n_blocks: int) -> Samples | None:
    """Return the rows of a block that one of n_parts parts of all n_rows has, on the CPU; None: it has none."""
    samples = block.samples
    row = block.first + torch.arange(samples.inputs.n_rows)
    rows = torch.nonzero((row * (n_parts * n_blocks) // n_rows) % n_parts == 0)[:, 0]
    if not len(rows):
        return None
    rows = rows.to(samples.weight.device)
    fold = None if samples.fold is None else samples.fold[rows]
    part = replace(
        samples, inputs=samples.inputs.select(rows), y=samples.y[rows], weight=samples.weight[rows], fold=fold
    )
    return samples_on_cpu(part)


def merged_block(block: Block) -> Samples:
    """Return the samples of a block on the CPU, equal rows merged."""
    return samples_on_cpu(replace(block.samples, fold=None).merge())


def merged_samples(a: Samples, b: Samples) -> Samples:
    """Return the samples of two parts, equal rows merged."""
    return joined_samples([a, b]).merge()


def some_keys(block: Block, n: int) -> Tensor:
    """Return the keys of a block's encodings on the CPU, each once, the least n of them."""
    return torch.unique(cast(EncodedInputs, block.samples.inputs).keys())[:n].cpu()


def joined_keys(a: Tensor, b: Tensor, n: int) -> Tensor:
    """Return the keys of two parts, each once, the least n of them."""
    return torch.unique(torch.cat([a, b]))[:n]


def rows_of_step(block: Block, step: int) -> Tensor:
    """Return the rows of a block whose number among all rows is a multiple of a step."""
    rows = torch.arange(block.samples.inputs.n_rows, device=block.samples.weight.device)
    return rows[-block.first % step :: step]


def every(block: Block, step: int) -> tuple[Inputs, Tensor]:
    """Return the rows that `rows_of_step` names, and their weights."""
    rows = rows_of_step(block, step)
    return block.samples.inputs.select(rows), block.samples.totals()[1][rows]


def some_rows(block: Block, step: int, levels: Sequence[Shapes]) -> tuple[Inputs, Tensor] | None:
    """Return the rows of a block whose number among all is a multiple of a step, on the CPU; None: it has none.

    Returns
    -------
    inputs : Inputs
        On grids of the last of some levels, made one after the other.
    weight : Tensor of shape (n,)
    """
    inputs, weight = every(block, step)
    return (on_cpu(coarsened(inputs, levels)), weight.cpu()) if len(weight) else None


def coarsened(inputs: Inputs, levels: Sequence[Shapes]) -> Inputs:
    """Return inputs on grids of the last of some levels, made one after the other."""
    for shapes in levels:
        inputs = inputs.coarsen(shapes)
    return inputs


def total_of_block(block: Block, function: RowFunction, args: tuple, step: int, at_once: int) -> Tensor | None:
    """Return the sum of function(inputs, weight, *args) over rows of a block as `every` has them; None: it has none."""
    weight = block.samples.totals()[1]
    rows = rows_of_step(block, step)
    return total_of_rows(block.samples.inputs, weight, rows, function, args, at_once) if len(rows) else None


def total_of_rows(
    inputs: Inputs, weight: Tensor, rows: Tensor, function: RowFunction, args: tuple, at_once: int
) -> Tensor:
    """Return the sum, on the CPU, of function(inputs, weight, *args) over rows, so many at once."""
    parts = [function(inputs.select(some), weight[some], *args).cpu() for some in rows.split(at_once)]
    return torch.stack(parts).sum(0)


def weighted_mean_squares(
    block: Block, n_rows: int, modes: tuple[int, ...] | None
) -> tuple[Tensor, list[Tensor]] | None:  # fmt: skip
    """Return the weight of a block, and the mean squares of its inputs times that; None: no row of it counts.

    Of fields the same rows count as where all n_rows are at hand.
    """
    inputs, weight = block.samples.inputs, block.samples.totals()[1]
    if inputs.coarsens_in_steps:
        inputs, weight = every(block, max(1, n_rows // SAMPLED_ROWS))
    if not len(weight):
        return None
    part, total = inputs if modes is None else inputs.of_modes(modes), weight.sum()
    return total.cpu(), [(total * values).cpu() for values in part.mean_squares(weight)]
