"""Smooth random fields, and a low-rank model of what they do, for `make_ocean`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_mrtl._utils.windows import windows_of

# Range of the components' standard deviations. Were all of them the same, two could cancel out on a tiny grid.
STANDARD_DEVIATIONS = (0.75, 1.25)


def make_smoothers(shape: tuple[int, ...], smoothness: float) -> list[np.ndarray]:
    """Return a matrix (n, n) for each axis; together they make smooth noise of variance 1 of white noise.

    Each row is a Gaussian of norm 1.
    """
    width = smoothness * max(shape)
    smoothers = []
    for n in shape:
        distance = np.subtract.outer(np.arange(n), np.arange(n))
        smoother = np.exp(-((distance / width) ** 2) / 2)
        smoothers.append(smoother / np.linalg.norm(smoother, axis=1, keepdims=True))
    return smoothers


def random_fields(n_months, n_variables, smoothers, autocorrelation, rng) -> np.ndarray:
    """Return fields of variance 1, each correlated with that of the month before.

    Shape (n_months, n_variables, *shape).
    """
    fields = _smooth_noise(rng, n_months, n_variables, smoothers=smoothers)
    fields[1:] *= np.sqrt(1 - autocorrelation**2)
    for before, now in zip(fields, fields[1:], strict=False):
        now += autocorrelation * before
    return fields


def seasonal_cycle(n_variables, smoothers, rng) -> np.ndarray:
    """Return a wave of one year in each cell, of amplitude 1 on average over cells; shape (12, n_variables, *shape)."""
    phase = 2 * np.pi * np.arange(12) / 12
    waves = np.stack((np.cos(phase), np.sin(phase)), axis=1)  # (12, 2)
    return np.tensordot(waves, _smooth_noise(rng, 2, n_variables, smoothers=smoothers), axes=1)


def random_ocean(smoothers, land: float, rng) -> np.ndarray:
    """Return the mask of the ocean; land is where a smooth field is highest."""
    height = _smooth_noise(rng, smoothers=smoothers)
    ocean = np.ones(height.size, dtype=bool)
    n_land = min(round(land * height.size), height.size - 1)
    ocean[np.argsort(height, axis=None)[height.size - n_land :]] = False
    return ocean.reshape(height.shape)


def random_factors(n_lags, n_variables, n_components, smoothers, ocean, autocorrelation, rng) -> dict[str, np.ndarray]:
    """Return factors {mode name: (*shape, K)} whose components vary about equally, in a y of variance 1."""
    # Spread over all lags: components that act at the same lag would have no unique patterns.
    centers = (rng.permutation(n_components) + rng.uniform(size=n_components)) / n_components * (n_lags - 1)
    lags = np.exp(-((np.arange(n_lags)[:, None] - centers) ** 2) / 2)  # (L, K), a month or two to either side
    variables = rng.normal(size=(n_variables, n_components))
    patterns = _smooth_noise(rng, n_components, smoothers=smoothers) * ocean  # (K, *shape)

    months_apart = np.abs(np.subtract.outer(np.arange(n_lags), np.arange(n_lags)))
    across_lags = lags.T @ autocorrelation**months_apart @ lags  # (K, K)
    on_noise = _smooth(patterns, [smoother.T for smoother in smoothers]).reshape(n_components, -1) / ocean.size
    covariance = across_lags * (variables.T @ variables) * (on_noise @ on_noise.T)  # of the terms of y, (K, K)
    scale = np.sqrt(np.diag(covariance)) / rng.uniform(*STANDARD_DEVIATIONS, n_components)
    total = np.sqrt((covariance / np.outer(scale, scale)).sum())
    return {"lag": lags, "variable": variables / scale, "ocean": np.moveaxis(patterns, 0, -1) / total}


def true_signal(fields, factors) -> np.ndarray:
    """Return <W, X_n> of each month that has all lags, by eq. (2) without forming W; shape (n_samples,)."""
    lags, variables, ocean = factors.values()
    n_lags, n_components = lags.shape
    patterns = ocean.reshape(-1, n_components)
    projected = fields.reshape(*fields.shape[:2], -1) @ patterns / len(patterns)  # (n_months, V, K)
    projected = np.einsum("tvk,vk->tk", projected, variables)
    windows = windows_of(projected, np.arange(n_lags), slice(n_lags - 1, len(fields)))  # (n_samples, L, K)
    return np.einsum("tlk,lk->t", windows, lags)


def _smooth_noise(rng, *shape, smoothers) -> np.ndarray:
    """Return noise that is smooth along its last axes, one for each smoother."""
    return _smooth(rng.normal(size=(*shape, *map(len, smoothers))), smoothers)


def _smooth(values: np.ndarray, smoothers: Sequence[np.ndarray]) -> np.ndarray:
    """Apply each axis's matrix to the last axes of the values."""
    for smoother in smoothers:
        # tensordot puts the axis it works on last: after all of them they are in order again.
        values = np.tensordot(values, smoother, axes=([values.ndim - len(smoothers)], [1]))
    return values
