"""Samples at one resolution, in the two layouts of the data contract.

Both layouts answer the same questions: the scores of a full weight tensor (eq. 1) and of CP factors (eq. 2), and the
same samples on a coarser grid. Neither forms anything larger than its data.

Along a mode, the *rows* of a factor are its levels or cells. For a pooled Feature in the factored layout one more row
stands for samples without any level.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from math import prod

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_mrtl.core.finegraining import coarsen_mask, coarsen_means, nearest_cells
from sklearn_mrtl.core.products import (
    BlockedProduct,
    DenseProduct,
    GatherBlock,
    Pairs,
    ProductBlock,
    RowBlock,
    SampledProduct,
    SparseMatrix,
)
from sklearn_mrtl.modes import Grid, Mode

FIELD_ENTRIES = 2**22  # of fields that are coarsened at once: 16 MB in float32
BLOCK_ROWS = 2**14  # samples of a block: their projections on ten components are 0.7 MB in float32
CHUNK_ROWS = 2**18  # samples whose scores and losses are held at once
DESIGN_ROWS = 2**18  # samples whose outer products are formed at once
MERGED_ROWS = 2**20  # samples that are sorted at once
SAMPLED_KEYS = 2**20  # samples of which a look at a part tells whether most differ
SAMPLED_ROWS = 2**14
MOST = 0.75  # of samples, that differ from all others: the few equal ones are not worth a copy

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class JointInputs:
    """Dense fields: a sample is an array with one axis for each mode, its grids flat.

    Scores are means over the cells of "linear" grids and sums over everything else.

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
        # Each cell's place among the stored ones, or that of a zero behind them: four times as fast as writing there.
        place = torch.full((self.sizes[-1],), len(self.stored), dtype=torch.int32, device=values.device)
        place[self.stored] = torch.arange(len(self.stored), dtype=torch.int32, device=values.device)
        return take_last(torch.nn.functional.pad(values, (0, 1)), place)

    @cached_property
    def cell_area(self) -> float:
        """Share of one cell in the area of all "linear" grids."""
        return 1.0 / prod(size for mode, size in zip(self.modes, self.sizes, strict=True) if is_linear(mode))

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

    def mass(self, weight: Tensor) -> list[Tensor]:
        """Weighted mean square of what each row of a mode multiplies; the modes' masses multiply to that of W."""
        step = max(1, self.n_rows // 64)
        x, weight = self.x[::step] - self.center, weight[::step]
        masses = []
        for mode, size in zip(self.modes, self.sizes, strict=True):
            area = 1.0 / size if is_linear(mode) else 1.0
            masses.append(self.x.new_full((size,), area**2))
        square = (weight @ x.square().reshape(len(x), -1).sum(1)) / (weight.sum() * prod(self.sizes))
        masses[0] = masses[0] * max(float(square), torch.finfo(x.dtype).tiny)
        return masses

    def coarsen(self, shapes: Shapes) -> JointInputs:
        """The same samples on coarser grids: means for "linear" grids, sums for all others."""
        if shapes == self.shapes:
            return self
        # In blocks, so that what stands between two grids needs no memory.
        n_rows = max(1, FIELD_ENTRIES // max(1, prod(self.sizes)))
        masks = tuple(
            mask if mask is None or fine == coarse else coarsen_mask(mask, fine, coarse, mode.interpolation)
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
                x = (coarsen_means if mode.interpolation == "linear" else sum_cells)(x, m + 1, fine, coarse)
        return x

    @property
    def chunks(self) -> list[tuple[slice, JointInputs]]:
        """The samples in parts whose scores need little memory: here all, next to the fields they are nothing."""
        return [(slice(None), self)]

    def select(self, rows: Tensor) -> JointInputs:
        """Some of the samples."""
        return replace(self, x=self.x[rows])

    def merge(self, shapes: Shapes) -> tuple[JointInputs, None]:
        """The same samples on coarser grids; dense fields hardly ever repeat."""
        return self.coarsen(shapes), None


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
        return self.matrix.columns.device

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
class FactoredInputs:
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
        """Share of a cell of the finest "linear" grids in their area; coarse cells hold sums over these."""
        return 1.0 / prod(mode.size for mode in self.modes if is_linear(mode))

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
        if outputs is None and self._pairs is not None:
            return SampledProduct.apply(*factors, self._pairs)[:, None] * self.cell_area
        return _FactoredCPScores.apply(self, outputs, *factors) * self.cell_area

    @cached_property
    def _pairs(self) -> Pairs | None:
        """The samples as entries of a matrix, if they have one row each of two modes; for the CPU alone.

        Entries may stand twice, but torch does not take more of them than the matrix has.
        """
        is_matrix = len(self.modes) == 2 and self._all_one_hot and self.n_rows <= prod(self.sizes)
        if not is_matrix or self.device.type != "cpu":
            return None
        return Pairs(*(encoding.index for encoding in self.encodings), self.sizes)

    @property
    def chunks(self) -> list[tuple[slice, FactoredInputs]]:
        """The samples in parts whose scores need little memory, on the same memory."""
        return [(slice(None), self)] if self.n_rows <= CHUNK_ROWS else self._chunks

    @cached_property
    def _chunks(self) -> list[tuple[slice, FactoredInputs]]:
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

    def mass(self, weight: Tensor) -> list[Tensor]:
        """Weighted mean square of what each row of a mode multiplies; the modes' masses multiply to that of W."""
        masses = [self.column_squares(m, weight) for m in range(len(self.modes))]
        masses[0] *= self.cell_area**2
        return masses

    def column_squares(self, m: int, weight: Tensor) -> Tensor:
        """Weighted mean square of the encoding of mode m in each of its columns, shape (S,)."""
        total = sum(inputs.encodings[m].matrix.column_squares(weight[rows]) for rows, inputs in self.chunks)
        return total / weight.sum()

    def coarsen(self, shapes: Shapes) -> FactoredInputs:
        """The same samples on coarser grids: a fine cell passes to the coarse cell that holds its centre."""
        if shapes == self.shapes:
            return self
        encodings = tuple(
            encoding if fine == coarse else encoding.coarsen(nearest_cells(fine, coarse).to(self.device), prod(coarse))
            for encoding, fine, coarse in zip(self.encodings, self.shapes, shapes, strict=True)
        )
        return replace(self, encodings=encodings, shapes=shapes)

    def merge(self, shapes: Shapes) -> tuple[FactoredInputs, Tensor | None]:
        """Samples that are equal on coarser grids once, and the row that each became, shape (n,); None if most differ.

        On the way nothing but keys and places has the size of all samples.
        """
        keys = torch.empty(self.n_rows, dtype=torch.int64, device=self.device)
        for rows, chunk in self.chunks:
            keys[rows] = chunk.coarsen(shapes)._keys()
        if share_of_distinct(keys) <= MOST:
            row, first = unique_rows(keys)
            if len(first) <= MOST * len(row):
                return self.select(first).coarsen(shapes), row
        return self.coarsen(shapes), None

    def _keys(self) -> Tensor:
        """A number for each sample, equal where samples are, shape (n,)."""
        return combine_keys([encoding.keys() for encoding in self.encodings], self.sizes if self._all_one_hot else None)

    def select(self, rows: Tensor) -> FactoredInputs:
        """Some of the samples."""
        return replace(self, encodings=tuple(encoding.select(rows) for encoding in self.encodings))

    @property
    def device(self) -> torch.device:
        return self.encodings[0].device


class _FactoredCPScores(torch.autograd.Function):
    """Scores of CP factors without their area: in blocks, for nothing of size (n, K) is worth its memory.

    For 600 000 samples, three modes and K = 20, value and gradient take 0.02 s; as whole arrays, 0.2 to 0.5 s.
    """

    @staticmethod
    def forward(ctx, inputs: FactoredInputs, outputs: Tensor | None, *factors: Tensor) -> Tensor:
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


Inputs = JointInputs | FactoredInputs


def row_slices(n_rows: int, step: int) -> list[slice]:
    """Consecutive rows, so many at once."""
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def rows_of_block(encoding: OneHot | MultiHot, most: int | None = None) -> int:
    """How many samples are worked on at once: as many as stay in the cache, unless told; on a GPU all."""
    return max(1, len(encoding)) if encoding.device.type == "cuda" else most or BLOCK_ROWS


def is_linear(mode: Mode) -> bool:
    """Whether weights of this mode are per unit of area."""
    return isinstance(mode, Grid) and mode.interpolation == "linear"


def stored_cells(masks: Sequence[Tensor | None]) -> Tensor | None:
    """Cells of the last mode that fields store; None: all."""
    return None if masks[-1] is None else torch.nonzero(masks[-1])[:, 0].int()


def take_last(values: Tensor, index: Tensor) -> Tensor:
    """Some entries of the last axis; in two dimensions, where torch is four times as fast."""
    return values.reshape(-1, values.shape[-1]).index_select(1, index).reshape(*values.shape[:-1], len(index))


def hadamard(matrices: Sequence[Tensor], first: Tensor | None = None) -> Tensor:
    """Elementwise product of the first, where there is one, and the matrices."""
    product = first
    for matrix in matrices:
        product = matrix if product is None else product * matrix
    return product


def project_last(x: Tensor, factor: Tensor) -> Tensor:
    """The last mode of samples (n, ..., D) times a factor (D, K), shape (n, product of the other modes, K)."""
    return DenseProduct.apply(x.reshape(-1, x.shape[-1]), factor).reshape(len(x), -1, factor.shape[1])


def khatri_rao(factors: Sequence[Tensor]) -> Tensor:
    """Column-wise Kronecker product, shape (product of rows, K), the last factor's rows fastest."""
    product = factors[0]
    for factor in factors[1:]:
        product = (product[:, None, :] * factor[None, :, :]).reshape(-1, product.shape[1])
    return product


def sum_cells(x: Tensor, dim: int, fine: tuple[int, ...], coarse: tuple[int, ...]) -> Tensor:
    """Sum of fields over the fine cells whose centres lie in each coarse cell."""
    shape = (*x.shape[:dim], prod(coarse), *x.shape[dim + 1 :])
    return x.new_zeros(shape).index_add_(dim, nearest_cells(fine, coarse).to(x.device), x)


def combine_keys(keys: Sequence[Tensor], sizes: Sequence[int] | None) -> Tensor:
    """One key for each sample of its modes' keys: exact for indices below sizes, else 64-bit hashes (sizes None)."""
    combined = keys[0].to(torch.int64, copy=True)
    exact = sizes is not None and prod(sizes) < 2**62
    for m, key in enumerate(keys[1:], start=1):
        # An odd multiplier of 62 bits (the golden ratio's) is invertible modulo 2^64.
        combined.mul_(sizes[m] if exact else 2862933555777941757).add_(key)
    return combined


def share_of_distinct(keys: Tensor) -> float:
    """About the share of distinct keys; of very many from a look at a part of them.

    That is all samples of a 64th of the keys, and some samples of any key, which show where very many have one in
    common; the lesser share counts.
    """
    if len(keys) < SAMPLED_KEYS:
        return 0.0  # not worth a guess
    some = torch.cat([part[(part * -7046029254386353131) >> 58 == 0] for part in keys.split(CHUNK_ROWS)])
    return min(len(torch.unique(part)) / max(1, len(part)) for part in (some, keys[:: len(keys) // SAMPLED_ROWS]))


def unique_rows(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Each sample's place among the distinct keys, and one sample of each; in parts, to save memory."""
    least, largest = (int(end) for end in keys.aminmax()) if len(keys) else (0, 0)
    if 0 <= least and largest < len(keys):
        return few_unique_rows(keys, largest + 1)
    place, first = torch.empty(len(keys), dtype=torch.int32, device=keys.device), []
    n_parts, n_distinct = -(-len(keys) // MERGED_ROWS), 0
    part_of = None if n_parts == 1 else torch.cat([part.remainder(n_parts).short() for part in keys.split(CHUNK_ROWS)])
    for part in range(n_parts):
        rows = None if n_parts == 1 else torch.nonzero(part_of == part)[:, 0]
        ordered, order = torch.sort(keys if rows is None else keys.index_select(0, rows), stable=True)
        is_first = torch.ones_like(ordered, dtype=torch.bool)
        torch.ne(ordered[1:], ordered[:-1], out=is_first[1:])
        order = order if rows is None else rows.index_select(0, order)
        place.scatter_(0, order, is_first.cumsum(0, dtype=torch.int32).add_(n_distinct - 1))
        first.append(order[is_first].int())
        n_distinct += len(first[-1])
    return place, torch.cat(first)


def few_unique_rows(keys: Tensor, n_keys: int) -> tuple[Tensor, Tensor]:
    """The same for keys below n_keys, by a table of them."""
    samples = torch.arange(len(keys), dtype=torch.int32, device=keys.device)
    table = torch.full((n_keys,), -1, dtype=torch.int32, device=keys.device).scatter_(0, keys, samples)
    present = torch.nonzero(table >= 0)[:, 0]
    first = table.index_select(0, present)
    table.index_copy_(0, present, samples[: len(present)])
    return table.index_select(0, keys), first
