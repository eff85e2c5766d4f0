"""Coordinates of a DataArray are compared with those of fit, by every transformer that knows of positions."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_mrtl.preprocessing import AreaWeighter, Deseasonalizer, Detrender, VariableScaler

xr = pytest.importorskip("xarray")

N = 48
LAT = np.array([60.0, 30.0, 0.0, -45.0])
DIMS = ("time", "lag", "variable", "lat", "lon")
TRANSFORMERS = [
    AreaWeighter(),
    Deseasonalizer(),
    Deseasonalizer(standardize=False, harmonics=2),
    Detrender(),
    Detrender(axis="variable"),
    Detrender("linear"),
    VariableScaler(),
    VariableScaler("lag"),
]


def fields():
    """Every entry of a row has a level, a spread and a trend of its own."""
    rng = np.random.default_rng(0)
    shape = (3, 2, 4, 5)
    values = rng.normal(size=(N, *shape)) * rng.uniform(1, 2, shape) + rng.normal(0, 20, shape)
    values += rng.normal(size=shape) * np.arange(N)[:, None, None, None, None]
    time = np.arange("1990-01", "1994-01", dtype="M8[M]").astype("M8[ns]")
    coords = {"time": time, "lag": [0, 1, 2], "variable": ["sst", "ssh"], "lat": LAT, "lon": np.arange(5.0)}
    return xr.DataArray(values, coords, DIMS, name="ocean", attrs={"source": "made up"})


ORDERS = {
    "flipped": {"lat": slice(None, None, -1)},
    "shuffled": {"lag": [2, 0, 1], "variable": [1, 0], "lat": [2, 3, 0, 1], "lon": [4, 0, 3, 1, 2]},
}


METHODS = [(t, method) for t in TRANSFORMERS for method in ("transform", "inverse_transform") if hasattr(t, method)]


@pytest.mark.parametrize("transformer, method", METHODS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dims", [DIMS, ("time", "lon", "lag", "lat", "variable")])
def test_another_order_gives_the_same_in_that_order(transformer, method, order, dims):
    X = fields()
    transform = getattr(clone(transformer).fit(X), method)
    other = X.isel(ORDERS[order]).transpose(*dims)
    out = transform(other)
    assert out.dims == dims and out.name == "ocean" and out.attrs == X.attrs
    for dim in dims:
        kept = np.isin(other[dim], out[dim])
        np.testing.assert_array_equal(out[dim], other[dim][kept])
    xr.testing.assert_identical(out.transpose(*DIMS).sel({d: transform(X)[d] for d in DIMS}), transform(X))


@pytest.mark.parametrize("transformer, method", METHODS)
@pytest.mark.parametrize(
    "coords, message",
    [
        ({"lat": LAT - 1}, r"along 'lat', in any order: 60\.0, 30\.0, 0\.0, -45\.0; got 59\.0, 29\.0, -1\.0, -46\.0"),
        ({"lag": [1, 2, 3]}, "along 'lag', in any order: 0, 1, 2; got 1, 2, 3"),
        ({"variable": ["sst", "salinity"]}, "sst, ssh; got sst, salinity"),
    ],
)
def test_other_coordinates_are_an_error_that_shows_both(transformer, method, coords, message):
    X = fields()
    transform = getattr(clone(transformer).fit(X), method)
    with pytest.raises(ValueError, match=message):
        transform(X.assign_coords(coords))


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_arrays_and_dimensions_without_coordinates_are_taken_as_they_come(transformer):
    X = fields()
    expected = clone(transformer).fit(X).transform(X)
    bare = X.drop_vars(["lag", "lon"])
    np.testing.assert_array_equal(clone(transformer).fit(X).transform(bare), expected)
    np.testing.assert_array_equal(clone(transformer).fit(bare).transform(X), expected)
    if not isinstance(transformer, Detrender | Deseasonalizer):
        np.testing.assert_array_equal(clone(transformer).fit(X).transform(X.values), expected)


def test_latitudes_beside_the_dimensions_are_compared_too():
    X = fields()[:, 0, 0].rename(lat="row").drop_vars("row").assign_coords(lat=("row", LAT))
    weighter = AreaWeighter().fit(X)
    np.testing.assert_array_equal(weighter.latitude_, LAT)
    assert weighter.transform(X).dims == ("time", "row", "lon")
    with pytest.raises(ValueError, match=r"latitudes of fit: 60\.0, 30\.0, 0\.0, -45\.0; got -45\.0, 0\.0"):
        weighter.transform(X.isel(row=slice(None, None, -1)))


def test_the_other_half_of_a_grid_is_refused():
    X = fields()
    with pytest.raises(ValueError, match=r"labels of fit along 'lat', in any order: 60\.0, 30\.0; got 0\.0, -45\.0"):
        AreaWeighter().fit(X[..., :2, :]).transform(X[..., 2:, :])
