"""Files written here in the layouts of PRISM and nClimDiv, and files that are refused."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_mrtl.datasets import read_precipitation
from sklearn_mrtl.datasets._outline import contains

xr = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

MRTL_DATA = Path(os.environ.get("MRTL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
RNG = np.random.default_rng(0)
LAT, LON = 40 + np.arange(12) / 2, -100 + np.arange(20) / 2  # ascending
BOX = [(-98.1, 41.1), (-95.9, 41.1), (-95.9, 43.1), (-98.1, 43.1)]


def field(seed=0):
    """Return precipitation that is NaN over a lake."""
    values = np.random.default_rng(seed).gamma(2, 40, (len(LAT), len(LON))).astype("f4")
    values[4:6, 6:8] = np.nan
    return values


def bil(folder, month, values, *, order="I", **header):
    """Write a grid like PRISM's, from north to south; the header gives the centre of its north-west cell."""
    name = f"PRISM_ppt_stable_4kmM3_{month}_bil"
    numbers = np.where(np.isnan(values), -9999, values)[::-1].astype(">f4" if order == "M" else "<f4")
    (folder / f"{name}.bil").write_bytes(numbers.tobytes())
    entries = {
        "BYTEORDER": order,
        "LAYOUT": "BIL",
        "NROWS": len(LAT),
        "NCOLS": len(LON),
        "NBANDS": 1,
        "NBITS": 32,
        "BANDROWBYTES": 4 * len(LON),
        "PIXELTYPE": "FLOAT",
        "ULXMAP": LON[0],
        "ULYMAP": LAT[-1],
        "XDIM": 0.5,
        "YDIM": 0.5,
        "NODATA": -9999,
        **header,
    }
    lines = [f"{key:14s} {value}" for key, value in entries.items() if value is not None]
    (folder / f"{name}.hdr").write_text("\r\n".join(lines))
    return folder / f"{name}.bil"


def netcdf(folder, values, name="ppt", **coords):
    time = np.array("2000-01", "M8[M]") + np.arange(len(values))
    coords = {"time": time.astype("M8[ns]"), "lat": LAT, "lon": LON, **coords}
    field = xr.DataArray(values, coords, ("time", "lat", "lon"), name, {"units": "mm"})
    field.to_netcdf(folder / "ppt.nc", engine="h5netcdf")
    return folder / "ppt.nc"


def slow_mean(values, lat, lon, outline):
    """Cell by cell; a point is inside a convex polygon if it lies on one side of all edges."""
    total = weight = 0.0
    for i, y in enumerate(lat):
        for j, x in enumerate(lon):
            sides = [
                (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
                for (x0, y0), (x1, y1) in zip(outline, [*outline[1:], outline[0]], strict=True)
            ]
            if all(side > 0 for side in sides) and not np.isnan(values[i, j]):
                total += np.cos(np.deg2rad(y)) * values[i, j]
                weight += np.cos(np.deg2rad(y))
    return total / weight


@pytest.mark.parametrize("order", ["I", "M"])
def test_bil_fields(tmp_path, order):
    for k, month in enumerate(["199912", "200001", "200002"]):
        bil(tmp_path, month, field(k), order=order)
    rain = read_precipitation(tmp_path / "PRISM_*_bil.bil")
    assert rain.dims == ("time", "lat", "lon") and rain.dtype == np.float32 and rain.attrs["units"] == "mm/month"
    np.testing.assert_array_equal(rain, np.stack([field(k) for k in range(3)]))
    np.testing.assert_allclose(rain.lat, LAT)
    np.testing.assert_allclose(rain.lon, LON)
    np.testing.assert_array_equal(rain.time.values.astype("M8[M]"), np.array("1999-12", "M8[M]") + np.arange(3))


def test_zip_of_a_year_without_its_sum(tmp_path):
    bil(tmp_path, "2000", field(9))
    for k in range(12):
        bil(tmp_path, f"2000{k + 1:02d}", field(k))
    with zipfile.ZipFile(tmp_path / "prism_2000.zip", "w") as archive:
        for file in tmp_path.glob("PRISM*"):
            archive.write(file, file.name)
    xr.testing.assert_identical(
        read_precipitation(tmp_path / "prism_2000.zip"), read_precipitation(tmp_path / "PRISM_*_2000??_bil.bil")
    )


TRIANGLE = [(-99.3, 40.2), (-92.2, 41.3), (-96.4, 45.4)]


@pytest.mark.parametrize("outline", [BOX, TRIANGLE])
def test_mean_over_an_outline(tmp_path, outline):
    months = ["200001", "200002"]
    for k, month in enumerate(months):
        bil(tmp_path, month, field(k))
    rain = read_precipitation(tmp_path / "*.bil", outline)
    assert rain.dims == ("time",) and set(rain.coords) == {"time"} and rain.name == "precip"
    expected = [slow_mean(field(k), LAT, LON, outline) for k in range(2)]
    np.testing.assert_allclose(rain, expected, rtol=1e-6)
    # The other way round, as netCDF, and with longitudes to 360.
    path = netcdf(tmp_path, np.stack([field(k) for k in range(2)]), lon=LON + 360)
    np.testing.assert_allclose(read_precipitation(path, outline[::-1]), expected, rtol=1e-6)


def test_a_month_without_data_is_nan(tmp_path):
    values = np.stack([field(0), np.full_like(field(0), np.nan)])
    rain = read_precipitation(netcdf(tmp_path, values), BOX)
    np.testing.assert_array_equal(np.isnan(rain), [False, True])


def test_negative_values_are_no_data(tmp_path):
    values = field(0)[None]
    path = netcdf(tmp_path, np.where(np.isnan(values), -9999, values))
    np.testing.assert_array_equal(read_precipitation(path), values)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=3, max_size=8))
def test_contains_against_winding_of_the_angle(vertices):
    """The sum of the angles under which a point sees the edges is an odd number of turns inside (even-odd rule)."""
    points = RNG.uniform(-6, 6, (40, 2))
    inside = contains(np.array(vertices), points[:, 0], points[:, 1])
    ring = np.array([*vertices, vertices[0]])
    for point, found in zip(points, inside, strict=True):
        away = ring - point
        angles = np.arctan2(away[:, 1], away[:, 0])
        turns = np.sum((np.diff(angles) + np.pi) % (2 * np.pi) - np.pi) / (2 * np.pi)
        assert found == (round(turns) % 2 == 1)


def record(region, element, year, values):
    return f"{region}{element}{year}" + "".join(f"{value:7.2f}" for value in values) + "  \n"


def climate_divisions(folder, regions=("0101", "1302"), years=(2019, 2020), element="01"):
    inches = np.round(RNG.gamma(2, 1.5, (len(regions), len(years), 12)), 2)
    inches[:, -1, 10:] = -9.99
    inches[0, 0, 3] = -9.99
    lines = [record(r, element, y, inches[i, j]) for i, r in enumerate(regions) for j, y in enumerate(years)]
    (folder / "climdiv-pcpndv-v1.0.0-20201105").write_text("".join(lines))
    return folder / "climdiv-pcpndv-v1.0.0-20201105", inches


@pytest.mark.parametrize("regions", [("0101", "1302"), ("0010", "0020"), ("01001", "48507")])
def test_climate_divisions(tmp_path, regions):
    path, inches = climate_divisions(tmp_path, regions)
    rain = read_precipitation(path)
    assert rain.dims == ("time", "division") and rain.shape == (22, 2)
    np.testing.assert_array_equal(rain.division, regions)
    np.testing.assert_array_equal(rain.time.values.astype("M8[M]"), np.array("2019-01", "M8[M]") + np.arange(22))
    for i, region in enumerate(regions):
        expected = np.where(inches[i] < 0, np.nan, 25.4 * inches[i]).ravel()[:22]
        np.testing.assert_allclose(rain.sel(division=region), expected, rtol=1e-6)


def test_climate_divisions_of_different_years_and_orders(tmp_path):
    lines = [record("0102", "01", 2002, range(12)), record("0101", "01", 2000, range(12))]
    (tmp_path / "a").write_text("".join(lines))
    rain = read_precipitation(tmp_path / "a")
    assert rain.shape == (36, 2)
    assert np.isnan(rain.sel(division="0101")[12:]).all() and np.isnan(rain.sel(division="0102")[:24]).all()


@pytest.mark.parametrize(
    "text, message",
    [
        (record("0101", "02", 2000, range(12)), "line 1, has element 02, not precipitation"),
        (2 * record("0101", "01", 2000, range(12)), "line 2: region 0101 has the year 2000 twice"),
        (
            record("0101", "01", 2000, range(12)) + "0101012001   1.00\n",
            "line 2, is not an nClimDiv record: '0101012001",
        ),
        ("month,rain\n1,2\n", "none of the formats"),
        ("", "none of the formats"),
    ],
)
def test_broken_texts(tmp_path, text, message):
    (tmp_path / "climdiv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_precipitation(tmp_path / "climdiv")


def test_divisions_have_no_outline(tmp_path):
    path, _ = climate_divisions(tmp_path)
    with pytest.raises(ValueError, match="climate divisions, which are no grid"):
        read_precipitation(path, BOX)


@pytest.mark.parametrize(
    "outline, message",
    [
        (
            [(-98, 41), (-80, 41), (-97, 43)],
            r"longitudes -98 to -80.*reaches beyond the grid.*longitudes -100 to -90.5",
        ),
        ([(-98, 41), (-97, 41), (-97, 60)], "reaches beyond the grid"),
        ([(10, 41), (12, 41), (11, 43)], "reaches beyond the grid"),
        ([(-97.9, 41.1), (-97.6, 41.1), (-97.7, 41.4)], "no cell of the grid has its centre within the outline"),
        ([(-98, 41), (-97, 41)], r"at least three finite vertices.*got shape \(2, 2\)"),
        ([(-98, 41), (-97, 41), (-97, np.nan)], "finite"),
        ([(41, -98), (41, -97), (43, -97)], r"latitudes beyond 90 degrees; its vertices are \(longitude, latitude\)"),
    ],
)
def test_bad_outlines(tmp_path, outline, message):
    with pytest.raises(ValueError, match=message):
        read_precipitation(bil(tmp_path, "200001", field()), outline)


@pytest.mark.parametrize(
    "header, message",
    [
        ({"NROWS": None, "XDIM": None}, "is not the header of a grid: it has no NROWS, XDIM"),
        ({"NROWS": 13}, "has 960 bytes, but by its header 13 x 20 numbers of 4"),
        ({"NBITS": 64}, "bytes, but by its header 12 x 20 numbers of 8"),
        ({"NBANDS": 3}, "no single band of numbers"),
        ({"PIXELTYPE": "COLOR"}, "no single band of numbers"),
    ],
)
def test_broken_headers(tmp_path, header, message):
    with pytest.raises(ValueError, match=message):
        read_precipitation(bil(tmp_path, "200001", field(), **header))


def test_bil_without_header_or_month(tmp_path):
    for month in ("2000", "30yr_01"):
        with pytest.raises(ValueError, match="no name of a .bil file has a month, YYYYMM"):
            read_precipitation(bil(tmp_path, month, field()))
    path = bil(tmp_path, "200001", field())
    path.with_suffix(".hdr").unlink()
    with pytest.raises(ValueError, match="has no header PRISM_ppt_stable_4kmM3_200001_bil.hdr beside it"):
        read_precipitation(path)


def test_the_variable(tmp_path):
    path = netcdf(tmp_path, field()[None])
    with pytest.raises(ValueError, match="no variable 'rain'; .*there are: 'ppt'"):
        read_precipitation(path, variable="rain")
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        dataset.assign(tmax=dataset.ppt).to_netcdf(tmp_path / "two.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="give variable=; .*there are: 'ppt', 'tmax'"):
        read_precipitation(tmp_path / "two.nc")
    assert read_precipitation(tmp_path / "two.nc", variable="ppt").name == "ppt"


def test_a_month_twice(tmp_path):
    path = bil(tmp_path, "200001", field())
    with pytest.raises(ValueError, match="has the time 2000-01.* more than once"):
        read_precipitation([path, path])


@pytest.mark.skipif(not (MRTL_DATA / "ocean").is_dir(), reason=f"no real data in {MRTL_DATA} (MRTL_DATA)")
def test_real_divisions_written_as_nclimdiv(tmp_path):
    with xr.open_dataset(MRTL_DATA / "ocean" / "precip_divisions.nc", engine="h5netcdf") as original:
        rain = original.precip.transpose("division", "time").values[:5, :240]
        codes = [str(code) for code in original.division.values[:5]]
    inches = np.round(rain / 25.4, 2).reshape(5, 20, 12)
    lines = [record(code, "01", 1895 + j, inches[i, j]) for i, code in enumerate(codes) for j in range(20)]
    (tmp_path / "climdiv").write_text("".join(lines))
    np.testing.assert_allclose(read_precipitation(tmp_path / "climdiv").T, rain, atol=0.128)
