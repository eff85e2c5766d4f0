import numpy as np
import pytest
from scipy import sparse

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl._estimators.layout import layout_of
from sklearn_mrtl._utils.labels import Labels

NO_LABELS = Labels()
LAG, SEA = Feature("lag", 3), Grid("sea", (4, 5))


def rows(*shape):
    return np.zeros((2, *shape))


def test_modes_none():
    layout = layout_of(rows(6, 2, 4, 5), None, NO_LABELS)
    assert layout.is_fields and layout.modes == (
        Feature("feature_1", 6), Feature("feature_2", 2), Grid("grid", (4, 5), quantity="mean"),
    )  # fmt: skip
    assert layout_of(rows(7), None, NO_LABELS).modes == (Grid("grid", 7, quantity="mean"),)
    assert not layout_of(sparse.csr_array((2, 7)), None, NO_LABELS).is_fields


def test_sizes_are_inferred():
    assert layout_of(rows(6, 4, 5), ["lag", Grid("sea", (4, 5))], NO_LABELS).modes[0] == Feature("lag", 6)
    layout = layout_of(rows(26), ["player", Grid("court", (4, 5))], NO_LABELS)
    assert not layout.is_fields and layout.modes[0].size == 6
    assert layout.columns == (slice(0, 6), slice(6, 26))


def test_the_largest_mode_comes_last_in_the_core():
    layout = layout_of(rows(6, 40, 3), ["a", "b", "c"], NO_LABELS)
    assert layout.order == (0, 2, 1)


def test_one_mode_of_a_table():
    assert layout_of(rows(6), [Grid("line", 6)], NO_LABELS).is_fields
    assert layout_of(rows(6), [Feature("player", 6)], NO_LABELS).is_fields
    assert not layout_of(sparse.csr_array((2, 6)), [Feature("player", 6)], NO_LABELS).is_fields


def test_names_and_bounds_of_a_data_array():
    xr = pytest.importorskip("xarray")
    X = xr.DataArray(
        rows(3, 2, 4), dims=("time", "lag", "lat", "lon"), coords={"lat": [10.0, 0.0], "lon": [0.5, 1.5, 2.5, 3.5]}
    )
    layout = layout_of(X.values, None, Labels.of(X))
    assert layout.modes[0] == Feature("lag", 3)
    assert layout.modes[1].bounds == ((-5.0, 15.0), (0.0, 4.0))
    own = Grid("sea", (2, 4), bounds=[(0, 1), (0, 1)])
    assert layout_of(X.values, ["lag", own], Labels.of(X)).modes[1] == own
    with pytest.raises(ValueError, match="stands where X has the dimension 'lag'"):
        layout_of(X.values, ["lat", Grid("sea", (2, 4))], Labels.of(X))


def with_units(units="degrees_north"):
    xr = pytest.importorskip("xarray")
    coords = {
        "lag": ("lag", [0, 1, 2], {"long_name": "time before the target", "units": "months"}),
        "lat": ("lat", [10.0, 0.0], {"standard_name": "latitude", "units": units, "comment": "of centres"}),
        "lon": ("lon", [0.5, 1.5, 2.5, 3.5]),
    }
    values = np.random.default_rng(0).normal(size=(40, 3, 2, 4))
    return xr.DataArray(values, coords | {"time": np.arange(40)}, ("time", "lag", "lat", "lon"))


@pytest.mark.parametrize("resolutions", [[{"sea": (2, 4)}], [{"sea": (1, 2)}]])
def test_units_go_through_a_file(tmp_path, resolutions):
    xr, X = pytest.importorskip("xarray"), with_units()
    pytest.importorskip("h5netcdf")
    modes = ["lag", Grid("sea", (2, 4), bounds=[(-5, 15), (0, 4)], quantity="mean")]
    model = MRTLRegressor(modes, rank=2, resolutions=resolutions, max_epochs=5).fit(X, X.values[:, 0, 0, 0])
    shown = model.to_xarray()
    shown.to_netcdf(tmp_path / "model.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "model.nc", engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), shown)
        assert read.lat.attrs == {"standard_name": "latitude", "units": "degrees_north"}
        assert read.lag.attrs == X.lag.attrs and read.lon.attrs == {}


@pytest.mark.parametrize(
    "X, modes, message",
    [
        (rows(6, 4), ["lag", SEA], r"modes ask for 3 axes .*, X has 2: rows of shape \(6, 4\)"),
        (rows(6, 4, 6), ["lag", SEA], r"Grid\('sea', \(4, 5\)\) expects axes of size \(4, 5\), X has \(4, 6\)"),
        (rows(6, 4, 5), [LAG, SEA], r"Feature\('lag', size=3\) expects an axis of size \(3,\), X has \(6,\)"),
        (rows(60), [LAG, SEA], r"23 columns \(lag 3, sea 20\), got 60.*reshape it to \(n, 3, 4, 5\)"),
        (sparse.csr_array((2, 60)), [LAG, SEA], "X is sparse; make it dense, and reshape"),
        (rows(24), [LAG, SEA], r"23 columns \(lag 3, sea 20\), got 24\.$"),
        (rows(20), ["lag", SEA], r"20 columns \(lag \?, sea 20\), got 20"),
        (rows(24), ["lag", "team", SEA], r"at most one size .* Feature\('lag'\), Feature\('team'\)"),
    ],
)
def test_modes_that_do_not_go_with_x(X, modes, message):
    with pytest.raises(ValueError, match=message):
        layout_of(X, modes, NO_LABELS)
