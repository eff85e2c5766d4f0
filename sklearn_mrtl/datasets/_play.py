"""Random frames of basketball play, for `make_shots`."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._utils.court import ARC_RADIUS, BASKET, BOX_BOUNDS, COURT_BOUNDS


def fill_frames(data, n_players, rng):
    """Fill rows of (player, handler, defenders or NaN) in place."""
    n = len(data)
    data[:, 0] = rng.integers(n_players, size=n)
    data[:, 1:3] = _inside(_handlers(n, rng), COURT_BOUNDS, data.dtype)
    defenders = data[:, 3:].reshape(n, -1, 2)
    defenders = _inside(_defenders(n, defenders.shape[1], rng), BOX_BOUNDS, data.dtype)
    data[:, 3:] = defenders.reshape(n, -1)


def _handlers(n, rng):
    """Return positions around the basket, along the arc and between; shape (n, 2)."""
    kind = rng.random(n)
    radius = np.where(
        kind < 0.25,
        np.abs(rng.normal(0, 5, n)),
        np.where(kind < 0.65, rng.normal(ARC_RADIUS + 1, 2, n), rng.uniform(6, 30, n)),
    )
    angle = rng.uniform(-0.6 * np.pi, 0.6 * np.pi, n)  # 0: from the basket along the court
    return np.stack([BASKET[0] + radius * np.cos(angle), BASKET[1] + radius * np.sin(angle)], axis=1)


def _defenders(n, max_defenders, rng):
    """Return the defenders' positions relative to the handler, NaN for none; shape (n, max_defenders, 2).

    The first stays close to the handler, between him and the basket; the others stand further apart.
    """
    spread = np.full(max_defenders, 3.0)
    spread[0] = 1.5
    positions = rng.normal(size=(n, max_defenders, 2)) * spread[:, None] + (0.0, 3.5)
    count = rng.binomial(max_defenders, 0.4, size=n)
    positions[np.arange(max_defenders) >= count[:, None]] = np.nan
    return positions


def _inside(points, bounds, dtype):
    """Return points with those out of bounds mirrored at the edges, so that low <= point < high in dtype; NaN stays."""
    low, high = np.transpose(bounds)
    width = high - low
    folded = low + width - np.abs((points - low) % (2 * width) - width)
    return np.minimum(folded.astype(dtype), np.nextafter(high.astype(dtype), low.astype(dtype)))
