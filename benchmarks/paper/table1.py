"""Table 1: MRTL against a fixed resolution, full rank and low rank, with Adam and with the package's own solver."""

from comparisons import column
from models import DATA_OPTIONS, FINE_LEVELS, LEVELS, fit
from score import scores, validation_loss
from table2 import best_settings
from trials import QUICK, Method, markdown, mean_and_std, run, write_table

COLUMNS = {"cpu": "CPU s", "cpu_low_rank": "of the low rank", "loss": "test loss", "f1": "F1", "r2": "R^2"}
KINDS = ["MRTL, full rank", "fixed, full rank", "MRTL", "fixed", "random start, coarse to fine", "random start, fixed"]
TASKS = {name: options for name, options in DATA_OPTIONS.items() if not (QUICK and name == "shots")}


def with_adam(task, seed, kind, levels, setting):
    """The paper's way: Adam until the validation loss rises."""
    _, predict, times = fit(task, seed, kind, levels, **setting)
    return {"validation_loss": validation_loss(task, predict), **scores(task, predict), **times}


def with_defaults(task, seed, kind, levels, **penalties):
    """The package's own solver, which sees no validation rows and chooses the penalties that are not given."""
    coarse_to_fine = {} if kind.endswith("fixed") else {"resolutions": "auto"}
    if kind == "MRTL":
        coarse_to_fine["full_rank_levels"] = "auto"
    model, predict, times = fit(task, seed, kind, levels, validate=False, **coarse_to_fine, **penalties)
    if kind == "MRTL" and not penalties:
        CHOSEN[task.name, seed] = {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_}
    return {"validation_loss": validation_loss(task, predict), **scores(task, predict), **times}


CHOSEN: dict = {}  # penalties of MRTL, by task and seed


def with_penalties_of_mrtl(task, seed, kind, levels):
    """The same with the penalties that MRTL chose, at no cost."""
    if (task.name, seed) not in CHOSEN:  # that trial was of another process
        with_defaults(task, seed, "MRTL", levels)
    return with_defaults(task, seed, kind, levels, **CHOSEN[task.name, seed])


def methods(task, seed, fine=False):
    """Adam and the default solver. `fine`: on the finest grids of appendix B."""
    levels = {"levels": (FINE_LEVELS if fine else LEVELS)[task]}
    return with_settings_found(task, levels, fine) + of_default(task, levels, fine)


def with_settings_found(task, levels, fine):
    return [
        Method(f"Adam: {kind}", with_adam, {"kind": kind, "setting": best_settings(task, kind, fine)} | levels)
        for kind in KINDS
    ]


def of_default(task, levels, fine):
    own = [Method("default: MRTL", with_defaults, {"kind": "MRTL"} | levels)]
    if not (fine or QUICK or task == "shots"):  # there the choice takes half a minute to minutes, for each trial
        own.append(Method("default: fixed, penalties chosen", with_defaults, {"kind": "fixed"} | levels))
    given = [("default: MRTL, penalties given", "MRTL"), *((f"default: {kind}", kind) for kind in KINDS[3:])]
    return own + [Method(name, with_penalties_of_mrtl, {"kind": kind} | levels) for name, kind in given]


def where_time_goes(trials):
    """Seconds of the package's own solver, as differences between trials of the same seed."""
    lines = [["task", "default solver", "CPU s for penalties", "at full rank", "at low rank"]]
    pairs = {
        "MRTL": ("default: MRTL", "default: MRTL, penalties given"),
        "fixed": ("default: fixed, penalties chosen", "default: fixed"),
    }
    for task in dict.fromkeys(trials.task):
        for kind, (chosen, given) in pairs.items():
            whole, training = (column(trials, task, name, "cpu") for name in (chosen, given))
            low = column(trials, task, given, "cpu_low_rank")
            parts = [mean_and_std(part, 2) for part in (whole - training, training - low, low)]
            lines.append([task, kind, *parts])
    return f"Where the default solver's time goes:\n\n{markdown(lines)}"


TEXT = """MRTL trains at full rank up to a court of 8 x 10 and a box of 12 x 12 cells (ocean: 8 x 18), then at low rank
to 20 x 25 and 12 x 12 (20 x 45). These are the levels of appendix B without the finest. "Fixed" does both on the
finest grids; "full rank" is the first half alone. Rank 20 (ocean 10). Adam stops a level when the validation loss rises
(patience 1, ocean 4) and has the best setting of the search of [Table 2](table2.md), for each kind. "default" is the
package's own solver, which sees no validation rows, with grids that are halved. "default: MRTL" and "penalties chosen"
choose their penalties, and their seconds include the choice; all others of "default" get those of "default: MRTL" at no
cost. The loss of frames is eq. (8), with which a constant has 0.693; that of oceans is the mean squared error. "of
the low rank" are the seconds after the full-rank phase, as the paper counts. Real shots are not the paper's: player and
a court of 13 x 12, 25 x 24 (both at full rank) and 50 x 47 cells, every fortieth training row, 29 000 of them.

"Full rank" alone has the setting of the same search that was best at the end of that phase. No method predicts
precipitation from the six months before (R^2 below 0): these rows compare times only. With the current month and the
years since 1895, as in the [protocol](protocol.md), there is something to learn, which Adam does not find."""


def main():
    trials = run("table1", TASKS, methods)
    write_table(
        "table1", "Table 1: MRTL against a fixed resolution", TEXT, trials, COLUMNS, after=where_time_goes(trials)
    )


if __name__ == "__main__":
    main()
