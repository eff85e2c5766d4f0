"""What levels are told to take, by a clock that moves with the work and nothing else."""

from functools import partial
from math import prod

import pytest
from training_problems import Notes, run, settings, simulated

from sklearn_mrtl.core import forecast
from sklearn_mrtl.core.block_objective import BlockObjective
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.solvers.base import SolverSettings

N = 120


class Clock:
    """A clock that stands still but for passes over the data: a second for each number that one goes through.

    The first pass of a level takes so many times as long.
    """

    def __init__(self, monkeypatch, first=1.0):
        self.now, self.first, self.seen = 0.0, first, None
        monkeypatch.setattr(forecast, "perf_counter", lambda: self.now)
        for kind in (Objective, BlockObjective):
            monkeypatch.setattr(kind, "_value_and_gradient", self.moved_by(kind._value_and_gradient))

    def moved_by(self, original):
        def counted(objective, parameters):
            found = original(objective, parameters)
            n_rows, n_weights = objective.inputs.n_rows, sum(value.numel() for value in parameters.values())
            numbers = N * prod(objective.inputs.sizes) + n_weights
            is_first, self.seen = objective.model is not self.seen, objective.model
            self.now += n_rows / N * numbers * (self.first if is_first else 1)
            return found

        return counted


class Told(Notes):
    """What a training says of each level, and the epochs that it has."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.levels = clock, []

    def begin_level(self, level, phase, max_epochs):
        self.levels.append({"phase": phase, "began": self.clock.now, "n_epochs": 0})

    def expect_level(self, level, epoch_seconds, n_epochs, max_epochs):
        assert "said" not in self.levels[-1]
        before = self.levels[-1]["n_epochs"]
        self.levels[-1] |= {"said": epoch_seconds, "as_before": n_epochs, "most": max_epochs, "at_epoch": before}

    def end_epoch(self, record, fit_now):
        self.levels[-1]["n_epochs"] += 1

    def end_level(self, fit):
        self.levels[-1]["took"] = self.clock.now - self.levels[-1]["began"]


@pytest.mark.parametrize("batch_size, n_batches", [(30, 4), (120, 1)])
@pytest.mark.parametrize("full_rank_levels", [0, 1, 2])
def test_what_is_said_is_what_it_takes(batch_size, n_batches, full_rank_levels, monkeypatch):
    notes = Told(Clock(monkeypatch))
    solver = SolverSettings("adam", max_epochs=5, batch_size=batch_size)
    run(simulated(N), settings(solver), full_rank_levels=full_rank_levels, callbacks=[notes])
    phases = [level["phase"] for level in notes.levels]
    for number, level in enumerate(notes.levels):
        follows = number > 0 and phases[number - 1] == level["phase"]
        assert level["said"] == pytest.approx(level["took"] / level["n_epochs"], rel=1e-9)
        assert level["as_before"] == (5 if follows else None) and level["most"] == level["n_epochs"] == 5
        # Before the level, or as soon as there were two passes.
        assert level["at_epoch"] == (0 if follows or n_batches > 2 else 2 // n_batches)


def test_the_first_pass_of_a_phase_says_nothing_since_it_is_longer_than_others(monkeypatch):
    notes = Told(Clock(monkeypatch, first=50.0))
    run(simulated(N), settings(SolverSettings("adam", max_epochs=5, batch_size=30)), callbacks=[notes])
    first = notes.levels[0]
    later = (first["took"] - 50 * first["said"] / 4) / (first["n_epochs"] - 1 / 4)
    assert first["said"] == pytest.approx(later, rel=1e-9)


def test_lbfgs_is_told_within_a_factor_of_two(monkeypatch):
    notes = Told(Clock(monkeypatch, first=2.0))
    run(simulated(N), settings(SolverSettings("lbfgs", newton=False)), full_rank_levels=0, callbacks=[notes])
    assert len(notes.levels) == 3
    for level in notes.levels:
        assert 0.5 < level["said"] / (level["took"] / level["n_epochs"]) < 2


def test_no_pass_is_made_to_tell_anything(monkeypatch):
    clock = Clock(monkeypatch)
    train = partial(run, simulated(N), settings(SolverSettings("lbfgs", newton=False)), full_rank_levels=0)
    train()
    telling, clock.now = clock.now, 0.0
    monkeypatch.setattr(forecast.LevelForecast, "begin", lambda *args: None)
    monkeypatch.setattr(forecast.LevelForecast, "end", lambda *args: None)
    train()
    assert clock.now == telling
