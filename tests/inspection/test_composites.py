"""Inspection of a model inside others: in the user's form of X, and in the user's units."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.inspection import (
    ComponentDisplay,
    FactorDisplay,
    HistoryDisplay,
    component_importance,
    component_scores,
    contribution_map,
    factor_bands,
    predict_xarray,
    select_rank,
    select_term,
    stability,
    tercile_probabilities,
    to_xarray,
)
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, Deseasonalizer
from sklearn_mrtl.references import ClimatologyRegressor, ResidualRegressor

xr = pytest.importorskip("xarray")
FIXED = {"alpha_spatial": 1e-4, "alpha_l2": 1e-3, "random_state": 0}


def climate(n=180, *, lead=2, seed=0):
    """Fields and a target with seasonal cycles; the target's time is later."""
    rng = np.random.default_rng(seed)
    time = np.arange(n).astype("datetime64[M]").astype("datetime64[ns]")
    ahead = (np.arange(n) + lead).astype("datetime64[M]").astype("datetime64[ns]")
    anomalies = rng.normal(size=(n, 2, 7, 9))
    season = np.cos(2 * np.pi * np.arange(n) / 12)
    X = xr.DataArray(
        anomalies + 3 * season[:, None, None, None],
        {"time": time, "lag": [0, 1], "lat": np.arange(7) * 5.0, "lon": np.arange(9) * 10.0},
        ("time", "lag", "lat", "lon"),
    )
    signal = anomalies[:, 0, 2:5, 3:6].sum(axis=(1, 2))
    y = 100 + 50 * season + (4 + 3 * season) * (signal + rng.normal(size=n))
    return X, xr.DataArray(y, {"time": ahead}, ("time",))


def composites():
    model = MRTLRegressor(rank=2, **FIXED)
    pipeline = make_pipeline(Deseasonalizer(standardize=False), model)
    return {
        "cycle": DeseasonalizedTargetRegressor(pipeline, lead=2),
        "pipeline of a cycle": make_pipeline(
            Deseasonalizer(standardize=False), DeseasonalizedTargetRegressor(model, lead=2)
        ),
        "residual": ResidualRegressor(ClimatologyRegressor(), pipeline),
        "transformed": TransformedTargetRegressor(pipeline, transformer=StandardScaler()),
        "search": GridSearchCV(pipeline, {"mrtlregressor__alpha_l2": [1e-3]}, cv=2),
    }


@pytest.fixture(scope="module")
def fitted():
    X, y = climate()
    return X, y, {name: model.fit(X[:150], y[:150]) for name, model in composites().items()}


@pytest.mark.parametrize("name", composites())
def test_contributions_add_up_to_the_prediction_in_the_users_units(fitted, name):
    """Between two rows of one month, whose cycles are the same."""
    X, _, models = fitted
    model, row, other = models[name], X[160:161], X[148:149]
    found = contribution_map(model, row)
    assert found.dims == ("lat", "lon")
    difference = float((found - contribution_map(model, other)).sum())
    np.testing.assert_allclose(difference, model.predict(row)[0] - model.predict(other)[0], rtol=1e-6)


@pytest.mark.parametrize("name", composites())
def test_importance_is_the_loss_of_accuracy_in_the_users_units(fitted, name):
    X, y, models = fitted
    model = models[name]
    importance = component_importance(model, X[150:], y[150:])
    assert importance.shape == (2,) and importance[0] > 50  # squared: the signal varies by ten
    assert component_scores(model, X[150:]).shape == (30, 2)


@pytest.mark.parametrize("name", composites())
def test_predictions_have_the_time_of_the_target(fitted, name):
    X, y, models = fitted
    predicted = predict_xarray(models[name], X[150:])
    np.testing.assert_array_equal(predicted.values, models[name].predict(X[150:]))
    if name == "transformed":  # it hands an array on
        np.testing.assert_array_equal(predicted.time, X.time[150:])
    else:
        np.testing.assert_array_equal(predicted.time, y.time[150:])
        np.testing.assert_array_equal(predicted.sample_time, X.time[150:])
    dataset = to_xarray(models[name])
    assert dataset.grid_factors.dims == ("lat", "lon", "component")


def test_pictures_ranks_and_refits(fitted):
    X, y, models = fitted
    pytest.importorskip("matplotlib").use("Agg")
    model = models["cycle"]
    FactorDisplay.from_estimator(model)
    HistoryDisplay.from_estimator(model)
    assert list(select_term(model, "lag x grid").factors_) == ["lag", "grid"]
    assert stability(model, X[:150], y[:150], 1, random_state=0).scores.shape == (1, 2)
    unfitted = composites()["cycle"]
    assert select_rank(unfitted, X[:150], y[:150], [1, 2], cv=2).scores.shape == (2, 2)


def test_names_and_places_of_outputs_travel():
    X, y = climate()
    places = {"place": ["Ulm", "Bonn"], "height": ("place", [478.0, 60.0])}
    both = xr.concat([y, 2 * y], dim="place").transpose("time", "place").assign_coords(places)
    model = DeseasonalizedTargetRegressor(MRTLRegressor(rank=1, **FIXED), lead=2).fit(X, both)
    predicted = predict_xarray(model, X[:3])
    assert predicted.dims == ("time", "place") and predicted.place.values.tolist() == ["Ulm", "Bonn"]
    assert predicted.height.values.tolist() == [478.0, 60.0]
    assert to_xarray(model).output_factors.dims == ("place", "component")
    assert contribution_map(model, X[:1]).dims == ("place", "lat", "lon")
    positions = [(10.0, 48.4), (7.1, 50.7)]
    for name in ("place", "output"):
        points = FactorDisplay.from_estimator(model, name, positions=positions).images_[0]
        np.testing.assert_array_equal(np.sort(points.get_offsets(), axis=0), np.sort(positions, axis=0))
        panel = ComponentDisplay.from_estimator(model, positions={name: positions}).axes_[0, -1]
        assert (panel.get_title(), panel.get_xlabel()) == ("place", "longitude (°E)")
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(both.values, columns=["Ulm", "Bonn"])
    of_table = MRTLRegressor(rank=1, **FIXED).fit(X, table)
    assert of_table.predict_xarray(X[:3]).output.values.tolist() == ["Ulm", "Bonn"]


def test_maps_come_back_with_their_coordinates():
    X, y = climate()
    rng = np.random.default_rng(0)
    lat, lon = np.array([50.0, 45, 40]), np.arange(4.0)
    maps = xr.DataArray(
        y.values[:, None, None] * rng.uniform(1, 2, (3, 4)), {"time": y.time, "lat": lat, "lon": lon},
        ("time", "lat", "lon"),
    )  # fmt: skip
    maps[:, 0, 0] = np.nan
    model = ResidualRegressor(
        ClimatologyRegressor(), MRTLRegressor(target=Grid("land", (3, 4)), rank=1, **FIXED)
    ).fit(X, maps)  # fmt: skip
    predicted = predict_xarray(model, X[:5])
    assert predicted.dims == ("time", "lat", "lon")
    xr.testing.assert_equal(predicted.lat.drop_vars("lat"), maps.lat.drop_vars("lat"))
    assert predicted.isel(lat=0, lon=0).isnull().all()
    dataset = to_xarray(model)
    assert dataset.land_factors.dims == ("land_lat", "land_lon", "component")
    assert dataset.land_lat.values.tolist() == lat.tolist()
    assert component_importance(model, X, maps)[0] > 0
    assert contribution_map(model, X[:1]).dims == ("land_lat", "land_lon", "lat", "lon")
    bounded = MRTLRegressor(target=Grid("land", (3, 4), bounds=[(0, 3), (0, 4)]), rank=1, **FIXED).fit(X, maps.values)
    assert bounded.predict_xarray(X[:2]).land_0.values.tolist() == [0.5, 1.5, 2.5]


@pytest.mark.parametrize(
    "estimator, error, message",
    [
        (Ridge(), TypeError, "estimator must be an MRTLRegressor.*got Ridge"),
        (make_pipeline(Ridge()), TypeError, "inside Pipeline there is Ridge"),
        (DeseasonalizedTargetRegressor(MRTLRegressor()), NotFittedError, "call fit first"),
        (BaggingRegressor(MRTLRegressor()), NotFittedError, "holds no fitted estimator"),
    ],
)
def test_what_has_no_single_model_is_refused(estimator, error, message):
    with pytest.raises(error, match=message):
        to_xarray(estimator)


def test_a_curved_transformation_of_the_target_has_no_contributions(fitted):
    X, y, _ = fitted
    curved = FunctionTransformer(np.log, np.exp)
    model = TransformedTargetRegressor(MRTLRegressor(rank=1, **FIXED), transformer=curved).fit(X, np.abs(y) + 1)
    with pytest.raises(ValueError, match="not linear. Give its regressor_"):
        contribution_map(model, X[:1])
    with pytest.raises(TypeError, match="got Ridge"):
        select_rank(Ridge(), X, y)


@pytest.mark.parametrize("name", list(composites()))
def test_bands_are_those_of_the_model_for_its_own_target(fitted, name):
    X, y, models = fitted
    X, y, model = X[:150], y[:150], models[name]
    inner, own = model, y
    if name in ("residual", "cycle", "transformed"):
        inner = model.regressor_
        expected = {
            "residual": lambda: y.values - model.reference_.predict(X),
            "cycle": lambda: Deseasonalizer().fit_transform(y.values[:, None], time=y.time.values)[:, 0],
            "transformed": lambda: (y.values - y.values.mean()) / y.values.std(),
        }
        own = expected[name]()
    if isinstance(inner, Pipeline) and name == "pipeline of a cycle":
        own = Deseasonalizer().fit_transform(y.values[:, None], time=y.time.values)[:, 0]
        inner = make_pipeline(inner[0], inner[1].regressor_)
    bands = factor_bands(model, X, y, n_resamples=2, random_state=0)
    alone = factor_bands(inner, X, own, n_resamples=2, random_state=0)
    for mode in bands.low:
        np.testing.assert_allclose(bands.low[mode], alone.low[mode], rtol=1e-3, atol=1e-5)


def test_uncertainty_of_predictions_is_in_the_units_of_the_target(fitted):
    X, y, _ = fitted
    model = DeseasonalizedTargetRegressor(MRTLRegressor(rank=1), lead=2).fit(X[:150], y[:150])
    rows = X[150:]
    prediction, std = model.predict(rows, return_std=True)
    np.testing.assert_array_equal(prediction, model.predict(rows))
    np.testing.assert_allclose(std, model.regressor_.noise_std_ * model.scale_of(rows)[:, 0], rtol=1e-6)
    labelled = predict_xarray(model, rows, return_std=True)
    for part, values in zip(labelled, (prediction, std), strict=True):
        np.testing.assert_array_equal(part, values)
        assert part.time.values[0] == y.time.values[150]
    whole = ResidualRegressor(ClimatologyRegressor(), MRTLRegressor(rank=1)).fit(X[:150], y[:150])
    prediction, std = whole.predict(rows, return_std=True)
    np.testing.assert_array_equal(prediction, whole.predict(rows))
    np.testing.assert_allclose(std, whole.regressor_.noise_std_)
    with pytest.raises(TypeError, match="inside ResidualRegressor was fitted to another one"):
        tercile_probabilities(whole, rows)
    np.testing.assert_array_equal(tercile_probabilities(model, rows), tercile_probabilities(model.regressor_, rows))


@pytest.mark.parametrize("name", composites())
def test_a_row_of_a_series_keeps_its_time(fitted, name):
    X, _, models = fitted
    np.testing.assert_array_equal(contribution_map(models[name], X[160]), contribution_map(models[name], X[160:161]))
