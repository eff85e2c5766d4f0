import pytest
from helpers import assert_same
from training_problems import run, settings, simulated

from sklearn_mrtl.core.solvers.base import SolverSettings


@pytest.mark.parametrize("first, full_rank_levels", [(1, 1), (2, 1), (1, None), (2, 2), (1, 2), (1, 0), (2, 3)])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_going_on_ends_exactly_where_one_long_fit_ends(first, full_rank_levels, solver):
    chosen = settings(SolverSettings(solver, max_epochs=5))
    long = run(simulated(), chosen, full_rank_levels=full_rank_levels)
    short = run(simulated(), chosen, n_levels=first, full_rank_levels=full_rank_levels)
    resumed = run(simulated(), chosen, full_rank_levels=full_rank_levels, earlier=short)
    assert resumed.done == long.done
    assert_same(resumed.parameters, long.parameters, rtol=0, atol=0)
    untimed = [[{**r, "seconds": 0, "validation_loss": 0} for r in fit.history] for fit in (resumed, long)]
    assert untimed[0] == untimed[1]


@pytest.mark.parametrize("full_rank_levels", [1, 2])
def test_fewer_levels_than_before_are_those_of_a_short_fit(full_rank_levels):
    long = run(simulated(), full_rank_levels=full_rank_levels)
    short = run(simulated(), n_levels=full_rank_levels, full_rank_levels=full_rank_levels)
    back = run(simulated(), n_levels=full_rank_levels, full_rank_levels=full_rank_levels, earlier=long)
    assert back.done == short.done
    assert_same(back.parameters, short.parameters, rtol=0, atol=0)
