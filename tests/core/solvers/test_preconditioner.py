"""The inverse Hessian from which L-BFGS starts, against dense matrices, and where it leads."""

from unittest import mock

import pytest
import torch
from helpers import assert_same, axes_for, encodings, normal, objective_of, random_parameters, samples_of
from solver_problems import grid_axis, value_of

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.mode_encodings import OneHot
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.terms import Strengths, Sum, Term, named
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.solvers import lbfgs as lbfgs_module
from sklearn_mrtl.core.solvers import preconditioner
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.lbfgs import lbfgs
from sklearn_mrtl.core.solvers.preconditioner import (
    FactorCurvature,
    FactorInverse,
    factor_curvatures,
    factor_inverses,
)

LIKE = torch.zeros((), dtype=torch.float64)


def positive(size, seed):
    """A positive definite matrix."""
    root = normal(size, size + 2, seed=seed)
    return root @ root.T / size


def curvature_of(axis, rank=3, seed=0):
    mean_squares = normal(axis.size, seed=seed).square()
    return FactorCurvature(axis, mean_squares, *(positive(rank, seed + n) for n in (1, 2, 3)))


def dense_hessian(curvature):
    """The matrix (D K, D K) of a factor's second derivatives."""
    size = curvature.axis.size
    smoothness = curvature.axis.smoothness
    laplacian = torch.zeros(size, size).double() if smoothness is None else smoothness.dense_laplacian()
    parts = (torch.diag(curvature.mean_squares), curvature.data), (torch.eye(size).double(), curvature.within)
    return sum(torch.kron(*part) for part in (*parts, (laplacian, curvature.along)))


def dense(inverse, size):
    return torch.stack([inverse(column) for column in torch.eye(size).double()], 1)


@pytest.fixture
def exact(monkeypatch):
    monkeypatch.setattr(preconditioner, "SHRINKAGE", 0.0)


def test_the_block_of_a_feature_is_inverted_exactly(exact):
    curvature = curvature_of(Axis(Feature("player", 7), (7,)))
    found = dense(FactorInverse(curvature, LIKE), 21)
    assert_same(found, torch.linalg.inv(dense_hessian(curvature)), rtol=1e-3)  # but for a millionth that is added


@pytest.mark.parametrize("options", [{}, {"masked": True}, {"periodic": True}, {"shape": (40,)}], ids=str)
def test_the_block_of_a_grid_is_inverted_exactly_in_the_smoothest_waves(options):
    """For one component, against the formula with dense matrices."""
    curvature = curvature_of(grid_axis(**options), rank=1)
    axis, hessian = curvature.axis, dense_hessian(curvature)
    inverse = FactorInverse(curvature, LIKE)
    found = dense(inverse, axis.size)
    assert_same(found, found.T, atol=1e-9)
    waves, rough = axis.smoothest_waves
    assert_same(waves.T @ waves, torch.eye(waves.shape[1]).double(), atol=1e-9)
    assert_same(rough, waves.T @ axis.smoothness.dense_laplacian() @ waves, atol=1e-9)
    diagonal = torch.diag(1 / (inverse.inverse * inverse.basis.square())[:, 0])
    between = [torch.linalg.inv(waves.T @ matrix @ waves) for matrix in (hessian, diagonal)]
    expected = torch.linalg.inv(diagonal) + waves @ (between[0] - between[1]) @ waves.T
    assert_same(found, expected, rtol=1e-2, atol=1e-3 * float(expected.abs().max()))
    if axis.mask is not None:
        assert float(waves[~axis.mask].abs().max()) < 1e-12


@pytest.mark.parametrize("options", [{"shape": (12, 16)}, {"shape": (12, 16), "masked": True}], ids=str)
def test_it_is_positive_definite_and_much_nearer_to_the_inverse_than_a_diagonal(options, exact):
    curvature = curvature_of(grid_axis(**options))
    free = torch.ones(curvature.axis.size).bool() if curvature.axis.mask is None else curvature.axis.mask
    free = free.repeat_interleave(3)
    hessian = dense_hessian(curvature)[free][:, free]
    found = dense(FactorInverse(curvature, LIKE), len(free))[free][:, free]
    assert float(torch.linalg.eigvalsh(found).min()) > 0

    def spread(inverse):
        values = torch.linalg.eigvals(inverse @ hessian).real
        return float(values.max() / values.min())

    assert spread(found) < 0.2 * spread(torch.diag(1 / hessian.diagonal()))


def test_components_that_are_the_same_have_no_endless_steps():
    """Their difference is all but free while the other factors are fixed; the shrunken moments bound it."""
    alike = FactorCurvature(Axis(Feature("player", 7), (7,)), torch.ones(7).double(), torch.ones(2, 2).double(),
                            *(1e-9 * torch.eye(2).double() for _ in range(2)))  # fmt: skip
    difference = torch.tensor([1.0, -1.0] * 7, dtype=torch.float64)
    assert_same(FactorInverse(alike, LIKE)(difference), difference / preconditioner.SHRINKAGE, rtol=1e-3)


def test_few_cells_with_data_leave_no_waves_that_they_cannot_tell_apart():
    mask = torch.zeros(48).bool()
    mask[[3, 4, 11]] = True
    curvature = curvature_of(grid_axis((6, 8), mask=mask))
    waves, _ = curvature.axis.smoothest_waves
    assert waves.shape[1] <= 3
    step = FactorInverse(curvature, LIKE)(normal(48 * 3))
    assert bool(step.isfinite().all())


def factorial(modes):
    """Every combination of one category or cell of each mode once, so that moments are products of the modes' own."""
    index = torch.cartesian_prod(*(torch.arange(mode.size) for mode in modes))
    one_hot = tuple(OneHot(column.clone(), m.size, torch.float64) for column, m in zip(index.T, modes, strict=True))
    return EncodedInputs(one_hot, tuple(modes), tuple(mode.shape for mode in modes))


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_second_derivatives_by_each_factor_are_those_of_the_objective(n_outputs):
    """By differences of the gradient, which are exact for squared loss."""
    modes = Feature("player", 5), Grid("court", (3, 4), quantity="count"), Feature("quarter", 3)
    inputs = factorial(modes)
    model, weight = CP(axes_for(inputs, n_outputs)), torch.ones(inputs.n_rows).double()
    samples = Samples.from_rows(inputs, normal(inputs.n_rows, n_outputs), weight)
    objective, parameters = objective_of(model, samples), random_parameters(model, 2)
    arguments = inputs, objective.weight, objective.loss.curvature, objective.alphas
    names = []
    for name, curvature in factor_curvatures(model, parameters, *arguments):
        columns, value = [], parameters[name]
        for unit in torch.eye(value.numel()).double():
            sides = [{**parameters, name: value + sign * unit.reshape(value.shape)} for sign in (1, -1)]
            plus, minus = (objective.value_and_gradient(side)[2][name].reshape(-1) for side in sides)
            columns.append((plus - minus) / 2)
        assert_same(dense_hessian(curvature), torch.stack(columns, 1), rtol=1e-9, atol=1e-12)
        names.append(name)
    assert names == model.names


def test_terms_have_their_own_and_what_is_nonnegative_or_no_cp_model_has_none():
    modes = Feature("player", 5), Grid("court", (3, 4), quantity="count")
    inputs = factorial(modes)
    axes, strengths = axes_for(inputs), Strengths(0.1, ((0.2, 0.3),))
    both = Term("player x court", (0, 1), 2, Strengths(0.1, ((), (0.2, 0.3))))
    terms = [Term("player", (0,), None, Strengths(0.1, ((),))), Term("court", (1,), None, strengths), both]
    models = [FullRank(terms[0].axes(axes)), FullRank(terms[1].axes(axes)), CP(both.axes(axes))]

    def names_for(model, parameters):
        return set(factor_inverses(objective_of(model, samples_of(inputs)), parameters))

    model = Sum(axes, terms, models)
    own = {term.name: random_parameters(part, 2) for term, part in zip(terms, models, strict=True)}
    weights = {name: {k: v for k, v in of_term.items() if k != "intercept"} for name, of_term in own.items()}
    parameters = {**named(weights), "intercept": torch.zeros(1).double()}
    expected = {"court: weights", "player x court: factor 0", "player x court: factor 1"}
    assert names_for(model, parameters) == expected
    bounded = CP(axes, {"court"})
    assert names_for(bounded, random_parameters(bounded, 2)) == {"factor 0"}
    tucker = Tucker(axes)
    assert names_for(tucker, random_parameters(tucker, (2, 2))) == set()


def test_smooth_maps_need_fewer_steps():
    """Ten steps lead nearer to the minimum than twenty from scales of single entries."""
    modes = Feature("player", 8), Grid("court", (16, 20), quantity="count")
    inputs = encodings(modes, 3000)
    model = CP(axes_for(inputs, sigma=None))
    samples = samples_of(inputs, LogisticLoss)
    objective, start = objective_of(model, samples, LogisticLoss, 0.05, 0.01), random_parameters(model, 3)

    def after(n_steps):
        return value_of(objective, lbfgs(objective, start, SolverSettings(max_epochs=n_steps, convergence=0.0)))

    ten = after(10)
    with mock.patch.object(lbfgs_module, "factor_inverses", lambda objective, start: {}):
        assert ten < after(20)
