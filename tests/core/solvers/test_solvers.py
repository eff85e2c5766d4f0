from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import (
    LOSSES,
    assert_same,
    axes_for,
    encodings,
    fields,
    formed,
    minimized,
    objective_of,
    random_parameters,
    samples_of,
)
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.losses import LogisticLoss, SoftmaxLoss, SquaredLoss
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings, flatten, unflatten
from sklearn_mrtl.core.solvers.lbfgs import lbfgs
from sklearn_mrtl.core.solvers.ridge import RidgeDesign
from sklearn_mrtl.core.solvers.solve import SOLVERS, solve

MODES = (Feature("lag", 3), Grid("sea", (3, 4), quantity="mean"))
by_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def full_rank(loss, n=60, alpha_spatial=0.001, alpha_l2=0.01):
    inputs = fields(MODES, n=n)
    model = FullRank(axes_for(inputs, LOSSES[loss]))
    samples = samples_of(inputs, loss)
    return objective_of(model, samples, loss, alpha_spatial, alpha_l2), model.initial(samples.weight), samples


def low_rank(model_class=CP, rank=2, nonnegative=(), loss=SquaredLoss):
    inputs = fields(MODES, n=60)
    model = model_class(axes_for(inputs, LOSSES[loss]), nonnegative)
    return objective_of(model, samples_of(inputs, loss), loss), random_parameters(model, rank)


def by_scipy(objective, start):
    """The minimum by another's L-BFGS, from the same start."""

    def value_and_gradient(vector):
        value, _, gradient = objective.value_and_gradient(unflatten(torch.from_numpy(vector), start))
        return float(value), flatten(gradient).numpy()

    found = minimize(value_and_gradient, flatten(start).numpy(), jac=True, method="L-BFGS-B",
                     options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-9})  # fmt: skip
    return found.fun, unflatten(torch.from_numpy(found.x), start)


def value_of(objective, parameters):
    return float(objective.value_and_gradient(parameters)[0])


def largest_gradient(objective, parameters):
    return float(flatten(objective.value_and_gradient(parameters)[2]).abs().max())


@by_loss
def test_lbfgs_finds_the_minimum_of_a_convex_objective(loss):
    objective, start, _ = full_rank(loss)
    found = minimized(objective, start)
    value, expected = by_scipy(objective, start)
    assert_same(value_of(objective, found), value, rtol=1e-8)
    x = objective.inputs
    scores = [objective.model.scores(parameters, x) for parameters in (found, expected)]
    scores = [s - s.mean(1, keepdim=True) if loss is SoftmaxLoss else s for s in scores]  # up to what softmax ignores
    assert_same(*scores, rtol=1e-3, atol=1e-4)


def test_lbfgs_finds_the_exact_ridge_solution():
    objective, start, samples = full_rank(SquaredLoss)
    exact = RidgeDesign(objective.model, samples).solve(Alphas(0.001, 0.01), samples.weight)
    assert_same(minimized(objective, start), exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("loss", [LogisticLoss, SoftmaxLoss], ids=lambda loss: loss.__name__)
def test_classes_as_scikit_learns_logistic_regression(loss):
    """The same objective: C = entries of W / (2 alpha sum of weights)."""
    objective, start, samples = full_rank(loss, alpha_spatial=0.0, alpha_l2=0.1)
    y, weight = samples.totals()
    labels = (y.argmax(1) if loss is SoftmaxLoss else y[:, 0]).numpy()
    expected = LogisticRegression(
        C=objective.model.n_entries / (2 * 0.1 * float(weight.sum())), tol=1e-10, max_iter=5000
    )
    x = formed(objective.inputs).reshape(60, -1).numpy()
    expected.fit(x, labels, sample_weight=weight.numpy())
    scores = objective.model.scores(minimized(objective, start), objective.inputs)
    probabilities = scores.softmax(1) if loss is SoftmaxLoss else torch.cat([-scores, scores], 1).sigmoid()
    assert_same(probabilities, expected.predict_proba(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model_class, rank", [(CP, 2), (Tucker, (2, 2))])
@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_lbfgs_ends_where_the_gradient_is_zero(model_class, rank, loss):
    objective, start = low_rank(model_class, rank, loss=loss)
    found = minimized(objective, start)
    assert largest_gradient(objective, found) < 1e-4 * largest_gradient(objective, start)
    assert value_of(objective, found) < value_of(objective, start)


@pytest.mark.parametrize("rank, nonnegative", [(1, ["sea"]), (2, ["lag", "sea"])])
def test_projected_lbfgs_reaches_a_kkt_point(rank, nonnegative):
    """Factors that are exactly >= 0; where they are 0 the gradient holds them there, elsewhere it is 0."""
    objective, start = low_rank(rank=rank, nonnegative=nonnegative)
    found = minimized(objective, start)
    _, _, gradient = objective.value_and_gradient(found)
    tolerance = 1e-5 * largest_gradient(objective, start)
    n_zeros = 0
    for name, factor in found.items():
        if name in objective.model.bounded:
            assert bool((factor >= 0).all())
            at_zero = factor == 0
            n_zeros += int(at_zero.sum())
            assert bool((gradient[name][at_zero] >= -tolerance).all())
            assert bool((gradient[name][~at_zero].abs() <= tolerance).all())
        else:
            assert bool((gradient[name].abs() <= tolerance).all())
    assert n_zeros > 0  # the bound holds something


def test_projected_lbfgs_as_low_as_scipys_bounds():
    """Both modes bounded, from the same start."""
    objective, start = low_rank(rank=1, nonnegative=["lag", "sea"])
    names = list(start)
    bounds = [(0 if name in objective.model.bounded else None, None) for name in names for _ in start[name].reshape(-1)]

    def value_and_gradient(vector):
        value, _, gradient = objective.value_and_gradient(unflatten(torch.from_numpy(vector), start))
        return float(value), flatten(gradient).numpy()

    expected = minimize(value_and_gradient, flatten(start).numpy(), jac=True, method="L-BFGS-B", bounds=bounds,
                        options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-10})  # fmt: skip
    assert value_of(objective, minimized(objective, start)) <= expected.fun * (1 + 1e-4)


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_mini_batches_approach_the_minimum(name, batch_size):
    objective, start, samples = full_rank(SquaredLoss, alpha_l2=0.1)
    best = value_of(objective, RidgeDesign(objective.model, samples).solve(Alphas(0.001, 0.1), samples.weight))
    rate = 0.05 if name == "adam" else 0.3
    settings = SolverSettings(name, max_epochs=150, learning_rate=rate, lr_decay=0.99, batch_size=batch_size)
    found = value_of(objective, solve(objective, start, settings)[0])
    initial = value_of(objective, start)
    assert best <= found < best + 0.5 * (initial - best)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_mini_batches_keep_bounds_seeds_and_the_start(name):
    objective, start = low_rank(nonnegative=["sea"])
    kept = {key: value.clone() for key, value in start.items()}
    settings = SolverSettings(name, max_epochs=5, batch_size=10, seed=3)
    (once, _), (again, _) = solve(objective, start, settings), solve(objective, start, settings)
    assert_same(once, again, rtol=0, atol=0)
    assert_same(start, kept, rtol=0, atol=0)
    assert bool((once["factor 1"] >= 0).all())
    other, _ = solve(objective, start, SolverSettings(name, max_epochs=5, batch_size=10, seed=4))
    assert not torch.equal(flatten(once), flatten(other))


def test_the_learning_rate_decays_after_every_epoch():
    """One batch an epoch, of plain gradient descent: every step is the gradient times the rate of its epoch."""
    objective, start, _ = full_rank(SquaredLoss)
    seen = [start]
    gradients = []

    def monitor(epoch):
        seen.append(epoch.parameters)
        gradients.append(epoch.gradient)

    solve(objective, start, SolverSettings("sgd", max_epochs=4, learning_rate=0.1, lr_decay=0.5), monitor)
    for epoch, (before, after, gradient) in enumerate(zip(seen, seen[1:], gradients, strict=False)):
        assert_same(after["weights"], before["weights"] - 0.1 * 0.5**epoch * gradient["weights"])
        assert_same(gradient["weights"], objective.value_and_gradient(before)[2]["weights"])


@pytest.mark.parametrize("name", SOLVERS)
def test_a_monitor_sees_every_epoch_and_can_end_it(name):
    objective, start, _ = full_rank(LogisticLoss)
    epochs = []

    def monitor(epoch):
        assert epoch.gradient.keys() == epoch.parameters.keys() == start.keys()
        epochs.append(epoch)
        return len(epochs) == 3

    last, _ = solve(objective, start, SolverSettings(name, max_epochs=50, convergence=0.0), monitor)
    assert len(epochs) == 3
    assert_same(last, epochs[-1].parameters, rtol=0, atol=0)
    if name == "lbfgs":
        values = [epoch.objective for epoch in epochs]
        assert values == sorted(values, reverse=True)
        assert_same(value_of(objective, last), values[-1], rtol=1e-12)


@pytest.mark.parametrize("name", SOLVERS)
def test_at_most_max_epochs(name):
    objective, start, _ = full_rank(LogisticLoss)
    calls = []
    solve(objective, start, SolverSettings(name, max_epochs=4, convergence=0.0), calls.append)
    assert len(calls) == 4


def test_lbfgs_stays_at_a_minimum():
    objective, start, samples = full_rank(SquaredLoss)
    exact = RidgeDesign(objective.model, samples).solve(Alphas(0.001, 0.01), samples.weight)
    assert_same(lbfgs(objective, exact, SolverSettings())[0], exact, rtol=1e-7, atol=1e-7)


def test_single_outputs_of_a_pooled_intercept_model_converge_too():
    inputs = encodings(n=200)
    model = FullRank(axes_for(inputs))
    samples = samples_of(inputs, LogisticLoss)
    objective = objective_of(model, samples, LogisticLoss)
    start = model.initial(samples.weight)
    assert_same(value_of(objective, minimized(objective, start)), by_scipy(objective, start)[0], rtol=1e-7)


@by_loss
def test_lbfgs_does_not_search_for_what_rounding_hides(loss):
    """In single precision, started near the minimum and told never to be content, it soon is."""
    objective, start, _ = full_rank(loss)
    found = {name: 1.001 * value.float() for name, value in minimized(objective, start).items()}
    y, weight, x, center = (
        values.float() for values in (objective.y, objective.weight, objective.inputs.x, objective.inputs.center)
    )
    inputs = replace(objective.inputs, x=x, center=center)
    model = FullRank(make_axes(inputs, LOSSES[loss], 0.2, weight))
    objective, evaluations = Objective(model, inputs, y, weight, loss, Alphas(0.001, 0.01)), []
    evaluate = objective.value_and_gradient
    objective.value_and_gradient = lambda parameters: evaluations.append(1) or evaluate(parameters)
    lbfgs(objective, found, SolverSettings(convergence=0.0))
    assert len(evaluations) < 15


def test_a_level_where_nothing_moves_is_seen_once():
    objective, start, _ = full_rank(SquaredLoss)
    objective.y = torch.zeros_like(objective.y)
    seen = []
    found, _ = lbfgs(objective, start, SolverSettings(), seen.append)
    assert len(seen) == 1
    assert_same(found, start)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_statistics_of_mini_batches_against_a_loop_over_them(name):
    """Norms are of each batch's gradient, E[||g_t||^2]; the gradient that variance and entropy are of is the mean."""
    objective, start, _ = full_rank(LogisticLoss, n=60)
    epochs = []
    settings = SolverSettings(name, max_epochs=2, batch_size=25, learning_rate=1e-9, seed=5)
    solve(objective, start, settings, epochs.append)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(5))
    squared_norms, mean, sizes = [], torch.zeros_like(flatten(start)), []
    for rows in order.split(25):
        gradient = flatten(objective.batch(rows).value_and_gradient(start)[2])  # the rate is next to nothing
        squared_norms.append(float(gradient.square().sum()))
        sizes.append(len(rows) / 60)
        mean += len(rows) / 60 * gradient
    assert epochs[0].gradient_norm == pytest.approx(np.average(squared_norms, weights=sizes), rel=1e-6)
    assert epochs[0].gradient_norm > 1.01 * float(mean.square().sum())
    assert_same(flatten(epochs[0].gradient), mean, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name, optimizer", [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_steps_are_those_of_torch(name, optimizer):
    objective, start, _ = full_rank(SquaredLoss)
    settings = SolverSettings(name, max_epochs=7, learning_rate=0.05, lr_decay=0.9, batch_size=20, seed=2)
    found, _ = solve(objective, start, settings)
    parameters = {key: value.clone() for key, value in start.items()}
    steps = optimizer(parameters.values(), lr=0.05)
    decay = torch.optim.lr_scheduler.ExponentialLR(steps, 0.9)
    generator = torch.Generator().manual_seed(2)
    for _ in range(7):
        for rows in torch.randperm(60, generator=generator).split(20):
            gradient = objective.batch(rows).value_and_gradient(parameters)[2]
            for key, value in parameters.items():
                value.grad = gradient[key]
            steps.step()
        decay.step()
    assert_same(found, parameters, rtol=1e-10, atol=1e-12)
