import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.model_selection import SpatialBlockSplit
from sklearn_mrtl.preprocessing import ModeEncoder

COURT = Grid("court", (50, 40), bounds=[(-25, 25), (0, 40)])
GLOBE = Grid("globe", (36, 18), bounds=[(-180, 180), (-90, 90)], periodic=(True, False))


def points(n=300, grid=COURT, seed=0):
    low, high = np.transpose(grid.bounds)
    return np.random.default_rng(seed).uniform(low, high, (n, len(low)))


def slow_blocks(X, grid, counts):
    """Pairs of block numbers, from the edges of the blocks."""
    edges = [np.linspace(*bounds, n + 1) for bounds, n in zip(grid.bounds, counts, strict=True)]
    return [
        tuple(int(np.clip(np.sum(x >= e) - 1, 0, n - 1)) for x, e, n in zip(row, edges, counts, strict=True))
        for row in X
    ]


@pytest.mark.parametrize("spacing, counts", [(10, (5, 4)), (13, (4, 3)), ((25, 10), (2, 4)), (1000, (1, 1))])
def test_blocks_stay_together_and_every_row_is_tested_once(spacing, counts):
    X = points()
    blocks = slow_blocks(X, COURT, counts)
    n_splits = 4
    cv = SpatialBlockSplit(COURT, spacing, n_splits)
    if np.prod(counts) < n_splits:
        with pytest.raises(ValueError, match="n_splits=4 needs rows in at least as many blocks, got 1 with spacing"):
            next(cv.split(X))
        return
    splits = list(cv.split(X))
    assert len(splits) == cv.get_n_splits() == n_splits
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in splits])), np.arange(len(X)))
    for train, test in splits:
        np.testing.assert_array_equal(train, np.setdiff1d(np.arange(len(X)), test))
        assert not {blocks[row] for row in train} & {blocks[row] for row in test}
    largest = max(blocks.count(block) for block in set(blocks))
    assert np.ptp([len(test) for _, test in splits]) <= largest


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore:Could not balance folds")
@pytest.mark.parametrize("spacing", [10, 12.3, (8, 25)])
def test_against_verde(spacing):
    """With a fold for each block there is nothing to choose; verde takes the region from the data."""
    verde = pytest.importorskip("verde")
    corners = np.array([[-25, 0], [-25, 40], [25, 0], [25, 40]])
    X = np.concatenate([points(), corners])
    per_axis = np.broadcast_to(spacing, 2)
    # verde's own order of spacings is (northing, easting), those of its coordinates (easting, northing).
    _, labels = verde.block_split(tuple(X.T), spacing=tuple(per_axis[::-1]), region=(-25, 25, 0, 40))
    n_blocks = len(np.unique(labels))
    theirs = verde.BlockKFold(spacing=tuple(per_axis[::-1]), n_splits=n_blocks)
    mine = SpatialBlockSplit(COURT, spacing, n_blocks)
    expected = {frozenset(test.tolist()) for _, test in theirs.split(X)}
    assert {frozenset(test.tolist()) for _, test in mine.split(X)} == expected
    assert len(expected) == n_blocks

    few = verde.BlockKFold(spacing=tuple(per_axis[::-1]), n_splits=3, balance=True)
    spread = [np.ptp([len(test) for _, test in cv.split(X)]) for cv in (SpatialBlockSplit(COURT, spacing, 3), few)]
    assert spread[0] <= spread[1]


def test_a_score_on_blocks_does_not_profit_from_neighbours():
    """Maps whose blocks have nothing to do with each other: neighbours tell all, other places nothing."""
    X, rng = points(1000), np.random.default_rng(1)
    block = np.array(slow_blocks(X, COURT, (5, 4)))
    maps = [rng.normal(size=(5, 4))[block[:, 0], block[:, 1]] for _ in range(10)]

    def score(cv):
        return np.mean([cross_val_score(KNeighborsRegressor(3), X, y, cv=cv).mean() for y in maps])

    assert score(5) > 0.5
    assert score(SpatialBlockSplit(COURT, 10)) < 0


def test_periodic_axes_wrap_and_points_outside_go_to_the_nearest_block():
    X = points(grid=GLOBE)
    cv = SpatialBlockSplit(GLOBE, 60, 4)
    expected = [test.tolist() for _, test in cv.split(X)]
    assert [test.tolist() for _, test in cv.split(X + [360, 0])] == expected
    beyond = np.where(np.abs(X[:, [1]]) > 80, X * [1, 2], X)
    assert [test.tolist() for _, test in cv.split(beyond)] == expected


def test_a_grid_without_bounds_counts_in_cells():
    X = points() + [25, 0]
    mine = SpatialBlockSplit(Grid("court", (50, 40)), 10, 3).split(X)
    for (_, test), (_, same) in zip(mine, SpatialBlockSplit(COURT, 10, 3).split(points()), strict=True):
        np.testing.assert_array_equal(test, same)


def test_an_estimator_takes_the_splits_of_a_table():
    X, rng = points(400), np.random.default_rng(0)
    y = np.cos(X[:, 0] / 10) + rng.normal(size=len(X))
    encodings = ModeEncoder([(COURT, [0, 1])]).fit_transform(X)
    cv = SpatialBlockSplit(COURT, 10, 4)
    model = MRTLRegressor(cv=list(cv.split(X)), random_state=0).fit(encodings, y)
    groups = np.select([np.isin(np.arange(len(X)), test) for _, test in cv.split(X)], range(4))
    same = MRTLRegressor(cv=GroupKFold(4), random_state=0).fit(encodings, y, groups=groups)
    assert [tried["error"] for tried in model.alpha_path_] == pytest.approx([t["error"] for t in same.alpha_path_])
    with pytest.raises(ValueError, match=r"As cv of an estimator.*cv=list\(splitter.split\(table\)\)"):
        MRTLRegressor(cv=cv).fit(encodings, y)


def test_columns_of_tables_and_routed_coordinates():
    pd = pytest.importorskip("pandas")
    X = points()
    expected = [test.tolist() for _, test in SpatialBlockSplit(COURT, 10).split(X)]
    table = pd.DataFrame({"player": "a", "x": X[:, 0], "y": X[:, 1]})
    assert [test.tolist() for _, test in SpatialBlockSplit(COURT, 10, columns=["x", "y"]).split(table)] == expected
    wide = np.column_stack([np.zeros(len(X)), X])
    cv = SpatialBlockSplit(COURT, 10, columns=[1, 2])
    assert [test.tolist() for _, test in cv.split(wide)] == expected
    cv = SpatialBlockSplit(COURT, 10)
    assert [test.tolist() for _, test in cv.split(wide, coordinates=X)] == expected
    y = wide @ [1.0, 2.0, 3.0]
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(Ridge(), wide, y, cv=cv.set_split_request(coordinates=True), params={"coordinates": X})
    np.testing.assert_allclose(scores, 1, atol=1e-3)


@pytest.mark.parametrize(
    "cv, X, error, message",
    [
        (SpatialBlockSplit("court", 10), points(), TypeError, "grid must be a Grid, got 'court'"),
        (SpatialBlockSplit(COURT, 0), points(), ValueError, "spacing must be a positive number.*got 0"),
        (SpatialBlockSplit(COURT, (1, 2, 3)), points(), ValueError, r"each of the 2 axes .*got \(1, 2, 3\)"),
        (SpatialBlockSplit(COURT, 10, 1), points(), ValueError, "n_splits must be an int of at least 2, got 1"),
        (
            SpatialBlockSplit(COURT, 10),
            np.zeros((9, 3)),
            ValueError,
            r"each of the 2 axes .*got shape \(9, 3\): name those .*columns=.*cv=list\(",
        ),
        (SpatialBlockSplit(COURT, 10), sparse.csr_array((9, 30)), ValueError, r"got shape \(9, 30\): name those"),
        (SpatialBlockSplit(COURT, 10), np.full((9, 2), np.nan), ValueError, "coordinates contains NaN"),
    ],
)
def test_bad_parameters(cv, X, error, message):
    with pytest.raises(error, match=message):
        next(cv.split(X))
