"""Pictures of what is not settled."""

import numpy as np
import pytest

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.inspection import FactorDisplay, factor_bands, select_term

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")


@pytest.fixture(scope="module")
def bands(ocean, ocean_model):
    return factor_bands(ocean_model, ocean.data, ocean.target, n_resamples=5, random_state=0)


def test_unsettled_cells_of_maps_are_hatched(ocean_model, bands):
    display = FactorDisplay.from_estimator(ocean_model, "ocean", bands=bands, components=[0, 1])
    for k, panel in enumerate(display.axes_.flat[:2]):
        (hatched,) = (c for c in panel.collections if c.get_hatch())
        assert len(hatched.get_paths()) == (bands.sign_agreement["ocean"][..., k] < 0.9).sum()
        assert panel.get_xlim() == tuple(display.images_[k].get_extent()[:2])
    matplotlib.pyplot.close("all")


def test_bars_get_their_bands_in_units_of_the_bars(ocean_model, bands):
    display = FactorDisplay.from_estimator(ocean_model, "lag", bands=bands, components=[0])
    (panel,) = display.axes_.flat[:1]
    (lines,) = panel.collections
    ends = np.array([path.vertices[:, 0] for path in lines.get_paths()])
    factor = ocean_model.factors_["lag"][:, 0]
    expected = np.stack([bands.low["lag"][:, 0], bands.high["lag"][:, 0]], 1) / np.abs(factor).max()
    np.testing.assert_allclose(ends, expected, rtol=1e-6)
    assert panel.get_xlim()[1] >= expected.max()
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize("n_extremes", [3, None])
def test_the_bands_of_many_categories_are_those_of_the_ones_drawn(n_extremes):
    rng = np.random.default_rng(0)
    row, column = rng.integers(40, size=600), rng.integers(3, size=600)
    X, y = np.hstack([np.eye(40)[row], np.eye(3)[column]]), row / 20 + column + rng.normal(size=600)
    model = MRTLRegressor([Feature("row", 40), Feature("column", 3)], terms=["row", "column"], alpha_l2=0.1).fit(X, y)
    bands, term = factor_bands(model, X, y, n_resamples=4, random_state=0), select_term(model, "row")
    panel = FactorDisplay.from_estimator(term, "row", bands=bands, n_extremes=n_extremes).ax_
    lines = panel.collections[-1]
    axis = 0 if n_extremes else 1
    ends = np.array([path.vertices[:, axis] for path in lines.get_paths()])
    factor, low = term.factors_["row"][:, 0], bands.terms["row"].low["row"][:, 0]
    order = np.argsort(-factor)[[0, 1, 2, -3, -2, -1]] if n_extremes else np.arange(40)
    np.testing.assert_allclose(ends[~np.isnan(ends[:, 0]), 0], low[order] / np.abs(factor).max(), rtol=1e-6)


def test_curves_polar_grids_and_points():
    rng = np.random.default_rng(0)
    grid, rows = Grid("disc", (3, 8), bounds=((0, 30), (0, 360)), periodic=(False, True)), rng.integers(4, size=300)
    cells, places = rng.integers(24, size=300), rng.integers(6, size=300)
    X = np.hstack([np.eye(4)[rows], np.eye(24)[cells], np.eye(6)[places]])
    modes = [Feature("row", 4), grid, Grid("line", 6)]
    y = np.cos(cells) + rows + rng.normal(size=300)
    model = MRTLRegressor(modes, terms=None, rank=1, alpha_spatial=0.1, alpha_l2=0.1).fit(X, y)
    bands = factor_bands(model, X, y, n_resamples=4, random_state=0)
    polar = FactorDisplay.from_estimator(model, "disc", origin=(0, 0), bands=bands)
    positions = rng.normal(size=(4, 2))
    points = FactorDisplay.from_estimator(model, "row", positions=positions, bands=bands)
    for display, name in ((polar, "disc"), (points, "row")):
        alpha = np.asarray(display.images_[0].get_alpha())
        unsettled = bands.sign_agreement[name] < 0.9
        assert (alpha < 1).mean() == pytest.approx(unsettled.mean())
    curve = FactorDisplay.from_estimator(model, "line", bands=bands)
    assert len(curve.ax_.collections) == 1
    matplotlib.pyplot.close("all")


def test_other_bands_are_refused(ocean_model, shots_model, bands):
    with pytest.raises(TypeError, match="bands must be what factor_bands returns"):
        FactorDisplay.from_estimator(ocean_model, "ocean", bands=0.9)
    with pytest.raises(ValueError, match="do not fit the factor of 'court'"):
        FactorDisplay.from_estimator(shots_model, "court", bands=bands)
