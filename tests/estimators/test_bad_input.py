"""What bad input gets: words that say what was expected and what came, before any long work."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import sklearn_mrtl._estimators.base
from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators.holdout import hold_out
from sklearn_mrtl._estimators.rows import Rows

SEA = Grid("sea", (4, 6), quantity="mean")
RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(30, 3, 4, 6)), RNG.normal(size=30)
ENCODED = np.hstack([np.eye(3)[np.arange(30) % 3], np.eye(24)[np.arange(30) % 24]])
LABELS = np.where(y > 0, "yes", "no")
model = MRTLRegressor(["lag", SEA], rank=2)


def changed(values, place, value):
    values = values.copy()
    values[place] = value
    return values


@pytest.fixture
def no_long_work(monkeypatch):
    """Training must not begin."""

    def begin(*_, **__):
        raise AssertionError("training began")

    monkeypatch.setattr(sklearn_mrtl._estimators.base, "mrtl", begin)


@pytest.mark.parametrize(
    "X, modes, message",
    [
        (X[:, :, :3], ["lag", SEA], r"expects axes of size \(4, 6\), X has \(3, 6\)"),
        (X[:, 0, 0], ["lag", SEA], r"24 columns \(lag \?, sea 24\), got 6"),
        (X[:, 0], ["lag", SEA], "modes ask for 3 axes after the first .* X has 2"),
        (X.reshape(30, -1), [Feature("lag", 3), SEA], r"reshape it to \(n, 3, 4, 6\)"),
        (sparse.csr_array(X.reshape(30, -1)), [Feature("lag", 3), SEA], "X is sparse; make it dense"),
        (changed(ENCODED, (0, 0), np.nan), [Feature("lag", 3), SEA], "Input X contains NaN"),
        (changed(X, (3, 0, 0, 0), np.inf), ["lag", SEA], "contains infinity .* at 1 of 72 positions"),
        (changed(X, (3, 0, 0, 0), -np.inf), ["lag", SEA], "contains infinity"),
        (np.full_like(X, np.nan), ["lag", SEA], "contains NaN only, in all 30 rows and 72 positions"),
        (X[:0], ["lag", SEA], "Found array with 0 sample"),
        (X, [], "modes is empty"),
        (X, ["lag", "lag", SEA], "names that differ"),
    ],
)
def test_x(X, modes, message, no_long_work):
    with pytest.raises(ValueError, match=message):
        MRTLRegressor(modes).fit(X, y[: X.shape[0]])


@pytest.mark.parametrize(
    "estimator, target, message",
    [
        (model, np.full(30, 2.5), r"y is constant, n_samples = 30 row\(s\) with value 2.5"),
        (model, np.column_stack([y, np.ones(30)]), r"outputs \[1\] of y are constant"),
        (model, changed(y, 3, np.nan), "Input y contains NaN"),
        (model, y[:29], r"inconsistent numbers of samples: \[30, 29\]"),
        (model, None, "requires y to be passed, but the target y is None"),
        (MRTLClassifier(["lag", SEA]), np.full(30, "yes"), "at least two classes, got one class only: .*yes"),
        (MRTLClassifier(["lag", SEA]), y, "Unknown label type"),
        (MRTLClassifier(["lag", SEA]), None, "requires y to be passed"),
    ],
)
def test_y(estimator, target, message, no_long_work):
    with pytest.raises(ValueError, match=message):
        clone(estimator).fit(X, target)


@pytest.mark.parametrize(
    "weight, message",
    [
        (np.zeros(30), "must contain at least one non-zero number"),
        (changed(np.ones(30), 2, -1), "Negative values"),
        (np.ones(29), "sample_weight.shape == "),
        (changed(np.ones(30), 2, np.nan), "sample_weight contains NaN"),
    ],
)
def test_sample_weight(weight, message, no_long_work):
    with pytest.raises(ValueError, match=message):
        clone(model).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"solver": "newton"}, r"solver must be one of \['adam', 'auto', 'lbfgs', 'sgd'\], got 'newton'"),
        ({"decomposition": "tt"}, r"decomposition must be one of \[.*'cp', .*'tucker'\], got 'tt'"),
        ({"criterion": "loss"}, r"criterion must be one of \['auto', 'gradient_entropy', .*\], got 'loss'"),
        ({"nonnegative": ["land"]}, r"nonnegative must be one of \['lag', 'sea'\], got 'land'"),
        ({"nonnegative": ["sea"], "decomposition": "tucker"}, "nonnegative .* for decomposition='cp'"),
        ({"nonnegative": ["sea"], "rank": None}, "nonnegative is for the factors of a low-rank model"),
        ({"resolutions": "finest"}, "must be 'auto', 'fixed' or a list"),
        ({"resolutions": [{"sea": (5, 6)}]}, r"\(5, 6\) of 'sea' must have the axes of its grid, \(4, 6\), at most"),
        ({"resolutions": [{"sea": (4, 6)}, {"sea": (2, 3)}]}, "must not become coarser"),
        ({"resolutions": [{}, {}]}, "must increase"),
        ({"n_levels": 0}, "n_levels == 0, must be >= 1"),
        ({"full_rank_levels": 2}, "full_rank_levels=2, but there are 1 levels"),
        ({"full_rank_levels": -1}, "full_rank_levels == -1, must be >= 0"),
        ({"rank": 0}, "rank == 0, must be >= 1"),
        ({"rank": (2, 2)}, r"rank of decomposition='cp' is one number, got \(2, 2\)"),
        ({"rank": (2, 2, 2), "decomposition": "tucker"}, r"a number for each of the 2 modes .* got \(2, 2, 2\)"),
        ({"alpha_spatial": -1.0}, "alpha_spatial == -1.0, must be >= 0"),
        ({"alpha_l2": -1.0}, "alpha_l2 == -1.0, must be >= 0"),
        ({"sigma": 0.0}, "sigma == 0.0, must be > 0"),
        ({"learning_rate": 0.0}, "learning_rate == 0.0, must be > 0"),
        ({"batch_size": 0}, "batch_size == 0, must be >= 1"),
        ({"max_epochs": 0}, "max_epochs == 0, must be >= 1"),
        ({"patience": 0}, "patience == 0, must be >= 1"),
        ({"tol": -1.0}, "tol == -1.0, must be >= 0"),
        (
            {"criterion": "validation_loss", "validation_fraction": None},
            "validation data: give fit X_val and y_val",
        ),
        ({"criterion": "validation_loss", "validation_fraction": 1.0}, "validation_fraction == 1.0, must be < 1"),
    ],
    ids=repr,
)
def test_values_of_parameters(parameters, message, no_long_work):
    with pytest.raises(ValueError, match=message):
        clone(model).set_params(**parameters).fit(X, y)


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"modes": [3]}, "modes must be Feature, Grid or str"),
        ({"rank": 2.5}, "rank must be an instance of int"),
        ({"alpha_l2": "big"}, "alpha_l2 must be 'auto' or a number, got 'big'"),
        ({"alpha_spatial": None}, "alpha_spatial must be 'auto' or a number, got None"),
        ({"sigma": "wide"}, "sigma must be an instance of"),
        ({"n_levels": 1.0}, "n_levels must be an instance of int"),
        ({"resolutions": [(4, 6)]}, r"must map grid names to shapes, got \(4, 6\)"),
        ({"batch_size": "all"}, "batch_size must be an instance of int"),
    ],
    ids=repr,
)
def test_types_of_parameters(parameters, message, no_long_work):
    with pytest.raises(TypeError, match=message):
        clone(model).set_params(**parameters).fit(X, y)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there(no_long_work):
    with pytest.raises(ValueError, match="device='cuda' asks for a GPU, and torch sees none"):
        clone(model).set_params(device="cuda").fit(X, y)


def test_a_device_by_its_name():
    found = clone(model).set_params(device="cpu").fit(X, y).coef_
    np.testing.assert_array_equal(found, clone(model).fit(X, y).coef_)


@pytest.mark.parametrize(
    "class_weight, message",
    [
        ("uniform", "class_weight must be a dict, 'balanced' or None, got 'uniform'"),
        ({"yes": 1.0, "perhaps": 2.0}, r"class_weight names \['perhaps'\], which y has not; .*\['no', 'yes'\]"),
    ],
)
def test_class_weight(class_weight, message, no_long_work):
    with pytest.raises(ValueError, match=message):
        MRTLClassifier(["lag", SEA], class_weight=class_weight).fit(X, LABELS)


@pytest.mark.parametrize(
    "validation, message",
    [
        ({"X_val": X}, "X_val and y_val go together, got only X_val"),
        ({"y_val": y}, "X_val and y_val go together, got only y_val"),
        ({"sample_weight_val": np.ones(30)}, "sample_weight_val .* X_val and y_val"),
        ({"X_val": X[:, :2], "y_val": y}, r"rows of shape \(3, 4, 6\), as in fit, got \(2, 4, 6\)"),
        ({"X_val": X[:9], "y_val": y}, "inconsistent numbers of samples"),
        ({"X_val": X, "y_val": y, "sample_weight_val": np.zeros(30)}, "must contain at least one non-zero number"),
    ],
)
def test_validation_data(validation, message, no_long_work):
    with pytest.raises(ValueError, match=message):
        clone(model).fit(X, y, **validation)


def test_validation_data_with_classes_that_training_lacks(no_long_work):
    with pytest.raises(ValueError, match=r"y_val has classes that y has not: \['perhaps'\]; those of y are"):
        MRTLClassifier(["lag", SEA]).fit(X, LABELS, X_val=X, y_val=changed(LABELS.astype("U9"), 3, "perhaps"))


def test_outputs_of_validation_data_are_those_of_training(no_long_work):
    with pytest.raises(ValueError, match=r"outputs of y: rows of shape \(\), got \(2,\)"):
        clone(model).fit(X, y, X_val=X, y_val=np.column_stack([y, y]))


def test_a_rank_beyond_use_warns_and_says_what_is_trained():
    with pytest.warns(
        UserWarning, match="rank=9 is more than .* rank 2 represents it exactly, and 2 is what is trained"
    ):
        fitted = MRTLRegressor(
            ["lag", "variable", Grid("sea", (4, 6))], rank=9, resolutions=[{"sea": (1, 1)}, {}], max_epochs=2
        ).fit(np.stack([X, -X], axis=2) + RNG.normal(size=(30, 3, 2, 4, 6)), y)
    assert fitted.rank_ == 2


def three_long_modes():
    """Thirty one-hot rows whose weight tensor has 10^15 entries."""
    size = 10**5
    columns = RNG.integers(size, size=(30, 3)) + [0, size, 2 * size]
    table = sparse.csr_array((np.ones(90), (np.repeat(np.arange(30), 3), columns.ravel())), shape=(30, 3 * size))
    return [Feature(name, size) for name in ("a", "b", "c")], table


@pytest.mark.parametrize("options", [{"rank": None}, {"rank": 2, "decomposition": "tucker"}], ids=repr)
def test_what_would_not_fit_into_memory_is_refused_with_the_bytes(options, no_long_work):
    modes, table = three_long_modes()
    with pytest.raises(MemoryError, match=r"the full-rank model .* needs [\d,.]+ TB, and [\d.]+ [MG]B are free on cpu"):
        MRTLRegressor(modes, terms=None, **options).fit(table, y)


@pytest.mark.filterwarnings("ignore:.*(explain|predict)s? nothing")
def test_a_low_rank_of_what_would_not_fit_into_memory_is_trained():
    modes, table = three_long_modes()
    fitted = MRTLRegressor(modes, terms=None, rank=2).fit(table, y)
    assert fitted.rank_ == 2 and np.isfinite(fitted.predict(table)).all()


def test_dense_coefficients_that_would_not_fit_are_refused():
    modes, table = three_long_modes()
    fixed = {"alpha_spatial": 0.1, "alpha_l2": 0.1, "max_epochs": 1}
    fitted = MRTLRegressor(modes, terms=None, rank=1, full_rank_levels=0, **fixed)
    fitted.fit(table, y)
    with pytest.raises(MemoryError, match="coef_, the dense weight tensor .* hold the same in little room"):
        _ = fitted.coef_


@pytest.mark.parametrize("estimator, target", [(model, y), (MRTLClassifier(["lag", SEA], rank=2), LABELS)])
def test_predicting(estimator, target):
    estimator = clone(estimator).set_params(alpha_spatial=0.1, alpha_l2=0.1)
    for use in (estimator.predict, lambda X: estimator.coef_, lambda X: estimator.to_xarray()):
        with pytest.raises(NotFittedError):
            use(X)
    estimator.fit(X, target)
    for other, message in (
        (X[:, :2], r"rows of shape \(3, 4, 6\), as in fit, got \(2, 4, 6\)"),
        (X.reshape(30, -1), r"rows of shape \(3, 4, 6\), as in fit, got \(72,\)"),
        (changed(X, (0, 0, 0, 0), np.inf), "contains infinity"),
        (sparse.csr_array(X.reshape(30, -1)), "rows of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            estimator.predict(other)


@pytest.mark.parametrize("estimator, target", [(model, y), (MRTLClassifier(["lag", SEA], rank=2), LABELS)])
def test_nothing_fitted_is_lost_where_another_fit_fails(estimator, target):
    estimator = clone(estimator).set_params(alpha_spatial=0.1, alpha_l2=0.1).fit(X, target)
    before = estimator.predict(X)
    for other, other_target, parameters in (
        (X[:, :2], target[:3], {}),
        (X[:, :2], np.roll(target, 1), {"solver": "newton"}),
        (X[:, :2], np.full(30, target[0]), {"solver": "auto"}),
        (np.full_like(X[:, :2], np.nan), target, {}),
    ):
        with pytest.raises(ValueError):
            estimator.set_params(**parameters).fit(other, other_target)
        np.testing.assert_array_equal(estimator.predict(X), before)


def test_other_dimensions_than_in_fit():
    xr = pytest.importorskip("xarray")
    array = xr.DataArray(X, dims=("time", "lag", "lat", "lon"))
    fitted = clone(model).set_params(alpha_spatial=0.1, alpha_l2=0.1).fit(array, y)
    with pytest.raises(ValueError, match=r"dimensions \('lag', 'lat', 'lon'\) of fit .* got \('variable'"):
        fitted.predict(array.rename(lag="variable"))
    np.testing.assert_array_equal(fitted.predict(X), fitted.predict(array))


def test_variables_of_a_dataset_that_are_no_array():
    xr = pytest.importorskip("xarray", reason="a Dataset needs xarray")
    fields = xr.Dataset({"sst": (("time", "lag", "lat", "lon"), X), "index": ("time", y)})
    for wrong in (fields, xr.Dataset(), xr.Dataset({"number": 1.0})):
        with pytest.raises(ValueError, match="variables of a Dataset must all have the same dimensions"):
            model.fit(wrong, y)


def test_what_a_mask_hides_is_no_data():
    hidden = np.zeros(X.shape, dtype=bool)
    hidden[..., 0, :2] = True
    masked = np.ma.masked_array(np.where(hidden, 1e20, X), hidden)
    estimator = clone(model).set_params(random_state=0)
    expected = estimator.fit(np.where(hidden, np.nan, X), y).predict(X)
    np.testing.assert_array_equal(estimator.fit(masked, y).predict(X), expected)


def test_a_mask_that_hides_nothing_changes_nothing():
    masked = np.ma.MaskedArray(y, np.zeros(30, dtype=bool))
    np.testing.assert_array_equal(clone(model).fit(X, masked).coef_, clone(model).fit(X, y).coef_)


def test_scores_that_overflow_are_no_predictions():
    fitted = clone(model).fit(X, y)
    with pytest.raises(ValueError, match="Input X contains infinity or a value too large"):
        fitted.predict(np.full_like(X, np.finfo(X.dtype).max) * np.sign(fitted.coef_))


def test_one_row_is_not_held_out():
    with pytest.raises(ValueError, match=r"validation_fraction=0\.9 leaves no training rows of 1 sample"):
        hold_out(Rows(X[:1], y[:1], np.ones(1)), 0.9, seed=0)
