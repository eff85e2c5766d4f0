"""Positions around the player: against complex numbers, and what must hold of any rotation."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _check_feature_names_in

from sklearn_mrtl import Grid
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import GridDiscretizer, RelativePosition

EVERYWHERE = ((-np.inf, np.inf), (-np.inf, np.inf))
BOX = Grid("defenders", (12, 12), bounds=[(-6, 6), (-2, 10)])
BASKET = (5.25, 25.0)


class AnyColumns(RelativePosition):
    """Repeats its columns, so that scikit-learn's checks can call it with any number of them."""

    def _whole_points(self, X):
        return super()._whole_points(np.repeat(X, 4, axis=1))

    def get_feature_names_out(self, input_features=None):
        names = _check_feature_names_in(self, input_features)
        return np.array([f"{name}_{i}" for name in names for i in range(4)], dtype=object)[2:]


@parametrize_with_checks([AnyColumns(), AnyColumns(box=((-np.inf, np.inf), (-np.inf, np.inf)))])
def test_check_estimator(estimator, check):
    check(estimator)


def frames(n=200, n_others=5, seed=0):
    return np.random.default_rng(seed).uniform(0, 40, (n, 2 + 2 * n_others))


def slow_around(row, basket, box):
    """One frame by complex numbers: dividing by the direction to the basket turns that direction to the real axis."""
    player, *others = row[::2] + 1j * row[1::2]
    to_basket = complex(*basket) - player
    positions = []
    for other in others:
        seen = (other - player) / (to_basket / abs(to_basket))  # real: towards the basket, imaginary: to the left
        x, y = -seen.imag, seen.real
        inside = box[0][0] <= x <= box[0][1] and box[1][0] <= y <= box[1][1]
        positions += [x, y] if inside else [np.nan, np.nan]
    return positions


@pytest.mark.parametrize("box", [BOX.bounds, EVERYWHERE, ((-30, 1), (0.5, np.inf))])
@pytest.mark.parametrize("n_others", [1, 5])
def test_against_complex_numbers(box, n_others):
    X = frames(n_others=n_others)
    relative = RelativePosition(basket=(7, 3), box=box)
    around = relative.fit_transform(X)
    np.testing.assert_allclose(around, [slow_around(row, (7, 3), box) for row in X], atol=1e-12)
    assert relative.n_outside_ == np.isnan(around).sum() / 2


points = arrays(float, 8, elements=st.floats(-100, 100).map(lambda x: round(x, 6)))


@given(points)
def test_distances_are_kept(row):
    around = RelativePosition(box=EVERYWHERE).fit_transform(row[None]).reshape(-1, 2)
    np.testing.assert_allclose(np.linalg.norm(around, axis=1), np.linalg.norm(row[2:].reshape(-1, 2) - row[:2], axis=1))
    for i, j in [(0, 1), (0, 2), (1, 2)]:
        before = row[2 + 2 * i : 4 + 2 * i] - row[2 + 2 * j : 4 + 2 * j]
        np.testing.assert_allclose(np.linalg.norm(around[i] - around[j]), np.linalg.norm(before), atol=1e-9)


@given(points)
def test_the_basket_is_straight_up(row):
    row[2:4] = BASKET
    x, y = RelativePosition(box=EVERYWHERE).fit_transform(row[None])[0, :2]
    np.testing.assert_allclose([x, y], [0, np.hypot(*(row[:2] - BASKET))], atol=1e-9)


@given(points, st.floats(-np.pi, np.pi), st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
def test_turning_and_moving_the_court_changes_nothing(row, angle, shift):
    court = np.append(row, BASKET).reshape(-1, 2)
    if np.hypot(*(court[0] - court[-1])) < 1e-3:
        return
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    relative = RelativePosition(basket=None, box=EVERYWHERE)
    moved = (court @ turn.T + shift).reshape(1, -1)
    np.testing.assert_allclose(
        relative.fit_transform(moved), relative.fit_transform(court.reshape(1, -1)), rtol=1e-6, atol=1e-6
    )


def test_left_and_right_are_not_swapped():
    """From the middle of the court to the basket at its left end, the larger y is to the right."""
    np.testing.assert_array_equal(RelativePosition().fit_transform([[20.0, 25.0, 20.0, 28.0]]), [[3, 0]])


def test_at_the_basket_nothing_is_turned():
    around = RelativePosition().fit_transform([[*BASKET, 6.25, 28.0], [*BASKET, 1.25, 23.0]])
    np.testing.assert_array_equal(around, [[1, 3], [-4, -2]])


def test_a_basket_in_each_row():
    X = frames()
    own = RelativePosition(basket=None).fit_transform(np.hstack((X, np.tile([7.0, 3.0], (len(X), 1)))))
    np.testing.assert_array_equal(own, RelativePosition(basket=(7, 3)).fit_transform(X))


def test_the_box_is_closed_as_the_grid_is():
    corners = [[20.0, 25.0, 20.0 - y, 25.0 + x] for x in BOX.bounds[0] for y in BOX.bounds[1]]
    relative = RelativePosition().fit(corners)
    assert relative.n_outside_ == 0
    assert GridDiscretizer(BOX).fit_transform(relative.transform(corners)).sum() == 4
    beyond = np.array(corners) + np.outer([-1, -1, 1, 1], [0, 0, 0, 1e-9])
    assert np.isnan(relative.transform(beyond)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_nothing_kept_is_outside_the_grid(dtype):
    X = frames(20_000).astype(dtype)
    box = ((-6.1, 6.1), (-2.3, 10.7))
    around = RelativePosition(box=box).fit_transform(X)
    assert around.dtype == dtype
    assert GridDiscretizer(Grid("box", (3, 4), bounds=box)).fit(around).n_outside_ == 0


def test_who_is_absent_stays_absent_and_is_not_counted():
    X = np.array([[20.0, 25, np.nan, np.nan, 18, 25], [np.nan, np.nan, 20, 25, 18, 25]])
    relative = RelativePosition().fit(X)
    np.testing.assert_array_equal(relative.transform(X), [[np.nan, np.nan, 0, 2], [np.nan] * 4])
    assert relative.n_outside_ == 0


def test_input_is_not_touched_and_rows_stand_alone():
    X = frames()
    before = X.copy()
    relative = RelativePosition().fit(X)
    around = relative.transform(X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(relative.transform(X[[7]])[0], around[7])


def test_the_default_is_what_make_shots_has():
    shots = make_shots(10, random_state=0)
    assert RelativePosition().box == shots.modes[2].bounds


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_and_names(library):
    frame_library = pytest.importorskip(library)
    names = ["x", "y", "defender_1_x", "defender_1_y", "defender_2_x", "defender_2_y"]
    X = frames(n_others=2)
    table = frame_library.DataFrame(dict(zip(names, X.T, strict=True)))
    relative = RelativePosition().set_output(transform=library)
    around = relative.fit_transform(table)
    assert isinstance(around, frame_library.DataFrame) and list(around.columns) == names[2:]
    np.testing.assert_array_equal(around.to_numpy(), RelativePosition().fit_transform(X))
    np.testing.assert_array_equal(relative.get_feature_names_out(), names[2:])


def test_names_without_a_table():
    assert RelativePosition().fit(frames(n_others=1)).get_feature_names_out().tolist() == ["x2", "x3"]
    assert RelativePosition(basket=None).fit(frames(n_others=2)).get_feature_names_out().tolist() == ["x2", "x3"]


def test_in_a_column_transformer_as_multi_hot():
    pd = pytest.importorskip("pandas")
    places = ["x", "y", "defender_1_x", "defender_1_y", "defender_2_x", "defender_2_y"]
    table = pd.DataFrame(frames(50, 2), columns=places).assign(player=np.arange(50) % 3)
    court = Grid("court", (4, 5), bounds=[(0, 40), (0, 50)])
    encode = ColumnTransformer(
        [
            ("player", OneHotEncoder(), ["player"]),
            ("court", GridDiscretizer(court), ["x", "y"]),
            ("defenders", make_pipeline(RelativePosition(), GridDiscretizer(BOX)), places),
        ]
    )
    X = encode.fit_transform(table)
    assert X.shape == (50, 3 + 20 + 144)
    around = RelativePosition().fit_transform(table[places])
    np.testing.assert_array_equal(X[:, 23:].sum(axis=1).ravel(), [(~np.isnan(around)).sum(axis=1) / 2])
    assert encode.get_feature_names_out()[-1] == "defenders__defenders_11_11"


@pytest.mark.parametrize(
    "relative, X, message",
    [
        (RelativePosition(), frames()[:, :5], r"columns x and y of the player, .*at least 4, got 5 feature\(s\)"),
        (RelativePosition(), frames()[:, :2], "at least 4, got 2"),
        (
            RelativePosition(basket=None),
            frames()[:, :4],
            "then of the basket, as basket=None says: .*at least 6, got 4",
        ),
        (RelativePosition(), [[0.0, np.nan, 1, 1]], r"1 points have some coordinates NaN.*point 0 of row 0"),
        (RelativePosition(), [[0.0, np.inf, 1, 1]], "infinity"),
        (
            RelativePosition(basket=(1, 2, 3)),
            frames(),
            r"basket must be a point \(x, y\) of finite numbers, or None .*got \(1, 2, 3\)",
        ),
        (RelativePosition(basket=(1, np.nan)), frames(), "basket must be a point"),
        (RelativePosition(box=(12, 12)), frames(), r"box must have a \(low, high\) .*got \(12, 12\)"),
        (RelativePosition(box=((6, -6), (-2, 10))), frames(), "low < high"),
    ],
)
def test_bad_input(relative, X, message):
    with pytest.raises(ValueError, match=message):
        relative.fit(X)


def test_pickle_and_clone():
    X = frames()
    relative = RelativePosition(basket=(7, 3)).fit(X)
    for other in (pickle.loads(pickle.dumps(relative)), clone(relative).fit(X)):
        np.testing.assert_array_equal(other.transform(X), relative.transform(X))
