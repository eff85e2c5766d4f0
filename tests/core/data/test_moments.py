import torch
from helpers import assert_same, fields, generator, multi_hot, normal, uniform

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data import moments
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.mode_encodings import OneHot
from sklearn_mrtl.core.data.moments import DenseMoments, sparse_moments

MODES = Feature("player", 3), Grid("court", (2, 3), quantity="mean"), Feature("lag", 2)
TERMS = (0,), (1,), (0, 1, 2)


def parts(n=40):
    """Samples in the modes of three terms, with a row that is empty in one of them."""
    values = normal(n, 6) * (uniform(n, 6, seed=1) < 0.4)
    values[4] = 0
    one_hot = [OneHot(torch.randint(m.size, (n,), generator=generator(m.size)), m.size, torch.float64) for m in MODES]
    inputs = EncodedInputs((one_hot[0], multi_hot(values), one_hot[2]), MODES, ((3,), (2, 3), (2,)))
    return [inputs.of_modes(modes) for modes in TERMS]


def test_moments_are_those_of_all_columns():
    weight, designs = uniform(40), [part.design() for part in parts()]
    x = torch.cat([torch.ones(40, 1, dtype=torch.float64), *designs], 1)
    for made in (DenseMoments(parts()), sparse_moments(parts())):
        assert made.sizes == [1, 3, 6, 36]
        assert_same(made(weight), (x * weight[:, None]).T @ x)


def test_only_encodings_with_few_products_of_entries_are_sparse(monkeypatch):
    assert sparse_moments([fields()]) is None
    monkeypatch.setattr(moments, "MAX_PRODUCTS", 100)
    assert sparse_moments(parts()) is None
