"""Rows of points: x1, y1, x2, y2, ..., with NaN for a point that is absent."""

from __future__ import annotations

import numpy as np


def split_points(X: np.ndarray, n_axes: int) -> np.ndarray:
    """Coordinates as (n_axes, n_samples, n_points), from X of shape (n_samples, n_points * n_axes).

    Raises
    ------
    ValueError
        If a point has some coordinates NaN and others not.
    """
    points = np.ascontiguousarray(np.moveaxis(X.reshape(len(X), -1, n_axes), -1, 0))
    missing = np.isnan(points)
    partly = missing.any(axis=0) != missing.all(axis=0)
    if partly.any():
        row, point = np.argwhere(partly)[0]
        raise ValueError(
            f"{partly.sum()} points have some coordinates NaN and others not; the first is "
            f"{points[:, row, point]}, point {point} of row {row}. A point that is absent has NaN everywhere."
        )
    return points
