import copy
from dataclasses import replace

import pytest
from helpers import assert_same
from training_problems import run, settings, simulated

from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.losses import LogisticLoss
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.stopping import CRITERIA


def untimed(fit):
    """The history without seconds; NaN is equal to itself."""
    return repr([{**record, "seconds": 0} for record in fit.history])


@pytest.mark.parametrize("first, full_rank_levels", [(1, 1), (2, 1), (1, None), (2, 2), (1, 2), (1, 0), (2, 3)])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_going_on_ends_exactly_where_one_long_fit_ends(first, full_rank_levels, solver):
    chosen = settings(SolverSettings(solver, max_epochs=5))
    long = run(simulated(), chosen, full_rank_levels=full_rank_levels)
    short = run(simulated(), chosen, n_levels=first, full_rank_levels=full_rank_levels)
    resumed = run(simulated(), chosen, full_rank_levels=full_rank_levels, earlier=short)
    assert resumed.done == long.done
    assert_same(resumed.parameters, long.parameters, rtol=0, atol=0)
    assert untimed(resumed) == untimed(long)
    seconds = [record["seconds"] for record in resumed.history]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("full_rank_levels", [1, 2])
def test_fewer_levels_than_before_are_those_of_a_short_fit(full_rank_levels):
    long = run(simulated(), full_rank_levels=full_rank_levels)
    short = run(simulated(), n_levels=full_rank_levels, full_rank_levels=full_rank_levels)
    back = run(simulated(), n_levels=full_rank_levels, full_rank_levels=full_rank_levels, earlier=long)
    assert back.done == short.done
    assert_same(back.parameters, short.parameters, rtol=0, atol=0)


class Between(TrainingCallback):
    """Keeps a copy of the fit between any two epochs of a level."""

    def __init__(self):
        self.fits = []

    def continue_level(self, fit_between):
        self.fits.append(copy.deepcopy(fit_between()))


@pytest.mark.parametrize("full_rank_levels", [None, 0, 2])
@pytest.mark.parametrize("options", [{}, {"validated": True, "criterion": "validation_loss"}, {"nonnegative": True}])
@pytest.mark.parametrize("solver", ["lbfgs", "adam", "sgd"])
def test_going_on_from_the_middle_of_any_level_ends_exactly_where_the_whole_fit_ends(solver, options, full_rank_levels):
    chosen = settings(SolverSettings(solver, max_epochs=4, batch_size=60), loss=LogisticLoss)
    chosen = replace(
        chosen,
        criterion=CRITERIA.get(options.get("criterion")),
        patience=3,
        nonnegative=frozenset(["sea"] if "nonnegative" in options else []),
    )
    validation = simulated(n=60, seed=5, loss=LogisticLoss) if "validated" in options else None
    between = Between()
    data = simulated(loss=LogisticLoss)
    whole = run(data, chosen, full_rank_levels=full_rank_levels, validation=validation, callbacks=[between])
    assert {fit.done[-1].level for fit in between.fits} == {0, 1, 2}
    for fit in between.fits:
        resumed = run(data, chosen, full_rank_levels=full_rank_levels, validation=validation, earlier=fit)
        assert resumed.done == whole.done
        assert_same(resumed.parameters, whole.parameters, rtol=0, atol=0)
        assert untimed(resumed) == untimed(whole)


def test_nothing_is_kept_of_a_fit_by_another_plan():
    other = run(simulated(), full_rank_levels=0, n_levels=1)
    fresh = run(simulated(), full_rank_levels=1)
    again = run(simulated(), full_rank_levels=1, earlier=other)
    assert again.done == fresh.done and len(again.history) == len(fresh.history)
    assert_same(again.parameters, fresh.parameters, rtol=0, atol=0)
