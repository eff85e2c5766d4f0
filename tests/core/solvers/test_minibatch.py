from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import assert_same, axes_for, fields, objective_of, random_parameters, samples_of
from solver_problems import full_rank, low_rank, value_of

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.solvers.base import SolverSettings, flatten
from sklearn_mrtl.core.solvers.ridge import RidgeDesign
from sklearn_mrtl.core.solvers.solve import solve


@pytest.mark.parametrize("name", ["adam", "sgd"])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_mini_batches_approach_the_minimum(name, batch_size):
    objective, start, samples = full_rank(SquaredLoss, alpha_l2=0.1)
    best = value_of(objective, RidgeDesign(objective.model, samples).solve(Alphas(0.001, 0.1), samples.weight))
    rate = 0.05 if name == "adam" else 0.3
    settings = SolverSettings(name, max_epochs=150, learning_rate=rate, lr_decay=0.99, batch_size=batch_size)
    found = value_of(objective, solve(objective, start, settings))
    initial = value_of(objective, start)
    assert best <= found < best + 0.5 * (initial - best)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_mini_batches_keep_bounds_seeds_and_the_start(name):
    objective, start = low_rank(nonnegative=["sea"])
    kept = {key: value.clone() for key, value in start.items()}
    settings = SolverSettings(name, max_epochs=5, batch_size=10, seed=3)
    once, again = solve(objective, start, settings), solve(objective, start, settings)
    assert_same(once, again, rtol=0, atol=0)
    assert_same(start, kept, rtol=0, atol=0)
    assert bool((once["factor 1"] >= 0).all())
    other = solve(objective, start, SolverSettings(name, max_epochs=5, batch_size=10, seed=4))
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
    assert epochs[0].statistics["gradient_norm"] == pytest.approx(np.average(squared_norms, weights=sizes), rel=1e-6)
    assert epochs[0].statistics["gradient_norm"] > 1.01 * float(mean.square().sum())
    assert_same(flatten(epochs[0].gradient), mean, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name, optimizer", [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)])
def test_steps_are_those_of_torch(name, optimizer):
    objective, start, _ = full_rank(SquaredLoss)
    settings = SolverSettings(name, max_epochs=7, learning_rate=0.05, lr_decay=0.9, batch_size=20, seed=2)
    found = solve(objective, start, settings)
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


@pytest.mark.parametrize("n, batch_size", [(300, 256), (15_000, 300)])
def test_a_batch_is_a_fiftieth_of_the_rows_and_at_least_256(n, batch_size):
    inputs = fields((Feature("lag", 2), Grid("hour", 3)), n=n)
    model = FullRank(axes_for(inputs))
    objective, start = objective_of(model, samples_of(inputs)), random_parameters(model)
    settings = SolverSettings("sgd", max_epochs=1, learning_rate=0.1)
    expected = solve(objective, start, replace(settings, batch_size=batch_size))
    assert_same(solve(objective, start, settings), expected, rtol=0, atol=0)
