"""Which terms start from a sketch, and the strengths of a product's grids."""

from types import SimpleNamespace

import pytest
from helpers import encodings, fields

from sklearn_mrtl.core.data.blocks import BlockInputs
from sklearn_mrtl.core.models.terms import Strengths, Term
from sklearn_mrtl.core.penalties.term_choice import WEIGHTS_PER_ROW, mark_large, nearer_to_common


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
    in_blocks = SimpleNamespace(template=SimpleNamespace(inputs=inputs), n_rows=n_rows)
    assert sketched(inputs) == sketched(BlockInputs(in_blocks)) == bool(excess)
    assert not sketched(inputs, rank=None) and not sketched(inputs, decomposition="tucker")
    assert not sketched(fields(n=2))


def test_strengths_of_grids_are_drawn_half_way_to_their_geometric_mean():
    strengths = Strengths(0.3, ((1e-4, 4e-4), (), (9e-2, 1e-2)))
    drawn = nearer_to_common(strengths, Strengths(None, ((None, None), (), (None, None))))
    common = (2e-4 * 3e-2) ** 0.5  # geometric means of the grids, and of these
    first, second = (common / 2e-4) ** 0.5, (common / 3e-2) ** 0.5
    assert drawn.l2 == 0.3 and drawn.spatial[1] == ()
    assert drawn.spatial[0] == pytest.approx((1e-4 * first, 4e-4 * first))
    assert drawn.spatial[2] == pytest.approx((9e-2 * second, 1e-2 * second))


@pytest.mark.parametrize(
    "spatial, asked",
    [(((1e-4, 4e-4), ()), ((None, None), ())), (((1e-4, 0.0), (2.0,)), ((None, 0.0), (None,)))],
    ids=["one grid", "given"],
)
def test_strengths_of_one_grid_and_those_beside_given_ones_stay(spatial, asked):
    assert nearer_to_common(Strengths(0.3, spatial), Strengths(None, asked)).spatial == spatial
