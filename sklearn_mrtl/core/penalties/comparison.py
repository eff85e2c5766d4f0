"""Errors on the same left-out blocks, compared block by block.

Blocks differ far more from one another than two models do on the same block. So the standard error of a difference is
that of the paired differences.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isinf

from torch import Tensor


def is_within(errors: Tensor, least: Tensor, n_errors: float) -> bool:
    """Return whether errors exceed the least ones by at most so many standard errors of the paired differences.

    Parameters
    ----------
    errors, least : Tensor of shape (B,)
        Errors on the same blocks.
    n_errors : float
    """
    return excess(errors, least) <= n_errors


def excess(errors: Tensor, least: Tensor) -> float:
    """Return by how many standard errors of the paired differences errors exceed others.

    Parameters
    ----------
    errors, least : Tensor of shape (B,)
        Errors on the same blocks; the first ones count where either are fewer.
    """
    differences = paired_differences(errors, least)
    mean, error = float(differences.mean()), standard_error(differences)
    if error > 0:
        return mean / error
    return inf if mean > 0 else 0.0


def paired_differences(errors: Tensor, others: Tensor) -> Tensor:
    """Return by how much errors exceed others on the first blocks, as many as both know."""
    n_blocks = min(len(errors), len(others))
    return (errors[:n_blocks] - others[:n_blocks]).double()


def is_gain(errors: Tensor, before: Tensor, enough: float, n_errors: float) -> bool:
    """Return whether errors are below others by more than enough, and by more than so many paired standard errors.

    Parameters
    ----------
    errors, before : Tensor of shape (B,)
        Errors on the same blocks.
    enough : float
        Least difference of the means that counts.
    n_errors : float
    """
    return float(before.mean()) - float(errors.mean()) > enough and not is_within(before, errors, n_errors)


def strongest_within(errors: Mapping[float, Tensor], n_errors: float) -> float:
    """Return the strongest penalty whose errors exceed the least ones by at most so many paired standard errors.

    Between the strengths that were tried the excess is taken to be linear in their logarithm. So a little more or less
    of it, from rounding, changes the strength a little: nothing is decided at a threshold.

    Parameters
    ----------
    errors : mapping of float to Tensor of shape (B,)
        Errors on the same blocks at each strength.
    n_errors : float
    """
    least = min(errors.values(), key=lambda values: float(values.mean()))
    strengths = sorted(errors, reverse=True)
    excesses = [excess(errors[strength], least) for strength in strengths]
    first = next(n for n, value in enumerate(excesses) if value <= n_errors)
    if first == 0 or isinf(excesses[first - 1]):
        return strengths[first]
    (stronger, beyond), (weaker, within) = ((strengths[n], excesses[n]) for n in (first - 1, first))
    return float(stronger * (weaker / stronger) ** ((beyond - n_errors) / (beyond - within)))


def standard_error(values: Tensor) -> float:
    """Return the standard error of a mean; infinite for a single value, which tells nothing of it."""
    return float(values.std(correction=1)) / len(values) ** 0.5 if len(values) > 1 else inf
