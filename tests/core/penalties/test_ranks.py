"""The choice of the rank against every rank and fraction on every fold."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import axes_for, encodings, fields, formed, normal

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.comparison import is_within, standard_error, strongest_within
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.ranks import RankChoice, RankTrial, fibonacci_below
from sklearn_mrtl.core.penalties.strengths import Selection
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.lbfgs import lbfgs

MODES = (Feature("lag", 4), Feature("variable", 3), Grid("sea", (3, 4), quantity="mean"))
LONG = SolverSettings(max_epochs=200, convergence=1e-5)
OPTIONS = ChoiceOptions(coarse_solver=LONG)
ALPHAS = Alphas(1e-3, 1e-2)


def simulated(rank, loss=SquaredLoss, noise=0.5, n=300, layout=fields, nonnegative=()):
    """Return a full-rank model and samples in blocks, whose target has a weight tensor of a rank."""
    inputs = layout(MODES, n=n)
    x = formed(inputs).reshape(n, 4, 3, 12)
    factors = [normal(size, rank, seed=20 + size) for size in (4, 3, 12)]
    scores = torch.einsum("nabc,ak,bk,ck->n", x, *factors)
    y = scores / scores.std() + noise * normal(n, seed=8)
    y = y if loss is SquaredLoss else (y > 0).double()
    samples = Samples.from_rows(inputs, y[:, None], torch.ones(n, dtype=torch.float64))
    return FullRank(axes_for(inputs)), samples.in_blocks(inputs.shapes, OPTIONS.n_blocks)


def brute_force(model, low_rank, blocks, loss, ranks, fractions):
    """Return the errors on every block for each rank, with its best fraction: every fold fitted to the end."""
    table = {}
    for rank in ranks:
        errors = np.zeros((len(fractions), 12))
        for first in range(OPTIONS.n_folds):
            left_out = np.arange(12) % OPTIONS.n_folds == first
            y, weight = blocks.of_blocks(torch.from_numpy(~left_out))
            fit = None
            for row, fraction in enumerate(fractions):
                if fit is None:
                    start = model.initial(weight)
                    full = lbfgs(Objective(model, blocks.inputs, y, weight, loss, ALPHAS), start, LONG)
                    fit = low_rank.from_full_rank(full, rank, 0)
                objective = Objective(low_rank, blocks.inputs, y, weight, loss, ALPHAS.times(fraction))
                fit = lbfgs(objective, fit, LONG)
                for b in np.flatnonzero(left_out):
                    held = Objective(
                        low_rank, blocks.inputs, blocks.y[:, b], blocks.weight[:, b], loss, Alphas(0.0, 0.0)
                    )
                    errors[row, b] = float(held.data_loss(fit))
        table[rank] = errors[errors.mean(1).argmin()]
    return table


def first_that_the_next_two_do_not_beat(table, null, options):
    ranks = list(table)
    for n, rank in enumerate(ranks):
        gains = [table[rank] - table[larger] for larger in ranks[n + 1 : n + 3]]
        ties = [options.rank_tie * gain.std(ddof=1) / 12**0.5 for gain in gains]
        trifles = [options.min_gain * (null - table[larger].mean()) for larger in ranks[n + 1 : n + 3]]
        if all(gain.mean() <= max(least) for gain, *least in zip(gains, ties, trifles, strict=True)):
            return rank


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_choice_is_that_of_brute_force(rank, loss):
    model, blocks = simulated(rank, loss)
    low_rank, ranks, fractions = CP(model.axes), (1, 2, 3, 4), (1.0, 0.1)
    choice = RankChoice(model, low_rank, blocks, Selection(ALPHAS), loss, OPTIONS, seed=0)
    chosen, _ = choice.choose(ranks, fractions)
    table = brute_force(model, low_rank, blocks, loss, ranks, fractions)
    assert chosen == first_that_the_next_two_do_not_beat(table, choice.null, OPTIONS)
    least = {}
    for tried in choice.path:
        least[tried["rank"]] = min(tried["error"], least.get(tried["rank"], np.inf))
    for tried, error in least.items():  # more components than there are end in other minima
        assert error == pytest.approx(table[tried].mean(), rel=5e-3 if tried <= chosen else 3e-2)


def test_the_simulated_rank_is_found():
    for rank in (1, 2, 3, 4):
        model, blocks = simulated(rank, noise=0.1)
        choice = RankChoice(model, CP(model.axes), blocks, Selection(ALPHAS), SquaredLoss, ChoiceOptions(), seed=0)
        assert choice.choose(range(1, 9), (1.0, 0.3))[0] == rank


@pytest.mark.parametrize("rank_tie, min_gain", [(1e9, 0.0), (0.0, 1.0)])
def test_a_larger_rank_has_to_gain_beyond_chance_and_a_part_of_what_is_explained(rank_tie, min_gain):
    model, blocks = simulated(3, noise=0.1)
    options = ChoiceOptions(rank_tie=rank_tie, min_gain=min_gain)
    choice = RankChoice(model, CP(model.axes), blocks, Selection(ALPHAS), SquaredLoss, options, seed=0)
    assert choice.choose((1, 2, 3, 5, 8), (1.0,))[0] == 1
    assert [record["rank"] for record in choice.path] == [1, 2, 3]


class Errors(RankChoice):
    """A choice among models whose errors are given, and no model is fitted."""

    def __init__(self, errors):
        self.make_errors, self.options, self.null, self.tried = errors, ChoiceOptions(), 1.0, []
        self.errors = {}
        self.path = [{"rank": rank, "fraction": 1.0} for rank in range(1, 22)]

    def _best_fraction(self, rank, fractions):
        self.tried.append(rank)
        self.errors[rank] = {1.0: torch.full((12,), self.make_errors(rank))}
        return RankTrial(rank, 1.0, self.errors[rank][1.0])


@pytest.mark.parametrize("n_ranks", [1, 2, 6, 21])
def test_every_rank_from_which_larger_ones_gain_nothing_is_found(n_ranks):
    for best in range(1, n_ranks + 1):
        choice = Errors(lambda rank, best=best: 1 - 0.04 * min(rank, best))
        assert choice.choose(range(1, n_ranks + 1), (1.0,)) == (best, 1.0)
        assert len(set(choice.tried)) == len(choice.tried) <= 6 + n_ranks // 2


@pytest.mark.parametrize(
    "errors, expected, tried",
    [
        ((0.8, 0.8, 0.6, 0.6, 0.6), 3, (1, 2, 3, 5, 4)),  # 2 gains nothing without what 3 adds
        ((0.8, 0.8, 0.8, 0.8, 0.6), 1, (1, 2, 3)),
        ((0.8, 0.9, 0.6, 0.6, 0.6), 1, (1, 2)),
        ((0.8, 0.6, 0.6, 0.6, 0.8), 2, (1, 2, 3, 5)),
    ],
)
def test_one_step_without_a_gain_does_not_end_the_walk_unless_it_loses(errors, expected, tried):
    choice = Errors(lambda rank: errors[rank - 1])
    assert choice.choose(range(1, 6), (1.0,))[0] == expected
    assert tuple(choice.tried) == tried


@pytest.mark.parametrize("n, expected", [(1, []), (2, [1]), (6, [1, 2, 4, 5]), (21, [1, 2, 4, 7, 12, 20])])
def test_steps_between_ranks_grow(n, expected):
    assert fibonacci_below(n) == expected


def test_fractions_of_a_larger_rank_begin_near_the_best_of_the_smaller():
    model, blocks = simulated(3, noise=0.1)
    choice = RankChoice(model, CP(model.axes), blocks, Selection(Alphas(1e-2, 10.0)), SquaredLoss, OPTIONS, seed=0)
    fractions = (1.0, 0.3, 0.1, 0.03)
    choice.choose((1, 2), fractions)
    first, second = ([t for t in choice.path if t["rank"] == rank] for rank in (1, 2))
    best = min(first, key=lambda tried: tried["error"])["fraction"]
    assert best < 1 and second[0]["fraction"] == fractions[fractions.index(best) - 1]


class Table(RankChoice):
    """A choice among models of given errors, by rank and fraction; a fit is these two."""

    def __init__(self, errors, step=0):
        self.low_rank = SimpleNamespace(from_full_rank=lambda parameters, rank, seed: (rank, None))
        self.folds = SimpleNamespace(
            train=lambda model, alphas, fits: [(fits[0][0], alphas.l2)],
            left_out_losses=lambda model, fits: torch.full((12,), errors[fits[0]]),
        )
        self.selection, self.options, self.null = Selection(Alphas(0.0, 1.0), step=step), ChoiceOptions(), 1.0
        self.full, self.seed, self.path, self.errors = [{}], 0, [], {}

    def choose(self, *args):
        chosen = super().choose(*args)
        return chosen, [(record["rank"], record["fraction"]) for record in self.path]


def test_weaker_penalties_are_tried_where_a_larger_rank_does_not_gain():
    fractions, errors = (1.0, 0.3, 0.1, 0.03), {(1, 1.0): 0.9, (1, 0.3): 0.8, (1, 0.1): 0.85}
    errors |= {(2, 1.0): 0.95, (2, 0.3): 0.81, (2, 0.1): 0.6, (2, 0.03): 0.65}
    errors |= {(3, 0.3): 0.75, (3, 0.1): 0.65, (3, 0.03): 0.66}
    assert Table(errors).choose((1, 2, 3), fractions) == ((2, 0.1), list(errors))


def test_weaker_penalties_are_tried_for_the_rank_that_is_chosen():
    fractions, errors = (1.0, 0.3, 0.1, 0.03), {(1, 1.0): 0.8, (1, 0.3): 0.85}
    errors |= {(2, 1.0): 0.6, (3, 1.0): 0.65, (2, 0.3): 0.5, (2, 0.1): 0.45, (2, 0.03): 0.46}
    assert Table(errors).choose((1, 2, 3), fractions) == ((2, 0.1), list(errors))


@pytest.mark.parametrize("layout", [fields, encodings], ids=["fields", "encodings"])
def test_tucker_and_nonnegative_factors(layout):
    model, blocks = simulated(2, layout=layout)
    for low_rank, ranks in (
        (Tucker(model.axes), [(1, 1, 1), (2, 2, 2)]),
        (CP(model.axes, {"lag"}), [1, 2]),
    ):
        choice = RankChoice(model, low_rank, blocks, Selection(ALPHAS), SquaredLoss, ChoiceOptions(), seed=0)
        assert choice.choose(ranks, (1.0,))[0] in ranks and len(choice.path) == 2


def test_nothing_to_learn_gets_the_smallest_rank_and_a_warning():
    model, blocks = simulated(2, noise=1e6)
    choice = RankChoice(model, CP(model.axes), blocks, Selection(ALPHAS), SquaredLoss, ChoiceOptions(), seed=0)
    with pytest.warns(UserWarning, match="no rank predicts"):
        assert choice.choose((1, 2, 3), (1.0, 0.1)) == (1, 1.0)


def test_ranks_that_predict_nothing_with_the_weak_penalties_of_the_full_rank_are_tried_with_stronger_ones():
    """Where neighbouring rows tell those left out, full rank has hardly any penalties, and low rank fails with them."""
    errors = {(1, 1.0): 5.0, (1, 0.1): 5.0, (2, 1.0): 2.0, (2, 0.1): 2.0}
    weaker = {(1, 100.0): 0.99, (1, 10**1.5): 0.9, (1, 10.0): 0.95}
    chosen, tried = Table(errors | weaker, step=4).choose((1, 2), (1.0, 0.1))
    assert chosen == (1, 10**1.5) and tried[-3:] == list(weaker)
    failing = {(1, 100.0): 1.01, (1, 10**1.5): 1.2}
    with pytest.warns(UserWarning, match="no rank predicts"):
        assert Table(errors | failing, step=4).choose((1, 2), (1.0, 0.1))[0] == (1, 100.0)


@pytest.mark.parametrize("tie, chosen", [(0.0, 0.03), (1e9, 1.0)])
def test_weaker_penalties_are_taken_if_they_gain_beyond_chance(tie, chosen):
    model, blocks = simulated(2, noise=0.1)
    strong, options = Selection(Alphas(1e-2, 10.0)), ChoiceOptions(tie=tie)
    choice = RankChoice(model, CP(model.axes), blocks, strong, SquaredLoss, options, seed=0)
    assert choice.choose((2,), (1.0, 0.3, 0.1, 0.03)) == (2, chosen)
    errors = [tried["error"] for tried in choice.path]
    assert errors == sorted(errors, reverse=True)
    assert [tried["alpha_l2"] for tried in choice.path] == [10.0, 3.0, 1.0, 0.3]


def test_differences_are_paired():
    """Blocks differ by far more than the models on each of them."""
    blocks = 10 * torch.rand(12, generator=torch.Generator().manual_seed(0))
    assert not is_within(blocks + 0.01 + 0.001 * (torch.arange(12) % 2), blocks, 2.0)
    assert is_within(blocks + 0.01 * (-1.0) ** torch.arange(12), blocks, 2.0)
    assert standard_error(torch.tensor([1.0])) == float("inf")
    assert standard_error(torch.tensor([1.0, 3.0])) == pytest.approx(1.0)


def test_rounding_changes_the_strongest_fraction_within_a_tie_a_little():
    """Errors a millionth within the tie and beyond it give nearly the same fraction."""
    noise = torch.rand(3, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    noise -= noise.mean(1, keepdim=True)

    def chosen(first, second, tie=1.0):
        errors = zip((1.0, 0.3, 0.1), (first, second, 1.0), noise, strict=True)
        return strongest_within({fraction: mean + values for fraction, mean, values in errors}, tie)

    ties = [standard_error(noise[n] - noise[2]) for n in (0, 1)]
    for at, means in ((0, [1.0 + ties[0], 1.0 + 1e-9]), (1, [1.5, 1.0 + ties[1]])):
        fractions = []
        for rounding in (-1e-6, 1e-6):
            moved = [mean + rounding * (n == at) for n, mean in enumerate(means)]
            fractions.append(chosen(*moved))
        assert fractions == pytest.approx([(1.0, 0.3)[at]] * 2, rel=1e-4)
    assert chosen(1.0 + 2 * ties[0], 1.0 + 1e-9) == pytest.approx(0.3**0.5)
    assert chosen(2.0, 1.5, tie=0.0) == pytest.approx(0.1)
