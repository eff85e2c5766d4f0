"""A simulated field, and trainings of Algorithm 1 on it."""

import torch
from helpers import fields, formed, normal

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.core.algorithm import mrtl
from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.plan import Train, full_rank_plan, paper_plan
from sklearn_mrtl.core.settings import PhaseSettings, Settings
from sklearn_mrtl.core.solvers.base import SolverSettings

MODES = (Feature("lag", 3), Feature("variable", 2), Grid("sea", (6, 8), quantity="mean"))
LEVELS = [((3,), (2,), (2, 2)), ((3,), (2,), (3, 4)), ((3,), (2,), (6, 8))]


def simulated(n=120, seed=0, loss=SquaredLoss):
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
