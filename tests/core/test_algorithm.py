from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from helpers import assert_same, axes_for, encodings, fields, formed, generator, normal

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.algorithm import mrtl
from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.data.levels import pyramid
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import LogisticLoss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.tucker import Tucker
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.plan import Decompose, Finegrain, Initialize, Train, full_rank_plan, paper_plan
from sklearn_mrtl.core.settings import FULL_RANK, LOW_RANK, PhaseSettings, Settings
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
    return Samples.from_rows(inputs, y[:, None], torch.ones(n, dtype=torch.float64))


def settings(solver=None, **changes) -> Settings:
    phase = PhaseSettings(solver or SolverSettings(max_epochs=20), 1e-3, 1e-2)
    start = {"loss": SquaredLoss, "rank": 2, "sigma": None}
    return Settings(**(start | {"full_rank": phase, "low_rank": phase} | changes))


def run(samples, chosen=None, n_levels=3, full_rank_levels=1, validation=None, earlier=None, callbacks=()):
    """Algorithm 1 on the coarsest levels; full_rank_levels None: full rank at all of them."""
    if full_rank_levels is None:
        plan = full_rank_plan(n_levels, decompose=False)
    else:
        plan = paper_plan(n_levels, min(full_rank_levels, n_levels))
    return mrtl(samples, LEVELS, plan, chosen or settings(), validation, earlier, callbacks)


def trained(fit):
    return [(step.level, step.phase) for step in fit.done if isinstance(step, Train)]


def validation_loss(fit, samples, loss=SquaredLoss):
    coarse = samples.coarsen(fit.model.input_shapes)
    return float(Objective.from_samples(fit.model, coarse, loss, Alphas(0, 0)).data_loss(fit.parameters))


@pytest.mark.parametrize(
    "full_rank_levels, expected",
    [
        (1, [(0, FULL_RANK), (0, LOW_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        (2, [(0, FULL_RANK), (1, FULL_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        (3, [(0, FULL_RANK), (1, FULL_RANK), (2, FULL_RANK), (2, LOW_RANK)]),
        (0, [(0, LOW_RANK), (1, LOW_RANK), (2, LOW_RANK)]),
        (None, [(0, FULL_RANK), (1, FULL_RANK), (2, FULL_RANK)]),
    ],
)
def test_levels_and_phases_of_algorithm_1(full_rank_levels, expected):
    fit = run(planted(), full_rank_levels=full_rank_levels)
    assert trained(fit) == expected
    assert list(dict.fromkeys((record["level"], record["phase"]) for record in fit.history)) == expected
    assert {record["resolution"]["sea"] for record in fit.history} == {level[2] for level in LEVELS}
    assert isinstance(fit.model, FullRank if full_rank_levels is None else CP)
    assert fit.model.input_shapes == LEVELS[-1]


def test_the_plan_is_that_of_the_paper():
    assert paper_plan(3, 2) == [
        Initialize(0, FULL_RANK), Train(0, FULL_RANK), Finegrain(1), Train(1, FULL_RANK), Decompose(1),
        Train(1, LOW_RANK), Finegrain(2), Train(2, LOW_RANK),
    ]  # fmt: skip
    assert paper_plan(2, 0) == [Initialize(0, LOW_RANK), Train(0, LOW_RANK), Finegrain(1), Train(1, LOW_RANK)]
    assert full_rank_plan(2, decompose=True) == [
        Initialize(0, FULL_RANK), Train(0, FULL_RANK), Finegrain(1), Train(1, FULL_RANK), Decompose(1),
    ]  # fmt: skip
    for n_levels in (1, 2):  # fewer levels are a prefix of more
        assert paper_plan(3, 1)[: len(paper_plan(n_levels, 1))] == paper_plan(n_levels, 1)


@pytest.mark.parametrize("decompose", [False, True])
def test_full_rank_throughout_is_decomposed_at_the_end_only(decompose):
    plan = full_rank_plan(3, decompose=decompose)
    full = mrtl(planted(), LEVELS, full_rank_plan(3, decompose=False), settings())
    fit = mrtl(planted(), LEVELS, plan, settings(rank=6))
    assert trained(fit) == [(level, FULL_RANK) for level in range(3)]
    assert isinstance(fit.model, CP if decompose else FullRank)
    assert_same(fit.model.dense(fit.parameters), full.parameters["weights"], rtol=0, atol=1e-3)


def test_a_plan_that_ends_with_a_decomposition_does_so_where_training_is_ended_early():
    notes = Notes(ends_training=lambda fit: len(trained(fit)) == 2)
    fit = mrtl(planted(), LEVELS, full_rank_plan(3, decompose=True), settings(), callbacks=[notes])
    assert fit.done[-1] == Decompose(1) and isinstance(fit.model, CP) and fit.model.input_shapes == LEVELS[1]


@pytest.mark.parametrize("decomposition, rank", [("cp", 2), ("tucker", (2, 2, 2))])
@pytest.mark.parametrize("loss", [SquaredLoss, LogisticLoss], ids=lambda loss: loss.__name__)
def test_it_learns_and_every_level_goes_on_from_the_last(decomposition, rank, loss):
    samples, held = planted(loss=loss), planted(seed=50, loss=loss)
    fit = run(samples, settings(loss=loss, rank=rank, decomposition=decomposition))
    shrunk = settings(loss=loss, full_rank=PhaseSettings(SolverSettings(), 0.0, 1e9))
    null = validation_loss(run(samples, shrunk, n_levels=1, full_rank_levels=None), held, loss)
    assert validation_loss(fit, held, loss) < 0.9 * null
    low = [record for record in fit.history if record["phase"] == LOW_RANK]
    for level in (1, 2):
        last = [record["train_loss"] for record in low if record["level"] == level - 1][-1]
        first = [record["train_loss"] for record in low if record["level"] == level][0]
        assert first < last + 0.2 * null
    assert isinstance(fit.model, {"cp": CP, "tucker": Tucker}[decomposition])


def test_the_full_rank_model_is_decomposed_on_its_own_level():
    """The low rank starts at the truncated full tensor: with rank enough, at its optimum."""
    full = run(planted(), n_levels=1, full_rank_levels=None)
    both = run(planted(), settings(rank=6), n_levels=1)
    assert_same(both.model.dense(both.parameters), full.parameters["weights"], rtol=0, atol=2e-3)


def test_an_epochs_record():
    fit = run(planted())
    for record in fit.history:
        assert record["objective"] >= record["train_loss"] > 0
        assert record["validation_loss"] != record["validation_loss"]  # NaN: there are no such data
        assert all(record[f"gradient_{name}"] >= 0 for name in ("norm", "variance", "entropy"))
    assert all(a["seconds"] <= b["seconds"] for a, b in pairwise(fit.history))
    for a, b in pairwise(fit.history):
        same = (a["level"], a["phase"]) == (b["level"], b["phase"])
        assert b["epoch"] == (a["epoch"] + 1 if same else 1)


@pytest.mark.parametrize("first, full_rank_levels", [(1, 1), (2, 1), (1, None), (2, 2), (1, 2), (1, 0), (2, 3)])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_going_on_ends_exactly_where_one_long_fit_ends(first, full_rank_levels, solver):
    chosen = settings(SolverSettings(solver, max_epochs=5))
    long = run(planted(), chosen, full_rank_levels=full_rank_levels)
    short = run(planted(), chosen, n_levels=first, full_rank_levels=full_rank_levels)
    resumed = run(planted(), chosen, full_rank_levels=full_rank_levels, earlier=short)
    assert resumed.done == long.done
    assert_same(resumed.parameters, long.parameters, rtol=0, atol=0)
    untimed = [[{**r, "seconds": 0, "validation_loss": 0} for r in fit.history] for fit in (resumed, long)]
    assert untimed[0] == untimed[1]


@pytest.mark.parametrize("full_rank_levels", [1, 2])
def test_fewer_levels_than_before_are_those_of_a_short_fit(full_rank_levels):
    long = run(planted(), full_rank_levels=full_rank_levels)
    short = run(planted(), n_levels=full_rank_levels, full_rank_levels=full_rank_levels)
    back = run(planted(), n_levels=full_rank_levels, full_rank_levels=full_rank_levels, earlier=long)
    assert back.done == short.done
    assert_same(back.parameters, short.parameters, rtol=0, atol=0)


def test_penalties_chosen_at_the_coarsest_level_serve_all():
    samples = planted(n=150)
    auto = PhaseSettings(SolverSettings(max_epochs=5), None, None)
    fit = run(samples, settings(full_rank=auto, low_rank=auto))
    assert fit.alpha_path and fit.phases[LOW_RANK].alpha_l2 > 0
    assert fit.phases[FULL_RANK] == fit.phases[LOW_RANK]
    own = replace(auto, alpha_l2=0.7)
    fit = run(samples, settings(full_rank=own, low_rank=auto))
    assert fit.phases[FULL_RANK].alpha_l2 == 0.7 != fit.phases[LOW_RANK].alpha_l2
    assert fit.phases[FULL_RANK].alpha_spatial == fit.phases[LOW_RANK].alpha_spatial


def test_penalties_chosen_on_a_part_of_the_samples_count_for_that_part():
    samples, auto = planted(n=450), PhaseSettings(SolverSettings(max_epochs=5), None, None)
    of_part = run(samples.thinned(3, 12), settings(full_rank=auto, low_rank=auto))
    of_all = run(samples, settings(full_rank=auto, low_rank=auto, choice=ChoiceOptions(max_distinct=150)))
    for name in ("alpha_spatial", "alpha_l2"):
        expected = getattr(of_part.phases[LOW_RANK], name) / 3
        assert getattr(of_all.phases[LOW_RANK], name) == pytest.approx(expected, rel=1e-6)
        assert [tried[name] for tried in of_all.alpha_path] == pytest.approx(
            [tried[name] / 3 for tried in of_part.alpha_path], rel=1e-6
        )


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_the_best_weights_on_validation_data_are_kept(solver):
    held = planted(n=40, seed=50)
    overfits = PhaseSettings(SolverSettings(solver, max_epochs=40, learning_rate=0.3, convergence=0.0), 0.0, 0.0)
    fit = run(planted(n=30), settings(low_rank=overfits), full_rank_levels=0, validation=held)
    losses = [record["validation_loss"] for record in fit.history if record["level"] == 2]
    assert min(losses) < losses[-1]
    assert_same(validation_loss(fit, held), min(losses))


@pytest.mark.parametrize("patience", [1, 3])
def test_a_level_ends_when_a_users_own_criterion_has_risen(patience):
    """It rises from every epoch to the next; the first has nothing to rise from."""
    solver = SolverSettings("adam", max_epochs=50)
    chosen = settings(solver, criterion=lambda record: record["epoch"], patience=patience)
    fit = run(planted(), chosen)
    epochs = [r["epoch"] for r, after in zip(fit.history, [*fit.history[1:], {"epoch": 1}], strict=True)
              if after["epoch"] == 1]  # fmt: skip
    assert epochs == [patience + 1] * 4


def test_tol_is_what_a_rise_has_to_exceed():
    for tol, n_epochs in ((0.5, 2), (1.0, 7)):
        chosen = settings(SolverSettings("adam", max_epochs=7), criterion=lambda record: record["epoch"], tol=tol)
        assert len(run(planted(), chosen, n_levels=1, full_rank_levels=0).history) == n_epochs


class Notes(TrainingCallback):
    """Writes down what it hears, and ends a level or the training when told to."""

    def __init__(self, ends_level=lambda record: False, ends_training=lambda fit: False):
        self.heard, self.ends_level, self.ends_training = [], ends_level, ends_training

    def begin_training(self, n_levels):
        self.heard.append(n_levels)

    def begin_level(self, level, phase, max_epochs):
        self.heard.append(f"begin {level} {phase}")

    def end_epoch(self, record, fit_now):
        fit = fit_now()
        assert fit.history[-1] == record and fit.parameters is not None
        assert fit.model.input_shapes == LEVELS[record["level"]]
        return self.ends_level(record)

    def end_level(self, fit):
        self.heard.append(f"end {fit.done[-1].level} {fit.done[-1].phase}")
        return self.ends_training(fit)

    def end_training(self, fit):
        self.heard.append(len(fit.history))


def test_a_callback_hears_of_all_that_happens():
    notes = Notes()
    fit = run(planted(), callbacks=[notes])
    levels = [f"{level} {phase}" for level, phase in trained(fit)]
    between = [f"{what} {level}" for level in levels for what in ("begin", "end")]
    assert notes.heard == [len(levels), *between, len(fit.history)]


def test_a_callback_ends_a_level_or_the_training():
    full = run(planted())
    short = run(planted(), callbacks=[Notes(lambda record: record["level"] == 1)])
    assert short.done == full.done
    assert max(record["epoch"] for record in short.history if record["level"] == 1) == 1
    ended = run(planted(), callbacks=[Notes(ends_training=lambda fit: len(trained(fit)) == 2), Notes()])
    assert trained(ended) == trained(full)[:2] and ended.model.input_shapes == LEVELS[ended.done[-1].level]


@pytest.mark.parametrize("learning_rate", [1e2, 1e10, 1e200])
@pytest.mark.parametrize("max_epochs", [1, 2, 300])
@pytest.mark.parametrize("full_rank_levels", [0, 1])
def test_diverging_training_warns_and_restores_good_weights(learning_rate, max_epochs, full_rank_levels):
    """Also where the last step leaves finite weights that are useless, which no epoch sees."""
    solver = SolverSettings("sgd", max_epochs=max_epochs, learning_rate=learning_rate, lr_decay=1.0)
    phase, samples = PhaseSettings(solver, 1e-4, 1e-3), planted()
    with pytest.warns(RuntimeWarning, match=r"diverged at level 0 .* epoch .* lower learning_rate"):
        fit = run(samples, settings(full_rank=phase, low_rank=phase), full_rank_levels=full_rank_levels)
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
    samples = Samples.from_rows(inputs, normal(300, 1), torch.ones(300, dtype=torch.float64))
    shapes = [((3,), (1, 1)), ((3,), (4, 4)), ((3,), (8, 8))]
    made = list(pyramid(samples, shapes, [0, 1, 2]))
    assert made[2].inputs.n_rows <= 40
    model = FullRank(axes_for(made[0].inputs))
    parameters = model.initial(samples.weight)
    direct = samples.coarsen(shapes[0])
    for objective in (Objective.from_samples(model, s, SquaredLoss, Alphas(0, 0)) for s in (made[0], direct)):
        assert_same(objective.data_loss(parameters), samples.mean_square)


def test_a_random_start_depends_on_its_seed_alone():
    one = [run(planted(), settings(seed=seed), n_levels=1, full_rank_levels=0) for seed in (1, 1, 2)]
    assert_same(one[0].parameters, one[1].parameters, rtol=0, atol=0)
    assert not torch.equal(one[0].parameters["factor 0"], one[2].parameters["factor 0"])
