"""Distance and angle: against a loop over complex numbers, and back to x and y."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _check_feature_names_in

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.preprocessing import GridDiscretizer, ModeEncoder, PolarPosition

BASKET = (5.25, 25.0)
COURT = Grid("court", (22, 8), bounds=[(0, 44), (-180, 180)], periodic=(False, True))


class AnyColumns(PolarPosition):
    """Repeats its columns, so that scikit-learn's checks can call it with any number of them."""

    def __init__(self, origin=BASKET):
        super().__init__(origin)

    def _whole_points(self, X):
        return super()._whole_points(np.repeat(X, 2, axis=1))

    def get_feature_names_out(self, input_features=None):
        names = _check_feature_names_in(self, input_features)
        return np.array([f"{name}_{i}" for name in names for i in range(2)], dtype=object)


@parametrize_with_checks([AnyColumns()])
def test_check_estimator(estimator, check):
    check(estimator)


def places(n=200, n_points=2, seed=0):
    return np.random.default_rng(seed).uniform(0, 40, (n, 2 * n_points))


def slow_polar(row, origin):
    """Return distances and angles of one row, point by point, with Python's complex numbers."""
    polar = []
    for x, y in zip(row[::2], row[1::2], strict=True):
        distance, angle = cmath.polar(complex(x, y) - complex(*origin))
        polar += [distance, math.degrees(angle)]
    return polar


@pytest.mark.parametrize("origin", [BASKET, (0, 0), [-7, 50]])
@pytest.mark.parametrize("n_points", [1, 5])
def test_against_a_loop(origin, n_points):
    X = places(n_points=n_points)
    polar = PolarPosition(origin).fit_transform(X)
    np.testing.assert_allclose(polar, [slow_polar(row, origin) for row in X], rtol=1e-12, atol=1e-12)


@given(arrays(float, (3, 4), elements=st.floats(-100, 100)), st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
def test_back_to_x_and_y(X, origin):
    polar = PolarPosition(origin).fit_transform(X)
    distance, angle = polar[:, ::2], np.radians(polar[:, 1::2])
    assert (distance >= 0).all() and (np.abs(angle) <= np.pi).all()
    np.testing.assert_allclose(origin[0] + distance * np.cos(angle), X[:, ::2], atol=1e-10)
    np.testing.assert_allclose(origin[1] + distance * np.sin(angle), X[:, 1::2], atol=1e-10)


def test_directions():
    """Along x, along y, against x, against y, and nowhere; a zero of either sign is the same."""
    X = [[8.0, 25], [6, 27], [3, 25], [6, 20], [6, 25]]
    expected = [[2, 0], [2, 90], [3, 180], [5, -90], [0, 0]]
    np.testing.assert_array_equal(PolarPosition((6, 25)).fit_transform(X), expected)
    zeros = [[-1.0, -0.0], [-0.0, -0.0]]
    np.testing.assert_array_equal(PolarPosition((0, 0)).fit_transform(zeros), [[1, 180], [0, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_all_angles_are_inside_the_grid(dtype):
    X = np.vstack([places(20_000, 1), [[0, BASKET[1]], BASKET]]).astype(dtype)
    X[:100, 1] = np.nextafter(dtype(BASKET[1]), dtype(0))  # just below the ray where -180 and 180 meet
    polar = PolarPosition(BASKET).fit_transform(X)
    assert polar.dtype == dtype and np.abs(polar[:, 1]).max() == 180
    strict = Grid("court", COURT.shape, bounds=COURT.bounds)  # not periodic: 181 degrees would be an error
    assert GridDiscretizer(strict).fit(polar).n_outside_ == 0


def test_both_sides_of_the_seam_fall_into_neighbouring_cells():
    above, below = [0.25, 25.1], [0.25, 24.9]
    encode = make_pipeline(PolarPosition(BASKET), GridDiscretizer(COURT))
    rings, sectors = np.unravel_index(encode.fit_transform([above, below]).toarray().argmax(axis=1), COURT.shape)
    assert rings.tolist() == [2, 2] and sectors.tolist() == [7, 0]


def test_who_is_absent_stays_absent():
    X = np.array([[15.25, 25.0, np.nan, np.nan], [np.nan, np.nan, 5.25, 5.0]])
    np.testing.assert_array_equal(
        PolarPosition(BASKET).fit_transform(X), [[10, 0, np.nan, np.nan], [np.nan, np.nan, 20, -90]]
    )


def test_input_is_not_touched_and_rows_stand_alone():
    X = np.asfortranarray(places())
    before = X.copy()
    polar = PolarPosition(BASKET).fit(X)
    around = polar.transform(X)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(polar.transform(X[[7]])[0], around[7])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_and_names(library):
    frame_library = pytest.importorskip(library)
    X = places()
    table = frame_library.DataFrame(dict(zip(["x", "y", "rebound_x", "rebound_y"], X.T, strict=True)))
    polar = PolarPosition(BASKET).set_output(transform=library)
    around = polar.fit_transform(table)
    names = ["distance_x_y", "angle_x_y", "distance_rebound_x_rebound_y", "angle_rebound_x_rebound_y"]
    assert isinstance(around, frame_library.DataFrame) and list(around.columns) == names
    np.testing.assert_array_equal(around.to_numpy(), PolarPosition(BASKET).fit_transform(X))
    assert PolarPosition(BASKET).fit(X[:, :2]).get_feature_names_out().tolist() == ["distance_x0_x1", "angle_x0_x1"]


def test_in_a_column_transformer_and_in_a_mode_encoder():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(places(50, 1), columns=["x", "y"]).assign(player=np.arange(50) % 3)
    by_columns = ColumnTransformer(
        [
            ("player", OneHotEncoder(), ["player"]),
            ("court", make_pipeline(PolarPosition(BASKET), GridDiscretizer(COURT)), ["x", "y"]),
        ]
    )
    by_modes = ModeEncoder([Feature("player"), (COURT, ["x", "y"], PolarPosition(BASKET))])
    X = by_modes.fit_transform(table)
    np.testing.assert_array_equal(X.toarray(), by_columns.fit_transform(table).toarray())
    assert X.modes == (Feature("player", 3), COURT)
    polar = [slow_polar(row, BASKET) for row in table[["x", "y"]].to_numpy()]
    expected = [8 * int(distance // 2) + int((angle + 180) // 45) for distance, angle in polar]
    np.testing.assert_array_equal(X.toarray()[:, 3:].argmax(axis=1), expected)


@pytest.mark.parametrize(
    "origin, X, message",
    [
        (BASKET, places()[:, :3], r"two columns for each point, x and y, got 3 feature\(s\)"),
        (BASKET, [[0.0, 1, 0, np.nan]], r"1 points have some coordinates NaN.*point 1 of row 0"),
        (BASKET, [[0.0, np.inf]], "infinity"),
        ((1, 2, 3), places(), r"origin must be a point \(x, y\) of finite numbers, got \(1, 2, 3\)"),
        ((1, np.nan), places(), "origin must be a point"),
        ("basket", places(), "origin must be a point .*got 'basket'"),
        (("a", "b"), places(), "origin must be a point"),
        (None, places(), "origin must be a point .*got None"),
    ],
)
def test_bad_input(origin, X, message):
    with pytest.raises(ValueError, match=message):
        PolarPosition(origin).fit(X)
