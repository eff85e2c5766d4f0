"""Game files of SportVU: from JSON, or an archive with it, to arrays of moments."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from sklearn_mrtl._utils.optional import import_optional

LAYOUT = "[quarter, unix_ms, game_clock, shot_clock, null, [[team, player, x, y, z] of the ball and ten players]]"
BALL = -1  # its team


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
    """Read a game file.

    Raises
    ------
    ValueError
        If the file is not JSON (or no 7z archive of one JSON file), lacks a key, or has no complete moment.
    """
    game = _load_json(path)
    events = _entry(game, "events", list, path)
    stamps, positions, n_moments, n_duplicate = _distinct_moments(events, path)
    moments = _complete(stamps, _as_array(positions, path))
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


def _load_json(path) -> dict:
    path = Path(path)
    content = _unpack(path) if path.suffix.lower() == ".7z" else path.read_bytes()
    try:
        return json.loads(content)
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error


def _unpack(path: Path) -> bytes:
    """The one JSON file of a 7z archive."""
    py7zr = import_optional(
        "py7zr", extra="sportvu", caller="read_sportvu of a .7z file", otherwise="unpack it and give the JSON file"
    )
    try:
        with py7zr.SevenZipFile(path) as archive, TemporaryDirectory() as folder:
            names = archive.getnames()
            games = [name for name in names if name.lower().endswith(".json")]
            if len(games) != 1:
                raise ValueError(f"{path} must contain one JSON file, got {names}.")
            archive.extract(path=folder, targets=games)
            return Path(folder, games[0]).read_bytes()
    except (py7zr.exceptions.ArchiveError, lzma.LZMAError, EOFError) as error:
        raise ValueError(f"{path} is not a 7z archive that can be read: {error}.") from error


def _entry(mapping, key: str, kind: type, where) -> Any:
    """mapping[key], if it is there and of the kind that a game file has."""
    if not isinstance(mapping, dict):
        raise ValueError(f"{where} must be a JSON object with key {key!r}, got {type(mapping).__name__}.")
    if key not in mapping:
        raise ValueError(f"{where} has no key {key!r}, only {list(mapping)}: not a SportVU game file.")
    if not isinstance(mapping[key], kind):
        raise ValueError(f"{key!r} of {where} must be a {kind.__name__}, got {mapping[key]!r:.50}.")
    return mapping[key]


def _game_number(game: dict, path) -> int:
    number = _entry(game, "gameid", (str, int), path)
    try:
        return int(number)
    except ValueError:
        raise ValueError(f"'gameid' of {path} must be a number, got {number!r}.") from None


def _player_names(events: list, path) -> dict[int, str]:
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


def _distinct_moments(events: list, path) -> tuple[list, list, int, int]:
    """Stamps (quarter, time, clock) and positions of each moment, once though events overlap; how many, and repeats."""
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
    return stamps, positions, n_moments, n_moments - len(found)


def _as_array(positions: list, path) -> np.ndarray:
    """Positions as (n, 11, 5); all NaN for a moment with another number of entries."""
    array = np.full((len(positions), 11, 5), np.nan)
    whole = [i for i, entries in enumerate(positions) if isinstance(entries, list) and len(entries) == 11]
    try:
        array[whole] = np.array([positions[i] for i in whole], dtype=float).reshape(-1, 11, 5)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: a moment must be {LAYOUT}, but its positions are not: {error}.") from error
    return array


def _complete(stamps: list, positions: np.ndarray) -> Moments:
    """Those with all numbers there, the ball first and five players of each of two teams."""
    stamps = np.array(stamps, dtype=float)  # (n, 3)
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
