"""Times and players of shots, from the flight of the ball and from a play-by-play."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sklearn_mrtl._utils.court import RIM_HEIGHT
from sklearn_mrtl.datasets._files import reading
from sklearn_mrtl.datasets._json import load_json
from sklearn_mrtl.datasets._sportvu_file import LARGEST, Moments

NOBODY = -1  # in the place of a player, while the ball is in flight

FIELD_GOALS = ("1", "2")  # EVENTMSGTYPE of made and missed ones; 3 is a free throw
LAST_QUARTER = 99  # far more overtimes than any game had
COLUMNS = ("EVENTMSGTYPE", "PERIOD", "PCTIMESTRING", "PLAYER1_ID")
# Largest number of seconds by which the ball leaves the hand before and after the time of the play-by-play, which is in
# whole seconds and may be that of the ball's arrival.
BEFORE, AFTER = 4.0, 1.0


class Shot(NamedTuple):
    """A field-goal attempt."""

    quarter: int
    time: float  # milliseconds, as the moments have it
    clock: float  # seconds left in the quarter
    player: int


def rises(moments: Moments, handler: np.ndarray, running: np.ndarray) -> list[Shot]:
    """Return a shot for each rise of the ball above the rim, by the player who had it last, if the clock ran then.

    Parameters
    ----------
    moments : Moments
    handler : ndarray of shape (n,)
        Player with the ball in each moment, or NOBODY.
    running : bool ndarray of shape (n,)
    """
    height, quarter = moments.ball[:, 2], moments.quarter
    above = 1 + np.flatnonzero((height[1:] > RIM_HEIGHT) & (height[:-1] <= RIM_HEIGHT))
    last = np.maximum.accumulate(np.where(handler != NOBODY, np.arange(len(handler)), 0))[above]
    valid = (handler[last] != NOBODY) & (quarter[last] == quarter[above]) & running[last]
    return [
        Shot(int(quarter[i]), float(moments.time[i]), float(moments.clock[i]), int(handler[j]))
        for i, j in zip(above[valid], last[valid], strict=True)
    ]


def read_attempts(path, game: int) -> list[tuple[int, float, int]]:
    """Return quarter, clock and player of each field-goal attempt of a play-by-play file, CSV or JSON.

    Raises
    ------
    ValueError
        If the file is not a play-by-play, is damaged, or has no event of the game.
    """
    path = Path(path)
    columns, rows = _json_table(path) if path.suffix.lower() == ".json" else _csv_table(path)
    if not set(COLUMNS) <= set(columns):
        raise ValueError(f"{path} must be a play-by-play with columns {list(COLUMNS)}, got {columns}.")
    if not rows:
        raise ValueError(f"{path} is a play-by-play without events.")
    own = [row for row in rows if _is_of(row, game)]
    if not own:
        raise ValueError(f"{path} is the play-by-play of game {rows[0]['GAME_ID']}, not of {game}.")
    return [_attempt(row, path) for row in own if str(row["EVENTMSGTYPE"]) in FIELD_GOALS]


def _is_of(row: dict, game: int) -> bool:
    return "GAME_ID" not in row or str(row["GAME_ID"]).lstrip("0") == str(game)


def _attempt(row: dict, path: Path) -> tuple[int, float, int]:
    try:
        minutes, seconds = row["PCTIMESTRING"].split(":")
        quarter, clock, player = int(row["PERIOD"]), 60 * int(minutes) + float(seconds), int(row["PLAYER1_ID"])
        if 1 <= quarter <= LAST_QUARTER and math.isfinite(clock) and 0 <= player < LARGEST:
            return quarter, clock, player
    except (ValueError, TypeError, AttributeError, OverflowError):
        pass
    raise ValueError(
        f"{path} must have a number as PERIOD and PLAYER1_ID of a field goal and minutes:seconds as PCTIMESTRING, "
        f"got {[row[column] for column in COLUMNS]!r:.200}."
    )


def _csv_table(path: Path) -> tuple[list[str], list[dict]]:
    with reading(path, "CSV"), path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        return list(table.fieldnames or []), list(table)


def _json_table(path: Path) -> tuple[list[str], list[dict]]:
    content = load_json(path)
    try:
        table = content["resultSets"][0]
        return list(table["headers"]), [dict(zip(table["headers"], row, strict=True)) for row in table["rowSet"]]
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"{path} must be a play-by-play with resultSets, headers and rowSet: {error!r}.") from error


def match(attempts, moments: Moments, handler: np.ndarray, risen: list[Shot]) -> tuple[list[Shot], int]:
    """Return a shot for each attempt of the play-by-play, and the number of attempts that no moment fits.

    The shot is the player's rise of the ball that is closest to the attempt on the clock. Where there is none (the shot
    was blocked), it is the last moment near that time in which he had the ball.
    """
    shots, n_unmatched = [], 0
    for quarter, clock, player in attempts:
        near = [
            rise
            for rise in risen
            if (rise.quarter, rise.player) == (quarter, player) and -AFTER <= rise.clock - clock <= BEFORE
        ]
        held = (moments.quarter == quarter) & (handler == player)
        held = np.flatnonzero(held & (moments.clock >= clock - AFTER) & (moments.clock <= clock + BEFORE))
        if near:
            shots.append(min(near, key=lambda rise: abs(rise.clock - clock)))
        elif len(held):
            shots.append(Shot(quarter, float(moments.time[held[-1]]), float(moments.clock[held[-1]]), player))
        else:
            n_unmatched += 1
    return shots, n_unmatched


def shoots_within(seconds: float, shots: list[Shot], moments: Moments, handler: np.ndarray) -> np.ndarray:
    """Tell whether the handler of each moment shoots within some seconds, shape (n,)."""
    label = np.zeros(len(handler), dtype=bool)
    for shot in shots:
        ahead = shot.time - moments.time
        mine = (moments.quarter == shot.quarter) & (handler == shot.player)
        label |= mine & (ahead >= 0) & (ahead <= 1000 * seconds)
    return label
