from dataclasses import replace

import pytest
import torch
from helpers import LAYOUTS, assert_same, encodings, fields, formed, inputs_of, normal, uniform

from sklearn_mrtl.core.data.base import put_last, take_last

COARSER = {
    "fields": [((2,), (2,), (3, 5)), ((2,), (3,), (2, 4)), ((2,), (4,), (1, 1))],
    "encodings": [((3,), (2, 3), (6,)), ((3,), (4, 2), (4,)), ((3,), (1, 1), (3,))],
}


by_layout = pytest.mark.parametrize("layout", LAYOUTS)


@by_layout
def test_design_is_the_formed_tensor(layout):
    inputs = inputs_of(layout)
    assert_same(inputs.design(), formed(inputs).reshape(inputs.n_rows, -1))


@by_layout
def test_linear_scores_are_sums_over_all_entries(layout):
    inputs = inputs_of(layout)
    weights = normal(*inputs.sizes, 2)
    expected = formed(inputs).reshape(inputs.n_rows, -1) @ weights.reshape(-1, 2)
    assert_same(inputs.linear_scores(weights), expected)


@by_layout
def test_multilinear_products(layout):
    inputs = inputs_of(layout)
    factors = [normal(size, m + 1, seed=m) for m, size in enumerate(inputs.sizes)]
    expected = torch.einsum("nabc,ai,bj,ck->nijk", formed(inputs), *factors)
    assert_same(inputs.multilinear(factors), expected)


@pytest.mark.parametrize("layout, shapes", [(layout, shapes) for layout in LAYOUTS for shapes in COARSER[layout]])
def test_coarse_samples_are_what_the_cells_of_the_formed_tensor_add_up_to(layout, shapes):
    inputs = inputs_of(layout)
    expected = formed(inputs)
    for dim, (mode, fine, coarse) in enumerate(zip(inputs.modes, inputs.shapes, shapes, strict=True), start=1):
        if fine != coarse:
            by_area = layout == "fields" and mode.quantity == "mean"
            expected = torch.tensordot(expected, fractions(fine, coarse, by_area), ([dim], [1])).movedim(-1, dim)
    assert_same(formed(inputs.coarsen(shapes)), expected)
    assert inputs.coarsen(shapes).shapes == shapes


def fractions(fine, coarse, by_area: bool):
    """Fraction of each fine cell inside each coarse one, or 1 if its centre is, shape (coarse cells, fine cells)."""
    product = torch.ones(1, 1, dtype=torch.float64)
    for n_fine, n_coarse in zip(fine, coarse, strict=True):
        axis = torch.zeros(n_coarse, n_fine, dtype=torch.float64)
        for i in range(n_coarse):
            for j in range(n_fine):
                overlap = min((i + 1) / n_coarse, (j + 1) / n_fine) - max(i / n_coarse, j / n_fine)
                axis[i, j] = max(0.0, overlap) * n_fine if by_area else int((j + 0.5) * n_coarse / n_fine) == i
        product = torch.kron(product, axis)
    return product


@by_layout
def test_mean_squares_multiply_to_the_mean_square_of_what_each_weight_multiplies(layout):
    """For fields a single number stands for all cells; for one-hot encodings of independent modes they are exact."""
    if layout == "fields":
        inputs = fields(n=30)
        expected = formed(inputs).square().mean()
        actual = torch.stack(
            [values.mean() for values in inputs.mean_squares(torch.ones(30, dtype=torch.float64))]
        ).prod()
        assert_same(actual, expected)
    else:
        inputs = encodings()
        weight = uniform(12)
        for values, encoding, mode in zip(inputs.mean_squares(weight), inputs.encodings, inputs.modes, strict=True):
            expected = (weight @ encoding.matrix.to_dense() ** 2) / weight.sum()
            assert_same(values, expected / 36 if mode.name == "player" else expected)  # the area of "hour" goes there


@by_layout
def test_chunks_are_all_samples_in_order(layout):
    inputs = inputs_of(layout)
    if layout == "encodings":
        inputs = replace(inputs, chunk_rows=5)
        assert len(inputs.chunks) == 3
    assert_same(torch.cat([formed(chunk) for _, chunk in inputs.chunks]), formed(inputs))
    for rows, chunk in inputs.chunks:
        assert_same(formed(chunk), formed(inputs)[rows])


@pytest.mark.parametrize("m", [0, 1])
def test_the_encoding_of_a_single_mode(m):
    inputs, weight = inputs_of("encodings"), uniform(12)
    factor = normal(inputs.sizes[m], 2)
    dense = inputs.encodings[m].matrix.to_dense()
    assert_same(inputs.product(m, factor), dense @ factor)
    for chunk_rows in (5, 100):
        parts = replace(inputs, chunk_rows=chunk_rows)
        assert_same(parts.column_mean_squares(m, weight), (weight @ dense**2) / weight.sum())


@by_layout
def test_select(layout):
    inputs, rows = inputs_of(layout), torch.tensor([5, 0, 5])
    assert_same(formed(inputs.select(rows)), formed(inputs)[rows])


def test_nothing_to_merge():
    inputs = encodings(n=8).select(torch.arange(4))
    assert inputs.merge(inputs.shapes) == (inputs, None)
    assert fields().merge(fields().shapes)[1] is None


@pytest.mark.parametrize("index", [range(40), [*range(3, 30), *range(31, 70)], range(0, 80, 2), [5], []])
def test_entries_are_taken_and_put_back(index):
    """In slices where neighbours are many, and one by one."""
    index = torch.tensor(list(index), dtype=torch.int32)
    values = normal(3, 2, 80)
    taken = take_last(values, index)
    assert_same(taken, values[..., index.long()])
    back = torch.zeros_like(values)
    back[..., index.long()] = taken
    assert_same(put_last(taken, index, 80), back)
