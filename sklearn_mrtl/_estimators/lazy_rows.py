"""Rows of dask arrays: checked without computing anything, and prepared block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import _check_sample_weight

from sklearn_mrtl._estimators.encodings import as_layout
from sklearn_mrtl._estimators.folds import check_splitter
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._estimators.validation import Expected, validate_samples
from sklearn_mrtl._utils.arrays import FLOATS, is_dataarray, is_lazy, is_lazy_frame
from sklearn_mrtl._utils.encodings import Encodings
from sklearn_mrtl._utils.labels import Labels, align
from sklearn_mrtl._utils.lazy import check_blocks_of_rows

TargetFunction = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | float]]  # see `Preparation`


class LazyRows(NamedTuple):
    """Dask arrays with the same chunks of rows: X of shape (n, ...), y of shape (n,) or (n, T), weight of shape (n,).

    `template` is X without rows, as it will be computed with; `groups` of shape (n,) are numbers.
    """

    X: Any
    y: Any
    weight: Any
    template: np.ndarray | sparse.csr_array
    groups: Any = None

    @property
    def targets(self) -> tuple:
        """y, and weight if that is given."""
        return (self.y,) if self.weight is None else (self.y, self.weight)

    @property
    def arrays(self) -> tuple:
        """The arrays that there are: X, y, weight if that is given, and groups if they are given."""
        return (self.X, *self.targets) if self.groups is None else (self.X, *self.targets, self.groups)


def check_lazy(estimator, *, has_validation: bool) -> None:
    """Refuse parameters that need the rows at hand.

    Raises
    ------
    ValueError
        That names the parameter.
    """
    with_dask = "with X as a dask array, whose rows are not at hand"
    if estimator.solver in ("adam", "sgd"):
        raise ValueError(
            f"solver={estimator.solver!r} draws mini-batches from all rows, which is not possible {with_dask}; use "
            "'auto' or 'lbfgs'."
        )
    check_splitter(estimator.cv)
    if estimator.criterion == "validation_loss" and not has_validation:
        raise ValueError(f"criterion='validation_loss' needs X_val and y_val {with_dask}: none of them are held out.")


def validate_lazy_rows(
    estimator, X, y, sample_weight=None, *, expected: Expected | None = None
) -> tuple[LazyRows, Labels]:
    """Return dask arrays whose chunks match, and the labels of X; nothing is computed.

    Raises
    ------
    ValueError
        If X is chunked along another axis than the rows, sizes of chunks are not known, or y or sample_weight do not
        have as many rows, or other chunks of rows, than X.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    data, labels = lazy_samples(X, expected)
    template = template_of(data)
    seen = template if sparse.issparse(template) else template.astype(data.dtype)
    validate_samples(
        estimator, seen if expected is None else align(seen, labels), expected=expected, ensure_min_samples=0
    )
    data = data if data.dtype in FLOATS else data.astype(np.float64)
    y, weight = (
        None if values is None else in_chunks_of(data, values, name)
        for name, values in (("y", y), ("sample_weight", sample_weight))
    )
    return LazyRows(data, y, weight, template), labels


def lazy_samples(X, expected: Expected | None) -> tuple[Any, Labels]:
    """Return X as a dask array of blocks of rows, in the order of fit, and its labels."""
    X = X if expected is None else align(X, expected[1])
    check_blocks_of_rows(X)
    labels = Labels.of(X)
    data = X.data if is_dataarray(X) else X
    return data, labels if is_dataarray(X) else Labels.of(data._meta)


def template_of(X) -> np.ndarray | sparse.csr_array:
    """Return X without rows: an array, or CSR where its blocks are sparse."""
    dtype = X.dtype if X.dtype in FLOATS else np.float64
    if isinstance(X._meta, Encodings):
        like, shape = X._meta, (0, X.shape[1])  # `like` has no columns where rows were selected
        carried = {name: getattr(like, name) for name in ("modes", "categories", "axes", "numbers")}
        return Encodings(shape, dtype=dtype, **carried)
    if sparse.issparse(X._meta):
        return sparse.csr_array((0, X.shape[1]), dtype=dtype)
    return np.empty((0, *X.shape[1:]), dtype=dtype)


def in_chunks_of(X, values, name: str):
    """Return values as a dask array with X's chunks of rows.

    Raises
    ------
    ValueError
        If they are a dask array of other chunks, or there are more or fewer of them.
    """
    import dask.array

    values = values.data if is_dataarray(values) else values
    if is_lazy_frame(values):
        values = values.to_dask_array(lengths=True)
    if not is_lazy(values):
        values = np.asarray(values)
        if len(values) == X.shape[0]:
            return dask.array.from_array(values, (X.chunks[0], *values.shape[1:]))
    if np.isnan(values.shape[0]):
        raise ValueError(f"{name} must have chunks of known sizes: call {name}.compute_chunk_sizes() first.")
    if values.shape[0] != X.shape[0]:
        raise ValueError(f"{name} must have a value for each of the {X.shape[0]} rows of X, got {values.shape[0]}.")
    if values.chunks[0] != X.chunks[0] or any(n > 1 for n in values.numblocks[1:]):
        whole = "".join(f", {axis}: -1" for axis in range(1, values.ndim))
        raise ValueError(
            f"{name} must have the chunks of rows that X has, {X.numblocks[0]} of up to {max(X.chunks[0])} rows, got "
            f"{values.numblocks} of up to {max(values.chunks[0])} rows: use {name}.rechunk({{0: X.chunks[0]{whole}}})."
        )
    return values


@dataclass(frozen=True, eq=False)
class Preparation:
    """How a block of the user's arrays becomes rows of the core's units.

    Attributes
    ----------
    layout : Layout
    dtype : dtype
        Of X.
    targets : callable
        ``targets(y)`` returns the targets (n, T) of y, and a factor of the weight of each row, or 1.
    unit : float
        What weights are divided by.
    has_groups : bool
    """

    layout: Layout
    dtype: np.dtype
    targets: TargetFunction
    unit: float
    has_groups: bool = False

    def __call__(self, pieces: tuple) -> Rows:
        """Return the rows of a block (number, X, y, weight and groups if they are given) that weigh anything."""
        number, X, y, *given = pieces
        if len(y) != X.shape[0]:
            raise ValueError(
                f"block {number} of X has {X.shape[0]} rows, that of y {len(y)}: blocks are not of the size that their "
                "chunks say. Give map_blocks the right chunks=."
            )
        groups = given.pop() if self.has_groups else None
        if sparse.issparse(X) and self.layout.is_fields:
            raise ValueError("blocks of X are sparse, and X says that they are not: give map_blocks the right meta=.")
        X = as_layout(X.astype(self.dtype, copy=False), self.layout)
        weight = block_weight(X, given)
        kept = weight > 0
        if not kept.all():
            X, y, weight, groups = X[kept], y[kept], weight[kept], None if groups is None else groups[kept]
        targets, factors = self.targets(y)
        weight = weight if self.unit == 1 and np.isscalar(factors) else weight * np.float64(1 / self.unit) * factors
        return Rows(X, targets, weight.astype(self.dtype, copy=False), groups)


def block_weight(like, given: list) -> np.ndarray:
    """Return the weights of a block's rows; ones that are one number in memory where none are given."""
    if not given:
        return np.broadcast_to(np.ones((), like.dtype), like.shape[:1])
    weight = np.asarray(given[0])
    if weight.shape == like.shape[:1] and not weight.any():  # of one block: scikit-learn refuses that of all rows
        return np.zeros(weight.shape, like.dtype)
    return _check_sample_weight(weight, like, dtype=like.dtype, ensure_non_negative=True)
