"""Which ranks and fractions of the strengths of a sum are tried, for given errors on left-out blocks."""

from types import SimpleNamespace

import pytest
import torch

from sklearn_mrtl.core.models.terms import Strengths, Term
from sklearn_mrtl.core.penalties import term_ranks
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.term_ranks import EMPTYING, LowRankChoice, LowRankTrial, choose_low_rank

NULL = 1.0
NOISE = torch.tensor([-0.1, 0.1, 0.0])  # of the blocks, the same for all models


def errors_of(value):
    return value + NOISE


class Tabulated(LowRankChoice):
    """Errors from a table {position: {fraction: error}} in the place of fits."""

    def __init__(self, table, sketched=False):
        self.table, self.null, self.path, self.errors = table, NULL, [], {}
        self.settings = SimpleNamespace(choice=ChoiceOptions())
        term = Term("a x b", (0, 1), 1, Strengths(None, ((), ())), (1, 2, 3, 5), sketched=sketched)
        self.model = SimpleNamespace(terms=(term,), axes=(), models=())
        self.alphas = None
        self.folds = SimpleNamespace(train=lambda model, alphas, fits: fits, left_out_losses=self.left_out_losses)

    def start(self, position, smaller):
        return self.model, [position]

    def left_out_losses(self, model, fits):
        (term,) = model.terms
        return errors_of(self.table[fits[0]][term.fraction])

    def without_low_rank(self):
        return LowRankTrial(0, EMPTYING, errors_of(0.9), self.model)


@pytest.fixture
def tried(monkeypatch):
    """Return the chosen position and fraction, and what was tried, for a table of errors."""
    monkeypatch.setattr(
        term_ranks, "Sum", lambda axes, terms, models: SimpleNamespace(axes=axes, terms=terms, models=())
    )

    def choose(table, *, sketched=False):
        choice = Tabulated(table, sketched)
        monkeypatch.setattr(term_ranks, "LowRankChoice", lambda *args: choice)
        settings = SimpleNamespace(terms=choice.model.terms)
        best, _ = choose_low_rank(SimpleNamespace(terms=[1]), choice.model.terms, None, [], 1.0, settings)
        return best, [(position, list(of_rank)) for position, of_rank in choice.errors.items()]

    return choose


def test_larger_ranks_begin_with_the_fraction_of_the_smaller_one_and_the_chosen_rank_is_refined(tried):
    first = {1.0: 0.8, 0.1: 0.7, 0.01: 0.75}
    second = {0.1: 0.6, 0.03: 0.58, 0.01: 0.61, 0.3: 0.65}
    worse = {0.1: 0.62, 0.3: 0.63}
    best, path = tried({0: first, 1: second, 2: worse, 3: worse})
    assert path == [(0, [1.0, 0.1, 0.01]), (1, [0.1, 0.03, 0.01, 0.3]), (2, [0.1, 0.3]), (3, [0.1, 0.3])]
    assert best.position == 1 and best.fraction == pytest.approx(0.03)


def test_a_rank_that_does_not_gain_tries_stronger_penalties(tried):
    first = {1.0: 0.8, 0.1: 0.7, 0.01: 0.75, 0.3: 0.72, 0.03: 0.71}
    second = {0.1: 0.72, 0.3: 0.6, 1.0: 0.62}
    best, path = tried({0: first, 1: second, 2: {0.3: 0.9, 1.0: 0.9}, 3: {0.3: 0.9, 1.0: 0.9}})
    assert path[1] == (1, [0.1, 0.3, 1.0])
    assert best.position == 1 and best.fraction == pytest.approx(0.3)


def test_sketched_terms_try_strengths_beyond_those_given(tried):
    first = {1.0: 0.7, 0.1: 0.75, 10.0: 0.6, 100.0: 0.65, 0.3: 0.7}
    second = {10.0: 0.7, 100.0: 0.75}
    best, path = tried({0: first, 1: second, 2: second, 3: second}, sketched=True)
    assert path[0] == (0, [1.0, 0.1, 10.0, 100.0])
    assert best.position == 0 and best.fraction == pytest.approx(10.0)


@pytest.mark.parametrize("spread, expected", [(0.0, 1), (0.05, 0)])
def test_a_larger_rank_has_to_gain_beyond_chance(spread, expected, tried):
    """The mean gain is .01; blocks differ by `spread` in what they gain."""
    first = {1.0: 0.8, 0.1: 0.71, 0.01: 0.75, 0.3: 0.72, 0.03: 0.73}
    second = dict.fromkeys((1.0, 0.3, 0.1, 0.03), 0.7 + spread * torch.tensor([1.0, 0.0, -1.0]))
    worse = dict.fromkeys((1.0, 0.3, 0.1), 0.9)
    best, _ = tried({0: first, 1: second, 2: worse, 3: worse})
    assert best.position == expected
