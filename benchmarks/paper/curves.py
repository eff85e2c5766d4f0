"""Figures 4 and 10: F1 and loss over the seconds of training, MRTL against a fixed resolution."""

import time

import matplotlib.pyplot as plt
import numpy as np
from models import DATA_OPTIONS, LEVELS, fit
from score import best_threshold, weighted_log_loss
from sklearn.metrics import f1_score
from table2 import best_settings
from trials import Method, has_curves, plain_ticks, run, write_table

KINDS = ["MRTL, full rank", "fixed, full rank", "MRTL", "fixed"]
COLUMNS = {"cpu": "CPU s", "seconds_to_best": "CPU s to within 1 % of its best loss"}
COLUMNS |= {"validation_loss": "loss", "f1": "F1"}
COLOURS = {"MRTL": "tab:red", "fixed": "tab:blue"}
TASKS = {"tracking": DATA_OPTIONS["tracking"]}


class Curve:
    """Callback that notes loss and F1 of validation rows after each epoch; the seconds that this takes do not count.

    A point is [CPU seconds, loss, F1 or None, level, phase], of the level's best weights so far.
    """

    def __init__(self, task):
        self.task, self.points, self.began, self.own = task, [], time.process_time(), 0.0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context, **data):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, **data):
        if context.task_name != "epoch":
            return
        now, record = time.process_time(), fitted_estimator.history_[-1]
        loss, f1 = self.of_validation_rows(fitted_estimator)
        self.points.append([now - self.began - self.own, loss, f1, record["level"], record["phase"]])
        self.own += time.process_time() - now

    def of_validation_rows(self, model):
        """Loss, and F1 at the threshold that is best for it."""
        X, y = self.task.X["validation"], self.task.y["validation"]
        if not self.task.is_classification:
            return float(np.square(y - model.predict(X)).mean()), None
        probability = model.predict_proba(X)[:, 1]
        f1 = f1_score(y, probability >= best_threshold(y, probability))
        return weighted_log_loss(self.task, y, probability), float(f1)


def measure(task, seed, kind, levels, setting):
    curve = Curve(task)
    fit(task, seed, kind, levels, callbacks=[curve], **setting)
    seconds, loss, f1, *_ = curve.points[-1]
    # The first epoch of the fit that is as good as its last within a hundredth of what it explains.
    best = min(point[1] for point in curve.points)
    near = next(point for point in curve.points if point[1] <= best + 0.01 * (0.693 - best))
    return {"curve": curve.points, "seconds_to_best": near[0], "validation_loss": best, "f1": f1, "cpu": seconds}


def methods(task, seed):
    options = {kind: {"kind": kind, "levels": LEVELS[task], "setting": best_settings(task, kind)} for kind in KINDS}
    return [Method(kind, measure, options[kind]) for kind in KINDS]


def figure(trials, column, label):
    """Full rank at the left, low rank at the right; vertical lines are ends of MRTL's levels in seed 0."""
    fig, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", sharey=True)
    for ax, rank in zip(axes, (", full rank", ""), strict=True):
        for name, colour in COLOURS.items():
            for _, trial in trials[trials.method == name + rank].iterrows():
                points = trial.curve
                is_first = trial.seed == 0
                ax.plot([p[0] for p in points], [p[column] for p in points], color=colour, lw=1, alpha=0.7,
                        label=f"{name}, a line a seed" if is_first else None)  # fmt: skip
                if is_first and name == "MRTL":
                    for this, later in zip(points, points[1:], strict=False):
                        if this[3:] != later[3:]:
                            ax.axvline(this[0], color="0.85", zorder=0)
        phases = "full-rank phase alone" if rank else "whole training: full rank, then low rank"
        ax.set(xscale="log", xlabel="CPU seconds", title=phases)
        plain_ticks(ax.xaxis)
    axes[0].set_ylabel(f"{label} of validation rows")
    axes[0].legend()
    return fig


TEXT = """Adam with the best settings of [Table 2](table2.md), tracking frames. F1 is of validation rows, at the
threshold that is best for them; loss is eq. (8). Both are of the level's best weights so far. Vertical lines are ends
of MRTL's levels in seed 0. The curves at the right begin with the full-rank phase, on the coarse grids for MRTL and on
the finest for the fixed model."""


def main():
    trials = run("curves", TASKS, methods)
    pictures = {"fig4": (2, "F1"), "fig10": (1, "loss")}
    figures = [(name, figure(trials, *shown) if has_curves(trials) else None) for name, shown in pictures.items()]
    write_table("curves", "Figures 4 and 10: curves over seconds", TEXT, trials, COLUMNS, figures)


if __name__ == "__main__":
    main()
