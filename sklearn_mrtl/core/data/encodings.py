"""Samples that are encodings: one for each mode, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import CHUNK_ROWS, Inputs, Shapes, is_mean, row_slices
from sklearn_mrtl.core.data.cp_scores import CPScores
from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.core.data.joining import joined_tensors
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION, combine_keys, fraction_of_distinct, unique_rows
from sklearn_mrtl.core.data.mode_encodings import Encoding, OneHot
from sklearn_mrtl.core.data.products import (
    BlockedProduct,
    EntryIndices,
    RowBlock,
    SampledProduct,
    gather_blocks,
    khatri_rao,
    product_blocks,
)
from sklearn_mrtl.core.data.sparse import SparseMatrix
from sklearn_mrtl.core.finegraining import nearest_cells
from sklearn_mrtl.modes import Mode

BLOCK_ROWS = 2**14  # samples of a block: their projections on ten components are 0.7 MB in float32
SINGLE_ROWS = 2**16  # the same of a single column: the entries of 16 in each sample are added up one by one
DESIGN_ROWS = 2**17  # samples whose outer products are formed at once
TABLE_ENTRIES_PER_ROW = 12  # of a table of scores and of outer products, up to which scores are looked up in the table
MAX_TABLE = 2**20  # entries of such a table: 4 MB


@dataclass(frozen=True, eq=False)
class EncodedInputs(Inputs):
    """One encoding for each mode; a sample's tensor is their outer product and is never formed.

    Attributes
    ----------
    encodings : tuple of OneHot or MultiHot
    modes : tuple of Mode
    shapes : tuple of tuple of int
        Shape of each mode at this resolution.
    chunk_rows : int
        Samples of a chunk: their scores are held at once.
    block_rows : int
        Samples of a block: their projections on the components stay in the processor's cache.
    """

    encodings: tuple[Encoding, ...]
    modes: tuple[Mode, ...]
    shapes: Shapes
    masks: tuple[Tensor | None, ...] = field(init=False)
    chunk_rows: int = CHUNK_ROWS
    block_rows: int = BLOCK_ROWS
    _parts: dict[tuple[int, ...], EncodedInputs] = field(default_factory=dict, init=False, repr=False)
    _asked: set[tuple[int, ...]] = field(default_factory=set, repr=False)  # parts of these and of all like samples
    _n_entries: dict[tuple[int, ...], int] = field(default_factory=dict, init=False, repr=False)  # of outer products
    _mean_squares: list[Tensor] = field(default_factory=list, init=False, repr=False)  # behind the weights they are of

    coarsens_in_steps = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "masks", (None,) * len(self.modes))

    @property
    def n_rows(self) -> int:
        return len(self.encodings[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(encoding.size for encoding in self.encodings)

    @property
    def device(self) -> torch.device:
        return self.encodings[0].device

    @cached_property
    def cell_area(self) -> float:
        """Fraction of a finest cell in the area of all grids of means: coarse encodings are sums of finest cells."""
        return 1.0 / prod(mode.size for mode in self.modes if is_mean(mode))

    # Scores

    def linear_scores(self, weights: Tensor) -> Tensor:
        if len(self.modes) == 1:
            return self._times_area(self.product(0, weights.reshape(self.sizes[0], -1)))
        return self._times_area(BlockedProduct.apply(weights.reshape(prod(self.sizes), -1), self._design_blocks))

    def sum_of_scores(self, tensors: Sequence[tuple[tuple[int, ...], Tensor]]) -> Tensor:
        one_hot = [m for m, encoding in enumerate(self.encodings) if isinstance(encoding, OneHot)]
        is_whole = self.n_rows < self.chunk_rows  # chunks of more samples keep no index of joint modes
        if any(is_mean(mode) for mode in self.modes):  # scores of different units
            return super().sum_of_scores(tensors)
        return super().sum_of_scores(joined_tensors(tensors, one_hot, self.n_rows, makes_joint=is_whole))

    def _times_area(self, scores: Tensor) -> Tensor:
        return scores if self.cell_area == 1 else scores * self.cell_area

    @cached_property
    def _design_blocks(self) -> Sequence[RowBlock]:
        """Outer products of the encodings, in blocks of at least as many samples as W has entries."""
        n_entries = prod(self.sizes)
        n_rows = self._rows_at_once(max(DESIGN_ROWS, n_entries))
        if not self._is_one_hot or n_entries > torch.iinfo(torch.int32).max:
            return product_blocks(self.outer_products(), n_rows)
        return gather_blocks(self.keys().int(), n_entries, self.encodings[0].matrix.values.dtype, n_rows)

    @cached_property
    def _is_one_hot(self) -> bool:
        """Whether a sample has one entry of W: its key is the index of that entry."""
        return all(isinstance(encoding, OneHot) for encoding in self.encodings)

    def outer_products(self) -> SparseMatrix:
        """Return the outer products of the encodings as rows, shape (n, product of sizes)."""
        product, *others = [encoding.matrix for encoding in self.encodings]
        for m, other in enumerate(others, start=2):
            product = product.row_kronecker(other, n_entries=self._n_entries.get(tuple(range(m))))
        return product

    def without_products(self) -> EncodedInputs:
        return replace(self)

    def cp_scores(self, factors: Sequence[Tensor], outputs: Tensor | None) -> Tensor:
        *others, last = factors if outputs is None else [*factors, outputs]
        if outputs is None and self._entries is not None:
            return self._times_area(SampledProduct.apply(*factors, self._entries)[:, None])
        n_scores = self.n_rows * (1 if outputs is None else len(outputs))
        # A table of all entries' scores, where it and what it is made from have at most as many numbers as the scores.
        is_small = len(self.modes) > 1 and self._is_one_hot and prod(map(len, others)) * max(last.shape) <= n_scores
        if is_small or (outputs is None and self.suits_table):
            return self.linear_scores(khatri_rao(others) @ last.T)
        return self._times_area(CPScores.apply(self, outputs, *factors))

    @cached_property
    def suits_table(self) -> bool:
        """Whether scores of one output take less time from a table of all entries of W than from its factors.

        The table is a product of matrices and its entries are single numbers, where factors need a gathered row for
        each mode of a sample. Chunks of more samples do without: they would keep their outer products.
        """
        n_entries = prod(self.sizes)
        if len(self.modes) < 3 or self.device.type != "cpu" or self.n_rows >= self.chunk_rows:
            return False
        most = TABLE_ENTRIES_PER_ROW * self.n_rows - n_entries
        return n_entries <= MAX_TABLE and most > 0 and self._n_products <= most

    @property
    def _n_products(self) -> int:
        """Number of entries of all samples' outer products."""
        if self._is_one_hot:
            return self.n_rows
        return int(reduce(torch.mul, [encoding.matrix.crow_indices.diff() for encoding in self.encodings]).sum())

    @cached_property
    def _entries(self) -> EntryIndices | None:
        """The samples as entries of a matrix, if they are one-hot in each of two modes; on the CPU only.

        Entries may repeat, but torch takes at most as many as the matrix has.
        """
        if len(self.modes) != 2 or self.n_rows > prod(self.sizes) or self.device.type != "cpu":
            return None
        first, second = self.encodings
        if not isinstance(first, OneHot) or not isinstance(second, OneHot):
            return None
        return EntryIndices(first.index, second.index, (first.size, second.size))

    def product(self, m: int, factor: Tensor) -> Tensor:
        """Multiply the encoding of mode m by a factor (size, K): shape (n, K)."""
        n_rows = self.block_rows if factor.shape[1] > 1 else SINGLE_ROWS
        return BlockedProduct.apply(factor, self.encodings[m].blocks(self._rows_at_once(n_rows)))

    def multilinear(self, factors: Sequence[Tensor]) -> Tensor:
        product = self.product(0, factors[0])
        for m, factor in enumerate(factors[1:], start=1):
            projection = self.product(m, factor)
            product = product[..., None] * projection.reshape(len(projection), *[1] * (product.ndim - 1), -1)
        return self._times_area(product)

    def design(self) -> Tensor:
        return self.outer_products().to_dense() * self.cell_area

    def mean_squares(self, weight: Tensor) -> list[Tensor]:
        if not self._mean_squares or self._mean_squares[0] is not weight:
            mean_squares = [self.column_mean_squares(m, weight) for m in range(len(self.modes))]
            mean_squares[0] *= self.cell_area**2
            self._mean_squares[:] = [weight, *mean_squares]
        return self._mean_squares[1:]

    def column_mean_squares(self, m: int, weight: Tensor) -> Tensor:
        """Return the weighted mean square of the encoding of mode m in each of its columns, shape (size,)."""
        total = sum(inputs.encodings[m].column_squares(weight[rows]) for rows, inputs in self.chunks)
        return total / weight.sum()

    # Parts of the samples

    @property
    def chunks(self) -> list[tuple[slice, EncodedInputs]]:
        return [(slice(None), self)] if self.n_rows <= self.chunk_rows else self._chunks

    @cached_property
    def _chunks(self) -> list[tuple[slice, EncodedInputs]]:
        return self._make_chunks()

    def _make_chunks(self) -> list[tuple[slice, EncodedInputs]]:
        parts = zip(*(encoding.chunks(self.chunk_rows) for encoding in self.encodings), strict=True)
        rows = row_slices(self.n_rows, self.chunk_rows)
        return [(part, replace(self, encodings=encodings)) for part, encodings in zip(rows, parts, strict=True)]

    def blocks(self) -> Iterator[tuple[slice, tuple[RowBlock, ...]]]:
        """Yield rows and encodings of every block."""
        n_rows = self._rows_at_once(self.block_rows)
        blocks = zip(*(encoding.blocks(n_rows) for encoding in self.encodings), strict=True)
        return zip(row_slices(self.n_rows, n_rows), blocks, strict=True)

    def _rows_at_once(self, n_rows: int) -> int:
        """Return n_rows, or on a GPU the number of all samples: it is slow on small blocks."""
        return max(1, self.n_rows) if self.device.type == "cuda" else n_rows

    def of_modes(self, modes: tuple[int, ...]) -> EncodedInputs:
        if modes == tuple(range(len(self.modes))):
            return self
        if modes not in self._parts:
            encodings = tuple(self.encodings[m] for m in modes)
            kinds, shapes = tuple(self.modes[m] for m in modes), tuple(self.shapes[m] for m in modes)
            part = replace(self, encodings=encodings, modes=kinds, shapes=shapes, _asked=set())
            known = [self._n_entries.get(first) for first in beginnings(modes)]
            part._n_entries.update({tuple(range(m)): n for m, n in enumerate(known, start=2) if n is not None})
            self._parts[modes] = part
            self._asked.add(modes)
        return self._parts[modes]

    def select(self, rows: Tensor) -> EncodedInputs:
        if self.device.type == "cpu" or self._is_one_hot:
            return replace(self, encodings=tuple(encoding.select(rows) for encoding in self.encodings))
        # One list tells how much memory all of them and their products need: a program waits once for a GPU.
        counts = [encoding.counts(rows) for encoding in self.encodings]
        asked: list[tuple[int, ...]] = [(m,) for m in range(len(counts))]
        asked += {first: None for modes in (range(len(counts)), *self._asked) for first in beginnings(modes)}
        found = torch.stack([reduce(torch.mul, [counts[m] for m in modes]).sum() for modes in asked]).tolist()
        parts = zip(self.encodings, found, strict=False)
        selected = replace(self, encodings=tuple(encoding.select(rows, n_entries) for encoding, n_entries in parts))
        selected._n_entries.update(zip(asked, found, strict=True))
        return selected

    # Coarser grids

    def coarsen(self, shapes: Shapes, rows: Tensor | None = None) -> EncodedInputs:
        """Return the samples, or those of some rows, on coarser grids.

        A fine cell passes to the coarse cell that holds its centre.
        """

        def coarse_encoding(encoding: Encoding, fine: tuple[int, ...], coarse: tuple[int, ...]) -> Encoding:
            encoding = encoding if rows is None else encoding.select(rows)
            if fine == coarse:
                return encoding
            return encoding.coarsen(nearest_cells(fine, coarse).to(self.device), prod(coarse))

        if shapes == self.shapes and rows is None:
            return self
        parts = zip(self.encodings, self.shapes, shapes, strict=True)
        return replace(self, encodings=tuple(coarse_encoding(*part) for part in parts), shapes=shapes)

    def merge(self, shapes: Shapes) -> tuple[EncodedInputs, Tensor | None]:
        """Return the distinct samples on coarser grids, and each sample's row among them; None if most differ.

        The samples are coarsened in chunks, so that only keys and rows are held for all of them.
        """
        keys = torch.empty(self.n_rows, dtype=torch.int64, device=self.device)
        for rows, chunk in self._make_chunks():
            keys[rows] = chunk.coarsen(shapes).keys()
        if fraction_of_distinct(keys) <= MAX_DISTINCT_FRACTION:
            row, first = unique_rows(keys)
            del keys
            return_freed_memory(self.n_rows)
            if len(first) <= MAX_DISTINCT_FRACTION * len(row):
                return self.coarsen(shapes, first), row
        return self.coarsen(shapes), None

    def keys(self) -> Tensor:
        """Return a number for each sample, equal where the samples are equal, shape (n,)."""
        return combine_keys([encoding.keys() for encoding in self.encodings], self.sizes if self._is_one_hot else None)


def beginnings(modes: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the first two of some modes, the first three, and so on to all of them."""
    return [tuple(modes[:n]) for n in range(2, len(modes) + 1)]
