"""Functions of the blocks of dask arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sklearn_mrtl._utils.arrays import is_dataarray


def check_blocks_of_rows(X, name: str = "X") -> None:
    """Refuse chunks that are not blocks of whole rows of known number.

    Parameters
    ----------
    X : dask.array.Array, or a DataArray of one
    name : str
        Of X in error messages.

    Raises
    ------
    ValueError
    """
    if any(np.isnan(n) for n in X.shape):
        raise ValueError(
            f"{name} must have chunks of known sizes, got the shape {X.shape}: call {name}.compute_chunk_sizes() first."
        )
    numblocks = tuple(map(len, X.chunks))
    if any(n > 1 for n in numblocks[1:]):
        whole = dict.fromkeys(X.dims[1:] if is_dataarray(X) else range(1, X.ndim), -1)
        mend = f"{name}.chunk({whole})" if is_dataarray(X) else f"{name}.rechunk({ {0: 'auto', **whole} })"
        raise ValueError(
            f"{name} must be chunked along its first axis, the rows, only; got {numblocks} chunks along its axes. Use "
            f"{mend}, once, before it is stored."
        )
    if X.shape[0] == 0:
        raise ValueError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")


def row_slices(X) -> list[slice]:
    """Return the rows of each block."""
    ends = np.cumsum([0, *X.chunks[0]]).tolist()
    return [slice(start, end) for start, end in zip(ends[:-1], ends[1:], strict=True)]


def reduce_blocks(
    function: Callable[..., Any], by: Callable[[Any, Any], Any], X, arguments: Sequence[tuple] | None = None
) -> Any:
    """Compute function(block, *arguments of the block) of all blocks, joined two by two.

    Parameters
    ----------
    function, by : callable
        Defined by modules by name.
    X : dask.array.Array of shape (n, ...), or a DataFrame of dask
        Not chunked along any other axis.
    arguments : sequence of tuple, default=None
        Further arguments for each block.
    """
    from dask import delayed

    blocks = delayed_blocks(X)
    arguments = [()] * len(blocks) if arguments is None else arguments
    parts = [delayed(function)(block, *own) for block, own in zip(blocks, arguments, strict=True)]
    while len(parts) > 1:
        in_twos = [parts[i : i + 2] for i in range(0, len(parts), 2)]
        parts = [delayed(by)(*two) if len(two) == 2 else two[0] for two in in_twos]
    return parts[0].compute()


def map_rows(function: Callable[..., Any], X, arguments: np.ndarray | None, row: np.ndarray) -> Any:
    """Return function(block, arguments of its rows) of all blocks as a dask array of the axes of X.

    Parameters
    ----------
    function : callable
    X : dask.array.Array of shape (n, ...)
        Not chunked along any other axis.
    arguments : ndarray of shape (n,) or None
        One for each row.
    row : ndarray of shape (1, ...)
        What the function would return of one row.
    """
    chunks = (X.chunks[0], *((n,) for n in row.shape[1:]))
    of_rows = None if arguments is None else [arguments[rows] for rows in row_slices(X)]
    return X.map_blocks(of_block, function=function, of_rows=of_rows, chunks=chunks, dtype=row.dtype, meta=row[:0])


def of_block(block, function, of_rows, block_info=None):
    """Return a function of one block and the arguments of its rows."""
    number = block_info[0]["chunk-location"][0]
    return function(block, None if of_rows is None else of_rows[number])


def delayed_blocks(X) -> list:
    """Return the blocks of rows of a dask array, or the partitions of a DataFrame of dask, each by itself."""
    blocks = X.to_delayed()
    return list(blocks) if hasattr(X, "npartitions") and hasattr(X, "columns") else list(blocks.ravel())


def encode_blocks(transform: Callable[..., Any], X, like) -> Any:
    """Return a transformer's results on the blocks of X as a dask array that says what `like` says of them.

    Parameters
    ----------
    transform : callable
    X : dask.array.Array of shape (n, columns), or a DataFrame of dask
        The rows of a DataFrame's partitions are counted, which computes them.
    like : array or sparse array of shape (0, width)
    """
    if hasattr(X, "columns"):
        return encode_partitions(transform, delayed_blocks(X), like)
    check_blocks_of_rows(X)
    encoded = X.map_blocks(transform, dtype=like.dtype, chunks=(X.chunks[0], like.shape[1:]), meta=like)
    encoded._meta = like  # Dask keeps the kind of array, without the modes
    return encoded


def encode_partitions(transform: Callable[..., Any], partitions: Sequence[Any], like) -> Any:
    """Return a transformer's results on partitions as a dask array; see `encode_blocks`."""
    from dask import array, base, compute, delayed, highlevelgraph

    counts = compute(*(delayed(len)(partition) for partition in partitions))
    results = [delayed(transform)(partition) for partition in partitions]
    name = f"encoded-{base.tokenize(*(result.key for result in results))}"
    tasks: dict[Any, Any] = {(name, i, 0): result.key for i, result in enumerate(results)}
    graph = highlevelgraph.HighLevelGraph.from_collections(name, tasks, dependencies=results)
    encoded = array.Array(graph, name, chunks=(counts, like.shape[1:]), dtype=like.dtype, meta=like)
    encoded._meta = like
    return encoded
