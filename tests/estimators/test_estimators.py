"""What both estimators promise their users."""

import pickle
import re
from functools import partial

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators import progress

SEA = Grid("sea", (6, 8), quantity="mean")
COURT = Grid("court", (4, 6), bounds=[(0, 40), (0, 60)])
PLAYERS = Feature("player", 4)
COARSE = {"sea": [{"sea": (3, 4)}, {}], "court": [{"court": (2, 3)}, {}]}


def ocean(n=60, *, seed=0, dtype=np.float64):
    """Fields of three lags, and a target that is a smooth component of theirs and noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3, 6, 8)) + rng.normal(size=(3, 6, 8))
    bump = np.exp(-((np.arange(6)[:, None] - 2) ** 2 + (np.arange(8) - 5) ** 2) / 6)
    y = np.einsum("nlij,l,ij->n", X, [1.0, 0.5, 0.0], bump)
    return X.astype(dtype), (y + rng.normal(size=n)).astype(dtype)


def shots(n=200, *, seed=0):
    """One-hot players and cells side by side, and the logit of a success."""
    rng = np.random.default_rng(seed)
    player, cell = rng.integers(4, size=n), rng.integers(24, size=n)
    logit = np.linspace(-1, 1, 4)[player] + np.cos(cell / 4)
    return np.hstack([np.eye(4)[player], np.eye(24)[cell]]), logit + rng.logistic(size=n)


def signs(y):
    return np.where(y > np.median(y), "yes", "no")


fast = {"rank": 2, "alpha_spatial": 1e-3, "alpha_l2": 1e-2, "max_epochs": 15}
ocean_model = partial(MRTLRegressor, ["lag", SEA], resolutions=COARSE["sea"], **fast)
on_court = {"modes": [PLAYERS, COURT], "resolutions": COARSE["court"], **fast}
shot_model = partial(MRTLClassifier, terms=None, **on_court)
CASES = {
    "fields, numbers": (ocean_model, *ocean()),
    "fields, classes": (partial(MRTLClassifier, ["lag", SEA], resolutions=COARSE["sea"], **fast), ocean()[0],
                        signs(ocean()[1])),
    "encodings, numbers": (partial(MRTLRegressor, terms=None, **on_court), *shots()),
    "encodings, classes": (shot_model, shots()[0], signs(shots()[1])),
    "encodings, three terms": (partial(MRTLRegressor, **on_court), *shots()),
}  # fmt: skip
by_case = pytest.mark.parametrize("make, X, y", CASES.values(), ids=CASES)
VARIANTS = [{}, {"rank": None}, {"decomposition": "tucker"}, {"full_rank_levels": 0, "random_state": 0}]
by_case_of_one_term = pytest.mark.parametrize("make, X, y", list(CASES.values())[:4], ids=list(CASES)[:4])
by_variant = pytest.mark.parametrize("options", VARIANTS, ids=repr)
by_case_and_variant = pytest.mark.parametrize(
    "make, X, y, options",
    [
        pytest.param(*case, options, id=f"{options}-{name}")
        for name, case in CASES.items() for options in VARIANTS
        if not ("terms" in name and "full_rank_levels" in options)  # several terms need a full-rank start
    ],
)  # fmt: skip
same = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)


def scores(model, X):
    return model.decision_function(X) if hasattr(model, "decision_function") else model.predict(X)


# Formats of X


@by_case
def test_data_arrays_tensors_and_read_only_arrays_give_the_same_numbers(make, X, y):
    expected = scores(make().fit(X, y), X)
    frozen, frozen_y = X.copy(), y.copy()
    frozen.flags.writeable = frozen_y.flags.writeable = False
    same(scores(make().fit(frozen, frozen_y), frozen), expected, rtol=0)
    tensor = torch.from_numpy(X).requires_grad_()
    same(scores(make().fit(tensor, y), tensor), expected, rtol=0)
    xr = pytest.importorskip("xarray")
    array = xr.DataArray(X, dims=["time", "lag", "lat", "lon"][: X.ndim])
    same(scores(make().fit(array, y), array), expected, rtol=0)


@by_case
def test_any_order_in_memory_gives_the_same_numbers(make, X, y):
    """Flipped latitudes, transposed axes, every second row: views, not copies."""
    expected = scores(make().fit(X, y), X)
    backwards = np.ascontiguousarray(X[..., ::-1])[..., ::-1]
    every_second = np.repeat(X, 2, axis=0)[::2]
    for view in (backwards, np.asfortranarray(X), every_second, X.astype(">f8")):
        same(scores(make().fit(view, y), view), expected)


@pytest.mark.parametrize("case", ["encodings, numbers", "encodings, classes"])
def test_sparse_encodings_are_the_dense_ones(case):
    make, X, y = CASES[case]
    for kind in (sparse.csr_matrix, sparse.csr_array, sparse.coo_array, sparse.csc_array):
        same(scores(make().fit(kind(X), y), kind(X)), scores(make().fit(X, y), X))


def test_a_sparse_table_of_one_grid_is_the_dense_one():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 24)) * (rng.random((150, 24)) < 0.5)
    y = X[:, 3:8].sum(1) + rng.normal(size=150)
    for modes in (None, [Grid("line", 24)]):
        model = MRTLRegressor(modes, resolutions=[{"line" if modes else "grid": 12}, {}])
        dense, from_sparse = clone(model).fit(X, y), clone(model).fit(sparse.csr_array(X), y)
        same(from_sparse.alpha_l2_, dense.alpha_l2_, rtol=1e-6)
        same(from_sparse.predict(sparse.csr_array(X)), dense.predict(X), rtol=1e-6, atol=1e-6)


@by_case
def test_precision_is_that_of_x(make, X, y):
    double = scores(make().fit(X, y), X)
    single = make().fit(X.astype(np.float32), y if y.dtype.kind == "U" else y.astype(np.float32))
    assert scores(single, X.astype(np.float32)).dtype == np.float32
    assert {factor.dtype for factor in single.factors_.values()} == {np.dtype(np.float32)}
    difference = scores(single, X.astype(np.float32)) - double
    assert np.abs(difference).max() < 0.02 * np.abs(double).max()


# Life in scikit-learn


@by_case_and_variant
def test_cloned_and_pickled(make, X, y, options):
    model = make(**options).fit(X, y)
    same(scores(pickle.loads(pickle.dumps(model)), X), scores(model, X), rtol=0)
    same(scores(clone(model).fit(X, y), X), scores(model, X), rtol=0)


def test_pipeline_and_cross_validation_of_fields():
    X, y = ocean(90)
    model = make_pipeline(FunctionTransformer(np.asarray), ocean_model())
    assert cross_val_score(model, X, y, cv=3).mean() > 0.3
    assert model.fit(X, y)[-1].n_features_in_ == 3


def test_randomized_search_in_two_processes():
    X, y = ocean(60)
    space = {"alpha_l2": loguniform(1e-3, 1e-1), "rank": [1, 2, None]}
    search = RandomizedSearchCV(ocean_model(), space, n_iter=3, cv=2, n_jobs=2, random_state=0, error_score="raise")
    assert search.fit(X, y).best_score_ > 0
    same(search.predict(X), clone(search.best_estimator_).fit(X, y).predict(X), rtol=1e-6)


def test_halving_search_over_the_levels():
    X, y = ocean(60)
    levels = [{"sea": (2, 2)}, {"sea": (3, 4)}, {}]
    search = HalvingRandomSearchCV(
        ocean_model(resolutions=levels), {"alpha_l2": loguniform(1e-3, 1e3)}, resource="n_levels", n_candidates=4,
        min_resources=1, max_resources=3, factor=2, cv=2, random_state=0, error_score="raise",
    ).fit(X, y)  # fmt: skip
    assert search.n_resources_[0] == 1 < search.n_resources_[-1] <= 3
    assert search.n_candidates_[0] == 4 > search.n_candidates_[-1]
    assert search.best_estimator_.resolutions_ == [{"sea": (2, 2)}, {"sea": (3, 4)}][: search.n_resources_[-1]]


# Statements a user relies on


@by_case_of_one_term
@pytest.mark.parametrize("options", [{}, {"full_rank_levels": 0}, {"solver": "adam", "learning_rate": 0.1}], ids=repr)
def test_the_same_random_state_gives_the_same_model(make, X, y, options):
    once, again = (make(random_state=3, **options).fit(X, y) for _ in range(2))
    same(scores(once, X), scores(again, X), rtol=0)
    for name in once.factors_:
        same(once.factors_[name], again.factors_[name], rtol=0)
    if options:
        assert not np.array_equal(scores(make(random_state=4, **options).fit(X, y), X), scores(once, X))


@by_case
@pytest.mark.parametrize("options", [{"rank": None, "max_epochs": 500}, {}], ids=repr)
def test_the_order_of_rows_does_not_matter_with_given_penalties(make, X, y, options):
    order = np.random.default_rng(1).permutation(len(X))
    model, shuffled = make(**options).fit(X, y), make(**options).fit(X[order], y[order])
    same(scores(shuffled, X), scores(model, X), rtol=1e-5, atol=1e-5)


@by_case_and_variant
def test_a_weight_of_two_is_the_row_twice_and_of_zero_is_no_row(make, X, y, options):
    weight = np.ones(len(X))
    weight[:10], weight[10:13] = 2, 0
    rows = np.repeat(np.arange(len(X)), weight.astype(int))
    weighted, repeated = make(**options).fit(X, y, sample_weight=weight), make(**options).fit(X[rows], y[rows])
    same(scores(weighted, X), scores(repeated, X), rtol=1e-5, atol=1e-5)


@by_case_and_variant
def test_one_row_alone_is_that_row_of_the_batch(make, X, y, options):
    model = make(**options).fit(X, y)
    same(np.concatenate([scores(model, X[n : n + 1]) for n in range(5)]), scores(model, X)[:5])


@by_case
def test_predictions_do_not_depend_on_the_number_of_threads(make, X, y):
    n_threads, found = torch.get_num_threads(), []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(scores(make().fit(X, y), X))
    finally:
        torch.set_num_threads(n_threads)
    same(*found, rtol=1e-6, atol=1e-6)


@by_case_of_one_term
@by_variant
def test_coefficients_and_intercepts_reproduce_the_scores(make, X, y, options):
    model = make(**options).fit(X, y)
    if X.ndim > 2:
        expected = np.einsum("nlij,lij->n", X, model.coef_) + model.intercept_
    else:
        player, cell = X[:, :4], X[:, 4:]
        expected = np.einsum("np,nc,pc->n", player, cell, model.coef_.reshape(4, 24)) + model.intercept_
    same(scores(model, X), expected)


@by_case_of_one_term
def test_factors_and_component_weights_are_the_coefficients(make, X, y):
    model = make().fit(X, y)
    first, second = model.factors_.values()
    same(np.einsum("k,ak,bck->abc", model.component_weights_, first, second), model.coef_)
    assert (np.diff(model.component_weights_) <= 0).all() and model.rank_ == 2


def test_core_and_factors_are_the_coefficients():
    X, y = ocean()
    model = ocean_model(decomposition="tucker", rank=(2, 3)).fit(X, y)
    lag, sea = model.factors_["lag"], model.factors_["sea"]
    same(np.einsum("kl,ak,bcl->abc", model.core_, lag, sea), model.coef_)
    assert model.rank_ == model.core_.shape == (2, 2)  # of two modes neither has more than the other


@by_case
def test_factors_are_canonical(make, X, y):
    model = make().fit(X, y)
    for factor in model.factors_.values():
        columns = factor.reshape(-1, 2)
        same(columns.T @ columns, np.eye(2))  # two modes: the singular value decomposition


@by_case
def test_history(make, X, y):
    model = make().fit(X, y)
    assert model.n_iter_ == len(model.history_)
    finest = "sea" if X.ndim > 2 else "court"
    assert model.resolutions_ == [{finest: COARSE[finest][0][finest]}, {finest: (6, 8) if X.ndim > 2 else (4, 6)}]
    assert {"level", "phase", "resolution", "epoch", "seconds", "train_loss", "validation_loss"} <= set(
        model.history_[0]
    )


@by_case
@pytest.mark.parametrize("options", [{}, {"rank": None}], ids=repr)
def test_resolutions_are_all_that_were_trained_even_where_nothing_is_to_learn(make, X, y, options):
    model = make(**{"alpha_l2": 1e12, **options}).fit(X, y)
    assert len(model.resolutions_) == 2
    assert np.ptp(scores(model, X)) < 1e-6


@by_case
@pytest.mark.parametrize("options", [{}, {"rank": None}, {"decomposition": "tucker"}, {"solver": "adam"}], ids=repr)
def test_a_warm_start_ends_at_the_model_of_one_long_fit(make, X, y, options):
    grid = "sea" if X.ndim > 2 else "court"
    make = partial(make, resolutions=[{grid: (2, 2)}, *COARSE[grid]], random_state=0, **options)
    long = make().fit(X, y)
    warm = make(n_levels=1, warm_start=True).fit(X, y)
    assert len(warm.resolutions_) == 1
    for n_levels in (2, 3):
        warm.set_params(n_levels=n_levels).fit(X, y)
    same(scores(warm, X), scores(long, X), rtol=0, atol=0)
    assert warm.resolutions_ == long.resolutions_ and warm.n_iter_ == long.n_iter_


@pytest.mark.parametrize("options", [{"random_state": np.random.RandomState(0)}, {"criterion": lambda record: 0.0}])
def test_a_warm_start_knows_what_no_other_process_could(options):
    X, y = ocean()
    warm = ocean_model(n_levels=1, full_rank_levels=0, warm_start=True, **options).fit(X, y)
    coarse = warm.history_
    assert repr(warm.set_params(n_levels=2).fit(X, y).history_[: len(coarse)]) == repr(coarse)
    warm.set_params(**{name: None if name == "random_state" else "auto" for name in options}).fit(X, y)
    assert repr(warm.history_[: len(coarse)]) != repr(coarse)


@by_case_of_one_term
@pytest.mark.parametrize("options", [{}, {"rank": None}, {"decomposition": "tucker"}], ids=repr)
def test_rows_that_are_added_change_the_finest_level_only(make, X, y, options):
    """The model is about that of a fit to all rows, with the penalties of the fit before."""
    n = 3 * len(y) // 4
    make = partial(make, **{"alpha_l2": "auto", **options}, random_state=0)
    model = make(warm_start="grown").fit(X[:n], y[:n])
    coarse = [record for record in model.history_ if record["level"] == 0]
    given = {name: getattr(model, f"{name}_") for name in ("alpha_spatial", "alpha_l2")}
    model.fit(X, y)
    assert repr(model.history_[: len(coarse)]) == repr(coarse)
    assert {name: getattr(model, f"{name}_") for name in given} == given
    anew = make(**given).fit(X, y)
    assert model.history_[-1]["objective"] == pytest.approx(anew.history_[-1]["objective"], abs=0.05)  # of about 1
    assert model.resolutions_ == anew.resolutions_
    before = scores(model, X)
    same(scores(model.fit(X, y), X), before, rtol=0, atol=0)  # of the same rows nothing is left to do


def test_an_archive_with_new_places_or_classes_begins_anew():
    X, y = ocean()
    changed = X.copy()
    changed[:, :, 0, 0] = np.nan
    model = ocean_model(warm_start="grown", random_state=0).fit(X, y)
    same(model.fit(changed, y).predict(changed), ocean_model(random_state=0).fit(changed, y).predict(changed), atol=0)
    with pytest.raises(ValueError, match="warm_start must be True, False or 'grown'"):
        model.set_params(warm_start="new").fit(X, y)


@by_case
def test_a_warm_start_with_other_parameters_starts_anew(make, X, y):
    warm = make(warm_start=True).fit(X, y).set_params(alpha_l2=0.5).fit(X, y)
    same(scores(warm, X), scores(make(alpha_l2=0.5).fit(X, y), X), rtol=0)


@by_case
def test_fewer_levels_predict_from_coarse_cells(make, X, y):
    model = make(n_levels=1).fit(X, y)
    assert model.resolutions_ == COARSE["sea" if X.ndim > 2 else "court"][:1]
    assert scores(model, X).shape == (len(X),)


@by_case
@pytest.mark.parametrize("chosen", ["all", "grid"])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_nonnegative_factors(make, X, y, chosen, solver):
    grid = "sea" if X.ndim > 2 else "court"
    model = make(nonnegative=chosen if chosen == "all" else [grid], solver=solver, random_state=0).fit(X, y)
    bounded = model.factors_ if chosen == "all" else [grid]
    for name in bounded:
        assert (model.factors_[name] >= 0).all()
    assert np.isfinite(scores(model, X)).all()


@by_case
def test_validation_data_choose_the_weights(make, X, y):
    train, held = slice(0, len(X) // 2), slice(len(X) // 2, None)
    model = make(max_epochs=30, alpha_l2=1e-6, alpha_spatial=1e-6)
    model.fit(X[train], y[train], X_val=X[held], y_val=y[held])
    losses = [r["validation_loss"] for r in model.history_ if r["level"] == 1]
    assert np.isfinite(losses).all()
    if hasattr(model, "predict_proba"):
        chance = model.predict_proba(X[held])[np.arange(len(X[held])), (y[held] == "yes").astype(int)]
        loss = -np.log(chance).mean()
    else:
        loss = ((model.predict(X[held]) - y[held]) ** 2).mean() / y[train].var()
    same(loss, min(losses), rtol=1e-6)


@by_case
@pytest.mark.parametrize("criterion", ["validation_loss", "gradient_norm", "gradient_variance", "gradient_entropy"])
def test_every_criterion_ends_levels(make, X, y, criterion):
    model = make(criterion=criterion, solver="adam", learning_rate=0.5, max_epochs=60, random_state=0).fit(X, y)
    assert model.n_iter_ < 3 * 60
    values = [record[criterion] for record in model.history_ if record["level"] == 0 and record["phase"] == "low_rank"]
    rises = np.diff(values) > 0
    assert not rises[:-1].any()


@by_case
def test_a_callable_criterion_and_patience(make, X, y):
    model = make(criterion=lambda record: record["epoch"], patience=2, solver="adam").fit(X, y)
    assert {r["epoch"] for r in model.history_} == {1, 2, 3}


@by_case
def test_diverging_training_leaves_a_model_that_predicts(make, X, y):
    model = make(solver="sgd", learning_rate=1e9)
    with pytest.warns(RuntimeWarning, match="diverged at level 0"):
        model.fit(X, y)
    assert np.isfinite(scores(model, X)).all()


@pytest.fixture
def nothing_is_long(monkeypatch):
    """On a very busy machine small fits can take ten seconds."""
    monkeypatch.setattr(progress, "LONG", float("inf"))


@by_case
@pytest.mark.usefixtures("nothing_is_long")
def test_verbose_prints_a_line_for_each_level_and_stage(make, X, y, capsys):
    make().fit(X, y)
    assert capsys.readouterr().out == ""
    model = make(verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["level 1/2", "full rank"], ["level 1/2", "low rank"], ["level 2/2", "low rank"]
    ]  # fmt: skip
    make(verbose=2).fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == model.n_iter_


def lines_of(out):
    """What is printed, without what the numbers of seconds are."""
    return [re.sub(r"[0-9.e-]+ s\b", "T s", line) for line in out.splitlines()]


@by_case
@pytest.mark.parametrize("verbose", [1, 2])
@pytest.mark.usefixtures("nothing_is_long")
def test_verbose_says_before_a_level_how_long_it_will_be_if_that_is_long(make, X, y, verbose, capsys, monkeypatch):
    options = {"solver": "adam", "max_epochs": 7, "batch_size": 16, "verbose": verbose}
    make(**options).fit(X, y)
    assert "an epoch" not in capsys.readouterr().out
    monkeypatch.setattr(progress, "LONG", 0.0)
    make(**options | {"verbose": 0}).fit(X, y)
    assert capsys.readouterr().out == ""
    make(**options).fit(X, y)
    lines = lines_of(capsys.readouterr().out)
    said = [line for line in lines if "an epoch" in line]
    assert said[0] == said[1] == "level 1/2: about T s an epoch, at most 7 epochs, T s"
    assert said[2:] == ["level 2/2: about T s an epoch, T s for 7 epochs as before, at most 7 epochs, T s"]
    phases = [line.split("  ")[1] for line in lines if line not in said]
    n_lines = 1 if verbose == 1 else 7
    assert phases == ["full rank"] * n_lines + ["low rank"] * 2 * n_lines
    assert lines.index(said[0]) <= verbose - 1  # before the first epoch ends, or after it where it has few batches
    assert lines.index(said[2]) == 2 * n_lines + 2


@pytest.mark.parametrize(
    "seconds, text",
    [(0.0123, "0.012 s"), (1.26, "1.3 s"), (12.4, "12 s"), (119.0, "119 s"), (642.0, "11 min"), (5400.0, "1.5 h")],
)
def test_durations_have_two_digits(seconds, text):
    assert progress.duration(seconds) == text


@pytest.mark.usefixtures("nothing_is_long")
def test_verbose_prints_what_was_chosen_from_how_many(capsys):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3, 8, 8))
    y = X[:, :, :4].sum((1, 2, 3)) + rng.normal(size=150)
    model = MRTLRegressor(verbose=1).fit(X, y)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"chosen: rank {model.rank_}, penalties of {len(model.alpha_path_)} that were tried")
    assert model.rank_ == 1 and {tried["rank"] for tried in model.rank_path_} == {1, 2}
    assert model.history_[0]["seconds"] > 0


def poisson(X, y):
    return np.random.default_rng(0).poisson(np.exp(y / 10))


def many_cells(n=400):
    """Encodings of which enough differ, for strengths to be chosen."""
    rng = np.random.default_rng(0)
    player, cell = rng.integers(4, size=n), rng.integers(96, size=n)
    logit = np.linspace(-1, 1, 4)[player] * np.cos(cell / 9)
    return np.hstack([np.eye(4)[player], np.eye(96)[cell]]), logit + rng.logistic(size=n)


finer = {"modes": [PLAYERS, Grid("court", (8, 12))], "resolutions": [{"court": (6, 8)}, {}]}
OPEN = {"rank": "auto", "alpha_spatial": "auto", "alpha_l2": "auto", "verbose": 1}
CHOICES = {
    "exact errors": (ocean_model, *ocean(200), {}),
    "fits to folds": (ocean_model, *ocean(200), {"loss": "poisson"}),
    "ranks alone": (ocean_model, *ocean(200), {"alpha_spatial": 1e-3, "alpha_l2": 1e-2}),
    "three terms": (partial(MRTLRegressor, **on_court | finer), *many_cells(), {}),
    "classes": (partial(shot_model, **finer), many_cells()[0], signs(many_cells()[1]), {}),
}


@pytest.mark.parametrize("make, X, y, options", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.usefixtures("nothing_is_long")
def test_verbose_says_before_the_choice_how_long_it_will_be(make, X, y, options, lazy, capsys, monkeypatch):
    if options.get("loss") == "poisson":
        y = poisson(X, y)
    if lazy:
        da = pytest.importorskip("dask.array")
        X = da.from_array(X, (90, *X.shape[1:]))
    model = make(**OPEN | options)
    model.fit(X, y)
    assert "about" not in capsys.readouterr().out
    monkeypatch.setattr(progress, "LONG", 0.0)
    model.fit(X, y)
    lines = lines_of(capsys.readouterr().out)
    assert lines[0] == "choice of rank and penalties: about T s" and lines[1].startswith("chosen: ")
    assert sum("choice" in line for line in lines) == 1
    of_levels = [line for line in lines if "an epoch" in line]
    assert {line.split(": ")[0] for line in of_levels} <= {"level 1/2", "level 2/2"} and of_levels


def test_what_takes_less_than_ten_seconds_is_not_announced(capsys):
    printer = progress.LevelPrinter(1, 3)
    printer.expect_choice(9.9)
    printer.expect_level(2, 0.9, 11, 100)
    printer.expect_level(0, 0.4, None, 100)  # of a first level twenty epochs are expected
    assert capsys.readouterr().out == ""
    printer.expect_choice(10.1)
    printer.expect_level(2, 1.0, 11, 100)
    printer.expect_level(0, 0.6, None, 100)
    assert capsys.readouterr().out.splitlines() == [
        "choice of rank and penalties: about 10 s",
        "level 3/3: about 1 s an epoch, 11 s for 11 epochs as before, at most 100 epochs, 100 s",
        "level 1/3: about 0.6 s an epoch, at most 100 epochs, 60 s",
    ]


def test_nothing_is_said_of_a_choice_where_all_is_given(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LONG", 0.0)
    ocean_model(verbose=1).fit(*ocean())
    assert "choice" not in capsys.readouterr().out


# Kinds of grids


@pytest.mark.parametrize(
    "grid, coarse",
    [
        (Grid("grid", 12), 6),
        (Grid("grid", 24, periodic=True), 12),
        (Grid("grid", (6, 9), quantity="mean"), (4, 6)),
        (Grid("grid", (4, 8), quantity="mean", periodic=(False, True)), (2, 4)),
        (Grid("grid", (4, 3, 5), quantity="mean"), (2, 2, 3)),
        (Grid("grid", (4, 4, 4), periodic=True), (2, 2, 2)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("options", [{}, {"rank": None}, {"decomposition": "tucker"}], ids=repr)
def test_grids_of_one_two_and_three_axes(grid, coarse, options):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2, *grid.shape))
    bump = np.exp(
        -((np.indices(grid.shape) - np.reshape(grid.shape, (-1, *[1] * len(grid.shape))) / 2) ** 2).sum(0) / 8
    )
    y = np.tensordot(X[:, 0] - X[:, 1], bump, len(grid.shape)) + 0.3 * rng.normal(size=200)
    model = MRTLRegressor(["lag", grid], resolutions=[{"grid": coarse}, {}], **{"rank": 2, "max_epochs": 20, **options})
    assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.5
    assert model.coef_.shape == (2, *grid.shape)


def test_a_periodic_grid_does_not_know_where_it_begins():
    """Turning fields around by whole coarse cells turns the coefficients."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3, 12))
    y = X[:, 0, [11, 0, 1]].sum(1) + rng.normal(size=80)
    hours = Grid("hour", 12, quantity="mean", periodic=True)
    model = MRTLRegressor(["day", hours], rank=None, alpha_spatial=1e-2, alpha_l2=1e-2, resolutions=[{"hour": 6}, {}])
    turned = clone(model).fit(np.roll(X, 4, axis=2), y)
    same(np.roll(model.fit(X, y).coef_, 4, axis=1), turned.coef_)


def test_two_grids_and_the_papers_basketball_schedule():
    rng = np.random.default_rng(0)
    n, player = 300, rng.integers(3, size=300)
    court, box = Grid("court", (40, 50)), Grid("box", (12, 12))
    cell = rng.integers(2000, size=n)
    X = sparse.hstack([
        sparse.csr_array(np.eye(3)[player]),
        sparse.csr_array((np.ones(n), (np.arange(n), cell)), shape=(n, 2000)),
        sparse.csr_array((rng.random((n, 144)) < 0.02).astype(float)),
    ], format="csr")  # fmt: skip
    y = rng.random(n) < 1 / (1 + np.exp(-(cell % 50 - 25) / 5))
    full = [{"court": (4, 5), "box": (6, 6)}, {"court": (8, 10), "box": (6, 6)}, {"court": (8, 10), "box": (12, 12)}]
    low = [{"court": (20, 25), "box": (12, 12)}, {"court": (40, 50), "box": (12, 12)}]
    model = MRTLClassifier(["player", court, box], rank=3, resolutions=full + low, full_rank_levels=3, max_epochs=5,
                           alpha_spatial=1e-3, alpha_l2=1e-3).fit(X, y)  # fmt: skip
    assert model.resolutions_ == full + low
    phases = list(dict.fromkeys((r["level"], r["phase"]) for r in model.history_))
    assert phases == [*((n, "full_rank") for n in range(3)), *((n, "low_rank") for n in (2, 3, 4))]
    assert model.score(X, y) > 0.6


def test_the_papers_climate_schedule():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 2, 1, 80, 180)).astype(np.float32)
    shapes = [(4, 9), (8, 18), (12, 27), (24, 54), (40, 90), (60, 135), (80, 180)]
    sea = Grid("sea", (80, 180), quantity="mean")
    model = MRTLRegressor(["lag", "variable", sea], rank=1, resolutions=[{"sea": shape} for shape in shapes],
                          full_rank_levels=2, alpha_spatial=1e-2, alpha_l2=1e-2, max_epochs=2)  # fmt: skip
    model.fit(X, X[:, 0, 0, :40].mean((1, 2)))
    assert model.resolutions_ == [{"sea": shape} for shape in shapes]
    assert model.factors_["sea"].shape == (80, 180, 1)


# Showing


@by_case_of_one_term
@by_variant
def test_to_xarray_and_back(make, X, y, options, tmp_path):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    if X.ndim > 2:
        coords = {"lag": [0, 1, 2], "lat": np.linspace(50, 0, 6), "lon": np.arange(8) * 10.0}
        X = xr.DataArray(X, dims=("time", "lag", "lat", "lon"), coords=coords)
    model = make(**options).fit(X, y)
    shown = model.to_xarray()
    shown.to_netcdf(tmp_path / "model.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "model.nc", engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), shown)
    if X.ndim > 2:
        for name, values in coords.items():
            same(shown[name], values)
    else:
        same(shown["court_0"], [5, 15, 25, 35])
    dense = model.to_xarray(coef=True).coef
    same(dense, model.coef_)
    if X.ndim > 2:
        outputs = [dim for dim in dense.dims if dim not in X.dims]
        z = (X * dense).sum(("lag", "lat", "lon")).transpose("time", *outputs) + shown.intercept
        same(z, scores(model, X))
    if "core" in shown or "coef" in shown:
        return
    if X.ndim > 2:
        weights = (shown.component_weights * shown.lag_factors * shown.sea_factors).sum("component")
        same((X * weights).sum(("lag", "lat", "lon")) + shown.intercept, scores(model, X))
    else:
        same(shown.player_factors, model.factors_["player"])


# Devices


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
@by_case_and_variant
def test_a_gpu_gives_the_model_of_the_cpu(make, X, y, options):
    on_cpu, on_gpu = make(device="cpu", **options).fit(X, y), make(device="cuda", **options).fit(X, y)
    same(scores(on_gpu, X), scores(on_cpu, X), rtol=1e-4, atol=1e-4)
    same(
        scores(pickle.loads(pickle.dumps(on_gpu)).set_params(device="cpu"), X), scores(on_gpu, X), rtol=1e-6, atol=1e-8
    )
