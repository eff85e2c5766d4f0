"""Slow, independent versions of the core's mathematics, and small problems to try it on."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import prod

import numpy as np
import pytest
import sklearn
import torch
from sklearn.utils.fixes import parse_version
from torch import Tensor

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.data.mode_encodings import MultiHot, OneHot
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.data.sparse import SparseMatrix
from sklearn_mrtl.core.losses import LogisticLoss, PoissonLoss, SoftmaxLoss, SquaredLoss
from sklearn_mrtl.core.models.axes import Axis, make_axes
from sklearn_mrtl.core.models.base import Alphas, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.lbfgs import lbfgs

FIELD_MODES = (
    Feature("lag", 2),
    Grid("month", 4, periodic=True),
    Grid("sea", (3, 5), bounds=[(0, 6), (0, 5)], quantity="mean"),
)
ENCODED_MODES = (
    Feature("player", 3),
    Grid("court", (4, 3)),
    Grid("hour", 6, quantity="mean", periodic=True),
)
LAYOUTS = ("fields", "encodings")
LOSSES = {SquaredLoss: 1, LogisticLoss: 1, SoftmaxLoss: 3, PoissonLoss: 2}  # and a number of outputs that suits each


MODELS = (FullRank, *DECOMPOSITIONS.values())  # all of them: a new decomposition is tested by the case of all
by_model = pytest.mark.parametrize("model_class", MODELS, ids=lambda model_class: model_class.__name__)


# Problems


def requires_sklearn(version: str, what: str):
    """Return a mark that skips a test of what came with a version of scikit-learn."""
    older = parse_version(sklearn.__version__) < parse_version(version)
    return pytest.mark.skipif(older, reason=f"{what} came with scikit-learn {version}")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=generator(seed), dtype=torch.float64)


def fields(modes=FIELD_MODES, n: int = 12, *, masks=None, seed: int = 0) -> FieldInputs:
    """Random fields about a centre, 0 where there are no data; masks by the grid's name."""
    sizes = [mode.size for mode in modes]
    masks = tuple((masks or {}).get(mode.name) for mode in modes)
    x, center = normal(n, *sizes, seed=seed), normal(*sizes, seed=seed + 1)
    for dim, mask in enumerate(masks):
        if mask is not None:
            along = mask.reshape([-1 if d == dim else 1 for d in range(len(sizes))])
            x, center = x * along, center * along
    stored = slice(None) if masks[-1] is None else masks[-1]
    shapes = tuple(mode.shape for mode in modes)
    return FieldInputs(x[..., stored], center[..., stored], tuple(modes), shapes, masks)


def multi_hot(dense: Tensor) -> MultiHot:
    row, column = torch.nonzero(dense, as_tuple=True)
    pointers = torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(row, minlength=len(dense)).cumsum(0)])
    return MultiHot(SparseMatrix(pointers, column, dense[row, column], tuple(dense.shape)))


def encodings(modes=ENCODED_MODES, n: int = 12, *, seed: int = 0) -> EncodedInputs:
    """One-hot Features, and grids with up to three points in a sample."""
    encoded = []
    for m, mode in enumerate(modes):
        size, draw = mode.size, generator(seed + m)
        if isinstance(mode, Feature):
            encoded.append(OneHot(torch.randint(size, (n,), generator=draw), size, torch.float64))
        else:
            counts = torch.zeros(n, size, dtype=torch.float64)
            points = torch.randint(size, (n, 3), generator=draw)
            encoded.append(multi_hot(counts.scatter_add_(1, points, torch.rand(n, 3, generator=draw).double())))
    return EncodedInputs(tuple(encoded), tuple(modes), tuple(mode.shape for mode in modes))


def inputs_of(layout: str, n: int = 12, *, seed: int = 0) -> Inputs:
    """Samples of a layout; the fields have a cell of land in each grid."""
    if layout == "encodings":
        return encodings(n=n, seed=seed)
    masks = {mode.name: torch.arange(mode.size) != 1 for mode in FIELD_MODES if isinstance(mode, Grid)}
    return fields(n=n, masks=masks, seed=seed)


def axes_for(inputs: Inputs, n_outputs: int = 1, sigma: float | None = 0.2) -> tuple[Axis, ...]:
    return make_axes(inputs, n_outputs, sigma, torch.zeros((), dtype=torch.float64))


def small_rank(model: TensorModel):
    """A rank that suits a model: one number, or numbers that differ between the modes; None at full rank."""
    if isinstance(model, FullRank):
        return None
    asked = (2, 3, 2, 2)[: len(model.axes)] if model.rank_per_mode else 2
    return model.fitting_rank(asked, [axis.size for axis in model.axes])


def build(model_class, inputs: Inputs, n_outputs: int = 1, sigma: float | None = 0.2):
    """A model for inputs, and random parameters."""
    model = model_class(axes_for(inputs, n_outputs, sigma))
    return model, random_parameters(model, small_rank(model))


def random_parameters(model: TensorModel, rank=None, *, seed: int = 0) -> dict[str, Tensor]:
    """Random values everywhere but on land."""
    like = torch.zeros((), dtype=torch.float64)
    start = model.initial(like) if isinstance(model, FullRank) else model.random(rank, like, 1.0, seed)
    filled = {name: normal(*value.shape, seed=seed + i) for i, (name, value) in enumerate(start.items())}
    for dim, axis in enumerate(model.axes):
        if axis.mask is not None:
            name, along = ("weights", dim) if "weights" in filled else (f"factor {dim}", 0)
            shape = [-1 if d == along else 1 for d in range(filled[name].ndim)]
            filled[name] = filled[name] * axis.mask.reshape(shape)
    return {name: value.abs() if name in model.bounded else value for name, value in filled.items()}


def targets(loss, n: int = 12, *, seed: int = 0) -> Tensor:
    """Targets that suit a loss, shape (n, T)."""
    if loss is SquaredLoss:
        return normal(n, LOSSES[loss], seed=seed)
    if loss is PoissonLoss:
        return torch.poisson(1.5 * uniform(n, LOSSES[loss], seed=seed), generator=generator(seed))
    classes = torch.randint(max(2, LOSSES[loss]), (n,), generator=generator(seed))
    return classes[:, None].double() if loss is LogisticLoss else torch.nn.functional.one_hot(classes).double()


def samples_of(inputs: Inputs, loss=SquaredLoss, *, seed: int = 0) -> Samples:
    """With weights that differ."""
    return Samples.from_rows(inputs, targets(loss, inputs.n_rows, seed=seed), uniform(inputs.n_rows, seed=seed) + 0.5)


def objective_of(model, samples: Samples, loss=SquaredLoss, alpha_spatial=0.01, alpha_l2=0.1) -> Objective:
    return Objective.from_samples(model, samples, loss, Alphas(alpha_spatial, alpha_l2))


def minimized(objective: Objective, start) -> dict[str, Tensor]:
    """The minimum to many digits."""
    return lbfgs(objective, start, SolverSettings(max_epochs=1000, convergence=1e-15))


def pool_of(n_threads):
    """Python threads that have all used torch before the first of them gets work.

    A thread that first uses torch while another one changes its number may begin with that number.
    """
    barrier = threading.Barrier(n_threads)

    def begin():
        torch.get_num_threads()
        barrier.wait(10)

    return ThreadPoolExecutor(n_threads, initializer=begin)


# Slow versions


def formed(inputs: Inputs) -> Tensor:
    """Every sample's tensor, shape (n, rows of each mode), in the units of the scores."""
    if isinstance(inputs, FieldInputs):
        x = inputs.unpack(inputs.x - inputs.center)
    else:
        x = torch.ones(inputs.n_rows, dtype=torch.float64)
        for encoding in inputs.encodings:
            dense = encoding.matrix.to_dense()
            x = x[..., None] * dense.reshape(len(x), *[1] * (x.ndim - 1), -1)
    for mode, shape in zip(inputs.modes, inputs.shapes, strict=True):
        if getattr(mode, "quantity", None) == "mean":  # coarse fields are means, coarse encodings sums
            x = x / (prod(shape) if isinstance(inputs, FieldInputs) else mode.size)
    return x


def slow_scores(model: TensorModel, weights: Tensor, parameters, inputs: Inputs) -> Tensor:
    """Eq. (1) by an explicit sum over all entries of W, shape (n, T)."""
    x = formed(inputs).reshape(inputs.n_rows, -1)
    return x @ weights.reshape(x.shape[1], -1) + parameters["intercept"]


def locations(grid: Grid, shape: tuple[int, ...]) -> np.ndarray:
    """Centres of the cells, shape (D, axes)."""
    return np.array(
        [[(i + 0.5) * length / n for i, n, length in zip(cell, shape, grid.extents, strict=True)] for cell in
         product(*map(range, shape))]
    )  # fmt: skip


def dense_kernel(grid: Grid, shape: tuple[int, ...], sigma: float | None) -> tuple[np.ndarray, np.ndarray]:
    """K of eq. (4) and the squared distances, both (D, D), the largest distance being 1."""
    apart = np.abs(locations(grid, shape)[:, None] - locations(grid, shape))
    around = np.where(grid.periodic, np.minimum(apart, np.array(grid.extents) - apart), apart)
    squares = (around**2).sum(-1)
    largest = squares.max() or 1.0
    if sigma is None:
        sigma = max(length / n for length, n in zip(grid.extents, shape, strict=True)) ** 2 / largest
    return np.exp(-squares / largest / sigma), squares / largest


def slow_roughness(weights, grid: Grid, shape, sigma, mask=None) -> float:
    """Eq. (3) by its double sum over the cells, for weights (D, entries), over the mean of k times distance squared."""
    weights = np.asarray(weights)
    kernel, squares = dense_kernel(grid, shape, sigma)
    free = [d for d in range(len(weights)) if mask is None or mask[d]]
    total, distance = 0.0, 0.0
    for d in free:
        for e in free:
            total += kernel[d, e] * ((weights[d] - weights[e]) ** 2).sum()
            distance += kernel[d, e] * squares[d, e] / len(free)
    return total / distance if distance else 0.0


def slow_penalty(model: TensorModel, weights: Tensor, parameters, sigma, alpha_spatial, alpha_l2) -> float:
    """R of eq. (5) from W itself."""
    rough, n_entries = 0.0, 1
    for dim, axis in enumerate(model.axes):
        n_entries *= axis.size if axis.mask is None else int(axis.mask.sum())
        if isinstance(axis.mode, Grid):
            unfolded = weights.movedim(dim, 0).reshape(axis.size, -1)
            rough += slow_roughness(unfolded, axis.mode, axis.shape, sigma, axis.mask)
    return (alpha_spatial * rough + alpha_l2 * float((weights**2).sum())) / n_entries


def numerical_gradient(objective: Objective, parameters, step: float = 1e-6) -> dict[str, Tensor]:
    """Central differences of the objective."""
    gradient = {name: torch.zeros_like(value) for name, value in parameters.items()}
    for name, value in parameters.items():
        for index in product(*map(range, value.shape)):
            sides = []
            for sign in (1, -1):
                moved = value.clone()
                moved[index] += sign * step
                sides.append(float(objective.value_and_gradient({**parameters, name: moved})[0]))
            gradient[name][index] = (sides[0] - sides[1]) / (2 * step)
    return gradient


def assert_same(actual, expected, *, rtol=1e-9, atol=1e-9) -> None:
    """Parameters, or tensors, that agree to rounding."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for name in expected:
            assert_same(actual[name], expected[name], rtol=rtol, atol=atol)
    else:
        np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=rtol, atol=atol)


def assert_product(product, dense):
    """Values, and gradients against autograd through the dense matrix, of three columns and of one."""
    for n_columns in (3, 1):
        c = normal(dense.shape[1], n_columns).requires_grad_()
        g = normal(len(dense), n_columns, seed=1)
        actual, expected = product(c), dense @ c
        assert_same(actual.detach(), expected.detach())
        assert_same(*(torch.autograd.grad((z * g).sum(), c)[0] for z in (actual, expected)))


def mapped(thing, change):
    """A copy of a core object with all its tensors and dtypes, however deep, changed."""
    if isinstance(thing, Tensor | torch.dtype):
        return change(thing)
    if isinstance(thing, dict):
        return {key: mapped(value, change) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        values = [mapped(value, change) for value in thing]
        return type(thing)(*values) if hasattr(thing, "_fields") else type(thing)(values)
    if type(thing).__module__.startswith("sklearn_mrtl.core") and hasattr(thing, "__dict__"):
        clone = copy.copy(thing)
        clone.__dict__.update({name: mapped(value, change) for name, value in vars(thing).items()})
        return clone
    return thing


def on_meta(thing):
    """A copy on the meta device, where torch has no sparse products: dense matrices of the same shape stand in."""

    def change(leaf):
        if not isinstance(leaf, Tensor):
            return leaf
        if leaf.layout == torch.sparse_csr:
            return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta")
        return leaf.to("meta")

    return mapped(thing, change)


def in_single(thing):
    """A copy in single precision."""

    def change(leaf):
        if isinstance(leaf, Tensor):
            return leaf.float() if leaf.dtype == torch.float64 else leaf
        return torch.float32 if leaf == torch.float64 else leaf

    return mapped(thing, change)
