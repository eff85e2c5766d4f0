"""A sum of terms against explicit sums over the entries of each term's weight tensor."""

import pytest
import torch
from helpers import (
    LAYOUTS,
    assert_same,
    axes_for,
    encodings,
    formed,
    inputs_of,
    normal,
    numerical_gradient,
    samples_of,
    uniform,
)

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.base import is_mean
from sklearn_mrtl.core.losses import LogisticLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.terms import Strengths, Sum, Term, full_rank_sum
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.objective import Objective

by_layout = pytest.mark.parametrize("layout", LAYOUTS)
PLAIN_MODES = (Feature("player", 3), Grid("court", (4, 3)), Grid("hour", 6, quantity="mean", periodic=True))


def plain_inputs(layout, n=12):
    return encodings(PLAIN_MODES, n) if layout == "encodings" else inputs_of(layout, n)


def terms_for(inputs, rank=None):
    """The last mode alone, the first and the last, and all three."""
    terms = []
    for modes in ((2,), (0, 2), (0, 1, 2)):
        along = [
            tuple(0.1 * (m + a + 1) for a in range(len(inputs.shapes[m]))) if isinstance(inputs.modes[m], Grid) else ()
            for m in modes
        ]
        terms.append(Term(f"term {modes}", modes, rank if len(modes) > 1 else None, Strengths(0.3, tuple(along))))
    return terms


def random_sum(inputs, n_outputs=1, kind=None):
    axes = axes_for(inputs, n_outputs)
    terms = terms_for(inputs, None if kind is None else 2)
    model = full_rank_sum(axes, terms)
    parameters = {name: normal(*value.shape, seed=i) for i, (name, value) in enumerate(
        model.initial(torch.zeros((), dtype=torch.float64)).items())}  # fmt: skip
    for name, own in model.parameter_axes.items():
        for dim, axis in enumerate(own):
            if axis.mask is not None:
                shape = [-1 if d == dim else 1 for d in range(parameters[name].ndim)]
                parameters[name] = parameters[name] * axis.mask.reshape(shape)
    if kind is CP:
        return model.decomposed(parameters, CP, (), 0)
    if kind is Tucker:
        ranked = [term if term.rank is None else Term(term.name, term.modes, (2,) * (len(term.modes) + (n_outputs > 1)),
                  term.strengths) for term in terms]  # fmt: skip
        return Sum(axes, ranked, model.models).decomposed(parameters, Tucker, (), 0)
    return model, parameters


def x_of_term(inputs, modes):
    """What multiplies a term's weights, shape (n, rows of its modes): all others are summed over, grids averaged."""
    x = formed(inputs)
    if hasattr(inputs, "encodings"):
        x = torch.ones(inputs.n_rows, dtype=torch.float64)
        for m in modes:
            own = inputs.encodings[m].matrix.to_dense() / (inputs.modes[m].size if is_mean(inputs.modes[m]) else 1)
            x = x[..., None] * own.reshape(len(x), *[1] * (x.ndim - 1), -1)
        return x
    others = [m + 1 for m in range(len(inputs.modes)) if m not in modes]
    return x.sum(others) if others else x


@by_layout
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("kind", [None, CP, Tucker])
def test_scores_are_the_sum_of_the_terms(layout, n_outputs, kind):
    inputs = plain_inputs(layout)
    model, parameters = random_sum(inputs, n_outputs, kind)
    expected = parameters["intercept"] + torch.zeros(inputs.n_rows, n_outputs, dtype=torch.float64)
    for term, part, own in model.parts(parameters):
        x = x_of_term(inputs, term.modes).reshape(inputs.n_rows, -1)
        expected = expected + x @ part.dense(own).reshape(x.shape[1], -1)
    assert_same(model.scores(parameters, inputs), expected)


@by_layout
def test_samples_of_some_modes_coarsen_as_those_of_all(layout):
    inputs = plain_inputs(layout)
    coarse = tuple(
        tuple(-(-n // 2) for n in shape) if isinstance(mode, Grid) else shape
        for mode, shape in zip(inputs.modes, inputs.shapes, strict=True)
    )
    for modes in ((2,), (0, 1), (1,)):
        shapes = tuple(coarse[m] for m in modes)
        first, second = inputs.coarsen(coarse).of_modes(modes), inputs.of_modes(modes).coarsen(shapes)
        weights = normal(*(torch.Size(shape).numel() for shape in shapes), 2)
        assert_same(first.linear_scores(weights), second.linear_scores(weights))


@by_layout
@pytest.mark.parametrize("kind", [None, CP])
def test_the_penalty_is_the_sum_of_squares_and_differences(layout, kind):
    inputs = plain_inputs(layout)
    model, parameters = random_sum(inputs, 1, kind)
    expected = 0.0
    for term, part, own in model.parts(parameters):
        weights = part.dense(own)
        total = 0.3 * weights.square().sum()
        for dim, (m, along) in enumerate(zip(term.modes, term.strengths.spatial, strict=True)):
            if not along:
                continue
            axis = part.axes[dim]
            mask = torch.ones(axis.size, dtype=torch.bool) if axis.mask is None else axis.mask
            mask = mask.reshape(axis.shape)
            values = weights.movedim(dim, 0).reshape(*axis.shape, -1)
            for a, alpha in enumerate(along):
                n, periodic = axis.shape[a], inputs.modes[m].periodic[a]
                for i in range(n if periodic else n - 1):
                    both = mask.select(a, i) & mask.select(a, (i + 1) % n)
                    step = (values.select(a, (i + 1) % n) - values.select(a, i)) * both[..., None]
                    total = total + alpha * n**2 * step.square().sum()
        expected = expected + total / part.n_entries
    assert_same(model.penalty(parameters, Alphas(1.0, 1.0)), expected)
    assert_same(model.penalty(parameters, Alphas(2.0, 2.0)), 2 * expected)


@by_layout
@pytest.mark.parametrize("kind", [None, CP, Tucker])
def test_gradients_of_a_sum(layout, kind):
    inputs = plain_inputs(layout, n=6)
    model, parameters = random_sum(inputs, 1, kind)
    parameters = {name: 0.3 * value for name, value in parameters.items()}
    objective = Objective.from_samples(model, samples_of(inputs, LogisticLoss), LogisticLoss, Alphas(1.0, 1.0))
    _, _, gradient = objective.value_and_gradient(parameters)
    assert_same(gradient, numerical_gradient(objective, parameters), rtol=1e-5, atol=1e-7)


def test_scales_are_those_of_the_second_derivative():
    inputs = plain_inputs("encodings", n=40)
    model, parameters = random_sum(inputs)
    weight = uniform(40)
    scales = model.natural_scales(parameters, inputs, weight / weight.sum(), 2.0, Alphas(1.0, 1.0))
    name = "term (2,): weights"
    column = inputs.of_modes((2,)).design()
    second = 2 * (weight / weight.sum()) @ column.square()
    part = model.models[0]
    second = second + 2 / part.n_entries * (part.axes[0].laplacian_diagonal(column) + 0.3)
    assert_same(scales[name], second.rsqrt())
    assert scales.keys() == parameters.keys()


def test_a_sum_passes_to_a_finer_grid_term_by_term():
    inputs = plain_inputs("encodings")
    coarse = inputs.coarsen(((3,), (2, 2), (3,)))
    model, parameters = random_sum(coarse, 1, CP)
    finer = model.with_axes(axes_for(inputs))
    fine = model.finegrain(parameters, finer)
    for (_, part, own), (_, fine_part, fine_own) in zip(model.parts(parameters), finer.parts(fine), strict=True):
        assert_same(fine_own, part.finegrain(own, fine_part))
    assert_same(fine["intercept"], parameters["intercept"])


def test_strengths_fill_each_other():
    own, other = Strengths(None, ((), (1.0, None))), Strengths(5.0, ((), (7.0, 8.0)))
    assert not own.known and other.known
    assert own.filled_from(other) == Strengths(5.0, ((), (1.0, 8.0)))
    assert own.times(2) == Strengths(None, ((), (2.0, None)))
