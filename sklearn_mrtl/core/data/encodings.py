"""Samples that are encodings: one for each mode, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from math import prod

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_mrtl.core.data.base import CHUNK_ROWS, Shapes, is_mean, row_slices
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION, combine_keys, fraction_of_distinct, unique_rows
from sklearn_mrtl.core.data.products import (
    BlockedProduct,
    EntryIndices,
    GatherBlock,
    ProductBlock,
    RowBlock,
    SampledProduct,
    hadamard,
)
from sklearn_mrtl.core.data.sparse import SparseMatrix
from sklearn_mrtl.core.finegraining import nearest_cells
from sklearn_mrtl.modes import Mode

BLOCK_ROWS = 2**14  # samples of a block: their projections on ten components are 0.7 MB in float32
DESIGN_ROWS = 2**18  # samples whose outer products are formed at once


@dataclass(frozen=True, eq=False)
class OneHot:
    """The encoding of a mode in which every sample has exactly one row: a list of indices (n,)."""

    index: Tensor
    size: int
    dtype: torch.dtype

    def __len__(self) -> int:
        return len(self.index)

    @property
    def device(self) -> torch.device:
        return self.index.device

    @property
    def matrix(self) -> SparseMatrix:
        return SparseMatrix.of_index(self.index, self.size, self.dtype)

    def chunks(self, n_rows: int) -> list[OneHot]:
        """Consecutive samples, on the same memory."""
        return [OneHot(index, self.size, self.dtype) for index in self.index.split(n_rows)]

    @cached_property
    def blocks(self) -> list[GatherBlock]:
        """Consecutive samples, as many as stay in the cache."""
        parts = self.index.split(rows_of_block(self)) if len(self) else ()
        return [GatherBlock(index, self.size, self.dtype) for index in parts]

    def keys(self) -> Tensor:
        """A number for each sample, equal where the encodings are equal, shape (n,)."""
        return self.index

    def coarsen(self, cells: Tensor, size: int) -> OneHot:
        return OneHot(cells.to(self.index.dtype).index_select(0, self.index), size, self.dtype)

    def select(self, rows: Tensor) -> OneHot:
        return OneHot(self.index.index_select(0, rows), self.size, self.dtype)

    def to(self, device: torch.device) -> OneHot:
        return OneHot(self.index.to(device), self.size, self.dtype)


@dataclass(frozen=True, eq=False)
class MultiHot:
    """The encoding of a mode as a sparse matrix (n, size): counts, or any values."""

    matrix: SparseMatrix

    def __len__(self) -> int:
        return self.matrix.shape[0]

    @property
    def device(self) -> torch.device:
        return self.matrix.col_indices.device

    @property
    def size(self) -> int:
        return self.matrix.shape[1]

    def chunks(self, n_rows: int) -> list[MultiHot]:
        """Consecutive samples, on the same memory."""
        return [MultiHot(block) for block in self.matrix.row_blocks(n_rows)]

    @cached_property
    def blocks(self) -> list[ProductBlock]:
        """Consecutive samples, as many as stay in the cache."""
        return [ProductBlock(block) for block in self.matrix.row_blocks(rows_of_block(self))]

    def keys(self) -> Tensor:
        return self.matrix.row_hashes()

    def coarsen(self, cells: Tensor, size: int) -> MultiHot:
        return MultiHot(self.matrix.merge_columns(cells, size))

    def select(self, rows: Tensor) -> MultiHot:
        return MultiHot(self.matrix.select(rows))

    def to(self, device: torch.device) -> MultiHot:
        return MultiHot(self.matrix.to(device))


@dataclass(frozen=True, eq=False)
class EncodedInputs:
    """One encoding for each mode; a sample's tensor is their outer product and is never formed.

    Attributes
    ----------
    encodings : tuple of OneHot or MultiHot
    modes : tuple of Mode
    shapes : tuple of tuple of int
        Shape of each mode at this resolution (without the extra row of a pooled mode).
    """

    encodings: tuple[OneHot | MultiHot, ...]
    modes: tuple[Mode, ...]
    shapes: Shapes

    coarsens_in_steps = False

    @property
    def n_rows(self) -> int:
        return len(self.encodings[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(encoding.size for encoding in self.encodings)

    @property
    def masks(self) -> tuple[None, ...]:
        return (None,) * len(self.modes)

    @cached_property
    def cell_area(self) -> float:
        """Share of a cell of the finest grids of means in their area; coarse cells hold sums over these."""
        return 1.0 / prod(mode.size for mode in self.modes if is_mean(mode))

    def linear_scores(self, weights: Tensor) -> Tensor:
        """<W, X_n> of eq. (1) for every sample and output, shape (n, T); W has shape (*sizes, T)."""
        return BlockedProduct.apply(weights.reshape(prod(self.sizes), -1), self._design_blocks) * self.cell_area

    @cached_property
    def _design_blocks(self) -> list[ProductBlock]:
        """Outer products of the encodings, as many samples at once as they have columns at least."""
        n_rows = rows_of_block(self.encodings[0], max(DESIGN_ROWS, prod(self.sizes)))
        parts = (encoding.matrix.row_blocks(n_rows) for encoding in self.encodings)
        return [ProductBlock(reduce(SparseMatrix.row_kronecker, matrices)) for matrices in zip(*parts, strict=True)]

    def cp_scores(self, factors: Sequence[Tensor], outputs: Tensor | None) -> Tensor:
        """<W, X_n> of eq. (2) for every sample and output, shape (n, T); outputs is a factor (T, K), or None."""
        if outputs is None and self._entries is not None:
            return SampledProduct.apply(*factors, self._entries)[:, None] * self.cell_area
        return _CPScores.apply(self, outputs, *factors) * self.cell_area

    @cached_property
    def _entries(self) -> EntryIndices | None:
        """The samples as entries of a matrix, if they have one row each of two modes; for the CPU alone.

        Entries may stand twice, but torch does not take more of them than the matrix has.
        """
        is_matrix = len(self.modes) == 2 and self._all_one_hot and self.n_rows <= prod(self.sizes)
        if not is_matrix or self.device.type != "cpu":
            return None
        return EntryIndices(*(encoding.index for encoding in self.encodings), self.sizes)

    @property
    def chunks(self) -> list[tuple[slice, EncodedInputs]]:
        """The samples in parts whose scores need little memory, on the same memory."""
        return [(slice(None), self)] if self.n_rows <= CHUNK_ROWS else self._chunks

    @cached_property
    def _chunks(self) -> list[tuple[slice, EncodedInputs]]:
        parts = zip(*(encoding.chunks(CHUNK_ROWS) for encoding in self.encodings), strict=True)
        rows = row_slices(self.n_rows, CHUNK_ROWS)
        return [(part, replace(self, encodings=encodings)) for part, encodings in zip(rows, parts, strict=True)]

    @property
    def _all_one_hot(self) -> bool:
        return all(isinstance(encoding, OneHot) for encoding in self.encodings)

    def blocks(self) -> Iterator[tuple[slice, tuple[RowBlock, ...]]]:
        """Samples in blocks whose projections stay in the cache: rows and encodings of each."""
        rows = row_slices(self.n_rows, rows_of_block(self.encodings[0]))
        return zip(rows, zip(*(encoding.blocks for encoding in self.encodings), strict=True), strict=True)

    def product(self, m: int, factor: Tensor) -> Tensor:
        """Encoding of mode m times a factor, shape (n, K)."""
        return BlockedProduct.apply(factor, self.encodings[m].blocks)

    def multilinear(self, factors: Sequence[Tensor]) -> Tensor:
        """X_n times the factor of every mode, shape (n, K_1, K_2, ...)."""
        product = self.product(0, factors[0])
        for m, factor in enumerate(factors[1:], start=1):
            projection = self.product(m, factor)
            product = product[..., None] * projection.reshape(len(projection), *[1] * (product.ndim - 1), -1)
        return product * self.cell_area

    def design(self) -> Tensor:
        """Every sample as a row of a dense matrix (n, product of sizes), in the units of the scores."""
        return reduce(SparseMatrix.row_kronecker, [e.matrix for e in self.encodings]).to_dense() * self.cell_area

    def mean_squares(self, weight: Tensor) -> list[Tensor]:
        """Weighted mean square of what each row of a mode multiplies; the modes' masses multiply to that of W."""
        masses = [self.column_mean_squares(m, weight) for m in range(len(self.modes))]
        masses[0] *= self.cell_area**2
        return masses

    def column_mean_squares(self, m: int, weight: Tensor) -> Tensor:
        """Weighted mean square of the encoding of mode m in each of its columns, shape (S,)."""
        total = sum(inputs.encodings[m].matrix.column_squares(weight[rows]) for rows, inputs in self.chunks)
        return total / weight.sum()

    def coarsen(self, shapes: Shapes) -> EncodedInputs:
        """The same samples on coarser grids: a fine cell passes to the coarse cell that holds its centre."""
        if shapes == self.shapes:
            return self
        encodings = tuple(
            encoding if fine == coarse else encoding.coarsen(nearest_cells(fine, coarse).to(self.device), prod(coarse))
            for encoding, fine, coarse in zip(self.encodings, self.shapes, shapes, strict=True)
        )
        return replace(self, encodings=encodings, shapes=shapes)

    def merge(self, shapes: Shapes) -> tuple[EncodedInputs, Tensor | None]:
        """Samples that are equal on coarser grids once, and the row that each became, shape (n,); None if most differ.

        On the way nothing but keys and places has the size of all samples.
        """
        keys = torch.empty(self.n_rows, dtype=torch.int64, device=self.device)
        for rows, chunk in self.chunks:
            keys[rows] = chunk.coarsen(shapes)._keys()
        if fraction_of_distinct(keys) <= MAX_DISTINCT_FRACTION:
            row, first = unique_rows(keys)
            if len(first) <= MAX_DISTINCT_FRACTION * len(row):
                return self.select(first).coarsen(shapes), row
        return self.coarsen(shapes), None

    def _keys(self) -> Tensor:
        """A number for each sample, equal where samples are, shape (n,)."""
        return combine_keys([encoding.keys() for encoding in self.encodings], self.sizes if self._all_one_hot else None)

    def select(self, rows: Tensor) -> EncodedInputs:
        """Some of the samples."""
        return replace(self, encodings=tuple(encoding.select(rows) for encoding in self.encodings))

    @property
    def device(self) -> torch.device:
        return self.encodings[0].device


class _CPScores(torch.autograd.Function):
    """Scores of CP factors without their area: in blocks, for nothing of size (n, K) is worth its memory.

    For 600 000 samples, three modes and K = 20, value and gradient take 0.02 s; as whole arrays, 0.2 to 0.5 s.
    """

    @staticmethod
    def forward(ctx, inputs: EncodedInputs, outputs: Tensor | None, *factors: Tensor) -> Tensor:
        ctx.inputs = inputs
        ctx.save_for_backward(outputs, *factors)
        scores = factors[0].new_empty(inputs.n_rows, 1 if outputs is None else len(outputs))
        weights = factors[0].new_ones(factors[0].shape[1], 1) if outputs is None else outputs.T
        for rows, blocks in inputs.blocks():
            product = hadamard([block.gather(factor) for block, factor in zip(blocks, factors, strict=True)])
            scores[rows] = product @ weights  # with ones, twice as fast as a sum along rows
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        outputs, *factors = ctx.saved_tensors
        into = [torch.zeros_like(factor) for factor in factors]
        into_outputs = None if outputs is None else torch.zeros_like(outputs)
        for rows, blocks in ctx.inputs.blocks():
            parts = [block.gather(factor) for block, factor in zip(blocks, factors, strict=True)]
            if outputs is None:
                carried = gradient[rows]  # (block, 1)
            else:
                carried = gradient[rows] @ outputs
                into_outputs += gradient[rows].T @ hadamard(parts)
            for m, block in enumerate(blocks):
                block.scatter(hadamard([*parts[:m], *parts[m + 1 :]], carried), into[m])
        return None, into_outputs, *into


def rows_of_block(encoding: OneHot | MultiHot, most: int | None = None) -> int:
    """How many samples are worked on at once: as many as stay in the cache, unless told; on a GPU all."""
    return max(1, len(encoding)) if encoding.device.type == "cuda" else most or BLOCK_ROWS
