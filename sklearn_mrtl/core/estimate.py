"""Estimate of the memory that a fit needs besides X, from sizes alone.

A fit holds its samples at the finest level and at the level in training (fields at all coarse levels), and there what
the solver, the exact solution or the decomposition needs. The estimate is the largest sum over the steps of the plan.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, prod
from typing import Self

from sklearn_mrtl.core.data.base import CHUNK_ROWS, Shapes
from sklearn_mrtl.core.data.encodings import DESIGN_ROWS
from sklearn_mrtl.core.data.fields import BLOCK_ENTRIES
from sklearn_mrtl.core.data.merging import MAX_DISTINCT_FRACTION
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.low_rank import Rank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.plan import Plan, Train
from sklearn_mrtl.core.separable import DENSE_ENTRIES
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, Settings
from sklearn_mrtl.core.solvers import ridge
from sklearn_mrtl.core.solvers.lbfgs import MEMORY

CODE = 33_000_000  # bytes of libraries that the first fit of a process loads, 23 MB, and of gaps between arrays
INDEX = 4  # bytes of an index of what fits make
VECTORS = (
    2 * MEMORY + 28
)  # as long as the parameters: curvature pairs, what a step computes with, and gaps between them
FFT_COPIES = 9  # of the weights along a long axis while a kernel is applied by FFT: padded, as a spectrum, and back
ALS_COPIES = 6  # of the weight tensor in double precision while it is decomposed
SORTED_BYTES = 64  # for each entry of the outer products that are multiplied out and sorted at once
KEPT_FITS = 6  # for each fold while penalties are chosen by fits: the best of each proportion, and the last two
RIDGE_COPIES = 6  # of the n x n or p x p system of the exact solution


@dataclass(frozen=True)
class DataSizes(ABC):
    """What the samples of a fit consist of.

    Attributes
    ----------
    n_rows : int
    itemsize : int
        Bytes of a number of X.
    target_bytes : int
        Of targets and weights.
    """

    n_rows: int
    itemsize: int
    target_bytes: int

    @abstractmethod
    def finest(self) -> float:
        """Return the bytes of the inputs at the finest level, which stay until the end."""

    @abstractmethod
    def coarse(self, resolutions: Sequence[Shapes], level: int) -> float:
        """Return the bytes of the inputs of coarser levels that are held while one is trained."""

    @abstractmethod
    def made(self, resolutions: Sequence[Shapes]) -> float:
        """Return the bytes of temporary arrays while inputs are made."""

    def chosen(self) -> float:
        """Return the bytes of temporary arrays while samples are divided into blocks for the choice of strengths."""
        return 0

    def of_modes(self, modes: Sequence[int]) -> Self:
        """Return the sizes of these modes' inputs alone."""
        return self

    @abstractmethod
    def products(self, resolutions: Sequence[Shapes], level: int, phase: str, n_components: int) -> float:
        """Return the bytes of what the scores of a level are computed by."""


@dataclass(frozen=True)
class FieldSizes(DataSizes):
    """Dense fields.

    Attributes
    ----------
    stored : float
        Fraction of the last mode's cells that are stored.
    is_copied : bool
        Whether the inputs are a copy of X.
    """

    stored: float
    is_copied: bool

    def _inputs(self, shapes: Shapes) -> float:
        return self.n_rows * prod(map(prod, shapes)) * self.stored * self.itemsize

    def finest(self) -> float:
        return 0

    def coarse(self, resolutions: Sequence[Shapes], level: int) -> float:
        finest = self._inputs(resolutions[-1]) if self.is_copied else 0
        return finest + sum(self._inputs(shapes) for shapes in resolutions[level:-1])

    def made(self, resolutions: Sequence[Shapes]) -> float:
        return 3 * min(BLOCK_ENTRIES * self.itemsize, self._inputs(resolutions[-1]))

    def products(self, resolutions: Sequence[Shapes], level: int, phase: str, n_components: int) -> float:
        others = prod(prod(shape) for shape in resolutions[level][:-1])
        return 0 if phase == FULL_RANK else 3 * self.n_rows * others * n_components * self.itemsize


@dataclass(frozen=True)
class EncodingSizes(DataSizes):
    """One encoding for each mode.

    Attributes
    ----------
    entries : tuple of int
        Stored values of each mode in all rows, in the order of the core.
    are_ones : bool
        Whether values are ones, which take no memory.
    index_bytes : int
        Of an index of X, which the inputs keep.
    """

    entries: tuple[int, ...]
    are_ones: bool
    index_bytes: int = INDEX

    def of_modes(self, modes: Sequence[int]) -> Self:
        return replace(self, entries=tuple(self.entries[m] for m in modes))

    def _value(self) -> int:
        return 0 if self.are_ones else self.itemsize

    def finest(self) -> float:
        return sum(
            self.index_bytes * (n if n == self.n_rows and self.are_ones else n + self.n_rows) + self._value() * n
            for n in self.entries
        )

    def _distinct(self, shapes: Shapes) -> float:
        """Return about how many rows differ; all do where a mode has several entries."""
        cells = prod(map(prod, shapes))
        if any(n != self.n_rows for n in self.entries):
            return self.n_rows
        return cells * (1 - exp(-self.n_rows / cells))

    def coarse(self, resolutions: Sequence[Shapes], level: int) -> float:
        fraction = self._distinct(resolutions[level]) / self.n_rows
        if fraction > MAX_DISTINCT_FRACTION:
            fraction = 0.0 if level == len(resolutions) - 1 else MAX_DISTINCT_FRACTION
        merging = 12 * self.n_rows if fraction < 1 else 0  # each row's key, and its index among the distinct rows
        merged = fraction * (self.finest() + (1 + self.target_bytes / self.n_rows) * self.n_rows)
        return max(merging, merged)

    def made(self, resolutions: Sequence[Shapes]) -> float:
        # Columns are counted as 64-bit integers; of the last mode there are copies while counts become repeated ones.
        return max(
            8 * sum(self.entries) - self.finest(), sum(self.entries[-1:]) * (3 * self.index_bytes + self.itemsize)
        )

    def chosen(self) -> float:
        # 28 are of arrays, 3 of those that were freed between them: of 5 each glibc keeps none, one or two.
        return 31 * self.n_rows

    def products(self, resolutions: Sequence[Shapes], level: int, phase: str, n_components: int) -> float:
        fraction = min(1.0, self._distinct(resolutions[level]) / self.n_rows)
        fraction = (
            fraction if fraction <= MAX_DISTINCT_FRACTION or level == len(resolutions) - 1 else MAX_DISTINCT_FRACTION
        )
        rows = fraction * self.n_rows
        chunks = 12 * min(rows, CHUNK_ROWS) * self.itemsize
        if phase == FULL_RANK:
            entries = rows * prod(n / self.n_rows for n in self.entries)
            n_blocks = max(1, rows / max(DESIGN_ROWS, prod(map(prod, resolutions[level]))))
            crow_indices = INDEX * n_blocks * prod(map(prod, resolutions[level]))
            made = SORTED_BYTES * entries / rows * min(rows, DESIGN_ROWS)
            return made + chunks + (2 * INDEX + 2 * self._value()) * entries + 2 * INDEX * rows + crow_indices
        return (
            chunks
            + fraction * sum((self.index_bytes + self._value()) * n for n in self.entries)
            + 2 * self.index_bytes * rows
        )


def fit_bytes(
    plan: Plan, settings: Settings, resolutions: Sequence[Shapes], data: DataSizes, n_outputs: Sequence[int]
) -> float:
    """Return the bytes that a fit needs besides X, at the step that needs most; n_outputs are those at each level."""
    steps = [step for step in plan if isinstance(step, Train)]
    held = CODE + data.target_bytes + data.finest()
    needs = [held + data.made(resolutions), held + data.chosen()]
    for number, step in enumerate(steps):
        shapes, number_of_outputs = resolutions[step.level], n_outputs[step.level]
        n_weights = parameters_of(step, settings, shapes, number_of_outputs)
        products = products_of(step, settings, resolutions, data)
        trained = products
        trained += solver_bytes(step, settings, shapes, n_weights, data, number_of_outputs, is_first=number == 0)
        if number == 0 and None in settings.low_rank.alphas and settings.loss is not SquaredLoss:
            part = min(1.0, settings.choice.max_distinct / data.n_rows)
            n_folds = settings.choice.folds_of(data.n_rows)
            trained += n_folds * (KEPT_FITS * n_weights * data.itemsize + part * products)
        needs.append(held + data.coarse(resolutions, step.level) + trained)
    return max(needs)


def products_of(step: Train, settings: Settings, resolutions: Sequence[Shapes], data: DataSizes) -> float:
    """Return the bytes of what the scores of a step are computed by; sketched terms have none of their own."""
    n_components = components_of(settings)
    if step.phase != FULL_RANK or not any(term.sketched for term in settings.terms):
        return data.products(resolutions, step.level, step.phase, n_components)
    needs = [data.products(resolutions, step.level, LOW_RANK, n_components)]
    for modes in [term.modes for term in settings.terms if not term.sketched]:
        own = [tuple(shapes[m] for m in modes) for shapes in resolutions]
        needs.append(data.of_modes(modes).products(own, step.level, FULL_RANK, n_components))
    return max(needs)


def components_of(settings: Settings) -> int:
    """Return the number of components of a low-rank model, for each mode the most of them."""
    ranks = [rank for term in settings.terms for rank in term.ranks_to_try] or settings.ranks_to_try
    return max((rank if isinstance(rank, int) else max(rank) for rank in ranks), default=0)


def parameters_of(step: Train, settings: Settings, shapes: Shapes, n_outputs: int) -> int:
    """Return the number of weights that a step trains."""
    sizes = [prod(shape) for shape in shapes] + ([n_outputs] if n_outputs > 1 else [])
    if not settings.terms:
        return size_of(sizes, settings.ranks_to_try, step, settings)
    outputs = sizes[len(shapes) :]
    own = [([*(sizes[mode] for mode in term.modes), *outputs], term) for term in settings.terms]
    return sum(size_of(sizes, term.ranks_to_try, step, settings, sketched=term.sketched) for sizes, term in own)


def size_of(
    sizes: Sequence[int], ranks: Sequence[Rank], step: Train, settings: Settings, *, sketched: bool = False
) -> int:
    """Return the number of weights of a tensor of these sizes that a step trains, at the last of the ranks, if any."""
    if (step.phase == FULL_RANK and not sketched) or not ranks:
        return prod(sizes)
    return DECOMPOSITIONS[settings.decomposition].n_weights(ranks[-1], sizes)


def solver_bytes(
    step: Train, settings: Settings, shapes: Shapes, n_weights: int, data: DataSizes, n_outputs: int, *, is_first: bool
) -> float:
    """Return the bytes of what takes the steps of a level: the exact solution, or L-BFGS and the kernel's products."""
    n_columns, is_full = prod(map(prod, shapes)), step.phase == FULL_RANK
    steps = VECTORS * n_weights * data.itemsize
    if any(n**2 > DENSE_ENTRIES for shape in shapes for n in shape):
        steps += FFT_COPIES * n_weights * data.itemsize
    if not is_full:
        return steps
    steps += ALS_COPIES * 8 * n_weights if components_of(settings) else 0
    system, grids = min(data.n_rows, n_columns), max(map(prod, shapes))
    largest = ridge.LARGEST_SYSTEM if is_first else ridge.SMALL_SYSTEM
    entries = data.n_rows * n_columns
    is_exact = settings.loss is SquaredLoss and not settings.terms and system <= largest
    if not is_exact or grids > ridge.LARGEST_SYSTEM or entries > ridge.LARGEST_DESIGN:
        return steps
    design = 8 * (entries + 2 * min(entries, ridge.BLOCK_ENTRIES))
    return max(steps, design + RIDGE_COPIES * 8 * max(system, grids) ** 2)
