import pytest
import torch
from helpers import assert_same, encodings, normal

from sklearn_mrtl import Feature, Grid

MODES = Feature("player", 5), Feature("quarter", 4), Grid("court", (2, 3)), Feature("kind", 3)
TERMS = [
    [(0,), (1,), (2,), (3,)],
    [(0,), (1,), (2,), (0, 2), (0, 1, 2), (1, 3), (3,)],
    [(2,), (0, 1, 2, 3)],
    [(0, 1), (1, 3)],
]


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("n", [3, 400])
@pytest.mark.parametrize("quantity", ["count", "mean"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_a_sum_of_scores_and_its_gradient_term_by_term(terms, n, quantity, n_outputs):
    modes = [Grid("court", (2, 3), quantity=quantity) if mode.name == "court" else mode for mode in MODES]
    inputs = encodings(modes, n=n)
    weights = [normal(*(inputs.sizes[m] for m in t), n_outputs, seed=k).requires_grad_() for k, t in enumerate(terms)]
    actual = inputs.sum_of_scores(list(zip(terms, weights, strict=True)))
    expected = sum(inputs.of_modes(t).design() @ w.reshape(-1, n_outputs) for t, w in zip(terms, weights, strict=True))
    assert_same(actual.detach(), expected.detach())
    slow, fast = (torch.autograd.grad(scores.square().sum(), weights) for scores in (expected, actual))
    for a, b in zip(fast, slow, strict=True):
        assert_same(a, b)


def test_tables_are_joined_where_samples_have_one_entry_of_the_modes_between():
    inputs, looked_up = encodings(MODES, n=400), []
    tensors = [(t, normal(*(inputs.sizes[m] for m in t), 1)) for t in [(0,), (1,), (3,), (2,), (0, 1, 2)]]
    of_modes = type(inputs).of_modes

    class Watched(type(inputs)):
        def of_modes(self, modes):
            looked_up.append(modes)
            return of_modes(self, modes)

    Watched(inputs.encodings, inputs.modes, inputs.shapes).sum_of_scores(tensors)
    assert sorted(looked_up) == [(0, 1, 2), (0, 1, 3)]
