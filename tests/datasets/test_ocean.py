"""Simulated oceans: y against the full sum, the fields' statistics against the promises of the docstring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.preprocessing import Deseasonalizer


@pytest.fixture(scope="module")
def ocean():
    return make_ocean(20_000, n_lags=2, shape=(6, 9), smoothness=0.15, random_state=0)


def slow_signal(ocean):
    """Sum over all entries of the weight tensor of explicit outer products."""
    lags, variables, patterns = ocean.factors.values()
    weights = sum(
        np.multiply.outer(np.multiply.outer(lags[:, k], variables[:, k]), patterns[..., k])
        for k in range(lags.shape[1])
    )
    np.testing.assert_allclose(ocean.coef, weights)
    there = np.where(ocean.ocean, ocean.data, 0)
    return np.array([(weights * sample).sum() for sample in there]) / ocean.ocean.size


@settings(max_examples=30, deadline=None)
@given(
    shape=st.sampled_from([5, (4, 6), (3, 4, 5), (1, 1), (1, 7)]),
    n_lags=st.integers(1, 4),
    n_variables=st.integers(1, 3),
    n_components=st.integers(1, 4),
    land=st.sampled_from([0.0, 0.3, 0.99]),
    seasonal=st.sampled_from([0.0, 2.0]),
    autocorrelation=st.sampled_from([0.0, 0.9]),
    seed=st.integers(0, 5),
)
def test_signal_is_the_full_sum(seed, **parameters):
    ocean = make_ocean(8, **parameters, random_state=seed)
    np.testing.assert_allclose(ocean.signal, slow_signal(ocean), atol=1e-10)
    assert np.isfinite(ocean.target).all() and ocean.ocean.any()
    np.testing.assert_array_equal(np.isnan(ocean.data), np.broadcast_to(~ocean.ocean, ocean.data.shape))


def test_shapes_modes_and_time():
    ocean = make_ocean(30, n_lags=3, n_variables=2, shape=(4, 6), n_components=5, random_state=0)
    assert ocean.data.shape == (30, 3, 2, 4, 6) and ocean.coef.shape == (3, 2, 4, 6)
    assert {name: factor.shape for name, factor in ocean.factors.items()} == {
        "lag": (3, 5),
        "variable": (2, 5),
        "ocean": (4, 6, 5),
    }
    assert ocean.modes == (
        Feature("lag", 3),
        Feature("variable", 2),
        Grid("ocean", (4, 6), bounds=[(-20, 60), (-180, 0)], quantity="mean"),
    )
    np.testing.assert_array_equal(ocean.time, np.arange("1900-03", "1902-09", dtype="datetime64[M]"))


def test_lags_are_months_back():
    ocean = make_ocean(30, n_lags=4, land=0, random_state=0)
    for lag in range(1, 4):
        np.testing.assert_array_equal(ocean.data[lag:, lag], ocean.data[:-lag, 0])


def test_fields_have_unit_variance_everywhere(ocean):
    fields = ocean.data[:, 0][..., ocean.ocean]
    np.testing.assert_allclose(fields.std(axis=0), 1, atol=0.05)
    np.testing.assert_allclose(fields.mean(axis=0), 0, atol=0.1)


@pytest.mark.parametrize("autocorrelation", [0.0, 0.5, 0.9])
def test_autocorrelation(autocorrelation):
    fields = make_ocean(20_000, n_lags=1, shape=3, land=0, autocorrelation=autocorrelation, random_state=1).data[:, 0]
    np.testing.assert_allclose((fields[1:] * fields[:-1]).mean(axis=0), autocorrelation, atol=0.05)
    assert abs((fields[:, 0] * fields[:, 1]).mean()) < 0.08  # of two variables


def test_smoothness_is_the_length_over_which_fields_vary():
    """White noise smoothed with a Gaussian of width s correlates as exp(-d^2 / 4 s^2) at distance d, inside."""
    n, smoothness = 60, 0.1
    fields = make_ocean(20_000, n_lags=1, n_variables=1, shape=n, smoothness=smoothness, land=0, random_state=0).data
    for d in (3, 6, 12):
        expected = np.exp(-((d / (smoothness * n)) ** 2) / 4)
        assert (fields[..., 24] * fields[..., 24 + d]).mean() == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("best_r2", [0.3, 0.8, 1.0])
def test_best_r2(best_r2):
    ocean = make_ocean(20_000, n_lags=2, shape=(6, 9), best_r2=best_r2, random_state=3)
    assert r2_score(ocean.target, ocean.signal) == pytest.approx(best_r2, abs=0.02)
    assert (ocean.target - ocean.signal).std() == pytest.approx(ocean.noise, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_signal_has_variance_one_and_components_matter_about_the_same(seed):
    ocean = make_ocean(20_000, n_lags=3, shape=(6, 9), random_state=seed)
    assert ocean.signal.std() == pytest.approx(1, abs=0.05)
    there = np.nan_to_num(ocean.data)
    terms = np.einsum("nlvxy,lk,vk,xyk->nk", there, *ocean.factors.values(), optimize=True) / ocean.ocean.size
    assert terms.std(axis=0).max() < 1.9 * terms.std(axis=0).min()


@pytest.mark.parametrize("land", [0.0, 0.25, 0.5])
def test_land(land):
    ocean = make_ocean(3, shape=(20, 40), land=land, random_state=0)
    assert (~ocean.ocean).sum() == round(land * 800)
    assert (ocean.factors["ocean"][~ocean.ocean] == 0).all()
    # Coasts are smooth: few neighbours differ, where half would if land were scattered.
    assert (np.diff(ocean.ocean, axis=1)).mean() < 0.1


def test_seasonal_cycle_is_what_deseasonalizing_takes_away():
    parameters = {"n_lags": 1, "shape": (6, 9), "land": 0, "random_state": 0}
    still, moving = (make_ocean(12_000, seasonal=seasonal, **parameters) for seasonal in (0.0, 3.0))
    cycle = moving.data - still.data
    np.testing.assert_allclose(cycle[:12], cycle[12:24], atol=1e-9)
    np.testing.assert_allclose(cycle[:12].mean(axis=0), 0, atol=1e-9)
    assert 1 < np.sqrt(2) * cycle.std() < 6
    months = Deseasonalizer(standardize=False)
    np.testing.assert_allclose(
        months.fit_transform(moving.data, time=moving.time),
        months.fit_transform(still.data, time=still.time),
        atol=1e-9,
    )


def test_factors_do_not_depend_on_n_samples():
    many, few = (make_ocean(n, seasonal=1.0, random_state=0) for n in (40, 4))
    for name, factor in many.factors.items():
        np.testing.assert_array_equal(factor, few.factors[name])
    np.testing.assert_array_equal(many.ocean, few.ocean)


def test_same_seed_same_ocean():
    one, again, other = (make_ocean(20, shape=(4, 6), random_state=seed) for seed in (0, 0, 1))
    for name in ("data", "target", "coef"):
        np.testing.assert_array_equal(one[name], again[name])
        assert not np.array_equal(one[name], other[name])


def test_global_seed_is_left_alone():
    np.random.seed(0)
    expected = np.random.RandomState(0).rand()
    make_ocean(2, random_state=0)
    assert np.random.rand() == expected


def test_dtype():
    single, double = (make_ocean(20, shape=(4, 6), dtype=dtype, random_state=0) for dtype in (np.float32, np.float64))
    assert single.data.dtype == single.target.dtype == np.float32
    np.testing.assert_allclose(single.target, double.target, rtol=1e-4, atol=1e-4)


def test_as_xarray():
    xr = pytest.importorskip("xarray")
    parameters = {"n_lags": 2, "shape": (4, 6), "random_state": 0}
    plain, made = make_ocean(20, **parameters), make_ocean(20, as_xarray=True, **parameters)
    assert isinstance(made.data, xr.DataArray) and made.data.dims == ("time", "lag", "variable", "y", "x")
    np.testing.assert_array_equal(made.data, plain.data)
    np.testing.assert_array_equal(made.target, plain.target)
    np.testing.assert_array_equal(made.data.time, plain.time)
    np.testing.assert_array_equal(made.ocean.y, [-10, 10, 30, 50])
    np.testing.assert_array_equal(made.ocean.x, np.arange(-165, 0, 30))
    assert make_ocean(2, shape=3, as_xarray=True).data.dims[3:] == ("x",)
    assert make_ocean(2, shape=(2, 3, 4), as_xarray=True).data.dims[3:] == ("depth", "y", "x")


def test_missing_xarray_names_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("sklearn_mrtl._utils.optional.import_module", missing)
    with pytest.raises(ImportError, match=r"make_ocean\(as_xarray=True\) needs xarray: .*sklearn-mrtl\[xarray\]"):
        make_ocean(2, as_xarray=True)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_lags": 0}, "n_lags"),
        ({"n_variables": 0}, "n_variables"),
        ({"n_components": 0}, "n_components"),
        ({"best_r2": 0.0}, "best_r2"),
        ({"best_r2": 1.1}, "best_r2"),
        ({"smoothness": 0.0}, "smoothness"),
        ({"autocorrelation": 1.0}, "autocorrelation"),
        ({"seasonal": -1.0}, "seasonal"),
        ({"land": 1.0}, "land"),
        ({"dtype": np.int32}, "dtype"),
        ({"shape": (2, 3, 4, 5)}, "1, 2 or 3 axes"),
        ({"shape": (4, 0)}, "shape of 'ocean'"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_ocean(**{"n_samples": 10, "random_state": 0} | parameters)
