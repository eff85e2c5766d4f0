"""Components that cancel."""

import warnings

import numpy as np
import pytest

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl._estimators.cancelling import cancelling_components


def unit(columns):
    return columns / np.linalg.norm(columns, axis=0)


def test_opposite_components_are_found_only_if_both_are_large():
    rng = np.random.default_rng(0)
    a, b, c = (rng.normal(size=(n, 3)) for n in (4, 5, 6))
    a[:, 1], b[:, 1], c[:, 1] = a[:, 0], b[:, 0] + 0.1 * b[:, 2], -c[:, 0]
    factors = {"a": unit(a), "b": unit(b), "c": unit(c).reshape(2, 3, 3)}
    factors["c"][0, 0] = np.nan
    assert cancelling_components(np.array([1.0, 0.9, 0.8]), factors) == [(0, 1)]
    assert cancelling_components(np.array([1.0, 0.1, 0.8]), factors) == []
    assert cancelling_components(np.array([1.0, 0.9, 0.8]), {**factors, "c": np.abs(np.nan_to_num(factors["c"]))}) == []


def test_a_fit_warns_of_components_that_cancel():
    """A tensor of border rank 2 and rank 3: the best fits of rank 2 cancel more and more."""
    rng = np.random.default_rng(0)
    a, b = np.eye(4)[:2], np.eye(4)[2:]
    products = [np.einsum("i,j,k->ijk", *three) for three in
                ((a[0], a[0], b[0]), (a[0], b[0], a[0]), (b[0], a[0], a[0]))]  # fmt: skip
    X = rng.normal(size=(300, 4, 4, 4))
    y = (X * sum(products)).sum((1, 2, 3))
    modes = [Feature("a"), Feature("b"), Grid("c", (4,), quantity="count")]
    model = MRTLRegressor(modes, rank=2, alpha_spatial=0, alpha_l2=1e-6, max_epochs=400)
    with pytest.warns(UserWarning, match="components 0 and 1 of 'a x b x c' are nearly opposite and cancel"):
        model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.set_params(rank=1).fit(X, y)
