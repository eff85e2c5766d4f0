"""Frames of basketball play whose chance of a shot follows a planted CP model."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.cluster import KMeans
from sklearn.utils import Bunch, check_random_state, check_scalar

from sklearn_mrtl._utils.court import ARC_RADIUS, BASKET, BOX_BOUNDS, COURT_BOUNDS
from sklearn_mrtl.datasets._frames import frame_names, frames_as_pandas
from sklearn_mrtl.modes import Feature, Grid, check_shape

# Ranges of the bumps' standard deviations: broad enough for six of them to cover the court, or the box.
COURT_WIDTHS = (7.0, 10.0)
BOX_WIDTHS = (2.0, 3.0)
INTERCEPT_SPREAD = 0.3  # of players, in standard deviations of the signal

CALIBRATION_FRAMES = 20_000
CHUNK = 131_072  # frames made at once, so that millions need little more memory than the result


def make_shots(
    n_samples: int = 10_000,
    *,
    n_players: int = 50,
    court_shape: tuple[int, int] = (40, 50),
    box_shape: tuple[int, int] = (12, 12),
    n_components: int = 6,
    max_defenders: int = 5,
    positive_rate: float = 0.25,
    best_auc: float = 0.81,
    dtype=np.float64,
    as_frame: bool = False,
    random_state=None,
) -> Bunch:
    r"""Make frames of basketball play, a shot or none, from a planted low-rank model.

    A frame has a player who handles the ball, the place where he stands and 0 to ``max_defenders`` defenders near him.
    With court cell c and the box cells d of its defenders, player p shoots with the chance sigmoid(z),

    .. math:: z = b_p + \sum_k A_{pk} B_{ck} \sum_d C_{dk}

    (Park et al., 2020, eq. (2) with a sigmoid). Each component k has a region of the court, where B is a bump of height
    1; a place in the box where a defender raises the chance and another where he lowers it (the positive and the
    negative bump of C); and the players to whom this happens (about half of the loadings A are zero, the others
    positive).

    A frame without defenders has z = b_p: its encoding of the box is zero, and so is the outer product of its
    encodings, whatever the place on the court. This is how the model treats such frames, not a special case here.

    Parameters
    ----------
    n_samples : int, default=10_000
        Number of frames.
    n_players : int, default=50
        Number of players, who appear equally often.
    court_shape : (int, int), default=(40, 50)
        Cells along the court's length and width (40 x 50 feet) in which B is constant.
    box_shape : (int, int), default=(12, 12)
        Cells across and along the way to the basket (12 x 12 feet) in which C is constant.
    n_components : int, default=6
        Number K of planted components.
    max_defenders : int, default=5
        Most defenders in a frame; each is in the box with a chance of 0.4.
    positive_rate : float, default=0.25
        Share of frames with a shot, in (0, 1).
    best_auc : float, default=0.81
        AUC of the true logit, the best that a model can reach, in (0.5, 1). The weights are scaled to meet this and
        ``positive_rate`` on average over frames.
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        Type of ``data``. float32 halves the memory of large problems (6 million frames: 312 MB).
    as_frame : bool, default=False
        Return ``data`` as a :class:`pandas.DataFrame` and ``target`` as a :class:`pandas.Series`.
    random_state : int, RandomState instance or None, default=None
        Seed of factors and frames. The factors do not depend on ``n_samples``.

    Returns
    -------
    shots : :class:`~sklearn.utils.Bunch`
        Dictionary-like, with the following attributes.

        data : array of shape (n_samples, 3 + 2 * max_defenders)
            player (0 to n_players - 1); x and y of the handler in feet, from the baseline and the sideline (the
            basket is at (5.25, 25)); x and y of each defender in feet, seen from the handler with the y axis to the
            basket. NaN where there is no defender; those of a frame come first.
        feature_names : list of str
            "player", "x", "y", "defender_1_x", "defender_1_y", ...
        target : int array of shape (n_samples,)
            1 for a shot.
        logit : float64 array of shape (n_samples,)
            The true z.
        factors : dict of float64 arrays
            The true weights: A as "player" (n_players, K), B as "court" (\*court_shape, K), C as "defenders"
            (\*box_shape, K).
        intercept : float64 array of shape (n_players,)
            The true b.
        modes : tuple of Feature and Grid
            The modes of the planted tensor, in the order of ``data``, with the bounds of the grids in feet.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or no scale of the weights reaches ``best_auc``.
    ImportError
        If ``as_frame=True`` and pandas is not installed.

    Examples
    --------
    >>> from sklearn_mrtl.datasets import make_shots
    >>> shots = make_shots(1000, random_state=0)
    >>> shots.data.shape, shots.feature_names[:5]
    ((1000, 13), ['player', 'x', 'y', 'defender_1_x', 'defender_1_y'])
    >>> {name: factor.shape for name, factor in shots.factors.items()}
    {'player': (50, 6), 'court': (40, 50, 6), 'defenders': (12, 12, 6)}
    >>> shots.modes[0]
    Feature('player', size=50, intercept=True)
    """
    for name, value in {
        "n_samples": n_samples,
        "n_players": n_players,
        "n_components": n_components,
        "max_defenders": max_defenders,
    }.items():
        check_scalar(value, name, Integral, min_val=1)
    check_scalar(positive_rate, "positive_rate", Real, min_val=0, max_val=1, include_boundaries="neither")
    check_scalar(best_auc, "best_auc", Real, min_val=0.5, max_val=1, include_boundaries="neither")
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}.")
    modes = (
        Feature("player", n_players, intercept=True),
        Grid("court", _two_axes("court_shape", court_shape), bounds=COURT_BOUNDS),
        Grid("defenders", _two_axes("box_shape", box_shape), bounds=BOX_BOUNDS),
    )

    seed = check_random_state(random_state).randint(2**31 - 1)
    factor_rng, frame_rng = np.random.default_rng(seed).spawn(2)
    factors, intercept = _plant(modes, n_components, max_defenders, positive_rate, best_auc, factor_rng)

    data = np.empty((n_samples, 3 + 2 * max_defenders), dtype=dtype)
    logit = np.empty(n_samples)
    for start in range(0, n_samples, CHUNK):
        rows = slice(start, start + CHUNK)
        _fill_frames(data[rows], n_players, frame_rng)
        logit[rows] = _logit(data[rows], modes, factors, intercept)
    target = (frame_rng.random(n_samples) < expit(logit)).astype(np.int64)

    feature_names = frame_names(max_defenders)
    if as_frame:
        data, target = frames_as_pandas(data, feature_names, target, integers=["player"], caller="make_shots")
    return Bunch(
        data=data,
        feature_names=feature_names,
        target=target,
        logit=logit,
        factors=factors,
        intercept=intercept,
        modes=modes,
    )


def _two_axes(name, shape):
    shape = check_shape(name, shape)
    if len(shape) != 2:
        raise ValueError(f"{name} must have 2 axes, got {shape}.")
    return shape


# The planted model


def _plant(modes, n_components, max_defenders, positive_rate, best_auc, rng):
    """Factors {mode name: (*shape, K)} and intercepts (n_players,), scaled to the rate and the AUC asked for."""
    player, court, box = modes
    frames = np.empty((CALIBRATION_FRAMES, 3 + 2 * max_defenders))
    _fill_frames(frames, player.size, rng)
    present = frames[:, 3:].reshape(-1, 2)
    present = present[~np.isnan(present[:, 0])]

    raising, lowering = np.split(rng.permutation(_regions(present, 2 * n_components, rng)), 2)
    factors = {
        "player": _loadings(player.size, n_components, rng),
        "court": _bumps(court, _regions(frames[:, 1:3], n_components, rng), COURT_WIDTHS, rng),
        "defenders": _bumps(box, raising, BOX_WIDTHS, rng) - _bumps(box, lowering, BOX_WIDTHS, rng),
    }
    deviations = rng.normal(size=player.size)
    signal = _logit(frames, modes, factors, np.zeros(player.size))
    spread = signal.std()
    deviations *= INTERCEPT_SPREAD * spread
    scale, shift = _calibrate(signal + deviations[frames[:, 0].astype(int)], positive_rate, best_auc)
    factors["player"] *= scale
    return factors, shift + scale * deviations


def _loadings(n_players, n_components, rng):
    """Half of them zero, no player without any; shape (n_players, K)."""
    loaded = rng.random((n_players, n_components)) < 0.5
    loaded[np.arange(n_players), rng.integers(n_components, size=n_players)] = True
    return loaded * rng.uniform(0.5, 1.5, loaded.shape)


def _regions(points, n_regions, rng):
    """Places that share out the points between them; shape (n_regions, 2)."""
    seed = int(rng.integers(2**31 - 1))
    return KMeans(n_regions, n_init=1, random_state=seed).fit(points[:2000]).cluster_centers_


def _bumps(grid, centers, widths, rng):
    """A Gaussian bump of height 1 around each center, at the cells' centers; shape (*grid.shape, K)."""
    width = rng.uniform(*widths, len(centers))
    x, y = grid.centers()
    square = (x[:, None, None] - centers[:, 0]) ** 2 + (y[:, None] - centers[:, 1]) ** 2
    return np.exp(-square / (2 * width**2))


def _calibrate(score, positive_rate, best_auc):
    """Scale and shift with which sigmoid(scale * score + shift) has the rate and the expected AUC asked for."""
    score = np.sort(score)

    def shift(scale):
        reach = scale * np.abs(score).max() + 40
        return brentq(lambda b: expit(scale * score + b).mean() - positive_rate, -reach, reach, xtol=1e-6)

    def auc(scale):
        chance = expit(scale * score + shift(scale))
        none = 1 - chance
        return chance @ (np.cumsum(none) - none / 2) / (chance.sum() * none.sum())

    largest = 20 / score.std()  # beyond this nearly every frame is certain
    if auc(largest) < best_auc:
        raise ValueError(
            f"best_auc={best_auc} cannot be reached with positive_rate={positive_rate}: at most {auc(largest):.3f}."
        )
    scale = brentq(lambda s: auc(s) - best_auc, 0, largest, xtol=1e-4 / score.std())
    return scale, shift(scale)


def _logit(data, modes, factors, intercept):
    """The true logit of each frame; shape (n,)."""
    _, court, box = modes
    player = data[:, 0].astype(int)
    defenders = data[:, 3:].reshape(len(data), -1, 2)
    # One more row of zeros: the cell of a defender who is not there.
    box_factor = np.pad(factors["defenders"].reshape(box.size, -1), ((0, 1), (0, 0)))  # (cells + 1, K)
    around = sum(box_factor[_cells(defenders[:, i], box)] for i in range(defenders.shape[1]))  # (n, K)
    at = factors["court"].reshape(court.size, -1)[_cells(data[:, 1:3], court)]  # (n, K)
    return intercept[player] + np.einsum("nk,nk,nk->n", factors["player"][player], at, around)


def _cells(points, grid):
    """Flat index of each point's cell, shape (n,); ``grid.size`` for a NaN."""
    low, high = np.transpose(grid.bounds)
    absent = np.isnan(points[:, 0])
    position = (np.where(absent[:, None], low, points) - low) / (high - low) * grid.shape
    axes = np.minimum(position.astype(int), np.array(grid.shape) - 1).T
    return np.where(absent, grid.size, np.ravel_multi_index(tuple(axes), grid.shape))


# The play


def _fill_frames(data, n_players, rng):
    """Fill rows of (player, handler, defenders or NaN) in place."""
    n = len(data)
    data[:, 0] = rng.integers(n_players, size=n)
    data[:, 1:3] = _inside(_handlers(n, rng), COURT_BOUNDS, data.dtype)
    defenders = data[:, 3:].reshape(n, -1, 2)
    defenders = _inside(_defenders(n, defenders.shape[1], rng), BOX_BOUNDS, data.dtype)
    data[:, 3:] = defenders.reshape(n, -1)


def _handlers(n, rng):
    """Positions around the basket, along the arc and between; shape (n, 2)."""
    kind = rng.random(n)
    radius = np.where(
        kind < 0.25,
        np.abs(rng.normal(0, 5, n)),
        np.where(kind < 0.65, rng.normal(ARC_RADIUS + 1, 2, n), rng.uniform(6, 30, n)),
    )
    angle = rng.uniform(-0.6 * np.pi, 0.6 * np.pi, n)  # 0: from the basket along the court
    return np.stack([BASKET[0] + radius * np.cos(angle), BASKET[1] + radius * np.sin(angle)], axis=1)


def _defenders(n, max_defenders, rng):
    """The first guards the handler, between him and the basket, others help; NaN for none; shape (n, max, 2)."""
    spread = np.full(max_defenders, 3.0)
    spread[0] = 1.5
    positions = rng.normal(size=(n, max_defenders, 2)) * spread[:, None] + (0.0, 3.5)
    count = rng.binomial(max_defenders, 0.4, size=n)
    positions[np.arange(max_defenders) >= count[:, None]] = np.nan
    return positions


def _inside(points, bounds, dtype):
    """Fold what lies outside back in at the edges, keep NaN; low <= points < high, in dtype."""
    low, high = np.transpose(bounds)
    width = high - low
    folded = low + width - np.abs((points - low) % (2 * width) - width)
    return np.minimum(folded.astype(dtype), np.nextafter(high.astype(dtype), low.astype(dtype)))
