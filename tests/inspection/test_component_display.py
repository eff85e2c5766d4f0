"""Pictures of whole components show the factors of all modes."""

import warnings

import numpy as np
import pytest

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.inspection import ComponentDisplay, FactorDisplay, factor_bands, report, select_term, stability
from sklearn_mrtl.inspection._explained import explained_fractions

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


def test_a_row_for_each_component_and_a_column_for_each_mode(ocean, ocean_model):
    display = ComponentDisplay.from_estimator(
        ocean_model, X=ocean.data, components=[2, 0], percentile=100, category_names={"variable": ["t", "s", "u"]}
    )
    assert display.axes_.shape == (2, 3)
    assert [ax.get_title() for ax in display.axes_[0]] == ["lag", "variable", "ocean"]
    fractions = explained_fractions(ocean_model, ocean.data)
    for row, k in enumerate([2, 0]):
        for column, name in enumerate(["lag", "variable"]):
            factor = ocean_model.factors_[name][:, k]
            widths = [bar.get_width() for bar in display.axes_[row, column].patches]
            np.testing.assert_allclose(widths, factor / np.abs(factor).max())
        factor = ocean_model.factors_["ocean"][..., k]
        (image,) = display.axes_[row, 2].images
        np.testing.assert_allclose(image.get_array().filled(0), np.nan_to_num(factor / np.nanmax(np.abs(factor))))
        title = display.axes_[row, 0].get_ylabel()
        assert title.startswith(f"component {k}\nweight {ocean_model.component_weights_[k]:.3g}\n{fractions[k]:.0%} of")
    assert [tick.get_text() for tick in display.axes_[1, 1].get_yticklabels()] == ["t", "s", "u"]
    assert "99th" not in display.colorbar_.ax.get_ylabel()


def test_options_by_mode(shots_model):
    seen = []
    display = ComponentDisplay.from_estimator(
        shots_model, components=0, axis_labels={"court": ["length", "width"]}, decorate={"court": seen.append}
    )
    assert seen == [display.axes_[0, 1]]
    assert (display.axes_[0, 1].get_xlabel(), display.axes_[0, 1].get_ylabel()) == ("length", "width")
    figure, axes = plt.subplots(2, 1)
    inside = ComponentDisplay.from_estimator(shots_model, components=0, ax=axes[1])
    assert inside.ax_ is axes[1] and inside.figure_ is figure and inside.axes_.shape == (1, 3)
    with pytest.raises(ValueError, match=r"axis_labels must be a dict by names among \['player', .*got \['sea'\]"):
        ComponentDisplay.from_estimator(shots_model, axis_labels={"sea": ["a", "b"]})


def test_grids_of_three_axes_are_refused():
    X = np.random.default_rng(0).normal(size=(30, 2, 3, 3, 3))

    model = MRTLRegressor(["lag", Grid("sea", (3, 3, 3))], rank=1).fit(X, X[:, 0, 1, 1, 1])
    with pytest.raises(ValueError, match="no grids of three axes such as 'sea'"):
        ComponentDisplay.from_estimator(model)


def test_bands_are_those_of_the_components_shown(ocean, ocean_model):
    bands = factor_bands(ocean_model, ocean.data, ocean.target, n_resamples=5, random_state=0)
    display = ComponentDisplay.from_estimator(ocean_model, components=[2, 0], bands=bands)
    for row, k in enumerate([2, 0]):
        for column, mode in enumerate(["lag", "variable"]):
            (lines,) = display.axes_[row, column].collections
            ends = np.array([path.vertices[:, 0] for path in lines.get_paths()])
            expected = np.stack([bands.low[mode][:, k], bands.high[mode][:, k]], 1)
            np.testing.assert_allclose(ends, expected / np.abs(ocean_model.factors_[mode][:, k]).max(), rtol=1e-6)
        (hatched,) = (c for c in display.axes_[row, 2].collections if c.get_hatch())
        assert len(hatched.get_paths()) == (bands.sign_agreement["ocean"][..., k] < 0.9).sum()


def test_panels_whose_bands_are_wider_have_the_scale_of_the_others(ocean, ocean_model):
    bands = factor_bands(ocean_model, ocean.data, ocean.target, n_resamples=5, random_state=0)
    columns = ComponentDisplay.from_estimator(ocean_model, bands=bands).axes_[:, :2].T
    alone = [panel for panel in FactorDisplay.from_estimator(ocean_model, "lag", bands=bands).axes_.flat if panel]
    for panels in (*columns, alone):
        assert len({panel.get_xlim() for panel in panels}) == 1
    widest = [np.abs([bands.low[mode], bands.high[mode]]).max(axis=(0, 1)) for mode in ("lag", "variable")]
    largest = [np.abs(ocean_model.factors_[mode]).max(axis=0) for mode in ("lag", "variable")]
    for panels, wide, one in zip(columns, widest, largest, strict=True):
        assert panels[0].get_xlim()[1] >= (wide / one).max()


def test_an_empty_product_is_told(tmp_path):
    rng = np.random.default_rng(0)
    row, column = rng.integers(20, size=600), rng.integers(15, size=600)
    X, y = np.hstack([np.eye(20)[row], np.eye(15)[column]]), row / 7 + rng.normal(size=600)
    model = MRTLRegressor([Feature("row", 20), Feature("column", 15)]).fit(X, y)
    assert model.terms_["row x column"].is_empty
    message = r"'row x column' is empty: .* select_term\(model, 'row'\)"
    for draw in (ComponentDisplay.from_estimator, FactorDisplay.from_estimator):
        with pytest.warns(UserWarning, match=message):
            draw(model)
    with pytest.warns(UserWarning, match=message):
        stability(model, X, y, n_repeats=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FactorDisplay.from_estimator(select_term(model, "row"))
        page = report(model, X, y, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Terms" in page and "Components" not in page
