"""Models of the probability of a shot, for `make_shots`: one low-rank product, or a sum of terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.cluster import KMeans

from sklearn_mrtl.datasets._play import fill_frames

# Ranges of the bumps' standard deviations, in feet: six of them cover the court, or the box.
COURT_WIDTHS = (7.0, 10.0)
BOX_WIDTHS = (2.0, 3.0)
INTERCEPT_SPREAD = 0.3  # of players, in standard deviations of the signal

CALIBRATION_FRAMES = 20_000


def random_model(modes, n_components, max_defenders, positive_rate, best_auc, rng):
    """Return factors {mode name: (*shape, K)} and intercepts (n_players,), scaled to the rate and the AUC asked for."""
    player, court, box = modes
    frames, present = _calibration_frames(player.size, max_defenders, rng)
    raising, lowering = np.split(rng.permutation(_regions(present, 2 * n_components, rng)), 2)
    factors = {
        "player": _loadings(player.size, n_components, rng),
        "court": _bumps(court, _regions(frames[:, 1:3], n_components, rng), COURT_WIDTHS, rng),
        "defenders": _bumps(box, raising, BOX_WIDTHS, rng) - _bumps(box, lowering, BOX_WIDTHS, rng),
    }
    deviations = rng.normal(size=player.size)
    signal = true_logit(frames, modes, factors, np.zeros(player.size))
    spread = signal.std()
    deviations *= INTERCEPT_SPREAD * spread
    scale, shift = _calibrate(signal + deviations[frames[:, 0].astype(int)], positive_rate, best_auc)
    factors["player"] *= scale
    return factors, shift + scale * deviations


def random_sum(modes, terms: Sequence[tuple[str, ...]], n_components, max_defenders, positive_rate, best_auc, rng):
    """Return the factors of each term by its name, and the intercept, scaled to the rate and the AUC asked for.

    The scores of all terms have the same standard deviation. A term of one mode has one component. The mean over
    players is zero, so that a product with players and a term without them are told apart.
    """
    player, court, box = modes
    frames, present = _calibration_frames(player.size, max_defenders, rng)
    known, signals = {}, []
    for own in terms:
        factors = {}
        if "player" in own:
            numbers = rng.normal(size=(player.size, 1)) if len(own) == 1 else _loadings(player.size, n_components, rng)
            factors["player"] = numbers - numbers.mean(0)
        if "court" in own:
            factors["court"] = _bumps(court, _regions(frames[:, 1:3], n_components, rng), COURT_WIDTHS, rng)
        if "defenders" in own:
            raising, lowering = np.split(rng.permutation(_regions(present, 2 * n_components, rng)), 2)
            factors["defenders"] = _bumps(box, raising, BOX_WIDTHS, rng) - _bumps(box, lowering, BOX_WIDTHS, rng)
        if own == ("court",):
            signs = rng.permutation(np.resize([1.0, -1.0], n_components))
            factors["court"] = (factors["court"] * signs).sum(-1, keepdims=True)
        if own == ("defenders",):
            factors["defenders"] = factors["defenders"].sum(-1, keepdims=True)
        signal = term_logit(frames, modes, factors)
        factors[own[0]] /= signal.std()
        signals.append(signal / signal.std())
        known[" x ".join(own)] = factors
    scale, shift = _calibrate(np.sum(signals, axis=0), positive_rate, best_auc)
    for factors in known.values():
        first = next(iter(factors))
        factors[first] = factors[first] * scale
    return known, shift


def _calibration_frames(n_players, max_defenders, rng):
    """Return frames, and the positions of all defenders in them."""
    frames = np.empty((CALIBRATION_FRAMES, 3 + 2 * max_defenders))
    fill_frames(frames, n_players, rng)
    present = frames[:, 3:].reshape(-1, 2)
    return frames, present[~np.isnan(present[:, 0])]


def _loadings(n_players, n_components, rng):
    """Return loadings of shape (n_players, K): half of them are zero, and each player has at least one that is not."""
    loaded = rng.random((n_players, n_components)) < 0.5
    loaded[np.arange(n_players), rng.integers(n_components, size=n_players)] = True
    return loaded * rng.uniform(0.5, 1.5, loaded.shape)


def _regions(points, n_regions, rng):
    """Return the centres of regions that divide the points among them; shape (n_regions, 2)."""
    seed = int(rng.integers(2**31 - 1))
    return KMeans(n_regions, n_init=1, random_state=seed).fit(points[:2000]).cluster_centers_


def _bumps(grid, centers, widths, rng):
    """Return a Gaussian bump of height 1 around each center, at the cells' centers; shape (*grid.shape, K)."""
    width = rng.uniform(*widths, len(centers))
    x, y = grid.centers()
    square = (x[:, None, None] - centers[:, 0]) ** 2 + (y[:, None] - centers[:, 1]) ** 2
    return np.exp(-square / (2 * width**2))


def _calibrate(score, positive_rate, best_auc):
    """Return scale and shift with which sigmoid(scale * score + shift) has the rate and the AUC asked for."""
    score = np.sort(score)

    def shift(scale):
        reach = scale * np.abs(score).max() + 40
        return brentq(lambda b: expit(scale * score + b).mean() - positive_rate, -reach, reach, xtol=1e-6)

    def auc(scale):
        probability = expit(scale * score + shift(scale))
        other = 1 - probability
        return probability @ (np.cumsum(other) - other / 2) / (probability.sum() * other.sum())

    largest = 20 / score.std()  # beyond it the probability of nearly every frame is 0 or 1
    if auc(largest) < best_auc:
        raise ValueError(
            f"best_auc={best_auc} cannot be reached with positive_rate={positive_rate}: at most {auc(largest):.3f}."
        )
    scale = brentq(lambda s: auc(s) - best_auc, 0, largest, xtol=1e-4 / score.std())
    return scale, shift(scale)


def true_logit(data, modes, factors, intercept):
    """Return the true logit of each frame, of a product and an intercept for each player; shape (n,)."""
    return intercept[data[:, 0].astype(int)] + term_logit(data, modes, factors)


def term_logit(data, modes, factors):
    """Return the score of each frame by a term, of the modes that have factors; shape (n,)."""
    _, court, box = modes
    parts = []  # of shape (n, K)
    if "player" in factors:
        parts.append(factors["player"][data[:, 0].astype(int)])
    if "court" in factors:
        parts.append(factors["court"].reshape(court.size, -1)[_cells(data[:, 1:3], court)])
    if "defenders" in factors:
        defenders = data[:, 3:].reshape(len(data), -1, 2)
        # The last row, of zeros, is the cell of a defender who is not there.
        box_factor = np.pad(factors["defenders"].reshape(box.size, -1), ((0, 1), (0, 0)))  # (cells + 1, K)
        parts.append(sum(box_factor[_cells(defenders[:, i], box)] for i in range(defenders.shape[1])))
    return reduce(np.multiply, parts).sum(1)


def _cells(points, grid):
    """Return the flat index of each point's cell, shape (n,); ``grid.size`` for a NaN."""
    low, high = np.transpose(grid.bounds)
    absent = np.isnan(points[:, 0])
    position = (np.where(absent[:, None], low, points) - low) / (high - low) * grid.shape
    axes = np.minimum(position.astype(int), np.array(grid.shape) - 1).T
    return np.where(absent, grid.size, np.ravel_multi_index(tuple(axes), grid.shape))
