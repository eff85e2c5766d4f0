"""The estimate of a fit's memory, against what its arrays take."""

from dataclasses import replace

import pytest
from helpers import axes_for, encodings, normal

from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.estimate import CODE, EncodingSizes, FieldSizes, fit_bytes, parameters_of
from sklearn_mrtl.core.losses import LogisticLoss
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.terms import Strengths, Term, full_rank_sum
from sklearn_mrtl.core.plan import Train, full_rank_plan, paper_plan
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings, Settings
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.modes import Feature, Grid

RESOLUTIONS = [((3,), (4, 5)), ((3,), (8, 10)), ((3,), (16, 20))]
PHASE = PhaseSettings(SolverSettings(), None, None)
ONE = [1] * len(RESOLUTIONS)  # output at each level
SETTINGS = Settings(LogisticLoss, 2, PHASE, PHASE, None)


def field_sizes(n_rows=1000, **changes):
    return replace(FieldSizes(n_rows, 8, 8 * n_rows, stored=1.0, is_copied=True), **changes)


def test_fields_are_held_at_all_levels_that_are_still_to_come():
    modes = (Feature("lag"), Grid("map", (16, 20)))
    finest = FieldInputs(normal(7, 3, 320), normal(3, 320), modes, RESOLUTIONS[-1], (None, None))
    levels = [finest.coarsen(shapes).x.nbytes for shapes in RESOLUTIONS]
    data = field_sizes(7)
    for level in range(3):
        assert data.coarse(RESOLUTIONS, level) == sum(levels[level:])
    assert replace(data, is_copied=False).coarse(RESOLUTIONS, 2) == 0


def test_encodings_take_their_indices_and_values():
    data = EncodingSizes(100, 8, 800, entries=(100, 250), are_ones=True)
    assert data.finest() == 4 * 100 + 4 * 250 + 4 * 100
    assert replace(data, are_ones=False).finest() == data.finest() + 8 * 350 + 4 * 100
    assert replace(data, index_bytes=8).finest() == 2 * data.finest()
    merged = 0.75 * (data.finest() + 9 * 100)  # at most three quarters of the rows, with their targets
    assert data.coarse([((4,), (5,)), ((4,), (50,))], 0) == merged > 12 * 100
    assert data.coarse([((4,), (5,)), ((4,), (50,))], 1) == 12 * 100  # all rows differ, and are not merged


@pytest.mark.parametrize("plan", [paper_plan(3, 1), full_rank_plan(3, decompose=False)])
def test_more_rows_a_finer_grid_and_more_outputs_need_more(plan):
    least = fit_bytes(plan, SETTINGS, RESOLUTIONS, field_sizes(), ONE)
    assert least > CODE + 8 * 1000 * 3 * 320
    assert fit_bytes(plan, SETTINGS, RESOLUTIONS, field_sizes(10_000), ONE) > least
    assert fit_bytes(plan, SETTINGS, [*RESOLUTIONS, ((3,), (320, 400))], field_sizes(), [*ONE, 1]) > least
    assert fit_bytes(plan, SETTINGS, RESOLUTIONS, field_sizes(), [1000 for _ in ONE]) > least


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("phase", [FULL_RANK, LOW_RANK])
def test_the_weights_of_a_sum_are_those_of_its_models(phase, n_outputs):
    inputs = encodings()
    axes = axes_for(inputs, n_outputs)
    terms = [Term("player", (0,), None, Strengths(1.0, ((),)))]
    terms += [Term("all", (0, 1, 2), 2, Strengths(1.0, ((), (1.0, 1.0), (1.0,))))]
    model = full_rank_sum(axes, terms)
    parameters = model.initial(normal(1))
    if phase == LOW_RANK:
        parameters = model.decomposed(parameters, CP, (), 0)[1]
    n_weights = sum(value.numel() for name, value in parameters.items() if name != "intercept")
    settings = replace(SETTINGS, terms=tuple(terms))
    assert parameters_of(Train(0, phase), settings, inputs.shapes, n_outputs) == n_weights
    open_ranks = replace(settings, terms=(terms[0], replace(terms[1], rank=1, ranks=(1, 2))))
    assert parameters_of(Train(0, phase), open_ranks, inputs.shapes, n_outputs) == n_weights


def test_a_long_axis_needs_what_its_kernel_is_applied_by():
    """Of FFT: more than five copies of the weights beyond those of as many cells in two short axes."""
    plan = full_rank_plan(1, decompose=False)
    settings = replace(SETTINGS, rank=None)
    long, short = (fit_bytes(plan, settings, [(shape,)], field_sizes(1), [1]) for shape in ((10**6,), (100,) * 3))
    assert long - short > 5 * 8 * 10**6
