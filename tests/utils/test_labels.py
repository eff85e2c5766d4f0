import pickle

import numpy as np
import pytest

from sklearn_mrtl._utils.labels import Labels, align, edges, restore_order

LAT = np.array([35.0, 25.0, 15.0, 5.0])
NAMES = ["sst", "ssh", "salinity"]
MONTHS = np.array(["2000-01", "2000-03"], dtype="datetime64[M]").astype("datetime64[ns]")


def with_units(units="degrees_north"):
    xr = pytest.importorskip("xarray")
    coords = {
        "lag": ("lag", [0, 1, 2], {"long_name": "time before the target", "units": "months"}),
        "lat": ("lat", [10.0, 0.0], {"standard_name": "latitude", "units": units, "comment": "of centres"}),
        "lon": ("lon", [0.5, 1.5, 2.5, 3.5]),
    }
    values = np.random.default_rng(0).normal(size=(5, 3, 2, 4))
    return xr.DataArray(values, coords | {"time": np.arange(5)}, ("time", "lag", "lat", "lon"))


def test_labels_keep_units_and_compare():
    labels = Labels.of(with_units())
    assert labels.attrs["lat"] == {"standard_name": "latitude", "units": "degrees_north"}
    assert labels.attrs["lag"] == {"long_name": "time before the target", "units": "months"}
    assert labels.attrs["lon"] == {}
    assert pickle.loads(pickle.dumps(labels)) == labels == Labels.of(with_units())
    assert labels != Labels.of(with_units("m")) and labels != Labels() and labels != Labels.of(with_units()[..., :2])
    assert labels != "labels"


@pytest.mark.parametrize(
    "centers, expected",
    [
        ([0.5, 1.5, 2.5], (0.0, 3.0)),
        ([30, 20, 10], (5.0, 35.0)),
        ([1.0, 2.0, 4.0], None),
        ([1.0], None),
        (["a", "b"], None),
        (None, None),
    ],
)
def test_edges(centers, expected):
    assert edges(None if centers is None else np.array(centers)) == expected


def field():
    """Labels of all three kinds: strings, dates and floats."""
    xr = pytest.importorskip("xarray")
    coords = {"variable": NAMES, "month": MONTHS, "lat": LAT}
    values = np.random.default_rng(0).normal(size=(5, 3, 2, 4))
    return xr.DataArray(values, coords, ("time", "variable", "month", "lat"))


@pytest.mark.parametrize(
    "rearrange",
    [
        lambda X: X.isel(lat=slice(None, None, -1)),
        lambda X: X.isel(lat=[2, 0, 3, 1]),
        lambda X: X.isel(variable=[1, 2, 0], month=[1, 0], lat=[2, 0, 3, 1]),
        lambda X: X.transpose("time", "lat", "variable", "month"),
        lambda X: X.transpose("time", "lat", "month", "variable").isel(lat=[3, 1, 0, 2], variable=[2, 0, 1]),
    ],
)
def test_rearranged_fields_are_put_in_order_and_back(rearrange):
    xr, X = pytest.importorskip("xarray"), field()
    labels, other = Labels.of(X), rearrange(X)
    aligned = align(other, labels)
    xr.testing.assert_identical(aligned, X)
    xr.testing.assert_identical(restore_order(aligned, other, labels), other)
    xr.testing.assert_identical(restore_order(aligned[:, :, :, :3], other, labels), other.sel(lat=other.lat > LAT[3]))


def test_what_is_in_order_is_not_touched():
    X = field()
    assert align(X, Labels.of(X)) is X
    assert align(X, Labels()) is X and align(X.values, Labels.of(X)) is not None
    assert restore_order(X, X, Labels.of(X)) is X


def test_a_reversed_axis_needs_no_copy():
    X = field()
    assert np.shares_memory(align(X[..., ::-1], Labels.of(X)).values, X.values)


def test_dimensions_without_labels_are_taken_as_they_come():
    X = field()
    bare = X.drop_vars("lat")[..., ::-1]
    assert align(bare, Labels.of(X)) is bare
    flipped = X[..., ::-1]
    assert align(flipped, Labels.of(bare)) is flipped
    xr = pytest.importorskip("xarray")
    xr.testing.assert_identical(align(bare.isel(variable=[2, 0, 1]), Labels.of(X)), bare)


@pytest.mark.parametrize("noise, is_same", [(1e-3, True), (-0.05, True), (0.5, False), (-5.0, False)])
def test_floats_are_compared_with_a_tolerance_of_the_spacing(noise, is_same):
    X = field()
    other = X[..., ::-1].assign_coords(lat=LAT[::-1] + noise)
    if is_same:
        np.testing.assert_array_equal(align(other, Labels.of(X)).values, X.values)
    else:
        with pytest.raises(ValueError, match="labels of fit along 'lat'"):
            align(other, Labels.of(X))


def test_float32_labels_of_a_fine_grid_are_those_of_float64():
    xr = pytest.importorskip("xarray")
    lon = 340 + np.arange(1440) / 100
    X = xr.DataArray(np.zeros((1, 1440)), {"lon": lon}, ("time", "lon"))
    other = X.assign_coords(lon=lon.astype(np.float32))
    assert align(other, Labels.of(X)) is other


def test_integers_and_floats_are_numbers():
    xr = pytest.importorskip("xarray")
    X = xr.DataArray(np.arange(3.0)[None], {"lag": [0, 1, 2]}, ("time", "lag"))
    np.testing.assert_array_equal(align(X[:, ::-1].assign_coords(lag=[2.0, 1.0, 0.0]), Labels.of(X)), X)


@pytest.mark.parametrize(
    "coords, message",
    [
        ({"lat": LAT - 10}, r"along 'lat', in any order: 35\.0, 25\.0, 15\.0, 5\.0; got 25\.0, 15\.0, 5\.0, -5\.0\."),
        ({"variable": ["sst", "ssh", "ice"]}, "along 'variable', in any order: sst, ssh, salinity; got sst, ssh, ice"),
        ({"variable": [0, 1, 2]}, "sst, ssh, salinity; got 0, 1, 2"),
        ({"month": MONTHS + np.timedelta64(1, "D")}, "along 'month'.*2000-01-01.*got 2000-01-02"),
        ({"lat": [35.0, 25.0, 15.0, np.nan]}, r"got 35\.0, 25\.0, 15\.0, nan"),
        ({"lat": [35.0, 25.0, 25.0, 5.0]}, r"got 35\.0, 25\.0, 25\.0, 5\.0"),
    ],
)
def test_other_labels_are_an_error_that_shows_both(coords, message):
    X = field()
    with pytest.raises(ValueError, match=f"X_val must have the labels of fit .*{message}"):
        align(X.assign_coords(coords), Labels.of(X), "X_val")


def test_long_labels_show_where_they_differ():
    xr = pytest.importorskip("xarray")
    X = xr.DataArray(np.zeros((1, 100)), {"lon": np.arange(100.0)}, ("time", "lon"))
    lon = X.lon.values.copy()
    lon[40] = 40.3
    with pytest.raises(ValueError, match=r"99\.0 \(100 labels\).*at position 40: 40\.0 in fit, 40\.3 here"):
        align(X.assign_coords(lon=lon), Labels.of(X))
    with pytest.raises(ValueError, match=r"\(100 labels\); got .*\(99 labels\)"):
        align(X[:, :99], Labels.of(X))


def test_repeated_labels_cannot_be_put_in_order():
    X = field().assign_coords(variable=["u", "u", "v"])
    assert align(X, Labels.of(X)) is X
    with pytest.raises(ValueError, match="u, u, v; got v, u, u"):
        align(X.isel(variable=[2, 1, 0]), Labels.of(X))


def test_other_dimensions_are_an_error():
    X = field()
    with pytest.raises(ValueError, match=r"dimensions \('variable', 'month', 'lat'\) of fit .*, got \('level', "):
        align(X.rename(variable="level"), Labels.of(X))


def test_cells_of_two_coordinates():
    X = field().stack(cell=("month", "lat"))
    order = np.random.default_rng(0).permutation(8)
    np.testing.assert_array_equal(align(X[:, :, order], Labels.of(X)).values, X.values)


@pytest.mark.parametrize("noise, is_same", [(1e-4, True), (0.1, False)])
def test_a_single_label_is_compared_relative_to_its_size(noise, is_same):
    xr = pytest.importorskip("xarray")
    X = xr.DataArray(np.zeros((2, 1)), {"depth": [100.0]}, ("time", "depth"))
    other = X.assign_coords(depth=[100.0 + noise])
    if is_same:
        assert align(other, Labels.of(X)) is other
    else:
        with pytest.raises(ValueError, match="depth"):
            align(other, Labels.of(X))


def test_labels_of_mixed_types_have_no_other_order():
    xr = pytest.importorskip("xarray")
    X = xr.DataArray(np.zeros((2, 2)), {"variable": np.array(["sst", 3], dtype=object)}, ("time", "variable"))
    assert align(X, Labels.of(X)) is X
    with pytest.raises(ValueError, match="sst, 3; got 3, sst"):
        align(X[:, ::-1], Labels.of(X))
