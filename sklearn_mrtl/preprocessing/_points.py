"""Points in the columns of a table: x1, y1, x2, y2, ..., with NaN for an absent point."""

from __future__ import annotations

import numpy as np


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
