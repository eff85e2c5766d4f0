"""Targets in blocks: what one pass over y and the weights tells, and the targets of the core that follow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from sklearn_mrtl._estimators.classes import one_hot, validate_class_weight, validate_classes, weights_of_rows
from sklearn_mrtl._estimators.lazy_rows import block_weight
from sklearn_mrtl._estimators.outputs import Outputs, checked_scale, weights_in_counts
from sklearn_mrtl._estimators.rows import power_of_two
from sklearn_mrtl._utils.moments import joined_moments


@dataclass(frozen=True)
class TargetSummary(ABC):
    """What is known of the targets of some blocks.

    Attributes
    ----------
    counts : dict of int to int
        Number of rows that weigh anything, by the number of the block.
    largest_weight : float
    """

    counts: dict[int, int]
    largest_weight: float

    @classmethod
    @abstractmethod
    def of(cls, counts: dict[int, int], y: np.ndarray, weight: np.ndarray) -> Self:
        """Summarize the rows of one block that weigh anything."""

    def join(self, other: Self) -> Self:
        """Return the summary of both."""
        largest_weight = max(self.largest_weight, other.largest_weight)
        return type(self)(self.counts | other.counts, largest_weight, *self._joined(other, largest_weight))

    @abstractmethod
    def _joined(self, other: Self, largest_weight: float) -> tuple:
        """Return what a kind of summary has besides, of both."""

    @property
    def unit(self) -> float:
        """A power of two of about the size of the largest weight."""
        return power_of_two(self.largest_weight)

    def square_in(self, largest_weight: float) -> float:
        """Return the square of this summary's unit in that of a larger weight."""
        return (self.unit / power_of_two(largest_weight)) ** 2

    @property
    def filled(self) -> dict[int, int]:
        """The counts of blocks that have rows, in their order."""
        return {number: self.counts[number] for number in sorted(self.counts) if self.counts[number]}


@dataclass(frozen=True)
class NumberSummary(TargetSummary):
    """Moments of numbers.

    Attributes
    ----------
    total, weight_squares : float
        Sum of the weights, and sum of their squares in units of `unit`.
    mean, squares : ndarray of shape (T,)
        Weighted mean, and sum of the weighted squared deviations from it.
    largest : float
        Largest magnitude.
    """

    total: float
    weight_squares: float
    mean: np.ndarray
    squares: np.ndarray
    largest: float

    @classmethod
    def of(cls, counts: dict[int, int], y: np.ndarray, weight: np.ndarray) -> Self:
        y, weight = (y[:, None] if y.ndim == 1 else y).astype(np.float64), weight.astype(np.float64)
        total = float(weight.sum())
        mean = weight @ y / max(total, np.finfo(float).tiny)
        squares = weight @ (y - mean) ** 2
        largest = float(weight.max(initial=0.0))
        weight_squares = float(np.square(weight / power_of_two(largest)).sum())
        return cls(counts, largest, total, weight_squares, mean, squares, float(np.abs(y).max(initial=0.0)))

    def _joined(self, other: Self, largest_weight: float) -> tuple:
        total, mean, squares = joined_moments(
            self.total, self.mean, self.squares, other.total, other.mean, other.squares
        )
        weight_squares = sum(one.weight_squares * one.square_in(largest_weight) for one in (self, other))
        return total, weight_squares, mean, squares, max(self.largest, other.largest)


@dataclass(frozen=True)
class ClassSummary(TargetSummary):
    """Weights of classes.

    Attributes
    ----------
    totals, weight_squares : dict
        Sum of the weights of each label, and sum of their squares in units of `unit`.
    """

    totals: dict
    weight_squares: dict

    @classmethod
    def of(cls, counts: dict[int, int], y: np.ndarray, weight: np.ndarray) -> Self:
        labels, codes = np.unique(y, return_inverse=True)
        totals = np.bincount(codes, weights=weight, minlength=len(labels))
        largest = float(weight.max(initial=0.0))
        squares = np.bincount(codes, weights=np.square(weight / power_of_two(largest)), minlength=len(labels))
        by_label = (dict(zip(labels.tolist(), of_each.tolist(), strict=True)) for of_each in (totals, squares))
        return cls(counts, largest, *by_label)

    def _joined(self, other: Self, largest_weight: float) -> tuple:
        totals, squares = Counter(self.totals), Counter[Any]()
        totals.update(other.totals)
        for one in (self, other):
            factor = one.square_in(largest_weight)
            squares.update({label: factor * square for label, square in one.weight_squares.items()})
        return dict(totals), dict(squares)


def summarize_targets(
    pieces: tuple, kind: type[TargetSummary], validate: Callable[[str, Any], np.ndarray], dtype: np.dtype
) -> TargetSummary:
    """Summarize a block (number, y, weight if that is given)."""
    number, y, *given = pieces
    y = validate("y", np.asarray(y))
    weight = block_weight(np.empty((len(y), 0), dtype), given)
    kept = weight > 0
    return kind.of({number: int(kept.sum())}, y[kept], weight[kept])


# Numbers


def number_outputs(
    summary: NumberSummary, dtype: np.dtype, *, is_log: bool, is_map: bool
) -> tuple[Outputs, float]:  # fmt: skip
    """Return the outputs of a regressor, and what weights are divided by; see `standardize` and `divide_by_mean`."""
    n_rows = sum(summary.counts.values())
    scale = np.sqrt(summary.squares / summary.total)
    scale = checked_scale(summary.mean, scale, summary.largest, n_rows, dtype, is_map=is_map)
    if not is_log:
        return Outputs("output", scale, summary.mean), summary.unit
    means = summary.mean
    outputs = Outputs("output", np.ones(len(means)), np.full(len(means), np.log(means.mean())), is_log=True)
    largest = np.array([summary.largest_weight])
    return outputs, float(largest[0] / weights_in_counts(largest / summary.unit, largest, outputs)[0])


def targets_of_numbers(outputs: Outputs, validate, y) -> tuple[np.ndarray, float]:
    """Return the targets (n, T) of numbers."""
    return outputs.targets(validate("y", np.asarray(y)).astype(np.float64, copy=False)), 1.0


# Classes


def class_outputs(summary: ClassSummary, class_weight) -> tuple[Outputs, np.ndarray, float]:
    """Return the outputs of a classifier, the weight of each class, and what weights are divided by.

    Raises
    ------
    ValueError
        If there is one class only, or a class has a weight that is no positive, finite number.
    """
    classes = np.array(sorted(summary.totals))
    if len(classes) < 2:
        raise ValueError(f"y must have at least two classes, got one class only: {classes[0]!r}.")
    totals = np.array([summary.totals[label] for label in classes.tolist()])
    if isinstance(class_weight, str) and class_weight == "balanced":
        factors = totals.sum() / (len(classes) * totals)
    elif class_weight is None:
        factors = np.ones(len(classes))
    else:
        factors = validate_class_weight(class_weight, classes)
    n_outputs = len(classes) if len(classes) > 2 else 1
    outputs = Outputs("class", np.ones(n_outputs), np.zeros(n_outputs), classes)
    return outputs, factors, power_of_two(summary.largest_weight * float(factors.max()))


def targets_of_classes(outputs: Outputs, factors: np.ndarray, y) -> tuple[np.ndarray, np.ndarray | float]:
    """Return the targets (n, T) of labels, and the weight of each one's class."""
    codes = np.searchsorted(np.asarray(outputs.classes), validate_classes("y", np.asarray(y)))
    return one_hot(codes, outputs), weights_of_rows(factors, codes)
