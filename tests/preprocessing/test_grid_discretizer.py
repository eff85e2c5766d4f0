import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl import Grid
from sklearn_mrtl.preprocessing import GridDiscretizer

COURT = Grid("court", (5, 7), bounds=[(-25, 25), (0, 47)])
BOX = Grid("box", (2, 3, 4), bounds=[(0, 1), (0, 1), (-1, 1)])


WIDE = Grid("x", 4, bounds=(-1e4, 1e4))


@parametrize_with_checks(
    [GridDiscretizer(WIDE), GridDiscretizer(WIDE, outside="clip", sparse_output=False, dtype=np.float32)]
)
def test_check_estimator(estimator, check):
    check(estimator)


def uniform_points(grid, n_samples, n_points, seed=0):
    low, high = np.transpose(grid.bounds)
    return np.random.default_rng(seed).uniform(low, high, (n_samples, n_points, len(low)))


def slow_counts(grid, points):
    """histogramdd of every row."""
    rows = [
        np.histogramdd(row[~np.isnan(row).all(axis=1)], bins=grid.shape, range=grid.bounds)[0].ravel() for row in points
    ]
    return np.array(rows)


@pytest.mark.parametrize("grid", [COURT, BOX, Grid("line", 6, bounds=(0, 3))])
@pytest.mark.parametrize("n_points", [1, 5])
def test_counts_are_those_of_histogramdd(grid, n_points):
    points = uniform_points(grid, 60, n_points)
    points[::7, -1] = np.nan
    counts = GridDiscretizer(grid).fit_transform(points.reshape(60, -1))
    assert issparse(counts) and counts.format == "csr" and counts.has_sorted_indices
    np.testing.assert_array_equal(counts.toarray(), slow_counts(grid, points))


def test_first_coordinate_is_the_first_axis():
    row = GridDiscretizer(COURT).fit_transform([[-24.0, 46.0]]).toarray()
    assert np.argwhere(row.reshape(COURT.shape)).tolist() == [[0, 6]]


@pytest.mark.parametrize("bounds, n", [((0, 1), 49), ((-0.7, 2.3), 30), ((-1e6, 1e6), 7), ((0.1, 0.3), 1000)])
def test_borders_are_half_open_and_the_last_cell_is_closed(bounds, n):
    edges = np.linspace(*bounds, n + 1)
    below, above = np.nextafter(edges[1:], -np.inf), np.nextafter(edges[:-1], np.inf)
    x = np.concatenate((edges, below, above))
    cells = GridDiscretizer(Grid("line", n, bounds=bounds)).fit_transform(x[:, None]).indices
    np.testing.assert_array_equal(cells, np.minimum(np.digitize(x, edges) - 1, n - 1))
    np.testing.assert_array_equal(cells[: n + 1], [*range(n), n - 1])


@settings(deadline=None, max_examples=200)
@given(
    low=st.floats(-1e6, 1e6),
    width=st.floats(1e-2, 1e6),
    n=st.integers(1, 200),
    fraction=st.floats(0, 1),
    edge=st.integers(0, 200),
    step=st.sampled_from([-1, 0, 1]),
    periodic=st.booleans(),
)
def test_the_cell_of_a_point_contains_it(low, width, n, fraction, edge, step, periodic):
    """Anywhere within the bounds, and at or next to an edge between two cells."""
    high = low + width
    edges = np.linspace(low, high, n + 1)
    beside = edges[edge % (n + 1)]
    beside = beside if step == 0 else np.nextafter(beside, step * np.inf)
    x = np.clip([low + fraction * width, beside, low, high], low, high)
    grid = Grid("line", n, bounds=(low, high), periodic=periodic)
    cell = GridDiscretizer(grid).fit_transform(x[:, None]).indices
    at_top = x == high
    assert (edges[cell] <= x)[~at_top].all() and (x < edges[cell + 1])[~at_top].all()
    assert (cell[at_top] == (0 if periodic else n - 1)).all()


def test_points_in_one_cell_add_up():
    row = GridDiscretizer(COURT).fit_transform([[0.0, 1.0, 20.0, 40.0, 0.5, 1.5]])
    assert sorted(row.data) == [1, 2] and row.nnz == 2


def test_a_row_without_points_is_empty():
    X = np.array([[0.0, 1.0], [np.nan, np.nan]])
    counts = GridDiscretizer(COURT).fit_transform(X)
    assert counts.shape == (2, 35) and counts[1].nnz == 0


def test_a_partly_missing_point_is_refused():
    with pytest.raises(ValueError, match=r"1 points have some coordinates NaN.*point 1 of row 1"):
        GridDiscretizer(COURT).fit([[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 2.0, np.nan]])


X_OUTSIDE = np.array([[0.0, 1.0], [-26.0, 50.0], [3.0, 47.1], [25.0, 47.0]])


def test_outside_error_says_how_many_and_where():
    with pytest.raises(ValueError, match=r"2 of 4 points outside the bounds .*-25.* 'court'; the first is .*row 1"):
        GridDiscretizer(COURT).fit(X_OUTSIDE)
    discretizer = GridDiscretizer(COURT).fit(X_OUTSIDE[[0, 3]])
    assert discretizer.n_outside_ == 0
    with pytest.raises(ValueError, match="2 of 4 points"):
        discretizer.transform(X_OUTSIDE)


def test_outside_drop_leaves_them_out():
    discretizer = GridDiscretizer(COURT, outside="drop").fit(X_OUTSIDE)
    assert discretizer.n_outside_ == 2
    with pytest.warns(UserWarning, match="2 of 4 points .* left out"):
        counts = discretizer.transform(X_OUTSIDE)
    np.testing.assert_array_equal(counts.sum(axis=1).ravel(), [[1, 0, 0, 1]])
    assert discretizer.n_outside_ == 2


def test_outside_clip_moves_them_to_the_border():
    with pytest.warns(UserWarning, match="2 of 4 points .* moved"):
        counts = GridDiscretizer(COURT, outside="clip").fit_transform(X_OUTSIDE)
    inside = np.clip(X_OUTSIDE, [-25, 0], [25, 47])
    np.testing.assert_array_equal(counts.toarray(), GridDiscretizer(COURT).fit_transform(inside).toarray())


@pytest.mark.filterwarnings("ignore:.*more than a period outside")
def test_periodic_axes_wrap():
    globe = Grid("globe", (36, 18), bounds=[(-180, 180), (-90, 90)], periodic=(True, False))
    discretizer = GridDiscretizer(globe)
    points = uniform_points(globe, 50, 1)[:, 0]
    inside = discretizer.fit_transform(points)
    for turns in (-720, -360, 360, 1080):
        shifted = discretizer.fit_transform(points + [turns, 0])
        assert discretizer.n_outside_ == 0
        np.testing.assert_array_equal(shifted.indices, inside.indices)
    np.testing.assert_array_equal(discretizer.fit_transform([[180.0, 0], [-180.0, 0], [540.0, 0]]).indices, [9, 9, 9])
    with pytest.raises(ValueError, match="1 of 1 points"):
        discretizer.transform([[0.0, 91.0]])


def test_what_is_not_a_grid_with_bounds_is_refused():
    X = np.zeros((2, 2))
    with pytest.raises(TypeError, match="must be a Grid, got 'court'"):
        GridDiscretizer("court").fit(X)
    with pytest.raises(ValueError, match=r"Grid\('court', \(5, 7\)\) needs bounds"):
        GridDiscretizer(Grid("court", (5, 7))).fit(X)
    with pytest.raises(ValueError, match="outside must be one of"):
        GridDiscretizer(COURT, outside="ignore").fit(X)
    with pytest.raises(ValueError, match="2 columns for each point.*got 3"):
        GridDiscretizer(COURT).fit(np.zeros((2, 3)))


def test_dtype_names_pickle_and_clone():
    discretizer = GridDiscretizer(COURT, dtype=np.float32)
    X = uniform_points(COURT, 10, 1)[:, 0]
    counts = discretizer.fit_transform(X)
    assert counts.dtype == np.float32 and isinstance(counts, csr_matrix)
    names = discretizer.get_feature_names_out()
    assert names[3 * 7 + 5] == "court_3_5" and len(names) == COURT.size
    for other in (pickle.loads(pickle.dumps(discretizer)), clone(discretizer).fit(X)):
        np.testing.assert_array_equal(other.transform(X).toarray(), counts.toarray())


def test_beside_one_hot_players_in_a_column_transformer():
    pd = pytest.importorskip("pandas")
    shots = pd.DataFrame({"player": ["a", "b", "a"], "x": [0.0, 1.0, 24.0], "y": [5.0, 6.0, 46.0]})
    encode = ColumnTransformer(
        [
            ("player", OneHotEncoder(handle_unknown="ignore"), ["player"]),
            ("court", GridDiscretizer(COURT), ["x", "y"]),
        ]
    )
    X = encode.fit_transform(shots)
    assert issparse(X) and X.format == "csr" and X.shape == (3, 2 + 35)
    np.testing.assert_array_equal(X[:, 2:].toarray(), GridDiscretizer(COURT).fit_transform(shots[["x", "y"]]).toarray())
    assert encode.get_feature_names_out()[-1] == "court__court_4_6"
    unseen = encode.transform(shots.assign(player="z"))
    assert unseen[:, :2].nnz == 0
    pickle.loads(pickle.dumps(clone(encode).fit(shots)))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("made_of", ["pandas", "polars"])
def test_tables_in_and_out_of_a_column_transformer(library, made_of):
    frames, source = pytest.importorskip(library), pytest.importorskip(made_of)
    x, y = uniform_points(COURT, 30, 1)[:, 0].T
    shots = source.DataFrame({"player": ["a", "b", "c"] * 10, "x": x, "y": y})
    encode = ColumnTransformer(
        [
            ("player", OneHotEncoder(sparse_output=False), ["player"]),
            ("court", GridDiscretizer(COURT, sparse_output=False), ["x", "y"]),
        ]
    ).set_output(transform=library)
    table = encode.fit_transform(shots)
    assert isinstance(table, frames.DataFrame) and list(table.columns) == list(encode.get_feature_names_out())
    counts = GridDiscretizer(COURT).fit_transform(np.column_stack((x, y)))
    np.testing.assert_array_equal(table.to_numpy()[:, 3:], counts.toarray())
    np.testing.assert_array_equal(table["court__court_4_6"], counts.toarray()[:, -1])
    label = np.arange(30) % 2
    model = make_pipeline(encode, LogisticRegression()).fit(shots, label)
    assert model[-1].feature_names_in_[0] == "player__player_a"


def test_polars_frames():
    pl = pytest.importorskip("polars")
    X = uniform_points(COURT, 10, 1)[:, 0]
    frame = pl.DataFrame({"x": X[:, 0], "y": X[:, 1]})
    discretizer = GridDiscretizer(COURT).fit(frame)
    np.testing.assert_array_equal(discretizer.feature_names_in_, ["x", "y"])
    np.testing.assert_array_equal(discretizer.transform(frame).indices, discretizer.fit_transform(X).indices)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("bounds", [(0, 0.1), (0.1, 0.3), (-0.7, 47.1), (-1 / 3, 1 / 3)])
def test_bounds_in_the_precision_of_the_points_are_within(dtype, bounds):
    at_bounds = np.array(bounds, dtype)[:, None]
    discretizer = GridDiscretizer(Grid("line", 10, bounds=bounds)).fit(at_bounds)
    np.testing.assert_array_equal(discretizer.transform(at_bounds).indices, [0, 9])
    beyond = np.nextafter(at_bounds, np.array([[-np.inf], [np.inf]], dtype))
    assert discretizer.set_params(outside="drop").fit(beyond).n_outside_ == 2


@pytest.mark.parametrize("high", [1e-100, 1e-50, 1e100])
def test_tiny_and_huge_bounds(high):
    grid = Grid("line", 3, bounds=(0, high))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cells = GridDiscretizer(grid).fit_transform([[0.0], [high]]).indices
    edges = np.linspace(0, high, 4)
    assert edges[cells[0]] <= 0 and cells[1] == 2


@pytest.mark.parametrize("dtype, largest", [(np.int8, 127), (np.uint8, 255), (np.float32, None)])
def test_a_count_that_the_type_cannot_hold_is_refused(dtype, largest):
    discretizer = GridDiscretizer(Grid("line", 2, bounds=(0, 1)), dtype=dtype)
    for n in (100, 3000):
        X = np.r_[np.zeros(n - 40), np.ones(40)][None]
        if largest is None or n - 40 <= largest:
            counts = discretizer.fit_transform(X)
            assert counts.dtype == dtype
            np.testing.assert_array_equal(counts.toarray(), [[n - 40, 40]])
        else:
            with pytest.raises(ValueError, match=f"counts of up to {n - 40} points in a cell, got {np.dtype(dtype)}"):
                discretizer.fit_transform(X)


def test_many_points_in_different_cells_fit_a_small_type():
    X = np.linspace(0, 1, 300)[None]
    counts = GridDiscretizer(Grid("line", 30, bounds=(0, 1)), dtype=np.int8).fit_transform(X)
    assert counts.dtype == np.int8 and counts.sum(dtype=int) == 300


def test_bool_tells_presence():
    counts = GridDiscretizer(Grid("line", 2, bounds=(0, 1)), dtype=bool).fit_transform(np.zeros((1, 300)))
    np.testing.assert_array_equal(counts.toarray(), [[True, False]])


def test_degrees_on_an_axis_of_radians_are_doubted():
    angle = Grid("angle", 8, bounds=(-np.pi, np.pi), periodic=True)
    with pytest.warns(UserWarning, match=r"2 of 3 points are more than a period outside .* of 'angle', such as 90.0"):
        GridDiscretizer(angle).fit([[90.0], [3.0], [-180.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GridDiscretizer(angle).fit([[4.0], [2 * np.pi], [-4.0], [np.nan]])
