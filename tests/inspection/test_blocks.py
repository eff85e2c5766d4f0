"""Importance and partial dependence of parts of fields, against scikit-learn and sums over cells."""

import numpy as np
import pytest
from sklearn import inspection as theirs
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl.inspection import partial_dependence, permutation_importance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2000, 2, 3, 4)) * np.array([1.0, 3.0])[:, None, None]
W = RNG.normal(size=(2, 3, 4))


class Linear(RegressorMixin, BaseEstimator):
    """A known linear model of fields; NaN counts as 0."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return np.einsum("nvij,vij->n", np.nan_to_num(np.asarray(X)), W)

    def __sklearn_is_fitted__(self):
        return True


def flat(estimator):
    return make_pipeline(FunctionTransformer(lambda X: X.reshape(len(X), -1)), estimator)


def test_expected_rise_of_the_squared_error():
    """Of independent entries: twice the variance of what a block adds."""
    y = Linear().predict(X)
    options = {"scoring": "neg_mean_squared_error", "random_state": 0, "n_repeats": 3}
    by_variable = permutation_importance(Linear(), X, y, 1, **options)
    expected = [2 * np.var(np.einsum("nij,ij->n", X[:, v], W[v])) for v in range(2)]
    np.testing.assert_allclose(by_variable.importances_mean, expected, rtol=0.1)
    by_cell = permutation_importance(Linear(), X, y, (2, 3), **options)
    expected = [[2 * np.var(X[:, :, i, j] @ W[:, i, j]) for j in range(4)] for i in range(3)]
    np.testing.assert_allclose(by_cell.importances_mean, expected, rtol=0.15)
    assert by_cell.importances.shape == (3, 4, 3)
    np.testing.assert_allclose(by_cell.importances_std, by_cell.importances.std(axis=-1))
    by_block = permutation_importance(Linear(), X, y, (2, 3), n_blocks=(1, 2), **options)
    parts = [2 * np.var(np.einsum("nvij,vij->n", X[..., half], W[..., half])) for half in (slice(2), slice(2, 4))]
    np.testing.assert_allclose(by_block.importances_mean, np.tile(np.repeat(parts, 2), (3, 1)), rtol=0.1)


def test_the_same_as_scikit_learn_of_columns():
    y = Linear().predict(X[:300])
    columns = X[:300].reshape(300, -1)
    model = LinearRegression().fit(columns, y)
    expected = theirs.permutation_importance(model, columns, y, n_repeats=30, random_state=0).importances_mean
    found = permutation_importance(flat(model), X[:300], y, (1, 2, 3), n_repeats=30, random_state=1).importances_mean
    np.testing.assert_allclose(found.ravel(), expected, atol=0.02)


def test_shifts_of_a_linear_model():
    found = partial_dependence(Linear(), X, 1, shifts=[0, 2])
    mean = Linear().predict(X).mean()
    expected = [mean + 2 * (X[:, v].std(axis=0) * W[v]).sum() for v in range(2)]
    np.testing.assert_allclose(found.average, np.stack([[mean, mean], expected], axis=1))
    np.testing.assert_array_equal(found.shifts, [0, 2])


def test_probabilities_of_a_class():
    y = np.where(Linear().predict(X[:400]) > 0, "wet", "dry")
    model = flat(LogisticRegression()).fit(X[:400], y)
    wet, dry = (partial_dependence(model, X[:400], (2, 3), n_blocks=2, target=t).average for t in (None, "dry"))
    np.testing.assert_allclose(wet + dry, 1)
    moved = X[:400].copy()
    moved[:, :, :2, :2] += moved[:, :, :2, :2].std(axis=0)
    assert wet[0, 0, 2] == pytest.approx(model.predict_proba(moved)[:, 1].mean())


def test_land_labels_and_fields_that_stay():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X[:100].astype(np.float32), dims=("time", "variable", "lat", "lon"))
    fields[:, :, 2] = np.nan
    before, y = fields.copy(), Linear().predict(fields)
    found = permutation_importance(Linear(), fields, y, ("lat", "lon"), n_repeats=2, random_state=0)
    xr.testing.assert_identical(fields, before)
    assert np.isnan(found.importances_mean[2]).all() and (found.importances_mean[:2] > 0).all()
    assert np.isnan(partial_dependence(Linear(), fields, "lat").average[2]).all()
    again = permutation_importance(Linear(), fields, y, ("lat", "lon"), n_repeats=2, random_state=0)
    np.testing.assert_array_equal(again.importances, found.importances)


@pytest.mark.parametrize(
    "rows, axis, options, message",
    [
        (X, 0, {}, "axis must be one of 1..3"),
        (X, "lat", {}, "axis must be a dimension of X"),
        (X, (2, 3), {"n_blocks": 4}, "n_blocks must be 1 to 3 along axis 2, got 4"),
        (X[:, 0, 0], 1, {}, "X must have three axes or more, got 2; for a table take sklearn.inspection's"),
    ],
)
def test_bad_input(rows, axis, options, message):
    with pytest.raises(ValueError, match=message):
        permutation_importance(Linear(), rows, rows.reshape(len(rows), -1)[:, 0], axis, **options)


def test_land_in_a_block_gives_no_warning_of_numpy(recwarn):
    fields = X[:50].copy()
    fields[:, :, 0, 0] = np.nan
    found = partial_dependence(Linear(), fields, 1, shifts=[0, 2]).average
    assert not recwarn
    deviation = np.nan_to_num(fields.std(axis=0))
    np.testing.assert_allclose(found[:, 1] - found[:, 0], 2 * (deviation * W).sum(axis=(1, 2)))
