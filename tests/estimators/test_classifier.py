from functools import partial

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from sklearn_mrtl import Grid, MRTLClassifier

COURT = Grid("court", (4, 6))
fixed = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2}
same = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)


def fields(n=200, n_classes=2, *, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2, 4, 6))
    maps = np.einsum("cl,ij->clij", rng.normal(size=(n_classes, 2)), np.add.outer(np.hanning(4), np.hanning(6)))
    scores = np.einsum("nlij,clij->nc", X, maps) + rng.gumbel(size=(n, n_classes))
    return X, np.array(["a", "b", "c", "d"])[scores.argmax(1)]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_at_full_rank_without_smoothness_it_is_scikit_learns_logistic_regression(n_classes):
    X, y = fields(n_classes=n_classes)
    n_entries = 48 * (n_classes if n_classes > 2 else 1)
    model = MRTLClassifier(
        ["lag", COURT], rank=None, resolutions="fixed", alpha_spatial=0.0, alpha_l2=0.5, max_epochs=500
    )
    expected = LogisticRegression(C=n_entries / (2 * 0.5 * 200), max_iter=5000, tol=1e-8).fit(X.reshape(200, -1), y)
    probabilities = model.fit(X, y).predict_proba(X)
    same(probabilities, expected.predict_proba(X.reshape(200, -1)), rtol=0, atol=0.02)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("options", [{}, {"rank": None}, {"decomposition": "tucker"}], ids=repr)
def test_probabilities_scores_and_labels_fit_together(n_classes, options):
    X, y = fields(300, n_classes)
    model = MRTLClassifier(["lag", COURT], **{"rank": 3, **fixed, **options}).fit(X[:200], y[:200])
    probabilities, scores = model.predict_proba(X), model.decision_function(X)
    assert probabilities.shape == (300, n_classes)
    same(probabilities, np.column_stack([expit(-scores), expit(scores)]) if n_classes == 2 else softmax(scores, axis=1))
    same(probabilities.sum(1), np.ones(300))
    assert (model.predict(X) == model.classes_[probabilities.argmax(1)]).all()
    assert model.score(X[200:], y[200:]) > 1.3 * max(np.mean(y == label) for label in model.classes_)
    outputs = () if n_classes == 2 else (n_classes,)
    assert model.coef_.shape == (*outputs, 2, 4, 6)
    letters = "c" if outputs else ""
    same(np.einsum(f"nlij,{letters}lij->n{letters}", X, model.coef_) + model.intercept_, scores)
    if n_classes > 2 and "rank" not in options:
        assert set(model.factors_) == {"lag", "court", "class"}


def test_classes_of_any_kind():
    X, y = fields()
    expected = MRTLClassifier(["lag", COURT], rank=2, **fixed).fit(X, y)
    for labels in (y == "b", np.where(y == "b", 7, -1), np.where(y == "b", 2.0, 1.0)):
        model = MRTLClassifier(["lag", COURT], rank=2, **fixed).fit(X, labels)
        same(model.predict_proba(X), expected.predict_proba(X))
        assert model.predict(X).dtype == labels.dtype


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 3.0, "b": 0.5}], ids=repr)
def test_class_weight_multiplies_sample_weight(class_weight):
    X, y = fields()
    weight = np.random.default_rng(1).random(200) + 0.5
    balanced = {c: weight.sum() / (2 * weight[y == c].sum()) for c in "ab"}
    each = balanced if class_weight == "balanced" else class_weight
    model = MRTLClassifier(["lag", COURT], rank=2, class_weight=class_weight, **fixed).fit(X, y, weight)
    by_hand = MRTLClassifier(["lag", COURT], rank=2, **fixed).fit(X, y, weight * [each[label] for label in y])
    same(model.predict_proba(X), by_hand.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("class_weight", ["balanced", {"a": 3.0, "b": 0.5}], ids=repr)
def test_validation_data_have_the_weights_of_the_training_rows_classes(class_weight):
    X, y = fields(400)
    few = np.flatnonzero((y == "b") | (np.arange(400) % 5 == 0))
    X, y, n = X[few], y[few], len(few) // 2
    balanced = {c: n / (2 * np.sum(y[:n] == c)) for c in "ab"}
    each = balanced if class_weight == "balanced" else class_weight
    model = MRTLClassifier(["lag", COURT], rank=2, **fixed, class_weight=class_weight)
    model.fit(X[:n], y[:n], X_val=X[n:], y_val=y[n:])
    probability = model.predict_proba(X[n:])[:, 1]
    losses = -np.where(y[n:] == "b", np.log(probability), np.log1p(-probability))
    last = [record["validation_loss"] for record in model.history_ if record["level"] == model.history_[-1]["level"]]
    same(np.average(losses, weights=[each[label] for label in y[n:]]), min(last), rtol=1e-6)


def test_with_strong_penalties_the_chance_is_the_share_of_the_class():
    X, y = fields()
    weight = np.where(y == "a", 2.0, 1.0)
    model = MRTLClassifier(["lag", COURT], rank=None, alpha_spatial=1e6, alpha_l2=1e6).fit(X, y, weight)
    fraction = weight[y == "b"].sum() / weight.sum()
    same(model.predict_proba(X)[:, 1], np.full(200, fraction), rtol=1e-2)


def test_validation_labels_may_miss_classes():
    X, y = fields(200, 3)
    held = y[150:] != "c"
    model = MRTLClassifier(["lag", COURT], rank=2, **fixed)
    model.fit(X[:150], y[:150], X_val=X[150:][held], y_val=y[150:][held])
    assert np.isfinite([record["validation_loss"] for record in model.history_]).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_grid_is_enough(n_classes):
    X, y = fields(300, n_classes)
    model = MRTLClassifier([COURT], **fixed).fit(X[:200, 0], y[:200])
    assert model.score(X[200:, 0], y[200:]) > 1.2 * max(np.mean(y == label) for label in model.classes_)
