"""What every layout of samples provides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import reduce
from typing import ClassVar, Self, TypeGuard

import torch
from torch import Tensor

from sklearn_mrtl.modes import Grid, Mode

LEAST_RUN = 16  # neighbouring entries, on average, from which they are copied as slices
CHUNK_ROWS = 2**17  # samples whose scores and losses are held at once
Shapes = tuple[tuple[int, ...], ...]


class Inputs(ABC):
    """Samples at one resolution: the tensors X_n of eq. (1), which need not be formed.

    A layout defines the abstract methods. Entries of X_n that belong to a Grid of means are weighted by the area of a
    cell, so that scores and weights keep their units from level to level.

    Attributes
    ----------
    modes : tuple of Mode
    shapes : tuple of tuple of int
        Shape of each mode at this resolution.
    masks : tuple of (Tensor of bool, or None)
        For each mode the cells that hold data; None: all.
    """

    modes: tuple[Mode, ...]
    shapes: Shapes
    masks: tuple[Tensor | None, ...]

    coarsens_in_steps: ClassVar[bool]
    """Whether a coarse level is best made from the next finer one, and rows are never merged."""

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """Number of samples n."""

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """Number of entries that X_n has along each mode."""

    @property
    @abstractmethod
    def cell_area(self) -> float:
        """What every entry of the stored samples is multiplied by: a cell's fraction of the area of grids of means."""

    @property
    def suits_table(self) -> bool:
        """Whether scores of one output take less time from a table of all entries of W than from its factors."""
        return False

    @property
    @abstractmethod
    def chunks(self) -> list[tuple[slice, Self]]:
        """Rows and samples of consecutive parts whose scores fit into memory; they share the memory of the whole."""

    @abstractmethod
    def linear_scores(self, weights: Tensor) -> Tensor:
        """Return <W, X_n> of eq. (1) for every sample and output, shape (n, T); W has shape (*sizes, T)."""

    def sum_of_scores(self, tensors: Sequence[tuple[tuple[int, ...], Tensor]]) -> Tensor:
        """Return the sum of the scores (n, T) of several weight tensors, of some modes each and shape (*sizes, T)."""
        return reduce(torch.add, [self.of_modes(modes).linear_scores(weights) for modes, weights in tensors])

    @abstractmethod
    def cp_scores(self, factors: Sequence[Tensor], outputs: Tensor | None) -> Tensor:
        """Return <W, X_n> of eq. (2) for every sample and output, shape (n, T).

        Parameters
        ----------
        factors : sequence of Tensor of shape (size, K)
            One for each mode.
        outputs : Tensor of shape (T, K), or None
            The factor of the outputs; None: there is a single one.
        """

    @abstractmethod
    def multilinear(self, factors: Sequence[Tensor]) -> Tensor:
        """Multiply every mode of X_n by its factor (size, K_m): shape (n, K_1, K_2, ...)."""

    @abstractmethod
    def design(self) -> Tensor:
        """Return every X_n as a row of a dense matrix (n, product of sizes)."""

    @abstractmethod
    def mean_squares(self, weight: Tensor) -> list[Tensor]:
        """Return one vector (size,) for each mode, whose outer product is about the weighted mean of X_n squared."""

    @abstractmethod
    def coarsen(self, shapes: Shapes) -> Self:
        """Return the samples on coarser grids."""

    @abstractmethod
    def merge(self, shapes: Shapes) -> tuple[Self, Tensor | None]:
        """Return the distinct samples on coarser grids, and for each sample its row among them, shape (n,).

        The rows are None where most samples differ, and none is merged.
        """

    @abstractmethod
    def select(self, rows: Tensor) -> Self:
        """Return the samples of these rows."""

    @abstractmethod
    def of_modes(self, modes: tuple[int, ...]) -> Self:
        """Return the samples for a term of some of the modes, in their order, and keep them for the next call.

        Weights of the term are the same along every other mode: fields are summed over it, or averaged over a grid of
        means; encodings of other modes are left out.
        """

    def without_products(self) -> Self:
        """Return the samples without what they keep for the next call of `linear_scores` or `of_modes`."""
        return self


def row_slices(n_rows: int, step: int) -> list[slice]:
    """Return slices of consecutive rows, at most `step` in each."""
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def is_mean(mode: Mode) -> TypeGuard[Grid]:
    """Return whether weights of this mode are per unit of area."""
    return isinstance(mode, Grid) and mode.quantity == "mean"


def take_last(values: Tensor, index: Tensor) -> Tensor:
    """Select entries of the last axis."""
    runs = runs_of(index)
    if runs is not None:
        return torch.cat([values[..., run] for run in runs], -1)
    # As columns of a matrix: torch is slower for more dimensions.
    return values.reshape(-1, values.shape[-1]).index_select(1, index).reshape(*values.shape[:-1], len(index))


def put_last(values: Tensor, index: Tensor, size: int) -> Tensor:
    """Return an array with `size` entries in the last axis, 0 but for these values: the inverse of `take_last`."""
    runs = runs_of(index)
    if runs is not None:
        full, start = values.new_zeros(*values.shape[:-1], size), 0
        for run in runs:
            stop = start + run.stop - run.start
            full[..., run] = values[..., start:stop]
            start = stop
        return full
    # Every entry reads its value, or a zero that is appended: faster than writing the values one by one.
    inverse = torch.full((size,), len(index), dtype=torch.int32, device=values.device)
    inverse[index] = torch.arange(len(index), dtype=torch.int32, device=values.device)
    return take_last(torch.nn.functional.pad(values, (0, 1)), inverse)


def runs_of(index: Tensor) -> list[slice] | None:
    """Return ascending indices as slices, which are copied faster one by one; None where these would be short."""
    if not len(index) or index.device.type != "cpu":
        return None
    starts = torch.nonzero(torch.diff(index) != 1)[:, 0].add_(1)
    if (len(starts) + 1) * LEAST_RUN > len(index):
        return None
    first = index[torch.cat([starts.new_zeros(1), starts])].tolist()
    last = index[torch.cat([starts - 1, starts.new_full((1,), len(index) - 1)])].tolist()
    return [slice(a, b + 1) for a, b in zip(first, last, strict=True)]
