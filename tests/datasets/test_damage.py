"""Damaged and hostile files of each format: a valid result, or a ValueError that names the file; never another file."""

import json
import zipfile
from importlib import import_module

import numpy as np
import pytest

from sklearn_mrtl.datasets import read_ocean, read_precipitation, read_sportvu
from sklearn_mrtl.datasets._bil import LONGEST_HEADER

xr = pytest.importorskip("xarray")
pytest.importorskip("h5netcdf")

N_DAMAGES = 60  # of each format
HEADER = {
    "NROWS": 2,
    "NCOLS": 3,
    "ULXMAP": 10,
    "ULYMAP": 41,
    "XDIM": 1,
    "YDIM": 1,
    "NBITS": 32,
    "PIXELTYPE": "FLOAT",
    "NODATA": -9999,
}
RECORD = "1301012020" + "".join(f"{inches:7.2f}" for inches in range(12)) + "\n"
CLOCKS = [700.0 - k / 25 for k in range(4)]


def write(file, content):
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def header(**entries):
    return "".join(f"{key} {value}\n" for key, value in (HEADER | entries).items())


def bil(folder, stem="PRISM_ppt_200001", content=None, **entries):
    write(folder / f"{stem}.hdr", header(**entries))
    return write(folder / f"{stem}.bil", np.arange(6, dtype="<f4").tobytes() if content is None else content)


def pack(folder, members):
    with zipfile.ZipFile(folder / "prism.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "prism.zip"


def bil_zip(folder, stem="p_200001", content=None, **entries):
    content = np.arange(6, dtype="<f4").tobytes() if content is None else content
    return pack(folder, {f"{stem}.bil": content, f"{stem}.hdr": header(**entries)})


def dataset(time=("2000-01", "2000-02"), lat=(0.0, 1.0, 2.0), lon=(0.0, 1.0, 2.0, 3.0)):
    values = np.arange(len(time) * len(lat) * len(lon), dtype="f4").reshape(len(time), len(lat), len(lon))
    coords = {"time": np.array(time, "M8[ns]"), "lat": list(lat), "lon": list(lon)}
    return xr.Dataset({"sst": (("time", "lat", "lon"), values)}, coords)


def netcdf4(folder, **axes):
    dataset(**axes).to_netcdf(folder / "a.nc", engine="h5netcdf", encoding={"sst": {"zlib": True}})
    return folder / "a.nc"


def netcdf3(folder):
    dataset().to_netcdf(folder / "a3.nc", engine="scipy")
    return folder / "a3.nc"


def climate_divisions(folder):
    return write(folder / "climdiv.txt", RECORD + RECORD.replace("1301", "1302", 1))


def game(**entries):
    entries_of = [[-1, -1, 20.0, 25.0, 4.0]]
    entries_of += [[team, 10 * team + k, 20.0 + k, 25.0, 0.0] for team in (1, 2) for k in range(5)]
    moments = [[1, 40 * i, clock, None, None, entries_of] for i, clock in enumerate(CLOCKS)]
    sides = {side: {"players": [{"playerid": 11, "firstname": "A", "lastname": "B"}]} for side in ("visitor", "home")}
    return {"gameid": "0021500492", "events": [{"moments": moments, **sides}]} | entries


def game_json(folder):
    return write(folder / "game.json", json.dumps(game()))


def game_7z(folder, name="game.json", content=None):
    py7zr = pytest.importorskip("py7zr", reason="py7zr is not installed (extra sportvu)")
    with py7zr.SevenZipFile(folder / "game.7z", "w") as archive:
        archive.writestr(json.dumps(game()) if content is None else content, name)
    return folder / "game.7z"


def moved_in_7z(folder, name):
    """An archive of a game whose member has a name that 7-Zip itself would not write."""
    py7zr = pytest.importorskip("py7zr", reason="py7zr is not installed (extra sportvu)")
    with py7zr.SevenZipFile(folder / "game.7z", "w") as archive:
        archive.writestr(json.dumps(game()), "game.json")
        archive.header.files_info.files[0]["filename"] = name
    return folder / "game.7z"


def play_by_play(folder):
    rows = ["GAME_ID,EVENTMSGTYPE,PERIOD,PCTIMESTRING,PLAYER1_ID", "0021500492,1,1,11:40,10"]
    return write(folder / "plays.csv", "\n".join(rows))


def read_plays(file):
    return read_sportvu(game_json(file.parent), play_by_play=file)


FORMATS = [
    (netcdf3, read_ocean),
    (netcdf4, read_ocean),
    (netcdf4, read_precipitation),
    (bil, read_precipitation),
    (bil_zip, read_precipitation),
    (climate_divisions, read_precipitation),
    (game_json, read_sportvu),
    (game_7z, read_sportvu),
    (play_by_play, read_plays),
]


def damages(content, n, seed=0):
    """Versions of a file cut short, with flipped bits, and with a run of bytes that are all the same."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        damaged = bytearray(content)
        if i % 3 == 0:
            del damaged[rng.integers(len(content)) :]
        elif i % 3 == 1:
            for place in rng.integers(len(content), size=rng.integers(1, 5)):
                damaged[place] ^= 1 << int(rng.integers(8))
        else:
            start, length = rng.integers(len(content)), rng.integers(1, 9)
            damaged[start : start + length] = bytes([rng.choice([0, 255, 57])]) * len(damaged[start : start + length])
        yield bytes(damaged)


def check_valid(result):
    """What every result of a reader promises, whatever the values."""
    if hasattr(result, "n_moments"):
        assert len(result.data) + sum(result.left_out.values()) == result.n_moments
        assert np.isfinite(result.data).all() and len(result.target) == len(result.data)
        return
    time = result.time.values
    assert len(time) and (time[1:] > time[:-1]).all()
    for name in ("lat", "lon"):
        if name in result.dims:
            assert np.isfinite(result[name]).all() and (np.diff(result[name]) > 0).all()


@pytest.mark.filterwarnings("ignore")  # libraries may warn of what they find
@pytest.mark.parametrize(("make", "read"), FORMATS)
def test_a_damaged_file_is_read_or_named(tmp_path, make, read):
    file = make(tmp_path)
    content = file.read_bytes()
    check_valid(read(file))
    for damaged in damages(content, N_DAMAGES):
        file.write_bytes(damaged)
        try:
            check_valid(read(file))
        except ValueError as error:
            assert file.stem in str(error), error


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_header_is_read_or_named(tmp_path):
    file = bil(tmp_path)
    beside = file.with_suffix(".hdr")
    for damaged in damages(beside.read_bytes(), N_DAMAGES):
        beside.write_bytes(damaged)
        try:
            check_valid(read_precipitation(file))
        except ValueError as error:
            assert file.stem in str(error), error


@pytest.mark.parametrize("name", ["{}/secret.json", "../secret.json", "x/../../secret.json"])
def test_a_name_in_an_archive_leads_to_no_other_file(tmp_path, monkeypatch, name):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    secret = write(tmp_path / "secret.json", json.dumps(game(gameid="7")))
    archive = moved_in_7z(folder, name.format(tmp_path))
    try:
        assert set(read_sportvu(archive).data[:, 13]) == {21500492}  # the game in the archive
    except ValueError as error:
        assert "game.7z" in str(error)
    assert secret.read_text() == json.dumps(game(gameid="7")) and list(folder.iterdir()) == [archive]


def test_a_name_in_a_zip_leads_to_no_other_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bil(tmp_path, "secret_200001", content=np.full(6, 7, "<f4").tobytes())
    content = {f"{tmp_path}/secret_200001.bil": np.zeros(6, "<f4").tobytes(), "../secret_200001.hdr": header()}
    np.testing.assert_array_equal(read_precipitation(pack(tmp_path, content)), 0)


def test_an_archive_that_would_fill_the_memory_is_refused(tmp_path):
    big = 65 * 2**20
    archive = bil_zip(tmp_path, content=bytes(big), NROWS=8, NCOLS=big // 32, XDIM=1e-6)
    with pytest.raises(ValueError, match=r"zip has \d+ bytes, but .*p_200001.bil would take 68157440, .*unpack it"):
        read_precipitation(archive)
    with pytest.raises(ValueError, match=r"game.7z has \d+ bytes, but its content would take 68157440, more than 200"):
        read_sportvu(game_7z(tmp_path, content=bytes(big)))


def test_a_netcdf_that_would_fill_the_memory_is_refused(tmp_path):
    h5netcdf = pytest.importorskip("h5netcdf")
    with h5netcdf.File(tmp_path / "a.nc", "w") as file:
        file.dimensions = {"time": 10_000, "lat": 180, "lon": 360}
        for name, n in file.dimensions.items():
            file.create_variable(name, (name,), float, data=np.arange(n.size) / 4)
        file.variables["time"].attrs["units"] = "days since 2000-01-01"
        file.create_variable("sst", ("time", "lat", "lon"), "f4", chunks=(1, 180, 360))  # nothing is stored
    with pytest.raises(
        ValueError, match=r"a.nc has \d+ bytes, but the values of 'sst' would take 2592000000, .*region"
    ):
        read_ocean(tmp_path / "a.nc", "sst")
    assert read_ocean(tmp_path / "a.nc", "sst", region=(0, 1, 0, 1)).shape == (10_000, 5, 5)
    with h5netcdf.File(tmp_path / "b.nc", "w") as file:
        file.dimensions = {"time": 1, "lat": 1, "lon": 10**10}
        file.create_variable("lon", ("lon",), float, chunks=(1000,))
    with pytest.raises(ValueError, match="b.nc has .* the coordinate of a dimension of 10000000000 entries"):
        read_ocean(tmp_path / "b.nc")


def test_a_table_that_would_fill_the_memory_is_refused(tmp_path):
    lines = [f"{region:05d}011700{RECORD[10:]}" for region in range(2000)] + [RECORD.replace("2020", "2261")]
    with pytest.raises(ValueError, match="climdiv has .* a table of 2001 regions and 562 years would take 107957952"):
        read_precipitation(write(tmp_path / "climdiv", "".join(lines)))


def test_values_that_are_no_numbers_in_a_division(tmp_path):
    with pytest.raises(ValueError, match="climdiv, line 1, has a value that is no number"):
        read_precipitation(write(tmp_path / "climdiv", RECORD.replace("   3.00", "  -3-00")))
    with pytest.raises(ValueError, match="climdiv is empty: every value in it is missing"):
        read_precipitation(write(tmp_path / "climdiv", "1301012020" + "  -9.99" * 12))


@pytest.mark.parametrize("year", [1000, 1500, 1677, 2262, 3000])
def test_years_beyond_the_dates_are_refused(tmp_path, year):
    with pytest.raises(ValueError, match=f"p_{year}01.bil has the month {year}-01, not one of the years 1678 to 2261"):
        read_precipitation(bil(tmp_path, f"p_{year}01"))
    with pytest.raises(ValueError, match=f"climdiv, line 2, has the year {year}, not one of 1678 to 2261"):
        read_precipitation(write(tmp_path / "climdiv", RECORD + RECORD.replace("2020", str(year))))
    fields = (
        dataset().drop_vars("time").assign_coords(time=("time", [0.5, 1.5], {"units": f"months since {year}-01-01"}))
    )
    fields.to_netcdf(tmp_path / "months.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=f"months.nc has the month {year}-01"):
        read_ocean(tmp_path / "months.nc")


@pytest.mark.filterwarnings("ignore:Unable to decode time axis")
@pytest.mark.parametrize("year", [1000, 1500, 3000])
@pytest.mark.parametrize("calendar", ["standard", "360_day"])
def test_years_beyond_the_dates_of_netcdf_stay_what_they_are(tmp_path, year, calendar):
    pytest.importorskip("cftime")
    time = ("time", [14.0, 45.0], {"units": f"days since {year}-01-01", "calendar": calendar})
    dataset().drop_vars("time").assign_coords(time=time).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    time = read_ocean(tmp_path / "a.nc", "sst").time.values
    assert [str(moment)[:10] for moment in time] == [f"{year}-01-01", f"{year}-02-01"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"NROWS": "x"}, "NROWS must be a whole number, got 'x'"),
        ({"NCOLS": "3.5"}, "NCOLS must be a whole number"),
        ({"NROWS": -2}, "must be positive"),
        ({"NBITS": 0}, "no numbers of PIXELTYPE FLOAT have 0 bits"),
        ({"NBITS": "many"}, "NBITS must be a whole number"),
        ({"XDIM": 0}, "must be positive"),
        ({"YDIM": "nan"}, "YDIM must be a number, got 'nan'"),
        ({"ULYMAP": 4_000_000}, "must be in degrees"),
        ({"NODATA": "none"}, "NODATA must be a number"),
    ],
)
def test_headers_that_make_no_sense(tmp_path, entries, message):
    with pytest.raises(ValueError, match=f"PRISM_ppt_200001.hdr: .*{message}"):
        read_precipitation(bil(tmp_path, **entries))


def test_infinite_precipitation_is_damage(tmp_path):
    with pytest.raises(ValueError, match="PRISM_ppt_200001.bil is damaged: it has infinite values"):
        read_precipitation(bil(tmp_path, content=np.full(6, np.inf, "<f4").tobytes()))


def test_zips_that_are_no_archives_of_precipitation(tmp_path):
    with pytest.raises(ValueError, match="prism.zip is no PRISM archive: it has no .bil file"):
        read_precipitation(pack(tmp_path, {"readme.txt": "nothing"}))
    with pytest.raises(ValueError, match="prism.zip holds PRISM's tmean, not precipitation"):
        read_precipitation(bil_zip(tmp_path, "PRISM_tmean_200001"))
    twice = {f"{folder}/PRISM_ppt_200001.hdr": header() for folder in ("a", "b")}
    with pytest.raises(ValueError, match="prism.zip has more than one file called PRISM_ppt_200001.hdr"):
        read_precipitation(pack(tmp_path, twice))
    content = bil_zip(tmp_path).read_bytes()
    with pytest.raises(ValueError, match="half.zip cannot be read as a zip archive; it may be damaged"):
        read_precipitation(write(tmp_path / "half.zip", content[: len(content) // 2]))


def test_folders_in_a_zip_are_no_grids(tmp_path):
    stem, content = "year/PRISM_ppt_200001", np.arange(6, dtype="<f4").tobytes()
    rain = read_precipitation(pack(tmp_path, {"year/": "", f"{stem}.bil": content, f"{stem}.hdr": header()}))
    np.testing.assert_array_equal(rain[0], [[3, 4, 5], [0, 1, 2]])


def test_a_header_that_is_none(tmp_path):
    long = header() + "x" * LONGEST_HEADER
    stem = "PRISM_ppt_200001"
    with pytest.raises(ValueError, match=rf"{stem}.hdr is not the header of a grid: it has {len(long)} bytes"):
        read_precipitation(pack(tmp_path, {f"{stem}.bil": b"", f"{stem}.hdr": long}))


def test_a_file_without_times(tmp_path):
    with pytest.raises(ValueError, match="a.nc is empty: its dimension of time has no entries"):
        read_ocean(netcdf4(tmp_path, time=()), "sst")


def test_places_that_are_words(tmp_path):
    with pytest.raises(ValueError, match="a.nc: lat must be numbers, got 3 of "):
        read_ocean(netcdf4(tmp_path, lat=("south", "middle", "north")), "sst")


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"lon": (0.0, np.nan, 2.0)}, "a.nc: lon has 1 missing values, of 3"),
        ({"lat": (0.0, 0.0)}, "a.nc: lat has the same value more than once"),
        ({"lat": (0.0, 91.0)}, "a.nc: lat must be degrees, got values from 0 to 91"),
        ({"lon": (0.0, 1e6)}, "a.nc: lon must be degrees"),
    ],
)
def test_coordinates_that_are_no_places(tmp_path, axes, message):
    with pytest.raises(ValueError, match=message):
        read_ocean(netcdf4(tmp_path, **axes), "sst")


def test_cdf_5_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(ValueError, match="a.nc is netCDF in the format CDF-5, .* `nccopy -k nc4`"):
        read_ocean(write(tmp_path / "a.nc", b"CDF\x05" + bytes(40)))


def test_values_that_cannot_be_expanded(tmp_path):
    """The damage shows only where values are read, after the file was opened."""
    h5py = pytest.importorskip("h5py")
    file = netcdf4(tmp_path)
    with h5py.File(file) as content:
        place = content["sst"].id.get_chunk_info(0)
    damaged = bytearray(file.read_bytes())
    damaged[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    file.write_bytes(damaged)
    for read in (read_ocean, read_precipitation):
        with pytest.raises(ValueError, match="a.nc cannot be read as netCDF; it may be damaged"):
            read(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "cannot be read as JSON; it may be damaged: maximum recursion depth"),
        (game(gameid=None), "'gameid' of .* must be a number, got None"),
        (game(gameid=True), "'gameid' of .* must be a number, got True"),
        (game(gameid="1" * 30), "'gameid' of .* must be a number"),
    ],
)
def test_games_that_make_no_sense(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_sportvu(write(tmp_path / "game.json", content if isinstance(content, str) else json.dumps(content)))


@pytest.mark.parametrize(("place", "value"), [(0, 1.5), (0, 1e300), (1, 1e17), (2, "soon")])
def test_stamps_that_make_no_sense(tmp_path, place, value):
    content = game()
    content["events"][0]["moments"][1][place] = value
    with pytest.raises(ValueError, match=r"game.json: .*moment must be"):
        read_sportvu(write(tmp_path / "game.json", json.dumps(content)))


@pytest.mark.parametrize(("place", "value"), [(0, 1.5), (1, 10**400), (1, 1e17), (2, [3])])
def test_positions_that_make_no_sense(tmp_path, place, value):
    content = game()
    content["events"][0]["moments"][1][5][3][place] = value
    with pytest.raises(ValueError, match=r"game.json: .*moment must be"):
        read_sportvu(write(tmp_path / "game.json", json.dumps(content)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe\xfa", "plays.csv cannot be read as CSV"),
        ("GAME_ID,EVENTMSGTYPE,PERIOD,PCTIMESTRING,PLAYER1_ID\n", "plays.csv is a play-by-play without events"),
        ("EVENTMSGTYPE,PERIOD,PCTIMESTRING,PLAYER1_ID\n1,1,11:nan,10", "minutes:seconds as PCTIMESTRING"),
        ("EVENTMSGTYPE,PERIOD,PCTIMESTRING,PLAYER1_ID\n1,9999,11:40,10", "must have a number as PERIOD"),
        ("EVENTMSGTYPE,PERIOD,PCTIMESTRING,PLAYER1_ID\n1,1", "must have a number as PERIOD"),
    ],
)
def test_plays_that_make_no_sense(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_plays(write(tmp_path / "plays.csv", text))


def at_days(folder, name, days, calendar):
    time = ("time", days, {"units": "days since 2000-01-01", "calendar": calendar})
    dataset().drop_vars("time").assign_coords(time=time).to_netcdf(folder / name, engine="h5netcdf")


def test_calendars_are_joined_by_months(tmp_path):
    pytest.importorskip("cftime")
    at_days(tmp_path, "a.nc", [75.0, 105.0], "360_day")
    at_days(tmp_path, "b.nc", [14.0, 45.0], "standard")
    months = np.arange("2000-01", "2000-05", dtype="M8[M]")
    np.testing.assert_array_equal(read_ocean(tmp_path / "*.nc", "sst").time.values, months.astype("M8[ns]"))
    at_days(tmp_path, "c.nc", [45.0, 110.0], "noleap")
    with pytest.raises(ValueError, match="times of different calendars .360_day, noleap, standard.*2000-0[24] has 2"):
        read_ocean(tmp_path / "*.nc", "sst")


def test_a_calendar_without_cftime_names_the_extra(tmp_path, monkeypatch):
    pytest.importorskip("cftime")
    at_days(tmp_path, "a.nc", [14.0, 45.0], "360_day")
    at_days(tmp_path, "b.nc", [14.0, 45.0], "standard")

    def without_cftime(name):
        if name == "cftime":
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr("sklearn_mrtl._utils.optional.import_module", without_cftime)
    with pytest.raises(ImportError, match=r"read_ocean of a calendar 360_day needs cftime: .*sklearn-mrtl\[xarray\]"):
        read_ocean(tmp_path / "a.nc")
    assert read_ocean(tmp_path / "b.nc", "sst").sizes["time"] == 2


def days_of_february(folder, values=1.0, skip=()):
    for day in set(range(1, 29)) - set(skip):
        bil(folder, f"PRISM_ppt_199902{day:02d}", content=np.full(6, values * day, "<f4").tobytes())


def test_days_are_summed(tmp_path):
    days_of_february(tmp_path)
    bil(tmp_path, "PRISM_ppt_199903")
    rain = read_precipitation(tmp_path / "*.bil")
    np.testing.assert_array_equal(rain.time.values.astype("M8[M]"), np.array(["1999-02", "1999-03"], "M8[M]"))
    np.testing.assert_array_equal(rain[0], sum(range(1, 29)))
    np.testing.assert_array_equal(rain[1], [[3, 4, 5], [0, 1, 2]])


def test_days_that_cannot_be_summed(tmp_path):
    days_of_february(tmp_path, skip=[5])
    with pytest.raises(ValueError, match="PRISM_ppt_199902.* only 27 of 28 days .* Missing: 1999-02-05"):
        read_precipitation(tmp_path / "*.bil")
    bil(tmp_path, "PRISM_ppt_19990205", XDIM=2)
    with pytest.raises(ValueError, match="PRISM_ppt_19990205.bil differs in cells from the other days of 1999-02"):
        read_precipitation(tmp_path / "*.bil")
    days_of_february(tmp_path)
    bil(tmp_path, "again_19990205")
    with pytest.raises(ValueError, match="again_19990205.bil has the day 1999-02-05, which .*PRISM_ppt_19990205.bil"):
        read_precipitation(tmp_path / "*.bil")
    with pytest.raises(ValueError, match="19990230.bil has the day 1999-02-30, which does not exist"):
        read_precipitation(bil(tmp_path, "PRISM_ppt_19990230"))


def test_files_of_different_kinds_are_not_joined(tmp_path):
    climate_divisions(tmp_path)
    bil(tmp_path)
    with pytest.raises(ValueError, match="the files have different dimensions"):
        read_precipitation([tmp_path / "climdiv.txt", tmp_path / "PRISM_ppt_200001.bil"])
