"""Real files as their producers write them: each is read, or refused in words that say what to do."""

import calendar
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sklearn_mrtl.datasets import read_ocean, read_precipitation, read_sportvu

xr = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

MRTL_DATA = Path(os.environ.get("MRTL_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
SAMPLES = MRTL_DATA / "samples"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files in {MRTL_DATA} (MRTL_DATA)")

NCEI, PSL = SAMPLES / "ersst" / "ersst.v5.187001.nc", SAMPLES / "ersst" / "sst.mnmean.2010-2020.nc"
DAY = SAMPLES / "prism" / "PRISM_ppt_stable_4kmD2_19810101_bil.zip"


def test_ersst_of_two_producers_and_calendars():
    pytest.importorskip("cftime")
    both = read_ocean([PSL, NCEI], "sst")
    assert both.sizes == {"time": 129, "lat": 89, "lon": 180}
    months = np.append(np.datetime64("1870-01"), np.arange("2010-01", "2020-09", dtype="M8[M]"))
    np.testing.assert_array_equal(both.time.values.astype("M8[D]"), months.astype("M8[D]"))
    with (
        xr.open_dataset(NCEI, engine="scipy", decode_times=False) as ncei,
        xr.open_dataset(PSL, engine="h5netcdf") as psl,
    ):
        np.testing.assert_array_equal(both[0], ncei.sst[0, 0])
        np.testing.assert_array_equal(both[1:], psl.sst[:, ::-1])


def test_oisst():
    fields = read_ocean(SAMPLES / "ersst" / "oisst_avhrr_v2.nc")
    assert set(fields) == {"sst", "ice"} and fields.sst.shape == (1, 32, 32) and fields.sst.attrs["units"] == "degC"


def test_ostia_in_kelvin():
    path = SAMPLES / "met_office" / "ostia_monthly.nc"
    fields = read_ocean(path, "surface_temperature")
    with xr.open_dataset(path, engine="h5netcdf") as original:
        np.testing.assert_allclose(fields, original.surface_temperature - 273.15, atol=1e-4)
    assert fields.attrs["units"] == "degC"
    with pytest.raises(ValueError, match="ostia_monthly.nc: 'surface_temperature' is a temperature in K"):
        read_precipitation(path)


@pytest.mark.parametrize("read", [read_ocean, read_precipitation])
def test_profiles_and_curvilinear_grids_are_refused(read):
    with pytest.raises(ValueError, match=r"atlantic_profiles.nc has one time for all of it \('time'\).*expand_dims"):
        read(SAMPLES / "met_office" / "atlantic_profiles.nc")
    with pytest.raises(ValueError, match="orca2_votemper.nc is on a curvilinear grid: 'nav_lat' has .*remapbil"):
        read(SAMPLES / "met_office" / "orca2_votemper.nc")


def month_of_days(folder, month, skip=()):
    """Zips of all days of a month, made of the one real day; day d has d times its precipitation."""
    with zipfile.ZipFile(DAY) as archive:
        stem = "PRISM_ppt_stable_4kmD2_19810101_bil"
        values = np.frombuffer(archive.read(f"{stem}.bil"), "<f4")
        header = archive.read(f"{stem}.hdr")
    year, number = map(int, month.split("-"))
    days = range(1, calendar.monthrange(year, number)[1] + 1)
    for day in days:
        if day not in skip:
            name = f"PRISM_ppt_stable_4kmD2_{year}{number:02d}{day:02d}_bil"
            with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
                archive.writestr(f"{name}.bil", np.where(values < 0, values, day * values).astype("<f4").tobytes())
                archive.writestr(f"{name}.hdr", header)
    return values.reshape(621, 1405)[::-1], sum(days)


def test_days_are_summed_to_months(tmp_path):
    one_day, factor = month_of_days(tmp_path, "1981-02")
    rain = read_precipitation(tmp_path / "PRISM_*.zip")
    assert rain.shape == (1, 621, 1405) and rain.dtype == np.float32
    assert str(rain.time.values[0])[:10] == "1981-02-01"
    np.testing.assert_allclose(rain[0], np.where(one_day < 0, np.nan, one_day * factor), rtol=1e-5)
    outline = [(-98, 40), (-90, 40), (-90, 45), (-98, 45)]
    mean = read_precipitation(tmp_path / "PRISM_*.zip", outline)
    inside = rain.sel(lat=slice(40, 45), lon=slice(-98, -90))
    np.testing.assert_allclose(mean, inside.weighted(np.cos(np.deg2rad(inside.lat))).mean(("lat", "lon")), rtol=1e-4)


def test_a_month_that_lacks_days_is_refused(tmp_path):
    month_of_days(tmp_path, "1981-02", skip=(3, 28))
    with pytest.raises(ValueError, match="only 26 of 28 days are there: .* Missing: 1981-02-03, 1981-02-28"):
        read_precipitation(tmp_path / "PRISM_*.zip")


@pytest.mark.parametrize("name", ["PRISM_ppt_stable_4kmD2_19910101_bil.zip", "cropped_20110101_bil.zip"])
def test_a_day_alone_is_refused(name):
    with pytest.raises(ValueError, match=rf"{name} has a day of .* only 1 of 31 days .* the files of all its days"):
        read_precipitation(SAMPLES / "prism" / name)


def test_a_normal_is_refused():
    with pytest.raises(ValueError, match="is a climatological normal, .* Give the grids of months or days"):
        read_precipitation(SAMPLES / "prism" / "PRISM_ppt_30yr_normal_4kmD1_0301_bil.zip")


def test_a_damaged_grid_is_called_so():
    with pytest.raises(ValueError, match="cropped_damaged_20120101_bil.zip/.* is damaged: it has 3480082 bytes"):
        read_precipitation(SAMPLES / "prism" / "cropped_damaged_20120101_bil.zip")


def test_climate_divisions_of_states():
    path = SAMPLES / "nclimdiv" / "climdiv-pcpnst-v1.0.0-20230106.txt"
    rain = read_precipitation(path)
    assert rain.sizes == {"time": 1536, "division": 97}
    assert float(rain.sel(division="0010", time="1895-01-01")) == pytest.approx(7.52 * 25.4)


def test_sportvu_with_its_play_by_play():
    folder = SAMPLES / "sportvu"
    path = folder / "0021500491_one_event.json"
    frames = read_sportvu(path, play_by_play=folder / "0021500491_play_by_play.csv")
    assert len(frames.data) + sum(frames.left_out.values()) == frames.n_moments > 0
    assert set(frames.data[:, 13]) <= {21500491} and frames.n_unmatched > 100  # the rest of the game has no moments
    assert len(read_sportvu(path).data) == len(frames.data)


@pytest.mark.parametrize("read", [read_ocean, read_precipitation, read_sportvu])
def test_every_file_is_read_or_refused_by_name(read):
    files = [file for file in sorted(SAMPLES.rglob("*")) if file.is_file()]
    assert len(files) >= 14
    for file in files:
        try:
            read(file)
        except ValueError as error:
            assert file.name in str(error)
