from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from sklearn_mrtl import Feature, Grid, MRTLRegressor

SEA = Grid("sea", (6, 8), quantity="mean")
fixed = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2}
same = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)


def ocean(n=80, n_outputs=1, *, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3, 6, 8))
    weights = np.einsum("tl,ij->tlij", rng.normal(size=(n_outputs, 3)), np.add.outer(np.hanning(6), np.hanning(8)))
    y = np.einsum("nlij,tlij->nt", X, weights)
    y = y / y.std(0) + 0.3 * rng.normal(size=y.shape)
    return X, y if n_outputs > 1 else y[:, 0]


@pytest.mark.parametrize("n", [20, 200])
def test_at_full_rank_without_smoothness_it_is_scikit_learns_ridge(n):
    X, y = ocean(n)
    modes = ["lag", Grid("sea", (6, 8))]
    model = MRTLRegressor(modes, rank=None, resolutions="fixed", alpha_spatial=0.0, alpha_l2=0.5).fit(X, y)
    ridge = Ridge(alpha=0.5 * n / 144).fit(X.reshape(n, -1), y)
    same(model.coef_.ravel(), ridge.coef_, rtol=1e-6)
    same(model.intercept_, ridge.intercept_, rtol=1e-6, atol=1e-7)
    same(model.predict(X), ridge.predict(X.reshape(n, -1)), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("options", [{}, {"rank": None}, {"decomposition": "tucker"}, fixed], ids=repr)
def test_scaling_and_shifting_y_scales_and_shifts_predictions(options):
    X, y = ocean(120)
    model = MRTLRegressor(["lag", SEA], **{"rank": 2, "max_epochs": 20, **options})
    moved = clone(model).fit(X, 1000 * y - 5)
    same(moved.predict(X), 1000 * model.fit(X, y).predict(X) - 5, rtol=1e-6, atol=1e-3)
    same(moved.alpha_l2_, model.alpha_l2_, rtol=1e-6)
    assert moved.score(X, 1000 * y - 5) == pytest.approx(model.score(X, y))


@pytest.mark.parametrize("quantity", ["count", "mean"])
@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
@pytest.mark.parametrize("alpha_spatial", [0.0, 1e-2])
def test_columns_of_land_change_nothing_but_the_unit_of_length(quantity, interpolation, alpha_spatial):
    """Two columns more, one in the coarse grid; weights are per area, slopes in units of the larger diagonal."""
    X, y = ocean(60)
    land = np.full((60, 3, 6, 2), np.nan)
    wide = np.concatenate([X, land], axis=3)

    def fitted(X, width, **alphas):
        sea = Grid("sea", (6, width), quantity=quantity, interpolation=interpolation)
        levels = [{"sea": (3, width // 2)}, {}]
        return MRTLRegressor(["lag", sea], rank=None, resolutions=levels, **alphas).fit(X, y)

    area = 1.25**-2 if quantity == "mean" else 1.0  # of the weights, squared
    diagonals = [[(n[0] - 1) ** 2 + (n[1] - 1) ** 2 for n in ((6, width),)][0] for width in (8, 10)]
    narrow = fitted(X, 8, alpha_spatial=alpha_spatial, alpha_l2=1e-2)
    spatial = alpha_spatial * area * diagonals[0] / diagonals[1]
    broad = fitted(wide, 10, alpha_spatial=spatial, alpha_l2=1e-2 * area)
    same(broad.predict(wide), narrow.predict(X), rtol=1e-6, atol=1e-8)
    same(broad.coef_[..., :8], narrow.coef_, rtol=1e-6, atol=1e-8)
    assert np.isnan(broad.coef_[..., 8:]).all() and not np.isnan(broad.coef_[..., :8]).any()


@pytest.mark.parametrize("options", [{}, {"rank": None}], ids=repr)
def test_values_on_land_do_not_matter_and_are_shown_as_nan(options):
    X, y = ocean(60)
    X[:, :, :2, :3] = np.nan
    model = MRTLRegressor(["lag", SEA], **{"rank": 2, **fixed, **options}).fit(X, y)
    filled = np.nan_to_num(X, nan=99.0)
    same(model.predict(filled), model.predict(X))
    assert np.isnan(model.coef_[:, :2, :3]).all()
    same(np.nansum(X * model.coef_, axis=(1, 2, 3)) + model.intercept_, model.predict(X))
    if "rank" not in options:
        assert np.isnan(model.factors_["sea"][:2, :3]).all() and not np.isnan(model.factors_["sea"][2:]).any()


def test_a_gap_is_filled_with_the_training_mean():
    X, y = ocean(60)
    filled = X.copy()
    X[5, 1, 2, 3] = np.nan
    filled[5, 1, 2, 3] = np.delete(X[:, 1, 2, 3], 5).mean()
    model = MRTLRegressor(["lag", SEA], rank=2, **fixed)
    with pytest.warns(UserWarning, match="1 of 144 positions .* are NaN in some of the 60 rows, in up to 1 of them"):
        with_gap = clone(model).fit(X, y)
    expected = model.fit(filled, y)
    same(with_gap.predict(filled), expected.predict(filled), rtol=1e-6)
    with pytest.warns(UserWarning, match="1 values of X are NaN where there were data in fit"):
        same(with_gap.predict(X), with_gap.predict(filled), rtol=1e-6)


@pytest.mark.parametrize("options", [{"rank": None}, {}, {"decomposition": "tucker"}], ids=repr)
def test_several_outputs(options):
    X, y = ocean(200, n_outputs=3)
    model = MRTLRegressor(["lag", SEA], **{"rank": 3, **fixed, **options}).fit(X[:150], y[:150])
    assert model.predict(X).shape == (200, 3) and model.intercept_.shape == (3,) and model.coef_.shape == (3, 3, 6, 8)
    assert model.score(X[150:], y[150:]) > 0.5
    same(np.einsum("nlij,tlij->nt", X, model.coef_) + model.intercept_, model.predict(X))
    if "rank" not in options:
        assert set(model.factors_) == {"lag", "sea", "output"}


def test_outputs_at_full_rank_are_single_outputs_together():
    """Their loss is a mean over outputs, their penalty one over all entries: the same for each."""
    X, y = ocean(80, n_outputs=3)
    model = MRTLRegressor(["lag", SEA], rank=None, **fixed)
    singles = np.column_stack([clone(model).fit(X, column).predict(X) for column in y.T])
    same(model.fit(X, y).predict(X), singles, rtol=1e-6, atol=1e-8)


def test_one_column_of_y_is_a_single_output():
    X, y = ocean(60)
    model = MRTLRegressor(["lag", SEA], rank=2, **fixed)
    with pytest.warns(UserWarning, match="1d array was expected"):
        column = clone(model).fit(X, y[:, None])
    same(column.predict(X), model.fit(X, y).predict(X))


def test_outputs_of_nothing_but_noise_are_predicted_by_their_mean():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(240, 2, 6, 8)), rng.normal(size=240)
    model = MRTLRegressor(["lag", SEA]).fit(X, y)
    assert np.std(model.predict(rng.normal(size=(500, 2, 6, 8)))) < 0.3


def test_unseen_categories_get_the_map_that_all_share():
    rng = np.random.default_rng(0)
    player, cell = rng.integers(5, size=400), rng.integers(16, size=400)
    X = np.hstack([np.eye(6)[player], np.eye(16)[cell]])
    y = np.sin(cell / 3) + 0.2 * rng.normal(size=5)[player] + 0.1 * rng.normal(size=400)
    model = MRTLRegressor([Feature("player", 6), Grid("court", (4, 4))], rank=3).fit(X, y)
    unseen = np.hstack([np.zeros((16, 6)), np.eye(16)])
    assert np.corrcoef(model.predict(unseen), np.sin(np.arange(16) / 3))[0, 1] > 0.9
    same(model.predict(unseen), model.terms_["court"].coef.ravel() + model.intercept_)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_predictions_of_a_dataarray_keep_the_coordinates_of_its_samples(n_outputs):
    xr = pytest.importorskip("xarray")
    X, y = ocean(40, n_outputs)
    time = np.arange("2000-01", "2003-05", dtype="datetime64[M]").astype("datetime64[ns]")
    fields = xr.DataArray(X, {"time": time, "lag": [0, 1, 2]}, ("time", "lag", "lat", "lon"))
    model = MRTLRegressor(rank=2, **fixed).fit(fields, y)
    predicted = model.predict_xarray(fields[5:9])
    assert predicted.dims == (("time",) if n_outputs == 1 else ("time", "output"))
    assert set(predicted.coords) == {"time"}
    np.testing.assert_array_equal(predicted.time.values, time[5:9])
    same(predicted.values, model.predict(X[5:9]))
    with pytest.raises(TypeError, match="needs an xarray.DataArray, got ndarray; predict takes any array"):
        model.predict_xarray(X)


@pytest.mark.parametrize("decomposition", ["cp", "tucker"])
def test_a_rank_that_represents_every_matrix_does_not_constrain(decomposition):
    """Three lags: from rank 3 on it is the full-rank model, decomposed; no weaker penalties are tried for it."""
    X, y = ocean(200)
    full = MRTLRegressor(["lag", SEA], rank=None).fit(X, y)
    for rank in (3, 10):
        model = MRTLRegressor(["lag", SEA], rank=rank, decomposition=decomposition).fit(X, y)
        same(model.coef_, full.coef_, rtol=2e-2, atol=2e-2 * np.abs(full.coef_).max())
        assert model.factors_["sea"].shape == (6, 8, 3)
        assert not any("fraction" in tried for tried in model.alpha_path_)
    constrained = MRTLRegressor(["lag", SEA], rank=2, decomposition=decomposition).fit(X, y)
    assert any("fraction" in tried for tried in constrained.alpha_path_)


@pytest.mark.parametrize("options", [{"rank": np.int64(2)}, {"rank": np.int64(2), "decomposition": "tucker"},
                                     {"rank": [np.int64(2)] * 2, "decomposition": "tucker"}], ids=repr)  # fmt: skip
def test_ranks_may_be_numpys_integers(options):
    X, y = np.random.default_rng(0).normal(size=(40, 3, 6)), np.arange(40.0)
    model = MRTLRegressor(["lag", Grid("month", 6)], **options, max_epochs=2).fit(X, y)
    assert model.rank_ in (2, (2, 2))
