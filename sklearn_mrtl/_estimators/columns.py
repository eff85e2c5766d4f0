"""Whether the columns of encodings are those of the modes, as far as that can be seen.

Encodings of a ModeEncoder carry their modes. Those of a ColumnTransformer are columns only: here their names, if they
have any, and their entries are compared with the modes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch

from sklearn_mrtl._estimators.device_csr import Encoded, matrix_of
from sklearn_mrtl._estimators.encodings import has_ones_only
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.modes import Feature, Grid, Mode, as_modes

REMEDY = "Give its size=, or encode the table by a ModeEncoder, which hands the modes on."


def check_columns(X, layout: Layout, modes, names: Sequence[str] | None) -> None:
    """Compare the columns of encodings that carry no modes with the modes that the estimator was given.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n, ...)
        The training rows, in the layout.
    layout : Layout
    modes : None, or sequence of str, Feature and Grid
        As the estimators take them.
    names : sequence of str, or None
        Names of the columns.

    Raises
    ------
    ValueError
        If the names, the entries or the order of the columns are not those of the modes.

    Warns
    -----
    UserWarning
        If the columns may not be those of the modes, though in no other order of these.
    """
    if modes is None or layout.is_fields or len(layout.modes) < 2:
        return
    inferred = [given.shape is None for given in as_modes(modes)]
    for mode, columns, is_inferred in zip(layout.modes, layout.columns, inferred, strict=True):
        if names is not None:
            check_names(mode, names[columns], layout.modes, strictly=is_inferred)
        if is_inferred:
            check_one_hot(mode, X[:, columns])
    if names is None and has_ones_only(matrix_of(X), len(layout.modes)):
        check_order(X, layout)


def check_order(X: Encoded, layout: Layout) -> None:
    """Compare the order of the columns with that of the modes, where rows have as many entries of 1 as there are modes.

    If another order of the modes has an entry for each of them in all rows, it is taken for that of the columns.
    """
    names = [mode.name for mode in layout.modes]
    sizes = {name: columns.stop - columns.start for name, columns in zip(names, layout.columns, strict=True)}
    order = one_hot_order(X, sizes)
    if order is None:
        warn(
            f"every row of X has {len(names)} ones, as many as there are modes, but not all have one in the columns of "
            "each mode: are the columns those of the modes?"
        )
    elif order != names:
        raise ValueError(
            f"X has one entry for each mode in the order {order}, not in that of the modes, {names}: put the encodings "
            "in the order of the modes, or encode the table by a ModeEncoder, which hands the modes on."
        )


def one_hot_order(X: Encoded, sizes: Mapping[str, int]) -> list[str] | None:
    """Return the first order of the modes in which their columns have one entry each in every row; None if none has.

    Parameters
    ----------
    X : csr_array of shape (n, sum of the sizes)
        With as many entries in each row as there are modes.
    sizes : dict of int
        Numbers of columns, by the mode's name.
    """
    positions = matrix_of(X).col_indices.reshape(X.shape[0], -1)
    positions = positions if bool((positions.diff(dim=1) >= 0).all()) else positions.sort(dim=1).values
    last, first = positions.amax(0).tolist(), [*positions.amin(0).tolist(), X.shape[1]]

    def completed(order: list[str], end: int) -> list[str] | None:
        n = len(order)
        if n == len(sizes):
            return order
        fitting = [mode for mode in sizes if mode not in order and last[n] < end + sizes[mode] <= first[n + 1]]
        return next(filter(None, (completed([*order, mode], end + sizes[mode]) for mode in fitting)), None)

    return completed([], 0)


def check_one_hot(mode: Mode, X: Encoded) -> None:
    """Check that columns whose number was inferred are one-hot, and none of them is empty.

    Otherwise a column too many or too few would be taken for a category, and those behind it for their neighbours.
    """
    matrix = matrix_of(X)
    counts = matrix.crow_indices.diff()
    n_empty, n_several = int((counts == 0).sum()), int((counts > 1).sum())
    n_unused = int((torch.bincount(matrix.col_indices, minlength=X.shape[1]) == 0).sum())
    wrong = {
        f"{n_empty} rows without an entry": n_empty > 0,
        f"{n_several} rows with several entries": n_several > 0,
        "entries other than 1": bool((matrix.values != 1).any()),
        f"{n_unused} columns without an entry": n_unused > 0,
    }
    if any(wrong.values()):
        found = ", ".join(words for words, is_so in wrong.items() if is_so)
        raise ValueError(
            f"{Feature(mode.name)!r} has no size and would get the {X.shape[1]} columns that the other modes leave. "
            f"They are not the one-hot encoding of one Feature ({found}) and may belong to others. {REMEDY}"
        )


def check_names(mode: Mode, names: Sequence[str], modes: Sequence[Mode], *, strictly: bool) -> None:
    """Check that no name of the columns of a mode is that of another mode, or strictly: of no mode among others."""
    named = [named_mode(name, modes) for name in names]
    foreign = [name for name, other in zip(names, named, strict=True) if other not in (None, mode.name)]
    if strictly and mode.name in named:
        foreign += [name for name, other in zip(names, named, strict=True) if other is None]
    if foreign:
        raise ValueError(
            f"the columns of X that are those of {mode!r}, {len(names)} in the order of the modes, have the names of "
            f"others: {', '.join(map(repr, foreign[:3]))}. Put modes and columns in the same order, give all sizes, or "
            "encode the table by a ModeEncoder, which hands the modes on."
        )


def named_mode(name: str, modes: Sequence[Mode]) -> str | None:
    """Return the mode that a column's name begins with, as a ColumnTransformer has it, or None."""
    words = (name, name.split("__", 1)[-1])
    found = [mode.name for mode in modes if any(is_name_of(word, mode) for word in words)]
    return max(found, key=len) if found else None


def is_name_of(name: str, mode: Mode) -> bool:
    """Return whether a column's name is that of a cell of a Grid, or of a category of a Feature."""
    start = re.escape(mode.name)
    if isinstance(mode, Grid):
        return re.fullmatch(rf"{start}(_\d+){{{len(mode.shape)}}}", name) is not None
    return re.match(rf"{start}(_|$)", name) is not None
