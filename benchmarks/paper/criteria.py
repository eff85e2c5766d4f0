"""Table 3 and figure 5: when to finegrain. The paper's four criteria, and the package's rule beside them."""

import matplotlib.pyplot as plt
import numpy as np
from curves import Curve
from models import ADAM, DATA_OPTIONS, LEVELS, fit
from score import scores
from table2 import best_settings
from trials import TITLES, Method, has_curves, plain_ticks, run, write_table

CRITERIA = ["validation_loss", "gradient_norm", "gradient_variance", "gradient_entropy", "explained"]
TASKS = {name: DATA_OPTIONS[name] for name in ("tracking", "nino34")}
COLUMNS = {"cpu_full": "full rank: CPU s", "loss_full": "loss", "f1_full": "F1"}
COLUMNS |= {"cpu_low_rank": "low rank: CPU s", "validation_loss": "loss", "f1_validation": "F1"}
COLUMNS |= {"loss": "test loss", "f1": "test F1", "r2": "test R^2"}
PHASES = {"full_rank": "full-rank phase", "low_rank": "low-rank phase"}


def measure(task, seed, levels, setting):
    """One training of MRTL, whose phases are told apart by its curve."""
    curve = Curve(task)
    _, predict, times = fit(task, seed, "MRTL", levels, callbacks=[curve], **setting)
    full, low = ([point for point in curve.points if point[4] == phase][-1] for phase in PHASES)
    f1 = {"f1_full": full[2], "f1_validation": low[2]} if task.is_classification else {}
    seconds = {"cpu_full": full[0], "cpu_low_rank": low[0] - full[0], "cpu": low[0]}
    losses = {"loss_full": full[1], "validation_loss": low[1], "curve": curve.points}
    return {**losses, **f1, **scores(task, predict), **times, **seconds}


def methods(task, seed):
    best = best_settings(task, "MRTL")
    options = {"levels": LEVELS[task]}
    return [
        Method(name.replace("_", " "), measure, options | {"setting": best | {"criterion": name}}) for name in CRITERIA
    ]


def figure(trials):
    """Curves of seed 0 in each phase, and the mean and standard deviation of where all seeds end it."""
    names = list(dict.fromkeys(trials.task))
    fig, axes = plt.subplots(len(names), 2, figsize=(10, 3.6 * len(names)), layout="constrained", squeeze=False)
    for row, name in zip(axes, names, strict=True):
        value, label = (2, "F1") if name == "tracking" else (1, "loss")
        for ax, phase in zip(row, PHASES, strict=True):
            for k, (method, mine) in enumerate(trials[trials.task == name].groupby("method", sort=False)):
                lines = [phase_curve(curve, phase, value) for curve in mine.curve]
                ax.plot(*lines[0].T, color=f"C{k}", lw=1, alpha=0.7)
                ends = np.array([line[-1] for line in lines])
                spread = ends.std(0, ddof=1) if len(ends) > 1 else np.zeros(2)
                ax.errorbar(*ends.mean(0), yerr=spread[1], xerr=spread[0], fmt="o", color=f"C{k}", label=method)
            ax.set(xscale="log", xlabel="CPU seconds of this phase", title=f"{TITLES[name]}: {PHASES[phase]}")
            ax.set_ylabel(f"{label} of validation rows")
            plain_ticks(ax.xaxis)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(CRITERIA))
    return fig


def phase_curve(curve, phase, value):
    """Seconds since the phase began, and the value."""
    points = [point for point in curve if point[4] == phase]
    began = max((point[0] for point in curve if point[4] == "full_rank"), default=0.0) if phase == "low_rank" else 0.0
    return np.array([[point[0] - began, point[value]] for point in points])


TEXT = f"""MRTL with Adam and the best setting of [Table 2](table2.md), at most {ADAM["max_epochs"]} epochs a level; a
level ends when the criterion rises (patience 1, ocean 4), and the weights with the smallest validation loss are kept,
whichever criterion ends it. "gradient norm" is the paper's: the mean over an epoch's batches of the squared norm.
"explained" is the rule that ends levels of the package's own solver: the objective has decreased by less than a
hundredth of what is explained so far in three epochs (the package's number is a thousandth, for a solver without
noise). Loss and F1 beside the seconds of a phase are of validation rows, F1 at the threshold that is best for them;
test F1 has the threshold that is best for validation rows. In the picture, as in the paper's figure 5, each phase is a
column. Lines are seed 0, of the level's best weights so far; dots with bars are mean and standard deviation of where
all seeds end the phase."""


def main():
    trials = run("criteria", TASKS, methods)
    figures = [("fig5", figure(trials) if has_curves(trials) else None)]
    write_table("criteria", "Table 3 and figure 5: when to finegrain", TEXT, trials, COLUMNS, figures)


if __name__ == "__main__":
    main()
