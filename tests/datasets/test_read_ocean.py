"""Files written here in the layouts of ERSST, EN4, GODAS and the IRI data library, and files that are refused."""

import os
from pathlib import Path

import numpy as np
import pytest

from sklearn_mrtl.datasets import read_ocean
from sklearn_mrtl.preprocessing import lag_windows

xr = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

MRTL_DATA = Path(os.environ.get("MRTL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
RNG = np.random.default_rng(0)


def made_of(lat, lon, time=0.0):
    """Return a field of degrees Celsius that differs at each place and time."""
    lon = (np.asarray(lon) + 180) % 360 - 180
    return np.round(np.add.outer(np.asarray(lat) / 10, lon / 1000) + time, 3)


def ersst(folder, n=4):
    """Write one netCDF 3 file with a level of one depth, descending latitudes, longitudes 0 to 358, days since 1800."""
    lat, lon = np.arange(88.0, -89, -2), np.arange(0.0, 360, 2)
    values = np.stack([made_of(lat, lon, t) for t in range(n)])[:, None]
    values[:, :, 30, 50] = np.nan
    days = (np.array("1854-01", "M8[M]") + np.arange(n)).astype("M8[D]") - np.array("1800-01-01", "M8[D]")
    dataset = xr.Dataset(
        {"sst": (("time", "lev", "lat", "lon"), values.astype("f4"), {"units": "degree_C", "long_name": "SST"})},
        {
            "time": ("time", days.astype(float), {"units": "days since 1800-1-1 00:00:00"}),
            "lev": ("lev", [0.0], {"units": "meters"}),
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )
    dataset.sst.encoding["_FillValue"] = np.float32(-999.0)
    dataset.to_netcdf(folder / "ersst.nc", engine="scipy", format="NETCDF3_CLASSIC")
    return folder / "ersst.nc"


def en4(folder, months=("2000-01", "2000-02", "2000-03")):
    """Write a file for each month: packed kelvin, salinity and uncertainties on levels, at the middle of the month."""
    lat, lon, depth = np.arange(-80.0, 90, 10), np.arange(1.0, 361), [5.02, 15.08, 25.16]
    axes = ("time", "depth", "lat", "lon")
    for t, month in enumerate(months):
        celsius = np.stack([made_of(lat, lon, t) + 100 * k for k in range(3)])[None]
        celsius[:, :, 10, 10] = np.nan
        dataset = xr.Dataset(
            {
                "temperature": (axes, celsius + 273.15, {"units": "kelvin"}),
                "salinity": (axes, celsius / 100 + 35, {"units": "1"}),
                "temperature_uncertainty": (axes, np.full(celsius.shape, 0.5), {"units": "kelvin"}),
                "time_bnds": (("time", "bnds"), np.zeros((1, 2))),
            },
            {
                "time": [np.datetime64(f"{month}-16T12", "ns")],
                "depth": ("depth", depth, {"units": "metres", "positive": "down"}),
                "lat": ("lat", lat.astype("f4"), {"standard_name": "latitude"}),
                "lon": ("lon", lon.astype("f4"), {"standard_name": "longitude"}),
            },
        )
        packed = {"dtype": "i2", "scale_factor": 0.01, "add_offset": 400.0, "_FillValue": np.int16(-32768)}
        dataset.to_netcdf(folder / f"EN.4.{month}.nc", engine="h5netcdf", encoding={"temperature": packed})
    return folder / "EN.4.*.nc"


def godas(folder, variable, years=(1980, 1981), units="K"):
    """Write a file for each year, at the first day of each month, with two of the 418 latitudes."""
    lat, lon = np.array([-0.5, 0.5]), np.arange(0.5, 360)
    for year in years:
        time = np.arange(f"{year}-01", f"{year + 1}-01", dtype="M8[M]").astype("M8[ns]")
        values = np.stack([made_of(lat, lon, t) for t in range(12)]) + (273.15 if units == "K" else 0)
        field = xr.DataArray(values[:, None], {"time": time, "level": [5.0], "lat": lat, "lon": lon}, name=variable)
        field.assign_attrs(units=units).to_netcdf(folder / f"{variable}.{year}.nc", engine="h5netcdf")
    return folder / f"{variable}.*.nc"


def test_ersst(tmp_path):
    sst = read_ocean(ersst(tmp_path), "sst", region=(-180, 0, -20, 60))
    assert sst.dims == ("time", "lat", "lon") and sst.dtype == np.float32 and sst.attrs["units"] == "degC"
    np.testing.assert_array_equal(sst.lat, np.arange(-20, 61, 2))
    np.testing.assert_array_equal(sst.lon, np.arange(-180, 1, 2))
    np.testing.assert_array_equal(sst.time.values.astype("M8[D]"), np.array("1854-01", "M8[M]") + np.arange(4))
    whole = read_ocean(ersst(tmp_path), "sst")
    assert whole.shape == (4, 89, 180) and np.isnan(whole.sel(lat=28, lon=100)).all()
    np.testing.assert_allclose(sst[2], made_of(sst.lat, sst.lon, 2), atol=1e-5)
    assert int(np.isnan(whole).sum()) == 4


def test_en4(tmp_path):
    fields = read_ocean(en4(tmp_path), ["temperature", "salinity"], region=(-180, 0, -20, 60))
    assert list(fields) == ["temperature", "salinity"] and set(fields.coords) == {"time", "lat", "lon"}
    temperature = fields.temperature
    assert temperature.shape == (3, 9, 181) and temperature.attrs["units"] == "degC"
    assert temperature.attrs["depth"] == 5.02
    np.testing.assert_allclose(temperature[1], made_of(temperature.lat, temperature.lon, 1), atol=0.006)
    np.testing.assert_array_equal(fields.time.values.astype("M8[D]"), np.array("2000-01", "M8[M]") + np.arange(3))
    deeper = read_ocean(en4(tmp_path), "temperature", depth=14)
    assert deeper.attrs["depth"] == 15.08
    np.testing.assert_allclose(deeper.sel(lon=200)[0], 100 + made_of(deeper.lat, 200.0), atol=0.006)
    np.testing.assert_array_equal(deeper.lon, np.arange(1, 361))


def test_a_difference_in_kelvin_is_not_shifted(tmp_path):
    uncertainty = read_ocean(en4(tmp_path), "temperature_uncertainty")
    assert uncertainty.attrs["units"] == "degC"
    np.testing.assert_array_equal(uncertainty, 0.5)


def test_all_variables_are_those_with_time_latitude_and_longitude(tmp_path):
    assert set(read_ocean(en4(tmp_path))) == {"temperature", "salinity", "temperature_uncertainty"}


def test_godas_has_a_file_for_each_variable(tmp_path):
    paths = [godas(tmp_path, "pottmp"), godas(tmp_path, "sshg", units="m")]
    fields = read_ocean(paths, ["pottmp", "sshg"], region=(120, 280, -5, 5))
    assert fields.pottmp.shape == (24, 2, 160)
    np.testing.assert_array_equal(fields.lon, np.arange(120.5, 280))
    np.testing.assert_allclose(fields.pottmp[13], made_of(fields.lat, fields.lon, 1), atol=1e-4)
    np.testing.assert_allclose(fields.sshg, fields.pottmp, atol=1e-4)
    X, _, time, _ = lag_windows(fields, lags=3)
    assert X.dims == ("time", "lag", "variable", "lat", "lon") and len(time) == 22
    np.testing.assert_array_equal(X.coords["variable"], ["pottmp", "sshg"])


@pytest.mark.parametrize(
    "region, first, last", [((170, -170, 0, 1), 170.5, 189.5), ((-190, -170, 0, 1), -189.5, -170.5)]
)
def test_a_region_across_the_date_line(tmp_path, region, first, last):
    fields = read_ocean(godas(tmp_path, "sst"), "sst", region=region)
    np.testing.assert_array_equal(fields.lon, np.arange(first, last + 1))
    np.testing.assert_allclose(fields[0, 0], made_of([0.5], fields.lon)[0], atol=1e-4)


def test_both_kinds_of_longitude_give_the_same(tmp_path):
    path = godas(tmp_path, "sst", years=[1980])
    field = xr.open_dataset(tmp_path / "sst.1980.nc", engine="h5netcdf")
    turned = field.assign_coords(lon=(field.lon + 180) % 360 - 180)
    turned.to_netcdf(tmp_path / "turned.nc", engine="h5netcdf")
    for region in [(-180, 0, -5, 5), (0, 360, -5, 5), (-30, 30, -5, 5)]:
        xr.testing.assert_identical(
            read_ocean(path, "sst", region=region), read_ocean(tmp_path / "turned.nc", "sst", region=region)
        )
    assert read_ocean(tmp_path / "turned.nc", "sst").lon.values[0] == -179.5


def test_a_meridian_at_both_ends_counts_once(tmp_path):
    lon = np.arange(0.0, 361, 90)
    xr.DataArray(
        np.zeros((1, 2, 5)), {"time": [np.datetime64("2000-01", "ns")], "lat": [0.0, 1], "lon": lon}
    ).to_dataset(name="sst").to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_ocean(tmp_path / "a.nc", "sst", region=(0, 360, 0, 1)).lon, lon[:4])


@pytest.mark.parametrize(
    "names",
    [("T", "Y", "X"), ("TIME", "LATITUDE", "LONGITUDE"), ("time_counter", "nav_lat", "nav_lon"), ("a", "b", "c")],
)
def test_names_of_axes(tmp_path, names):
    t, y, x = names
    time = np.arange("2000-01", "2000-04", dtype="M8[M]").astype("M8[ns]")
    coords = {
        t: (t, time, {"axis": "T"}),
        y: (y, [10.0, 0.0], {"units": "degrees_north"}),
        x: (x, [5.0, 6.0, 7.0], {"standard_name": "longitude"}),
    }
    values = RNG.normal(size=(3, 2, 3))
    xr.Dataset({"sst": ((t, y, x), values)}, coords).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    out = read_ocean(tmp_path / "a.nc", "sst")
    assert out.dims == ("time", "lat", "lon")
    np.testing.assert_allclose(out, values[:, ::-1], rtol=1e-6)


def test_dimensions_in_any_order(tmp_path):
    field = xr.open_dataset(ersst(tmp_path), engine="scipy").load().transpose("lon", "lev", "lat", "time")
    field.to_netcdf(tmp_path / "turned.nc", engine="h5netcdf")
    xr.testing.assert_equal(read_ocean(tmp_path / "turned.nc"), read_ocean(tmp_path / "ersst.nc"))


def test_months_since(tmp_path):
    time = ("T", [-0.5, 0.5, 1.5], {"units": "months since 1960-01-01", "calendar": "360"})
    dataset = xr.Dataset({"sst": (("T", "Y", "X"), np.zeros((3, 1, 1)))}, {"T": time, "Y": [0.0], "X": [0.0]})
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    months = read_ocean(tmp_path / "a.nc", "sst").time.values.astype("M8[M]")
    np.testing.assert_array_equal(months, np.array("1959-12", "M8[M]") + np.arange(3))


def test_a_calendar_of_360_days(tmp_path):
    pytest.importorskip("cftime")
    time = ("time", [15.0, 45.0, 75.0], {"units": "days since 2000-01-01", "calendar": "360_day"})
    values = RNG.normal(size=(3, 1, 2))
    dataset = xr.Dataset({"sst": (("time", "lat", "lon"), values)}, {"time": time, "lat": [0.0], "lon": [0.0, 1]})
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    sst = read_ocean(tmp_path / "a.nc", "sst")
    np.testing.assert_array_equal(sst.time.values.astype("M8[D]"), np.arange("2000-01", "2000-04", dtype="M8[M]"))
    assert lag_windows(sst, lags=2).X.shape == (2, 2, 1, 2)


def test_days_stay_days(tmp_path):
    time = np.arange("2000-01-01", "2000-01-06", dtype="M8[D]").astype("M8[ns]")
    dataset = xr.Dataset(
        {"sst": (("time", "lat", "lon"), np.zeros((5, 1, 1)))}, {"time": time, "lat": [0.0], "lon": [0.0]}
    )
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_ocean(tmp_path / "a.nc", "sst").time, time)


def test_a_fill_value_the_file_does_not_tell(tmp_path):
    values = np.array([[[1.0, -1e34]], [[2.0, -1e34]]], dtype="f4")
    time = np.array(["2000-01", "2000-02"], "M8[ns]")
    field = xr.DataArray(values, {"time": time, "lat": [0.0], "lon": [0.0, 1.0]}, ("time", "lat", "lon"), "sst")
    field.encoding["_FillValue"] = None
    field.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(read_ocean(tmp_path / "a.nc", "sst")[0, 0], values[0, 0])
    np.testing.assert_array_equal(
        read_ocean(tmp_path / "a.nc", "sst", fill_value=-1e34)[:, 0], [[1, np.nan], [2, np.nan]]
    )


def test_lazily_by_dask(tmp_path):
    dask_array = pytest.importorskip("dask.array")
    now = read_ocean(en4(tmp_path), "temperature", region=(-60, 0, 0, 60))
    later = read_ocean(en4(tmp_path), "temperature", region=(-60, 0, 0, 60), chunks={})
    assert isinstance(later.data, dask_array.Array)
    windows = lag_windows(later, lags=2)
    assert isinstance(windows.X.data, dask_array.Array)
    xr.testing.assert_allclose(windows.X.compute(), lag_windows(now, lags=2).X)


def test_files_in_any_order(tmp_path):
    en4(tmp_path)
    files = sorted(tmp_path.glob("EN.4*"))
    xr.testing.assert_identical(read_ocean(files[::-1], "salinity"), read_ocean(files, "salinity"))


def save(folder, name="a.nc", **parts):
    time = np.array(["2000-01", "2000-02"], "M8[ns]")
    defaults = {"dims": ("time", "lat", "lon"), "coords": {"time": time, "lat": [0.0, 1], "lon": [0.0, 1, 2]}}
    parts = {**defaults, **parts}
    sizes = [len(parts["coords"].get(dim, [0, 0])) for dim in parts["dims"]]
    xr.DataArray(np.zeros(sizes), parts["coords"], parts["dims"], "sst").to_netcdf(folder / name, engine="h5netcdf")
    return folder / name


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file matches '.*EN\.9\.\*'"):
        read_ocean([save(tmp_path), str(tmp_path / "EN.9.*")], "sst")
    with pytest.raises(FileNotFoundError, match="empty"):
        read_ocean([], "sst")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"<html>404</html>", "is not a netCDF file: it begins with b'<html>40'"),
        (b"", "begins with b''"),
        (b"CDF\x01 and then nothing", "cannot be read as netCDF"),
        (b"\x89HDF\r\n\x1a\n and then nothing", "cannot be read as netCDF"),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path, content, message):
    (tmp_path / "a.nc").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_ocean(tmp_path / "a.nc", "sst")


def test_half_a_file(tmp_path):
    content = ersst(tmp_path).read_bytes()
    (tmp_path / "a.nc").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cannot be read as netCDF"):
        read_ocean(tmp_path / "a.nc", "sst")


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"variables": "salt"}, "no variable 'salt' in .*there are: 'sst'"),
        ({"variables": ["sst", "salt", "ssh"]}, "no variable 'salt', 'ssh' in"),
        ({"variables": []}, "no variables in"),
        (
            {"region": (50, 60, 0, 1)},
            r"region \(50, 60, 0, 1\).*has no cells.*latitudes from 0 to 1 and longitudes from 0 to 2",
        ),
        ({"region": (0, 2, 50, 60)}, "has no cells"),
        ({"region": (0, 2, 1, 0)}, "must have a width and a height"),
        ({"region": (2, 2, 0, 1)}, "must have a width and a height"),
        ({"region": 5}, "four numbers .* got 5"),
        ({"region": (0, 2)}, r"four numbers \(west, east, south, north\), got \(0, 2\)"),
        ({"region": (0, 2, None, 1)}, "four numbers"),
    ],
)
def test_bad_parameters(tmp_path, kwargs, message):
    with pytest.raises(ValueError, match=message):
        read_ocean(save(tmp_path), **{"variables": "sst", **kwargs})


@pytest.mark.parametrize("depth", [-1, 26])
def test_a_depth_beyond_the_levels(tmp_path, depth):
    with pytest.raises(ValueError, match=rf"depth={depth} lies beyond the levels of 'salinity', 0 to 25.16"):
        read_ocean(en4(tmp_path), "salinity", depth=depth)


def test_files_that_do_not_fit_together(tmp_path):
    one = save(tmp_path)
    with pytest.raises(ValueError, match="'sst' has the time 2000-01.* more than once"):
        read_ocean([one, one], "sst")
    time = np.array(["2000-03", "2000-04"], "M8[ns]")
    other = save(tmp_path, "b.nc", coords={"time": time, "lat": [0.0, 2], "lon": [0.0, 1, 2]})
    with pytest.raises(ValueError, match="files of 'sst' differ in cells"):
        read_ocean([one, other], "sst")


def test_variables_that_do_not_fit_together(tmp_path):
    paths = [godas(tmp_path, "pottmp", years=[1980]), godas(tmp_path, "sshg")]
    with pytest.raises(ValueError, match="variables 'pottmp', 'sshg' differ in times or cells"):
        read_ocean(paths, ["pottmp", "sshg"])


@pytest.mark.parametrize(
    "values, attrs, message",
    [
        ([19800101.0, 19800201.0], {"units": "day as %Y%m%d.%f"}, "such as 19800101.0 in units 'day as %Y%m%d.%f'"),
        ([0, 1], {}, "no dates, such as 0 in units None, where 'days since ...'"),
        ([0.0, np.nan], {"units": "days since 2000-01-01"}, "1 missing times, of 2"),
    ],
)
def test_times_that_are_no_dates(tmp_path, values, attrs, message):
    axes = {"time": ("time", values, attrs), "lat": [0.0, 1], "lon": [0.0, 1, 2]}
    dataset = xr.Dataset({"sst": (("time", "lat", "lon"), np.zeros((2, 2, 3)))}, axes)
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=message):
        read_ocean(tmp_path / "a.nc", "sst")


def test_files_without_a_grid(tmp_path):
    time = np.array(["2000-01", "2000-02"], "M8[ns]")
    save(tmp_path, dims=("time", "station"), coords={"time": time})
    with pytest.raises(ValueError, match="not on a grid.*lat is missing among its dimensions .'time', 'station'"):
        read_ocean(tmp_path / "a.nc", "sst")
    coords = {"time": time, "lat": [0.0, 1], "lon": [0.0, 1], "member": [0, 1, 2]}
    save(tmp_path, dims=("time", "lat", "lon", "member"), coords=coords)
    with pytest.raises(ValueError, match=r"more dimensions than time, depth, lat and lon: \['member'\]"):
        read_ocean(tmp_path / "a.nc", "sst")


@pytest.mark.skipif(not (MRTL_DATA / "ocean").is_dir(), reason=f"no real data in {MRTL_DATA} (MRTL_DATA)")
def test_the_real_ocean():
    path = MRTL_DATA / "ocean" / "ocean_80x180.nc"
    fields = read_ocean(path, ["sst", "ssh"], region=(-180, 0, -20, 60))
    with xr.open_dataset(path, engine="h5netcdf") as original:
        for name in ("sst", "ssh"):
            np.testing.assert_array_equal(fields[name], original[name].astype(np.float32))
            np.testing.assert_array_equal(fields.lon, original.lon)
        np.testing.assert_array_equal(fields.time, original.time)
