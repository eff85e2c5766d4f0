"""What a notebook shows of a fitted estimator below scikit-learn's diagram: its modes, and how each level went."""

from __future__ import annotations

from html import escape
from itertools import groupby

from sklearn.utils import estimator_html_repr

CELL = 'style="text-align: left; padding: 0.1em 0.8em 0.1em 0"'


def html_repr(estimator) -> str:
    """scikit-learn's diagram, and after fit a table of the training."""
    diagram = estimator_html_repr(estimator)
    return diagram + training_table(estimator) if hasattr(estimator, "history_") else diagram


def training_table(estimator) -> str:
    """The modes, and a row for each stage at each level."""
    head = ["level", "stage", *(name for name in estimator.resolutions_[-1]), "epochs", "seconds", "training loss"]
    rows, before = [], 0.0
    for (level, stage), records in groupby(estimator.history_, lambda record: (record["level"], record["stage"])):
        *_, last = records
        shapes = [" × ".join(map(str, shape)) for shape in last["resolution"].values()]
        row = [level + 1, stage, *shapes, last["epoch"], f"{last['seconds'] - before:.2f}", f"{last['train_loss']:.4g}"]
        rows.append([*row, f"{last['validation_loss']:.4g}"])
        before = last["seconds"]
    if any(row[-1] != "nan" for row in rows):
        head.append("validation loss")
    modes = ", ".join(repr(mode) for mode in estimator.modes_)
    return (
        f"<details open><summary>Fitted on {escape(modes)}</summary><table>{table_row(head, 'th')}"
        + "".join(table_row(row[: len(head)], "td") for row in rows)
        + "</table></details>"
    )


def table_row(cells, kind: str) -> str:
    """A row of an HTML table."""
    return "<tr>" + "".join(f"<{kind} {CELL}>{escape(str(cell))}</{kind}>" for cell in cells) + "</tr>"
