"""Player-tracking data of SportVU as frames of half-court play."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.utils import Bunch, check_scalar

from sklearn_mrtl._utils.court import COURT_BOUNDS, LENGTH, RIM_HEIGHT, WIDTH
from sklearn_mrtl.datasets._frames import frame_names, frames_as_pandas
from sklearn_mrtl.datasets._sportvu_file import Moments, read_game
from sklearn_mrtl.datasets._sportvu_shots import NOBODY, match, read_attempts, rises, shoots_within

COURT = np.array([LENGTH, WIDTH])
HALF = COURT[0] / 2


def read_sportvu(path, *, play_by_play=None, reach: float = 4.0, horizon: float = 1.0, as_frame: bool = False) -> Bunch:
    """Read a game file of SportVU as frames of half-court play, a shot or none.

    A frame is a moment (25 a second) in which a player of the attacking team has the ball in half-court play, as in
    appendix B of Park et al. (2020); its label says whether he shoots within the next second. Both ends of the court
    are laid onto one by half a turn, which does not swap left and right: x is the distance from the baseline, y the
    distance from the sideline, and the basket is at (5.25, 25). `RelativePosition` takes the columns x to defender_5_y
    as they are.

    Parameters
    ----------
    path : str or path
        Game file: JSON with "gameid" and "events", or a ``.7z`` archive with that one file (extra ``sportvu``).
    play_by_play : str or path, default=None
        Play-by-play of the game as the league's statistics pages give it, CSV or JSON, with columns EVENTMSGTYPE,
        PERIOD, PCTIMESTRING and PLAYER1_ID. It tells which rises of the ball are shots (see Notes).
    reach : float, default=4.0
        Distance on the floor, in feet, within which the player nearest to the ball has it, unless the ball is above the
        rim.
    horizon : float, default=1.0
        Seconds before a shot in which a frame counts as one.
    as_frame : bool, default=False
        Return ``data`` as a :class:`pandas.DataFrame` and ``target`` as a :class:`pandas.Series`.

    Returns
    -------
    frames : :class:`~sklearn.utils.Bunch`
        Dictionary-like, with the following attributes.

        data : float64 array of shape (n_frames, 16)
            player (the league's number); x and y of the handler and of the five defenders, in feet; game (the league's
            number), quarter and clock (seconds left in the quarter). In order of time.
        feature_names : list of str
            "player", "x", "y", "defender_1_x", "defender_1_y", ..., "game", "quarter", "clock".
        target : int array of shape (n_frames,)
            1 if the handler shoots within `horizon`.
        n_moments : int
            Number of moments in the file.
        left_out : dict of int
            Number of moments left out, by the first of these reasons that holds: "duplicate" (repeated by another
            event), "incomplete" (not the ball and five players of each team), "clock_stopped" (dead ball and free
            throws), "not_half_court" (a player has not crossed the half-way line, or the ball is out of bounds),
            "no_handler" (the ball is in flight), "defender_has_ball" and "outside_court" (the handler is out of bounds
            or more than 40 feet from the baseline). With the frames they add up to ``n_moments``.
        n_shots : int
            Number of shots found in the whole game.
        n_unmatched : int
            Number of shots of the play-by-play that no moment fits; 0 without one.
        player_names : dict
            Name of each player by number.

    Raises
    ------
    ValueError
        If a file is not JSON, not a 7z archive of one JSON file, damaged, or no game or play-by-play of that game; if
        an archive would fill the memory, its content taking more than 64 MiB and more than 200 times its size; or if
        a parameter is out of its range.
    ImportError
        If a ``.7z`` file is given and py7zr is not installed, or ``as_frame=True`` and pandas is not.

    Notes
    -----
    Without a play-by-play, a shot is a rise of the ball above the rim, 10 feet, after a player had it with the clock
    running. By this rule lobs are shots, and blocked shots are not. With a play-by-play only its field-goal attempts
    are shots. Each goes to the shooter's rise closest to it, from 4 seconds before its clock to 1 second after, or else
    to the last moment of that time in which he had the ball.

    The attacking team of an end is the one that has the ball there more often in the quarter. The clock is taken to
    run if it differs from that of the moment before or after.

    Examples
    --------
    >>> from sklearn_mrtl.datasets import read_sportvu
    >>> frames = read_sportvu("0021500492.7z")  # doctest: +SKIP
    >>> frames.data.shape, frames.target.mean()  # doctest: +SKIP
    """
    check_scalar(reach, "reach", Real, min_val=0, include_boundaries="neither")
    check_scalar(horizon, "horizon", Real, min_val=0, include_boundaries="neither")
    game = read_game(path)
    attempts = None if play_by_play is None else read_attempts(play_by_play, game.number)

    moments, far = _one_end(game.moments)
    running, holder = _running(moments), _holder(moments, reach)
    rows = np.arange(len(holder))
    held = holder != NOBODY
    handler = np.where(held, moments.player[rows, holder], NOBODY)
    handler_team = np.where(held, moments.team[rows, holder], NOBODY)

    shots, n_unmatched = rises(moments, handler, running), 0
    if attempts is not None:
        shots, n_unmatched = match(attempts, moments, handler, shots)

    half_court = _half_court(moments)
    attacking = _attacking_team(moments.quarter, far, handler_team, held & running & half_court)
    kept, left_out = _keep(
        clock_stopped=~running,
        not_half_court=~half_court,
        no_handler=~held,
        defender_has_ball=handler_team != attacking,
        outside_court=~_inside_court(moments.place[rows, holder]),
    )
    data = _table(game.number, moments, holder, kept)
    target = shoots_within(horizon, shots, moments, handler)[kept].astype(np.int64)
    feature_names = [*frame_names(5), "game", "quarter", "clock"]
    if as_frame:
        integers = ["player", "game", "quarter"]
        data, target = frames_as_pandas(data, feature_names, target, integers=integers, caller="read_sportvu")
    return Bunch(
        data=data,
        feature_names=feature_names,
        target=target,
        n_moments=game.n_moments,
        left_out=game.left_out | left_out,
        n_shots=len(shots),
        n_unmatched=n_unmatched,
        player_names=game.player_names,
    )


def _one_end(moments: Moments) -> tuple[Moments, np.ndarray]:
    """Return moments with those at the far end turned onto the near one, and which ones were turned, shape (n,)."""
    far = moments.ball[:, 0] > HALF
    ball, place = moments.ball.copy(), moments.place.copy()
    ball[far, :2] = COURT - ball[far, :2]
    place[far] = COURT - place[far]
    return moments._replace(ball=ball, place=place), far


def _running(moments: Moments) -> np.ndarray:
    """Tell whether the clock differs from that of the moment before or after, shape (n,)."""
    moves = (np.diff(moments.clock) != 0) & (np.diff(moments.quarter) == 0)
    return np.append(moves, False) | np.insert(moves, 0, False)


def _holder(moments: Moments, reach: float) -> np.ndarray:
    """Return the index of the player, of ten, who has the ball, or NOBODY; shape (n,)."""
    distance = np.linalg.norm(moments.place - moments.ball[:, None, :2], axis=-1)  # (n, 10)
    within = (distance.min(axis=1) <= reach) & (moments.ball[:, 2] <= RIM_HEIGHT)
    return np.where(within, distance.argmin(axis=1), NOBODY)


def _half_court(moments: Moments) -> np.ndarray:
    """Tell whether all players are in the half of the ball and the ball is in bounds, shape (n,)."""
    x, y = moments.ball[:, :2].T
    return (moments.place[..., 0] <= HALF).all(axis=1) & (x >= 0) & (y >= 0) & (y <= COURT[1])


def _attacking_team(quarter, far, handler_team, counted) -> np.ndarray:
    """Return the team that has the ball more often at this end in this quarter, or NOBODY; shape (n,)."""
    attacking = np.full(len(quarter), NOBODY)
    for q in np.unique(quarter):
        for end in (False, True):
            here = (quarter == q) & (far == end)
            teams, counts = np.unique(handler_team[here & counted], return_counts=True)
            if len(teams):
                attacking[here] = teams[counts.argmax()]
    return attacking


def _inside_court(place: np.ndarray) -> np.ndarray:
    low, high = np.transpose(COURT_BOUNDS)
    return ((place >= low) & (place <= high)).all(axis=1)


def _keep(**reasons: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """Return which moments no reason excludes, shape (n,), and how many each reason excludes first."""
    kept, left_out = np.ones(len(next(iter(reasons.values()))), dtype=bool), {}
    for reason, holds in reasons.items():
        left_out[reason] = int((kept & holds).sum())
        kept = kept & ~holds
    return kept, left_out


def _table(game: int, moments: Moments, holder: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return rows of player, position, defenders' positions, game, quarter and clock."""
    moments, holder = Moments(*(field[kept] for field in moments)), holder[kept]
    rows = np.arange(len(holder))
    defends = moments.team != moments.team[rows, holder][:, None]  # (n, 10), five in each row
    return np.column_stack(
        (
            moments.player[rows, holder],
            moments.place[rows, holder],
            moments.place[defends].reshape(-1, 10),
            np.full(len(rows), game),
            moments.quarter,
            moments.clock,
        )
    )
