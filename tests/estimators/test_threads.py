"""Fits and predictions leave torch's threads and gradients as they were, and work without the caller's gradients."""

import numpy as np
import pytest
import torch
from helpers import pool_of

from sklearn_mrtl import MRTLRegressor


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def problem():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2, 6, 6))
    return X, X[:, 0, :3].sum((1, 2)) + rng.normal(size=120)


def test_a_small_fit_takes_one_thread_and_gives_the_others_back():
    X, y = problem()
    found = []

    def criterion(record):
        found.append(torch.get_num_threads())
        return 0.0

    model = MRTLRegressor(rank=2, criterion=criterion).fit(X, y)
    assert set(found) == {1} and torch.get_num_threads() == 3
    model.predict(X)
    assert torch.get_num_threads() == 3


def test_threads_are_given_back_after_an_error():
    def criterion(record):
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        MRTLRegressor(rank=2, criterion=criterion).fit(*problem())
    assert torch.get_num_threads() == 3


def test_fits_in_several_python_threads_are_what_one_is():
    X, y = problem()
    alone = MRTLRegressor(rank=2, random_state=0).fit(X, y).predict(X)

    def fit(_):
        prediction = MRTLRegressor(rank=2, random_state=0).fit(X, y).predict(X)
        return prediction, torch.get_num_threads()

    with pool_of(3) as pool:
        for prediction, n_threads in pool.map(fit, range(6)):
            np.testing.assert_array_equal(prediction, alone)
            assert n_threads == 3


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_caller_may_have_no_gradients(mode):
    X, y = problem()
    expected = MRTLRegressor(rank=2, random_state=0).fit(X, y).predict(X)
    with mode():
        np.testing.assert_array_equal(MRTLRegressor(rank=2, random_state=0).fit(X, y).predict(X), expected)
        assert not torch.is_grad_enabled()
