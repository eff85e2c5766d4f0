"""Errors on the same left-out blocks, compared block by block.

Blocks differ far more from one another than two models do on the same block. So the standard error of a difference is
that of the paired differences.
"""

from __future__ import annotations

from math import inf

from torch import Tensor


def is_within(errors: Tensor, least: Tensor, n_errors: float) -> bool:
    """Return whether errors exceed the least ones by at most so many standard errors of the paired differences.

    Parameters
    ----------
    errors, least : Tensor of shape (B,)
        Errors on the same blocks.
    n_errors : float
    """
    excess = (errors - least).double()
    return float(excess.mean()) <= n_errors * standard_error(excess)


def standard_error(values: Tensor) -> float:
    """Return the standard error of a mean; infinite for a single value, which tells nothing of it."""
    return float(values.std(correction=1)) / len(values) ** 0.5 if len(values) > 1 else inf
