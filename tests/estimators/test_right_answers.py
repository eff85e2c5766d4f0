"""Inputs that once gave a wrong answer, or an error from inside."""

import warnings

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators.holdout import N_RUNS, held_out_rows
from sklearn_mrtl.inspection import component_importance

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 2, 6, 6))
y = X[:, 0, 1:4, 1:4].sum((1, 2)) + RNG.normal(size=200)
LABELS = (y > 0).astype(int)
fast = {"rank": 2, "alpha_spatial": 1e-3, "alpha_l2": 1e-2, "max_epochs": 10}


def changed(values, index, value):
    values = values.copy()
    values[index] = value
    return values


@pytest.mark.parametrize(
    "value, message",
    [
        (None, "y contains NaN"),
        ("nan", "y contains NaN"),
        ("inf", "y contains infinity"),
        ("much", "y must be numbers"),
    ],
)
def test_objects_in_y_are_numbers_or_refused(value, message):
    with pytest.raises(ValueError, match=message):
        MRTLRegressor(**fast).fit(X, changed(y.astype(object), 5, value))
    model = MRTLRegressor(**fast).fit(X, y.astype(object))
    np.testing.assert_array_equal(model.predict(X), MRTLRegressor(**fast).fit(X, y).predict(X))


def test_missing_labels_are_refused():
    with pytest.raises(ValueError, match="y contains NaN or None, in 1 of 200 rows"):
        MRTLClassifier(**fast).fit(X, changed(LABELS.astype(object), 3, None))


def test_masked_targets_and_weights_are_refused():
    hidden = np.arange(200) < 16
    with pytest.raises(ValueError, match="y is masked in 16 of 200 rows"):
        MRTLRegressor(**fast).fit(X, np.ma.masked_array(y, hidden))
    with pytest.raises(ValueError, match="sample_weight is masked in 16 of 200 rows"):
        MRTLRegressor(**fast).fit(X, y, np.ma.masked_array(np.ones(200), hidden))
    with pytest.raises(ValueError, match="X_val, y_val or sample_weight_val: y is masked"):
        MRTLRegressor(**fast).fit(X, y, X_val=X, y_val=np.ma.masked_array(y, hidden))


def test_a_data_array_is_put_into_the_order_of_fit():
    xr = pytest.importorskip("xarray")
    coords = {"lag": [0, 1], "lat": np.linspace(25, -25, 6), "lon": np.arange(6.0)}
    array = xr.DataArray(X, coords, ("time", "lag", "lat", "lon"))
    model = MRTLRegressor(**fast).fit(array, y)
    for other in (array[:, :, ::-1], array[:, ::-1], array.transpose("time", "lon", "lag", "lat")):
        np.testing.assert_array_equal(model.predict(other), model.predict(array))
    with pytest.raises(ValueError, match="labels of fit along 'lat'"):
        model.predict(array.assign_coords(lat=array.lat + 5))


@pytest.mark.parametrize("name", ["output", "class", "component", "intercept"])
def test_names_of_the_models_own_are_refused(name):
    with pytest.raises(ValueError, match=f"modes may not be called '{name}'"):
        MRTLRegressor([name, Grid("g", (6, 6))]).fit(X, y)


def test_to_xarray_says_which_names_collide():
    pytest.importorskip("xarray")
    model = MRTLRegressor(["g_0", Grid("g", (6, 6))], **fast).fit(X, y)
    with pytest.raises(ValueError, match="'g_0'"):
        model.to_xarray()


@pytest.mark.parametrize("make, target", [(MRTLRegressor, y), (MRTLClassifier, LABELS)])
def test_one_heavy_row(make, target):
    model = make(rank=1, random_state=0).fit(X, target, changed(np.ones(200), 150, 3000.0))
    assert np.isfinite(model.predict(X)).all()
    assert model.predict(X)[150] == pytest.approx(target[150], abs=1)


@pytest.mark.parametrize("dtypes", [("f4", "f8"), ("f8", "f4")])
def test_validation_data_of_another_precision(dtypes):
    first, second = (X.astype(dtype) for dtype in dtypes)
    model = MRTLRegressor(**fast).fit(first, y, X_val=second, y_val=y)
    assert np.isfinite([record["validation_loss"] for record in model.history_]).all()


@pytest.mark.parametrize("data", [(X.astype("f4"), y), (X, y[::-1]), (X[::-1], y)])
def test_a_warm_start_with_other_data_begins_anew(data):
    warm = MRTLRegressor(warm_start=True, **fast).fit(X, y).fit(*data)
    np.testing.assert_array_equal(warm.predict(data[0]), MRTLRegressor(**fast).fit(*data).predict(data[0]))


def test_nested_lists():
    model = MRTLRegressor(**fast).fit(X.tolist(), y)
    np.testing.assert_array_equal(model.predict(list(X)), model.predict(X))
    np.testing.assert_array_equal(model.predict(X.tolist()), model.predict(X))
    MRTLRegressor(**fast).fit(X, y, X_val=X.tolist(), y_val=y)


def test_a_dense_table_then_a_sparse_one():
    table = X[:, 0, 0]
    model = MRTLRegressor(alpha_spatial=0.1, alpha_l2=0.1).fit(table, y)
    np.testing.assert_allclose(model.predict(sparse.csr_array(table)), model.predict(table))


@pytest.mark.parametrize("name", ["alpha_l2", "alpha_spatial", "sigma", "tol", "lr_decay", "learning_rate"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_are_finite(name, value):
    with pytest.raises(ValueError, match=f"{name} must be finite"):
        MRTLRegressor(**{"rank": 2, name: value}).fit(X, y)


@pytest.mark.parametrize("weight", [np.nan, np.inf, 0, -1])
def test_weights_of_classes_are_positive_and_finite(weight):
    with pytest.raises(ValueError, match="class_weight of class 1 must be positive and finite"):
        MRTLClassifier(class_weight={0: 1, 1: weight}, **fast).fit(X, LABELS)


def test_products_of_weights_are_checked_in_the_precision_of_x():
    with pytest.raises(ValueError, match="leaves no weight to class"):
        MRTLClassifier(class_weight={0: 1, 1: 1e300}, **fast).fit(X.astype("f4"), LABELS, np.full(200, 1e10))
    huge = MRTLClassifier(**fast).fit(X, LABELS, np.full(200, 1e307))
    np.testing.assert_allclose(huge.decision_function(X), MRTLClassifier(**fast).fit(X, LABELS).decision_function(X))


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_inside_a_context_without_gradients(context):
    with context():
        model = MRTLRegressor(**fast).fit(X, y)
        inside = model.predict(X)
    np.testing.assert_array_equal(inside, MRTLRegressor(**fast).fit(X, y).predict(X))


def test_what_holds_nothing_to_learn_is_refused():
    with pytest.raises(ValueError, match="X is constant: all of its 200 rows are equal"):
        MRTLRegressor(**fast).fit(np.ones_like(X), y)
    players = np.eye(4)[np.arange(200) % 4]
    with pytest.raises(ValueError, match="no entry in the columns of Grid"):
        MRTLRegressor([Feature("player", 4), Grid("box", 6)]).fit(np.hstack([players, np.zeros((200, 6))]), y)


def test_importance_on_rows_that_lack_a_class():
    target = np.digitize(y, [-2, 2])
    model = MRTLClassifier(**fast).fit(X, target)
    held = np.flatnonzero(target < 2)
    assert np.isfinite(component_importance(model, X[held], target[held])).all()


def test_intercept_and_coefficients_give_the_prediction_of_rows_of_several_categories():
    rows = (RNG.random((300, 16)) < 0.4).astype(float)
    rows = rows[(rows[:, :10].sum(1) > 0) & (rows[:, 10:].sum(1) > 0)]
    a, b = rows[:, :10], rows[:, 10:]
    target = a @ RNG.normal(size=10) * b.sum(1) + 5
    model = MRTLRegressor([Feature("p", 10), Feature("q", 6)], terms=None, rank=None).fit(rows, target)
    np.testing.assert_allclose(model.predict(rows), np.einsum("ni,nj,ij->n", a, b, model.coef_) + model.intercept_)


def test_balanced_weights_count_the_weights_of_samples():
    copies = np.where(LABELS == 1, 9, 1)
    model = MRTLClassifier(class_weight="balanced", **(fast | {"max_epochs": 100}))
    weighted = model.fit(X, LABELS, copies).predict_proba(X)[:, 1]
    repeated = model.fit(np.repeat(X, copies, 0), np.repeat(LABELS, copies)).predict_proba(X)[:, 1]
    np.testing.assert_allclose(weighted, repeated, atol=1e-3)
    flat = X.reshape(200, -1)
    expected = LogisticRegression(class_weight="balanced").fit(flat, LABELS, copies).predict_proba(flat)[:, 1]
    assert weighted.mean() == pytest.approx(expected.mean(), abs=0.03)


def test_infinity_in_validation_data_is_refused():
    with pytest.raises(ValueError, match="X_val, or rows .* held out: Input X contains infinity"):
        MRTLRegressor(**fast).fit(X, y, X_val=changed(X, 5, np.inf), y_val=y)
    for row in (5, 60, 110, 190):
        with pytest.raises(ValueError, match="contains infinity"):
            MRTLRegressor(criterion="validation_loss", **fast).fit(changed(X, row, np.inf), y)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("exponent", [-100, -40, 40, 100])
def test_units_of_x_do_not_matter(dtype, exponent):
    """Powers of two, so that not even rounding differs; 2 ** 100 is 1e30."""
    unit = 2.0**exponent
    model = MRTLRegressor(rank=2, max_epochs=10).fit(X.astype(dtype), y)
    scaled = MRTLRegressor(rank=2, max_epochs=10).fit((X * unit).astype(dtype), y)
    tolerance = 1e-3 if dtype == "f4" else 1e-9
    np.testing.assert_allclose(
        scaled.predict((X * unit).astype(dtype)), model.predict(X.astype(dtype)), tolerance, 1e-3
    )
    np.testing.assert_allclose(scaled.coef_.astype("f8") * unit, model.coef_, tolerance * 10, 1e-4)
    assert scaled.alpha_l2_ == pytest.approx(model.alpha_l2_ * unit**2, rel=1e-3)


@pytest.mark.parametrize("unit", [1e-30, 1e30, 1e-160, 1e160])
def test_units_of_y_do_not_matter(unit):
    model, scaled = MRTLRegressor(**fast).fit(X, y), MRTLRegressor(**fast).fit(X, y * unit)
    np.testing.assert_allclose(scaled.predict(X) / unit, model.predict(X), 1e-6)


def test_values_of_y_that_the_precision_of_x_cannot_hold():
    with pytest.raises(ValueError, match="y has values of up to .* float32, the precision of X, cannot hold"):
        MRTLRegressor(**fast).fit(X.astype("f4"), y * 1e50)


@pytest.mark.parametrize("unit", [1e-30, 1e-12, 1e12, 1e30])
def test_units_of_encodings_do_not_matter(unit):
    players, numbers = np.eye(3)[np.arange(200) % 3], X[:, 0, 0]
    model = MRTLRegressor(["player", Grid("line", 6)], rank=1, max_epochs=10)
    expected = model.fit(np.hstack([players, numbers]), y).predict(np.hstack([players, numbers]))
    scaled = np.hstack([players, numbers * unit])
    np.testing.assert_allclose(model.fit(scaled, y).predict(scaled), expected, atol=0.02)


@pytest.mark.parametrize("units", [(2.0**13, 2.0**13), (2.0**13, 2.0**-13), (2.0**-13, 2.0**13)])
def test_penalties_of_terms_are_in_units_of_their_own_modes(units):
    """Also where the units of two modes cancel."""
    a, b = np.eye(4)[np.arange(200) % 4], np.eye(6)[RNG.integers(6, size=200)]
    modes = [Grid("a", 4), Grid("b", 6)]
    target = a @ [1, 2, 3, 4] + b[:, 2] + RNG.normal(size=200)

    def predictions(u, v):
        alphas = {"alpha_l2": {"a": 0.1 * u**2, "b": 0.1 * v**2}, "alpha_spatial": {"a": 0.1 * u**2, "b": 0.1 * v**2}}
        encodings = np.hstack([u * a, v * b])
        return MRTLRegressor(modes, terms=["a", "b"], **alphas).fit(encodings, target).predict(encodings)

    np.testing.assert_allclose(predictions(*units), predictions(1, 1), 1e-6)


def test_weights_of_small_numbers_in_several_modes_are_finite_in_float32():
    """Each mode divides by its own spread, and the product of these is more than float32 can hold."""
    numbers = np.hstack([X[:, 0, 0], X[:, 1, 1]])
    model = MRTLRegressor([Feature("a", 6), Feature("b", 6)], terms=["a", ("a", "b")], rank=1, random_state=0)
    product = numbers[:, 2] * numbers[:, 9]
    expected = model.fit(numbers, product).terms_["a x b"].coef
    found = model.fit((numbers * 1e-20).astype("f4"), product).terms_["a x b"].coef
    np.testing.assert_allclose(found * 1e-40, expected, atol=0.01)
    assert expected[2, 3] > 0.9


def test_a_penalty_that_float32_cannot_hold_leaves_nothing_of_a_term():
    players, cells = np.eye(2)[np.arange(40) % 2], np.eye(6)[np.arange(40) % 6]
    model = MRTLClassifier(["player", Grid("court", 6)], alpha_spatial=1e300, alpha_l2=1e300)
    model.fit(np.hstack([players, cells]).astype("f4"), LABELS[:40])
    assert all(np.abs(term.coef).max() < 1e-6 for term in model.terms_.values())


@pytest.mark.parametrize(
    "device, message",
    [("nope", "device must be 'auto', 'cpu'"), ("meta", "computes nothing"), ("mps", "double precision")],
)
def test_devices(device, message):
    with pytest.raises(ValueError, match=message):
        MRTLRegressor(device=device).fit(X, y)


@pytest.mark.parametrize("parameters", [{"batch_size": True, "solver": "adam"}, {"verbose": "x"}])
def test_types_of_counts(parameters):
    with pytest.raises(TypeError, match=f"{next(iter(parameters))} must be an instance of int"):
        MRTLRegressor(**parameters).fit(X, y)


def test_words_are_no_targets():
    with pytest.raises(ValueError, match="y_val must be numbers"):
        MRTLRegressor(**fast).fit(X, y, X_val=X, y_val=y.astype(str))


@pytest.mark.parametrize("n, fraction", [(100, 0.2), (103, 0.33), (7, 0.5), (3, 0.3), (1000, 0.9)])
def test_rows_are_held_out_in_runs(n, fraction):
    held = held_out_rows(n, fraction, np.random.RandomState(0))
    assert held.sum() == np.ceil(fraction * n)
    assert (np.diff(np.r_[0, held.astype(int)]) == 1).sum() <= N_RUNS


def with_duplicates(dense):
    """A CSR matrix that stores each 1 as two halves and has a stored 0 in each row."""
    n, width = dense.shape
    rows, columns = np.nonzero(dense)
    rows, columns = np.concatenate([rows, rows, np.arange(n)]), np.concatenate([columns, columns, np.arange(n) % width])
    values = np.concatenate([np.full(2 * int(dense.sum()), 0.5), np.zeros(n)])
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=n)
    return sparse.csr_array((values[order], columns[order], np.concatenate([[0], counts.cumsum()])), shape=dense.shape)


def test_stored_zeros_and_duplicates_are_the_matrix_they_stand_for():
    encoded = np.hstack([np.eye(3)[np.arange(60) % 3], np.eye(8)[np.arange(60) % 8]])
    target = RNG.normal(size=60)
    X_sparse = with_duplicates(encoded)
    np.testing.assert_array_equal(X_sparse.toarray(), encoded)
    before = X_sparse.data.copy()
    model = MRTLRegressor([Feature("player", 3), Grid("court", 8)], **fast)
    expected = model.fit(encoded, target).predict(encoded)
    np.testing.assert_allclose(model.fit(X_sparse, target).predict(X_sparse), expected, rtol=1e-10)
    np.testing.assert_array_equal(X_sparse.data, before)


def test_two_cells_and_no_player_are_not_one_of_each():
    """As many entries in each row as modes, but not one of each mode."""
    encoded = np.hstack([np.eye(3)[np.arange(60) % 3], np.eye(8)[np.arange(60) % 8]])
    encoded[7] = [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    target = RNG.normal(size=60)
    model = MRTLRegressor([Feature("player", 3), Grid("court", 8)], terms=None, **fast)
    with pytest.warns(UserWarning, match="not all have one in the columns of each mode"):
        expected = model.fit(encoded, target).predict(encoded)
    with pytest.warns(UserWarning, match="not all have one in the columns of each mode"):
        found = model.fit(sparse.csr_array(encoded), target).predict(encoded)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_allclose(expected[7], model.intercept_, rtol=1e-10)  # a product with no player is 0


@pytest.mark.parametrize(
    "strengths", [{"alpha_l2": 1e300}, {"alpha_spatial": 1e300}, {"alpha_l2": 1e300, "alpha_spatial": 1e300}]
)
@pytest.mark.parametrize("terms", [None, ["player", "court"]])
def test_penalties_beyond_the_range_of_float32_leave_finite_predictions(strengths, terms):
    encoded = np.hstack([np.eye(3)[np.arange(60) % 3], np.eye(8)[np.arange(60) % 8]]).astype(np.float32)
    target = RNG.normal(size=60)
    model = MRTLRegressor([Feature("player", 3), Grid("court", 8)], terms=terms, **(fast | strengths))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert np.isfinite(model.fit(encoded, target).predict(encoded)).all()


def test_random_factors_with_which_no_loss_is_finite_are_refused():
    """Fields that a heavy row centres and scales are a million times as large in the other rows."""
    fields, counts = RNG.normal(size=(10, 1)).astype(np.float32), RNG.poisson(1.0, size=(10, 2))
    model = MRTLRegressor([Grid("grid", 1)], loss="poisson", full_rank_levels=0, random_state=0, max_epochs=5)
    weight = np.where(np.arange(10) == 0, 1e12, 1.0)
    with pytest.raises(ValueError, match="full_rank_levels=0 starts from random factors"):
        model.fit(fields, counts, sample_weight=weight)
    assert np.isfinite(model.set_params(full_rank_levels="auto").fit(fields, counts).predict(fields)).all()
