"""Targets that are maps."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_predict, cross_val_score

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold

RAIN = Grid("rain", (7, 8), bounds=[(0, 7), (0, 8)])
FIXED = {"alpha_spatial": 1e-3, "alpha_l2": 1e-3, "random_state": 0}


def same(actual, expected, **tolerance):
    np.testing.assert_allclose(actual, expected, **({"rtol": 1e-6, "atol": 1e-8} | tolerance))


def ocean(n=150, *, noise=0.5, seed=0):
    """Fields, and maps of what a bump of them explains, with land."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2, 12, 13))
    signal = np.einsum("nlij,l,ij->n", X, [1, 0.5], np.outer(np.hanning(12), np.hanning(13))) / 4
    y = signal[:, None, None] * np.outer(np.hanning(9)[1:-1], np.hanning(10)[1:-1])
    y = y + noise * rng.normal(size=y.shape)
    y[:, :2, 5:] = np.nan
    return X, y


def table(n=300, seed=0):
    rng = np.random.default_rng(seed)
    player, cell = rng.integers(4, size=n), rng.integers(24, size=n)
    X = np.hstack([np.eye(4)[player], np.eye(24)[cell]])
    y = np.cos(cell / 4)[:, None, None] * np.hanning(9)[1:-1, None] * np.ones(8) + 0.3 * rng.normal(size=(n, 7, 8))
    return X, y


@pytest.mark.parametrize(
    "options",
    [FIXED | {"rank": 2}, FIXED | {"rank": None}, FIXED | {"rank": 2, "decomposition": "tucker"}, {}],
    ids=repr,
)
def test_maps_are_predicted_in_their_shape(options):
    X, y = ocean()
    model = MRTLRegressor(target=RAIN, **options).fit(X[:100], y[:100])
    predicted = model.predict(X[100:])
    assert predicted.shape == (50, 7, 8)
    np.testing.assert_array_equal(np.isnan(predicted[0]), np.isnan(y[0]))
    assert model.intercept_.shape == (7, 8) and model.coef_.shape == (7, 8, 2, 12, 13)
    same(np.einsum("nlab,ijlab->nij", X[100:], model.coef_) + model.intercept_, predicted, atol=1e-6)
    sea = ~np.isnan(y[0])
    same(model.score(X[100:], y[100:]), r2_score(y[100:][:, sea], predicted[:, sea]))
    assert model.score(X[100:], y[100:]) > 0.1
    assert model.resolutions_[-1] == {"grid": (12, 13), "rain": (7, 8)}
    if options.get("rank", 2) is not None:
        assert model.factors_["rain"].shape[:2] == (7, 8) and np.isnan(model.factors_["rain"][0, 6]).all()


def test_encodings():
    X, y = table()
    model = MRTLRegressor(["player", Grid("court", (4, 6))], target=RAIN, rank=2, **FIXED).fit(X, y)
    assert model.predict(X[:3]).shape == (3, 7, 8) and model.score(X, y) > 0.3


def test_smooth_outputs_predict_better_than_those_in_no_order():
    X, y = ocean(300, noise=1.5)
    sea = ~np.isnan(y[0])
    smooth = MRTLRegressor(target=RAIN, random_state=0).fit(X[:150], y[:150]).score(X[150:], y[150:])
    no_order = MRTLRegressor(random_state=0).fit(X[:150], y[:150][:, sea]).score(X[150:], y[150:][:, sea])
    assert smooth > no_order


@pytest.mark.parametrize("options", [{"rank": 2}, {"loss": "poisson", "rank": 2}, {"rank": None}], ids=repr)
def test_one_cell_is_a_single_output(options):
    X, y = ocean()
    y = np.abs(np.nansum(y, axis=(1, 2)))
    model = MRTLRegressor(**FIXED, **options)
    expected = clone(model).fit(X, y)
    found = model.set_params(target=Grid("one", (1, 1))).fit(X, y[:, None, None])
    np.testing.assert_array_equal(found.predict(X)[:, 0, 0], expected.predict(X))
    np.testing.assert_array_equal(found.coef_, expected.coef_)
    assert found.score(X, y[:, None, None]) == expected.score(X, y)


def test_without_smoothness_each_cell_is_an_output_of_its_own():
    X, y = ocean()
    sea = ~np.isnan(y[0])
    options = {"rank": None, "alpha_spatial": 0.0, "alpha_l2": 1e-2, "resolutions": "fixed"}
    maps = MRTLRegressor(target=RAIN, **options).fit(X, y).predict(X)
    same(maps[:, sea], MRTLRegressor(**options).fit(X, y[:, sea]).predict(X), atol=1e-6)


def test_a_coarse_level_predicts_on_the_fine_grid():
    X, y = ocean()
    target = Grid("rain", (14, 16))
    fine = np.repeat(np.repeat(y, 2, axis=1), 2, axis=2)
    model = MRTLRegressor(target=target, rank=1, n_levels=1, **FIXED).fit(X, fine)
    assert model.resolutions_ == [{"grid": (6, 7), "rain": (7, 8)}]
    assert model.predict(X).shape == fine.shape and model.score(X, fine) > 0.1


def test_counts():
    X, y = ocean()
    counts = np.random.default_rng(1).poisson(np.exp(np.clip(y, -3, 3))) if not np.isnan(y).any() else None
    counts = np.where(np.isnan(y), np.nan, np.random.default_rng(1).poisson(np.exp(np.nan_to_num(y))))
    model = MRTLRegressor(target=RAIN, loss="poisson", rank=1, **FIXED).fit(X, counts)
    predicted = model.predict(X)
    assert (predicted[:, ~np.isnan(y[0])] > 0).all() and np.isnan(predicted[:, 0, 6]).all()
    assert model.score(X, counts) > 0.02


def test_validation_data_warm_starts_and_checkpoints(tmp_path):
    X, y = ocean()
    options = {"target": RAIN, "rank": 2, **FIXED}
    model = MRTLRegressor(criterion="validation_loss", **options).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    assert np.isfinite([record["validation_loss"] for record in model.history_]).all()
    expected = MRTLRegressor(**options).fit(X, y).predict(X)
    path = tmp_path / "fit.npz"
    MRTLRegressor(checkpoint=path, **options).fit(X, y)
    same(MRTLRegressor(checkpoint=path, **options).fit(X, y).predict(X), expected)
    warm = MRTLRegressor(warm_start=True, n_levels=1, **options).fit(X, y)
    same(warm.set_params(n_levels=None).fit(X, y).predict(X), expected)


LAZY = [
    ("fields", FIXED | {"rank": 2}),
    ("fields", FIXED | {"rank": None}),
    ("fields", FIXED | {"rank": 2, "loss": "poisson"}),
    ("fields", {"rank": 2, "random_state": 0}),
    ("large fields", FIXED | {"rank": 2}),  # whose steps see those of a coarser level
    ("encodings", FIXED | {"rank": 2}),
    ("encodings", {"rank": 2, "random_state": 0}),
]


@pytest.mark.parametrize("layout, options", LAZY, ids=repr)
def test_maps_in_blocks_are_those_in_memory(layout, options):
    da = pytest.importorskip("dask.array")
    X, y = table() if layout == "encodings" else ocean()
    X, n = X.repeat(2, axis=2).repeat(2, axis=3) if layout == "large fields" else X, len(X)
    y = np.repeat(np.repeat(y, 2, axis=1), 2, axis=2) + 0.3 * np.random.default_rng(1).normal(size=(n, 14, 16))
    y = np.abs(y).round() if "loss" in options else y
    weight = np.random.default_rng(2).integers(3, size=n).astype(float)
    weight[:30] = 0  # a block without any
    modes = ["player", Grid("court", (4, 6))] if layout == "encodings" else None
    model = MRTLRegressor(modes, target=Grid("rain", (14, 16)), **options)
    expected = model.fit(X, y, weight)
    coef, predicted, score = expected.coef_, expected.predict(X), expected.score(X, y)
    lazy, maps = da.from_array(X, (30, *X.shape[1:])), da.from_array(y, (30, 14, 16))
    for target in (maps, y):
        model.fit(lazy, target, weight)
        same(model.coef_, coef, atol=1e-6 * np.nanmax(np.abs(coef)))
    found = model.predict(lazy)
    assert found.shape == y.shape and found.chunks[0] == lazy.chunks[0] and found.chunks[1:] == ((14,), (16,))
    same(found.compute(), predicted, atol=1e-6 * np.nanmax(np.abs(predicted)))
    same([model.score(lazy, target) for target in (maps, y)], score)
    assert [level["rain"] for level in model.resolutions_][-2:] == [(7, 8), (14, 16)]


def test_lazy_maps_with_coordinates_and_validation_data():
    """Whose rows are in another order of the cells."""
    xr = pytest.importorskip("xarray")
    pytest.importorskip("dask.array")
    X, y = ocean()
    X = xr.DataArray(X, {"time": np.arange(150)}, ("time", "lag", "lat", "lon"))
    coords = {"time": np.arange(150) + 2, "north": np.arange(7.0), "east": np.arange(8.0)}
    y = xr.DataArray(y, coords, ("time", "north", "east"))
    model = MRTLRegressor(target=Grid("rain", (7, 8)), rank=2, **FIXED)
    expected = model.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:]).history_
    predicted, score = model.predict_xarray(X[100:]), model.score(X[100:], y[100:])
    lazy, turned = X.chunk(time=30), y[:, ::-1].transpose("time", "east", "north").chunk(time=30)
    model.fit(lazy[:100], y[:100].chunk(time=30), X_val=lazy[100:], y_val=turned[100:].chunk(time=(20, 30)))
    for record, other in zip(model.history_, expected, strict=True):
        assert record["validation_loss"] == pytest.approx(other["validation_loss"], rel=1e-8)
    found = model.predict_xarray(lazy[100:])
    assert found.chunks is not None
    xr.testing.assert_allclose(found.compute(), predicted)
    assert model.score(lazy[100:], turned[100:].chunk(time=(20, 30))) == pytest.approx(score)


def test_lazy_maps_that_are_wrong():
    da = pytest.importorskip("dask.array")
    X, y = ocean()
    lazy, model = da.from_array(X, (30, *X.shape[1:])), MRTLRegressor(target=RAIN, rank=1, **FIXED)
    y[:, 3, 3] = 7.0
    maps = da.from_array(y, (30, 7, 8))
    same(model.fit(lazy, maps).predict(X)[:, 3, 3], 7.0, atol=1e-6)  # a constant cell
    with pytest.raises(ValueError, match=r"1 cell\(s\) are NaN in some of the 150 only, the first, \(3, 3\), in 30"):
        model.fit(lazy, da.where(maps == 7, da.from_array(np.repeat([np.nan, 7.0], [30, 120])[:, None, None]), maps))
    with pytest.raises(ValueError, match="y must be chunked along its first axis"):
        model.fit(lazy, maps.rechunk((30, 7, 4)))
    with pytest.raises(ValueError, match="y must have the chunks of rows"):
        model.fit(lazy, maps.rechunk((50, 7, 8)))
    with pytest.raises(ValueError, match="y is NaN in all cells"):
        model.fit(lazy, maps * np.nan)
    with pytest.raises(ValueError, match=r"y must have the shape \(n, 7, 8\)"):
        model.fit(lazy, maps[:, :, 1:])
    with pytest.raises(ValueError, match="constant"):
        model.fit(lazy, 0 * maps)


def test_it_survives_saving_and_cross_validation(tmp_path):
    X, y = ocean()
    model = MRTLRegressor(target=RAIN, rank=1, **FIXED).fit(X, y)
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict(X), model.predict(X))
    cv = ConsecutiveBlockKFold(3, gap=2)
    predicted = cross_val_predict(clone(model), X, y, cv=cv)
    assert predicted.shape == y.shape
    train, test = next(iter(cv.split(X)))
    same(predicted[test], clone(model).fit(X[train], y[train]).predict(X[test]))
    assert cross_val_score(clone(model), X, y, cv=cv).shape == (3,)


def test_a_constant_cell_is_predicted_as_it_is():
    X, y = ocean()
    y[:, 3, 3] = 7.0
    predicted = MRTLRegressor(target=RAIN, rank=1, **FIXED).fit(X, y).predict(X)
    same(predicted[:, 3, 3], 7.0, atol=1e-6)


@pytest.mark.parametrize(
    "change, target, message",
    [
        (
            lambda y: y[:, :6],
            RAIN,
            r"y must have the shape \(n, 7, 8\) for target=Grid\('rain', .*\), got \(150, 6, 8\)",
        ),
        (lambda y: y[:, 0], RAIN, r"\(n, 7, 8\).*got \(150, 8\)"),
        (
            lambda y: np.where(np.arange(150)[:, None, None] < 4, np.nan, y),
            RAIN,
            "50 cell.*NaN in some of the 150 only",
        ),
        (lambda y: y * np.nan, RAIN, "y is NaN in all cells"),
        (lambda y: np.ones_like(y), RAIN, "constant"),
        (lambda y: y, Grid("grid", (7, 8)), "target must have another name than the modes of X"),
    ],
)
def test_what_does_not_fit_is_refused(change, target, message):
    X, y = ocean()
    with pytest.raises(ValueError, match=message):
        MRTLRegressor(target=target).fit(X, change(y))


def test_parameters_that_do_not_fit_are_refused():
    X, y = ocean()
    with pytest.raises(TypeError, match="target must be a Grid or None, got 'rain'"):
        MRTLRegressor(target="rain").fit(X, y)
    with pytest.raises(ValueError, match=r"target must be a Grid of shape \(7, 8\) for y of shape .*, got None"):
        MRTLRegressor().fit(X, y)
    with pytest.raises(
        ValueError, match="terms with a target Grid must be None or 'auto'.* or give the maps as columns"
    ):
        MRTLRegressor(target=RAIN, terms=["grid"]).fit(X, y)
    model = MRTLRegressor(target=RAIN, rank=1, **FIXED).fit(X, y)
    with pytest.raises(ValueError, match="NaN in some"):
        model.score(X, np.where(np.arange(150)[:, None, None] < 4, np.nan, y))
    with pytest.raises(ValueError, match=r"y_val must have the shape"):
        model.fit(X, y, X_val=X, y_val=y[:, :3])


def test_a_mode_of_the_outputs_may_be_nonnegative_and_have_levels_of_its_own():
    X, y = ocean()
    levels = [{"sea": (6, 7), "rain": (2, 2)}, {"sea": (12, 13), "rain": (7, 8)}]
    modes = [Feature("lag"), Grid("sea", (12, 13), quantity="mean")]
    model = MRTLRegressor(modes, target=RAIN, rank=1, resolutions=levels, nonnegative=["rain"], **FIXED).fit(X, y)
    assert model.resolutions_ == levels and np.nanmin(model.factors_["rain"]) >= 0


def test_maps_and_outputs_in_another_order_than_in_fit_are_put_in_order():
    xr, pd = pytest.importorskip("xarray"), pytest.importorskip("pandas")
    X, y = ocean()
    coords = {"lat": np.arange(7.0), "lon": np.arange(8.0)}
    maps = xr.DataArray(y, dims=("time", "lat", "lon"), coords=coords)
    model = MRTLRegressor(target=RAIN, rank=2, **FIXED).fit(X, maps, X_val=X, y_val=maps)
    flipped = maps.isel(lat=slice(None, None, -1)).transpose("time", "lon", "lat")
    assert model.score(X, flipped) == model.score(X, maps)
    other = MRTLRegressor(target=RAIN, rank=2, **FIXED).fit(X, maps, X_val=X, y_val=flipped)
    assert other.history_[-1]["validation_loss"] == model.history_[-1]["validation_loss"]
    with pytest.raises(ValueError, match="y must have the labels of fit along 'lat'"):
        model.score(X, maps.assign_coords(lat=np.arange(1.0, 8.0)))

    table = pd.DataFrame({"a": y[:, 3, 3], "b": -3 * y[:, 4, 4]})
    model = MRTLRegressor(rank=2, **FIXED).fit(X, table)
    assert model.score(X, table[["b", "a"]]) == model.score(X, table)
    assert model.score(X, table.rename(columns={"a": "c"})) == model.score(X, table)


@pytest.mark.parametrize("estimator", [MRTLRegressor, MRTLClassifier])
def test_a_target_in_another_order_of_times_is_refused(estimator):
    xr, pd = pytest.importorskip("xarray"), pytest.importorskip("pandas")
    X, y = ocean()
    time = pd.date_range("2000-01-01", periods=len(X), freq="MS")
    fields = xr.DataArray(X, dims=("time", "lag", "lat", "lon"), coords={"time": time})
    target = xr.DataArray((y[:, 3, 3] > 0).astype(int), dims="time", coords={"time": time})
    model = estimator(rank=1, **FIXED).fit(fields, target)
    message = "in another order: row 0 is of 2012-06-01.*and that of X of 2000-01-01"
    for backwards in (target[::-1], target[::-1].to_series()):
        with pytest.raises(ValueError, match=f"y must be in the order of X.*{message}"):
            model.fit(fields, backwards)
        with pytest.raises(ValueError, match=message):
            model.score(fields, backwards)
    with pytest.raises(ValueError, match="y_val must be in the order of X"):
        model.fit(fields, target, X_val=fields, y_val=target[::-1])
    expected = pytest.approx(model.score(fields, target), rel=1e-9)
    assert model.score(fields[::-1], target[::-1]) == expected  # both are
    assert model.score(fields, target.assign_coords(time=time + pd.DateOffset(months=3))) == expected


def test_the_spread_of_maps_counts_what_coarse_cells_do_not_see():
    """Noise of single cells is no part of the errors on the coarse level, where the penalties are chosen."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1, 12, 12))
    y = X[:, 0].sum(axis=(1, 2))[:, None, None] / 12 + 2 * rng.normal(size=(400, 12, 12))
    model = MRTLRegressor(target=Grid("rain", (12, 12)), random_state=0).fit(X[:200], y[:200])
    predicted, std = model.predict(X[200:], return_std=True)
    assert model.resolutions_[0]["rain"] == (6, 6)
    assert 0.9 < np.mean(std) / np.std(y[200:] - predicted) < 1.1
