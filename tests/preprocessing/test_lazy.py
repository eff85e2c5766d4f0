"""Transformers of dask arrays: statistics by one pass over the blocks, results that are computed when needed."""

import numpy as np
import pytest

from sklearn_mrtl.preprocessing import AreaWeighter, Deseasonalizer, Detrender, VariableScaler, lag_windows

da = pytest.importorskip("dask.array")

TIME = np.arange("2000-01", "2008-04", dtype="datetime64[M]")
N = len(TIME)
TIMED = {
    "deseasonalizer": Deseasonalizer(),
    "harmonics": Deseasonalizer(harmonics=2),
    "line": Detrender("linear"),
}
OTHERS = {
    "difference": Detrender(),
    "area": AreaWeighter(latitude=np.linspace(-60, 80, 4)),
    "variables": VariableScaler(axis=1, feature_range=(-1, 1)),
}


def series():
    """Fields (time, 2 variables, 4 x 5 cells) with land, and a cell whose data begin late."""
    X = np.random.default_rng(0).normal(size=(N, 2, 4, 5)) * [[[3.0]], [[0.1]]] + np.arange(N)[:, None, None, None] / 30
    X[:, :, 0, :2] = np.nan
    X[:40, 0, 2, 2] = np.nan
    return X


def in_blocks(X, n_rows=17):
    return da.from_array(X, (n_rows, *X.shape[1:]))


def assert_same(transformer, X, invertible=True, **routed):
    expected = transformer.fit(X, **routed).transform(X, **routed)
    back = transformer.inverse_transform(expected, **routed) if invertible else None
    lazy = in_blocks(X)
    found = transformer.fit(lazy, **routed).transform(lazy, **routed)
    assert isinstance(found, da.Array) and found.dtype == expected.dtype
    np.testing.assert_allclose(found.compute(), expected, rtol=1e-9, atol=1e-9)
    if invertible:
        np.testing.assert_allclose(transformer.inverse_transform(found, **routed).compute(), back, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", TIMED)
def test_transformers_that_need_times(name):
    assert_same(TIMED[name], series(), time=TIME)


@pytest.mark.parametrize("name", OTHERS)
def test_transformers_without_times(name):
    assert_same(OTHERS[name], series(), invertible=name != "difference")


def test_single_precision_stays():
    assert_same(Deseasonalizer(), series().astype(np.float32).round(2).astype(np.float64), time=TIME)
    lazy = in_blocks(series().astype(np.float32))
    assert Deseasonalizer().fit(lazy, time=TIME).transform(lazy, time=TIME).compute().dtype == np.float32


def test_dataarrays_keep_their_coordinates():
    xarray = pytest.importorskip("xarray")
    X = xarray.DataArray(series(), {"time": TIME.astype("datetime64[ns]"), "lat": np.arange(4.0)},
                         ("time", "variable", "lat", "lon"))  # fmt: skip
    lazy = X.chunk(time=17)
    for transformer in (Deseasonalizer(), Detrender(axis="variable"), AreaWeighter(), VariableScaler()):
        expected = transformer.fit_transform(X)
        found = transformer.fit(lazy).transform(lazy.isel(lat=slice(None, None, -1)))
        assert found.chunks is not None
        xarray.testing.assert_allclose(found.isel(lat=slice(None, None, -1)).compute(), expected)


def test_windows_of_blocks_go_through_a_pipeline():
    xarray = pytest.importorskip("xarray")
    from sklearn.pipeline import make_pipeline

    from sklearn_mrtl import MRTLRegressor

    X = xarray.DataArray(series(), {"time": TIME.astype("datetime64[ns]")}, ("time", "variable", "lat", "lon"))
    y = np.nan_to_num(X.values).sum((1, 2, 3))
    model = make_pipeline(Deseasonalizer(), MRTLRegressor(rank=1, alpha_spatial=0.1, alpha_l2=0.1, solver="lbfgs"))
    expected = lag_windows(X, y, lags=3)
    lazy = lag_windows(X.chunk(time=20), y, lags=3)
    with pytest.warns(UserWarning, match="NaN in some"):
        coef = model.fit(expected.X, expected.y)[-1].coef_
    with pytest.warns(UserWarning, match="NaN in some"):
        found = model.fit(lazy.X, lazy.y)[-1].coef_
    np.testing.assert_allclose(found, coef, rtol=1e-6, atol=1e-9)


def test_errors():
    X = series()
    with pytest.raises(ValueError, match="first axis, the rows, only"):
        VariableScaler().fit(in_blocks(X).rechunk((17, 1, 4, 5)))
    X[90, 0, 3, 3] = np.inf
    for transformer, routed in ((VariableScaler(), {}), (Deseasonalizer(), {"time": TIME})):
        with pytest.raises(ValueError, match="X contains infinity"):
            transformer.fit(in_blocks(X), **routed)
    with pytest.raises(ValueError, match="rows of shape"):
        VariableScaler().fit(in_blocks(series())).transform(in_blocks(series()[:, :, :3]))
