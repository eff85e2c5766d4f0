"""What the core's samples of a fit are made from: rows at hand, on the device at once or block by block."""

from __future__ import annotations

import dataclasses
import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from sklearn_mrtl._estimators.core_samples import Statistics, empty_samples, make_samples, target_grid
from sklearn_mrtl._estimators.encodings import as_layout
from sklearn_mrtl._estimators.fields import warn_of_filled
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import Rows, size_in_memory
from sklearn_mrtl._estimators.settings import check_fit_memory
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.block import Block
from sklearn_mrtl.core.data.blocks import AnySamples, BlockSamples
from sklearn_mrtl.core.data.local_blocks import LocalBlocks
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.plan import Plan
from sklearn_mrtl.core.settings import Settings

KEPT_FRACTION = 0.4  # of the memory, up to which a level is kept; other levels, and what a pass makes, need the rest
BLOCKS_IN_MEMORY = 16  # of streamed rows, each of which becomes two or three copies on its way


@dataclass(frozen=True, eq=False)
class SampleSource(ABC):
    """What the core's samples of a fit are made from.

    Attributes
    ----------
    statistics : FieldStatistics or EncodingStatistics
        Of the training rows.
    layout : Layout
    outputs : Outputs
    device : torch.device
        Of the samples.
    """

    statistics: Statistics
    layout: Layout
    outputs: Outputs
    device: torch.device

    @property
    @abstractmethod
    def has_validation(self) -> bool:
        """Whether there are validation data, given or held out."""

    @abstractmethod
    def within_memory(
        self, plan: Plan, settings: Settings, resolutions: Sequence[Shapes], n_outputs: Sequence[int]
    ) -> SampleSource:
        """Return a source whose samples fit into memory, with what the training makes of them.

        Raises
        ------
        MemoryError
            If there is none.
        """

    def fall_back_to_blocks(self, settings: Settings) -> SampleSource | None:
        """Return a source of the same samples whose blocks go to the device in every pass, with a warning.

        None, without one, where a fit cannot do with blocks, or does already.
        """
        return None

    @abstractmethod
    def training_samples(self) -> AnySamples:
        """Return the training samples, which nobody else holds."""

    @abstractmethod
    def validation_samples(self) -> AnySamples | None:
        """Return the validation samples; None where there are none."""


@dataclass(frozen=True, eq=False)
class RowSource(SampleSource):
    """Rows at hand, of which samples are made.

    Attributes
    ----------
    training, validation : Rows, Rows or None
        After rows were held out, if something needs them.
    fold : ndarray of int, shape (n,), or None
        See `fold_of_rows`.
    """

    training: Rows
    validation: Rows | None
    fold: np.ndarray | None

    @property
    def has_validation(self) -> bool:
        return self.validation is not None

    def within_memory(
        self, plan: Plan, settings: Settings, resolutions: Sequence[Shapes], n_outputs: Sequence[int]
    ) -> SampleSource:
        n_validation = 0 if self.validation is None else len(self.validation.y)
        sizes = self.statistics.sizes(self.training, n_validation, self.layout, self.device)
        try:
            check_fit_memory(plan, settings, resolutions, sizes, n_outputs, self.device)
        except MemoryError:
            in_blocks = self.fall_back_to_blocks(settings)
            if in_blocks is None:
                raise
            return in_blocks
        return self

    def fall_back_to_blocks(self, settings: Settings) -> SampleSource | None:
        if self.device.type == "cpu" or settings.low_rank.solver.name != "lbfgs":
            return None
        warn(
            f"X and what training makes of it do not fit into the memory of {self.device}: blocks of its rows go "
            "there in every pass, which takes longer.",
        )
        fields = (getattr(self, field.name) for field in dataclasses.fields(self))
        return StreamedSource(*fields)

    def training_samples(self) -> AnySamples:
        inputs = self.statistics.training_inputs(self.training.X, self.layout, self.device)
        return make_samples(self.training, inputs, self.device, self.fold, target_grid(self.outputs, self.device))

    def validation_samples(self) -> AnySamples | None:
        """Return the validation samples.

        Raises
        ------
        ValueError
            If X has infinite values where there were data in fit.
        """
        rows = self.validation
        if rows is None:
            return None
        try:
            inputs, n_gaps = self.statistics.inputs(as_layout(rows.X, self.layout), self.layout, self.device)
        except ValueError as error:
            raise ValueError(f"X_val, or rows of X that are held out: {error}") from error
        warn_of_filled(n_gaps)
        return make_samples(rows, inputs, self.device, target=target_grid(self.outputs, self.device))


class StreamedSource(RowSource):
    """Rows at hand that the device cannot hold: in every pass blocks of them go there one after the other."""

    def fall_back_to_blocks(self, settings: Settings) -> None:
        return None

    def training_samples(self) -> BlockSamples:
        return self._in_blocks(self.training, is_training=True)

    def validation_samples(self) -> BlockSamples | None:
        return None if self.validation is None else self._in_blocks(self.validation, is_training=False)

    def _in_blocks(self, rows: Rows, *, is_training: bool) -> BlockSamples:
        rows = rows._replace(X=as_layout(rows.X, self.layout))
        n_rows, n_bytes = len(rows.y), size_in_memory(rows.X)
        free = memory.available_bytes(self.device) or n_bytes
        step = max(1, n_rows * free // (BLOCKS_IN_MEMORY * n_bytes))
        starts = range(0, n_rows, step)
        makers = [partial(self.block, rows, start, min(start + step, n_rows), is_training) for start in starts]
        template = empty_samples(rows.X[:0], self.statistics, self.layout, self.outputs)
        total = float(rows.weight.sum(dtype=np.float64))
        max_bytes = KEPT_FRACTION * free if is_training else 0.0
        return BlockSamples(LocalBlocks(makers), template, n_rows, total, n_bytes, max_bytes)

    def block(self, rows: Rows, start: int, stop: int, is_training: bool) -> Block:
        """Return the samples of consecutive rows on the device."""
        part = Rows(rows.X[start:stop], rows.y[start:stop], rows.weight[start:stop])
        fold = self.fold[start:stop] if is_training and self.fold is not None else None
        arguments = self.statistics, self.layout, self.outputs, self.device
        return make_block(part, start, *arguments, is_training=is_training, fold=fold)


def make_block(
    rows: Rows, first: int, statistics: Statistics, layout: Layout, outputs: Outputs, device: torch.device, *,
    is_training: bool, fold: np.ndarray | None = None,
) -> Block:  # fmt: skip
    """Return the samples of consecutive rows, of which the first has a number among all rows.

    `fold` is the number of each row's fold, or of its group if folds are made of groups later.
    """
    if is_training:
        inputs = statistics.training_inputs(rows.X, layout, device)
    else:
        inputs = statistics.inputs(rows.X, layout, device)[0]
    return Block(first, make_samples(rows, inputs, device, fold, target_grid(outputs, device)))


def train_within_memory(train: Callable[[SampleSource], Fit], source: SampleSource, settings: Settings) -> Fit:
    """Return train(source); where the device's memory is full after all, train anew on blocks of the rows, once.

    Raises
    ------
    MemoryError
        That says what would need less.
    """
    with memory.memory_errors(source.device):
        try:
            return train(source)
        except torch.cuda.OutOfMemoryError:
            in_blocks = source.fall_back_to_blocks(settings)
            if in_blocks is None:
                raise
        # Here the error is gone, and with it the tensors of the functions that it came through.
        gc.collect()
        memory.release_cached(source.device)
        return train(in_blocks)
