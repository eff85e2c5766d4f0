import pickle
import warnings
from contextlib import suppress

import joblib
import numpy as np
import pytest
from scipy import sparse
from scipy.stats import randint
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.preprocessing import GridDiscretizer, ModeEncoder, PolarPosition, RelativePosition

COURT = Grid("court", (5, 6), bounds=[(0, 40), (0, 50)])
BOX = Grid("defenders", (3, 4), bounds=[(-6, 6), (-2, 10)])
LIBRARIES = ["pandas", "polars"]


@parametrize_with_checks([ModeEncoder([(Grid("x", 4, bounds=(-1e4, 1e4)), 0)])])
def test_check_estimator(estimator, check):
    check(estimator)


def columns_of_shots(n=60, seed=0):
    """Players of all kinds of names, positions, two defenders of whom one may be absent, two numbers."""
    rng = np.random.default_rng(seed)
    defenders = rng.uniform([-6, -2], [6, 10], (n, 2, 2))
    defenders[rng.random((n, 2)) < 0.3] = np.nan
    return {
        "player": rng.choice(["Ann", "Bo", "Cy"], n),
        "number": rng.choice([23, -5, 8], n),
        "x": rng.uniform(0, 40, n),
        "y": rng.uniform(0, 50, n),
        "d1x": defenders[:, 0, 0], "d1y": defenders[:, 0, 1], "d2x": defenders[:, 1, 0], "d2y": defenders[:, 1, 1],
        "age": rng.uniform(20, 35, n),
        "height": rng.uniform(1.8, 2.2, n),
        "made": rng.integers(0, 2, n),
    }  # fmt: skip


def frame(library, columns):
    return pytest.importorskip(library).DataFrame(columns)


MODES = [
    "player",
    (COURT, ["x", "y"]),
    (BOX, ["d1x", "d1y", "d2x", "d2y"]),
    (Feature("body"), ["age", "height"]),
    Feature("number", 3),
]


def slow_encodings(columns):
    """The encodings of MODES by a loop over the rows."""
    rows = []
    for i in range(len(columns["x"])):
        row = {name: values[i] for name, values in columns.items()}
        court, box = np.zeros(COURT.shape), np.zeros(BOX.shape)
        court[int(row["x"] // (40 / 5)), int(row["y"] // (50 / 6))] += 1
        for x, y in ((row["d1x"], row["d1y"]), (row["d2x"], row["d2y"])):
            if not np.isnan(x):
                box[int((x + 6) // 4), int((y + 2) // 3)] += 1
        player = [row["player"] == name for name in sorted(set(columns["player"]))]
        number = [row["number"] == name for name in sorted(set(columns["number"]))]
        rows.append([*player, *court.ravel(), *box.ravel(), row["age"], row["height"], *number])
    return np.array(rows, dtype=float)


@pytest.mark.parametrize("library", LIBRARIES)
def test_encodings_are_those_of_an_explicit_loop(library):
    columns = columns_of_shots()
    X = ModeEncoder(MODES).fit_transform(frame(library, columns))
    assert X.format == "csr" and X.dtype == np.float64 and X.has_canonical_format
    np.testing.assert_array_equal(X.toarray(), slow_encodings(columns))


@pytest.mark.parametrize("library", LIBRARIES)
def test_modes_and_categories_are_those_of_the_columns(library):
    encoder = ModeEncoder(MODES).fit(frame(library, columns_of_shots()))
    assert encoder.modes_ == (Feature("player", 3), COURT, BOX, Feature("body", 2), Feature("number", 3))
    assert {name: values.tolist() for name, values in encoder.categories_.items()} == {
        "player": ["Ann", "Bo", "Cy"],
        "body": ["age", "height"],
        "number": [-5, 8, 23],
    }
    names = encoder.get_feature_names_out()
    assert len(names) == len(set(names)) == 3 + 30 + 12 + 2 + 3
    assert names[[0, 3, 4, -5, -3]].tolist() == ["player_Ann", "court_0_0", "court_0_1", "body_age", "number_-5"]


def test_the_same_as_a_column_transformer():
    shots = frame("pandas", columns_of_shots(500))
    peer = make_column_transformer(
        (OneHotEncoder(), ["player"]), (GridDiscretizer(BOX), ["d1x", "d1y", "d2x", "d2y"]),
        ("passthrough", ["age", "height"]), (OneHotEncoder(), ["number"]), sparse_threshold=1,
    )  # fmt: skip
    X = ModeEncoder([MODES[0], *MODES[2:]]).fit_transform(shots)
    np.testing.assert_array_equal(X.toarray(), peer.fit_transform(shots).toarray())


CATEGORIES = {
    "words": np.array(["b", "a", "c", "a"]),
    "objects": np.array(["b", "a", "c", "a"], dtype=object),
    "bytes": np.array([7, 255, 0, 255], dtype=np.uint8),
    "small ints": np.array([127, -128, 3, -128], dtype=np.int8),
    "wide ints": np.array([2**62, -(2**62), 3, -(2**62)]),
    "huge ints": np.array([2**64 - 1, 2**63, 3, 2**63], dtype=np.uint64),
    "bools": np.array([True, False, True, False]),
    "floats": np.array([0.5, -1.0, 7.0, -1.0]),
    "days": np.array(["2020-01-02", "2020-01-01", "2021-05-05", "2020-01-01"], dtype="M8[D]"),
}


@pytest.mark.parametrize("kind", CATEGORIES)
@pytest.mark.parametrize("library", ["numpy", *LIBRARIES])
def test_categories_of_every_type(kind, library):
    values = CATEGORIES[kind]
    table = values[:, None] if library == "numpy" else frame(library, {"name": values})
    encoder = ModeEncoder([("name", 0, "one-hot")], handle_unknown="ignore").fit(table)
    expected = np.unique(values.astype(str) if kind == "objects" else values)
    found = encoder.categories_["name"]
    np.testing.assert_array_equal(found.astype(expected.dtype), expected)
    np.testing.assert_array_equal(encoder.transform(table).toarray(), values[:, None] == expected)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("values", [["b", "a", None, "a"], [7, 5, None, 5]], ids=["words", "ints"])
def test_missing_categories(library, values):
    """Also where the library makes floats or a nullable type of ints."""
    pd = pytest.importorskip(library)
    table = pd.DataFrame({"name": pd.Series(values, dtype="Int64") if library == "pandas" and 7 in values else values})
    with pytest.raises(ValueError, match=r"1 of 4 entries of Feature\('name'\) are missing .* row 2.*'ignore'"):
        ModeEncoder(["name"]).fit(table)
    encoder = ModeEncoder(["name"], handle_unknown="ignore").fit(table)
    assert encoder.n_missing_ == {"name": 1} and encoder.modes_ == (Feature("name", 2),)
    with pytest.warns(UserWarning, match="1 of 4 entries .* left out"):
        X = encoder.transform(table)
    np.testing.assert_array_equal(X.toarray(), [[0, 1], [1, 0], [0, 0], [1, 0]])


def test_categorical_columns_have_the_categories_that_occur():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"quarter": pd.Categorical([2, 1, 2], categories=[1, 2, 3]), "n": [1.5, 2.5, 3.5]})
    encoder = ModeEncoder(["quarter", "n"]).fit(table)
    assert encoder.categories_["quarter"].tolist() == [1, 2] and encoder.categories_["quarter"].dtype.kind == "i"


@pytest.mark.parametrize("library", LIBRARIES)
def test_unknown_categories(library):
    columns = columns_of_shots()
    encoder = ModeEncoder(MODES).fit(frame(library, columns))
    other = dict(columns, player=np.where(np.arange(60) < 7, "Zoe", columns["player"]))
    with pytest.raises(ValueError, match=r"7 of 60 entries of Feature\('player'\).*: Zoe; the first is in row 0"):
        encoder.transform(frame(library, other))
    lenient = clone(encoder).set_params(handle_unknown={"player": "ignore"}).fit(frame(library, columns))
    with pytest.warns(UserWarning, match="7 of 60 entries"):
        X = lenient.transform(frame(library, other)).toarray()
    expected = slow_encodings(columns)
    expected[:7, :3] = 0
    np.testing.assert_array_equal(X, expected)
    with pytest.raises(ValueError, match=r"entries of Feature\('number', size=3\)"):
        lenient.transform(frame(library, dict(columns, number=columns["number"] + 1)))


def test_categories_in_another_type_than_in_fit():
    encoder = ModeEncoder([("p", 0, "one-hot")]).fit(np.array([[3], [5]]))
    for values in ([[5.0], [3.0]], np.array([[5], [3]], dtype=object), np.array([[5], [3]], dtype=np.uint8)):
        np.testing.assert_array_equal(encoder.transform(values).toarray(), [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="2 of 2 entries"):
        encoder.transform([["5"], ["3"]])


def test_points_outside():
    columns = columns_of_shots()
    columns["x"][:4], columns["d1x"][0], columns["d1y"][0] = 41, 9, 9
    shots = frame("pandas", columns)
    with pytest.raises(ValueError, match="4 of 60 points outside .* 'court'"):
        ModeEncoder(MODES).fit(shots)
    encoder = ModeEncoder(MODES, outside={"court": "clip", "defenders": "drop"}).fit(shots)
    assert encoder.n_outside_ == {"court": 4, "defenders": 1}
    with pytest.warns(UserWarning) as caught:
        X = encoder.transform(shots).toarray()
    assert len(caught) == 2
    inside = dict(columns, x=np.minimum(columns["x"], 39.9), d1x=columns["d1x"].copy(), d1y=columns["d1y"].copy())
    inside["d1x"][0] = inside["d1y"][0] = np.nan
    np.testing.assert_array_equal(X, slow_encodings(inside))


def test_absent_points_are_counted_in_those_of_a_transformer_too():
    """Defenders who are not there, and a handler whose position nobody knows."""
    rng = np.random.default_rng(0)
    handler, defenders = rng.uniform(0, 40, (20, 2)), rng.uniform(0, 40, (20, 3, 2))
    handler[7], defenders[rng.random((20, 3)) < 0.3] = np.nan, np.nan
    court, box = (Grid(name, (4, 4), bounds=[(-40, 40)] * 2) for name in ("court", "box"))
    table = np.column_stack([handler, defenders.reshape(20, 6)])
    encoder = ModeEncoder([(court, [0, 1]), (box, slice(2, 8))]).fit(table)
    n_absent = int(np.isnan(defenders[..., 0]).sum())
    assert encoder.n_missing_ == {"court": 1, "box": n_absent} and 0 < n_absent < 60
    known = np.isfinite(handler[:, 0])
    anywhere = RelativePosition(box=((-np.inf, np.inf),) * 2)
    seen = ModeEncoder([(box, slice(0, 8), anywhere)], outside="drop").fit(table[known])
    assert seen.n_missing_ == {"box": int(np.isnan(defenders[known, :, 0]).sum())}


def test_several_columns_of_categories_are_counted():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"one": ["b", "a", "a"], "two": ["b", None, "c"]})
    encoder = ModeEncoder([("mates", ["one", "two"])]).fit(table)
    np.testing.assert_array_equal(encoder.transform(table).toarray(), [[0, 2, 0], [1, 0, 0], [1, 0, 1]])
    assert encoder.n_missing_ == {"mates": 1}
    with pytest.raises(ValueError, match="1 of 6 entries .* d; the first is in row 1"):
        encoder.transform(table.assign(two=["b", "d", None]))


def test_a_transformer_of_the_columns():
    columns = columns_of_shots()
    rng = np.random.default_rng(0)
    columns |= {"m1x": rng.uniform(0, 40, 60), "m1y": rng.uniform(0, 50, 60)}
    shots, who = frame("pandas", columns), ["x", "y", "m1x", "m1y"]
    encoder = ModeEncoder([(BOX, who, RelativePosition()), (Feature("body"), ["age", "height"], StandardScaler())])
    X = encoder.fit_transform(shots).toarray()
    peer = make_pipeline(RelativePosition(), GridDiscretizer(BOX)).fit_transform(shots[who]).toarray()
    np.testing.assert_array_equal(X[:, :12], peer)
    np.testing.assert_allclose(X[:, 12:], StandardScaler().fit_transform(shots[["age", "height"]]))
    assert encoder.categories_["body"].tolist() == ["age", "height"]
    assert not hasattr(encoder.modes[0][2], "n_outside_")  # the given transformer is not fitted itself
    assert encoder.transformers_["defenders"].n_outside_ == (1 - peer.sum(axis=1)).sum()
    assert encoder.transformers_.keys() == {"defenders", "body"}
    sparse_output = ModeEncoder([("player", "player", OneHotEncoder())]).fit_transform(shots)
    np.testing.assert_array_equal(sparse_output.toarray(), ModeEncoder(["player"]).fit_transform(shots).toarray())


def test_the_cells_of_a_grid_of_means_are_columns():
    spectrum = Grid("spectrum", 4, quantity="mean")
    X = np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_array_equal(ModeEncoder([(spectrum, slice(2, None))]).fit_transform(X).toarray(), X[:, 2:])
    with pytest.raises(ValueError, match="asks for 4 columns, one for each cell, X has 5: 1, 2, 3, 4, 5"):
        ModeEncoder([(spectrum, slice(1, None))]).fit(X)


def test_what_can_be_read_in_two_ways_is_refused():
    X = np.array([[1.0, 0.5, 3.0], [2.0, 2.5, np.nan]])
    with pytest.raises(ValueError, match='all whole numbers.*"one-hot".*"passthrough"'):
        ModeEncoder([("player", 0)]).fit(X)
    with pytest.raises(ValueError, match="1 of them missing"):
        ModeEncoder([("player", [1, 2])]).fit(X)
    assert ModeEncoder([("player", 0, "passthrough")]).fit_transform(X).toarray().tolist() == [[1], [2]]
    assert ModeEncoder([("player", [0, 1])]).fit_transform(X).toarray().tolist() == [[1, 0.5], [2, 2.5]]
    with pytest.raises(ValueError, match="needs finite numbers: .*NaN"):
        ModeEncoder([("player", 2, "passthrough")]).fit(X)
    table = frame("pandas", {"a": [1.5, 2.5], "b": [1, 2]})
    with pytest.raises(ValueError, match="floats and others"):
        ModeEncoder([("player", ["a", "b"])]).fit(table)


@pytest.mark.parametrize(
    "modes, message",
    [
        ([], "modes is empty"),
        ([("player", "who")], "column 'who', X has only 'player'"),
        ([("player", 11)], "column 11, X has 11 columns"),
        ([("player", [])], "at least one, got none"),
        ([("player", 0.5)], "not iterable"),
        ([("player", [0.5])], "names, numbers or a slice of numbers, got 0.5"),
        (["player", ("player", "number")], "names that differ"),
        ([("player", "player", "one hot")], "must be 'one-hot', 'passthrough', None or a transformer, got 'one hot'"),
        ([(COURT, ["x", "y"], "one-hot")], "must be None or a transformer, got 'one-hot'"),
        ([("player", "x", "one-hot", 4)], "mode, .* got"),
        ([7], "not iterable"),
        ([(7, "player")], "must be Feature, Grid or str"),
        ([Feature("number", 4)], "asks for 4 categories or columns, X has 3: -5, 8, 23"),
        ([(COURT, ["x", "y", "age"])], "2 columns for each point"),
        ([(Grid("court", (2, 2)), ["x", "y"])], "needs bounds"),
        ([("player", "player", "passthrough")], "needs finite numbers"),
    ],
)
def test_wrong_modes(modes, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ModeEncoder(modes).fit(frame("pandas", columns_of_shots()))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"outside": "ignore"}, r"outside must be one of \('error', 'drop', 'clip'\)"),
        ({"handle_unknown": {"player": "drop"}}, r"handle_unknown must be one of \('error', 'ignore'\)"),
        (
            {"outside": {"player": "drop"}},
            r"names \['player'\], the Grids of modes are \['court', 'defenders'\]",
        ),
        ({"handle_unknown": {"court": "error"}}, r"the Features of modes are \['player', 'body', 'number'\]"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        ModeEncoder(MODES, **options).fit(frame("pandas", columns_of_shots()))


def test_wrong_tables():
    for table in (columns_of_shots(), pytest.importorskip("polars").DataFrame({"player": ["Ann"]}).lazy()):
        with pytest.raises(TypeError, match="a DataFrame of pandas or polars, or an array, got (dict|LazyFrame)"):
            ModeEncoder(["player"]).fit(table)
    with pytest.raises(ValueError, match="X has 0 rows"):
        ModeEncoder(["player"]).fit(frame("pandas", {"player": []}))
    with pytest.raises(ValueError, match="the columns of X have no names"):
        ModeEncoder(MODES).fit(np.zeros((3, 11)))
    with pytest.raises(ValueError, match="several types, which have no order: int, str"):
        ModeEncoder([("a", 0)]).fit(np.array([["x"], [3]], dtype=object))
    with pytest.raises(ValueError, match="no categories"):
        ModeEncoder([("a", 0, "one-hot")], handle_unknown="ignore").fit(np.full((3, 1), np.nan))


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_are_found_by_name_in_any_order(library):
    columns = columns_of_shots()
    encoder = ModeEncoder(MODES).fit(frame(library, columns))
    other = {name: columns[name] for name in reversed(columns) if name != "made"} | {"more": columns["x"]}
    np.testing.assert_array_equal(encoder.transform(frame(library, other)).toarray(), slow_encodings(columns))
    del other["y"]
    with pytest.raises(ValueError, match=r"columns \['x', 'y'\] of fit, \['y'\] are absent"):
        encoder.transform(frame(library, other))


def test_one_library_in_fit_and_the_other_in_transform():
    columns = columns_of_shots()
    encoder = ModeEncoder(MODES).fit(frame("pandas", columns))
    np.testing.assert_array_equal(encoder.transform(frame("polars", columns)).toarray(), slow_encodings(columns))


def test_set_output_is_refused():
    shots = frame("pandas", columns_of_shots())
    encoder = ModeEncoder(MODES)
    assert encoder.set_output(transform="default") is encoder
    for refusing in (encoder, make_pipeline(encoder, MRTLClassifier())):
        with pytest.raises(ValueError, match="carry the modes, and no table"):
            refusing.set_output(transform="pandas")
    with config_context(transform_output="pandas"):
        assert encoder.fit_transform(shots).modes == encoder.modes_


# Encodings carry their modes


@pytest.fixture(name="X")
def encodings():
    return ModeEncoder(MODES).fit_transform(frame("pandas", columns_of_shots()))


@pytest.mark.parametrize(
    "derive",
    [
        lambda X: X[:10],
        lambda X: X[[5, 3, 3]],
        lambda X: X[np.arange(60) % 2 == 0],
        lambda X: X[np.arange(5), :],
        lambda X: X[2:4, ...],
        lambda X: X.copy(),
        lambda X: X.astype(np.float32),
        lambda X: pickle.loads(pickle.dumps(X)),
    ],
)
def test_encodings_keep_their_modes(X, derive):
    derived = derive(X)
    assert derived.modes == X.modes and derived.categories.keys() == X.categories.keys()
    assert derived.axes == X.axes == {"court": ("x", "y")}


@pytest.mark.parametrize(
    "derive",
    [
        lambda X: X[:, ::-1],
        lambda X: X[:, :5],
        lambda X: X * 2,
        lambda X: X + X,
        lambda X: X @ sparse.eye_array(X.shape[1], format="csr"),
        lambda X: MaxAbsScaler().fit_transform(X)[:, [0, 1]],
    ],
)
def test_other_operations_lose_the_modes_and_the_estimator_says_so(X, derive):
    derived, y = derive(X), np.arange(60) % 2
    assert getattr(derived, "modes", None) is None
    with pytest.raises(ValueError, match="lost their modes"):
        MRTLClassifier().fit(derived, y)


def test_arrays_of_encodings_are_those_of_scipy(X):
    plain = sparse.csr_array(X)
    assert type(plain) is sparse.csr_array
    np.testing.assert_allclose((X.T @ X).toarray(), plain.toarray().T @ plain.toarray(), rtol=1e-12)
    assert X[[3]].shape == plain[[3]].shape and X[3, 4] == plain[3, 4] and X.sum() == plain.sum()
    with suppress(NotImplementedError):  # scipy 1.13 has no arrays of one axis
        assert plain[3].shape == X[3].shape
    assert "Encodings of 60 samples" in repr(X)


# The estimators behind it


@pytest.fixture(scope="module")
def shots():
    """Players with maps of their own; the label depends on both."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    n = 1200
    table = pd.DataFrame({"player": rng.choice(["Ann", "Bo", "Cy"], n), "quarter": rng.integers(1, 5, n)})
    table[["x", "y"]] = rng.uniform(0, [40, 50], (n, 2))
    z = np.where(table.player == "Bo", 2, -2) * np.sin(table.x / 8)
    return table, (rng.random(n) < 1 / (1 + np.exp(-2 * z))).astype(int)


def encoder_of_shots(**options):
    return ModeEncoder(["player", (COURT, ["x", "y"])], **options)


def test_a_pipeline_is_the_same_as_with_typed_modes(shots):
    table, y = shots
    model = make_pipeline(encoder_of_shots(), MRTLClassifier(rank=2)).fit(table, y)
    assert model[-1].modes_ == (Feature("player", 3), COURT)
    plain = make_column_transformer((OneHotEncoder(), ["player"]), (GridDiscretizer(COURT), ["x", "y"]))
    typed = make_pipeline(plain, MRTLClassifier([Feature("player", 3), COURT], rank=2)).fit(table, y)
    np.testing.assert_array_equal(model.decision_function(table), typed.decision_function(table))


def test_several_features_without_a_size(shots):
    table, y = shots
    encoder = ModeEncoder(["player", "quarter", (COURT, ["x", "y"])])
    model = make_pipeline(encoder, MRTLClassifier(rank=2)).fit(table, y)
    assert {name: f.shape[:-1] for name, f in model[-1].factors_.items()} == {
        "player": (3,),
        "quarter": (4,),
        "court": (5, 6),
    }


@pytest.mark.parametrize("estimator", [MRTLClassifier(rank=2), MRTLRegressor(rank=2)])
def test_cross_validation_search_and_joblib(shots, estimator, tmp_path):
    table, y = shots
    model = make_pipeline(encoder_of_shots(), estimator)
    assert (cross_val_score(model, table, y, cv=3) > 0).all()
    name = type(estimator).__name__.lower()
    search = RandomizedSearchCV(model, {f"{name}__rank": randint(1, 4)}, n_iter=2, cv=2, n_jobs=2, random_state=0)
    best = search.fit(table, y).best_estimator_
    assert best[-1].modes_[0] == Feature("player", 3)
    joblib.dump(best, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict(table), best.predict(table))


def test_encodings_are_split_by_rows(shots):
    table, y = shots
    X = encoder_of_shots().fit_transform(table)
    scores = cross_val_score(MRTLClassifier(rank=2), X, y, cv=3, n_jobs=2)
    assert (scores > 0.6).all()


def test_a_fold_without_a_category_is_told_apart(shots):
    """A fold without quarter 4 has a model without it; other encodings are refused, although the sizes may agree."""
    table, y = shots
    modes = ["quarter", (COURT, ["x", "y"])]
    first, other = table.quarter != 4, table.quarter != 1
    model = MRTLClassifier(rank=2).fit(ModeEncoder(modes).fit_transform(table[first]), y[first])
    with pytest.raises(ValueError, match=r"categories of fit for 'quarter': 1, 2, 3; got 2, 3, 4"):
        model.predict(ModeEncoder(modes).fit_transform(table[other]))
    with pytest.raises(ValueError, match=r"must have the modes of fit, Feature\('quarter', size=3\).*size=4"):
        model.predict(ModeEncoder(modes).fit_transform(table))
    swapped = ModeEncoder(modes[::-1]).fit_transform(table[first])
    with pytest.raises(ValueError, match="must have the modes of fit"):
        model.predict(swapped)
    with pytest.raises(ValueError, match=r"X_val.*must have the categories of fit"):
        X = ModeEncoder(modes).fit_transform(table[first])
        model.fit(X, y[first], X_val=ModeEncoder(modes).fit_transform(table[other]), y_val=y[other])


def test_modes_of_the_estimator_must_be_those_of_the_encodings(shots):
    table, y = shots
    X = encoder_of_shots().fit_transform(table)
    same = MRTLClassifier(["player", COURT], rank=2).fit(X, y)
    assert same.modes_ == X.modes
    for modes in (["team", COURT], [COURT, "player"], [Grid("line", 33)]):
        with pytest.raises(ValueError, match=r"estimator has the modes .* X comes from a ModeEncoder with .*size=3"):
            MRTLClassifier(modes, rank=2).fit(X, y)


def test_plain_encodings_in_fit_carried_ones_in_predict(shots):
    table, y = shots
    X = encoder_of_shots().fit_transform(table)
    model = MRTLClassifier([Feature("player", 3), COURT], rank=2).fit(sparse.csr_array(X), y)
    np.testing.assert_array_equal(model.predict(X), model.predict(sparse.csr_array(X)))
    with pytest.raises(ValueError, match="must have the modes of fit"):
        model.predict(ModeEncoder([(COURT, ["x", "y"]), "player"]).fit_transform(table))


def test_an_unknown_player_is_a_row_without_a_player(shots):
    table, y = shots
    model = make_pipeline(encoder_of_shots(handle_unknown="ignore"), MRTLClassifier(rank=2)).fit(table, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = model.decision_function(table.assign(player="Zoe"))
    cells = model[0].transform(table)[:, 3:]
    court = model[-1].terms_["court"].coef.ravel()
    np.testing.assert_allclose(scores, cells @ court + model[-1].intercept_)
    assert np.ptp(scores) > 0


def test_names_of_categories_reach_xarray_and_pictures(shots):
    pytest.importorskip("xarray")
    pytest.importorskip("matplotlib").use("agg")
    from sklearn_mrtl.inspection import FactorDisplay

    table, y = shots
    model = make_pipeline(encoder_of_shots(), MRTLClassifier(rank=2)).fit(table, y)
    factors = model[-1].to_xarray()
    assert factors.player.values.tolist() == ["Ann", "Bo", "Cy"]
    np.testing.assert_array_equal(factors.player_factors.sel(player="Bo"), model[-1].factors_["player"][1])
    for estimator in (model, model[-1]):
        display = FactorDisplay.from_estimator(estimator, "player")
        assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["Ann", "Bo", "Cy"]


def test_names_of_columns_are_those_of_the_axes_of_a_court(shots):
    pytest.importorskip("matplotlib").use("agg")
    from sklearn_mrtl.inspection import FactorDisplay, TermDisplay

    table, y = shots
    model = make_pipeline(encoder_of_shots(), MRTLClassifier(rank=2)).fit(table, y)
    for estimator in (model, model[-1], pickle.loads(pickle.dumps(model))):
        axes = FactorDisplay.from_estimator(estimator, "court", components=0).ax_
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    term = next(ax for ax in TermDisplay.from_estimator(model, terms=["court"]).axes_)
    assert (term.get_xlabel(), term.get_ylabel()) == ("x", "y")
    own = FactorDisplay.from_estimator(model, "court", components=0, axis_labels=["feet", "yards"]).ax_
    assert (own.get_xlabel(), own.get_ylabel()) == ("feet", "yards")


def test_axes_have_names_only_where_each_is_a_named_column():
    pd = pytest.importorskip("pandas")
    court, line = Grid("court", (2, 3), bounds=[(0, 2), (0, 3)]), Grid("line", 4, bounds=[(0, 4)])
    frame = pd.DataFrame(np.tile([[0.5, 1.5, 1.5, 2.5]], (6, 1)), columns=["x", "y", "x2", "y2"])
    two_points = ModeEncoder([(court, ["x", "y", "x2", "y2"]), (line, "x")]).fit_transform(frame)
    assert two_points.axes == {"line": ("x",)}
    assert ModeEncoder([(court, [0, 1])]).fit_transform(frame.to_numpy()).axes == {}
    polar = Grid("court", (2, 3), bounds=[(0, 30), (0, 360)], periodic=(False, True))
    named = ModeEncoder([(polar, ["x", "y"], PolarPosition((0, 0)))]).fit_transform(frame).axes
    assert named == {"court": ("distance_x_y", "angle_x_y")}


def test_a_function_transformer_that_makes_the_table(shots):
    """Any step before may give a table."""
    table, y = shots
    nearer = FunctionTransformer(lambda frame: frame.assign(x=frame.x / 2))
    model = make_pipeline(nearer, encoder_of_shots(), MRTLClassifier(rank=2)).fit(table, y)
    assert model[-1].modes_[1] == COURT


def test_indices_of_several_points_need_32_bits():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"player": [1, 2, 1], "x1": [0.5, 1.5, 0.5], "x2": [np.nan, 0.5, 1.5]})
    X = ModeEncoder(["player", (Grid("line", 2, bounds=(0, 2)), ["x1", "x2"])]).fit_transform(table)
    assert X.indices.dtype == X.indptr.dtype == np.int32
    np.testing.assert_array_equal(X.toarray(), [[1, 0, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1]])
