"""Tables of modes and levels in the box of a fitted estimator in scikit-learn's HTML diagram."""

from __future__ import annotations

from html import escape
from itertools import groupby


def with_training(attributes, estimator):
    """Put a table of the training above scikit-learn's table of fitted attributes, if there was a training."""
    if hasattr(estimator, "history_"):
        attributes_table = attributes._html_repr
        attributes._html_repr = lambda: training_table(estimator) + attributes_table()
    return attributes


def training_table(estimator) -> str:
    """Return tables of the modes and of the phases at each level."""
    grids = list(dict.fromkeys(name for shapes in estimator.resolutions_ for name in shapes))
    head = ["level", "phase", *grids, "epochs", "seconds", "training loss"]
    rows, before = [], 0.0
    for (level, phase), records in groupby(estimator.history_, lambda record: (record["level"], record["phase"])):
        *_, last = records
        name = phase.replace("_", " ")
        shapes = [" × ".join(map(str, last["resolution"][name])) for name in grids]
        row = [level + 1, name, *shapes, last["epoch"], f"{last['seconds'] - before:.2f}", f"{last['train_loss']:.4g}"]
        rows.append([*row, f"{last['validation_loss']:.4g}"])
        before = last["seconds"]
    if any(row[-1] != "nan" for row in rows):
        head.append("validation loss")
    modes = ", ".join(repr(mode) for mode in estimator.modes_)
    return (
        f'<div class="estimator-table"><details open><summary>Fitted on {escape(modes)}</summary>'
        f'<table class="parameters-table"><tbody>{table_row(head, "th")}'
        + "".join(table_row(row[: len(head)], "td") for row in rows)
        + "</tbody></table></details></div>"
    )


def table_row(cells, kind: str) -> str:
    """Return a row of an HTML table."""
    return '<tr class="default">' + "".join(f"<{kind}>{escape(str(cell))}</{kind}>" for cell in cells) + "</tr>"
