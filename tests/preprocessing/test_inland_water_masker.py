import numpy as np
import pytest
from scipy import ndimage
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.preprocessing import InlandWaterMasker
from sklearn_mrtl.preprocessing._inland_water_masker import open_water

WATER = np.array([[letter != "." for letter in row] for row in (
    "ooooo...o",
    "ooooooooo",  # a channel of one cell to a lake
    "ooooo..oo",
    "ooooo....",
    "ooooo..oo",
)])  # fmt: skip


@parametrize_with_checks([InlandWaterMasker()])
def test_check_estimator(estimator, check):
    check(estimator)


def fields(water):
    return np.where(water, np.ones((3, 2, *water.shape)), np.nan)


def test_channels_and_lakes():
    def kept(**options):
        return InlandWaterMasker(**options).fit(fields(WATER)).mask_

    np.testing.assert_array_equal(kept(min_fraction=0, min_width=1), WATER)
    without_pond = WATER.copy()
    without_pond[4, 7:] = False
    np.testing.assert_array_equal(kept(min_fraction=0.1, min_width=1), without_pond)
    without_lake = WATER.copy()
    without_lake[:, 6:] = False  # a cell of the channel is a step from open water
    np.testing.assert_array_equal(kept(min_fraction=0.3, min_width=2), without_lake)


@pytest.mark.parametrize("min_width", [1, 2, 3, 4])
def test_against_squares_one_by_one(min_width):
    noise = np.random.default_rng(min_width).normal(size=(20, 30))
    water = ndimage.gaussian_filter(noise, 1.5) > 0
    covered = np.zeros_like(water)
    for i in range(20 - min_width + 1):
        for j in range(30 - min_width + 1):
            square = np.s_[i : i + min_width, j : j + min_width]
            covered[square] |= water[square].all()
    for _ in range(min_width - 1):
        around = covered.copy()
        around[1:] |= covered[:-1]
        around[:-1] |= covered[1:]
        around[:, 1:] |= covered[:, :-1]
        around[:, :-1] |= covered[:, 1:]
        covered = around & water
    np.testing.assert_array_equal(open_water(water, 0.0, min_width, False), covered)


def test_oceans_across_the_seam():
    water = np.zeros((6, 20), dtype=bool)
    water[:, :3] = water[:, -3:] = True
    water[1:5, 8:12] = True
    assert InlandWaterMasker(min_fraction=0.5, min_width=1, periodic=True).fit(fields(water)).n_masked_ == 16
    with pytest.raises(ValueError, match="no water is left: no region of 52 cells has a fraction of min_fraction=0.5"):
        InlandWaterMasker(min_fraction=0.5, min_width=1).fit(fields(water))


def test_lakes_of_north_america():
    """Hudson Bay, Ungava Bay and the Great Lakes go; the gulfs of Mexico and Alaska stay."""
    sst = load_sst_precipitation(as_xarray=True).sst
    open_sst = InlandWaterMasker().fit_transform(sst)
    kept = open_sst.notnull().any("time")
    had = sst.notnull().any("time")
    for lat, lon, stays in [(59, -85, 0), (59, -69, 0), (53, -81, 0), (47, -89, 0), (25, -91, 1), (57, -141, 1)]:
        cell = {"lat": lat, "lon": lon}
        assert had.sel(cell) and kept.sel(cell) == stays
    assert int((had & ~kept).sum()) == 53
    np.testing.assert_array_equal(open_sst.values[:, kept], sst.values[:, kept])


def test_what_stays_is_what_it_was():
    X = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
    X[:, :, 4] = np.nan
    X[1, 0, 0] = np.nan  # a gap, not land
    masker = InlandWaterMasker(min_fraction=0.45, min_width=1).fit(X)
    out = masker.transform(X)
    assert out.dtype == np.float32 and masker.mask_[0, 0]
    np.testing.assert_array_equal(out[:, :, :4], X[:, :, :4])
    assert np.isnan(out[:, :, 4:]).all()
    np.testing.assert_array_equal(masker.inverse_transform(out), out)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"min_fraction": 1.5}, r"min_fraction must be between 0 and 1, got 1.5"),
        ({"min_width": 0}, r"min_width must be an int of at least 1 \(cells\), got 0"),
        ({"min_width": 2.5}, "got 2.5"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        InlandWaterMasker(**options).fit(fields(WATER))
