"""Models of several terms: predictions, strengths, what they show, and bad input."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators.rows import rows_per_weight
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.solvers.solve import solve
from sklearn_mrtl.inspection import component_importance, select_term
from sklearn_mrtl.preprocessing import ModeEncoder

MODES = [Feature("player", 5), Grid("court", (12, 14)), Feature("quarter", 4)]


def sum_of_terms(n=3000, *, noise=0.3, seed=0):
    """A number for each player plus a smooth map, X as encodings, and the truth."""
    rng = np.random.default_rng(seed)
    player, quarter = rng.integers(5, size=n), rng.integers(4, size=n)
    x, y = rng.integers(12, size=n), rng.integers(14, size=n)
    numbers = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    field = np.sin(np.arange(12) / 4)[:, None] * np.cos(np.arange(14) / 5)
    field -= field.mean()
    X = np.concatenate([np.eye(5)[player], np.eye(168)[x * 14 + y], np.eye(4)[quarter]], 1)
    z = numbers[player] + field[x, y]
    return sparse.csr_array(X), z + noise * rng.normal(size=n), numbers, field


def test_each_term_finds_its_part():
    X, y, numbers, field = sum_of_terms()
    model = MRTLRegressor(MODES, terms=["player", "court", "quarter"]).fit(X, y)
    assert list(model.terms_) == ["player", "court", "quarter"]
    found = model.terms_["player"].coef
    assert np.corrcoef(found, numbers)[0, 1] > 0.99
    assert np.corrcoef(model.terms_["court"].coef.ravel(), field.ravel())[0, 1] > 0.95
    assert model.terms_["quarter"].degrees_of_freedom < 1.5 < model.terms_["player"].degrees_of_freedom
    assert model.score(X, y) > 0.85


def test_predictions_are_the_sum_of_the_terms():
    X, y, *_ = sum_of_terms(600)
    model = MRTLRegressor(MODES, terms=["player", "court", ("player", "court")], rank=2).fit(X, y)
    dense = X.toarray()
    player, court = dense[:, :5], dense[:, 5:173]
    terms = model.terms_
    z = player @ terms["player"].coef + court @ terms["court"].coef.ravel() + model.intercept_
    z = z + np.einsum("np,nc,pc->n", player, court, terms["player x court"].coef.reshape(5, 168))
    np.testing.assert_allclose(model.predict(X), z, atol=1e-8)
    assert terms["player x court"].rank == 2
    assert set(model.factors_) == {"player", "court"}
    with pytest.raises(AttributeError, match="terms_"):
        _ = model.coef_


def test_given_strengths_without_smoothness_are_those_of_ridge():
    X, y, *_ = sum_of_terms(400)
    alpha_l2 = {"player": 0.5, "quarter": 0.02}
    model = MRTLRegressor(MODES, terms=["player", "quarter"], alpha_l2=alpha_l2, max_epochs=500).fit(X, y)
    # The objective is a mean over rows of standardized y; penalties are means over weights.
    columns = {"player": X.toarray()[:, :5], "quarter": X.toarray()[:, 173:]}
    scales = {name: np.sqrt(own.shape[1] / alpha_l2[name]) for name, own in columns.items()}
    design = np.concatenate([own * scales[name] for name, own in columns.items()], 1)
    ridge = Ridge(alpha=len(y)).fit(design, y)

    def objective(predictions, weights):
        return ((predictions - y) ** 2).mean() + (weights**2).sum()

    ours = np.concatenate([model.terms_[name].coef / scales[name] for name in columns])
    best = objective(ridge.predict(design), ridge.coef_)
    assert best <= objective(model.predict(X), ours) < best + 1e-3 * (y.var() - best)
    np.testing.assert_allclose(model.predict(X), ridge.predict(design), atol=0.01)
    assert model.terms_["player"].alpha_l2 == 0.5 and np.isnan(model.terms_["player"].degrees_of_freedom)


def test_fields_a_term_without_a_mode_has_the_same_weights_along_it():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3, 8, 10))
    y = X.mean((1, 2)) @ np.sin(np.arange(10)) + 0.1 * rng.normal(size=200)
    modes = [Feature("lag"), Grid("sea", (8, 10), quantity="mean")]
    model = MRTLRegressor(modes, terms=["sea"], resolutions="fixed").fit(X, y)
    weights = model.terms_["sea"].coef
    z = X.sum(1).reshape(200, -1) @ weights.ravel() + model.intercept_
    np.testing.assert_allclose(model.predict(X), z, atol=1e-6)
    several = MRTLRegressor(modes, terms=["lag", "sea", ("lag", "sea")], rank=2).fit(X, y)
    assert list(several.terms_) == ["lag", "sea", "lag x sea"] and several.score(X, y) > 0.5


def test_auto_is_one_tensor_for_fields_and_for_a_single_mode():
    """Bit for bit."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3, 8, 10))
    y = X[:, 0, 2:5].mean((1, 2)) + 0.1 * rng.normal(size=150)
    for rows in (X, X[:, 0], X[:, 0, 0], sparse.csr_array(X[:, 0, 0])):
        auto, none = (MRTLRegressor(terms=terms, rank=2, random_state=0).fit(rows, y) for terms in ("auto", None))
        np.testing.assert_array_equal(auto.predict(rows), none.predict(rows))
        np.testing.assert_array_equal(auto.coef_, none.coef_)
        assert list(auto.terms_) == list(none.terms_) and auto.alpha_path_ == none.alpha_path_


def test_auto_is_the_default_and_for_encodings_a_sum():
    X, y, *_ = sum_of_terms(300)
    assert MRTLRegressor().terms == MRTLClassifier().terms == "auto"
    model = MRTLRegressor(MODES[:2], rank=1, max_epochs=2).fit(X[:, :173], y)
    assert list(model.terms_) == ["player", "court", "player x court"]


def test_classes_and_several_outputs():
    X, y, *_ = sum_of_terms(800)
    classes = np.digitize(y, [-0.5, 0.5])
    model = MRTLClassifier(MODES, terms=["player", "court"]).fit(X, classes)
    assert model.terms_["player"].coef.shape == (3, 5) and model.score(X, classes) > 0.6
    outputs = MRTLRegressor(MODES, terms=["player", ("player", "court")], rank=2).fit(X, np.c_[y, -y])
    assert outputs.predict(X).shape == (800, 2) and outputs.score(X, np.c_[y, -y]) > 0.7


def test_terms_survive_clone_pickle_warm_starts_and_checkpoints(tmp_path):
    X, y, *_ = sum_of_terms(500)
    terms = ["player", ("player", "court")]
    whole = MRTLRegressor(MODES, terms=terms, rank=2, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(clone(whole).fit(X, y)))
    np.testing.assert_array_equal(again.predict(X), whole.predict(X))
    grown = MRTLRegressor(MODES, terms=terms, rank=2, random_state=0, warm_start=True, n_levels=1).fit(X, y)
    np.testing.assert_array_equal(grown.set_params(n_levels=None).fit(X, y).predict(X), whole.predict(X))
    path = tmp_path / "checkpoint.npz"
    saved = clone(whole).set_params(checkpoint=path)
    saved.fit(X, y)
    np.testing.assert_array_equal(saved.fit(X, y).predict(X), whole.predict(X))
    assert saved.terms_["player"].alpha_l2 == whole.terms_["player"].alpha_l2


def test_units_of_x_and_y_do_not_matter():
    X, y, *_ = sum_of_terms(500)
    model = MRTLRegressor(MODES, terms=["player", "court"], random_state=0).fit(X, y)
    scaled = clone(model).fit(X, 1000 * y + 5)
    np.testing.assert_allclose(scaled.predict(X), 1000 * model.predict(X) + 5, rtol=1e-3, atol=1)


@pytest.mark.parametrize("unit", [1.9, 7.5, 1e-5])
@pytest.mark.parametrize("is_lazy", [False, True])
@pytest.mark.parametrize(
    "make, options", [(MRTLRegressor, {}), (MRTLClassifier, {}), (MRTLClassifier, {"class_weight": "balanced"})]
)
def test_units_of_weights_do_not_matter(make, options, is_lazy, unit):
    """Strengths are estimated from a number of rows, which was the sum of the weights over about the largest one."""
    X, y, *_ = sum_of_terms(500)
    y = y if make is MRTLRegressor else y > 1
    weight = np.random.default_rng(2).uniform(0.2, 1.9, size=len(y))
    model = make(MODES, terms=["player", "court"], **options)
    found, weight = clone(model).fit(X, y, sample_weight=weight), unit * weight
    if is_lazy:
        array = pytest.importorskip("dask.array")
        X, y, weight = (array.from_array(values, chunks=(200, *values.shape[1:])) for values in (X, y, weight))
    scaled = clone(model).fit(X, y, sample_weight=weight)
    for name, term in found.terms_.items():
        assert scaled.terms_[name].alpha_l2 == pytest.approx(term.alpha_l2, rel=1e-6)
        np.testing.assert_allclose(scaled.terms_[name].coef, term.coef, rtol=1e-6, atol=1e-9)


def test_the_number_of_rows_of_equal_weight_that_tell_as_much():
    """The variance of a weighted mean of independent rows is that of a mean of so many."""
    weight = np.exp(np.random.default_rng(0).normal(size=50))
    variance = np.square(weight / weight.sum()).sum()
    assert rows_per_weight(weight) * weight.sum() == pytest.approx(1 / variance)
    assert rows_per_weight(np.full(50, 1.9)) * 1.9 == pytest.approx(1)


@pytest.mark.parametrize("n_classes", [0, 3])
@pytest.mark.parametrize("terms", [["lag", "sea"], ["sea", ("lag", "sea")]])
def test_the_intercept_of_fields_is_the_score_of_zeros(terms, n_classes):
    """Also of a sum, each of whose terms has weights for deviations from the training mean."""
    xr = pytest.importorskip("xarray")
    rng = np.random.default_rng(0)
    X = xr.DataArray(rng.normal(size=(150, 3, 4, 6)) + 2, dims=("time", "lag", "lat", "lon"))
    y = X[:, 0, 1:3, 1:4].sum(("lat", "lon")).to_numpy() + rng.normal(size=150)
    make, name = (MRTLClassifier, "decision_function") if n_classes else (MRTLRegressor, "predict")
    model = make(["lag", Grid("sea", (4, 6), quantity="mean")], terms=terms, rank=1, alpha_l2=0.1, alpha_spatial=0.1)
    model.fit(X, np.digitize(y, np.quantile(y, [0.3, 0.7])) if n_classes else y)
    zeros = getattr(model, name)(0 * X[:1])[0]
    np.testing.assert_allclose(model.intercept_, zeros)
    np.testing.assert_allclose(model.to_xarray().intercept, zeros)
    rules = {"lag": "nlxy,...l->n...", "sea": "nlxy,...xy->n...", "lag x sea": "nlxy,...lxy->n..."}
    n_averaged = {"lag": 24}  # a term without the grid is for the mean over its cells
    parts = [np.einsum(rules[t], X, term.coef) / n_averaged.get(t, 1) for t, term in model.terms_.items()]
    np.testing.assert_allclose(getattr(model, name)(X), model.intercept_ + sum(parts), atol=1e-9)


def test_folds_by_group_choose_stronger_penalties_where_rows_repeat():
    """Copies of a row look like evidence; folds that keep all copies of a row together see through it."""
    X, y, *_ = sum_of_terms(300, noise=2.0)
    groups = np.repeat(np.arange(300), 6)
    shuffled = np.random.default_rng(0).permutation(1800)
    X, y, groups = X[groups][shuffled], y[groups][shuffled], groups[shuffled]
    terms = ["player", ("player", "court")]
    blocks = MRTLRegressor(MODES, terms=terms, rank=2).fit(X, y)
    whole = MRTLRegressor(MODES, terms=terms, rank=2).fit(X, y, groups=groups)
    assert whole.terms_["player x court"].alpha_l2 > 2 * blocks.terms_["player x court"].alpha_l2


def test_a_list_of_splits_numbers_the_rows_that_fit_was_given():
    """Also those that weigh nothing, which are as if they were not there."""
    X, y, *_ = sum_of_terms(200)
    weight = np.ones(len(y))
    weight[5:30:2] = 0
    some = weight > 0
    splits = list(KFold(4).split(X))
    number = np.cumsum(some) - 1  # of a row among those that weigh anything
    splits_of_some = [[number[part[some[part]]] for part in split] for split in splits]
    weighted = MRTLRegressor(MODES, rank=2, cv=splits).fit(X, y, sample_weight=weight)
    removed = MRTLRegressor(MODES, rank=2, cv=splits_of_some).fit(X[some], y[some])
    errors = [[tried["error"] for tried in model.alpha_path_] for model in (weighted, removed)]
    assert errors[0] == pytest.approx(errors[1])
    np.testing.assert_allclose(weighted.predict(X), removed.predict(X), rtol=1e-6)
    with pytest.raises(ValueError, match="leave out each of .* rows exactly once.*the list of splits"):
        MRTLRegressor(MODES, rank=2, cv=splits).fit(X[some], y[some])
    with pytest.raises(ValueError, match="at least 2 folds, got 1"):
        MRTLRegressor(MODES, rank=2, cv=splits).fit(X, y, sample_weight=np.arange(len(y)) < 10)


def test_cv_takes_an_int_and_a_splitter():
    X, y, *_ = sum_of_terms(400)
    groups = np.arange(400) // 20
    for cv in (4, KFold(4)):
        model = MRTLRegressor(MODES[:2], terms=["player", "court"], cv=cv).fit(X[:, :173], y)
        assert model.score(X[:, :173], y) > 0.5
    model = MRTLRegressor(MODES, cv=GroupKFold(5), rank=2).fit(X, y, groups=groups)
    assert model.score(X, y) > 0.5


def test_terms_in_cross_validation():
    X, y, *_ = sum_of_terms(400)
    assert cross_val_score(MRTLRegressor(MODES, terms=["player", "court"]), X, y, cv=3).mean() > 0.5


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"terms": ["team"]}, "terms name 'team'"),
        ({"terms": [("player", "player")]}, "a mode once"),
        ({"terms": []}, "at least one mode"),
        ({"terms": [()]}, "at least one mode"),
        ({"terms": ["player", ("player",)]}, "must differ"),
        ({"terms": ["player"], "alpha_l2": {"court": 1.0}}, "none of the terms"),
        ({"terms": ["court"], "alpha_spatial": {"court": (1.0, 2.0, 3.0)}}, "2 axes"),
        ({"terms": ["court"], "alpha_spatial": {"court": -1.0}}, "alpha_spatial"),
        ({"terms": ["player", "court"], "alpha_spatial": {"player": 1.0}}, "'player', which has no Grid"),
        ({"terms": ["player", "court"], "rank": {"court": 2}}, "rank must not name 'court': .* got 2"),
        ({"terms": ["court"], "full_rank_alpha_l2": 1.0}, "full_rank_alpha_l2"),
        ({"terms": ["player", ("player", "court")], "full_rank_levels": 0}, "set terms=None"),
        ({"terms": None, "alpha_l2": {"player": 1.0}}, "terms=None"),
        ({"cv": 1}, "cv must be at least 2"),
        ({"cv": ShuffleSplit(3, random_state=0)}, "exactly once"),
    ],
)
def test_bad_parameters_are_named(parameters, words):
    X, y, *_ = sum_of_terms(60)
    with pytest.raises(ValueError, match=words):
        MRTLRegressor(MODES, **parameters).fit(X, y)


@pytest.mark.parametrize("terms", ["player", [MODES[0]], [1], 2], ids=repr)
def test_terms_of_the_wrong_kind_are_named(terms):
    X, y, *_ = sum_of_terms(60)
    with pytest.raises(TypeError, match="list of names"):
        MRTLRegressor(MODES, terms=terms).fit(X, y)


@pytest.mark.parametrize("key", [3, ("court", 3)], ids=repr)
@pytest.mark.parametrize("parameter", ["rank", "alpha_l2", "alpha_spatial"])
def test_keys_that_are_no_names_are_named(parameter, key):
    X, y, *_ = sum_of_terms(60)
    with pytest.raises(TypeError, match=f"{parameter} must have names of terms.* got {re.escape(repr(key))}"):
        MRTLRegressor(MODES, terms=["player", "court"], **{parameter: {key: 1}}).fit(X, y)


def test_groups_must_fit_the_rows_and_the_folds():
    X, y, *_ = sum_of_terms(60)
    for groups in (np.arange(59), np.zeros((60, 2))):
        with pytest.raises(ValueError, match=re.escape(f"groups must have one value for each of the 60 rows of X, got "
                                                       f"shape {groups.shape}")):  # fmt: skip
            MRTLRegressor(MODES).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="groups must be known for all rows, got 3 NaN"):
        MRTLRegressor(MODES).fit(X, y, groups=np.where(np.arange(60) < 3, np.nan, 1.0))
    with pytest.raises(ValueError, match="groups must have at least 2 different values .* got 1"):
        MRTLRegressor(MODES).fit(X, y, groups=np.full(60, "game"))
    with pytest.raises(ValueError, match="number of groups, 3"):
        MRTLRegressor(MODES, cv=5).fit(X, y, groups=np.arange(60) // 20)


def with_covariates(n=400, units=(1.0, 1.0)):
    """One-hot players beside a year and a height, and what depends on all of them."""
    rng = np.random.default_rng(0)
    player, year, height = rng.integers(5, size=n), rng.uniform(2000, 2010, n), rng.normal(1.9, 0.1, n)
    y = 0.3 * player + 0.5 * (year - 2005) - 8 * height + rng.normal(size=n)
    numbers = np.stack([year, height], 1) * units
    return np.hstack([np.eye(5)[player], numbers]), y


COVARIATES = [Feature("player", 5), Feature("body", 2)]


def test_numbers_without_a_penalty_are_the_covariates_of_a_linear_regression():
    X, y = with_covariates()
    model = MRTLRegressor(COVARIATES, terms=["body"], alpha_l2={"body": 0}, max_epochs=500).fit(X, y)
    expected = LinearRegression().fit(X[:, 5:], y)
    np.testing.assert_allclose(model.terms_["body"].coef, expected.coef_, rtol=1e-3)
    np.testing.assert_allclose(model.predict(X), expected.predict(X[:, 5:]), atol=1e-2)
    np.testing.assert_allclose(model.intercept_, y.mean(), rtol=1e-5)  # where all numbers have their means
    logistic = MRTLClassifier(COVARIATES, terms=["body"], alpha_l2={"body": 0}, max_epochs=500).fit(X, y > y.mean())
    peer = LogisticRegression(C=np.inf, max_iter=10_000).fit((X - X.mean(0))[:, 5:] / X[:, 5:].std(0), y > y.mean())
    np.testing.assert_allclose(logistic.terms_["body"].coef * X[:, 5:].std(0), peer.coef_[0], rtol=1e-2)


def test_units_of_numbers_do_not_matter():
    units = np.array([1e3, 1e-2])
    terms = ["player", "body", ("player", "body")]
    X, y = with_covariates()
    other, _ = with_covariates(units=units)
    model, scaled = (MRTLRegressor(COVARIATES, terms=terms, rank=1, random_state=0).fit(rows, y) for rows in (X, other))
    np.testing.assert_allclose(scaled.predict(other), model.predict(X), rtol=1e-4, atol=1e-3)
    for name in ("body", "player x body"):
        np.testing.assert_allclose(scaled.terms_[name].coef * units, model.terms_[name].coef, rtol=1e-2, atol=1e-3)
        assert scaled.terms_[name].alpha_l2 == pytest.approx(model.terms_[name].alpha_l2, rel=1e-3)


def test_products_of_numbers_are_of_their_deviations_from_the_mean():
    X, y = with_covariates()
    model = MRTLRegressor(COVARIATES, rank=1, alpha_l2=0.01).fit(sparse.csr_array(X), y)
    player, numbers = X[:, :5], X[:, 5:] - X[:, 5:].mean(0)
    terms = model.terms_
    z = player @ terms["player"].coef + numbers @ terms["body"].coef + model.intercept_
    z = z + np.einsum("np,nc,pc->n", player, numbers, terms["player x body"].coef)
    np.testing.assert_allclose(model.predict(X), z, rtol=1e-6)
    product = select_term(model, "player x body")
    importance = component_importance(product, X, y)
    np.testing.assert_allclose(importance, ((y - player @ terms["player"].coef - numbers @ terms["body"].coef
        - model.intercept_) ** 2).mean() - ((y - z) ** 2).mean(), rtol=1e-6)  # fmt: skip


def test_numbers_that_do_not_vary_are_named():
    X, y = with_covariates()
    X[:, 6] = 1.9
    with pytest.raises(ValueError, match=r"column 1 of the numbers of Feature\('body', size=2\) is constant, 1\.9 in"):
        MRTLRegressor(COVARIATES).fit(X, y)


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e6, 1e-3)])
def test_numbers_of_a_mode_encoder_are_standardized(units):
    X, y = with_covariates()
    table = pd.DataFrame({"player": X[:, :5].argmax(1).astype(str), "year": X[:, 5].round() * units[0],
                          "height": X[:, 6] * units[1]})  # fmt: skip
    encode = ModeEncoder([("player", "player"), ("body", ["year", "height"])])
    model = make_pipeline(encode, MRTLRegressor(terms=["player", "body"])).fit(table, y)
    by_hand = np.hstack([X[:, :5], (table[["year", "height"]] - table[["year", "height"]].mean()) / np.array(units)])
    expected = MRTLRegressor(COVARIATES, terms=["player", "body"]).fit(by_hand, y)
    np.testing.assert_allclose(model.predict(table), expected.predict(by_hand), rtol=1e-6)
    body, expected_body = (m.terms_["body"].coef for m in (model[-1], expected))
    np.testing.assert_allclose(body * units, expected_body, rtol=1e-6)


def test_a_constant_number_of_a_mode_encoder_is_named():
    X, y = with_covariates()
    table = pd.DataFrame({"player": X[:, :5].argmax(1).astype(str), "age": 3.0})
    encode = ModeEncoder([("player", "player"), ("age", "age", "passthrough")])
    with pytest.raises(ValueError, match=r"column 0 of the numbers of Feature\('age', size=1\) is constant, 3 in"):
        make_pipeline(encode, MRTLRegressor()).fit(table, y)


def test_auto_has_pairs_where_the_product_of_all_modes_is_huge():
    rng = np.random.default_rng(0)
    sizes = [60, 70, 300]
    columns = [np.eye(size)[rng.integers(size, size=200)] for size in sizes]
    modes = [Feature(name, size) for name, size in zip("abc", sizes, strict=True)]
    X, y = sparse.csr_array(np.concatenate(columns, 1)), rng.normal(size=200)
    model = MRTLRegressor(modes, terms="auto", rank=1, max_epochs=2).fit(X, y)
    assert list(model.terms_) == ["a", "b", "c", "a x b", "a x c", "b x c"]
    few = MRTLRegressor(modes[:2], terms="auto", rank=1, max_epochs=2).fit(X[:, :130], y)
    assert list(few.terms_) == ["a", "b", "a x b"]


def product_of_four(factors):
    """Rows of four modes of 33 categories, and a noisy product of their factors (4, 33): 1.2 million weights."""
    rng = np.random.default_rng(0)
    entry = rng.integers(33, size=(25_000, 4))
    y = np.prod([factors[m][entry[:, m]] for m in range(4)], axis=0) + 0.3 * rng.normal(size=25_000)
    X = sparse.csr_array(np.concatenate([np.eye(33)[entry[:, m]] for m in range(4)], 1))
    return [Feature(name, 33) for name in "abcd"], X, y, entry


def factors_of_four():
    rng = np.random.default_rng(1)
    return rng.uniform(0.5, 1.5, size=(4, 33)) * rng.choice([-1, 1], size=(4, 33))


@pytest.mark.parametrize("terms", [None, [("a", "b", "c", "d")], ["a", "b", ("a", "b", "c", "d")]])
def test_a_product_that_is_too_large_for_full_rank_starts_from_a_sketch(terms):
    """Of rank one; beside it, if asked for, two single modes."""
    factors = factors_of_four()
    modes, X, y, entry = product_of_four(factors)
    if terms is not None and len(terms) > 1:
        y = y + factors[0][entry[:, 0]] - factors[1][entry[:, 1]]
    model = MRTLRegressor(modes, terms=terms, rank=1, random_state=0).fit(X[:20_000], y[:20_000])
    assert model.score(X[20_000:], y[20_000:]) > 0.85
    product = select_term(model, "a x b x c x d")
    assert min(abs(np.corrcoef(product.factors_[name][:, 0], factors[m])[0, 1]) for m, name in enumerate("abcd")) > 0.99


@pytest.mark.parametrize("terms", [None, ["a", "b", ("a", "b", "c", "d")]])
def test_a_sketched_product_can_be_nonnegative(terms):
    factors = factors_of_four()
    factors[0] = np.abs(factors[0])
    modes, X, y, _ = product_of_four(factors)
    options = {"rank": 1, "nonnegative": "a", "alpha_spatial": 0, "alpha_l2": 1e-4, "max_epochs": 10}
    model = MRTLRegressor(modes, terms=terms, random_state=0, **options).fit(X[:20_000], y[:20_000])
    assert model.score(X[20_000:], y[20_000:]) > 0.85
    found = select_term(model, "a x b x c x d").factors_["a"]
    assert (found >= 0).all() and np.corrcoef(found[:, 0], factors[0])[0, 1] > 0.99


@pytest.mark.parametrize("terms", [None, ["a", ("a", "b", "c", "d")]])
def test_a_product_that_is_asked_for_and_finds_nothing_is_empty_with_a_warning(terms):
    rng = np.random.default_rng(0)
    entry, y = rng.integers(33, size=(2000, 4)), rng.normal(size=2000)
    X = sparse.csr_array(np.concatenate([np.eye(33)[entry[:, m]] for m in range(4)], 1))
    modes = [Feature(name, 33) for name in "abcd"]
    with pytest.warns(UserWarning, match="asks for 'a x b x c x d', with which left-out rows were predicted no better"):
        model = MRTLRegressor(modes, terms=terms, random_state=0).fit(X, y)
    assert model.terms_["a x b x c x d"].is_empty
    assert model.predict(X).std() < 0.2 * y.std()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MRTLRegressor(modes, random_state=0).fit(X, y)


def product_of_rank_two():
    """A product of rank two, beside which nothing is to be found."""
    rng = np.random.default_rng(0)
    row, column = rng.integers(12, size=6000), rng.integers(10, size=6000)
    u, v = np.linalg.qr(rng.normal(size=(12, 2)))[0], np.linalg.qr(rng.normal(size=(10, 2)))[0]
    y = 5 * (u @ v.T)[row, column] + 0.3 * rng.normal(size=6000)
    X = sparse.csr_array(np.concatenate([np.eye(12)[row], np.eye(10)[column]], 1))
    return [Feature("row", 12), Feature("column", 10)], X, y


@pytest.mark.parametrize("full_rank_levels, first", [("auto", CP), (1, FullRank)])
def test_a_sum_goes_on_from_the_factors_of_a_fold_unless_full_rank_is_asked_for(full_rank_levels, first, monkeypatch):
    modes, X, y = product_of_rank_two()
    trained = []

    def recording(objective, start, *args):
        trained.append((type(objective.model.models[1]), objective.value(start)))
        return solve(objective, start, *args)

    monkeypatch.setattr("sklearn_mrtl.core.algorithm.solve", recording)
    terms = ["row", ("row", "column")]
    model = MRTLRegressor(modes, terms=terms, full_rank_levels=full_rank_levels).fit(X, y)
    kinds, values = zip(*trained, strict=True)
    assert kinds == (first, CP)
    ended = model.history_[-1]["objective"]
    assert abs(values[0] - ended) < 0.05 * abs(1 - ended)
    full = MRTLRegressor(modes, terms=terms, full_rank_levels=1).fit(X, y)
    np.testing.assert_allclose(model.predict(X), full.predict(X), atol=0.02 * y.std())


def test_ranks_are_chosen_on_left_out_blocks():
    modes, X, y = product_of_rank_two()
    model = MRTLRegressor(modes, terms=["row", ("row", "column")], rank="auto").fit(X, y)
    assert model.terms_["row x column"].rank == 2
    tried = [tried["rank"].get("row x column", 0) for tried in model.rank_path_]
    assert list(dict.fromkeys(tried))[:4] == [0, 1, 2, 3]


def test_a_product_that_gains_nothing_on_left_out_blocks_is_emptied():
    X, y, numbers, _ = sum_of_terms(1500)
    model = MRTLRegressor(MODES[:2]).fit(X[:, :173], y)
    product, player = model.terms_["player x court"], model.terms_["player"]
    assert product.is_empty and not player.is_empty
    assert product.coef.std() < 1e-3 * player.coef.std()
    assert np.corrcoef(player.coef, numbers)[0, 1] > 0.99
    assert {"rank": {}, "fraction": 1e6} in [{k: t[k] for k in ("rank", "fraction")} for t in model.rank_path_]


@pytest.mark.parametrize("classes", [None, 2, 3])
def test_to_xarray_has_all_terms(classes, tmp_path):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    X, y, *_ = sum_of_terms(400)
    terms = ["player", "court", ("player", "court"), ("quarter", "player")]
    options = {"terms": terms, "rank": 2, "alpha_spatial": 0.01, "alpha_l2": 0.01}
    if classes is None:
        model = MRTLRegressor(MODES, **options).fit(X, np.stack([y, y[::-1]], axis=1))
    else:
        model = MRTLClassifier(MODES, **options).fit(X, np.digitize(y, np.linspace(-0.5, 0.5, classes - 1)))
    shown = model.to_xarray()
    shown.to_netcdf(tmp_path / "sum.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "sum.nc", engine="h5netcdf") as stored:
        xr.testing.assert_identical(stored.load(), shown)
    dense = X.toarray()
    player, quarter = (xr.DataArray(part, dims=("n", name)) for part, name in (
        (dense[:, :5], "player"), (dense[:, 173:], "quarter")
    ))  # fmt: skip
    court = xr.DataArray(dense[:, 5:173].reshape(-1, 12, 14), dims=("n", "court_0", "court_1"))
    main = shown.component_weights * shown.player_factors * shown.court_factors
    other = shown.player_x_quarter_player_factors * shown.player_x_quarter_quarter_factors
    if "output_factors" in shown or "class_factors" in shown:
        outputs = "output_factors" if classes is None else "class_factors"
        main, other = main * shown[outputs], other * shown[f"player_x_quarter_{outputs}"]
    other = (shown.player_x_quarter_component_weights * other).sum("player_x_quarter_component")
    z = shown.intercept + (player * shown.player_coef).sum("player")
    z = (
        z
        + (court * shown.court_coef).sum(("court_0", "court_1"))
        + (player * quarter * other).sum(("player", "quarter"))
    )
    z = z + (player * court * main.sum("component")).sum(("player", "court_0", "court_1"))
    expected = model.predict(X) if classes is None else model.decision_function(X)
    np.testing.assert_allclose(z.transpose("n", ...), expected, atol=1e-6)
