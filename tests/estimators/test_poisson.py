"""Counts: MRTLRegressor(loss="poisson")."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score

from sklearn_mrtl import Feature, Grid, MRTLRegressor

SEA = Grid("sea", (6, 8), quantity="mean")
COUNTS = partial(MRTLRegressor, loss="poisson")
fixed = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2}
same = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)


def fields(n=200, n_outputs=1, *, level=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2, 6, 8))
    maps = np.einsum("tl,ij->tlij", rng.normal(size=(n_outputs, 2)), np.add.outer(np.hanning(6), np.hanning(8)))
    scores = np.einsum("nlij,tlij->nt", X, maps)
    counts = rng.poisson(np.exp(0.8 * scores / scores.std(0) + level))
    return X, counts if n_outputs > 1 else counts[:, 0]


def players(n=600, *, seed=0):
    """Shots of players in cells, with the minutes in which they were taken; the last cell has none."""
    rng = np.random.default_rng(seed)
    player, cell, minutes = rng.integers(5, size=n), rng.integers(24, size=n), rng.integers(1, 9, size=n)
    rate = np.exp(0.3 * player - 1) * (1 + np.sin(cell / 3)) * (cell < 23)
    return np.hstack([np.eye(5)[player], np.eye(24)[cell]]), rng.poisson(rate * minutes), minutes


def deviance(y, predicted, weight):
    ratio = np.where(y > 0, y * np.log(np.where(y > 0, y, 1) / predicted), 0)
    return 2 * (weight * (ratio - y + predicted)).sum() / weight.sum()


@pytest.mark.parametrize("level", [-0.5, 3.0])
def test_at_full_rank_without_smoothness_it_is_scikit_learns(level):
    """Its penalty is half the sum of squares, beside a loss that is not divided by the mean of y.

    Objectives are compared, because a solver ends when they hardly change.
    """
    X, y = fields(level=level)
    weight = np.random.default_rng(1).uniform(0.5, 2, size=len(y))
    model = COUNTS(["lag", Grid("sea", (6, 8))], rank=None, resolutions="fixed", alpha_spatial=0.0, alpha_l2=0.5)
    alpha = 2 * 0.5 / 96 * np.average(y, weights=weight)
    expected = PoissonRegressor(alpha=alpha, tol=1e-9, max_iter=5000).fit(X.reshape(200, -1), y, weight)
    model.set_params(max_epochs=500).fit(X, y, weight)
    null = deviance(y, np.average(y, weights=weight), weight)
    ours = deviance(y, model.predict(X), weight) + alpha * (model.coef_**2).sum()
    theirs = deviance(y, expected.predict(X.reshape(200, -1)), weight) + alpha * (expected.coef_**2).sum()
    assert -1e-6 * null < ours - theirs < 2e-3 * (null - theirs)


def test_cells_of_their_own_have_the_mean_of_their_counts():
    """Without penalties, and with rows that differ in exposure; merged, as equal rows are."""
    rng = np.random.default_rng(0)
    cell, exposure = rng.integers(6, size=300), rng.uniform(0.5, 3, size=300)
    counts = rng.poisson((1 + cell) * exposure)
    model = COUNTS([Grid("cell", 6)], resolutions="fixed", alpha_spatial=0.0, alpha_l2=1e-9, max_epochs=500)
    model.fit(np.eye(6)[cell], counts / exposure, sample_weight=exposure)
    expected = np.bincount(cell, counts) / np.bincount(cell, exposure)
    same(model.predict(np.eye(6)), expected, rtol=0.02)


@pytest.mark.parametrize("options", [{}, {"rank": None}, {"decomposition": "tucker"}], ids=repr)
def test_predictions_are_exp_of_scores(options):
    X, y = fields(300)
    model = COUNTS(["lag", SEA], **{"rank": 2, **fixed, **options}).fit(X[:200], y[:200])
    predicted = model.predict(X)
    same(np.log(predicted), np.einsum("nlij,lij->n", X, model.coef_) + model.intercept_)
    assert (predicted > 0).all() and model.score(X[200:], y[200:]) > 0.2
    assert model.history_[0]["train_loss"] < 1  # of the best constant


@pytest.mark.parametrize("weighted", [False, True])
def test_score_is_the_fraction_of_the_deviance(weighted):
    X, y = fields()
    weight = np.linspace(0.5, 2, len(y)) if weighted else None
    model = COUNTS(["lag", SEA], rank=2, **fixed).fit(X, y)
    predicted = model.predict(X)
    w = np.ones(len(y)) if weight is None else weight
    expected = 1 - deviance(y, predicted, w) / deviance(y, np.average(y, weights=w), w)
    same(model.score(X, y, sample_weight=weight), expected)
    same(model.score(X, y, sample_weight=weight), d2_tweedie_score(y, predicted, sample_weight=weight, power=1))


def test_several_outputs():
    X, y = fields(400, n_outputs=3)
    model = COUNTS(["lag", SEA], rank=3, **fixed).fit(X[:300], y[:300])
    predicted = model.predict(X)
    assert predicted.shape == (400, 3) and set(model.factors_) == {"lag", "sea", "output"}
    same(np.log(predicted), np.einsum("nlij,tlij->nt", X, model.coef_) + model.intercept_)
    each = [d2_tweedie_score(y[300:, t], predicted[300:, t], power=1) for t in range(3)]
    same(model.score(X[300:], y[300:]), np.mean(each))
    assert min(each) > 0.2


def test_outputs_of_very_different_means_are_single_outputs_together():
    """At full rank, with penalties in proportion to the mean of each, which a single output is divided by."""
    X, y = fields(300, n_outputs=2)
    y = y * [1, 500]
    modes, options = ["lag", SEA], {"rank": None, "resolutions": "fixed", "alpha_spatial": 0.0, "max_epochs": 1000}
    together = COUNTS(modes, alpha_l2=0.1, **options).fit(X, y).predict(X)
    for column, predicted in zip(y.T, together.T, strict=True):
        alone = COUNTS(modes, alpha_l2=0.1 * y.mean() / column.mean(), **options).fit(X, column)
        same(np.log(predicted), np.log(alone.predict(X)), rtol=0, atol=0.1)


@pytest.mark.parametrize(
    "options, rtol", [({"rank": 2, **fixed}, 1e-5), ({"terms": ["player", "court"]}, 0.05)], ids=repr
)
def test_minutes_of_their_own_are_minutes_together(options, rtol):
    """Shots of a minute each, as rows of weight 1, say what their sums say with the minutes as weights.

    Penalties are chosen on blocks of about the same weight, which end between rows: other ones where minutes are apart.
    """
    X, shots, minutes = players()
    rng = np.random.default_rng(1)
    single = np.repeat(np.arange(len(X)), minutes)
    each = np.concatenate([rng.multinomial(n, np.full(m, 1 / m)) for n, m in zip(shots, minutes, strict=True)])
    model = COUNTS([Feature("player", 5), Grid("court", (4, 6))], **options)
    together = clone(model).fit(X, shots / minutes, sample_weight=minutes)
    apart = model.fit(X[single], each)
    same(apart.predict(X), together.predict(X), rtol=rtol)
    assert together.score(X, shots / minutes, sample_weight=minutes) > 0.4


def test_rows_and_cells_without_counts():
    X, shots, minutes = players()
    empty = X[:, -1] == 1
    assert empty.sum() > 5 and not shots[empty].any()
    model = COUNTS([Feature("player", 5), Grid("court", (4, 6))], rank=2).fit(X, shots)
    predicted = model.predict(X)
    assert np.isfinite(predicted).all() and (predicted > 0).all()
    assert predicted[empty].mean() < predicted[~empty].mean()


def test_single_precision_and_large_counts():
    X, y = fields()
    expected = COUNTS(["lag", SEA], rank=2, **fixed).fit(X, y).predict(X)
    for dtype, factor in ((np.float32, 1), (np.float64, 10.0**8), (np.float64, 1e-200)):
        model = COUNTS(["lag", SEA], rank=2, **fixed).fit(X.astype(dtype), y * factor)
        assert model.predict(X[:3].astype(dtype)).dtype == dtype
        same(model.predict(X.astype(dtype)) / factor, expected, rtol=1e-2 if dtype == np.float32 else 1e-6)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_scores_that_overflow_on_the_way_do_no_harm(solver):
    X, y = fields()
    X = X.copy()
    X[0] *= 1e4
    options = {"solver": solver, "learning_rate": 1e-4, "random_state": 0, **fixed}
    model = COUNTS(["lag", SEA], rank=2, **options).fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_validation_data_are_in_the_units_of_y():
    X, y = fields(300, level=2.0)
    model = COUNTS(["lag", SEA], rank=2, **fixed).fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    predicted, mean = model.predict(X[200:]), y[:200].mean()
    losses = [record["validation_loss"] for record in model.history_]
    same(min(losses), np.mean(predicted - y[200:] * np.log(predicted / mean)) / mean, rtol=1e-6)


@pytest.mark.parametrize(
    "y, message",
    [
        ([-1, -3, *range(48)], r"^y must be counts or rates of at least 0 .* got 2 negative value\(s\), down to -3"),
        (np.zeros(50), "y is constant, .* with value 0: nothing to learn"),
        (np.column_stack([np.arange(50), np.zeros(50)]), r"outputs \[1\] of y are constant, .* with value 0"),
    ],
)
def test_what_is_no_counts_is_refused(y, message):
    X = np.random.default_rng(0).normal(size=(50, 2, 6, 8))
    with pytest.raises(ValueError, match=message):
        COUNTS(["lag", SEA], rank=2, **fixed).fit(X, y)


def test_the_loss_is_one_of_two_and_negative_validation_data_are_refused():
    X, y = fields(50)
    with pytest.raises(ValueError, match=r"loss must be one of \['poisson', 'squared_error'\], got 'gamma'"):
        MRTLRegressor(["lag", SEA], loss="gamma").fit(X, y)
    with pytest.raises(ValueError, match="^y_val must be counts or rates of at least 0"):
        COUNTS(["lag", SEA], rank=2, **fixed).fit(X, y, X_val=X, y_val=y - 1)
