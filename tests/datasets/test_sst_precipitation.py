"""The bundled ocean and rain: the decoding against a slow one, the values against what is known of them."""

import os
from pathlib import Path

import numpy as np
import pytest

import sklearn_mrtl.datasets
from sklearn_mrtl.datasets import load_sst_precipitation

STORED = Path(sklearn_mrtl.datasets.__file__).parent / "data" / "sst_precipitation.npz"
ROOT = Path(__file__).parent.parent.parent
MRTL_DATA = Path(os.environ.get("MRTL_DATA", ROOT / ".." / "shared" / "data"))
needs_mrtl_data = pytest.mark.skipif(
    not (MRTL_DATA / "ocean").is_dir(), reason=f"no real data in {MRTL_DATA} (environment variable MRTL_DATA)"
)


@pytest.fixture(scope="module")
def data():
    return load_sst_precipitation()


@pytest.fixture(scope="module")
def data_xarray():
    pytest.importorskip("xarray")
    return load_sst_precipitation(as_xarray=True)


def test_shapes_and_types(data):
    assert data.sst.shape == (1512, 40, 90) and data.sst.dtype == np.float32
    assert data.ocean.shape == (40, 90) and data.ocean.dtype == bool
    assert data.precip_midwest.shape == (1512,) and data.precip_midwest.dtype == np.float32
    assert data.division_precip.shape == (1512, 344) and data.division_precip.dtype == np.float32
    for name in ("division", "division_state", "division_lat", "division_lon"):
        assert data[name].shape == (344,)
    assert "public domain" in data.DESCR


def test_decoding_month_by_month(data):
    """Each month's code is the change since the month before, itself coded as differences between ocean cells."""
    stored = np.load(STORED)
    rows, columns = np.nonzero(stored["ocean"])
    now = np.zeros(len(rows), dtype=int)
    for month, code in enumerate(stored["sst_code"][:100]):
        change = 0
        for cell, difference in enumerate(code.tolist()):
            change += difference
            now[cell] += change
        np.testing.assert_allclose(data.sst[month, rows, columns], now * 0.02, atol=1e-5)


def test_land_is_nan_and_nothing_else(data):
    assert data.ocean.sum() == 2972
    np.testing.assert_array_equal(np.isnan(data.sst), np.broadcast_to(~data.ocean, data.sst.shape))


def test_values_are_plausible(data):
    assert np.nanmin(data.sst) == pytest.approx(-1.8, abs=0.01)  # sea water freezes
    assert 30 < np.nanmax(data.sst) < 36
    assert np.nanmean(data.sst[:, abs(data.lat) <= 5]) > np.nanmean(data.sst[:, data.lat > 50]) + 15
    assert data.precip_midwest.min() >= 0 and 60 < data.precip_midwest.mean() < 90
    assert data.division_precip.min() >= 0 and data.division_precip.max() < 1500


def test_coordinates(data):
    np.testing.assert_array_equal(data.lat, np.arange(-19, 60, 2))
    np.testing.assert_array_equal(data.lon, np.arange(-179, 0, 2))
    np.testing.assert_array_equal(data.time, np.arange("1895-01", "2021-01", dtype="datetime64[M]"))


def test_land_lies_where_land_is(data):
    def is_ocean(lat, lon):
        return data.ocean[np.argmin(abs(data.lat - lat)), np.argmin(abs(data.lon - lon))]

    assert is_ocean(0, -150) and is_ocean(40, -40)
    assert not is_ocean(40, -95) and not is_ocean(-10, -55)


def test_el_nino_of_1997_is_in(data):
    region = np.ix_(abs(data.lat) <= 5, (data.lon >= -170) & (data.lon <= -120))
    nino34 = data.sst[:, *region].mean(axis=(1, 2))
    decembers = data.time.astype(int) % 12 == 11
    years = 1970 + data.time[decembers].astype(int) // 12
    warmest = set(years[np.argsort(nino34[decembers])[-3:]])
    assert warmest == {1982, 1997, 2015}


def test_each_call_returns_arrays_of_its_own(data):
    again = load_sst_precipitation()
    again.sst[:] = 0
    assert np.nanmax(data.sst) > 30


def test_xarray_has_the_same_values(data, data_xarray):
    for name, dims in {
        "sst": ("time", "lat", "lon"),
        "ocean": ("lat", "lon"),
        "precip_midwest": ("time",),
        "division_precip": ("time", "division"),
    }.items():
        assert data_xarray[name].dims == dims
        np.testing.assert_array_equal(data_xarray[name].values, data[name])
    np.testing.assert_array_equal(data_xarray.time, data.time)


def test_xarray_coordinates_and_units(data, data_xarray):
    sst, precip = data_xarray.sst, data_xarray.division_precip
    assert sst.attrs == {"units": "degC", "long_name": "sea surface temperature"}
    assert precip.attrs["units"] == data_xarray.precip_midwest.attrs["units"] == "mm/month"
    assert sst.time.dtype == np.dtype("datetime64[ns]")
    assert sst.time.values[0] == np.datetime64("1895-01-01") and sst.time.values[-1] == np.datetime64("2020-12-01")
    assert sst.lat.attrs["units"] == "degrees_north" and sst.lon.attrs["units"] == "degrees_east"
    iowa = precip.sel(division=precip.division_state == "IA")
    assert iowa.shape == (1512, 9) and set(iowa.coords) == {
        "time",
        *(n for n in data if n.startswith("division") and n != "division_precip"),
    }
    assert float(sst.sel(lat=0, lon=-150, method="nearest").mean()) == pytest.approx(26.5, abs=1)


def test_missing_xarray_names_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("sklearn_mrtl._utils.optional.import_module", missing)
    with pytest.raises(ImportError, match=r"sklearn-mrtl\[xarray\]"):
        load_sst_precipitation(as_xarray=True)


@needs_mrtl_data
def test_midwest_is_that_of_the_original(data):
    time, midwest = np.genfromtxt(
        MRTL_DATA / "ocean" / "precip_midwest.csv", delimiter=",", skip_header=1, usecols=(0, 1), dtype=str
    )[:1512].T
    np.testing.assert_array_equal(time.astype("datetime64[M]"), data.time)
    np.testing.assert_allclose(data.precip_midwest, midwest.astype(float), atol=0.0501)


@needs_mrtl_data
def test_divisions_are_those_of_the_original(data):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(MRTL_DATA / "ocean" / "precip_divisions.nc", engine="h5netcdf") as original:
        np.testing.assert_array_equal(data.division, original.division)
        np.testing.assert_array_equal(data.division_state, original.state)
        precip = original.precip.sel(time=slice("1895-01", "2020-12")).transpose("time", "division")
        np.testing.assert_allclose(data.division_precip, precip, atol=0.551)  # rounded to 0.1 mm, then to 1 mm
        midwest = (original.midwest_weight.values / original.midwest_weight.values.sum()).astype(np.float32)
    np.testing.assert_allclose(data.division_precip @ midwest, data.precip_midwest, atol=0.5)


@needs_mrtl_data
def test_sst_is_the_mean_of_the_original(data):
    """A 2-degree cell is the mean of the ocean among its four 1-degree cells."""
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    months = [0, 700, 1511]
    with xarray.open_dataset(MRTL_DATA / "ocean" / "ocean_80x180.nc", engine="h5netcdf") as original:
        fine = original.sst.isel(time=months).values
    coarse = np.full((3, 40, 90), np.nan)
    for i in range(40):
        for j in range(90):
            if data.ocean[i, j]:
                coarse[:, i, j] = np.nanmean(fine[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
    np.testing.assert_allclose(data.sst[months], coarse, atol=0.0101 + 0.01)
