import torch
from helpers import assert_same, axes_for, encodings, generator, normal
from training_problems import LEVELS, simulated

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.data.levels import LevelData, pyramid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective


def test_levels_made_from_one_another_are_those_made_from_the_finest():
    samples = simulated()
    shapes = [((3,), (2,), (2, 3)), ((3,), (2,), (3, 4)), ((3,), (2,), (4, 6)), LEVELS[-1]]
    made = list(pyramid(samples, shapes, range(4)))
    for level, shape in enumerate(shapes):
        assert made[level].inputs.shapes == shape
        assert_same(made[level].inputs.x, samples.coarsen(shape).inputs.x)


def test_levels_of_encodings_merge_as_they_coarsen():
    modes = (Feature("player", 3), Grid("court", (8, 8)))
    rows = torch.randint(40, (300,), generator=generator())  # of each about seven
    inputs = encodings(modes, n=40).select(rows)
    samples = Samples.from_rows(inputs, normal(300, 1), torch.ones(300, dtype=torch.float64))
    shapes = [((3,), (1, 1)), ((3,), (4, 4)), ((3,), (8, 8))]
    made = list(pyramid(samples, shapes, [0, 1, 2]))
    assert made[2].inputs.n_rows <= 40
    model = FullRank(axes_for(made[0].inputs))
    parameters = model.initial(samples.weight)
    direct = samples.coarsen(shapes[0])
    for objective in (Objective.from_samples(model, s, SquaredLoss, Alphas(0, 0)) for s in (made[0], direct)):
        assert_same(objective.data_loss(parameters), samples.mean_square)


def test_a_view_is_of_a_level_with_much_fewer_cells_also_if_training_is_resumed():
    samples = simulated()
    shapes = [((3,), (2,), (1, 2)), ((3,), (2,), (2, 3)), ((3,), (2,), (4, 6)), LEVELS[-1]]
    whole, resumed = LevelData(samples, None, shapes, range(4)), LevelData(samples, None, shapes, [3])
    whole.move_to(0)
    assert whole.view() is None
    for data in (whole, resumed):
        data.move_to(3)
        assert data.training.inputs.shapes == LEVELS[-1]
    cells = [torch.Size(shape[2]).numel() for shape in shapes]
    expected = max(level for level in range(3) if cells[level] * 8 <= cells[3])
    assert whole.view().shapes == resumed.view().shapes == shapes[expected]
    assert_same(whole.view().x, resumed.view().x, rtol=0, atol=0)
