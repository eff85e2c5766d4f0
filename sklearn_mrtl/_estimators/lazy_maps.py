"""Targets that are maps, in blocks of dask arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl._utils.lazy import check_blocks_of_rows
from sklearn_mrtl._utils.maps import columns_of_maps, mask_of_maps


def lazy_columns_of_maps(y: Any, name: str = "y", mask: np.ndarray | None = None) -> tuple[Any, np.ndarray]:
    """Return what `columns_of_maps` would of the same maps in memory, the columns as a dask array of blocks of rows.

    Without a mask a pass over the blocks finds it. With one, gaps are found when a block is computed.
    """
    from sklearn_mrtl.distributed import blocks_of

    y = y.data if is_dataarray(y) else y
    check_blocks_of_rows(y, name)
    if mask is None:
        mask = mask_of_maps(blocks_of(y).total(missing_of_block), len(y), name)
    columns = y.map_blocks(
        columns_of_block, what=name, mask=mask, chunks=(y.chunks[0], (int(mask.sum()),)),
        drop_axis=list(range(1, y.ndim)), new_axis=[1], dtype=y.dtype if y.dtype.kind == "f" else np.float64,
        meta=np.empty((0, 0)),
    )  # fmt: skip
    return columns, mask


def missing_of_block(pieces: tuple) -> np.ndarray:
    """Return the number of NaN in each cell of a block."""
    return np.isnan(pieces[1]).sum(axis=0)


def columns_of_block(block: np.ndarray, what: str, mask: np.ndarray) -> np.ndarray:
    """Return the columns of a block's maps."""
    return columns_of_maps(block, what, mask)[0]


def maps_of_rows(columns: Any, shape: tuple[int, ...]) -> Any:
    """Return a dask array (n, *shape) of one (n, columns) in blocks of rows."""
    axes = list(range(1, len(shape) + 1))
    chunks = (columns.chunks[0], *((size,) for size in shape))
    return columns.map_blocks(
        map_of_block, shape=shape, chunks=chunks, drop_axis=[1], new_axis=axes, dtype=columns.dtype,
        meta=np.empty((0,) * (1 + len(shape)), columns.dtype),
    )  # fmt: skip


def map_of_block(block: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a block of columns as maps."""
    return block.reshape(len(block), *shape)
