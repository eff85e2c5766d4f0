"""The posterior of the ridge, against dense matrices and refits."""

import numpy as np
import pytest
import torch

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl._estimators.refits import Refits
from sklearn_mrtl.inspection import coef_standard_errors, factor_bands


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 3, 4, 6))
    X[:, :, 0, 0] = np.nan
    y = np.nan_to_num(X)[:, 1].sum((1, 2)) + 2 * rng.normal(size=240)
    return X, y, MRTLRegressor(rank=None).fit(X, y)


def test_standard_errors_are_those_of_the_dense_formula(fitted):
    X, y, model = fitted
    refits = Refits.of(model, X, y)
    core, n = refits.model, len(y)
    design = refits.inputs.design().numpy()
    design = design - design.mean(0)
    penalty = []
    for i in range(design.shape[1]):
        weights = torch.zeros(design.shape[1], dtype=torch.float64)
        weights[i] = 1
        weights = weights.reshape(3, 24).requires_grad_()
        value = core.penalty({"weights": weights, "intercept": torch.zeros(1).double()}, refits.alphas)
        penalty.append(torch.autograd.grad(value, weights)[0].numpy().ravel() / 2)
    free = np.isfinite(model.coef_).ravel()
    x, penalty = design[:, free], np.array(penalty)[free][:, free]
    inverse = np.linalg.inv(x.T @ x / n + penalty)
    weights = inverse @ (x.T @ refits.y.numpy()[:, 0]) / n
    residual = refits.y.numpy()[:, 0] - refits.y.numpy().mean() - x @ weights
    degrees = 1 + np.trace(inverse @ x.T @ x / n)
    variance = np.sum(residual**2) / (n - degrees) / n * np.diag(inverse)
    coef = model.coef_.ravel()[free]
    unit = (coef @ weights) / (weights @ weights)  # units of the weights, which agree
    np.testing.assert_allclose(coef, unit * weights, rtol=0.02, atol=0.02 * np.abs(coef).max())
    found = coef_standard_errors(model, X, y)
    assert np.isnan(found.ravel()[~free]).all()
    np.testing.assert_allclose(found.ravel()[free], unit * np.sqrt(variance), rtol=5e-4)


def test_refits_agree_with_the_posterior(fitted):
    X, y, model = fitted
    bands = factor_bands(model, X, y, n_resamples=40, block_length=1, random_state=0)
    low, high, _ = bands.coef()
    ratio = np.nanmean(high - low) / 3.29 / np.nanmean(coef_standard_errors(model, X, y))
    assert 0.7 < ratio < 1.3 and bands.low == {}


def test_other_models_are_refused(ocean, ocean_model):
    with pytest.raises(ValueError, match="one full-rank term"):
        coef_standard_errors(ocean_model, ocean.data, ocean.target)
