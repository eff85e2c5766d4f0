"""From dask arrays to the core's samples in blocks: two passes, one over y and one over X."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from math import inf
from typing import Any, Self, TypeVar

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.classes import known_codes, validate_classes
from sklearn_mrtl._estimators.core_samples import Statistics, Sums, empty_samples, sums_of
from sklearn_mrtl._estimators.encoding_sums import EncodingSums
from sklearn_mrtl._estimators.encodings import as_layout
from sklearn_mrtl._estimators.field_sums import FieldSums
from sklearn_mrtl._estimators.fit_data import FitData
from sklearn_mrtl._estimators.folds import fold_of_part
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.lazy_groups import numbered_groups
from sklearn_mrtl._estimators.lazy_rows import LazyRows, Preparation, TargetFunction, check_lazy, validate_lazy_rows
from sklearn_mrtl._estimators.lazy_targets import (
    ClassSummary,
    NumberSummary,
    TargetSummary,
    class_outputs,
    number_outputs,
    summarize_targets,
    targets_of_classes,
    targets_of_numbers,
)
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import power_of_two
from sklearn_mrtl._estimators.sample_source import KEPT_FRACTION, SampleSource, make_block
from sklearn_mrtl._estimators.validation import has_validation
from sklearn_mrtl._utils.arrays import is_lazy
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.block import Block
from sklearn_mrtl.core.data.blocks import Blocks, BlockSamples, FoldFunction
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.settings import Settings

Validate = Callable[[str, Any], np.ndarray]
S = TypeVar("S", bound=TargetSummary)


def target_summary(rows: LazyRows, kind: type[S], validate: Validate) -> S:
    """Return what one pass over y and the weights tells.

    Raises
    ------
    ValueError
        If values are not what they should be, or no row weighs anything.
    """
    from sklearn_mrtl.distributed import blocks_of

    blocks = blocks_of(*rows.targets)
    summary = blocks.combine(summarize_targets, kind, validate, rows.template.dtype, by=kind.join)
    if not summary.filled:
        raise ValueError("sample_weight must contain at least one non-zero number, got zeros only.")
    return summary


@dataclass(frozen=True, eq=False)
class BlockRows:
    """Rows of dask arrays with all that is known of their targets: what a fit needs of `Rows`.

    Attributes
    ----------
    rows : LazyRows
    counts : dict of int to int
        Number of rows that weigh anything, of each block that has any.
    targets : callable
        See `Preparation`.
    unit : float
        What weights are divided by.
    total_weight, squared_weight : float
        Sums of the weights and of their squares, divided by the unit.
    """

    rows: LazyRows
    counts: dict[int, int]
    targets: TargetFunction
    unit: float
    total_weight: float
    squared_weight: float

    @property
    def X(self) -> np.ndarray | sparse.csr_array:  # noqa: N802
        """X without rows."""
        return self.rows.template

    def fingerprints(self) -> dict[str, str]:
        """Return what tells the data from others: the names that Dask gives to equal computations."""
        rows = self.rows
        arrays = {"X": rows.X, "y": rows.y, "sample_weight": rows.weight, "groups": rows.groups}
        return {name: array.name for name, array in arrays.items() if array is not None}

    def blocks(self) -> Blocks:
        """Return the blocks that have rows."""
        from sklearn_mrtl.distributed import blocks_of

        return blocks_of(*self.rows.arrays, numbers=self.counts)

    def preparation(self, layout: Layout) -> Preparation:
        """Return how a block becomes rows of the core's units."""
        return Preparation(layout, self.X.dtype, self.targets, self.unit, self.rows.groups is not None)

    def sums(self, layout: Layout, *, standardize: bool) -> Sums:
        """Return what one pass over X tells."""
        join = (FieldSums if layout.is_fields else EncodingSums).join
        return self.blocks().combine(sums_of_block, self.preparation(layout), standardize, by=join)

    def samples(
        self, statistics: Statistics, layout: Layout, outputs: Outputs, device: torch.device, *, n_bytes: int = 0,
        is_training: bool = True, fold_of: FoldFunction | None = None,
    ) -> BlockSamples:  # fmt: skip
        """Return the core's samples; blocks of n_bytes in all are kept if that is no more than a part of the memory."""
        from sklearn_mrtl.distributed import memory_for_blocks

        limit = memory_for_blocks() or memory.available_bytes(torch.device("cpu"))
        max_bytes = inf if limit is None else KEPT_FRACTION * limit
        firsts = dict(zip(self.counts, accumulate([0, *self.counts.values()]), strict=False))
        arguments = firsts, self.preparation(layout), statistics, outputs, device, is_training
        blocks = self.blocks().map(make_lazy_block, *arguments, keep=n_bytes <= max_bytes)
        template = empty_samples(as_layout(self.X, layout), statistics, layout, outputs)
        n_rows = sum(self.counts.values())
        return BlockSamples(blocks, template, n_rows, self.total_weight, n_bytes, max_bytes, fold_of)


@dataclass(frozen=True, eq=False)
class LazyData(FitData):
    """Rows of dask arrays.

    Attributes
    ----------
    training : BlockRows
    validation : BlockRows or None
    labels : Labels
    """

    training: BlockRows
    validation: BlockRows | None
    labels: Labels

    @property
    def X(self) -> np.ndarray | sparse.csr_array:  # noqa: N802
        return self.training.X

    @property
    def rows_per_weight(self) -> float:
        return self.training.total_weight / self.training.squared_weight

    def in_layout(self, estimator, layout: Layout) -> Self:
        return self  # every block is put into it when it is made

    def for_callbacks(self) -> tuple:
        rows = self.training.rows
        return rows.X, rows.y, rows.weight

    def fingerprints(self) -> dict[str, str]:
        validation = "none" if self.validation is None else repr(self.validation.fingerprints())
        return self.training.fingerprints() | {"X_val, y_val": validation}

    def source(
        self, estimator, settings: Settings, layout: Layout, outputs: Outputs, device: torch.device
    ) -> SampleSource:
        sums = self.training.sums(layout, standardize=bool(settings.terms))
        statistics = sums.statistics(layout, self.X.dtype)
        is_given = estimator.cv is not None or self.training.rows.groups is not None
        fold_of = partial(fold_of_part, estimator.cv) if is_given else None
        n_bytes = sums.n_bytes(self.X.dtype)
        return LazySource(statistics, layout, outputs, device, self.training, self.validation, n_bytes, fold_of)


@dataclass(frozen=True, eq=False)
class LazySource(SampleSource):
    """Rows of dask arrays, whose blocks become samples where they live.

    Attributes
    ----------
    training, validation : BlockRows, BlockRows or None
    n_bytes : int
        Of the inputs of all training blocks.
    fold_of : callable or None
        See `BlockSamples`.
    """

    training: BlockRows
    validation: BlockRows | None
    n_bytes: int
    fold_of: FoldFunction | None

    @property
    def has_validation(self) -> bool:
        return self.validation is not None

    def within_memory(self, *plan_settings_and_levels: Any) -> Self:
        return self  # what does not fit is made anew in every pass

    def training_samples(self) -> BlockSamples:
        arguments = self.statistics, self.layout, self.outputs, self.device
        return self.training.samples(*arguments, n_bytes=self.n_bytes, fold_of=self.fold_of)

    def validation_samples(self) -> BlockSamples | None:
        if self.validation is None:
            return None
        arguments = self.statistics, self.layout, self.outputs, self.device
        return self.validation.samples(*arguments, is_training=False)


def sums_of_block(pieces: tuple, prepare: Preparation, standardize: bool) -> Sums | None:
    """Return the sums of a block; None if no row of it weighs anything."""
    rows = prepare(pieces)
    return sums_of(rows, prepare.layout, standardize=standardize) if len(rows.y) else None


def make_lazy_block(
    pieces: tuple, firsts: dict[int, int], prepare: Preparation, statistics: Statistics, outputs: Outputs,
    device: torch.device, is_training: bool,
) -> Block:  # fmt: skip
    """Return the core's samples of a block."""
    first = firsts[pieces[0]]
    rows = prepare(pieces)
    arguments = statistics, prepare.layout, outputs, device
    return make_block(rows, first, *arguments, is_training=is_training, fold=rows.groups)


# What validation data take over from the training rows: the outputs, and the weights of classes.
Known = tuple[Outputs, BlockRows]


def lazy_data(
    estimator, X, y, sample_weight, X_val, y_val, sample_weight_val, groups
) -> tuple[LazyData, Loss, Outputs]:  # fmt: skip
    """Return the data, the loss and the outputs of a fit to dask arrays, after a pass over y."""
    is_validated = has_validation(X_val, y_val, sample_weight_val)
    check_lazy(estimator, has_validation=is_validated)
    rows, labels = validate_lazy_rows(estimator, X, y, sample_weight)
    rows = rows._replace(groups=numbered_groups(rows.X, groups))
    expected = (rows.X.shape[1:], labels, rows.template.dtype)
    if is_validated and not is_lazy(X_val):
        raise TypeError(
            f"X_val must be a dask array as X is one, got {type(X_val).__name__}: use dask.array.from_array(X_val)."
        )
    training, loss, outputs = estimator._known_rows(rows)
    validation = None
    if is_validated:
        rows_val, _ = validate_lazy_rows(estimator, X_val, y_val, sample_weight_val, expected=expected)
        validation = estimator._known_rows(rows_val, (outputs, training))[0]
    return LazyData(training, validation, labels), loss, outputs


def lazy_numbers(
    rows: LazyRows, validate: Validate, *, is_log: bool, is_map: bool, known: Known | None = None
) -> tuple[BlockRows, Outputs]:
    """Return the data of a regression, and its outputs; for validation data those are known."""
    summary = target_summary(rows, NumberSummary, validate)
    if known is None:
        outputs, unit = number_outputs(summary, rows.template.dtype, is_log=is_log, is_map=is_map)
    else:
        outputs, unit = known[0], 1.0
    if len(summary.mean) != outputs.number:
        raise ValueError(f"y_val must have the {outputs.number} output(s) of y, got {len(summary.mean)}.")
    targets = partial(targets_of_numbers, outputs, validate)
    squared_weight = summary.weight_squares * (summary.unit / unit) ** 2
    return BlockRows(rows, summary.filled, targets, unit, summary.total / unit, squared_weight), outputs


def lazy_classes(rows: LazyRows, class_weight, known: Known | None = None) -> tuple[BlockRows, Outputs]:
    """Return the data of a classification, and its outputs; for validation data those are known."""
    summary = target_summary(rows, ClassSummary, validate_classes)
    if known is None:
        outputs, factors, unit = class_outputs(summary, class_weight)
    else:
        outputs, training = known
        classes = np.asarray(outputs.classes)
        known_codes(np.array(list(summary.totals)), classes)
        factors = np.broadcast_to(training.targets(classes)[1], len(classes))
        unit = power_of_two(summary.largest_weight * float(factors.max()))
    weights = dict(zip(np.asarray(outputs.classes).tolist(), factors.tolist(), strict=True))
    total = sum(weights[label] * weight for label, weight in summary.totals.items()) / unit
    squares = sum(weights[label] ** 2 * square for label, square in summary.weight_squares.items())
    targets = partial(targets_of_classes, outputs, factors)
    return BlockRows(rows, summary.filled, targets, unit, total, squares * (summary.unit / unit) ** 2), outputs
