"""Parameters and random numbers of simulated data."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state, check_scalar

FLOATS = (np.float32, np.float64)


def check_counts(**values) -> None:
    """Refuse numbers of things that are no positive ints, by the names of the parameters."""
    for name, value in values.items():
        check_scalar(value, name, Integral, min_val=1)


def check_interval(name: str, value, low: float, high: float | None, *, closed: str) -> None:
    """Refuse a number outside an interval, whose "left" or "right" end, or "neither", belongs to it."""
    check_scalar(value, name, Real, min_val=low, max_val=high, include_boundaries=closed)


def check_float_type(dtype) -> None:
    """Refuse a dtype that is neither float32 nor float64."""
    if np.dtype(dtype) not in FLOATS:
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}.")


def spawn_generators(random_state, n: int) -> list[np.random.Generator]:
    """Return independent generators of one seed, so that the size of one part does not change another."""
    seed = check_random_state(random_state).randint(2**31 - 1)
    return np.random.default_rng(seed).spawn(n)
