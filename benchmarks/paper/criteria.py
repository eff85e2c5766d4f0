"""Table 3 and figure 5: when to finegrain. The paper's four criteria, and the package's rule beside them."""

import matplotlib.pyplot as plt
from models import ADAM, DATA_OPTIONS, LEVELS, fit
from score import scores
from table2 import best_settings
from trials import TITLES, Method, has_curves, plain_ticks, run, write_table

CRITERIA = ["validation_loss", "gradient_norm", "gradient_variance", "gradient_entropy", "explained"]
TASKS = {name: DATA_OPTIONS[name] for name in ("tracking", "nino34")}
COLUMNS = {"cpu_full": "full rank: CPU s", "loss_full": "validation loss", "cpu_low_rank": "low rank: CPU s"}
COLUMNS |= {"validation_loss": "validation loss", "loss": "test loss", "f1": "F1", "r2": "R^2"}


def measure(task, seed, levels, setting):
    """One training of MRTL; the full-rank phase is its first part."""
    model, predict, times = fit(task, seed, "MRTL", levels, **setting)
    full = [record for record in model.history_ if record["phase"] == "full_rank"]
    low = [record for record in model.history_ if record["phase"] == "low_rank"]
    return {
        "cpu_full": full[-1]["cpu"],
        "loss_full": min(r["validation_loss"] for r in full if r["level"] == full[-1]["level"]),
        "validation_loss": min(r["validation_loss"] for r in low if r["level"] == low[-1]["level"]),
        "curve": [[r["cpu"], r["validation_loss"], r["level"], r["phase"]] for r in model.history_],
        **scores(task, predict),
        **times,
    }


def methods(task, seed):
    best = best_settings(task, "MRTL")
    options = {"levels": LEVELS[task]}
    return [
        Method(name.replace("_", " "), measure, options | {"setting": best | {"criterion": name}}) for name in CRITERIA
    ]


def figure(trials):
    """Validation loss over seconds in seed 0, one line for each criterion, with a dot where the low rank begins."""
    names = list(dict.fromkeys(trials.task))
    fig, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 3.8), layout="constrained", squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        for _, trial in trials[(trials.task == name) & (trials.seed == 0)].iterrows():
            (line,) = ax.plot([p[0] for p in trial.curve], [p[1] for p in trial.curve], label=trial.method, lw=1.2)
            first = next(p for p in trial.curve if p[3] == "low_rank")
            ax.plot(*first[:2], "o", ms=5, color=line.get_color())
        ax.set(xlabel="CPU seconds", ylabel="validation loss", title=f"{TITLES[name]}, seed 0", xscale="log")
        plain_ticks(ax.xaxis)
    axes[0, 0].legend()
    return fig


TEXT = f"""MRTL with Adam and the best setting of [Table 2](table2.md), at most {ADAM["max_epochs"]} epochs a level; a
level ends when the criterion rises (patience 1, ocean 4), and the weights with the smallest validation loss are kept,
whichever criterion ends it. "gradient norm" is the paper's: the mean over an epoch's batches of the squared norm.
"explained" is the rule that ends levels of the package's own solver: the objective has decreased by less than a
hundredth of what is explained so far in three epochs (the package's number is a thousandth, for a solver without
noise). "full rank" is the first phase of the same training, as long as its criterion lets it last. Curves
of the picture are of every epoch, with a dot at the first one of the low rank; where they rise at the end, earlier
weights are kept."""


def main():
    trials = run("criteria", TASKS, methods)
    figures = [("fig5", figure(trials) if has_curves(trials) else None)]
    write_table("criteria", "Table 3 and figure 5: when to finegrain", TEXT, trials, COLUMNS, figures)


if __name__ == "__main__":
    main()
