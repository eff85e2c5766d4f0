"""Predictions and scores for dask arrays, block by block."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import xlogy
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._estimators.layout import check_rows
from sklearn_mrtl._estimators.lazy_maps import maps_of_rows
from sklearn_mrtl._estimators.lazy_rows import in_chunks_of
from sklearn_mrtl._utils.arrays import as_one_array, is_dataarray, is_lazy
from sklearn_mrtl._utils.labels import align
from sklearn_mrtl._utils.lazy import check_blocks_of_rows


def by_blocks(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of X return a dask array, whose blocks are computed when they are needed, where X is one."""

    @wraps(method)
    def of_any(self, X):
        X = as_one_array(X)
        return lazy_result(self, method.__name__, X) if is_lazy(X) else method(self, X)

    return of_any


def lazy_result(estimator, name: str, X) -> Any:
    """Return a method's results on the blocks of X as a dask array."""
    check_is_fitted(estimator)
    layout = estimator.tensor_.layout
    X = align(X, layout.labels)
    check_blocks_of_rows(X)
    X = X.data if is_dataarray(X) else X
    check_rows(X.shape[1:], layout.row_shape)
    row = np.zeros((1, *layout.row_shape), estimator.tensor_.dtype)
    like = getattr(estimator, name)(sparse.csr_array(row) if sparse.issparse(X._meta) else row)
    # A table stays one on the way: where an axis is dropped, older versions of Dask join blocks, sparse ones too.
    columns = like.reshape(1, -1)
    drop = {} if X.ndim == 2 else {"drop_axis": list(range(1, X.ndim)), "new_axis": [1]}
    found = X.map_blocks(
        block_result, estimator=estimator, method=name, dtype=like.dtype, meta=columns[:0],
        chunks=(X.chunks[0], columns.shape[1:]), **drop,
    )  # fmt: skip
    return found[:, 0] if like.ndim == 1 else found if like.ndim == 2 else maps_of_rows(found, like.shape[1:])


def block_result(block, estimator, method: str) -> np.ndarray:
    """Return a method's result on one block, shape (n, columns)."""
    return getattr(estimator, method)(block).reshape(block.shape[0], -1)


def lazy_score(estimator, X, y, sample_weight=None) -> float:
    """Return R^2, D^2 or the accuracy from sums over the blocks."""
    from sklearn_mrtl.distributed import blocks_of

    form = estimator.tensor_.outputs.form
    predicted, y = form.columns(estimator.predict(X)), form.columns(y)
    arrays = [in_chunks_of(predicted, values, name)
              for name, values in (("y", y), ("sample_weight", sample_weight)) if values is not None]  # fmt: skip
    blocks = blocks_of(predicted, *arrays)
    is_classifier = hasattr(estimator, "classes_")
    total, sums = blocks.total(target_sums, is_classifier)
    if is_classifier:
        return float(sums[0] / total)
    is_log = estimator.tensor_.outputs.is_log
    left, all_ = blocks.total(deviances, sums / total, is_log)
    return float(np.mean(1 - left / np.where(all_ > 0, all_, 1)))


def pieces_of(pieces: tuple) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions and targets of a block as columns, and the weights."""
    _, predicted, y, *given = pieces
    weight = np.asarray(given[0], dtype=np.float64) if given else np.ones(len(predicted))
    return predicted.reshape(len(predicted), -1), np.asarray(y).reshape(len(predicted), -1), weight


def target_sums(pieces: tuple, is_classifier: bool) -> tuple[float, Any]:
    """Return the weight of a block, and the weighted sum of its targets, or of the classes that are predicted."""
    predicted, y, weight = pieces_of(pieces)
    values = predicted == y if is_classifier else y.astype(np.float64)
    return float(weight.sum()), weight @ values


def deviances(pieces: tuple, mean: np.ndarray, is_log: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the deviances of the predictions and of the mean, summed over a block, for each output."""
    predicted, y, weight = pieces_of(pieces)
    y = y.astype(np.float64)
    if not is_log:
        return weight @ (y - predicted) ** 2, weight @ (y - mean) ** 2
    of_both = [weight @ (2 * (xlogy(y, y / values) - y + values)) for values in (predicted, mean)]
    return of_both[0], of_both[1]
