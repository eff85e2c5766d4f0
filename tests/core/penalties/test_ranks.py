"""Which ranks and fractions are tried and which are chosen, for given errors on left-out blocks."""

import pytest
import torch

from sklearn_mrtl.core.penalties.comparison import is_within, standard_error, strongest_within
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.ranks import NOTHING, RankChoice, RankTrial, fibonacci_below

FRACTIONS = (1.0, 0.3, 0.1, 0.03, 0.01)
NOISE = torch.tensor([-0.1, 0.1, 0.0])  # of the blocks of a fold, the same for all models


class TabulatedFolds:
    """Folds of three blocks, with errors from a function of rank and fraction in place of fits."""

    def __init__(self, error_of, n_folds):
        self.error_of, self.every = error_of, range(n_folds)

    def __len__(self):
        return len(self.every)

    def null_loss(self):
        return 1.0

    def left_out_losses(self, rank, fits):
        errors = self.error_of(rank, fits[0]) + NOISE.repeat(len(self))
        return errors[: 3 * len(fits)]


class Tabulated(RankChoice):
    """A choice among these."""

    def __init__(self, error_of, n_ranks, fractions=(1.0,), empty=None, n_folds=1):
        folds = TabulatedFolds(error_of, n_folds)
        nothing = None if empty is None else RankTrial(NOTHING, 1e6, empty + NOISE.repeat(n_folds), 0)
        super().__init__(folds, n_ranks, fractions, ChoiceOptions(), nothing)

    def start(self, position, smaller, folds):
        return position + 1, [None] * len(folds)

    def train(self, model, fraction, fits, folds):
        return model, [fraction] * len(folds)

    def described(self, trial):
        return {"rank": trial.model}

    def run(self):
        """Return the chosen rank, 0 for none, its fraction, and the ranks with fractions that were tried."""
        best = self.best()
        return best.model, best.fraction, [(record["rank"], record["fraction"]) for record in self.path]


@pytest.mark.parametrize("n_ranks", [1, 2, 6, 21])
def test_every_rank_from_which_larger_ones_gain_nothing_is_found(n_ranks):
    for best in range(1, n_ranks + 1):
        rank, _, tried = Tabulated(lambda rank, _, best=best: 1 - 0.04 * min(rank, best), n_ranks).run()
        assert rank == best
        assert len(set(tried)) == len(tried) <= 12


@pytest.mark.parametrize(
    "errors, expected, tried",
    [
        ((0.8, 0.8, 0.6, 0.6, 0.6), 3, (1, 2, 3, 5, 4)),  # 2 gains nothing without what 3 adds
        ((0.8, 0.8, 0.8, 0.8, 0.6), 1, (1, 2, 3)),
        ((0.8, 0.9, 0.6, 0.6, 0.6), 1, (1, 2)),
        ((0.8, 0.6, 0.6, 0.6, 0.8), 2, (1, 2, 3, 5)),
        ((0.8, 0.7, 0.6, 0.5, 0.4, 0.4, 0.4, 0.4), 5, (1, 2, 3, 5, 8, 4, 6)),
        ((0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.3), 7, (1, 2, 3, 5, 8, 6, 7)),
    ],
)
def test_one_step_without_a_gain_does_not_end_the_walk_unless_it_loses(errors, expected, tried):
    rank, _, path = Tabulated(lambda rank, _: errors[rank - 1], len(errors)).run()
    assert rank == expected
    assert tuple(rank for rank, _ in path) == tried


@pytest.mark.parametrize("n_errors, empty, expected", [(1.5, None, 2), (1.5, 0.71, 0), (2.5, 0.71, 1), (1.5, 0.9, 2)])
def test_the_smallest_rank_has_to_gain_two_standard_errors_on_what_has_no_low_rank(n_errors, empty, expected):
    """One rank gains .01, this many standard errors; the smallest is taken anyway where nothing is before it."""
    spread = 0.01 * 3**0.5 / n_errors * torch.tensor([1.0, 0.0, -1.0])
    gaining = 2 if expected == 2 else 1
    rank, _, tried = Tabulated(lambda rank, _: 0.71 - (0.01 + spread) * (rank >= gaining), 3, empty=empty).run()
    assert rank == expected
    assert [rank for rank, _ in tried] == ([1, 2] if expected == 0 else [1, 2, 3])


def test_a_rank_that_loses_on_half_of_the_folds_is_given_up():
    """Rank 2 loses on the first half, by 1.2 errors, but gains on the second; 3 is better everywhere.

    Its error in the path is that of rank 1 plus the difference on the first half.
    """
    first_half = torch.tensor([0.03, -0.005, 0.0] * 2)
    second = torch.cat([first_half, -first_half - 0.05])
    gains = {1: torch.zeros(12), 2: second, 3: torch.full((12,), -0.1), 4: torch.full((12,), -0.09)}
    choice = Tabulated(lambda rank, _: 0.7 + gains[rank], 4, (1.0, 0.3), n_folds=4)
    rank, _, tried = choice.run()
    assert rank == 3
    assert [rank for rank, _ in tried] == [1, 1, 2, 3, 4, 3]
    errors = {record["rank"]: record["error"] for record in choice.path}
    assert errors[2] == pytest.approx(0.7 + 0.025 / 3) and errors[4] == pytest.approx(0.61)
    assert len(choice.errors[1][1.0]) == 6 and len(choice.errors[2][1.0]) == 12
    with_hindsight = Tabulated(lambda rank, _: 0.7 + gains[rank].flip(0), 4, (1.0, 0.3), n_folds=4)
    assert with_hindsight.run()[0] == 3 and len(with_hindsight.errors[1][1.0]) == 12


@pytest.mark.parametrize("n, expected", [(1, []), (2, [1]), (6, [1, 2, 4, 5]), (21, [1, 2, 4, 7, 12, 20])])
def test_steps_between_ranks_grow(n, expected):
    assert fibonacci_below(n) == expected


def table(errors):
    """Return a function of rank and fraction; what is not in the table must not be tried."""
    return lambda rank, fraction: errors[rank][fraction]


def test_larger_ranks_begin_with_the_fraction_of_the_smaller_one_and_the_chosen_rank_is_refined():
    first = {1.0: 0.8, 0.3: 0.75, 0.1: 0.7, 0.03: 0.75}
    second = {0.1: 0.6, 0.03: 0.58, 0.01: 0.61}
    worse = {0.1: 0.7, 0.3: 0.72}
    rank, fraction, tried = Tabulated(table({1: first, 2: second, 3: worse}), 3, FRACTIONS).run()
    assert (rank, fraction) == (2, 0.03)
    assert tried == [(1, 1.0), (1, 0.3), (1, 0.1), (1, 0.03), (2, 0.1), *((3, f) for f in worse), (2, 0.03), (2, 0.01)]


def test_a_rank_that_does_not_gain_tries_stronger_penalties():
    first = {1.0: 0.8, 0.3: 0.75, 0.1: 0.7, 0.03: 0.72}
    second, third = {0.1: 0.72, 0.3: 0.6, 1.0: 0.62}, {0.3: 0.61, 1.0: 0.62}
    rank, fraction, tried = Tabulated(table({1: first, 2: second, 3: third}), 3, FRACTIONS).run()
    assert (rank, fraction) == (2, 0.3)
    assert tried[4:] == [*((2, f) for f in second), *((3, f) for f in third)]


def test_strengths_beyond_those_given_are_tried_where_weaker_ones_do_not_help():
    first = {1.0: 0.7, 0.3: 0.75, 10.0: 0.6, 100.0: 0.65}
    rank, fraction, tried = Tabulated(table({1: first}), 1, (100.0, 10.0, *FRACTIONS)).run()
    assert (rank, fraction, tried) == (1, 10.0, [(1, f) for f in first])


@pytest.mark.parametrize("spread, expected", [(0.0, 2), (0.05, 1)])
def test_a_larger_rank_has_to_gain_beyond_chance(spread, expected):
    """The mean gain is .01; blocks differ by `spread` in what they gain."""
    gain = {1: 0.0, 2: 0.01 + spread * torch.tensor([1.0, 0.0, -1.0]), 3: -0.2}
    assert Tabulated(lambda rank, _: 0.71 - gain[rank], 3).run()[0] == expected


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
