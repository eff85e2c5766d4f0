"""Simulated frames of basketball play, and shots that follow a low-rank model of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit
from sklearn.utils import Bunch

from sklearn_mrtl._utils.court import BOX_BOUNDS, COURT_BOUNDS
from sklearn_mrtl.datasets._frames import frame_names, frames_as_pandas, import_pandas
from sklearn_mrtl.datasets._play import fill_frames
from sklearn_mrtl.datasets._shots_model import random_model, random_sum, term_logit
from sklearn_mrtl.datasets._simulation import check_counts, check_float_type, check_interval, spawn_generators
from sklearn_mrtl.modes import Feature, Grid, check_shape

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
    terms: Sequence[str | tuple[str, ...]] | None = None,
    dtype=np.float64,
    as_frame: bool = False,
    random_state=None,
) -> Bunch:
    r"""Simulate frames of basketball play, each followed by a shot or not as a low-rank model has it.

    A frame has a player who handles the ball, the place where he stands and 0 to ``max_defenders`` defenders near him.
    With court cell c and the box cells d of its defenders, player p shoots with probability sigmoid(z),

    .. math:: z = b_p + \sum_k A_{pk} B_{ck} \sum_d C_{dk}

    (Park et al., 2020, eq. (2) with a sigmoid). Each component k has a region of the court, where B is a bump of height
    1; a place in the box where a defender raises the probability and another where he lowers it (the positive and
    the negative bump of C); and the players to whom this happens (about half of the loadings A are zero, the others
    positive).

    With `terms` z is a sum of terms of some of the modes, such as ``["player", "court", "defenders"]``: a number for
    each player, a map of the court of K bumps of both signs, a map of the box, and products as above. In such a sum the
    columns of A have mean 0: what all players share is in the terms without them.

    A frame without defenders has z = b_p: its encoding of the box is zero, and so is the outer product of its
    encodings, whatever the place on the court. The estimators treat such frames in the same way.

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
        Number K of components.
    max_defenders : int, default=5
        Largest number of defenders in a frame; each is in the box with probability 0.4.
    positive_rate : float, default=0.25
        Fraction of frames with a shot, in (0, 1).
    best_auc : float, default=0.81
        AUC of the true logit, the best that a model can reach, in (0.5, 1). The weights are scaled to meet this and
        ``positive_rate`` on average over frames.
    terms : list of names and tuples of names, default=None
        Of "player", "court" and "defenders", as the estimators have them. The scores of all terms have the same
        standard deviation. ``None``: the product of all three, and an intercept for each player.
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
        intercept : float64 array of shape (n_players,), or float with `terms`
            The true b.
        terms : dict of str to dict of float64 arrays
            The factors of each term by its name, such as "court" or "player x court". `factors` are those of the first
            with the most modes.
        modes : tuple of Feature and Grid
            The modes of the true weights, in the order of ``data``, with the bounds of the grids in feet.

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
    Feature('player', size=50)
    """
    check_counts(n_samples=n_samples, n_players=n_players, n_components=n_components, max_defenders=max_defenders)
    check_interval("positive_rate", positive_rate, 0, 1, closed="neither")
    check_interval("best_auc", best_auc, 0.5, 1, closed="neither")
    check_float_type(dtype)
    modes = (
        Feature("player", n_players),
        Grid("court", _two_axes("court_shape", court_shape), bounds=COURT_BOUNDS),
        Grid("defenders", _two_axes("box_shape", box_shape), bounds=BOX_BOUNDS),
    )

    if as_frame:
        import_pandas("make_shots")

    factor_rng, frame_rng = spawn_generators(random_state, 2)
    wanted = n_components, max_defenders, positive_rate, best_auc, factor_rng
    names = None if terms is None else _names_of_terms(terms, modes)
    if names is None:
        factors, intercept = random_model(modes, *wanted)
        known, intercepts = {" x ".join(factors): factors}, intercept
    else:
        known, intercept = random_sum(modes, names, *wanted)
        factors, intercepts = max(known.values(), key=len), np.full(n_players, intercept)

    data = np.empty((n_samples, 3 + 2 * max_defenders), dtype=dtype)
    logit = np.empty(n_samples)
    for start in range(0, n_samples, CHUNK):
        rows = slice(start, start + CHUNK)
        fill_frames(data[rows], n_players, frame_rng)
        logit[rows] = intercepts[data[rows, 0].astype(int)]
        for own in known.values():
            logit[rows] += term_logit(data[rows], modes, own)
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
        terms=known,
        modes=modes,
    )


def _names_of_terms(terms, modes) -> list[tuple[str, ...]]:
    """Return the names of the modes of each term, in the order of the modes."""
    order = [mode.name for mode in modes]
    if isinstance(terms, str) or not all(isinstance(own, str | tuple) for own in terms):
        raise TypeError(f"terms must be None or a list of names and tuples of names, got {terms!r}.")
    names = [(own,) if isinstance(own, str) else own for own in terms]
    for own in names:
        if not own or len(set(own)) < len(own) or not set(own) <= set(order):
            raise ValueError(f"each of terms must name some of {order} once, got {own!r}.")
    names = [tuple(sorted(own, key=order.index)) for own in names]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"terms must be at least one, all different, got {terms!r}.")
    return names


def _two_axes(name, shape):
    shape = check_shape(name, shape)
    if len(shape) != 2:
        raise ValueError(f"{name} must have 2 axes, got {shape}.")
    return shape
