"""Plain encodings whose columns are not those of the modes."""

import warnings
from itertools import permutations

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

from sklearn_mrtl import Feature, Grid, MRTLClassifier
from sklearn_mrtl._estimators.columns import one_hot_order
from sklearn_mrtl.preprocessing import GridDiscretizer

COURT = Grid("court", (4, 5), bounds=[(0, 4), (0, 5)])
RNG = np.random.default_rng(0)
N = 300
Y = RNG.integers(0, 2, N)
PLAYER = OneHotEncoder(categories=[range(6)]).fit_transform(RNG.integers(0, 6, (N, 1)))
# No point in the first cells: after a shift by one column an empty column is all that tells.
POINTS = RNG.uniform([1, 0], [4, 5], (N, 2))
CELLS = sparse.csr_matrix(GridDiscretizer(COURT).fit_transform(POINTS))
AGE, HOME, NOTHING = RNG.uniform(20, 35, (N, 1)), RNG.integers(0, 2, (N, 1)), np.zeros((N, 1))


def fit(blocks, modes):
    X = sparse.hstack(blocks, format="csr")
    return MRTLClassifier(modes, rank=2, resolutions="fixed", max_epochs=2).fit(X, Y)


def test_one_size_is_inferred_from_one_hot_columns():
    assert fit([PLAYER, CELLS], ["player", COURT]).modes_[0] == Feature("player", 6)
    assert fit([CELLS, PLAYER], [COURT, "player"]).modes_[1] == Feature("player", 6)


@pytest.mark.parametrize("extra", [AGE, HOME, NOTHING], ids=["number", "binary", "nothing"])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_column_too_many_is_refused(extra, position):
    blocks = [PLAYER, CELLS]
    blocks.insert(position, extra)
    with pytest.raises(ValueError, match=r"Feature\('player'\) has no size.*not the one-hot.*ModeEncoder"):
        fit(blocks, ["player", COURT])


def test_a_column_too_few_is_refused():
    with pytest.raises(ValueError, match="rows without an entry"):
        fit([PLAYER, CELLS[:, :-1]], ["player", COURT])
    quarter = OneHotEncoder().fit_transform(RNG.integers(0, 7, (N, 1)))  # the eighth did not occur
    with pytest.raises(ValueError, match="has no size"):
        fit([PLAYER, quarter, CELLS], ["player", Feature("quarter", 8), COURT])


def test_encodings_in_another_order_than_the_modes():
    with pytest.raises(ValueError, match="has no size"):
        fit([CELLS, PLAYER], ["player", COURT])
    with pytest.raises(ValueError, match=r"in the order \['court', 'player'\], not in that of the modes, \['player', "):
        fit([CELLS, PLAYER], [Feature("player", 6), COURT])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_columns_is_found(order):
    sizes = {"a": 2, "b": 3, "c": 5}
    blocks = [np.eye(size)[np.arange(60) % size] for size in sizes.values()]
    names = [list(sizes)[m] for m in order]
    X = sparse.csr_array(np.hstack([blocks[m] for m in order]))
    assert one_hot_order(X, sizes) == names
    backwards = sparse.csr_array((X.data, X.indices.reshape(60, 3)[:, ::-1].ravel(), X.indptr), X.shape)
    assert one_hot_order(backwards, sizes) == names
    X = X.toarray()
    X[7] = [1, 1, 1, *np.zeros(7)]
    assert one_hot_order(sparse.csr_array(X), sizes) is None


def test_a_forgotten_mode_is_refused():
    with pytest.raises(ValueError, match=f"{N} rows with several entries"):
        fit([PLAYER, OneHotEncoder().fit_transform(HOME), CELLS], ["player", COURT])


def test_two_sizes_left_open():
    with pytest.raises(ValueError, match=r"at most one size .* Feature\('player'\), Feature\('home'\).*ModeEncoder"):
        fit([PLAYER, OneHotEncoder().fit_transform(HOME), CELLS], ["player", "home", COURT])


def test_sizes_that_are_given_leave_the_entries_free():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit([sparse.csr_matrix(np.hstack([AGE, AGE[::-1]])), CELLS], [Feature("numbers", 2), COURT])
        fit([PLAYER, CELLS + CELLS[::-1]], [Feature("player", 6), COURT])


def named_encodings(*order):
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"player": [f"p_{i}" for i in PLAYER.indices], "x": POINTS[:, 0], "y": POINTS[:, 1]})
    table["age"] = AGE[:, 0]
    encoders = {
        "player": ("player", OneHotEncoder(sparse_output=False), ["player"]),
        "court": ("place", GridDiscretizer(COURT, sparse_output=False), ["x", "y"]),
        "age": ("age", "passthrough", ["age"]),
    }
    return ColumnTransformer([encoders[name] for name in order]).set_output(transform="pandas").fit_transform(table)


@pytest.mark.parametrize("size", [None, 6])
def test_names_of_columns_in_the_order_of_the_modes(size):
    model = MRTLClassifier([Feature("player", size), COURT], rank=2).fit(named_encodings("player", "court"), Y)
    assert model.modes_[0].size == 6


@pytest.mark.parametrize("size", [None, 6])
def test_names_of_columns_in_another_order(size):
    with pytest.raises(ValueError, match=r"names of others: 'place__court_0_0'"):
        MRTLClassifier([Feature("player", size), COURT]).fit(named_encodings("court", "player"), Y)


@pytest.mark.parametrize("order", [("age", "player", "court"), ("player", "age", "court")])
def test_a_named_column_too_many(order):
    with pytest.raises(ValueError, match="names of others: 'age__age'"):
        MRTLClassifier(["player", COURT]).fit(named_encodings(*order), Y)


def test_names_that_say_nothing_are_not_compared():
    X = named_encodings("player", "court")
    X.columns = [f"c{i}" for i in range(X.shape[1])]
    MRTLClassifier([Feature("player", 6), COURT], rank=2).fit(X, Y)
