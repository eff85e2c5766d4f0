"""Skill: how much smaller squared errors are than those of a reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def skill_of(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    reference: np.ndarray | None = None,
    sample_weight: ArrayLike | None = None,
) -> np.ndarray:
    """Return 1 - MSE / MSE of a reference for each output, over the rows in which all of them are known.

    Parameters
    ----------
    y_true, y_pred, reference : ndarray of shape (n, ...)
        Without a reference it is the mean of y_true, and the skill is R².
    sample_weight : array-like of shape (n,), default=None

    Returns
    -------
    ndarray of the shape of a row
        NaN where nothing is known, or the reference makes no error.
    """
    known = known_rows(y_true, y_pred, *([] if reference is None else [reference]))
    reference = mean(y_true, known, sample_weight) if reference is None else reference
    errors, errors_of_reference = (mean((y_true - y) ** 2, known, sample_weight) for y in (y_pred, reference))
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = 1 - errors / errors_of_reference
    return np.where((errors_of_reference > 0) & known.any(axis=0), skill, np.nan)


def correlation_of(y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
    """Return the correlation of predictions (n, ...) with each output; NaN where one of them never changes."""
    known = known_rows(y_true, y_pred)
    first, second = (y - mean(y, known) for y in (y_true, y_pred))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = mean(first * second, known) / np.sqrt(mean(first**2, known) * mean(second**2, known))
    return np.where(np.isfinite(correlation) & known.any(axis=0), correlation, np.nan)


def known_rows(*values: np.ndarray) -> np.ndarray:
    """Return where none of the values is NaN."""
    return ~np.any([np.isnan(one) for one in values], axis=0)


def mean(values: np.ndarray, known: np.ndarray, sample_weight: ArrayLike | None = None) -> np.ndarray:
    """Return the weighted mean of the known rows of values (n, ...)."""
    weight = known.astype(float)
    if sample_weight is not None:
        weight *= np.reshape(np.asarray(sample_weight, dtype=float), (-1, *[1] * (known.ndim - 1)))
    total = weight.sum(axis=0)
    return (np.where(known, values, 0) * weight).sum(axis=0) / np.where(total > 0, total, 1)
