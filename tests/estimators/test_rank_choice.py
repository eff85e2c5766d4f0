"""The rank that is left to the data: within scikit-learn, in other orders of rows and modes, and for bad input."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor

RANK = 2


def of_fields(**parameters):
    """A regressor, fields with a weight tensor of rank two, and targets."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 4, 3, 6, 8))
    lags, variables = rng.normal(size=(4, RANK)), np.linalg.qr(rng.normal(size=(3, RANK)))[0]
    i, j = np.mgrid[:6, :8]
    maps = np.stack([np.exp(-((i - 2) ** 2 + (j - 2) ** 2) / 4), np.exp(-((i - 3) ** 2 + (j - 6) ** 2) / 4)], -1)
    scores = np.einsum("nabij,ak,bk,ijk->n", X, lags, variables, maps)
    modes = ["lag", "variable", Grid("sea", (6, 8), quantity="mean")]
    return MRTLRegressor(modes, random_state=0, **parameters), X, scores / scores.std() + 0.1 * rng.normal(size=240)


def of_encodings(**parameters):
    """A classifier, encodings of two modes whose pairs have effects of rank two, and classes."""
    rng = np.random.default_rng(1)
    row, column = rng.integers(16, size=5000), rng.integers(12, size=5000)
    effects = np.linalg.qr(rng.normal(size=(16, RANK)))[0] @ np.linalg.qr(rng.normal(size=(12, RANK)))[0].T
    y = 20 * effects[row, column] + rng.logistic(size=5000) > 0
    X = sparse.csr_array(np.concatenate([np.eye(16)[row], np.eye(12)[column]], 1))
    return MRTLClassifier([Feature("row", 16), Feature("column", 12)], random_state=0, **parameters), X, y


by_layout = pytest.mark.parametrize("make", [of_fields, of_encodings])


def rank_of(model):
    return list(model.terms_.values())[-1].rank


def errors_of(model):
    """Errors of the ranks up to the true one: more components than there are end in other minima."""
    ranks = [rank if isinstance(rank, int) else max(rank.values(), default=0) for rank in tried_by(model)]
    return [record["error"] for record, rank in zip(model.rank_path_, ranks, strict=True) if rank <= RANK]


def tried_by(model):
    return [record["rank"] for record in model.rank_path_]


@by_layout
def test_the_simulated_rank_is_chosen_in_pipelines_searches_and_clones(make):
    model, X, y = make()
    search = RandomizedSearchCV(
        make_pipeline(FunctionTransformer(accept_sparse=True), model),
        {f"{type(model).__name__.lower()}__rank": ["auto", 1]},
        n_iter=2, cv=2, random_state=0, error_score="raise",
    )  # fmt: skip
    best = search.fit(X, y).best_estimator_[-1]
    assert best.rank == "auto" and rank_of(best) == RANK
    again = clone(best).fit(X, y)
    assert again.rank == "auto" and again.rank_path_ == best.rank_path_
    assert pickle.loads(pickle.dumps(best)).rank_path_ == best.rank_path_


@by_layout
def test_a_warm_start_keeps_the_rank_that_was_chosen(make):
    long, X, y = make()
    warm = clone(long).set_params(n_levels=1, warm_start=True).fit(X, y)
    path = warm.rank_path_
    warm.set_params(n_levels=None).fit(X, y)
    long.fit(X, y)
    assert warm.rank_path_ == path == long.rank_path_ and rank_of(warm) == RANK
    for name, term in long.terms_.items():
        np.testing.assert_array_equal(warm.terms_[name].coef, term.coef)


@by_layout
def test_rows_of_the_same_groups_in_another_order_give_the_same_choice(make):
    model, X, y = make()
    groups = np.arange(len(y)) * 8 // len(y)
    order = np.random.default_rng(2).permutation(len(y))
    straight = clone(model).fit(X, y, groups=groups)
    shuffled = clone(model).fit(X[order], y[order], groups=groups[order])
    assert rank_of(shuffled) == rank_of(straight) == RANK
    np.testing.assert_allclose(errors_of(shuffled), errors_of(straight), rtol=1e-2)


def test_modes_in_another_order_give_the_same_choice():
    model, X, y = of_fields()
    turned = clone(model).set_params(modes=[model.modes[n] for n in (1, 2, 0)])
    model.fit(X, y), turned.fit(X.transpose(0, 2, 3, 4, 1), y)
    assert turned.rank_ == model.rank_ == RANK
    np.testing.assert_allclose(errors_of(turned), errors_of(model), rtol=1e-2)
    np.testing.assert_allclose(turned.coef_, model.coef_.transpose(1, 2, 3, 0), atol=0.02 * np.abs(model.coef_).max())


def test_terms_of_modes_in_another_order_give_the_same_choice():
    model, X, y = of_encodings()
    turned = clone(model).set_params(modes=model.modes[::-1])
    model.fit(X, y), turned.fit(sparse.hstack([X[:, 16:], X[:, :16]]).tocsr(), y)
    assert rank_of(turned) == rank_of(model) == RANK
    np.testing.assert_allclose(errors_of(turned), errors_of(model), rtol=1e-2)


@pytest.mark.parametrize("n", [3, 20, 99])
@by_layout
def test_few_rows_get_the_smallest_rank(make, n):
    model, X, y = make()
    y = np.arange(n) % 2 == 0 if y.dtype == bool else y[:n]
    assert rank_of(model.fit(X[:n], y)) == 1 and not model.rank_path_


@pytest.mark.parametrize("rank", [0, -1, 1.5, "best", []])
@by_layout
def test_ranks_that_are_none(make, rank):
    model, X, y = make(rank=rank)
    with pytest.raises((ValueError, TypeError), match="rank"):
        model.fit(X, y)


def test_nothing_to_learn_is_told():
    model, X, _ = of_fields()
    noise = np.random.default_rng(5).normal(size=len(X))
    with pytest.warns(UserWarning, match="X may tell nothing about y"):
        model.fit(X, noise)
    assert model.rank_ == 1 and model.predict(X).std() < 0.2 * noise.std()
