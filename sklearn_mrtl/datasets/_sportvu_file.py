"""Game files of SportVU as arrays of moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sklearn_mrtl.datasets._json import load_json

LAYOUT = "[quarter, unix_ms, game_clock, shot_clock, null, [[team, player, x, y, z] of the ball and ten players]]"
BALL = -1  # its team
LARGEST = 2**53  # whole numbers beyond it are no numbers of games, teams, players or milliseconds


class Moments(NamedTuple):
    """n complete moments, in order of quarter and time."""

    quarter: np.ndarray  # (n,)
    time: np.ndarray  # (n,), milliseconds
    clock: np.ndarray  # (n,), seconds left in the quarter
    ball: np.ndarray  # (n, 3), feet
    team: np.ndarray  # (n, 10)
    player: np.ndarray  # (n, 10)
    place: np.ndarray  # (n, 10, 2), feet


class Game(NamedTuple):
    """One game file."""

    number: int
    moments: Moments
    player_names: dict[int, str]
    n_moments: int
    left_out: dict[str, int]


def read_game(path) -> Game:
    """Load a game file.

    Raises
    ------
    ValueError
        If the file is a table, not JSON (or no 7z archive of one JSON file), lacks a key, or has no complete moment.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        raise ValueError(f"path must be a game file, .json or .7z, got {path}; a play-by-play goes to play_by_play.")
    game = load_json(path)
    events = _entry(game, "events", list, path)
    stamps, positions, n_moments, n_duplicate = _distinct_moments(events, path)
    moments = _complete(_stamps_as_array(stamps, path), _as_array(positions, path))
    n_complete = len(moments.time)
    if n_complete == 0:
        raise ValueError(
            f"{path}: none of the {n_moments} moments has the ball first and then ten players, five of each team; the "
            f"first has {positions[0]!r:.200}."
        )
    return Game(
        number=_game_number(game, path),
        moments=moments,
        player_names=_player_names(events, path),
        n_moments=n_moments,
        left_out={"duplicate": n_duplicate, "incomplete": len(stamps) - n_complete},
    )


def _entry(mapping, key: str, kind: type, where) -> Any:
    """Return mapping[key]; refuse it if it is not there or of another kind."""
    if not isinstance(mapping, dict):
        raise ValueError(f"{where} must be a JSON object with key {key!r}, got {type(mapping).__name__}.")
    if key not in mapping:
        raise ValueError(f"{where} has no key {key!r}, only {list(mapping)}: not a SportVU game file.")
    if not isinstance(mapping[key], kind):
        raise ValueError(f"{key!r} of {where} must be a {kind.__name__}, got {mapping[key]!r:.50}.")
    return mapping[key]


def _game_number(game: dict, path: Path) -> int:
    number = _entry(game, "gameid", object, path)
    try:
        if isinstance(number, str | int) and not isinstance(number, bool) and 0 <= int(number) < LARGEST:
            return int(number)
    except ValueError:
        pass
    raise ValueError(f"'gameid' of {path} must be a number, got {number!r:.50}.")


def _player_names(events: list, path: Path) -> dict[int, str]:
    names = {}
    for i, event in enumerate(events):
        for side in ("visitor", "home"):
            team = _entry(event, side, dict, f"event {i} of {path}")
            for player in _entry(team, "players", list, f"{side!r} of event {i} of {path}"):
                try:
                    names[player["playerid"]] = f"{player['firstname']} {player['lastname']}"
                except (KeyError, TypeError):
                    raise ValueError(
                        f"{path}: a player of event {i} needs playerid, firstname and lastname, got {player!r:.100}."
                    ) from None
    return names


def _distinct_moments(events: list, path: Path) -> tuple[list, list, int, int]:
    """Return stamps (quarter, time, clock) and positions of the moments, the number of moments, and that of repeats.

    Events overlap, so a moment may stand in several of them; it is returned once.
    """
    found: dict[tuple, tuple] = {}
    n_moments = 0
    for i, event in enumerate(events):
        for j, moment in enumerate(_entry(event, "moments", list, f"event {i} of {path}")):
            try:
                quarter, time, clock, _, _, positions = moment
                found.setdefault((quarter, time), ((quarter, time, clock), positions))
            except (TypeError, ValueError):
                raise ValueError(f"{path}: moment {j} of event {i} must be {LAYOUT}, got {moment!r:.100}.") from None
            n_moments += 1
    if not found:
        raise ValueError(f"{path} is empty: its {len(events)} events have no moments.")
    stamps, positions = zip(*found.values(), strict=True)
    return list(stamps), list(positions), n_moments, n_moments - len(found)


def _as_array(positions: list, path: Path) -> np.ndarray:
    """Return positions as (n, 11, 5), all NaN for a moment that has another number of entries."""
    array = np.full((len(positions), 11, 5), np.nan)
    whole = [i for i, entries in enumerate(positions) if isinstance(entries, list) and len(entries) == 11]
    try:
        array[whole] = np.array([positions[i] for i in whole], dtype=float).reshape(-1, 11, 5)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: a moment must be {LAYOUT}, but its positions are not: {error}.") from error
    _check_whole(array[..., :2], "team and player", path)
    return array


def _stamps_as_array(stamps: list, path: Path) -> np.ndarray:
    """Return quarter, time and clock as (n, 3)."""
    try:
        array = np.array(stamps, dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: a moment must be {LAYOUT}, but a quarter, time or clock is not: {error}.") from error
    _check_whole(array[:, :2], "quarter and unix_ms", path)
    return array


def _check_whole(numbers: np.ndarray, names: str, path: Path) -> None:
    """Refuse numbers that are there but no whole numbers of a size that can be."""
    there = numbers[np.isfinite(numbers)]
    wrong = there[(there != np.round(there)) | (np.abs(there) >= LARGEST)]
    if wrong.size:
        raise ValueError(f"{path}: {names} of a moment must be whole numbers, got {wrong[0]}.")


def _complete(stamps: np.ndarray, positions: np.ndarray) -> Moments:
    """Return the moments that have all numbers, the ball first and five players of each of two teams."""
    teams = np.sort(positions[:, 1:, 0], axis=1)
    complete = (
        np.isfinite(stamps).all(axis=1)
        & np.isfinite(positions).all(axis=(1, 2))
        & (positions[:, 0, 0] == BALL)
        & (teams[:, 0] == teams[:, 4])
        & (teams[:, 4] != teams[:, 5])
        & (teams[:, 5] == teams[:, 9])
        & (teams[:, 0] != BALL)
    )
    stamps, positions = stamps[complete], positions[complete]
    order = np.lexsort((stamps[:, 1], stamps[:, 0]))
    quarter, time, clock = stamps[order].T
    players = positions[order, 1:]
    return Moments(
        quarter=quarter.astype(np.int64),
        time=time.astype(np.int64),
        clock=clock,
        ball=positions[order, 0, 2:],
        team=players[..., 0].astype(np.int64),
        player=players[..., 1].astype(np.int64),
        place=players[..., 2:4],
    )
