"""Gauss-Newton steps against dense Newton, and what they end at against other solvers."""

from dataclasses import replace

import pytest
import torch
from helpers import (
    LOSSES,
    assert_same,
    axes_for,
    fields,
    minimized,
    normal,
    objective_of,
    random_parameters,
    samples_of,
)
from solver_problems import MODES, full_rank, low_rank, value_of

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, PoissonLoss, SoftmaxLoss
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.solvers.base import SolverSettings, flatten, unflatten
from sklearn_mrtl.core.solvers.gauss_newton import gauss_newton
from sklearn_mrtl.core.solvers.linearized import linearize

LARGE_MODES = Feature("lag", 3), Grid("sea", (20, 24), quantity="mean")
by_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def hessian(objective, parameters):
    """The Hessian of the objective, by differences of the gradient, and the gradient."""
    x, columns = flatten(parameters), []

    def gradient(x):
        return flatten(objective.value_and_gradient(unflatten(x, parameters))[2])

    for unit in 1e-5 * torch.eye(len(x)).double():
        columns.append((gradient(x + unit) - gradient(x - unit)) / 2e-5)
    return torch.stack(columns, 1), gradient(x)


def centred(inputs, samples):
    """Fields whose weighted mean is 0, so that intercepts do not depend on weights."""
    weight = samples.weight[:, 0] / samples.weight.sum()
    return replace(inputs, center=torch.tensordot(weight, inputs.x, 1))


def newton_step(objective, parameters):
    return flatten(linearize(objective, parameters).solver(parameters)(objective.value_and_gradient(parameters)[2]))


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_a_step_of_a_full_rank_model_is_that_of_dense_newton(n_outputs):
    inputs = fields(MODES, n=60, masks={"sea": torch.arange(12) != 4})
    targets = normal(60, n_outputs)
    samples = Samples.from_rows(inputs, targets, torch.rand(60, dtype=torch.float64) + 0.5)
    samples = replace(samples, inputs=centred(inputs, samples))
    model = FullRank(axes_for(samples.inputs, n_outputs))
    objective = objective_of(model, samples)
    parameters = random_parameters(model)
    matrix, gradient = hessian(objective, parameters)
    matrix += torch.diag((matrix.diagonal().abs() < 1e-8).double())  # cells without data
    assert_same(newton_step(objective, parameters), torch.linalg.solve(matrix, gradient), rtol=1e-3, atol=1e-3)


@by_loss
def test_at_a_minimum_without_residuals_a_step_of_cp_is_that_of_dense_newton(loss):
    """There Gauss-Newton is Newton, but for what weak penalties say of several factors at once."""
    inputs = fields(MODES, n=60)
    model = CP(axes_for(inputs, LOSSES[loss]))
    truth = random_parameters(model, 1)
    scores = model.scores(truth, inputs)
    means = {LogisticLoss: torch.sigmoid, SoftmaxLoss: lambda z: z.softmax(1), PoissonLoss: torch.exp}
    targets = means[loss](scores) if loss in means else scores
    samples = Samples.from_rows(inputs, targets, torch.ones(60).double())
    samples = replace(samples, inputs=inputs)
    objective = objective_of(model, samples, loss, alpha_spatial=1e-9, alpha_l2=1e-9)
    near = {name: value + 1e-3 * normal(*value.shape, seed=9) for name, value in truth.items()}
    before = value_of(objective, near) - value_of(objective, truth)
    step = newton_step(objective, near)
    after = value_of(objective, unflatten(flatten(near) - step, near)) - value_of(objective, truth)
    assert after < (0.05 if loss is not SoftmaxLoss else 0.9) * before


@by_loss
@pytest.mark.parametrize("rank", [1, 3])
def test_as_low_as_lbfgs(loss, rank):
    objective, start = low_rank(rank=rank, loss=loss)
    linearization = linearize(objective, start)
    found = gauss_newton(objective, start, linearization, SolverSettings(max_epochs=300, convergence=1e-9))
    value, best = value_of(objective, found), value_of(objective, minimized(objective, found))
    assert value - best < (1e-3 if loss is SoftmaxLoss else 1e-5) * (objective.null_loss() - best)


@by_loss
def test_a_full_rank_model_as_low_as_lbfgs(loss):
    objective, start, _ = full_rank(loss)
    linearization = linearize(objective, start)
    found = gauss_newton(objective, start, linearization, SolverSettings(max_epochs=300, convergence=1e-9))
    assert value_of(objective, found) <= value_of(objective, minimized(objective, start)) * (1 + 1e-5)


def smooth_fields(n=150, seed=0):
    """Fields with waves of a few cells, so that coarse cells see most of them."""
    inputs = fields(LARGE_MODES, n=n, seed=seed)
    noise = inputs.x.reshape(n, 3, 20, 24)
    for dim in (2, 3):
        for _ in range(12):
            noise = (noise + noise.roll(1, dim) + noise.roll(-1, dim)) / 3
    return replace(inputs, x=noise.reshape(n, 3, 480) * 30, center=torch.zeros(3, 480).double())


@pytest.mark.parametrize("model_class, rank", [(CP, 2), (FullRank, None)])
def test_few_steps_on_a_fine_grid(model_class, rank):
    """Coarse cells stand for the data: from afar within 1e-3 of what is explained after twenty passes."""
    inputs = smooth_fields()
    model = model_class(axes_for(inputs))
    truth = random_parameters(model, rank)
    samples = Samples.from_rows(
        inputs, model.scores(truth, inputs) / 5 + 0.1 * normal(150, 1), torch.ones(150).double()
    )
    objective = objective_of(model, samples, alpha_spatial=1e-3, alpha_l2=1e-3)
    start = {name: value / 5 + 0.02 * normal(*value.shape, seed=5) for name, value in truth.items()}
    linearization, passes = linearize(objective, start), []
    assert linearization.fields.axes[1].n_coarse < 480
    evaluate = objective.value_and_gradient
    objective.value_and_gradient = lambda parameters: passes.append(1) or evaluate(parameters)
    found = gauss_newton(objective, start, linearization, SolverSettings())
    assert len(passes) <= 20
    best = value_of(objective, minimized(objective, found))
    assert value_of(objective, found) - best < 1e-3 * (objective.null_loss() - best)


@pytest.mark.parametrize("seed", range(10))
def test_factors_near_zero_are_left(seed):
    """There the equations promise steps that are longer than they hold by far."""
    classes, inputs = torch.arange(90) % 3, fields((Grid("cells", 2),), n=90)
    centres = torch.tensor([[1.0, 0.5], [-0.5, 1.0], [0.0, -1.0]], dtype=torch.float64)
    inputs = replace(inputs, x=centres[classes] + 0.5 * inputs.x, center=torch.zeros(2).double())
    samples = Samples.from_rows(inputs, torch.eye(3).double()[classes], torch.ones(90).double())
    model = CP(axes_for(inputs, 3))
    objective = objective_of(model, samples, SoftmaxLoss, 1e-4, 1e-3)
    start = model.random(2, samples.weight, 2.0, seed)
    found = gauss_newton(objective, start, linearize(objective, start), SolverSettings())
    convex = objective_of(FullRank(model.axes), samples, SoftmaxLoss, 1e-4, 1e-3)
    best = value_of(convex, minimized(convex, convex.model.initial(samples.weight)))  # rank 2 is no restriction
    assert value_of(objective, found) - best < 0.01 * (objective.null_loss() - best)


@pytest.mark.parametrize("seed", range(3))
def test_a_rough_start_does_not_end_at_zero(seed):
    """Strong penalties make all factors small at once, and the equations before that tell nothing of the next step."""
    inputs = smooth_fields()
    model = CP(axes_for(inputs, 3))
    truth = random_parameters(model, 2)
    grid = truth["factor 1"].reshape(20, 24, 2)
    for dim in (0, 1):
        for _ in range(40):
            grid = (grid + grid.roll(1, dim) + grid.roll(-1, dim)) / 3
    scores = model.scores({**truth, "factor 1": grid.reshape(480, 2)}, inputs)
    samples = Samples.from_rows(inputs, scores / scores.std() + 0.1 * normal(150, 3), torch.ones(150).double())
    objective = objective_of(model, samples, alpha_spatial=100.0, alpha_l2=2000.0)
    start = model.random(2, samples.weight, float(inputs.x.square().sum() / 150), seed)
    found = gauss_newton(objective, start, linearize(objective, start), SolverSettings())
    near_truth = {**truth, "factor 1": grid.reshape(480, 2) / float(scores.std())}
    best = value_of(objective, minimized(objective, near_truth))
    assert value_of(objective, found) - best < 0.02 * (objective.null_loss() - best)


@pytest.mark.parametrize("change", ["rows", "modes", "components"])
def test_a_permutation_changes_nothing_else(change):
    inputs = smooth_fields(n=80)
    samples = samples_of(inputs)
    model = CP(axes_for(inputs))
    start = {name: 0.3 * value for name, value in random_parameters(model, 2).items()}
    expected = value_of(objective_of(model, samples), solved(model, samples, start))
    if change == "rows":
        rows = torch.randperm(80, generator=torch.Generator().manual_seed(0))
        samples = Samples.from_rows(inputs.select(rows), samples.y[rows, 0], samples.weight[rows, 0])
    elif change == "components":
        start = {name: value.flip(1) if value.ndim == 2 else value for name, value in start.items()}
    else:
        lag, sea = inputs.modes
        turned = replace(
            inputs, x=inputs.x.transpose(1, 2).contiguous(), center=inputs.center.T.contiguous(), modes=(sea, lag),
            shapes=inputs.shapes[::-1], masks=inputs.masks[::-1], stored=None,
        )  # fmt: skip
        samples, model = replace(samples, inputs=turned), CP(axes_for(turned))
        start = {**start, "factor 0": start["factor 1"], "factor 1": start["factor 0"]}
    assert_same(value_of(objective_of(model, samples), solved(model, samples, start)), expected, rtol=1e-5)


def solved(model, samples, start):
    objective = objective_of(model, samples)
    return gauss_newton(objective, start, linearize(objective, start), SolverSettings(max_epochs=100, convergence=1e-7))


@pytest.mark.parametrize("size", [1.0, 0.01])
def test_it_goes_on_from_any_state_to_the_same_bits(size):
    objective, start = low_rank(rank=2)
    start = {name: size * value for name, value in start.items()}
    settings, states = SolverSettings(convergence=1e-8), []

    def monitor(epoch):
        states.append(epoch.state and epoch.state())
        return False

    expected = gauss_newton(objective, start, linearize(objective, start), settings, monitor)
    assert len(states) > 3
    assert any(float(state["damping"]) for state in filter(None, states)) == (size < 1)
    for state in filter(None, states):
        found = gauss_newton(objective, start, linearize(objective, start), settings, state=state)
        assert_same(found, expected, rtol=0, atol=0)


def test_a_view_of_a_coarser_level_gives_the_same_coarse_fields():
    inputs = smooth_fields(n=40)
    model = CP(axes_for(inputs))
    objective, start = objective_of(model, samples_of(inputs)), random_parameters(model, 2)
    view = inputs.coarsen(((3,), (10, 12)))
    direct, viewed = linearize(objective, start).fields, linearize(objective, start, view).fields
    assert direct.x.shape == viewed.x.shape
    exact = replace(inputs).coarsen(tuple(axis.shape for axis in viewed.axes)).x
    assert float((viewed.x - direct.x).norm()) < 0.2 * float(direct.x.norm())
    assert exact.shape == viewed.x.shape


def test_what_coarse_cells_do_not_see_is_what_interpolation_between_them_leaves():
    inputs, weight = smooth_fields(n=40), torch.arange(1.0, 41.0).double()
    model = CP(axes_for(inputs))
    samples = Samples.from_rows(inputs, normal(40, 1), weight)
    found = linearize(objective_of(model, samples), random_parameters(model, 2)).fields
    lag, sea = found.axes
    matrix = sea.extend(torch.eye(sea.n_coarse, dtype=torch.float64))  # (D, d)
    fine = inputs.design().reshape(40, *inputs.sizes)
    unseen = fine - torch.einsum("nlc,dc->nld", found.x, matrix)
    expected = (weight[:, None, None] * unseen**2).sum() / weight.sum()
    square = (weight[:, None, None] * fine**2).sum() / weight.sum()
    assert found.unseen == pytest.approx(float(expected) / (lag.axis.size * sea.axis.size))
    assert found.unseen_fraction == pytest.approx(float(expected / square))


def test_what_coarse_cells_do_not_see_makes_steps_shorter():
    inputs = smooth_fields(n=40)
    model = CP(axes_for(inputs))
    objective, start = objective_of(model, samples_of(inputs)), random_parameters(model, 2)
    gradient, sizes = objective.value_and_gradient(start)[2], []
    for factor in (1, 10, 100, 1000):
        linearization = linearize(objective, start)
        linearization.fields.unseen *= factor
        step = linearization.solver(start)(gradient)
        sizes.append(float(step["factor 0"].norm() + step["factor 1"].norm()))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 0.5 * sizes[0]


def test_fields_that_coarse_cells_do_not_see_have_no_linearization():
    inputs = fields(LARGE_MODES, n=40)
    model = CP(axes_for(inputs))
    assert linearize(objective_of(model, samples_of(inputs)), random_parameters(model, 2)) is None


@pytest.mark.parametrize("make", [lambda: low_rank(Tucker, (2, 2)), lambda: low_rank(nonnegative=["sea"])])
def test_what_has_no_linearization(make):
    objective, start = make()
    assert linearize(objective, start) is None


def test_coarse_fields_of_other_weights_are_those_of_the_rows_that_count():
    """As coarse fields of these rows alone."""
    inputs, weight = smooth_fields(n=40), torch.zeros(40).double()
    rows = torch.arange(0, 40, 3)
    weight[rows] = torch.arange(1.0, 15.0).double()
    model, targets = CP(axes_for(inputs)), normal(40, 1)
    start = random_parameters(model, 2)
    some = Samples.from_rows(inputs.select(rows), targets[rows], weight[rows])
    expected = linearize(objective_of(model, some), start).fields
    everything = Samples.from_rows(inputs, targets, torch.ones(40).double())
    found = linearize(objective_of(model, everything), start).fields.weighted(weight)
    torch.testing.assert_close(found.x, expected.x)
    torch.testing.assert_close(found.weight, expected.weight)
