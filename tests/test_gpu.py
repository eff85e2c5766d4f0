"""Fits on an emulated GPU: the numbers of the CPU, no mixed devices, few waits, little memory."""

import warnings
from itertools import combinations
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from emulated_gpu import GPUTensor, emulated_gpu
from helpers import LAYOUTS, axes_for, build, inputs_of, mapped, normal, objective_of, samples_of
from scipy import sparse
from sklearn.model_selection import KFold

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators.field_sums import FieldSums
from sklearn_mrtl._estimators.layout import layout_of
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._estimators.validation import validate_samples
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.terms import Strengths, Term, full_rank_sum
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.solve import solve
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import ModeEncoder

GIVEN = {"alpha_spatial": 0.1, "alpha_l2": 0.1, "rank": 2, "random_state": 0}
N = 150
# Operations without a kernel of their own for a GPU that torch's list of functions names: none is known.
WITHOUT_GPU_PATH: set[str] = set()


@pytest.fixture(scope="module")
def fields():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2, 6, 8))
    X[:, :, :2, :2] = np.nan
    return X, X[:, 0, 3:6, 3:6].sum((1, 2)) + rng.normal(size=N)


@pytest.fixture(scope="module")
def shots():
    return encoded_shots(400)


@pytest.fixture(scope="module")
def many_shots():
    return encoded_shots(20_000)


def encoded_shots(n):
    shots = make_shots(n, n_players=3, random_state=0)
    player, _, box = shots.modes
    court = Grid("court", (8, 10), bounds=[(0, 40), (0, 50)])
    encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))])
    return encode.fit_transform(shots.data), shots.target


FITS = {
    "Gauss-Newton": ("fields", MRTLRegressor(**GIVEN)),
    "L-BFGS, Tucker": ("fields", MRTLRegressor(**GIVEN | {"solver": "lbfgs", "decomposition": "tucker"})),
    "Adam": ("fields", MRTLRegressor(**GIVEN, solver="adam", max_epochs=2)),
    "choice of penalties": ("fields", MRTLRegressor(rank=2, n_levels=1)),
    "counts": ("fields", MRTLRegressor(**GIVEN, loss="poisson", max_epochs=5)),
    "classes": ("fields", MRTLClassifier(**GIVEN, max_epochs=5)),
    "encodings": ("shots", MRTLClassifier(terms=None, **GIVEN, max_epochs=5)),
    "encodings, Adam": ("shots", MRTLClassifier(terms=None, **GIVEN, solver="adam", max_epochs=2)),
    "terms": ("shots", MRTLClassifier(terms=["player", "court", ("player", "court")], **GIVEN, max_epochs=5)),
}


@pytest.fixture(scope="module")
def gpu_kernels():
    """For each function of torch the devices and layouts that it has a kernel for."""
    yaml, torchgen = pytest.importorskip("yaml"), pytest.importorskip("torchgen")
    path = Path(torchgen.__file__).parent / "packaged/ATen/native/native_functions.yaml"
    listed = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    functions = {function["func"].split("(")[0]: function for function in listed}

    def kernels_of(name):
        function = functions[name]
        others = [functions[function["structured_delegate"]]] if "structured_delegate" in function else []
        given = [kernels for one in [function, *others] for kernels in one.get("dispatch", {})]
        given += ["CUDA" for one in [function, *others] if "ufunc_inner_loop" in one]  # made for CPU and CUDA alike
        return {kernel.strip() for kernels in given for kernel in kernels.split(",")} or {"Composite"}

    return {name: kernels_of(name) for name in functions}


def without_gpu_path(operations, kernels):
    """Names of operations for which torch lists no kernel of CUDA, and none that is made of others."""
    missing = set()
    for function, layout, _ in operations:
        name = str(function).removeprefix("aten.").removesuffix(".default")
        wanted = "CUDA" if layout is None else "SparseCsrCUDA"
        found = kernels.get(name, set())
        if wanted not in found and not any(kernel.startswith("Composite") for kernel in found):
            missing.add(f"{name} of {layout or 'strided'} tensors")
    return missing


@pytest.mark.parametrize("name", FITS)
def test_a_fit_on_a_gpu_is_that_on_the_cpu(name, request, gpu_kernels):
    """In particular no operation mixes devices, and torch has each of them for GPUs."""
    which, model = FITS[name]
    X, y = request.getfixturevalue(which)
    y = {"counts": np.abs(y).round(), "classes": np.digitize(y, [-2, 2])}.get(name, y)
    expected = model.set_params(device="cpu").fit(X, y).tensor_.parameters
    predicted = model.predict(X)
    with emulated_gpu() as gpu:
        model.set_params(device="cuda:0").fit(X, y)
        np.testing.assert_allclose(model.predict(X), predicted, rtol=1e-6, atol=1e-9)
    for key, values in expected.items():
        np.testing.assert_allclose(model.tensor_.parameters[key], values, rtol=1e-6, atol=1e-9)
    assert gpu.most > 1000
    assert without_gpu_path(gpu.operations, gpu_kernels) == WITHOUT_GPU_PATH


def test_operations_that_have_no_kernel_are_named(gpu_kernels):
    function = torch.ops.aten._mkldnn_reshape.default
    assert without_gpu_path([(function, None, frozenset())], gpu_kernels) == {"_mkldnn_reshape of strided tensors"}


def on_gpu(thing):
    return mapped(thing, lambda leaf: leaf.to("cuda:0") if isinstance(leaf, torch.Tensor) else leaf)


WAITS = [  # solver, layout, model, most waits of a step
    *[("lbfgs", layout, model, 2) for layout in LAYOUTS for model in (FullRank, CP, Tucker)],
    ("newton", "fields", CP, 2),
    *[("adam", "fields", model, 0) for model in (FullRank, CP)],
    *[("adam", "encodings", model, 1) for model in (FullRank, CP)],  # for the number of entries of a batch
]


@pytest.mark.parametrize("solver, layout, model_class, most", WAITS)
def test_the_program_seldom_waits_for_a_gpu(solver, layout, model_class, most):
    inputs = inputs_of(layout, n=60)
    model, start = build(model_class, inputs)
    loss = SquaredLoss if solver == "newton" else LogisticLoss
    objective = objective_of(model, samples_of(inputs, loss), loss)
    steps, waits = [], []
    with emulated_gpu() as gpu:
        objective, start = on_gpu(objective), on_gpu(start)
        original, n_passes = objective.value_and_gradient, []
        objective.value_and_gradient = lambda parameters: n_passes.append(0) or original(parameters)

        def monitor(epoch):
            steps.append(len(n_passes))
            waits.append(sum(gpu.waits.values()))

        options = {"newton": True} if solver == "newton" else {"name": solver, "newton": False}
        settings = SolverSettings(**options, max_epochs=6, convergence=1e-12, batch_size=20)
        solve(objective, start, settings, monitor)
    assert len(steps) >= 3
    for n_more, n_waits in zip(np.diff(steps), np.diff(waits), strict=True):
        if solver == "adam":
            assert n_waits <= n_more * most + 1
        else:
            assert n_waits <= most + n_more - 1  # where the first step of a search is too long, one for each more


def test_a_batch_of_a_sum_waits_once_for_all_its_products():
    """But for the first batch, which learns which products there are."""
    inputs, waits = inputs_of("encodings", n=60), []
    n_modes = len(inputs.modes)
    chosen = [(0,), (1,), *combinations(range(n_modes), 2), tuple(range(n_modes))]
    along = [(0.1,) * len(mode.shape) if isinstance(mode, Grid) else () for mode in inputs.modes]
    strengths = [Strengths(0.1, tuple(along[m] for m in modes)) for modes in chosen]
    terms = [Term(f"term {modes}", modes, None, own) for modes, own in zip(chosen, strengths, strict=True)]
    model = full_rank_sum(axes_for(inputs), terms)
    objective = objective_of(model, samples_of(inputs, LogisticLoss), LogisticLoss)
    start = model.initial(torch.zeros((), dtype=torch.float64))
    parameters = {name: normal(*value.shape, seed=i) for i, (name, value) in enumerate(start.items())}
    batches = [torch.arange(start, start + 15) for start in (0, 15, 30, 45)]
    with emulated_gpu() as gpu:
        there, found = (on_gpu(objective), on_gpu(parameters)), []
        for rows in batches:
            with gpu.counting() as counted:
                gradient = there[0].batch(rows.to("cuda:0")).value_and_gradient(there[1])[2]
            waits.append(counted.total())
            found.append({name: values.cpu() for name, values in gradient.items()})
    for gradient, rows in zip(found, batches, strict=True):
        for name, values in objective.batch(rows).value_and_gradient(parameters)[2].items():
            torch.testing.assert_close(gradient[name], values)
    assert len(chosen) > 5 and waits[0] > 1
    assert waits[1:] == [1, 1, 1]


def test_what_the_emulated_gpu_refuses():
    with emulated_gpu(limit=10_000) as gpu:
        x = torch.ones(10, device="cuda:0")
        assert isinstance(x, GPUTensor) and x.device.type == "cuda" and gpu.used == 40
        with pytest.raises(RuntimeError, match="same device"):
            x + torch.ones(10)
        assert float(x.sum()) == 10 and gpu.waits.total() == 1
        with pytest.raises(torch.cuda.OutOfMemoryError):
            torch.ones(10_000, device="cuda:0")
        del x
        assert gpu.used == 0


def test_fields_that_a_gpu_cannot_hold_go_there_in_blocks():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2, 8, 12))
    y = X[:, 0, 3:6, 3:6].sum((1, 2)) + rng.normal(size=2000)
    model = MRTLRegressor(**GIVEN, solver="lbfgs", device="cpu").fit(X, y)
    expected = model.coef_
    with emulated_gpu(limit=0.8 * X.nbytes) as gpu, pytest.warns(UserWarning, match="blocks of its rows go there"):
        found = model.set_params(device="cuda:0").fit(X, y).coef_
    assert gpu.most < 0.8 * X.nbytes
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())


def test_encodings_and_validation_data_that_a_gpu_cannot_hold_go_there_in_blocks(monkeypatch):
    monkeypatch.setattr("sklearn_mrtl.core.data.sparse.SHARED_ONES", 1000)  # as much memory for little data
    rng = np.random.default_rng(0)
    player = sparse.csr_array((np.ones(9000), (np.arange(9000), rng.integers(4, size=9000))), shape=(9000, 4))
    court = sparse.csr_array(rng.poisson(0.2, size=(9000, 48)).astype(float))
    y = rng.random(9000) < 1 / (1 + np.exp(-(court @ np.linspace(-2, 2, 48))))
    X = sparse.csr_array(sparse.hstack([player, court]))
    modes = [Feature("player", 4), Grid("court", (6, 8))]
    given = {"alpha_spatial": 0.01, "alpha_l2": 0.01, "rank": 2, "random_state": 0, "terms": None, "max_epochs": 8}
    model, held_out = MRTLClassifier(modes, **given), {"X_val": X[8000:], "y_val": y[8000:]}
    expected = model.fit(X[:8000], y[:8000], **held_out).coef_
    losses = [record["validation_loss"] for record in model.history_]
    with emulated_gpu(limit=3e6) as gpu, pytest.warns(UserWarning, match="blocks of its rows go there"):
        model.set_params(device="cuda:0").fit(X[:8000], y[:8000], **held_out)
    assert gpu.most < 3e6
    np.testing.assert_allclose(model.coef_, expected, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose([record["validation_loss"] for record in model.history_], losses, rtol=1e-8)


def test_maps_of_which_a_gpu_cannot_hold_all_go_there_in_blocks():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2, 8, 12))
    y = X[:, 0, 3:6, 3:6].sum((1, 2))[:, None, None] * np.outer(np.hanning(14), np.hanning(16)) + 1
    y = y + rng.normal(size=y.shape)
    y[:, :2, 5:] = np.nan
    model = MRTLRegressor(target=Grid("rain", (14, 16)), **GIVEN, solver="lbfgs", device="cpu").fit(X, y)
    expected = model.coef_
    with emulated_gpu(limit=0.8 * X.nbytes) as gpu, pytest.warns(UserWarning, match="blocks of its rows go there"):
        found = model.set_params(device="cuda:0").fit(X, y).coef_
    assert gpu.most < 0.8 * X.nbytes
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.nanmax(np.abs(expected)))


def test_a_full_gpu_is_told_with_what_would_need_less(fields, monkeypatch):
    X, y = fields
    monkeypatch.setattr("sklearn_mrtl.core.memory.available_bytes", lambda device: None)  # no estimate is compared
    model = MRTLRegressor(**GIVEN, solver="adam", device="cuda:0")
    with emulated_gpu(limit=1.2 * X.nbytes), pytest.raises(MemoryError, match="cuda:0 is full.*lower rank"):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


@pytest.fixture
def no_estimate(monkeypatch):
    """Fits believe that they need no memory."""
    monkeypatch.setattr("sklearn_mrtl._estimators.sample_source.check_fit_memory", lambda *args: None)
    monkeypatch.setattr("sklearn_mrtl._estimators.base.check_memory", lambda *args: None)


@pytest.mark.parametrize("limit", [0.5, 1.3], ids=["full by X", "full by the training"])
def test_a_gpu_that_is_full_after_all_gets_blocks(limit, no_estimate):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2, 8, 12))
    y = X[:, 0, 3:6, 3:6].sum((1, 2)) + rng.normal(size=2000)
    model = MRTLRegressor(**GIVEN, solver="lbfgs", device="cpu").fit(X, y)
    expected, n_epochs = model.coef_, len(model.history_)
    with emulated_gpu(limit=limit * X.nbytes) as gpu:
        with pytest.warns(UserWarning, match="blocks of its rows go there"):
            found = model.set_params(device="cuda:0").fit(X, y).coef_
        assert gpu.used < 1000
    assert gpu.most < limit * X.nbytes
    assert (gpu.most > X.nbytes) == (limit > 1)  # the training began with all of X there
    np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())
    assert len(model.history_) == n_epochs


def test_a_gpu_that_is_full_in_spite_of_blocks_is_told_once(fields, no_estimate):
    model = MRTLRegressor(**GIVEN, solver="lbfgs", device="cuda:0")
    with emulated_gpu(limit=3_000), pytest.warns(UserWarning, match="blocks of its rows go there") as warned:
        with pytest.raises(MemoryError, match="cuda:0 is full.*lower rank"):
            model.fit(*fields)
    assert len(warned) == 1 and not hasattr(model, "coef_")


def test_callbacks_follow_the_training_on_blocks_too(fields, no_estimate):
    callback = pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    X, y = fields
    model = MRTLRegressor(**GIVEN, solver="lbfgs", device="cpu").set_callbacks(callback.ScoringMonitor(scoring="r2"))
    expected = model.fit(X, y).score(X, y)
    with emulated_gpu(limit=1.3 * X.nbytes), pytest.warns(UserWarning, match="blocks of its rows go there"):
        assert model.set_params(device="cuda:0").fit(X, y).score(X, y) == pytest.approx(expected)
    assert not hasattr(model, "_callback_fit_ctx")


def test_what_needs_all_rows_is_refused_where_they_do_not_fit(fields):
    X, y = fields
    with emulated_gpu(limit=10_000), pytest.raises(MemoryError, match="are free on cuda:0"):
        MRTLRegressor(**GIVEN, solver="adam", device="cuda:0").fit(X, y)


def test_penalties_of_rows_that_go_there_in_blocks_are_chosen_on_the_folds_of_cv(fields):
    X, y = fields
    model = MRTLRegressor(rank=2, solver="lbfgs", cv=KFold(5, shuffle=True, random_state=0), max_epochs=3)
    expected = model.fit(X, y).alpha_path_
    with emulated_gpu(limit=0.9 * X.nbytes), pytest.warns(UserWarning, match="blocks of its rows go there"):
        found = model.set_params(device="cuda:0").fit(X, y).alpha_path_
    assert len(found) == len(expected) > 3
    for tried, of_cpu in zip(found, expected, strict=True):
        assert tried == pytest.approx(of_cpu, rel=1e-6)


class Foreign:
    """An array of another library, which numpy cannot read."""

    def __init__(self, values):
        self.values, self.shape, self.ndim, self.dtype = (
            torch.as_tensor(values),
            values.shape,
            values.ndim,
            values.dtype,
        )

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


@pytest.mark.parametrize("make", [torch.as_tensor, Foreign], ids=["torch", "DLPack"])
@pytest.mark.parametrize("name", ["fields", "classes"])
def test_arrays_of_other_libraries(name, make, fields):
    X, y = fields
    model = MRTLRegressor(**GIVEN)
    if name == "classes":
        model, y = MRTLClassifier(**GIVEN), (y > 0).astype(int)
    weight = np.arange(N) % 3 + 0.5
    expected = model.fit(X, y, weight)
    coef, predicted, score = expected.coef_, expected.predict(X), expected.score(X, y)
    model.fit(make(X), make(y), make(weight), groups=make(np.arange(N) % 5))
    np.testing.assert_array_equal(model.coef_, coef)
    np.testing.assert_array_equal(model.predict(make(X)), predicted)
    assert model.score(make(X), y) == score


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "strided"])
def test_sparse_tensors_are_encodings(layout, shots):
    X, y = sparse.csr_array(shots[0]), shots[1]
    parts = (torch.from_numpy(part) for part in (X.indptr, X.indices, X.data))
    tensor = torch.sparse_csr_tensor(*parts, X.shape, check_invariants=True)
    tensor = tensor.to_dense() if layout == "strided" else getattr(tensor, f"to_sparse_{layout}")()
    model = MRTLClassifier(shots[0].modes, terms=None, **GIVEN, max_epochs=5).fit(X, y)
    coef, predicted = model.coef_, model.predict_proba(X)
    np.testing.assert_array_equal(model.fit(tensor, torch.from_numpy(y)).coef_, coef)
    np.testing.assert_array_equal(model.predict_proba(tensor), predicted)


def test_tensors_are_not_copied(fields):
    X = torch.from_numpy(np.nan_to_num(fields[0])).float()
    found = validate_samples(MRTLRegressor(), X)[0]
    assert found.ctypes.data == X.data_ptr()
    layout = layout_of(found, None, Labels())
    statistics = FieldSums.of(Rows(found, np.zeros(N), np.ones(N, np.float32))).statistics(layout, found.dtype)
    inputs = statistics.training_inputs(found, layout, torch.device("cpu"))
    assert inputs.x.data_ptr() == X.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32])
@pytest.mark.parametrize("gaps", [False, True])
def test_fields_on_a_gpu_stay_there(dtype, gaps, fields):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2, 6, 8)) * 100 + 7 * np.arange(8)
    y = X[:, 0, 3:6, 3:6].sum((1, 2)) / 100 + rng.normal(size=600)
    X = torch.from_numpy(X).to(dtype)
    gaps &= dtype != torch.int32
    if gaps:
        X[:, :, :2, :2] = torch.nan
        X[5, 1, 4, 4] = torch.nan
    new = X[:50].clone()
    weight = np.arange(600) % 4
    model = MRTLRegressor(**GIVEN, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model.fit(X, y, weight).coef_
        predicted, score = model.predict(new), model.score(X, y)
        with emulated_gpu() as gpu:
            moved = []
            gpu.moving = moved.append
            x = X.to("cuda:0")
            model.set_params(device="cuda:0").fit(x, torch.from_numpy(y).to("cuda:0"), weight)
            np.testing.assert_allclose(model.predict(new.to("cuda:0")), predicted, rtol=1e-4)
            assert model.score(x, y) == pytest.approx(score, rel=1e-4)
            assert max(moved) < X.nbytes / 10
    largest = np.nanmax(np.abs(expected))
    np.testing.assert_allclose(model.coef_, expected, atol=(1e-8 if dtype == torch.float64 else 1e-4) * largest)


def as_tensor(X, layout):
    """Encodings as a tensor of torch, which wants columns that ascend."""
    X = X.sorted_indices()
    parts = (torch.from_numpy(part) for part in (X.indptr, X.indices, X.data))
    tensor = torch.sparse_csr_tensor(*parts, X.shape, check_invariants=True)
    return tensor.to_dense() if layout == "dense" else tensor


ENCODED = {  # by name: classifier, terms, numbers in a further column
    "one product": (True, None, False),
    "a sum": (True, ["player", "court", ("player", "court")], False),
    "a sum with numbers": (False, ["player", "court", "body"], True),
    "penalties are chosen": (False, None, False),
}


@pytest.mark.parametrize("layout", ["csr", "dense"])
@pytest.mark.parametrize("name", ENCODED)
def test_encodings_on_a_gpu_stay_there(name, layout, many_shots, gpu_kernels):
    is_classifier, terms, has_numbers = ENCODED[name]
    (X, y), rng = many_shots, np.random.default_rng(0)
    X, modes, n = sparse.csr_array(X), list(X.modes), len(y)
    if has_numbers:
        X, modes = sparse.csr_array(sparse.hstack([X, rng.normal(9, 3, (n, 1))])), [*modes, Feature("body", 1)]
    y = y if is_classifier else y + rng.normal(size=n)
    weight, groups = np.arange(n) % 4, np.arange(n) // 800
    given = {"rank": 2, "random_state": 0} if name == "penalties are chosen" else GIVEN
    kind = MRTLClassifier if is_classifier else MRTLRegressor
    model = kind(modes, terms=terms, **given, max_epochs=3, device="cpu").fit(X, y, weight, groups=groups)
    expected, path = model.tensor_.parameters, model.alpha_path_
    predicted, score = model.predict(X[:50]), model.score(X, y)
    with emulated_gpu() as gpu:
        moved = []
        gpu.moving = moved.append
        x, new = (as_tensor(part, layout).to("cuda:0") for part in (X, X[:50]))
        model.set_params(device="cuda:0").fit(x, torch.from_numpy(y).to("cuda:0"), weight, groups=groups)
        np.testing.assert_allclose(model.predict(new), predicted, rtol=1e-6, atol=1e-9)
        assert model.score(x, y) == pytest.approx(score, rel=1e-6)
        assert max(moved) <= max(8 * prod(mode.size for mode in modes), y.nbytes) < X.nnz * 8 / 2
    for key, values in expected.items():
        np.testing.assert_allclose(model.tensor_.parameters[key], values, rtol=1e-6, atol=1e-9)
    assert len(path) == len(model.alpha_path_)
    assert without_gpu_path(gpu.operations, gpu_kernels) == WITHOUT_GPU_PATH


def test_encodings_on_a_gpu_that_are_wrong(shots):
    X, y = sparse.csr_array(shots[0]), shots[1]
    modes = shots[0].modes
    model = MRTLClassifier(modes, terms=None, **GIVEN, max_epochs=2, device="cpu")
    expected = model.fit(X, y).predict_proba(X)
    order = np.concatenate([np.arange(3, 83), np.arange(3), np.arange(83, 227)])
    with emulated_gpu():
        model.set_params(device="cuda:0")
        x = as_tensor(X, "csr").to("cuda:0")
        for wrong, message in (
            (torch.nan, "Input X contains NaN"),
            (torch.inf, "Input X contains infinity or a value too large for dtype"),
        ):
            values = X.copy()
            values.data[70] = wrong
            for layout in ("csr", "dense"):
                with pytest.raises(ValueError, match=message):
                    model.fit(as_tensor(values, layout).to("cuda:0"), y)
        with pytest.raises(ValueError, match="all of its 400 rows are equal"):
            model.fit(as_tensor(sparse.csr_array(X[np.zeros(400, int)]), "csr").to("cuda:0"), y)
        with pytest.raises(ValueError, match="X has no entry in the columns of"):
            model.fit(as_tensor(sparse.csr_array(X.multiply(np.arange(227) < 83)), "csr").to("cuda:0"), y)
        with pytest.raises(ValueError, match="227 columns.* got 226"):
            model.fit(as_tensor(sparse.csr_array(X[:, :-1]), "csr").to("cuda:0"), y)
        named = [Feature("player"), *modes[1:]]
        with pytest.raises(ValueError, match="377 rows without an entry"):
            model.set_params(modes=named).fit(as_tensor(sparse.csr_array(X[:, order]), "csr").to("cuda:0"), y)
        one_hot = sparse.csr_array(X[:, :83])
        with pytest.raises(ValueError, match="in the order .*'court', 'player'"):
            model.set_params(modes=modes[:2]).fit(as_tensor(one_hot[:, order[:83]], "csr").to("cuda:0"), y)
        on_cpu = model.set_params(modes=modes, device="cpu").fit(x, y).predict_proba(x)
    np.testing.assert_allclose(on_cpu, expected, rtol=1e-12)


def test_a_table_of_one_grid_on_a_gpu_stays_there():
    X = np.random.default_rng(0).normal(size=(3000, 30))
    y = X[:, 5:12].sum(1)
    model = MRTLRegressor(**GIVEN, device="cpu").fit(X, y)
    expected = model.coef_
    with emulated_gpu() as gpu:
        moved = []
        gpu.moving = moved.append
        model.set_params(device="cuda:0").fit(torch.from_numpy(X).to("cuda:0"), y)
        assert max(moved) < X.nbytes / 10
    np.testing.assert_allclose(model.coef_, expected, atol=1e-8)


def test_infinite_values_and_equal_rows_on_a_gpu(fields):
    X, y = torch.from_numpy(fields[0]), fields[1]
    model = MRTLRegressor(**GIVEN, device="cuda:0")
    with emulated_gpu():
        wrong = X.clone()
        wrong[3, 0, 4, 4] = torch.inf
        with pytest.raises(ValueError, match="infinity"):
            model.fit(wrong.to("cuda:0"), y)
        with pytest.raises(ValueError, match="constant"):
            model.fit(X[:1].expand(N, -1, -1, -1).to("cuda:0"), y)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.fit(X.to("cuda:0"), y[1:])
        with pytest.raises(ValueError, match="rows of shape"):
            model.fit(X.to("cuda:0"), y).predict(X[..., 1:].to("cuda:0"))
        with pytest.raises(ValueError, match="infinity"):
            model.predict(wrong.to("cuda:0"))


def test_fields_on_a_gpu_where_the_cpu_computes(fields):
    X, y = fields
    expected = MRTLRegressor(**GIVEN, device="cpu").fit(X, y).coef_
    with emulated_gpu():
        found = MRTLRegressor(**GIVEN, device="cpu").fit(torch.from_numpy(X).to("cuda:0"), y).coef_
    np.testing.assert_array_equal(found, expected)
