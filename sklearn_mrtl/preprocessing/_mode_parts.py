"""The parameters of ModeEncoder: modes with their columns, and options for each mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sklearn_mrtl._utils.labels import listed
from sklearn_mrtl.modes import Feature, Grid, Mode, as_modes
from sklearn_mrtl.preprocessing._column_encoders import ColumnEncoder
from sklearn_mrtl.preprocessing._columns import Columns

ENCODINGS = ("one-hot", "passthrough")


class Part(NamedTuple):
    """A mode, its columns, and how they become its encoding (None: their dtype decides)."""

    mode: Mode
    columns: Any
    encoding: Any


class FittedPart(NamedTuple):
    """A mode with its size, its columns and the encoder that was fitted to them."""

    mode: Mode
    columns: Columns
    encoder: ColumnEncoder


def parts_of(modes) -> list[Part]:
    """Return the entries of the parameter `modes`, whose short forms are completed.

    Raises
    ------
    TypeError, ValueError
        If there are no modes, their names repeat, or an encoding is none.
    """
    given = [modes] if isinstance(modes, str | Feature | Grid) else list(modes)
    entries: list[tuple] = [(entry,) if isinstance(entry, str | Feature | Grid) else tuple(entry) for entry in given]
    for entry in entries:
        if not 1 <= len(entry) <= 3:
            raise ValueError(
                f"an entry of modes must be mode, (mode, columns) or (mode, columns, encoding), got {entry}."
            )
    found = as_modes([entry[0] for entry in entries])
    parts = []
    for mode, entry in zip(found, entries, strict=True):
        columns = entry[1] if len(entry) > 1 else mode.name
        encoding = entry[2] if len(entry) > 2 else None
        check_encoding(mode, encoding)
        parts.append(Part(mode, columns, encoding))
    return parts


def check_encoding(mode: Mode, encoding) -> None:
    """Raise an error for what is no encoding of the mode."""
    if encoding is None or (hasattr(encoding, "fit") and hasattr(encoding, "transform")):
        return
    allowed = ENCODINGS if isinstance(mode, Feature) else ()
    if not isinstance(encoding, str) or encoding not in allowed:
        words = "".join(f"{name!r}, " for name in allowed)
        raise ValueError(f"encoding of {mode!r} must be {words}None or a transformer, got {encoding!r}.")


def option(name: str, given, mode: Mode, choices: Sequence[str]) -> str:
    """Return the option of a mode from one for all modes or a dict, in which the first choice is the default.

    Raises
    ------
    ValueError
        If it is none of the choices.
    """
    chosen = given.get(mode.name, choices[0]) if isinstance(given, Mapping) else given
    if not isinstance(chosen, str) or chosen not in choices:
        raise ValueError(f"{name} must be one of {tuple(choices)}, or a dict of them by mode, got {given!r}.")
    return chosen


def check_options(name: str, given, modes: Sequence[Mode], kind: type) -> None:
    """Raise ValueError for a dict of options that names what is no mode of the kind."""
    known = [mode.name for mode in modes if isinstance(mode, kind)]
    unknown = [key for key in given if key not in known] if isinstance(given, Mapping) else []
    if unknown:
        raise ValueError(f"{name} names {unknown}, the {kind.__name__}s of modes are {known}.")


def with_size(mode: Mode, labels: np.ndarray | None) -> Mode:
    """Return a mode with its size, from the names of a Feature's categories.

    Raises
    ------
    ValueError
        If they are not as many as the mode asks for; of a Grid, if it has not as many columns as cells.
    """
    if labels is None:
        return mode
    if mode.size is not None and mode.size != len(labels):
        what = "categories or columns" if isinstance(mode, Feature) else "columns, one for each cell"
        raise ValueError(f"{mode!r} asks for {mode.size} {what}, X has {len(labels)}: {listed(labels)}.")
    return mode if isinstance(mode, Grid) else replace(mode, size=len(labels))


def join_parts(a: list[FittedPart] | None, b: list[FittedPart] | None) -> list[FittedPart] | None:
    """Return the parts as if they were fitted to the rows of both."""
    if a is None or b is None:
        return b if a is None else a
    return [one._replace(encoder=one.encoder.join(other.encoder)) for one, other in zip(a, b, strict=True)]
