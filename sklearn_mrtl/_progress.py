"""What verbose prints: a line for each level, or for each epoch."""

from __future__ import annotations

from sklearn_mrtl.core.listening import Listener


class LevelPrinter(Listener):
    """Prints the last record of each level once it is over (verbose=1), or every record (verbose=2).

    Parameters
    ----------
    verbose : int
    n_levels : int
    """

    def __init__(self, verbose: int, n_levels: int):
        self.verbose, self.n_levels = verbose, n_levels

    def end_epoch(self, record, fit_now):
        if self.verbose > 1:
            print(line(record, self.n_levels), flush=True)

    def end_stage(self, fit):
        if self.verbose == 1 and fit.history and (fit.history[-1]["level"], fit.history[-1]["stage"]) == fit.done[-1]:
            print(line(fit.history[-1], self.n_levels), flush=True)


def line(record: dict, n_levels: int) -> str:
    """An epoch's record in a line."""
    grids = ", ".join(f"{name} {' x '.join(map(str, shape))}" for name, shape in record["resolution"].items())
    validation = record["validation_loss"]
    held_out = f"  validation loss {validation:.5f}" if validation == validation else ""
    return (
        f"level {record['level'] + 1}/{n_levels}  {record['stage']:9}  {grids:32} {record['epoch']:4} epochs  "
        f"train loss {record['train_loss']:.5f}{held_out}  {record['seconds']:6.2f} s"
    )
