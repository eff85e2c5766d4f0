from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from helpers import assert_same, axes_for, encodings, fields, formed, generator, normal

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.algorithm import FULL_RANK, LOW_RANK, Settings, Stage, mrtl, pyramid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.monitor import Listener
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings

MODES = (Feature("lag", 3), Feature("variable", 2), Grid("sea", (6, 8), quantity="mean"))
LEVELS = [((3,), (2,), (2, 2)), ((3,), (2,), (3, 4)), ((3,), (2,), (6, 8))]


def planted(n=120, seed=0, loss=SquaredLoss):
    """Fields whose target has a component, and noise."""
    inputs = fields(MODES, n=n, seed=seed)
    x = formed(inputs)
    bump = torch.hann_window(8, periodic=False, dtype=torch.float64).expand(6, 8).reshape(-1)
    lag, variable = torch.tensor([1.0, 0.5, 0.0]).double(), torch.tensor([1.0, -1.0]).double()
    scores = torch.einsum("nabc,a,b,c->n", x, lag, variable, bump)
    y = scores / scores.std() + 0.5 * normal(n, seed=seed + 7)
    y = y if loss is SquaredLoss else (y > 0).double()
    return Samples.of_rows(inputs, y[:, None], torch.ones(n, dtype=torch.float64))


def settings(solver=None, **changes) -> Settings:
    stage = Stage(solver or SolverSettings(max_epochs=20), 1e-3, 1e-2)
    start = {"loss": SquaredLoss, "rank": 2, "full_rank_levels": 1, "sigma": None}
    return Settings(**(start | {"full_rank": stage, "low_rank": stage} | changes))


def validation_loss(fit, samples, loss=SquaredLoss):
    coarse = samples.coarsen(fit.model.input_shapes)
    return float(Objective.of_samples(fit.model, coarse, loss, 0, 0).data_loss(fit.parameters))


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, [(0, FULL_RANK), (0, LOW_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        ({"full_rank_levels": 2}, [(0, FULL_RANK), (1, FULL_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        ({"full_rank_levels": 3}, [(0, FULL_RANK), (1, FULL_RANK), (2, FULL_RANK), (2, LOW_RANK)]),
        ({"full_rank_levels": 0}, [(0, LOW_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        ({"rank": None}, [(0, FULL_RANK), (1, FULL_RANK), (2, FULL_RANK)]),
    ],
)
def test_levels_and_stages_of_algorithm_1(changes, expected):
    fit = mrtl(planted(), LEVELS, settings(**changes))
    assert fit.done == expected
    assert list(dict.fromkeys((record["level"], record["phase"]) for record in fit.history)) == expected
    assert {record["resolution"]["sea"] for record in fit.history} == {level[2] for level in LEVELS}
    assert isinstance(fit.model, FullRank if changes.get("rank", 2) is None else CP)
    assert fit.model.input_shapes == LEVELS[-1]


@pytest.mark.parametrize("decomposition, rank", [("cp", 2), ("tucker", (2, 2, 2))])
@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_it_learns_and_every_level_goes_on_from_the_last(decomposition, rank, loss):
    samples, held = planted(loss=loss), planted(seed=50, loss=loss)
    fit = mrtl(samples, LEVELS, settings(loss=loss, rank=rank, decomposition=decomposition))
    shrunk = Stage(SolverSettings(), 0.0, 1e9)
    null = validation_loss(mrtl(samples, LEVELS[:1], settings(loss=loss, rank=None, full_rank=shrunk)), held, loss)
    assert validation_loss(fit, held, loss) < 0.9 * null
    low = [record for record in fit.history if record["phase"] == LOW_RANK]
    for level in (1, 2):
        last = [record["train_loss"] for record in low if record["level"] == level - 1][-1]
        first = [record["train_loss"] for record in low if record["level"] == level][0]
        assert first < last + 0.2 * null
    assert isinstance(fit.model, {"cp": CP, "tucker": Tucker}[decomposition])


def test_the_full_rank_stage_is_decomposed_on_its_own_level():
    """After one level its low-rank stage starts at the truncated full tensor: rank enough, it starts at its optimum."""
    full = mrtl(planted(), LEVELS[:1], settings(rank=None))
    both = mrtl(planted(), LEVELS[:1], settings(rank=6))
    assert_same(both.model.dense(both.parameters), full.parameters["weights"], rtol=0, atol=2e-3)


def test_an_epochs_record():
    fit = mrtl(planted(), LEVELS, settings())
    for record in fit.history:
        assert record["objective"] >= record["train_loss"] > 0
        assert record["validation_loss"] != record["validation_loss"]  # NaN: there are no such data
        assert all(record[f"gradient_{name}"] >= 0 for name in ("norm", "variance", "entropy"))
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(fit.history))
    for a, b in pairwise(fit.history):
        same = (a["level"], a["phase"]) == (b["level"], b["phase"])
        assert b["epoch"] == (a["epoch"] + 1 if same else 1)


@pytest.mark.parametrize("first, changes", [(1, {}), (2, {}), (1, {"rank": None}), (2, {"full_rank_levels": 2}),
                                            (1, {"full_rank_levels": 2}), (1, {"full_rank_levels": 0})])  # fmt: skip
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_going_on_ends_exactly_where_one_long_fit_ends(first, changes, solver):
    chosen = settings(SolverSettings(solver, max_epochs=5), **changes)
    long = mrtl(planted(), LEVELS, chosen)
    short = mrtl(planted(), LEVELS[:first], chosen)
    resumed = mrtl(planted(), LEVELS, chosen, earlier=short)
    assert resumed.done == long.done
    assert_same(resumed.parameters, long.parameters, rtol=0, atol=0)
    without_time = lambda fit: [{**r, "seconds": 0, "validation_loss": 0} for r in fit.history]  # noqa: E731
    assert without_time(resumed) == without_time(long)


def test_fewer_levels_than_before_are_those_of_a_short_fit():
    long = mrtl(planted(), LEVELS, settings())
    short = mrtl(planted(), LEVELS[:1], settings())
    back = mrtl(planted(), LEVELS[:1], settings(), earlier=long)
    assert back.done == short.done
    assert_same(back.parameters, short.parameters, rtol=0, atol=0)


def test_penalties_chosen_at_the_coarsest_level_serve_all():
    samples = planted(n=150)
    auto = Stage(SolverSettings(max_epochs=5), None, None)
    fit = mrtl(samples, LEVELS, settings(full_rank=auto, low_rank=auto))
    assert fit.alpha_path and fit.stages[LOW_RANK].alpha_l2 > 0
    assert fit.stages[FULL_RANK] == replace(fit.stages[LOW_RANK])
    own = replace(auto, alpha_l2=0.7)
    fit = mrtl(samples, LEVELS, settings(full_rank=own, low_rank=auto))
    assert fit.stages[FULL_RANK].alpha_l2 == 0.7 != fit.stages[LOW_RANK].alpha_l2
    assert fit.stages[FULL_RANK].alpha_spatial == fit.stages[LOW_RANK].alpha_spatial


def test_penalties_chosen_on_a_part_of_the_samples_count_for_that_part(monkeypatch):
    samples, auto = planted(n=450), Stage(SolverSettings(max_epochs=5), None, None)
    of_part = mrtl(samples.thinned(3, 12), LEVELS, settings(full_rank=auto, low_rank=auto))
    monkeypatch.setattr("sklearn_mrtl.core.penalties.selection.ENOUGH_DISTINCT", 150)
    of_all = mrtl(samples, LEVELS, settings(full_rank=auto, low_rank=auto))
    for name in ("alpha_spatial", "alpha_l2"):
        expected = getattr(of_part.stages[LOW_RANK], name) / 3
        assert getattr(of_all.stages[LOW_RANK], name) == pytest.approx(expected, rel=1e-6)
        assert [tried[name] for tried in of_all.alpha_path] == pytest.approx(
            [tried[name] / 3 for tried in of_part.alpha_path], rel=1e-6
        )


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_the_best_weights_on_validation_data_are_kept(solver):
    held = planted(n=40, seed=50)
    stage = Stage(SolverSettings(solver, max_epochs=40, learning_rate=0.3, convergence=0.0), 0.0, 0.0)  # overfits
    fit = mrtl(planted(n=30), LEVELS, settings(full_rank=stage, low_rank=stage, full_rank_levels=0), held)
    losses = [record["validation_loss"] for record in fit.history if record["level"] == 2]
    assert min(losses) < losses[-1]
    assert_same(validation_loss(fit, held), min(losses))


@pytest.mark.parametrize("patience", [1, 3])
def test_a_level_ends_when_a_users_own_criterion_has_risen(patience):
    """It rises from every epoch to the next; the first has nothing to rise from."""
    solver = SolverSettings("adam", max_epochs=50)
    chosen = settings(solver, criterion=lambda record: record["epoch"], patience=patience)
    fit = mrtl(planted(), LEVELS, chosen)
    epochs = [r["epoch"] for r, after in zip(fit.history, [*fit.history[1:], {"epoch": 1}], strict=True)
              if after["epoch"] == 1]  # fmt: skip
    assert epochs == [patience + 1] * 4


def test_tol_is_what_a_rise_has_to_exceed():
    for tol, n_epochs in ((0.5, 2), (1.0, 7)):
        chosen = settings(SolverSettings("adam", max_epochs=7), criterion=lambda record: record["epoch"], tol=tol)
        assert len(mrtl(planted(), LEVELS[:1], replace(chosen, full_rank_levels=0)).history) == n_epochs


class Notes(Listener):
    """Writes down what it hears, and ends a stage or the training when told to."""

    def __init__(self, ends_stage=lambda record: False, ends_training=lambda fit: False):
        self.heard, self.ends_stage, self.ends_training = [], ends_stage, ends_training

    def begin_training(self, n_stages):
        self.heard.append(n_stages)

    def begin_stage(self, level, stage, max_epochs):
        self.heard.append(f"begin {level} {stage}")

    def end_epoch(self, record, fit_now):
        fit = fit_now()
        assert fit.history[-1] == record and fit.parameters is not None
        assert fit.model.input_shapes == LEVELS[record["level"]]
        return self.ends_stage(record)

    def end_stage(self, fit):
        self.heard.append(f"end {fit.done[-1][0]} {fit.done[-1][1]}")
        return self.ends_training(fit)

    def end_training(self, fit):
        self.heard.append(len(fit.history))


def test_a_listener_hears_of_all_that_happens():
    notes = Notes()
    fit = mrtl(planted(), LEVELS, settings(listeners=[notes]))
    stages = [f"{level} {stage}" for level, stage in fit.done]
    between = [f"{what} {stage}" for stage in stages for what in ("begin", "end")]
    assert notes.heard == [len(fit.done), *between, len(fit.history)]


def test_a_listener_ends_a_stage_or_the_training():
    full = mrtl(planted(), LEVELS, settings())
    short = mrtl(planted(), LEVELS, settings(listeners=[Notes(lambda record: record["level"] == 1)]))
    assert short.done == full.done
    assert max(record["epoch"] for record in short.history if record["level"] == 1) == 1
    ended = mrtl(planted(), LEVELS, settings(listeners=[Notes(ends_training=lambda fit: len(fit.done) == 2), Notes()]))
    assert ended.done == full.done[:2] and ended.model.input_shapes == LEVELS[ended.done[-1][0]]


@pytest.mark.parametrize("learning_rate", [1e2, 1e10, 1e200])
@pytest.mark.parametrize("full_rank_levels", [0, 1])
def test_diverging_training_warns_and_restores_good_weights(learning_rate, full_rank_levels):
    stage = Stage(SolverSettings("sgd", max_epochs=300, learning_rate=learning_rate, lr_decay=1.0), 1e-4, 1e-3)
    samples = planted()
    with pytest.warns(RuntimeWarning, match=r"diverged at level 0 .* epoch .* lower learning_rate"):
        fit = mrtl(samples, LEVELS, settings(full_rank=stage, low_rank=stage, full_rank_levels=full_rank_levels))
    assert all(bool(value.isfinite().all()) for value in fit.parameters.values())
    null = float(samples.totals()[0].square().mean())
    assert validation_loss(fit, samples) <= 1.5 * null


def test_levels_made_from_one_another_are_those_made_from_the_finest():
    samples = planted()
    shapes = [((3,), (2,), (2, 3)), ((3,), (2,), (3, 4)), ((3,), (2,), (4, 6)), LEVELS[-1]]
    made = list(pyramid(samples, shapes, range(4)))
    for level, shape in enumerate(shapes):
        assert made[level].inputs.shapes == shape
        assert_same(made[level].inputs.x, samples.coarsen(shape).inputs.x)


def test_levels_of_encodings_merge_as_they_coarsen():
    modes = (Feature("player", 3), Grid("court", (8, 8)))
    rows = torch.randint(40, (300,), generator=generator())  # of each about seven
    inputs = encodings(modes, n=40).select(rows)
    samples = Samples.of_rows(inputs, normal(300, 1), torch.ones(300, dtype=torch.float64))
    shapes = [((3,), (1, 1)), ((3,), (4, 4)), ((3,), (8, 8))]
    made = list(pyramid(samples, shapes, [0, 1, 2]))
    assert made[2].inputs.n_rows <= 40
    model = FullRank(axes_for(made[0].inputs))
    parameters = model.initial(samples.weight)
    direct = samples.coarsen(shapes[0])
    for objective in (Objective.of_samples(model, s, SquaredLoss, 0, 0) for s in (made[0], direct)):
        assert_same(objective.data_loss(parameters), samples.mean_square)


def test_a_random_start_depends_on_its_seed_alone():
    one = [mrtl(planted(), LEVELS[:1], settings(full_rank_levels=0, seed=seed)) for seed in (1, 1, 2)]
    assert_same(one[0].parameters, one[1].parameters, rtol=0, atol=0)
    assert not torch.equal(one[0].parameters["factor 0"], one[2].parameters["factor 0"])
