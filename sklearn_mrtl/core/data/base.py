"""What every layout of samples provides."""

from __future__ import annotations

from torch import Tensor

from sklearn_mrtl.modes import Grid, Mode

CHUNK_ROWS = 2**18  # samples whose scores and losses are held at once
Shapes = tuple[tuple[int, ...], ...]


def row_slices(n_rows: int, step: int) -> list[slice]:
    """Consecutive rows, so many at once."""
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def is_mean(mode: Mode) -> bool:
    """Whether weights of this mode are per unit of area."""
    return isinstance(mode, Grid) and mode.quantity == "mean"


def take_last(values: Tensor, index: Tensor) -> Tensor:
    """Some entries of the last axis; in two dimensions, where torch is four times as fast."""
    return values.reshape(-1, values.shape[-1]).index_select(1, index).reshape(*values.shape[:-1], len(index))
