"""The paper's future work: batch sizes that vary between resolutions."""

from dataclasses import replace
from unittest.mock import patch

from models import DATA_OPTIONS, LEVELS, fit
from score import scores, validation_loss
from table2 import best_settings
from trials import Method, run, write_table

from sklearn_mrtl.core.solvers.solve import solve

# Batch sizes of MRTL's trainings, coarse to fine: three at full rank, two at low rank.
SCHEDULES = {
    "256 at all levels": ([256] * 5, 0),
    "1024 at all levels": ([1024] * 5, 0),
    "from 1024 to 128": ([1024, 1024, 512, 256, 128], 0),
    "from 1024 to 128, rate in proportion": ([1024, 1024, 512, 256, 128], 1),
    "from 128 to 1024": ([128, 128, 256, 512, 1024], 0),
}
COLUMNS = {"cpu": "CPU s", "epochs": "epochs", "validation_loss": "validation loss", "loss": "test loss", "f1": "F1"}


def measure(task, seed, levels, setting, sizes, power):
    """MRTL with a batch size for each training; learning rates times (size / 256) ** power."""
    left = list(sizes)

    def solve_with_size(objective, start, settings, *others):
        size = left.pop(0)
        rate = settings.learning_rate * (size / 256) ** power
        return solve(objective, start, replace(settings, batch_size=size, learning_rate=rate), *others)

    with patch("sklearn_mrtl.core.algorithm.solve", solve_with_size):
        _, predict, times = fit(task, seed, "MRTL", levels, **setting)
    assert not left, "every training has its batch size"
    return {"validation_loss": validation_loss(task, predict), **scores(task, predict), **times}


def methods(task, seed):
    best = {"levels": LEVELS[task], "setting": best_settings(task, "MRTL")}
    return [Method(name, measure, best | {"sizes": s, "power": power}) for name, (s, power) in SCHEDULES.items()]


TEXT = """The paper names "studying the effect of varying batch sizes between resolutions" as future work, after Wu et
al. (2019), who train on large batches while the resolution is low. MRTL with Adam and the best setting of
[Table 2](table2.md) but for the batch size, which is changed from level to level, on tracking frames. "rate in
proportion" multiplies the learning rate by size / 256 as Wu et al. do."""


def main():
    trials = run("batches", {"tracking": DATA_OPTIONS["tracking"]}, methods)
    write_table("batches", "Batch sizes between resolutions", TEXT, trials, COLUMNS)


if __name__ == "__main__":
    main()
