"""How far observations are from predictions, and the terciles of the training targets."""

from __future__ import annotations

from math import inf, log
from typing import Any

import numpy as np
import torch

from sklearn_mrtl._estimators.core_samples import target_grid
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._estimators.terms import other_tensors
from sklearn_mrtl.core.losses import SquaredLoss

HALF_STEP = 0.61  # logarithm of the square root of 10 / 3, the ratio of penalties that are tried for a rank
TINY = 1e-300
SPREAD_ROWS = 256  # that tell how outputs differ in what is not explained: the standard error of a variance is 9 %
SPREAD = ("noise_std_", "tercile_edges_")  # the attributes


def spread_attributes(fitted: dict[str, Any], training: Rows, outputs: Outputs, loss: type) -> dict[str, Any]:
    """Return the standard deviation of observations about predictions, and terciles of the targets.

    The first is that of the blocks of rows which were left out in the choice of rank and penalties, and is missing
    where nothing was chosen.

    Parameters
    ----------
    fitted : dict
        Attributes of the fitted estimator.
    training : Rows
        With the core's targets (n, T).
    """
    if loss is not SquaredLoss:
        return {}
    targets = np.asarray(training.y, dtype=np.float64)
    edges = weighted_quantiles(targets, training.weight, (1 / 3, 2 / 3)) * outputs.scale + outputs.shift
    attributes: dict[str, Any] = {"tercile_edges_": outputs.form.shaped(edges)}
    error = left_out_error(fitted)
    if error is not None:
        error += variance_within_cells(fitted, training, outputs)
        variances = np.array([1.0])
        if outputs.number > 1:
            variances = unexplained(fitted, training, outputs)
        std = np.sqrt(error * variances) * outputs.scale
        shaped = outputs.form.shaped(std[None])[0]
        attributes["noise_std_"] = float(shaped) if np.ndim(shaped) == 0 else shaped
    return attributes


def lazy_spread_attributes(fitted: dict[str, Any], outputs: Outputs, loss: type) -> dict[str, Any]:
    """Return the standard deviation of observations about predictions after a fit to dask arrays.

    Of one output only: how several differ in what is not explained, and terciles, need targets at hand.
    """
    error = left_out_error(fitted) if loss is SquaredLoss and outputs.number == 1 else None
    return {} if error is None else {"noise_std_": float(np.sqrt(error) * outputs.scale[0])}


def left_out_error(fitted: dict[str, Any]) -> float | None:
    """Return the mean squared error, for standardized targets, on left-out blocks of the chosen rank and penalties.

    Of penalties between two that were tried it is the error of the nearer ones. None where nothing was chosen. Of
    several terms it is the least error that was found, for the ranks if these were chosen.
    """
    path = [tried for tried in fitted["alpha_path_"] if np.isfinite(tried["error"])]
    path = [tried for tried in path if "rank" in tried] or path
    if "alpha_l2_" in fitted:
        path = [tried for tried in path if distance(tried, fitted) < HALF_STEP]
        path = sorted(path, key=lambda tried: distance(tried, fitted))[:1]
    return min((float(tried["error"]) for tried in path), default=None)


def variance_within_cells(fitted: dict[str, Any], training: Rows, outputs: Outputs) -> float:
    """Return the fraction of a map's variance that the means over the coarsest cells, which errors are of, lack."""
    target = target_grid(outputs, torch.device("cpu"))
    if target is None:
        return 0.0
    y = torch.from_numpy(np.asarray(training.y, dtype=np.float64))
    coarse, _ = target.coarsen(y, fitted["resolutions_"][0][target.grid.name])
    squares = (np.square(values.numpy()) for values in (y, coarse))
    fine, means = (np.average(of_rows, axis=0, weights=training.weight).mean() for of_rows in squares)
    return max(0.0, float(fine - means))


def distance(tried: dict[str, Any], fitted: dict[str, Any]) -> float:
    """Return how far the penalties of a record are from those of the fit, as a logarithm; infinite at another rank."""
    if tried.get("rank", fitted["rank_"]) != fitted["rank_"]:
        return inf
    pairs = [(tried[name], fitted[f"{name}_"]) for name in ("alpha_spatial", "alpha_l2")]
    return max(abs(log(max(a, TINY) / max(b, TINY))) for a, b in pairs)


def unexplained(fitted: dict[str, Any], training: Rows, outputs: Outputs) -> np.ndarray:
    """Return the variance of each output that the fit leaves, relative to their mean, from some training rows."""
    step = max(1, len(training.y) // SPREAD_ROWS)
    rows = np.arange(0, len(training.y), step)
    tensor = fitted["tensor_"]
    scores, _ = tensor.scores(training.X[rows], others=other_tensors(fitted["terms_"], tensor))
    residuals = np.asarray(training.y)[rows] - (scores - outputs.shift) / outputs.scale
    squares = np.average(np.square(residuals, dtype=np.float64), axis=0, weights=training.weight[rows])
    return squares / squares.mean() if squares.mean() > 0 else np.ones_like(squares)


def weighted_quantiles(values: np.ndarray, weight: np.ndarray, quantiles: tuple[float, ...]) -> np.ndarray:
    """Return quantiles of columns (n, T) of weighted values, shape (len(quantiles), T)."""
    if (weight == weight[0]).all():
        return np.quantile(values, quantiles, axis=0)
    order = np.argsort(values, axis=0)
    ordered, weights = np.take_along_axis(values, order, 0), np.asarray(weight, dtype=np.float64)[order]
    ranks = (np.cumsum(weights, axis=0) - weights / 2) / weights.sum(axis=0)
    columns = zip(ranks.T, ordered.T, strict=True)
    return np.stack([np.interp(quantiles, rank, column) for rank, column in columns], axis=1)


def prediction_std(estimator, prediction):
    """Return the standard deviation of observations about predictions, in their shape.

    Raises
    ------
    ValueError
        If fit did not estimate it.
    """
    if not hasattr(estimator, "noise_std_"):
        given = {name: getattr(estimator, name) for name in ("loss", "rank", "alpha_spatial", "alpha_l2")}
        raise ValueError(
            "return_std=True needs errors on left-out rows, which fit has where it chooses the rank or the penalties "
            "of at least 100 rows with loss='squared_error', of dask arrays for one output; got "
            f"{', '.join(f'{name}={value!r}' for name, value in given.items())}."
        )
    return 0 * prediction + np.asarray(estimator.noise_std_, dtype=prediction.dtype)
