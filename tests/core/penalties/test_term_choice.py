"""Which terms start from a sketch."""

from types import SimpleNamespace

import pytest
from helpers import encodings, fields

from sklearn_mrtl.core.data.blocks import BlockInputs
from sklearn_mrtl.core.models.terms import Strengths, Term
from sklearn_mrtl.core.penalties.term_choice import WEIGHTS_PER_ROW, mark_large


def sketched(inputs, *, rank=2, decomposition="cp"):
    term = Term("all", tuple(range(len(inputs.modes))), rank, Strengths(None, ()))
    settings = SimpleNamespace(terms=(term,), decomposition=decomposition)
    (marked,) = mark_large(SimpleNamespace(inputs=inputs), inputs.shapes, settings)
    return marked.sketched


@pytest.mark.parametrize("excess", [0, 1])
def test_products_with_many_weights_for_each_row_are_sketched_in_one_piece_and_in_blocks(excess):
    n_weights = 1
    for size in encodings().sizes:
        n_weights *= size
    n_rows = n_weights // WEIGHTS_PER_ROW + 1 - excess
    inputs = encodings(n=n_rows)
    assert sketched(inputs) == sketched(BlockInputs(inputs, n_rows)) == bool(excess)
    assert not sketched(inputs, rank=None) and not sketched(inputs, decomposition="tucker")
    assert not sketched(fields(n=2))
