import pytest
from helpers import assert_same, normal
from solver_problems import full_rank, low_rank, value_of

from sklearn_mrtl.core.losses import LogisticLoss
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.solvers.base import SolverSettings, flatten, unflatten
from sklearn_mrtl.core.solvers.solve import SOLVERS, solve, solve_exactly


@pytest.mark.parametrize("name", SOLVERS)
def test_a_monitor_sees_every_epoch_and_can_end_it(name):
    objective, start, _ = full_rank(LogisticLoss)
    epochs = []

    def monitor(epoch):
        assert epoch.gradient.keys() == epoch.parameters.keys() == start.keys()
        epochs.append(epoch)
        return len(epochs) == 3

    last = solve(objective, start, SolverSettings(name, max_epochs=50, convergence=0.0), monitor)
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


def test_flatten_and_back():
    gradient = {"weights": normal(3, 4), "intercept": normal(2, seed=1)}
    vector = flatten(gradient)
    assert vector.shape == (14,)
    assert_same(unflatten(vector, gradient), gradient, rtol=0, atol=0)


def test_only_a_full_rank_model_is_solved_exactly():
    objective, _ = low_rank(CP, 2)
    with pytest.raises(TypeError, match="only full-rank models are solved exactly, got CP"):
        solve_exactly(objective, None)
