"""Blocks of consecutive steps of time, and the gaps between the sides of a split."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils.validation import _num_samples

from sklearn_mrtl._utils.time import find_time

TRAIN, VALIDATION, TEST = range(3)

TIME_OF_STEPS = """\
Steps are counted between the different times of the rows, in their order, where the times are known: from ``time=``
(in searches as scikit-learn's metadata, ``set_split_request(time=True)``) or from X, which may be a DataArray with
a coordinate "time" along its first dimension, or have a pandas time index. Rows may then be in any order, and rows
of the same time stay together. Where times are not known, rows must be in the order of time, as `lag_windows`
returns them."""

GAP = """\
gap : int, default=0
    Steps of time left out between two sides. For the windows of `lag_windows`, ``max(lags) + lead``: then no field
    and no target of one side is in a row of another."""


SPLIT = """\
Parameters
----------
X : array-like of shape (n, ...)
y, groups : ignored
time : array-like of shape (n,), default=None
    Times of the rows, where X does not carry them.

Yields
------
train, test : ndarray of int
    Row numbers, ascending."""


def check_count(name: str, value, least: int) -> None:
    """Raise ValueError unless a parameter is an int of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}, got {value!r}.")


def steps_of_rows(X, time) -> tuple[np.ndarray, int]:
    """Return the rank of each row's time among the different times, shape (n,), and the number of these."""
    time = find_time(X, time)
    if time is None:
        n = _num_samples(X)
        return np.arange(n), n
    times, step = np.unique(time, return_inverse=True)
    return step, len(times)


def steps_and_blocks(X, time, name: str, n_blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the step of each row, shape (n,), and the block of each step, shape (n_steps,).

    Blocks are of equal length but for one step.

    Parameters
    ----------
    name : str
        Name of the parameter that gives the number of blocks.

    Raises
    ------
    ValueError
        If there are fewer steps than blocks.
    """
    step, n_steps = steps_of_rows(X, time)
    if n_steps < n_blocks:
        raise ValueError(f"{name}={n_blocks} needs rows of at least as many times, got {n_steps}.")
    return step, np.arange(n_steps) * n_blocks // n_steps


def without_gaps(side: np.ndarray, gap: int) -> np.ndarray:
    """Return the sides of steps, shape (n,), with -1 for the steps that the gaps take.

    A gap takes the steps no more than `gap` away from a side of higher rank: test, then validation, then training.
    """
    kept, step = side.copy(), np.arange(len(side))
    gap = min(gap, len(side))
    start, stop = np.maximum(step - gap, 0), np.minimum(step + gap + 1, len(side))
    for which in (VALIDATION, TEST):
        n_before = np.concatenate(([0], np.cumsum(side == which)))  # of its steps, before each step
        near = n_before[stop] > n_before[start]
        kept[near & (side < which)] = -1
    return kept


def rows_of_side(which: int, side: np.ndarray, gap: int) -> np.ndarray:
    """Return the rows of a side; raise ValueError where the gaps leave none."""
    rows = np.flatnonzero(side == which)
    if not len(rows):
        name = ("train", "validate", "test")[which]
        raise ValueError(f"gap={gap} leaves no rows to {name} on; fewer and longer blocks lose fewer rows.")
    return rows
