"""Bands of factors from refits."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl._estimators import refits
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.solve import solve
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.inspection import factor_bands
from sklearn_mrtl.inspection._matching import aligned_components


@pytest.fixture(scope="module")
def fitted():
    ocean = make_ocean(250, n_components=1, shape=(6, 12), best_r2=0.95, dtype=np.float32, random_state=1)
    X = np.ascontiguousarray(ocean.data)
    return ocean, X, MRTLRegressor(ocean.modes, rank=1).fit(X, ocean.target)


@pytest.fixture(scope="module")
def bands(fitted):
    ocean, X, model = fitted
    return factor_bands(model, X, ocean.target, n_resamples=20, random_state=0)


def test_bands_hold_the_true_factors_and_settled_signs_are_right(fitted, bands):
    ocean, _, model = fitted
    truth = {name: factor / np.linalg.norm(factor) for name, factor in ocean.factors.items()}
    truth = aligned_components(model.factors_, np.ones(1), truth)[1]
    sea = ocean.ocean
    inside = (bands.low["ocean"] <= truth["ocean"]) & (truth["ocean"] <= bands.high["ocean"])
    assert inside[sea].mean() > 0.6  # one seed; benchmarks/bands.py measures twenty
    settled = sea & (bands.sign_agreement["ocean"][..., 0] >= 0.9)
    assert settled.sum() > 0.4 * sea.sum()
    right = np.sign(truth["ocean"]) == np.sign(model.factors_["ocean"])
    assert right[settled].mean() > 0.85
    assert np.isnan(bands.low["ocean"][~sea]).all() and np.isnan(bands.sign_agreement["ocean"][~sea]).all()


def test_bands_have_the_shapes_of_the_model(fitted, bands):
    _, _, model = fitted
    low, high, sign = bands.coef()
    for values in (low, high, sign):
        assert values.shape == model.coef_.shape
    for name, factor in model.factors_.items():
        for values in (bands.low[name], bands.high[name], bands.sign_agreement[name]):
            assert values.shape == factor.shape and values.dtype == factor.dtype
        assert (bands.low[name] <= bands.high[name]).mean() == np.isfinite(factor).mean()
    known = np.isfinite(model.coef_)
    assert (low[known] < high[known]).all() and bands.match.shape == (20, 1)
    assert list(bands.terms) == ["lag x variable x ocean"] and "20 refits" in repr(bands)


def test_bands_are_the_same_for_the_same_seed_whatever_the_threads(fitted):
    ocean, X, model = fitted
    same = [factor_bands(model, X, ocean.target, n_resamples=4, random_state=3, n_jobs=n) for n in (None, 2)]
    np.testing.assert_allclose(same[0].low["ocean"], same[1].low["ocean"], rtol=1e-4, atol=1e-5)


def test_coarse_refits_of_large_fields_give_about_the_same_bands(fitted, bands, monkeypatch):
    ocean, X, model = fitted
    fine = MRTLRegressor(ocean.modes, rank=1, resolutions=[{"ocean": (3, 6)}, {"ocean": (6, 12)}]).fit(X, ocean.target)
    monkeypatch.setattr(refits, "LARGEST_REFIT", 60_000)
    assert refits.Refits.of(fine, X, ocean.target).inputs.shapes[-1] == (3, 6)
    coarse = factor_bands(fine, X, ocean.target, n_resamples=20, random_state=0)
    sea = ocean.ocean
    widths = [np.mean((b.high["ocean"] - b.low["ocean"])[sea]) for b in (coarse, bands)]
    assert coarse.low["ocean"].shape == (6, 12, 1) and 0.3 < widths[0] / widths[1] < 2


def test_terms_and_groups_of_encodings():
    rng = np.random.default_rng(0)
    rows, cells = rng.integers(3, size=400), rng.integers(12, size=400)
    X = np.hstack([np.eye(3)[rows], np.eye(12)[cells]])
    y = np.sin(cells / 2) + rows + rng.normal(size=400) / 4
    modes = [Feature("row", 3), Grid("line", 12)]
    model = MRTLRegressor(modes, terms=["row", "line", ("row", "line")], rank=1).fit(X, y)
    weights = np.where(np.arange(400) < 20, 0.0, 1.0)
    found = factor_bands(model, X, y, resample="groups", groups=np.arange(400) // 10, sample_weight=weights,
                         n_resamples=10, random_state=0)  # fmt: skip
    assert list(found.terms) == ["row", "line", "row x line"] and found.name == "row x line"
    low, high, sign = found.terms["line"].coef()
    curve = model.terms_["line"].coef
    assert ((low - 0.1 <= curve) & (curve <= high + 0.1)).all() and sign[np.abs(curve).argmax()] == 1


def test_a_pipeline_of_a_classifier_and_xarray(shots, shots_model, bands):
    xr = pytest.importorskip("xarray")
    found = factor_bands(shots_model, shots.data, shots.target, n_resamples=3, random_state=0)
    assert found.low["court"].shape == shots_model[-1].factors_["court"].shape
    dataset = bands.to_xarray()
    assert isinstance(dataset, xr.Dataset) and dataset["ocean_low"].dims == ("ocean_0", "ocean_1", "component")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"quantiles": (0.9, 0.1)}, "quantiles must be two ascending numbers"),
        ({"quantiles": 0.9}, "quantiles must be two ascending numbers"),
        ({"resample": "rows"}, "resample must be one of"),
        ({"resample": "groups"}, "needs groups="),
        ({"resample": "groups", "groups": np.zeros(250)}, "at least 2 groups"),
        ({"groups": np.zeros(250)}, "groups are for resample='groups'"),
        ({"n_resamples": 1}, "n_resamples"),
        ({"block_length": 0}, "block_length"),
    ],
)
def test_bad_parameters_are_refused(fitted, options, message):
    ocean, X, model = fitted
    with pytest.raises(ValueError, match=message):
        factor_bands(model, X, ocean.target, **options)


def test_an_unfitted_estimator_and_other_outputs_are_refused(fitted):
    ocean, X, model = fitted
    with pytest.raises(NotFittedError):
        factor_bands(MRTLRegressor(), X, ocean.target)
    with pytest.raises(ValueError, match="1 output"):
        factor_bands(model, X, np.stack([ocean.target] * 2, 1))


def test_bands_of_a_term_of_one_mode_are_those_of_its_weights():
    rng = np.random.default_rng(0)
    row, column = rng.integers(40, size=400), rng.integers(3, size=400)
    X, y = np.hstack([np.eye(40)[row], np.eye(3)[column]]), row / 20 + column + rng.normal(size=400)
    modes = [Feature("row", 40), Feature("column", 3)]
    model = MRTLRegressor(modes, terms=["row", "column"], alpha_l2=0.1).fit(X, y)
    bands = factor_bands(model, X, y, n_resamples=20, random_state=0).terms["row"]
    weight = model.terms_["row"].component_weights[0]
    for factor, coef in zip((bands.low, bands.high), bands.coef()[:2], strict=True):
        np.testing.assert_allclose(factor["row"][:, 0] * weight, coef, rtol=1e-5, atol=1e-8)
    fit = model.terms_["row"].factors["row"]
    assert ((bands.low["row"] < fit) & (fit < bands.high["row"])).mean() > 0.8


def test_refits_compute_on_one_thread(fitted, monkeypatch):
    ocean, X, model = fitted
    seen, refit = [], refits.Refits.refit

    def watched(*args):
        seen.append(torch.get_num_threads())
        return refit(*args)

    monkeypatch.setattr(refits.Refits, "refit", watched)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        factor_bands(model, X, ocean.target, n_resamples=2, random_state=0)
        assert seen == [1, 1, 1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_rows_that_are_not_drawn_are_left_out(fitted):
    """As from all rows, where these have weight 0."""
    ocean, X, model = fitted
    whole = refits.Refits.of(model, X, ocean.target)
    counts = np.random.default_rng(0).poisson(1, size=250)
    found = whole.refit(counts)
    objective = Objective(whole.model, whole.inputs, whole.y, whole.weighted(counts), whole.loss, whole.alphas)
    expected = solve(objective, whole.start, SolverSettings(convergence=1e-6, max_epochs=500, newton=False))
    values = [float(objective.value_and_gradient(parameters)[0]) for parameters in (found, expected)]
    assert 0 <= values[0] / values[1] - 1 + 1e-6 < 1e-3
