"""Table 2: random search over the paper's ranges, with equal numbers of settings, for MRTL, fixed and random starts."""

from functools import cache

import matplotlib.pyplot as plt
from models import ADAM, DATA_OPTIONS, FINE_LEVELS, FINE_OPTIONS, LEVELS, fit
from score import scores, validation_loss
from sklearn.model_selection import ParameterSampler
from trials import QUICK, TITLES, Method, markdown, plain_ticks, required, run, write_page

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.model_selection import search_space

N_SETTINGS = {False: 2 if QUICK else 16, True: 2 if QUICK else 8}  # on the finest grids, where they take longer
PAGES = {False: "table2", True: "table2_finest"}
KINDS = ["MRTL", "fixed", "random start, coarse to fine", "random start, fixed"]
SPACES = {"tracking": "basketball", "shots": "basketball"}  # of all others "climate"
SMALLEST_BATCH = {"tracking": 256, "shots": 1024}  # of all others 32; the paper's are 32 and 8


def tasks(fine):
    """Data and levels of each task."""
    options, levels = (FINE_OPTIONS, FINE_LEVELS) if fine else (DATA_OPTIONS, LEVELS)
    names = [name for name in options if not (QUICK and name == "shots")]
    return {name: (options[name], levels[name]) for name in names[: 1 if fine and QUICK else None]}


def setting(task_name, number):
    """The number-th of the settings drawn from Table 2, the same for all kinds."""
    space = search_space(MRTLRegressor(), SPACES.get(task_name, "climate"))
    drawn = list(ParameterSampler(space, number + 1, random_state=0))[number]
    batch = max(int(drawn.pop("batch_size")), SMALLEST_BATCH.get(task_name, 32))
    return {name: float(value) for name, value in drawn.items()} | {"batch_size": batch}


def measure(task, number, kind, levels, setting):
    """A trial whose seed is the number of the setting; split and random numbers are those of seed 0."""
    model, predict, times = fit(task, 0, kind, levels, **setting)
    numbers = {"validation_loss": validation_loss(task, predict), **scores(task, predict), **times}
    full = [record for record in model.history_ if record["phase"] == "full_rank"]
    if full:
        numbers["loss_full"] = min(r["validation_loss"] for r in full if r["level"] == full[-1]["level"])
    return numbers


@cache
def search(fine=False):
    """All trials of the search; "seed" is the number of the setting. `fine`: on the finest grids of appendix B."""

    def methods(task, number):
        options = {"levels": tasks(fine)[task][1], "setting": ADAM | setting(task, number)}
        return [Method(kind, measure, {"kind": kind, **options}) for kind in KINDS]

    data = {name: options for name, (options, _) in tasks(fine).items()}
    return required(run(PAGES[fine], data, methods, seeds=range(N_SETTINGS[fine]), split=0))


def best_settings(task_name, kind, fine=False):
    """The setting of least validation loss, with Adam; of "..., full rank" that at the end of the full-rank phase."""
    trials, whole = search(fine), kind.removesuffix(", full rank")
    mine = trials[(trials.task == task_name) & (trials.method == whole)]
    losses = mine.validation_loss if kind == whole else mine.loss_full
    return ADAM | setting(task_name, int(mine.seed[losses.idxmin()]))


def curves(trials):
    """Best validation loss so far over the time of the search."""
    names = list(dict.fromkeys(trials.task))
    shape = -(-len(names) // 3), min(len(names), 3)
    fig, axes = plt.subplots(*shape, figsize=(4.5 * shape[1], 3.6 * shape[0]), layout="constrained", squeeze=False)
    for ax, name in zip(axes.ravel(), names, strict=False):
        for kind in KINDS:
            mine = trials[(trials.task == name) & (trials.method == kind)]
            ax.step(mine.cpu.cumsum(), mine.validation_loss.cummin(), where="post", label=kind)
        ax.set(xscale="log", xlabel="CPU seconds, all settings so far", title=TITLES[name])
        plain_ticks(ax.xaxis)
        ax.set_ylabel("least validation loss so far")
    for ax in axes.ravel()[len(names) :]:
        ax.axis("off")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(KINDS))
    return fig


TEXT = f"""The paper tunes MRTL, the fixed-resolution model and random starts by separate random searches.
Here each has the same budget: the same {{n_settings}} settings, drawn from the paper's ranges (`search_space(model,
"basketball")` and `"climate"`) with Adam, at most {ADAM["max_epochs"]} epochs a level, on one split, that of seed 0.
Batches below {SMALLEST_BATCH["tracking"]} (frames), 32 (months) and {SMALLEST_BATCH["shots"]} (shots, so that all of
theirs have this size, the paper's largest) are raised to these: smaller ones take much longer. Settings are compared by
validation loss; the test score is that of the best one. The full-rank phase alone has a best setting of its own, by the
validation loss at its end, from the same trainings. The budget is equal in settings, not in time: the seconds of all
settings are in the table."""
NOTES = {
    False: "Grids are those of [Table 1](table1.md), which takes the best settings. The search on the finest grids of "
    "appendix B has [a page of its own](table2_finest.md).",
    True: "Grids are the finest of appendix B, as in [Table 1 on them](finest.md), which takes the best settings, "
    "and there are half as many settings. All else is as in the search on [coarser grids](table2.md).",
}


def write(fine):
    trials = search(fine)
    lines = [["task", "method", "validation loss of the best setting", "median setting", "test loss", "test F1",
              "CPU s, all settings", "failed"]]  # fmt: skip
    for (task, kind), mine in trials.groupby(["task", "method"], sort=False):
        best = mine.loc[mine.validation_loss.idxmin()]
        f1 = f"{best.f1:.3f}" if "f1" in best and best.f1 == best.f1 else ""
        failed = int(mine.error.notna().sum()) if "error" in mine else 0
        loss = f"{best.validation_loss:.4f}", f"{mine.validation_loss.median():.4f}", f"{best.loss:.4f}"
        lines.append([task, kind, *loss, f1, f"{mine.cpu.sum():.0f}", failed])
    page = PAGES[fine]
    title = "Table 2: random search" + " on the finest grids of appendix B" * fine
    text = f"{TEXT.format(n_settings=N_SETTINGS[fine])}\n\n{NOTES[fine]}\n\n{markdown(lines)}"
    write_page(page, title, text, trials, [(page, curves(trials))], command="python benchmarks/paper/table2.py")


def main():
    for fine in PAGES:
        write(fine)


if __name__ == "__main__":
    main()
