"""Fits and predictions of dask arrays: the models of the same arrays in memory."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core.data.blocks import BlockSamples
from sklearn_mrtl.core.penalties import folds
from sklearn_mrtl.core.solvers.solve import solve_exactly
from sklearn_mrtl.inspection import predict_xarray
from sklearn_mrtl.preprocessing import ModeEncoder, VariableScaler

da = pytest.importorskip("dask.array")

GIVEN = {"alpha_spatial": 0.1, "alpha_l2": 0.1, "rank": 2}
MODES = [Feature("player", 4), Grid("court", (6, 8))]  # of encodings
N = 240


@pytest.fixture(scope="module")
def fields():
    """Fields with land, and their scores."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2, 8, 12)) + np.arange(12)
    bump = np.exp(-((np.arange(12) - 6) ** 2) / 8) * np.exp(-((np.arange(8) - 4) ** 2) / 4)[:, None]
    z = ((X - np.arange(12)) * bump).sum((1, 2, 3))
    X[:, :, :2, :3] = np.nan
    return X, z + rng.normal(size=N)


@pytest.fixture(scope="module")
def encodings():
    """One-hot players and several points on a court, in the rows of a CSR array."""
    rng = np.random.default_rng(1)
    player = sparse.csr_array((np.ones(N), (np.arange(N), rng.integers(4, size=N))), shape=(N, 4))
    court = sparse.csr_array(rng.poisson(0.1, size=(N, 48)).astype(float))
    z = rng.normal(size=4)[player.toarray().argmax(1)] + court @ np.linspace(-2, 2, 48)
    return sparse.csr_array(sparse.hstack([player, court])), z + rng.normal(size=N)


def chunked(X, n_rows=70):
    """A dask array of blocks of rows."""
    if not sparse.issparse(X):
        return da.from_array(X, (n_rows, *X.shape[1:]))
    meta = sparse.csr_array((0, X.shape[1]), dtype=X.dtype)
    starts = da.from_array(np.arange(0, len(X.indptr) - 1, n_rows), 1)
    sizes = tuple(min(n_rows, X.shape[0] - start) for start in range(0, X.shape[0], n_rows))
    return starts.map_blocks(lambda start: X[start[0] : start[0] + n_rows], new_axis=1, meta=meta,
                             chunks=(sizes, (X.shape[1],)))  # fmt: skip


def assert_same_model(model, X, y, *, rtol=1e-6, n_rows=70, **options):
    expected = model.fit(X, y, **options)
    coef, scores, score = expected.coef_, expected.predict(X), expected.score(X, y)
    lazy = chunked(X, n_rows)
    model.fit(lazy, y, **options)
    np.testing.assert_allclose(model.coef_, coef, atol=rtol * np.nanmax(np.abs(coef)))
    predicted = model.predict(lazy)
    assert isinstance(predicted, da.Array)
    np.testing.assert_allclose(predicted.compute(), scores, rtol=rtol, atol=1e-9)
    assert model.score(lazy, y) == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("n_rows", [2, 70, N], ids=lambda n: f"blocks of {n}")
def test_regression_of_fields(fields, n_rows):
    assert_same_model(MRTLRegressor(**GIVEN), *fields, n_rows=n_rows)


def test_weights_of_which_some_are_zero(fields):
    weight = np.random.default_rng(2).integers(0, 3, size=N).astype(float)
    weight[:80] = 0  # a block without any
    assert_same_model(MRTLRegressor(**GIVEN), *fields, sample_weight=weight)


def test_several_outputs(fields):
    X, y = fields
    assert_same_model(MRTLRegressor(**GIVEN), X, np.stack([y, -y + X[:, 0, 5, 5]], 1))


def test_counts(fields):
    X, y = fields
    assert_same_model(MRTLRegressor(**GIVEN, loss="poisson"), X, np.random.default_rng(0).poisson(np.exp(y / 8)))


def test_classes_of_fields(fields):
    X, y = fields
    assert_same_model(MRTLClassifier(**GIVEN, class_weight="balanced"), X, np.digitize(y, [-3, 2]))


@pytest.mark.parametrize("kind", [MRTLRegressor, MRTLClassifier])
def test_fields_of_which_steps_see_a_part(kind):
    """Every second of 2500 rows, on coarse cells; finer levels have those of a coarser level."""
    rng = np.random.default_rng(0)
    waves = np.sin(np.linspace(0, 6, 48))[:, None] * np.cos(np.linspace(0, 4, 64)) + rng.normal(size=(5, 1, 1))
    X = np.einsum("nk,kij->nij", rng.normal(size=(2500, 5)), waves**2) + 0.1 * rng.normal(size=(2500, 48, 64))
    y = X[:, 20:30, 20:40].mean((1, 2)) + 0.1 * rng.normal(size=2500)
    model = kind(alpha_spatial=1e-3, alpha_l2=1e-3, rank=2)
    y = y if kind is MRTLRegressor else np.digitize(y, np.quantile(y, [0.3, 0.7]))
    assert_same_model(model, X[:, None], y, n_rows=333)


def test_fewer_rows_than_weights_on_the_first_level():
    """3200 weights of 120 rows: too many for their moments, few enough rows for an exact solution."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2, 44, 48))
    y = X[:, 0, 20:30, 20:30].sum((1, 2)) + 3 * rng.normal(size=120)
    model = MRTLRegressor(**GIVEN, resolutions=[{"grid": (40, 40)}, {"grid": (44, 48)}])
    assert_same_model(model, X, y, n_rows=35)
    assert sum(record["level"] == 0 for record in model.history_) == 1


@pytest.mark.parametrize("n_pool", [400, 2400])
def test_few_distinct_rows_of_encodings_and_more_weights(n_pool):
    """3072 weights of 3000 rows: few of them differ, or so many that none are merged, but fewer than 2500."""
    rng = np.random.default_rng(0)
    index = rng.permutation(np.arange(3000) % n_pool)
    player, cell = index % 64, index // 64 % 48
    entries = (np.ones(6000), (np.tile(np.arange(3000), 2), np.concatenate([player, 64 + cell])))
    X = sparse.csr_array(entries, shape=(3000, 112))
    y = np.cos(player) * np.sin(cell / 10) + 0.1 * rng.normal(size=3000)
    model = MRTLRegressor([Feature("player", 64), MODES[1]], terms=None, resolutions="fixed", **GIVEN)
    assert_same_model(model.set_params(rank=None, alpha_l2=1e-3), X, y, n_rows=333)
    assert len(model.history_) == 1


@pytest.mark.parametrize("most", [None, 10_000])
def test_a_first_level_is_solved_exactly_in_both_or_in_none(most, fields, monkeypatch):
    if most:
        monkeypatch.setattr("sklearn_mrtl.core.solvers.ridge.LARGEST_DESIGN", most)
    is_lazy = []

    def counted(objective, samples, monitor):
        is_lazy.append(isinstance(samples, BlockSamples))
        return solve_exactly(objective, samples, monitor)

    monkeypatch.setattr("sklearn_mrtl.core.algorithm.solve_exactly", counted)
    assert_same_model(MRTLRegressor(**GIVEN), *fields)
    assert sum(is_lazy) == len(is_lazy) / 2 and (most is None) == bool(is_lazy)


def test_random_start(fields):
    assert_same_model(MRTLRegressor(**GIVEN, full_rank_levels=0, random_state=0), *fields)


def test_chosen_penalties(fields):
    assert_same_model(MRTLRegressor(rank=2), *fields)


@pytest.mark.parametrize("rank", [2, "auto"])
def test_standard_deviations_about_predictions(fields, rank):
    X, y = fields
    model, lazy = MRTLRegressor(rank=rank), chunked(X)
    expected = model.fit(X, 100 * y).predict(X, return_std=True)
    prediction, std = model.fit(lazy, 100 * y).predict(lazy, return_std=True)
    assert isinstance(std, da.Array) and std.chunks == prediction.chunks
    np.testing.assert_allclose(std.compute(), expected[1], rtol=1e-6)
    np.testing.assert_allclose(prediction.compute(), expected[0], rtol=1e-4, atol=1e-2)
    model.fit(lazy, np.stack([y, -y + X[:, 0, 5, 5]], 1))
    with pytest.raises(ValueError, match="of dask arrays for one output"):
        model.predict(lazy, return_std=True)


SEASON = np.array([f"season {i}" for i in (np.arange(N) // 7) % 6])
CHOICES = {
    "groups": ({}, {"groups": SEASON}),
    "an int": ({"cv": 4}, {}),
    "an int, groups": ({"cv": 3}, {"groups": SEASON}),
    "a splitter": ({"cv": KFold(5, shuffle=True, random_state=0)}, {}),
    "a splitter, groups": ({"cv": GroupKFold(4)}, {"groups": SEASON}),
    "groups and weights": ({}, {"groups": SEASON, "sample_weight": np.arange(N) % 3 * 1.0}),
}


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("layout", ["fields", "encodings"])
def test_penalties_that_are_chosen_on_groups_and_folds(name, layout, request):
    """All rows are in the part that is at hand: all that was tried has the errors of the fit in memory."""
    X, y = request.getfixturevalue(layout)
    parameters, options = CHOICES[name]
    modes = None if layout == "fields" else MODES
    kind = {"rank": 2, "terms": None, "modes": modes, "max_epochs": 3}
    expected = MRTLRegressor(**kind, **parameters).fit(X, y, **options)
    consecutive = MRTLRegressor(**kind).fit(X, y)
    lazy_options = {key: da.from_array(values, 70) for key, values in options.items()}
    for given in (options, lazy_options):
        model = MRTLRegressor(**kind, **parameters).fit(chunked(X), y, **given)
        assert len(model.alpha_path_) == len(expected.alpha_path_) > 3
        for found, tried in zip(model.alpha_path_, expected.alpha_path_, strict=True):
            assert found == pytest.approx(tried, rel=1e-6)
    assert model.alpha_l2_ == pytest.approx(expected.alpha_l2_)
    assert consecutive.alpha_path_[0]["error"] != pytest.approx(expected.alpha_path_[0]["error"], rel=1e-6)


def test_folds_of_classes(fields):
    """A splitter that looks at the classes sees those of the part at hand."""
    X, y = fields
    model = MRTLClassifier(solver="lbfgs", rank=2, max_epochs=3, cv=StratifiedKFold(4))
    expected = model.fit(X, y > 0).alpha_path_
    for found, tried in zip(model.fit(chunked(X), y > 0).alpha_path_, expected, strict=True):
        assert found == pytest.approx(tried, rel=1e-6)


def test_a_part_of_the_rows_takes_its_groups_with_it(fields, monkeypatch):
    X, y = fields
    seen = []

    def blocks_of_a_third(samples, coarsest, options):
        return folds.make_blocks(samples, coarsest, replace(options, max_distinct=N // 3))

    monkeypatch.setattr("sklearn_mrtl.core.penalties.choice.make_blocks", blocks_of_a_third)

    class Splitter(GroupKFold):
        def split(self, X, y, groups):
            seen.append((y, groups))
            return super().split(X, y, groups)

    MRTLRegressor(solver="lbfgs", rank=2, cv=Splitter(4), max_epochs=2).fit(chunked(X), y, groups=np.arange(N))
    [(targets, groups)] = seen
    numbers = np.arange(N)
    np.testing.assert_array_equal(groups, numbers[numbers * 36 // N % 3 == 0])  # 12 blocks of the rows of 36
    assert np.corrcoef(targets[:, 0], y[groups])[0, 1] == pytest.approx(1)


def test_groups_and_folds_that_do_not_fit(fields):
    X, y = fields
    lazy, model = chunked(X), MRTLRegressor(solver="lbfgs", rank=2)
    with pytest.raises(ValueError, match="groups must have one value for each of the 240 rows"):
        model.fit(lazy, y, groups=SEASON[:-1])
    with pytest.raises(ValueError, match=r"groups must have the chunks of rows.*groups.rechunk"):
        model.fit(lazy, y, groups=da.from_array(SEASON, 50))
    with pytest.raises(ValueError, match="groups must be of shape"):
        model.fit(lazy, y, groups=da.zeros((N, 2), chunks=(70, 2)))
    with pytest.raises(ValueError, match="at most the number of groups, 6; got 9"):
        model.set_params(cv=9).fit(lazy, y, groups=SEASON)
    with pytest.raises(ValueError, match="cv must leave out each of 240 rows exactly once"):
        model.set_params(cv=ShuffleSplit(3, random_state=0)).fit(lazy, y)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("terms", [None, ["player", "court", ("player", "court")]], ids=["one term", "terms"])
def test_encodings(encodings, terms):
    X, y = encodings
    model = MRTLClassifier(MODES, terms=terms, **{**GIVEN, "alpha_spatial": 0.01})
    expected = model.fit(X, y > 0).predict_proba(X)
    lazy = chunked(X)
    model.fit(lazy, y > 0)
    np.testing.assert_allclose(model.predict_proba(lazy).compute(), expected, rtol=1e-6)
    assert model.score(lazy, y > 0) == model.score(X, y > 0)


def test_encoder_hands_its_modes_on():
    rng = np.random.default_rng(0)
    table = np.column_stack([rng.integers(4, size=N), rng.uniform(0, 12, N), rng.uniform(0, 8, N)])
    y = (table[:, 1] > 5) ^ (rng.random(N) < 0.2)
    encoder = ModeEncoder([("player", 0, "one-hot"), (Grid("court", (12, 8), bounds=[(0, 12), (0, 8)]), [1, 2])])
    X = encoder.fit_transform(table)
    lazy = encoder.transform(da.from_array(table, (70, 3)))
    model = MRTLClassifier(terms=None, **{**GIVEN, "alpha_spatial": 0.01})
    expected = model.fit(X, y).coef_
    np.testing.assert_allclose(model.fit(lazy, y).coef_, expected, rtol=1e-6, atol=1e-9)
    assert model.modes_ == encoder.modes_
    np.testing.assert_array_equal(model.predict(lazy).compute(), model.predict(X))
    with pytest.raises(ValueError, match="lost their modes"):
        model.fit(lazy[:100], y[:100])
    model.set_params(modes=encoder.modes_)
    expected = model.fit(X[:100], y[:100]).coef_
    np.testing.assert_allclose(model.fit(lazy[:100], y[:100]).coef_, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_numbers_in_a_sum_of_terms_are_standardized(encodings, is_weighted):
    """Years and heights beside players; in one block the years are whole numbers, and all rows of players are there."""
    X, y = encodings
    rng = np.random.default_rng(3)
    year = rng.uniform(2000, 2010, N)
    year[140:210] = np.round(year[140:210])
    X = sparse.csr_array(sparse.hstack([X, np.stack([year, rng.normal(1.9, 0.1, N)], 1)]))
    terms = ["player", "court", "body"]
    model = MRTLRegressor([*MODES, Feature("body", 2)], terms=terms, alpha_l2=0.01, alpha_spatial=0.01)
    weight = rng.integers(3, size=N).astype(float) if is_weighted else None
    expected = model.fit(X, y + year - 2005, weight)
    moments, predicted = expected.tensor_.statistics.moments[2], expected.predict(X)
    np.testing.assert_allclose(moments[0], np.average(X[:, 52:].toarray(), axis=0, weights=weight))
    model.fit(chunked(X), y + year - 2005, weight)
    np.testing.assert_allclose(model.tensor_.statistics.moments[2], moments, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-6, atol=1e-6)
    X[:, -1] = 1.9
    with pytest.raises(ValueError, match="column 1 of the numbers of .* is constant"):
        model.fit(chunked(sparse.csr_array(X)), y)


@pytest.mark.parametrize("is_classifier", [False, True])
def test_validation_data(fields, is_classifier):
    X, y = fields
    model = MRTLRegressor(**GIVEN)
    if is_classifier:
        model, y = MRTLClassifier(**GIVEN, class_weight={False: 5.0, True: 0.3}), y > 0
    expected = model.fit(X[:160], y[:160], X_val=X[160:], y_val=y[160:]).history_
    model.fit(chunked(X[:160]), y[:160], X_val=chunked(X[160:]), y_val=y[160:])
    for found, record in zip(model.history_, expected, strict=True):
        assert found["validation_loss"] == pytest.approx(record["validation_loss"], rel=1e-8)


def test_dataarrays_keep_their_coordinates(fields):
    xarray = pytest.importorskip("xarray")
    X, y = fields
    coords = {"time": np.arange(N), "lat": np.arange(8.0)}
    X = xarray.DataArray(X, coords, ("time", "variable", "lat", "lon"))
    model = MRTLRegressor(**GIVEN)
    expected = model.fit(X, y).predict_xarray(X)
    lazy = X.chunk(time=70)
    found = model.fit(lazy, y).predict_xarray(lazy.isel(lat=slice(None, None, -1)))
    assert found.chunks is not None
    xarray.testing.assert_allclose(found.compute(), expected, rtol=1e-6)
    assert model.tensor_.modes["grid"].dims == ("lat", "lon")


@pytest.mark.parametrize("is_lazy", [False, True])
def test_the_variables_of_a_dataset_are_an_axis_and_those_of_y_outputs(fields, is_lazy):
    """Another order of the variables changes nothing; a single variable of y is one output."""
    xarray = pytest.importorskip("xarray")
    X, y = fields
    coords = {"time": np.arange(N), "lat": np.arange(8.0)}
    array = xarray.DataArray(X, coords | {"variable": ["sst", "height"]}, ("time", "variable", "lat", "lon"))
    dataset = array.to_dataset("variable")
    rain = xarray.Dataset({"east": ("time", y), "west": ("time", -y + X[:, 0, 5, 5])}, {"time": np.arange(N)})
    columns = rain.to_dataarray("variable").T
    model = MRTLRegressor([Feature("variable"), Grid("ocean", (8, 12))], **GIVEN)
    expected, score = model.fit(array, columns).predict_xarray(array), model.score(array, columns)
    if is_lazy:
        dataset, rain = dataset.chunk(time=70), rain.chunk(time=70)
    backwards = dataset[["height", "sst"]]
    model.fit(dataset, rain, X_val=None)
    found = model.predict_xarray(backwards)
    assert (found.chunks is not None) == is_lazy
    xarray.testing.assert_allclose(found.compute(), expected, rtol=1e-6)
    assert isinstance(model.predict(dataset), da.Array if is_lazy else np.ndarray)
    assert model.score(backwards, rain) == pytest.approx(score, abs=1e-9)
    assert model.fit(dataset, rain[["east"]]).predict(dataset).shape == (N,)
    classifier = MRTLClassifier(model.modes, **GIVEN).fit(dataset, rain[["east"]] > 0)
    probability = np.asarray(classifier.predict_proba(backwards))
    assert classifier.score(backwards, rain[["east"]] > 0) > 0.8 and probability.shape == (N, 2)
    lazy_scaler = VariableScaler().fit(dataset)
    xarray.testing.assert_allclose(lazy_scaler.transform(backwards).compute()[:, ::-1], lazy_scaler.transform(array))
    model = make_pipeline(VariableScaler(), MRTLRegressor(**GIVEN))
    np.testing.assert_allclose(
        model.fit(dataset, rain).predict(backwards), model.fit(array, columns).predict(array), rtol=1e-5, atol=1e-6
    )
    xarray.testing.assert_allclose(predict_xarray(model, backwards).compute(), predict_xarray(model, array), rtol=1e-5)


def test_checkpoint_goes_on(fields, tmp_path):
    X, y = fields
    path = tmp_path / "fit.npz"
    expected = MRTLRegressor(**GIVEN).fit(chunked(X), y).coef_
    MRTLRegressor(**GIVEN, n_levels=1, checkpoint=path, random_state=0).fit(chunked(X), y)
    with pytest.raises(ValueError, match="n_levels"):
        MRTLRegressor(**GIVEN, checkpoint=path, random_state=0).fit(chunked(X), y)
    path.unlink()
    models = [MRTLRegressor(**GIVEN, checkpoint=path, random_state=0).fit(chunked(X), y) for _ in range(2)]
    np.testing.assert_allclose(models[0].coef_, expected)
    np.testing.assert_array_equal(models[1].coef_, models[0].coef_)
    with pytest.raises(ValueError, match="X"):
        MRTLRegressor(**GIVEN, checkpoint=path, random_state=0).fit(chunked(X + 1), y)


@pytest.mark.parametrize(
    ("parameters", "options", "message"),
    [
        ({"solver": "adam"}, {}, "solver='adam'"),
        ({"cv": [(np.arange(120), np.arange(120, 240))]}, {}, "cv must be an int or a splitter"),
        ({"cv": 1}, {}, "cv == 1, must be >= 2"),
        ({"criterion": "validation_loss"}, {}, "X_val and y_val"),
    ],
)
def test_parameters_that_need_all_rows(fields, parameters, options, message):
    X, y = fields
    with pytest.raises(ValueError, match=message):
        MRTLRegressor(**{**GIVEN, **parameters}).fit(chunked(X), y, **options)


def test_chunks_that_do_not_fit(fields):
    X, y = fields
    lazy, model = chunked(X), MRTLRegressor(**GIVEN)
    with pytest.raises(ValueError, match="first axis, the rows, only"):
        model.fit(lazy.rechunk((70, 2, 4, 12)), y)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        model.fit(lazy[da.from_array(y, 70) > 0], y)
    with pytest.raises(ValueError, match=r"y must have the chunks of rows.*y.rechunk"):
        model.fit(lazy, da.from_array(y, 50))
    with pytest.raises(ValueError, match=r"y.rechunk\({0: X.chunks\[0\], 1: -1}\)"):
        model.fit(lazy, da.from_array(np.stack([y, y], 1), (70, 1)))
    with pytest.raises(ValueError, match=r"y.compute_chunk_sizes\(\)"):
        model.fit(lazy, da.from_array(y, 70)[da.from_array(y, 70) > -np.inf])
    with pytest.raises(ValueError, match="block 0 of X has 69 rows, that of y 70"):
        model.fit(lazy.map_blocks(lambda block: block[:-1], dtype=float, meta=np.empty((0,) * 4)), y)
    with pytest.raises(ValueError, match="y must have a value for each of the 240 rows"):
        model.fit(lazy, y[:-1])
    assert not hasattr(model, "coef_")


def test_chunks_of_a_dataarray_that_do_not_fit(fields):
    xarray = pytest.importorskip("xarray")
    X = xarray.DataArray(fields[0], dims=("time", "variable", "lat", "lon")).chunk(time=70, lat=4)
    with pytest.raises(ValueError, match=r"X.chunk\({'variable': -1, 'lat': -1, 'lon': -1}\)"):
        MRTLRegressor(**GIVEN).fit(X, fields[1])
    MRTLRegressor(**GIVEN).fit(X.chunk({"variable": -1, "lat": -1, "lon": -1}), fields[1])


def test_frames_of_dask(encodings):
    """A table is no array; a column of it is a target."""
    dd, pd = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    X, y = encodings
    model, lazy = MRTLRegressor(MODES, terms=None, **GIVEN), chunked(X, 80)
    frame = dd.from_pandas(pd.DataFrame({"y": y, "weight": np.arange(N) % 3}), npartitions=3)
    expected = model.fit(X, y, np.arange(N) % 3).coef_
    np.testing.assert_allclose(model.fit(lazy, frame["y"], frame["weight"]).coef_, expected, rtol=1e-6, atol=1e-9)
    with pytest.raises(TypeError, match=r"DataFrame of dask.*X.to_dask_array\(lengths=True\)"):
        model.fit(frame, y)
    with pytest.raises(TypeError, match="DataFrame of dask"):
        model.predict(frame)


def test_only_a_part_of_the_validation_data(fields):
    X, y = fields
    for options, message in (
        ({"X_val": chunked(X)}, "go together, got only X_val"),
        ({"y_val": y}, "go together, got only y_val"),
        ({"sample_weight_val": y}, "sample_weight_val is of X_val and y_val"),
    ):
        with pytest.raises(ValueError, match=message):
            MRTLRegressor(**GIVEN).fit(chunked(X), y, **options)


def test_values_that_are_wrong_in_one_block(fields):
    X, y = fields
    wrong = X.copy()
    wrong[200, 0, 5, 5] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        MRTLRegressor(**GIVEN).fit(chunked(wrong), y)
    with pytest.raises(ValueError, match="y contains NaN"):
        MRTLRegressor(**GIVEN).fit(chunked(X), np.where(np.arange(N) == 200, np.nan, y))
    with pytest.raises(ValueError, match="one class only"):
        MRTLClassifier(**GIVEN).fit(chunked(X), np.ones(N))
    with pytest.raises(ValueError, match="NaN only"):
        MRTLRegressor(**GIVEN).fit(chunked(X) * np.nan, y)
    with pytest.raises(ValueError, match="Complex data"):
        MRTLRegressor(**GIVEN).fit(chunked(X) * 1j, y)


@pytest.mark.parametrize("unit", [1e-160, 1e160])
def test_units_of_fields_do_not_matter(fields, unit):
    """Whose squares cannot be held."""
    X, y = fields
    assert_same_model(MRTLRegressor(**GIVEN), X * unit, y)


@pytest.mark.parametrize("n_rows", [1, 70, N])
def test_fields_that_are_seldom_anything_but_zero(n_rows):
    """Rows that are drawn for the scale of X are all zero; X is not constant."""
    X = np.zeros((N, 2, 8, 12))
    rows = np.arange(5, N, 16)
    X[rows] = np.random.default_rng(0).normal(size=(len(rows), 2, 8, 12))
    y = X[:, 0, 2:5, 4:9].sum((1, 2)) + 0.1 * np.random.default_rng(1).normal(size=N)
    assert_same_model(MRTLRegressor(**GIVEN), X, y, n_rows=n_rows)
    with pytest.raises(ValueError, match="X is constant: all of its 240 rows are equal"):
        MRTLRegressor(**GIVEN).fit(chunked(np.zeros_like(X) + 3.5, n_rows), y)


def test_gaps_in_some_blocks_only(fields):
    X, y = fields
    X = X.copy()
    X[200:210, 0, 5, 5] = np.nan
    with pytest.warns(UserWarning, match="1 of 180 positions"):
        expected = MRTLRegressor(**GIVEN).fit(X, y).coef_
    with pytest.warns(UserWarning, match="1 of 180 positions"):
        found = MRTLRegressor(**GIVEN).fit(chunked(X), y).coef_
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_no_block_is_kept_where_memory_is_short(fields, monkeypatch):
    X, y = fields
    expected = MRTLRegressor(**GIVEN).fit(X, y).coef_
    monkeypatch.setattr("sklearn_mrtl._estimators.lazy_fit.KEPT_FRACTION", 0.0)
    n_read = []
    lazy = chunked(X).map_blocks(lambda block: n_read.append(len(block)) or block, meta=np.empty((0,) * 4))
    model = MRTLRegressor(**GIVEN).fit(lazy, y)
    np.testing.assert_allclose(model.coef_, expected, rtol=1e-6, atol=1e-9)
    assert sum(n_read) >= N * sum(record["level"] == 1 for record in model.history_)


def printed_by_fits(*arguments):
    """Return what `distributed_fits.py` prints."""
    script = Path(__file__).with_name("distributed_fits.py")
    done = subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_dead_scheduler_is_told_and_nothing_is_lost():
    pytest.importorskip("distributed")
    found = printed_by_fits("scheduler")
    assert "lost the Dask scheduler" in found["error"] and "goes on from its file" in found["error"]
    assert found["is_as_it_was"]


def test_two_processes_of_which_one_is_killed():
    pytest.importorskip("distributed")
    found = printed_by_fits()
    for name in ("same", "score", "proba", "persisted", "checkpoint", "resumed", "killed", "search", "maps"):
        assert found[name] < 1e-8, name
    assert found["tasks_of_resumed"] < 0.5 * found["tasks_of_checkpoint"]
    assert found["received_of_fields"] < 0.02  # of each byte of further rows: only what does not depend on them comes
    assert found["received_of_table"] < 0.02
    assert found["epochs"] > 4
    assert found["tasks_of_search"] >= 4  # a fit for each of two strengths and two folds
    assert found["same_processes"] == 1
