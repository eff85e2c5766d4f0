"""Means and squared deviations of parts of the data, joined."""

from __future__ import annotations

from typing import Any


def joined_moments(n, mean, squares, n_other, mean_other, squares_other) -> tuple[Any, Any, Any]:
    """Return the moments of two parts together (Chan, Golub and LeVeque 1979), numbers or arrays.

    Parameters
    ----------
    n, n_other
        Number of values of each part, or their weight.
    mean, mean_other
    squares, squares_other
        Sums of the squared deviations from the mean of the part.
    """
    total, apart = n + n_other, mean_other - mean
    part = n_other / (total + (total == 0))
    return total, mean + part * apart, squares + squares_other + n * part * apart**2
