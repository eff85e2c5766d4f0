import numpy as np
import pytest
import torch
from helpers import (
    FIELD_MODES,
    LAYOUTS,
    assert_same,
    axes_for,
    dense_kernel,
    encodings,
    fields,
    formed,
    generator,
    inputs_of,
    normal,
    objective_of,
    samples_of,
    uniform,
)
from sklearn.linear_model import Ridge

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.solvers.ridge import RidgeDesign, is_affordable
from sklearn_mrtl.core.solvers.ridge_path import FactoredPath, SpectralPath

PLAIN = (Feature("player", 3), Grid("court", (3, 4)))
by_layout = pytest.mark.parametrize("layout", LAYOUTS)


def samples_for(inputs, n_outputs=1):
    n = inputs.n_rows
    return Samples.from_rows(inputs, normal(n, n_outputs, seed=5), uniform(n, seed=6) + 0.5)


@pytest.mark.parametrize("make", [fields, encodings])
@pytest.mark.parametrize("n", [15, 80])  # the dual system and the primal one
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("alpha", [1e-3, 1.0])
def test_without_smoothness_it_is_scikit_learns_ridge(make, n, n_outputs, alpha):
    inputs = make(PLAIN, n=n)
    samples = samples_for(inputs, n_outputs)
    model = FullRank(axes_for(inputs, n_outputs))
    found = RidgeDesign(model, samples).solve(Alphas(0.0, alpha), samples.weight)
    y, weight = samples.totals()
    # (weighted mean of squares) + alpha |w|^2 / 36, times the sum of the weights
    expected = Ridge(alpha=alpha * float(weight.sum()) / 36, tol=1e-12).fit(
        formed(inputs).reshape(n, -1).numpy(), y.numpy(), sample_weight=weight.numpy()
    )
    assert_same(found["weights"].reshape(36, n_outputs).T, expected.coef_.reshape(n_outputs, 36), atol=1e-7)
    assert_same(found["intercept"], np.ravel(expected.intercept_), atol=1e-7)


@by_layout
@pytest.mark.parametrize("n", [12, 150])
@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("alphas", [(0.1, 0.01), (1e-3, 1e-4)])
def test_it_solves_the_objective_with_all_its_penalties(layout, n, n_outputs, alphas):
    """The gradient is zero: smoothness and land included."""
    inputs = inputs_of(layout, n)
    samples = samples_for(inputs, n_outputs)
    model = FullRank(axes_for(inputs, n_outputs))
    found = RidgeDesign(model, samples).solve(Alphas(*alphas), samples.weight)
    gradient = objective_of(model, samples, alpha_spatial=alphas[0], alpha_l2=alphas[1]).value_and_gradient(found)[2]
    assert_same(gradient, {name: torch.zeros_like(g) for name, g in gradient.items()}, atol=1e-9)


@pytest.mark.parametrize("n", [10, 90])
def test_normal_equations_with_the_dense_kernel(n):
    inputs = fields((Feature("lag", 2), Grid("sea", (3, 4), bounds=[(0, 1), (0, 3)], quantity="mean")), n=n)
    samples = samples_for(inputs)
    model = FullRank(axes_for(inputs, sigma=0.2))
    found = RidgeDesign(model, samples).solve(Alphas(0.3, 0.02), samples.weight)
    kernel, squares = dense_kernel(inputs.modes[1], (3, 4), 0.2)
    laplacian = 2 * (np.diag(kernel.sum(1)) - kernel) / ((kernel * squares).sum() / 12)
    penalty = np.kron(np.eye(2), 0.3 * laplacian + 0.02 * np.eye(12)) / 24
    y, weight = (values.numpy() for values in samples.totals())
    fraction = weight / weight.sum()
    x = np.column_stack([formed(inputs).reshape(n, -1).numpy(), np.ones(n)])
    penalty = np.pad(penalty, (0, 1))
    expected = np.linalg.solve(x.T @ (fraction[:, None] * x) + penalty, x.T @ (fraction[:, None] * y))[:, 0]
    assert_same(torch.cat([found["weights"].reshape(-1), found["intercept"]]), expected)


def test_merged_rows_have_the_solution_of_all():
    inputs = encodings(n=15).select(torch.randint(15, (60,), generator=generator()))
    samples = samples_of(inputs)
    model = FullRank(axes_for(inputs))
    found = [RidgeDesign(model, s).solve(Alphas(0.01, 0.01), s.weight) for s in (samples, samples.merge())]
    assert_same(*found)


def test_without_penalties_it_has_the_least_norm():
    inputs = fields(PLAIN, n=8)
    samples = samples_for(inputs)
    model = FullRank(axes_for(inputs))
    found = RidgeDesign(model, samples).solve(Alphas(0.0, 0.0), samples.weight)
    y, weight = samples.totals()
    x = formed(inputs).reshape(8, -1)
    centred = x - weight @ x / weight.sum()
    expected = torch.linalg.pinv(centred) @ (y - weight @ y / weight.sum())
    assert_same(found["weights"].reshape(-1), expected[:, 0], rtol=1e-5, atol=1e-6)


@by_layout
@pytest.mark.parametrize("rows_in_block", [3, 30])  # fewer than eigenvectors, and more
@pytest.mark.parametrize("alphas", [(0.3, 0.02), (0.0, 0.5)])
@pytest.mark.parametrize("make_path", [SpectralPath, FactoredPath])
def test_errors_of_blocks_are_those_of_really_leaving_them_out(layout, rows_in_block, alphas, make_path):
    n = 4 * rows_in_block
    inputs = inputs_of(layout, n)
    y, ones = normal(n, 2, seed=5), torch.ones(n, dtype=torch.float64)
    model = FullRank(axes_for(inputs, 2))
    blocks = Samples.from_rows(inputs, y, ones).in_blocks(inputs.shapes, 4)
    design = RidgeDesign(model, blocks)
    path = make_path(design, Alphas(*alphas).times(1 / sum(alphas)))
    assert design.blocks[0].stop <= rows_in_block
    for strength in (1.0, 0.01):
        expected = 0.0
        for b in range(4):
            held = torch.arange(b * rows_in_block, (b + 1) * rows_in_block)
            kept = torch.tensor(sorted(set(range(n)) - set(held.tolist())))
            rest = Samples.from_rows(inputs.select(kept), y[kept], ones[kept])
            fit = RidgeDesign(model, rest).solve(Alphas(*alphas).times(strength), rest.weight)
            errors = model.scores(fit, inputs.select(held)) - y[held]
            expected += float(between_rows(inputs.select(held), errors).square().sum()) / n
        assert_same(path.block_errors(strength * sum(alphas)).sum(), expected, rtol=1e-6)


@by_layout
@pytest.mark.parametrize("n", [24, 160])  # the dual system and the primal one
@pytest.mark.parametrize("left_out", [[0], [1, 3]])
@pytest.mark.parametrize("make_path", [SpectralPath, FactoredPath])
def test_fit_without_blocks_is_that_of_the_other_rows(layout, n, left_out, make_path):
    inputs = inputs_of(layout, n)
    model = FullRank(axes_for(inputs, 2))
    blocks = Samples.from_rows(inputs, normal(n, 2, seed=5), uniform(n, seed=6) + 0.5).in_blocks(inputs.shapes, 4)
    path = make_path(RidgeDesign(model, blocks), Alphas(0.6, 0.4))
    rest = blocks.rows_of(torch.tensor([b for b in range(4) if b not in left_out]))
    assert bool((rest.weight > 0).any(1).all())
    expected = RidgeDesign(model, rest).solve(Alphas(0.6, 0.4).times(0.1), rest.weight)
    assert_same(path.fit_without(0.1, left_out, rest.weight), expected, rtol=1e-5, atol=1e-8)


def between_rows(inputs, errors):
    """Errors of equal rows averaged: how those of a block vary about their mean is nobody's to predict."""
    _, row = inputs.merge(inputs.shapes)
    if row is None:
        return errors
    counts = torch.bincount(row).double()[:, None]
    means = torch.zeros(len(counts), errors.shape[1], dtype=torch.float64).index_add_(0, row, errors) / counts
    return means * counts.sqrt()


def test_what_is_affordable():
    inputs = fields(FIELD_MODES, n=5)
    assert is_affordable(FullRank(axes_for(inputs)), samples_for(inputs))
    wide = encodings((Grid("line", 3000),), n=5)
    assert not is_affordable(FullRank(axes_for(wide)), samples_for(wide))
