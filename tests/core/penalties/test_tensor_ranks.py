"""The choice of the rank of a tensor against every rank and fraction on every fold."""

from types import SimpleNamespace
from unittest.mock import MagicMock

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
from sklearn_mrtl.core.penalties import tensor_ranks
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.strengths import Selection
from sklearn_mrtl.core.penalties.tensor_ranks import TensorRanks
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
    choice = TensorRanks(model, low_rank, blocks, Selection(ALPHAS), loss, ranks, fractions, OPTIONS, seed=0)
    chosen, _ = choice.choose()
    table = brute_force(model, low_rank, blocks, loss, ranks, fractions)
    assert chosen == first_that_the_next_two_do_not_beat(table, choice.null, OPTIONS)
    least = {}
    for tried in choice.path:
        least[tried["rank"]] = min(tried["error"], least.get(tried["rank"], np.inf))
    for tried, error in least.items():
        if tried <= chosen:
            assert error == pytest.approx(table[tried].mean(), rel=5e-3)
        elif is_given_up(choice, tried):
            assert table[tried].mean() > table[chosen].mean()
        else:  # more components than there are end in other minima
            assert error < 1.03 * table[tried].mean()


def is_given_up(choice, rank):
    """Return whether the errors of a rank are those of some folds only."""
    return all(len(errors) < 12 for errors in choice.errors[choice.ranks.index(rank)].values())


def choice_among(ranks, fractions, model, blocks, alphas=ALPHAS, options=None, low_rank=None):
    """Return the choice for squared loss."""
    low_rank, options = low_rank or CP(model.axes), options or ChoiceOptions()
    return TensorRanks(model, low_rank, blocks, Selection(alphas), SquaredLoss, ranks, fractions, options, seed=0)


def test_the_simulated_rank_is_found():
    for rank in (1, 2, 3, 4):
        choice = choice_among(range(1, 9), (1.0, 0.3), *simulated(rank, noise=0.1))
        assert choice.choose()[0] == rank


@pytest.mark.parametrize("rank_tie, min_gain", [(1e9, 0.0), (0.0, 1.0)])
def test_a_larger_rank_has_to_gain_beyond_chance_and_a_part_of_what_is_explained(rank_tie, min_gain):
    options = ChoiceOptions(rank_tie=rank_tie, min_gain=min_gain)
    choice = choice_among((1, 2, 3, 5, 8), (1.0,), *simulated(3, noise=0.1), options=options)
    assert choice.choose()[0] == 1
    assert [record["rank"] for record in choice.path] == [1, 2, 3]


class Permuted(TensorRanks):
    """A choice whose fits start from the same components in reverse."""

    def start(self, position, smaller, folds):
        model, fits = super().start(position, smaller, folds)
        return model, [
            {name: value.flip(1) if name in model.names else value for name, value in fit.items()} for fit in fits
        ]


def test_components_in_another_order_give_the_same_choice():
    model, blocks = simulated(3, noise=0.1)
    parts = CP(model.axes), blocks, Selection(ALPHAS), SquaredLoss, (1, 2, 3, 4), (1.0, 0.1), OPTIONS, 0
    straight, permuted = TensorRanks(model, *parts), Permuted(model, *parts)
    assert permuted.choose() == pytest.approx(straight.choose(), rel=1e-3)
    for record, other in zip(straight.path, permuted.path, strict=True):
        assert record["rank"] == other["rank"] and record["error"] == pytest.approx(other["error"], rel=1e-3)


@pytest.mark.parametrize("layout", [fields, encodings], ids=["fields", "encodings"])
def test_tucker_and_nonnegative_factors(layout):
    model, blocks = simulated(2, layout=layout)
    for low_rank, ranks in (
        (Tucker(model.axes), [(1, 1, 1), (2, 2, 2)]),
        (CP(model.axes, {"lag"}), [1, 2]),
    ):
        choice = choice_among(ranks, (1.0,), model, blocks, low_rank=low_rank)
        assert choice.choose()[0] in ranks and len(choice.path) == 2


def test_nothing_to_learn_gets_the_smallest_rank_and_a_warning():
    choice = choice_among((1, 2, 3), (1.0, 0.1), *simulated(2, noise=1e6))
    with pytest.warns(UserWarning, match="no rank predicts"):
        assert choice.choose() == (1, 1.0)


@pytest.fixture
def chosen(monkeypatch):
    """Return what is chosen of ranks 1 and 2, and what was tried, for errors by rank and fraction in place of fits."""

    def choose(errors, step):
        folds = MagicMock()
        folds.__len__.return_value, folds.every, folds.null_loss = 1, range(1), lambda: 1.0
        folds.train = lambda model, alphas, fits, folds: [(fits[0][0], alphas.l2)]
        folds.left_out_losses = lambda model, fits: torch.full((12,), errors[fits[0]])
        monkeypatch.setattr(tensor_ranks, "Folds", lambda *args: folds)
        low_rank = SimpleNamespace(from_full_rank=lambda parameters, rank, seed: (rank, None))
        selection = Selection(Alphas(0.0, 1.0), of_folds=[{}], step=step)
        choice = TensorRanks(None, low_rank, None, selection, None, (1, 2), (1.0, 0.1), ChoiceOptions(), seed=0)
        return choice.choose(), [(record["rank"], record["fraction"]) for record in choice.path]

    return choose


def test_ranks_that_predict_nothing_with_the_weak_penalties_of_the_full_rank_are_tried_with_stronger_ones(chosen):
    """Where neighbouring rows tell those left out, full rank has hardly any penalties, and low rank fails with them."""
    errors = {(1, 1.0): 5.0, (1, 0.1): 5.0, (2, 1.0): 2.0, (2, 0.1): 2.0}
    stronger = {(1, 100.0): 0.99, (1, 10**1.5): 0.9, (1, 10.0): 0.95}
    choice, tried = chosen(errors | stronger, step=4)
    assert choice == (1, 10**1.5) and tried[-3:] == list(stronger)
    failing = {(1, 100.0): 1.01, (1, 10**1.5): 1.2}
    with pytest.warns(UserWarning, match="no rank predicts"):
        assert chosen(errors | failing, step=4)[0] == (1, 100.0)


@pytest.mark.parametrize("tie, expected", [(0.0, 0.03), (1e9, 1.0)])
def test_weaker_penalties_are_taken_if_they_gain_beyond_chance(tie, expected):
    options, strong = ChoiceOptions(tie=tie), Alphas(1e-2, 10.0)
    choice = choice_among((2,), (1.0, 0.3, 0.1, 0.03), *simulated(2, noise=0.1), strong, options)
    assert choice.choose() == (2, expected)
    errors = [tried["error"] for tried in choice.path]
    assert errors == sorted(errors, reverse=True)
    assert [tried["alpha_l2"] for tried in choice.path] == [10.0, 3.0, 1.0, 0.3]
