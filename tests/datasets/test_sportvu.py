"""SportVU game files, written here as the league published them: half a minute of play, frame by frame."""

import copy
import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid
from sklearn_mrtl.datasets import read_sportvu
from sklearn_mrtl.preprocessing import GridDiscretizer, RelativePosition

HOME, VISITOR = 1610612741, 1610612739
SHOOTER, MATE = 101, 102
PLACES = [(20, 25), (30, 10), (30, 40), (8, 5), (8, 45)]  # of the attackers; each has a defender nearer to the basket
N, STEP = 75, 40  # moments of a play, milliseconds between them
SHOT = 50  # the moment in which the ball is above the rim


def play(start, clock, *, far=False, running=True, shot=SHOT, quarter=1):
    """The shooter has the ball; in moment `shot` it is above the rim and then comes down away from everybody."""
    moments = []
    for i in range(N):
        flight = 0 if shot is None or i < shot else i - shot + 1
        ball = [20 - min(flight, 6), 25 + min(flight, 6), 4.0 if flight == 0 else max(12.0 - flight / 4, 1)]
        entries = [[-1, -1, *ball]]
        for team, first, dx in ((HOME, SHOOTER, 0), (VISITOR, 201, -3)):
            entries += [[team, first + k, x + dx, y, 0] for k, (x, y) in enumerate(PLACES)]
        if far:
            entries = [[team, player, 94 - x, 50 - y, z] for team, player, x, y, z in entries]
        seconds = round(clock - running * i * STEP / 1000, 2)
        moments.append([quarter, start + i * STEP, seconds, None, None, entries])
    return moments


def players(first):
    return {"players": [{"playerid": first + k, "firstname": "A", "lastname": f"B{first + k}"} for k in range(5)]}


def game(*events):
    sides = {"visitor": players(201), "home": players(SHOOTER)}
    events = [{"eventId": str(i), **sides, "moments": moments} for i, moments in enumerate(events)]
    return {"gameid": "0021500492", "gamedate": "2015-12-31", "events": events}


@pytest.fixture
def write(tmp_path):
    def to_file(content, name="game.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return to_file


@pytest.fixture
def write_attempts(tmp_path):
    def to_file(*attempts, kind="csv", game="0021500492"):
        """Rows of (event type, quarter, clock, player)."""
        columns = ["GAME_ID", "EVENTMSGTYPE", "PERIOD", "PCTIMESTRING", "PLAYER1_ID"]
        rows = [[game, *attempt] for attempt in attempts]
        path = tmp_path / f"plays.{kind}"
        if kind == "json":
            path.write_text(json.dumps({"resultSets": [{"headers": columns, "rowSet": rows}]}), encoding="utf-8")
        else:
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([columns, *rows])
        return path

    return to_file


def test_frames_of_one_play(write):
    frames = read_sportvu(write(game(play(0, 700.0))))
    assert frames.data.shape == (SHOT, 16)
    assert frames.feature_names[:5] == ["player", "x", "y", "defender_1_x", "defender_1_y"]
    assert frames.feature_names[12:] == ["defender_5_y", "game", "quarter", "clock"]
    row = dict(zip(frames.feature_names, frames.data[3], strict=True))
    assert (row["player"], row["x"], row["y"]) == (SHOOTER, 20, 25)
    assert (row["defender_1_x"], row["defender_5_x"], row["defender_5_y"]) == (17, 5, 45)
    assert (row["game"], row["quarter"], row["clock"]) == (21500492, 1, 699.88)
    assert frames.player_names[SHOOTER] == "A B101" and len(frames.player_names) == 10
    assert frames.n_moments == N and frames.n_shots == 1 and frames.n_unmatched == 0
    assert frames.left_out["no_handler"] == N - SHOT == sum(frames.left_out.values())


@pytest.mark.parametrize("horizon", [0.4, 1.0, 1.5])
def test_label_is_a_shot_within_the_horizon(write, horizon):
    target = read_sportvu(write(game(play(0, 700.0))), horizon=horizon).target
    ahead = (SHOT - np.arange(SHOT)) * STEP / 1000
    np.testing.assert_array_equal(target, ahead <= horizon)


def test_no_shot_no_label(write):
    frames = read_sportvu(write(game(play(0, 700.0, shot=None))))
    assert len(frames.target) == N and not frames.target.any() and frames.n_shots == 0


def test_both_ends_are_one(write):
    near, far = (read_sportvu(write(game(play(0, 700.0, far=far)))) for far in (False, True))
    np.testing.assert_allclose(far.data, near.data)
    np.testing.assert_array_equal(far.target, near.target)


def test_events_overlap_and_come_in_any_order(write):
    one, two = play(0, 700.0), play(100_000, 600.0, shot=None, far=True)
    plain = read_sportvu(write(game(one, two)))
    mixed = read_sportvu(write(game(two[10:], one[:60], one[20:], two, [])))
    np.testing.assert_array_equal(mixed.data, plain.data)
    np.testing.assert_array_equal(mixed.target, plain.target)
    assert mixed.left_out.pop("duplicate") == N - 10 + 40
    assert plain.left_out.pop("duplicate") == 0 and mixed.left_out == plain.left_out


def test_free_throws_are_left_out(write):
    """They are thrown while the clock stands."""
    frames = read_sportvu(write(game(play(0, 700.0, running=False))))
    assert len(frames.data) == 0 and frames.data.shape == (0, 16)
    assert frames.left_out["clock_stopped"] == N and frames.n_shots == 0


def ball_away(entries):
    entries[0][2:4] = [24.5, 25]


def ball_above_rim(entries):
    entries[0][4] = 10.5


def ball_out(entries):
    entries[0][2:4] = [20, -0.5]
    entries[1][2:4] = [20, 0.5]


def one_behind(entries):
    entries[7][2] = 47.5


def defender_has_it(entries):
    entries[6][2:4], entries[1][2:4] = entries[1][2:4], entries[6][2:4]


def far_out(entries):
    entries[0][2] = entries[1][2] = 41


def four_players(entries):
    del entries[4]


def six_against_four(entries):
    entries[6][0] = HOME


def no_ball(entries):
    entries[0][0] = HOME


def hole(entries):
    entries[3][2] = None


@pytest.mark.parametrize(
    "change, reason",
    [
        (ball_away, "no_handler"),
        (ball_above_rim, "no_handler"),
        (ball_out, "not_half_court"),
        (one_behind, "not_half_court"),
        (defender_has_it, "defender_has_ball"),
        (far_out, "outside_court"),
        (four_players, "incomplete"),
        (six_against_four, "incomplete"),
        (no_ball, "incomplete"),
        (hole, "incomplete"),
    ],
)
@pytest.mark.parametrize("far", [False, True])
def test_what_is_left_out_is_counted(write, change, reason, far):
    moments = play(0, 700.0, shot=None)
    change(moments[30][5])
    if far:
        for moment in moments:
            for entry in moment[5]:
                entry[2:4] = [None if entry[2] is None else 94 - entry[2], 50 - entry[3]]
    frames = read_sportvu(write(game(moments)))
    assert frames.left_out[reason] == 1 == sum(frames.left_out.values())
    assert len(frames.data) == N - 1 and 700.0 - 1.2 not in frames.data[:, -1]


def test_reach(write):
    moments = play(0, 700.0, shot=None)
    ball_away(moments[30][5])
    assert read_sportvu(write(game(moments)), reach=4.6).left_out["no_handler"] == 0


def test_a_pass_is_not_a_shot(write):
    """It does not rise above the rim; the other player is a handler of his own."""
    moments = play(0, 700.0, shot=None)
    for moment in moments[30:]:
        moment[5][0][2:4] = PLACES[1]
    frames = read_sportvu(write(game(moments)))
    np.testing.assert_array_equal(frames.data[:, 0], [SHOOTER] * 30 + [MATE] * (N - 30))
    assert not frames.target.any()


def test_the_passer_does_not_shoot(write):
    """Only the frames of him who shoots are labelled."""
    moments = play(0, 700.0)
    for moment in moments[:40]:
        moment[5][0][2:4] = PLACES[1]
    frames = read_sportvu(write(game(moments)))
    np.testing.assert_array_equal(frames.target, [0] * 40 + [1] * 10)


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("clock", ["11:39", "11:38", "11:35"])
def test_a_shot_of_the_play_by_play(write, write_attempts, kind, clock):
    """The ball leaves the hand at 698.0; the score is written down then or a little later."""
    path = write(game(play(0, 700.0)))
    frames = read_sportvu(path, play_by_play=write_attempts((1, 1, clock, SHOOTER), kind=kind))
    np.testing.assert_array_equal(frames.target, read_sportvu(path).target)
    assert (frames.n_shots, frames.n_unmatched) == (1, 0)


@pytest.mark.parametrize(
    "attempt",
    [(3, 1, "11:38", SHOOTER), (2, 1, "11:20", SHOOTER), (2, 2, "11:38", SHOOTER), (2, 1, "11:38", MATE)],
)
def test_a_lob_is_no_shot_in_the_play_by_play(write, write_attempts, attempt):
    """A free throw, another time, another quarter, another player."""
    frames = read_sportvu(write(game(play(0, 700.0))), play_by_play=write_attempts(attempt))
    assert not frames.target.any()
    assert (frames.n_shots, frames.n_unmatched) == (0, int(attempt[0] != 3))


def test_a_blocked_shot_ends_with_the_last_moment_in_the_hand(write, write_attempts):
    moments = play(0, 700.0)
    for moment in moments:
        moment[5][0][4] = min(moment[5][0][4], 9.5)
    path = write(game(moments))
    frames = read_sportvu(path, play_by_play=write_attempts((2, 1, "11:37", SHOOTER)))
    np.testing.assert_array_equal(np.flatnonzero(frames.target), np.arange(SHOT - 25, SHOT + 1))
    assert read_sportvu(path).n_shots == 0


def test_two_shots_go_to_their_own_rises(write, write_attempts):
    path = write(game(play(0, 700.0), play(3000, 697.0)))
    both, second = (
        read_sportvu(path, play_by_play=write_attempts(*((1, 1, clock, SHOOTER) for clock in clocks)))
        for clocks in (("11:38", "11:35"), ("11:35",))
    )
    np.testing.assert_array_equal(both.target, read_sportvu(path).target)
    assert both.target.sum() == 50
    np.testing.assert_array_equal(np.flatnonzero(second.target), np.arange(2 * SHOT - 25, 2 * SHOT))


def test_as_frame(write):
    pd = pytest.importorskip("pandas")
    path = write(game(play(0, 700.0)))
    frames, plain = read_sportvu(path, as_frame=True), read_sportvu(path)
    assert list(frames.data.columns) == plain.feature_names
    assert frames.data.dtypes[["player", "game", "quarter"]].eq(np.int64).all()
    np.testing.assert_array_equal(frames.data.to_numpy(), plain.data)
    assert isinstance(frames.target, pd.Series) and frames.target.name == "shot"


def test_from_file_to_encoding(write):
    """The columns are what RelativePosition and GridDiscretizer take."""
    frames = read_sportvu(write(game(play(0, 700.0))))
    court = Grid("court", (40, 50), bounds=[(0, 40), (0, 50)])
    box = Grid("defenders", (12, 12), bounds=[(-6, 6), (-2, 10)])
    encode = ColumnTransformer(
        [
            ("court", GridDiscretizer(court), slice(1, 3)),
            ("defenders", make_pipeline(RelativePosition(), GridDiscretizer(box)), slice(1, 13)),
        ]
    )
    X = encode.fit_transform(frames.data)
    assert X.shape == (SHOT, 2000 + 144)
    # The shooter's own defender stands 3 feet before him, towards the basket; the others are far away.
    np.testing.assert_array_equal(X[:, 2000:].toarray().reshape(-1, 12, 12)[0].nonzero(), [[6], [5]])


coordinate = st.floats(-3, 97, allow_nan=False)


@st.composite
def chaos(draw):
    """Moments of the right layout and no sense."""
    moments = play(0, 700.0, running=draw(st.booleans()))[: draw(st.integers(1, 12))]
    for moment in moments:
        for entry in draw(st.lists(st.sampled_from(moment[5]), max_size=6)):
            entry[2:] = [draw(coordinate), draw(coordinate), draw(st.floats(0, 20))]
        moment[1] = draw(st.integers(0, 8)) * STEP
        moment[0] = draw(st.integers(1, 2))
    return moments


@settings(max_examples=60, deadline=None)
@given(chaos())
def test_the_counts_add_up_and_frames_lie_in_the_half_court(tmp_path_factory, moments):
    path = tmp_path_factory.mktemp("chaos") / "game.json"
    path.write_text(json.dumps(game(moments)))
    frames = read_sportvu(path)
    assert len(frames.data) + sum(frames.left_out.values()) == frames.n_moments == len(moments)
    assert (frames.data[:, 1:3] >= 0).all() and (frames.data[:, 1:3] <= [40, 50]).all()
    assert (frames.data[:, 3:13:2] <= 47).all()


def without(content, *keys):
    content = copy.deepcopy(content)
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    del inner[keys[-1]]
    return content


GAME = game(play(0, 700.0))


def changed(**entries):
    return GAME | entries


@pytest.mark.parametrize(
    "content, message",
    [
        ("", r"game.json cannot be read as JSON"),
        ('{"gameid": "002', r"game.json cannot be read as JSON; .*line 1"),
        ("[]", "must be a JSON object with key 'events', got list"),
        (without(GAME, "events"), r"game.json has no key 'events', only \['gameid', 'gamedate'\]: not a SportVU"),
        (without(GAME, "gameid"), "no key 'gameid'"),
        (changed(gameid="final"), "'gameid' of .* must be a number, got 'final'"),
        (changed(events={}), "'events' of .* must be a list, got {}"),
        (changed(events=[]), "is empty: its 0 events have no moments"),
        (game([], []), "is empty: its 2 events have no moments"),
        (changed(events=[5]), "event 0 of .* must be a JSON object with key 'moments', got int"),
        (without(GAME, "events", 0, "moments"), r"event 0 of .*game.json has no key 'moments', only \['eventId'"),
        (without(GAME, "events", 0, "home"), "event 0 of .* has no key 'home'"),
        (without(GAME, "events", 0, "home", "players", 2, "playerid"), "a player of event 0 needs playerid"),
        (game([[1, 0, 700.0]]), r"moment 0 of event 0 must be \[quarter, unix_ms, .*got \[1, 0, 700.0\]"),
        (game([7]), "moment 0 of event 0 must be"),
        (game([[1, 0, 700.0, None, None, []]]), r"none of the 1 moments has the ball first .*the first has \[\]"),
        (game([[1, 0, 700.0, None, None, [[1, 2, 3]] * 11]]), "its positions are not"),
        (game([[1, 0, "early", None, None, GAME["events"][0]["moments"][0][5]]]), "'early'"),
    ],
)
def test_broken_files(write, content, message):
    with pytest.raises(ValueError, match=message):
        read_sportvu(write(content))


@pytest.mark.parametrize("change", [four_players, six_against_four, no_ball, hole])
def test_no_complete_moment(write, change):
    moments = play(0, 700.0)
    for moment in moments:
        change(moment[5])
    with pytest.raises(
        ValueError, match="none of the 75 moments has the ball first and then ten players, five of each"
    ):
        read_sportvu(write(game(moments)))


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_sportvu(tmp_path / "none.json")


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("plays.csv", "", r"must be a play-by-play with columns \['EVENTMSGTYPE', .*got \[\]"),
        ("plays.csv", "a,b\n1,2\n", r"got \['a', 'b'\]"),
        ("plays.json", "{}", "must be a play-by-play with resultSets"),
        ("plays.json", "[", "plays.json cannot be read as JSON"),
    ],
)
def test_broken_play_by_play(write, name, content, message):
    with pytest.raises(ValueError, match=message):
        read_sportvu(write(GAME), play_by_play=write(content, name))


def test_play_by_play_in_place_of_the_game(write):
    with pytest.raises(ValueError, match=r"path must be a game file, .*plays.csv; a play-by-play goes to play_by_play"):
        read_sportvu(write("GAME_ID\n21500492\n", "plays.csv"))


def test_play_by_play_of_another_game_or_without_sense(write, write_attempts):
    path = write(GAME)
    with pytest.raises(ValueError, match="is the play-by-play of game 0021500493, not of 21500492"):
        read_sportvu(path, play_by_play=write_attempts((1, 1, "11:38", SHOOTER), game="0021500493"))
    with pytest.raises(ValueError, match="minutes:seconds as PCTIMESTRING, got .*'noon'"):
        read_sportvu(path, play_by_play=write_attempts((1, 1, "noon", SHOOTER)))


@pytest.mark.parametrize("parameters, message", [({"reach": 0}, "reach"), ({"horizon": -1.0}, "horizon")])
def test_bad_parameters_are_named(write, parameters, message):
    with pytest.raises(ValueError, match=message):
        read_sportvu(write(GAME), **parameters)


def pack(path, *files):
    py7zr = pytest.importorskip("py7zr", reason="py7zr is not installed (extra sportvu)")
    with py7zr.SevenZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return path


def test_7z(write, tmp_path):
    plain = write(GAME)
    packed = read_sportvu(pack(tmp_path / "game.7z", plain, write("of this and that", "notes.txt")))
    np.testing.assert_array_equal(packed.data, read_sportvu(plain).data)


def test_broken_7z(write, tmp_path):
    with pytest.raises(ValueError, match=r"must contain one JSON file, got \['notes.txt'\]"):
        read_sportvu(pack(tmp_path / "none.7z", write("nothing", "notes.txt")))
    with pytest.raises(ValueError, match="must contain one JSON file, got"):
        read_sportvu(pack(tmp_path / "two.7z", write(GAME), write(GAME, "other.json")))
    with pytest.raises(ValueError, match="cannot be read as a 7z archive; it may be damaged"):
        read_sportvu(write("not packed", "text.7z"))
    whole = pack(tmp_path / "whole.7z", write(GAME)).read_bytes()
    (tmp_path / "half.7z").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cannot be read as a 7z archive; it may be damaged"):
        read_sportvu(tmp_path / "half.7z")


def test_missing_py7zr_names_the_extra(write, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("sklearn_mrtl._utils.optional.import_module", missing)
    with pytest.raises(ImportError, match=r"sklearn-mrtl\[sportvu\]"):
        read_sportvu(write("", "game.7z"))
