"""What is held out of the training data for a criterion that needs it."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._estimators.parameters import validate_fraction
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl.core.settings import Settings

LARGE_SAMPLE = 10_000  # rows from which mini-batch solvers hold some out, as HistGradientBoosting does
N_RUNS = 4  # of consecutive rows: few, so that windows which overlap meet at few ends; many, so that all times count


def hold_out_if_needed(
    estimator, training: Rows, validation: Rows | None, settings: Settings
) -> tuple[Rows, Rows | None]:  # fmt: skip
    """Return training and validation rows; rows are held out where something needs them and none were given.

    Raises
    ------
    ValueError
        If they are needed, and `validation_fraction` holds none out, or all.
    """
    needs = estimator.criterion == "validation_loss" or (
        estimator.criterion == "auto" and settings.low_rank.solver.name != "lbfgs" and len(training.y) > LARGE_SAMPLE
    )
    if validation is not None or not needs:
        return training, validation
    if estimator.validation_fraction is None:
        raise ValueError(
            "criterion='validation_loss' needs validation data: give fit X_val and y_val, or set validation_fraction, "
            "got None."
        )
    fraction = validate_fraction("validation_fraction", estimator.validation_fraction)
    return hold_out(training, fraction, settings.seed)


def hold_out(rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Return training rows, and held-out rows: whole groups, or runs of consecutive rows where there are no groups.

    Raises
    ------
    ValueError
        If no training rows are left.
    """
    random = np.random.RandomState(seed)
    if rows.groups is None:
        held = held_out_rows(len(rows.y), fraction, random)
    else:
        held = held_out_groups(rows.groups, fraction, random)
    if held.all():
        raise ValueError(f"validation_fraction={fraction} leaves no training rows of {len(held)} sample(s).")
    return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))


def held_out_rows(n: int, fraction: float, random: np.random.RandomState) -> np.ndarray:
    """Return whether each of n rows is held out: a run in each of a few stretches, at a random place there."""
    n_held = int(np.ceil(fraction * n))
    n_runs = min(N_RUNS, n_held)
    held = np.zeros(n, dtype=bool)
    for i in range(n_runs):
        first, end = i * n // n_runs, (i + 1) * n // n_runs
        length = min((i + 1) * n_held // n_runs - i * n_held // n_runs, end - first)
        start = first + random.randint(end - first - length + 1)
        held[start : start + length] = True
    return held


def held_out_groups(groups: np.ndarray, fraction: float, random: np.random.RandomState) -> np.ndarray:
    """Return whether each row is held out: random groups, until they hold the fraction of the rows."""
    counts = np.bincount(groups)
    order = random.permutation(len(counts))
    n_before = np.cumsum(counts[order]) - counts[order]
    return np.isin(groups, order[n_before < fraction * len(groups)])
