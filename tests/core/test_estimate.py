"""The estimate of a fit's memory, against what its arrays take."""

from dataclasses import replace

import pytest
from helpers import normal

from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.estimate import CODE, EncodingSizes, FieldSizes, fit_bytes
from sklearn_mrtl.core.losses import LogisticLoss
from sklearn_mrtl.core.plan import full_rank_plan, paper_plan
from sklearn_mrtl.core.settings import PhaseSettings, Settings
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.modes import Feature, Grid

RESOLUTIONS = [((3,), (4, 5)), ((3,), (8, 10)), ((3,), (16, 20))]
PHASE = PhaseSettings(SolverSettings(), None, None)
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


@pytest.mark.parametrize("plan", [paper_plan(3, 1), full_rank_plan(3, decompose=False)])
def test_more_rows_a_finer_grid_and_more_outputs_need_more(plan):
    least = fit_bytes(plan, SETTINGS, RESOLUTIONS, field_sizes(), 1)
    assert least > CODE + 8 * 1000 * 3 * 320
    assert fit_bytes(plan, SETTINGS, RESOLUTIONS, field_sizes(10_000), 1) > least
    assert fit_bytes(plan, SETTINGS, [*RESOLUTIONS, ((3,), (320, 400))], field_sizes(), 1) > least
    assert fit_bytes(plan, SETTINGS, RESOLUTIONS, field_sizes(), 1000) > least


def test_a_long_axis_needs_what_its_kernel_is_applied_by():
    """Of FFT: more than five copies of the weights beyond those of as many cells in two short axes."""
    plan = full_rank_plan(1, decompose=False)
    settings = replace(SETTINGS, rank=None)
    long, short = (fit_bytes(plan, settings, [(shape,)], field_sizes(1), 1) for shape in ((10**6,), (100,) * 3))
    assert long - short > 5 * 8 * 10**6
