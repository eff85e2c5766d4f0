from dataclasses import replace

import pytest
import torch
from helpers import assert_same
from training_problems import LEVELS, Notes, run, settings, simulated, trained, validation_loss

from sklearn_mrtl.core.algorithm import mrtl
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.plan import Decompose, full_rank_plan
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings
from sklearn_mrtl.core.solvers.base import SolverSettings


@pytest.mark.parametrize(
    "full_rank_levels, expected",
    [
        (1, [(0, FULL_RANK), (0, LOW_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        (2, [(0, FULL_RANK), (1, FULL_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        (3, [(0, FULL_RANK), (1, FULL_RANK), (2, FULL_RANK), (2, LOW_RANK)]),
        (0, [(0, LOW_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        (None, [(0, FULL_RANK), (1, FULL_RANK), (2, FULL_RANK)]),
    ],
)
def test_levels_and_phases_of_algorithm_1(full_rank_levels, expected):
    fit = run(simulated(), full_rank_levels=full_rank_levels)
    assert trained(fit) == expected
    assert list(dict.fromkeys((record["level"], record["phase"]) for record in fit.history)) == expected
    assert {record["resolution"]["sea"] for record in fit.history} == {level[2] for level in LEVELS}
    assert isinstance(fit.model, FullRank if full_rank_levels is None else CP)
    assert fit.model.input_shapes == LEVELS[-1]


@pytest.mark.parametrize("decompose", [False, True])
def test_full_rank_throughout_is_decomposed_at_the_end_only(decompose):
    plan = full_rank_plan(3, decompose=decompose)
    full = mrtl(simulated(), LEVELS, full_rank_plan(3, decompose=False), settings())
    fit = mrtl(simulated(), LEVELS, plan, settings(rank=6))
    assert trained(fit) == [(level, FULL_RANK) for level in range(3)]
    assert isinstance(fit.model, CP if decompose else FullRank)
    assert_same(fit.model.dense(fit.parameters), full.parameters["weights"], rtol=0, atol=1e-3)


def test_a_plan_that_ends_with_a_decomposition_does_so_where_training_is_ended_early():
    notes = Notes(ends_training=lambda fit: len(trained(fit)) == 2)
    fit = mrtl(simulated(), LEVELS, full_rank_plan(3, decompose=True), settings(), callbacks=[notes])
    assert fit.done[-1] == Decompose(1) and isinstance(fit.model, CP) and fit.model.input_shapes == LEVELS[1]


@pytest.mark.parametrize("decomposition, rank", [("cp", 2), ("tucker", (2, 2, 2))])
@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_it_learns_and_every_level_goes_on_from_the_last(decomposition, rank, loss):
    samples, held = simulated(loss=loss), simulated(seed=50, loss=loss)
    fit = run(samples, settings(loss=loss, rank=rank, decomposition=decomposition))
    shrunk = settings(loss=loss, full_rank=PhaseSettings(SolverSettings(), 0.0, 1e9))
    null = validation_loss(run(samples, shrunk, n_levels=1, full_rank_levels=None), held, loss)
    assert validation_loss(fit, held, loss) < 0.9 * null
    low = [record for record in fit.history if record["phase"] == LOW_RANK]
    for level in (1, 2):
        last = [record["train_loss"] for record in low if record["level"] == level - 1][-1]
        first = [record["train_loss"] for record in low if record["level"] == level][0]
        assert first < last + 0.2 * null
    assert isinstance(fit.model, {"cp": CP, "tucker": Tucker}[decomposition])


def test_the_full_rank_model_is_decomposed_on_its_own_level():
    """The low rank starts at the truncated full tensor: with rank enough, at its optimum."""
    full = run(simulated(), n_levels=1, full_rank_levels=None)
    both = run(simulated(), settings(rank=6), n_levels=1)
    assert_same(both.model.dense(both.parameters), full.parameters["weights"], rtol=0, atol=2e-3)


def test_penalties_chosen_at_the_coarsest_level_serve_all():
    samples = simulated(n=150)
    auto = PhaseSettings(SolverSettings(max_epochs=5), None, None)
    fit = run(samples, settings(full_rank=auto, low_rank=auto))
    assert fit.alpha_path and fit.phases[LOW_RANK].alpha_l2 > 0
    tried = [record["fraction"] for record in fit.alpha_path if "fraction" in record]
    fraction = fit.phases[LOW_RANK].alpha_l2 / fit.phases[FULL_RANK].alpha_l2
    assert min(tried) <= fraction <= max(tried)
    for name in ("alpha_spatial", "alpha_l2"):
        low, full = (getattr(fit.phases[phase], name) for phase in (LOW_RANK, FULL_RANK))
        assert low == pytest.approx(fraction * full)
    own = replace(auto, alpha_l2=0.7)
    fit = run(samples, settings(full_rank=own, low_rank=auto))
    assert fit.phases[FULL_RANK].alpha_l2 == 0.7 != fit.phases[LOW_RANK].alpha_l2
    assert fit.phases[FULL_RANK].alpha_spatial == pytest.approx(fit.phases[LOW_RANK].alpha_spatial / fraction)


def test_penalties_chosen_on_a_part_of_the_samples_count_for_that_part():
    samples, auto = simulated(n=450), PhaseSettings(SolverSettings(max_epochs=5), None, None)
    of_part = run(samples.thinned(3, 12), settings(full_rank=auto, low_rank=auto))
    of_all = run(samples, settings(full_rank=auto, low_rank=auto, choice=ChoiceOptions(max_distinct=150)))
    for name in ("alpha_spatial", "alpha_l2"):
        expected = getattr(of_part.phases[LOW_RANK], name) / 3
        assert getattr(of_all.phases[LOW_RANK], name) == pytest.approx(expected, rel=1e-6)
        assert [tried[name] for tried in of_all.alpha_path] == pytest.approx(
            [tried[name] / 3 for tried in of_part.alpha_path], rel=1e-6
        )


def test_a_random_start_depends_on_its_seed_alone():
    one = [run(simulated(), settings(seed=seed), n_levels=1, full_rank_levels=0) for seed in (1, 1, 2)]
    assert_same(one[0].parameters, one[1].parameters, rtol=0, atol=0)
    assert not torch.equal(one[0].parameters["factor 0"], one[2].parameters["factor 0"])
