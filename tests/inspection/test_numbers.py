"""Importance, stability, core consistency and the choice of a rank."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.inspection import component_importance, core_consistency, select_rank, stability
from sklearn_mrtl.inspection._rank import smallest_good
from sklearn_mrtl.inspection._resampling import draw_blocks
from sklearn_mrtl.preprocessing import ModeEncoder


def test_importance_by_the_dense_tensor(ocean, ocean_model):
    X, y, model = np.nan_to_num(ocean.data), ocean.target, ocean_model
    found = component_importance(model, ocean.data, y)
    whole = mean_squared_error(y, model.predict(ocean.data))
    for k, weight in enumerate(model.component_weights_):
        lag, variable, sea = (np.nan_to_num(factor[..., k]) for factor in model.factors_.values())
        part = weight * np.einsum("nlvxy,l,v,xy->n", X - X.mean(0), lag, variable, sea)
        expected = mean_squared_error(y, model.predict(ocean.data) - part) - whole
        assert found[k] == pytest.approx(expected, rel=1e-6)


def test_importance_of_a_pipeline_with_weights(shots, shots_model):
    weight = np.random.default_rng(0).random(len(shots.target))
    found = component_importance(shots_model, shots.data, shots.target, sample_weight=weight)
    model, X = shots_model[-1], shots_model[:-1].transform(shots.data)
    player, court, box = np.split(X.toarray(), [4, 4 + 180], axis=1)
    scores = model.decision_function(X)

    def loss(scores):
        return log_loss(shots.target, expit(scores), sample_weight=weight)

    for k, size in enumerate(model.component_weights_):
        players = model.factors_["player"][:, k]
        maps = [model.factors_[name][..., k].ravel() for name in ("court", "defenders")]
        part = size * (player @ players) * (court @ maps[0]) * (box @ maps[1])
        assert found[k] == pytest.approx(loss(scores - part) - loss(scores))
    by_name = component_importance(model, X, shots.target, sample_weight=weight, scoring="neg_log_loss")
    np.testing.assert_allclose(found, by_name)


@pytest.mark.parametrize("resample", ["seed", "block bootstrap"])
def test_stability(ocean, resample):
    model = MRTLRegressor(ocean.modes, rank=2, full_rank_levels=0, max_epochs=20, random_state=0)
    options = {"n_repeats": 3, "resample": resample, "random_state": 0}
    result = stability(model, ocean.data, ocean.target, **options)
    assert result.scores.shape == (3, 2)
    assert (result.scores >= 0).all() and (result.scores <= 1 + 1e-9).all()
    assert (result.scores < 0.999).any()
    np.testing.assert_allclose(result.mean, result.scores.mean(0))
    np.testing.assert_array_equal(result.scores, stability(model, ocean.data, ocean.target, **options).scores)
    assert not hasattr(model, "factors_")


def test_the_default_start_does_not_depend_on_the_seed(ocean):
    model = MRTLRegressor(ocean.modes, rank=2, max_epochs=5)
    result = stability(model, ocean.data, ocean.target, n_repeats=2, resample="seed")
    np.testing.assert_allclose(result.scores, 1)


def test_stability_of_a_pipeline(shots, shots_model):
    result = stability(shots_model, shots.data, shots.target, n_repeats=2, block_length=50, random_state=0)
    assert result.scores.shape == (2, 2)


def test_stability_where_resampled_rows_lack_a_category():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"player": rng.choice(["Ann", "Bo"], 200), "x": rng.uniform(0, 6, 200)})
    table.loc[7, "player"] = "Cy"  # once only
    y = np.where(table.player == "Ann", 1, -1) * table.x + rng.normal(size=200)
    model = make_pipeline(ModeEncoder(["player", (Grid("line", 6, bounds=(0, 6)), "x")]), MRTLRegressor(rank=1))
    result = stability(model, table, y, n_repeats=5, random_state=0)
    assert result.estimator[-1].modes_[0].size == 3
    assert (result.scores > 0.9).all()


def test_blocks_are_consecutive_and_fair():
    rows = np.array([draw_blocks(20, 7, np.random.RandomState(seed)) for seed in range(500)])
    assert rows.shape == (500, 20)
    assert (np.diff(rows[:, :7], axis=1) % 20 == 1).all()
    np.testing.assert_allclose(np.bincount(rows.ravel()) / 500, 1, atol=0.25)


def test_bad_resampling(ocean):
    with pytest.raises(ValueError, match="resample must be one of"):
        stability(MRTLRegressor(ocean.modes), ocean.data, ocean.target, resample="rows")


def test_core_consistency_of_given_factors():
    rng = np.random.default_rng(0)
    matrices = {"a": rng.normal(size=(5, 2)), "b": rng.normal(size=(3, 2, 2)), "c": rng.normal(size=(4, 2))}
    weights = np.array([2.0, 3.0])
    W = np.einsum("ar,bcr,dr,r->abcd", *matrices.values(), weights)
    assert core_consistency(W, (matrices, weights)) == pytest.approx(100)
    W += rng.normal(size=W.shape)
    flat = [factor.reshape(-1, 2) for factor in matrices.values()]
    flat[0] = flat[0] * weights
    design = np.einsum("ai,bj,ck->abcijk", *flat).reshape(W.size, 8)
    core = np.linalg.lstsq(design, W.ravel(), rcond=None)[0].reshape(2, 2, 2)
    ideal = np.zeros((2, 2, 2))
    ideal[0, 0, 0] = ideal[1, 1, 1] = 1
    expected = 100 * (1 - ((core - ideal) ** 2).sum() / 2)
    assert core_consistency(W, (matrices, weights)) == pytest.approx(expected)


def test_core_consistency_of_models(ocean_model, outputs_model):
    for model in (ocean_model, outputs_model[0]):
        assert core_consistency(model.coef_, model) == pytest.approx(100)


def test_core_consistency_refuses_other_shapes(ocean_model):
    with pytest.raises(ValueError, match="weights have shape"):
        core_consistency(np.ones((3, 4)), ocean_model)


def test_select_rank_of_a_pipeline(shots, shots_model):
    step = shots_model.steps[-1][0]
    model = clone(shots_model).set_params(**{f"{step}__alpha_spatial": 1e-3, f"{step}__alpha_l2": 1e-3})
    result = select_rank(model, shots.data, shots.target, ranks=[2, 1, 2], cv=2)
    np.testing.assert_array_equal(result.ranks, [1, 2])
    for rank, scores in zip(result.ranks, result.scores, strict=True):
        fresh = clone(model).set_params(**{f"{step}__rank": rank})
        expected = cross_val_score(fresh, shots.data, shots.target, cv=2, scoring="neg_log_loss")
        np.testing.assert_allclose(scores, expected)
    (one, _), (two, error) = ((fold.mean(), fold.std(ddof=1) / np.sqrt(2)) for fold in result.scores)
    assert result.rank == (1 if one >= two - error else 2)
    with pytest.raises(ValueError, match="ranks is empty"):
        select_rank(model, shots.data, shots.target, ranks=[])


def test_smallest_within_one_standard_error_of_the_differences():
    easy_and_hard_folds = np.array([0.2, 0.5, 0.8])
    worse_in_every_fold = easy_and_hard_folds - 0.01
    as_good = easy_and_hard_folds + [0.02, -0.03, 0.0]
    scores = np.array([worse_in_every_fold, as_good, easy_and_hard_folds])
    assert smallest_good(scores) == 1
    assert smallest_good(scores[:, :1]) == 1 and smallest_good(scores[[0, 2], :1]) == 1
