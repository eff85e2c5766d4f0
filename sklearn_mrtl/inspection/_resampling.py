"""Rows drawn with replacement, in blocks that stay together."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length, check_scalar, column_or_1d

RESAMPLE = ("block bootstrap", "groups")


def checked_length(block_length, n_rows: int) -> int:
    """Return the number of rows of a block; None stands for the cube root of the number of rows."""
    length = max(1, round(n_rows ** (1 / 3))) if block_length is None else block_length
    return int(check_scalar(length, "block_length", Integral, min_val=1, max_val=n_rows))


def draw_blocks(n: int, length: int, rng) -> np.ndarray:
    """Draw n rows in blocks of consecutive rows. Blocks wrap around, so that all rows are equally likely."""
    starts = rng.randint(n, size=-(-n // length))
    return ((starts[:, None] + np.arange(length)) % n).ravel()[:n]


def draw_counts(resample: str, n_resamples: int, n_rows: int, groups, block_length, rng) -> np.ndarray:
    """Return how often each row is drawn, shape (n_resamples, n_rows).

    Raises
    ------
    ValueError
        If `resample` is unknown, or groups are missing, too few, or given in vain.
    """
    if resample not in RESAMPLE:
        raise ValueError(f"resample must be one of {RESAMPLE}, got {resample!r}.")
    if resample == "block bootstrap":
        if groups is not None:
            raise ValueError("groups are for resample='groups', got resample='block bootstrap'.")
        length = checked_length(block_length, n_rows)
        drawn = [draw_blocks(n_rows, length, rng) for _ in range(n_resamples)]
        return np.stack([np.bincount(rows, minlength=n_rows) for rows in drawn])
    if groups is None:
        raise ValueError("resample='groups' needs groups=, one for each row, got None.")
    groups = column_or_1d(np.asarray(groups))
    check_consistent_length(np.empty(n_rows), groups)
    names, number = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"groups must hold at least 2 groups, got {len(names)}.")
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_resamples)
    return counts[:, number]
