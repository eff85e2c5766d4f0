"""Points in the columns of a table: x1, y1, x2, y2, ..., with NaN for an absent point."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import validate_data

from sklearn_mrtl._utils.arrays import FLOATS, unmasked
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin


class PointTransformer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Base of transformers from points to points of the plane, which keep float32.

    A subclass defines `fit`, `transform`, `get_feature_names_out` and `_whole_points`.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _points(self, X, *, reset: bool) -> np.ndarray:
        """Return X as a float ndarray, its points checked."""
        X = validate_data(self, unmasked(X), reset=reset, dtype=FLOATS, ensure_all_finite="allow-nan")
        return self._whole_points(X)

    def _whole_points(self, X: np.ndarray) -> np.ndarray:
        """Return X if its columns are the points that are needed; raise ValueError otherwise."""
        raise NotImplementedError


def check_points(X: np.ndarray, n_axes: int) -> None:
    """Raise ValueError for points that are NaN in part; X has shape (n_samples, n_points * n_axes)."""
    missing = np.isnan(X)
    partly = np.logical_or.reduce([missing[:, ::n_axes] != missing[:, axis::n_axes] for axis in range(n_axes)])
    if partly.any():
        row, point = np.argwhere(partly)[0]
        raise ValueError(
            f"{partly.sum()} points have some coordinates NaN and others not; the first is "
            f"{X[row, point * n_axes : (point + 1) * n_axes]}, point {point} of row {row}. A point that is absent has "
            "NaN everywhere."
        )


def split_points(X: np.ndarray, n_axes: int) -> np.ndarray:
    """Return the coordinates as an array of shape (n_axes, n_samples, n_points)."""
    return np.ascontiguousarray(np.moveaxis(X.reshape(len(X), -1, n_axes), -1, 0))
