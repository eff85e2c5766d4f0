"""Six million frames, the paper's number, with Adam: an epoch at each level of appendix B."""

import pandas as pd
from models import FINE_LEVELS, fit
from score import scores, validation_loss
from table2 import best_settings
from trials import QUICK, Method, in_thousands, markdown, required, run, write_page

LEVELS = FINE_LEVELS["tracking"]
KINDS = ["MRTL", "random start, coarse to fine", "random start, fixed"]
SIZES = {5_000: KINDS} if QUICK else {100_000: [*KINDS, "fixed"], 6_000_000: KINDS}


def measure(task, seed, kind, setting):
    """The CPU seconds up to the end of each epoch, from those of the last one, and the validation loss after it."""
    model, predict, times = fit(task, seed, kind, LEVELS, **setting)
    began, numbers = 0.0, {}
    for number, record in enumerate(model.history_):
        numbers |= {f"{number}: cpu": record["cpu"] - began, f"{number}: loss": record["validation_loss"]}
        began = record["cpu"]
    return {**numbers, "n_train": len(task.y["train"]), "validation_loss": validation_loss(task, predict),
            **scores(task, predict), **times}  # fmt: skip


def methods(kinds):
    setting = best_settings("tracking", "MRTL") | {"max_epochs": 1, "batch_size": 1024}
    return [Method(kind, measure, {"kind": kind, "setting": setting}) for kind in kinds]


def epochs_of(kind):
    """Phase and cells of each epoch of a kind of training."""
    phases = {
        "MRTL": [("full rank", cells) for cells in LEVELS[:3]] + [("low rank", cells) for cells in LEVELS[2:]],
        "fixed": [("full rank", LEVELS[-1]), ("low rank", LEVELS[-1])],
        "random start, coarse to fine": [("low rank", cells) for cells in LEVELS[2:]],
        "random start, fixed": [("low rank", LEVELS[-1])],
    }
    return phases[kind]


def epochs(trials):
    """A row for each epoch."""
    lines = [["frames trained on", "method", "phase", "court", "box", "CPU s", "validation loss"]]
    for trial in trials.to_dict("records"):
        for number, (phase, cells) in enumerate(epochs_of(trial["method"])):
            grids = f"{cells[0]} x {cells[1]}", f"{cells[2]} x {cells[3]}"
            numbers = f"{trial[f'{number}: cpu']:.3g}", f"{trial[f'{number}: loss']:.4f}"
            lines.append([in_thousands(trial["n_train"]), trial["method"], phase, *grids, *numbers])
    return markdown(lines)


def ends(trials):
    """A row for each training."""
    lines = [["frames trained on", "method", "CPU s, all epochs", "test loss", "F1"]]
    lines += [
        [in_thousands(row.n_train), row.method, f"{row.cpu:.3g}", f"{row.loss:.4f}", f"{row.f1:.3f}"]
        for row in trials.itertuples()
    ]
    return markdown(lines)


TEXT = """Simulated frames (50 players, court 40 x 50, box of the defenders 12 x 12, 12 % with a shot), 60 % of them for
training, as in the paper, which has six million. Adam with batches of 1024, the largest of the paper's range, and
otherwise the best setting of MRTL on real frames ([Table 2](table2.md)). **There is one epoch at each level, no
more**, and one seed: this page says what an epoch takes with that many frames, and how far one epoch comes, not where
training ends. CPU seconds of an epoch include what precedes it: coarser rows, the decomposition, finer weights. The
loss is eq. (8), with which a constant has 0.693.

"fixed" was trained on 60 000 frames only. Its full-rank tensor has 14.4 million weights, all of which are changed with
every batch, so that an epoch takes time in proportion to the number of batches: sixty times as long with 3.6 million
frames."""


def main():
    found = [run("millions", {"simulated": {"n_frames": n}}, methods(kinds), seeds=[0]) for n, kinds in SIZES.items()]
    trials = required(pd.concat(found))
    text = f"{TEXT}\n\n{epochs(trials)}\n\n{ends(trials)}"
    write_page("millions", "Six million frames with Adam", text, trials)


if __name__ == "__main__":
    main()
