"""Contributions sum to what the model predicts."""

import numpy as np
import pytest

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.inspection import contribution_map


def test_cell_by_cell(ocean, ocean_model):
    found = contribution_map(ocean_model, ocean.data[5])
    np.testing.assert_allclose(found[ocean.ocean], (ocean_model.coef_ * ocean.data[5]).sum((0, 1))[ocean.ocean])
    np.testing.assert_array_equal(np.isnan(found), ~ocean.ocean)


def test_from_the_mean(ocean, ocean_model):
    found = contribution_map(ocean_model, ocean.data[5:6], baseline="mean")
    mean = ocean_model.predict(ocean.data.mean(0)[None])[0]
    assert np.nansum(found) + mean == pytest.approx(ocean_model.predict(ocean.data[5:6])[0])


def test_outputs_coordinates_and_coarse_levels(outputs_model):
    model, X = outputs_model
    found = contribution_map(model, X.isel(time=3))
    assert found.dims == ("output", "lat", "lon")
    assert found.shape == (2, 4, 9)
    assert found.lat[0] > found.lat[-1]
    np.testing.assert_allclose(found.sum(("lat", "lon")) + model.intercept_, model.predict(X[3:4])[0])


def test_two_grids_and_full_rank():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 6, 4, 5)), rng.integers(3, size=200)
    model = MRTLClassifier((Grid("hour", 6), Grid("sea", (4, 5))), rank=None, max_epochs=5).fit(X, y)
    for mode, shape in {"hour": (3, 6), "sea": (3, 4, 5)}.items():
        found = contribution_map(model, X[0], mode=mode)
        assert found.shape == shape
        scores = found.reshape(3, -1).sum(1) + model.intercept_
        np.testing.assert_allclose(scores, model.decision_function(X[:1])[0])


def test_bad_input(ocean, ocean_model, shots, shots_model):
    with pytest.raises(ValueError, match="one row"):
        contribution_map(ocean_model, ocean.data[:2])
    with pytest.raises(ValueError, match="one of the grids"):
        contribution_map(ocean_model, ocean.data[0], mode="lag")
    with pytest.raises(ValueError, match="baseline must be"):
        contribution_map(ocean_model, ocean.data[0], baseline="median")
    with pytest.raises(ValueError, match="model of one term"):
        contribution_map(shots_model, shots.data[:1])
    one_feature = MRTLRegressor("lag", rank=None).fit(ocean.target[:, None] * [1.0, 2.0], ocean.target)
    with pytest.raises(ValueError, match="one of the grids"):
        contribution_map(one_feature, [1.0, 2.0])


@pytest.mark.parametrize(
    ("parameters", "decomposition"), [({"rank": None}, "None"), ({"decomposition": "tucker"}, "'tucker'")]
)
def test_only_cp_tensors_can_leave_out_a_component(parameters, decomposition):
    X = np.random.default_rng(0).normal(size=(40, 2, 3, 3))
    model = MRTLRegressor(**({"rank": 2} | parameters)).fit(X, X[:, 0, 1, 1])
    with pytest.raises(ValueError, match=f"only a CP tensor has components, got decomposition={decomposition}"):
        model.tensor_.without_component(0)
