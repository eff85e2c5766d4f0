"""A row of a table, moved over a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_mrtl.modes import Grid


def moved_over(X, i: int, grid: Grid, columns: Sequence):
    """Return row i of a table for each cell of a grid, with the centre of the cell in its columns."""
    points = np.meshgrid(*grid.centers(), indexing="ij")
    moved = {column: axis.ravel() for column, axis in zip(columns, points, strict=True)}
    if hasattr(X, "iloc"):
        return X.iloc[[i] * grid.size].reset_index(drop=True).assign(**moved)
    if hasattr(X, "columns"):  # of polars
        rows = X[[i] * grid.size]
        return rows.with_columns(*(type(rows[column])(column, values) for column, values in moved.items()))
    rows = np.asarray(X)[[i] * grid.size]
    rows = rows.astype(np.result_type(rows.dtype, float)) if rows.dtype != object else rows
    for column, values in moved.items():
        rows[:, column] = values
    return rows
