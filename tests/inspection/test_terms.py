"""Pictures and measures of one term of a sum."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.inspection import component_importance, contribution_map, morans_i, select_term


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    player, cell = rng.integers(5, size=1500), rng.integers(80, size=1500)
    X = sparse.csr_array(np.concatenate([np.eye(5)[player], np.eye(80)[cell]], 1))
    y = player + np.sin(cell // 10) + 0.3 * rng.normal(size=1500)
    modes = [Feature("player", 5), Grid("court", (8, 10))]
    return MRTLRegressor(modes, terms=["player", "court", ("player", "court")], rank=1).fit(X, y), X, y


def test_a_selected_term_has_its_own_factors_and_predicts_as_the_whole(fitted):
    model, X, _ = fitted
    court = select_term(model, "court")
    assert list(court.factors_) == ["court"] and court.factors_["court"].shape == (8, 10, 1)
    weights = court.component_weights_[0] * court.factors_["court"][..., 0]
    np.testing.assert_allclose(weights, model.terms_["court"].coef)
    np.testing.assert_allclose(court.predict(X), model.predict(X))
    assert court.intercept_ == model.intercept_
    assert list(model.factors_) == ["player", "court"]


def test_measures_of_a_selected_term(fitted):
    model, X, y = fitted
    assert morans_i(select_term(model, "court").factors_["court"][..., 0]).statistic > 0.3
    losses = component_importance(select_term(model, "player"), X, y)
    assert np.ravel(losses)[0] > 0.5


def test_other_names_and_models_are_refused(fitted):
    model, X, _ = fitted
    with pytest.raises(ValueError, match="term must be one of"):
        select_term(model, "team")
    with pytest.raises(ValueError, match="a model of one term"):
        contribution_map(model, X[:1])
