"""Scales, outlines, coasts, arrangement and titles of maps."""

import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import Feature, MRTLRegressor
from sklearn_mrtl.inspection import FactorDisplay, component_scores, select_term
from sklearn_mrtl.inspection import _geography as geography
from sklearn_mrtl.inspection._explained import explained_fractions

mpl = pytest.importorskip("matplotlib")
mpl.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")


def peaked():
    """Values from -0.5 to 1 with two cells far above."""
    factor = np.linspace(-0.5, 1, 20 * 30).reshape(20, 30, 1).copy()
    factor[0, :2] = 50
    return factor


def test_a_few_cells_do_not_make_all_others_pale():
    display = FactorDisplay(peaked(), components=[0], mode="sea").plot()
    end = np.percentile(np.abs(peaked()), 99)
    np.testing.assert_allclose(display.images_[0].get_array(), peaked()[..., 0] / end)
    assert end < 1 and display.images_[0].get_clim() == (-1, 1)
    assert display.colorbar_.extend == "max"
    assert display.colorbar_.ax.get_ylabel() == "weight of sea\n(relative to its 99th percentile)"
    whole = FactorDisplay(peaked(), components=[0], mode="sea").plot(percentile=100)
    assert whole.colorbar_.extend == "neither" and "its largest" in whole.colorbar_.ax.get_ylabel()
    below = FactorDisplay(-peaked(), components=[0], mode="sea").plot(normalize=False)
    assert below.colorbar_.extend == "min" and "columns of length 1" in below.colorbar_.ax.get_ylabel()
    assert below.images_[0].get_clim() == pytest.approx((-end, end))
    for wrong in (0, 101):
        with pytest.raises(ValueError, match=f"percentile must be above 0 and at most 100, got {wrong}"):
            whole.plot(percentile=wrong)


def test_scales_of_nothing():
    zeros = FactorDisplay(np.zeros((3, 4, 1)), components=[0], mode="sea").plot()
    assert zeros.images_[0].get_clim() == (-1, 1)
    sparse = np.zeros((20, 30, 1))
    sparse[0, 0] = -3  # its percentile is 0
    assert FactorDisplay(sparse, components=[0], mode="sea").plot().images_[0].get_array().min() == -1


def segments(ax):
    return [part for drawn in ax.collections for part in drawn.get_segments()]


def test_outline_of_cells_with_data():
    factor = np.ones((3, 4, 1))
    factor[1, 2] = np.nan
    display = FactorDisplay(factor, components=[0], mode="sea", extent=[(0, 30), (100, 140)]).plot()
    corners = {tuple(sorted(map(tuple, line))) for line in segments(display.ax_)}
    assert corners == {
        ((120, 10), (120, 20)), ((130, 10), (130, 20)), ((120, 10), (130, 10)), ((120, 20), (130, 20))
    }  # fmt: skip
    assert not segments(FactorDisplay(factor, components=[0], mode="sea").plot(outline=False).ax_)


def test_coasts_on_latitudes_and_longitudes_only(outputs_model, ocean_model, monkeypatch):
    coast = np.array([[10.0, 0.0], [20.0, 5.0], [30.0, 0.0]])
    monkeypatch.setattr(geography, "coastlines", lambda: (coast,))
    display = FactorDisplay.from_estimator(outputs_model[0], components=0)
    lines = segments(display.ax_)
    assert len(lines) == 3  # for longitudes from -180 and from 0
    np.testing.assert_array_equal(lines[1], coast)
    assert display.ax_.get_xlim() == (0, 180)  # it does not widen the map
    others = segments(FactorDisplay.from_estimator(ocean_model, components=0).ax_)
    assert others and not any(len(line) == 3 for line in others)  # bounds without names of dimensions


def test_without_cartopy_or_its_files(monkeypatch):
    geography.coastlines.cache_clear()
    monkeypatch.setitem(sys.modules, "cartopy", None)
    assert geography.coastlines() is None
    geography.coastlines.cache_clear()


@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_last_row_is_in_the_middle(n):
    factor = np.random.default_rng(0).normal(size=(6, 9, n))
    display = FactorDisplay(factor, components=range(n), mode="sea").plot(colorbar=False)
    display.figure_.canvas.draw()
    boxes = [ax.get_position() for ax in display.axes_.flat if ax is not None]
    rows = {}
    for box in boxes:
        rows.setdefault(round(box.y0, 1), []).append(box)
    middles = [(min(box.x0 for box in row) + max(box.x1 for box in row)) / 2 for row in rows.values()]
    np.testing.assert_allclose(middles, middles[0], atol=0.03)
    labelled = [ax for ax in display.axes_.flat if ax is not None and ax.get_xlabel()]
    assert len(labelled) >= len(list(rows.values())[-1])


def test_component_scores(ocean, ocean_model):
    scores = component_scores(ocean_model, ocean.data)
    deviations = np.nan_to_num(ocean.data - ocean.data.mean(axis=0))
    for k, weight in enumerate(ocean_model.component_weights_):
        lag, variable, place = (factor[..., k] for factor in ocean_model.factors_.values())
        expected = weight * np.einsum("nlvij,l,v,ij->n", deviations, lag, variable, np.nan_to_num(place))
        np.testing.assert_allclose(scores[:, k], expected, atol=1e-8)
    pipeline = make_pipeline(FunctionTransformer(lambda X: X / 2), clone(ocean_model))
    pipeline[-1].__dict__ = ocean_model.__dict__
    np.testing.assert_allclose(component_scores(pipeline, ocean.data), component_scores(ocean_model, ocean.data / 2))


def test_explained_fractions(ocean, ocean_model):
    fractions = explained_fractions(ocean_model, ocean.data)
    prediction = ocean_model.predict(ocean.data)
    scores = component_scores(ocean_model, ocean.data)
    expected = [np.cov(scores[:, k], prediction)[0, 1] / prediction.var(ddof=1) for k in range(3)]
    np.testing.assert_allclose(fractions, expected)
    assert fractions.sum() == pytest.approx(1)
    display = FactorDisplay.from_estimator(ocean_model, X=ocean.data, components=[1])
    weight = ocean_model.component_weights_[1]
    assert display.ax_.get_title() == f"component 1\nweight {weight:.3g}, {fractions[1]:.0%} of variance"


def test_explained_fractions_of_outputs_classes_and_terms(outputs_model, shots, shots_model):
    model, X = outputs_model
    assert component_scores(model, X).shape == (len(X), 2, 2)
    assert explained_fractions(model, X).sum() == pytest.approx(1)
    assert explained_fractions(shots_model, shots.data).shape == (2,)
    rng = np.random.default_rng(0)
    rows = np.hstack([np.eye(4)[rng.integers(4, size=300)], np.eye(5)[rng.integers(5, size=300)]])
    y = rows @ np.arange(9.0) + rng.normal(size=300)
    modes = [Feature("row", 4), Feature("column", 5)]
    sums = MRTLRegressor(modes, terms=["row", "column", ("row", "column")], rank=1).fit(rows, y)
    total = sum(explained_fractions(select_term(sums, name), rows).sum() for name in sums.terms_)
    assert total == pytest.approx(1)
