"""Blocks of rows that Dask computes: in threads of this process, or on the workers of a `distributed.Client`.

The blocks are divided into groups of consecutive ones, one for each thread. A call is one task for each group, which
runs over the group's blocks and returns one result: only arguments and results travel.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import dask
import numpy as np
import torch
from dask.optimization import cull

from sklearn_mrtl.core.data.blocks import Blocks
from sklearn_mrtl.core.threads import set_threads

WORKER_BYTES = 400_000_000  # of a worker that has imported torch and scikit-learn, before it has any data
SYNCHRONOUS = ("sync", "synchronous", "single-threaded")  # Dask's names of the scheduler without threads


@dataclass(frozen=True, eq=False)
class Recipe:
    """How to compute the pieces that several dask arrays have of one block.

    Attributes
    ----------
    number : int
        Of the block.
    graph : dict
        Of tasks. Dask does not look for them here, as it would in a tuple.
    keys : tuple
        Of the pieces in the graph.
    """

    number: int
    graph: dict
    keys: tuple

    def make(self) -> Any:
        """Return the number of the block and its pieces."""
        return self.number, *dask.get(self.graph, list(self.keys))


@dataclass(frozen=True, eq=False)
class Later:
    """A block that is made of another one whenever it is needed."""

    source: Any
    function: Callable[..., Any]
    args: tuple

    def make(self) -> Any:
        """Return the block."""
        return self.function(made(self.source), *self.args)


def made(block: Any) -> Any:
    """Return a block that is kept, or make it."""
    return block.make() if isinstance(block, Recipe | Later) else block


# What a task does with a group of blocks


def map_group(group: list, function: Callable[..., Any], args: tuple, keep: bool) -> list:
    """Return a group of the blocks function(block, *args)."""
    if keep:
        return [function(made(block), *args) for block in group]
    return [Later(block, function, args) for block in group]


def combine_group(group: list, function: Callable[..., Any], args: tuple, by: Callable[[Any, Any], Any]) -> Any:
    """Return the results of all blocks of a group, joined two by two."""
    return joined((function(made(block), *args) for block in group), by)


@dataclass(frozen=True, eq=False)
class Packed:
    """A tensor as the array that it is, which travels faster: pickle sends its memory without a copy."""

    array: np.ndarray


def packed(value: Any) -> Any:
    """Return a result, or arguments, with tensors packed, however deep they lie in dicts, tuples and lists."""
    return each_of(value, lambda leaf: Packed(leaf.numpy()) if isinstance(leaf, torch.Tensor) else leaf)


def unpacked(value: Any) -> Any:
    """Undo `packed`."""
    return each_of(value, lambda leaf: torch.from_numpy(leaf.array.copy()) if isinstance(leaf, Packed) else leaf)


def each_of(value: Any, function: Callable[[Any], Any]) -> Any:
    """Return a structure with a function of each of its leaves."""
    if isinstance(value, dict):
        return {name: each_of(part, function) for name, part in value.items()}
    if type(value) in (tuple, list):
        return type(value)(each_of(part, function) for part in value)
    return function(value)


def run_packed(function: Callable[..., Any], group: list, args: tuple) -> Any:
    """Run a function of a group on a worker."""
    return packed(function(group, *unpacked(args)))


def joined(results: Any, by: Callable[[Any, Any], Any]) -> Any:
    """Join results two by two; None counts as nothing."""
    total = None
    for result in results:
        total = result if total is None else total if result is None else by(total, result)
    return total


class GroupedBlocks(Blocks):
    """Blocks in groups, each of which is the argument of one task."""

    def __init__(self, groups: Sequence[Any], *, are_kept: bool):
        self.groups, self.are_kept = list(groups), are_kept

    @abstractmethod
    def submit(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        """Return function(group, *args) of all groups."""

    @abstractmethod
    def with_groups(self, function: Callable[..., Any], *args: Any, are_kept: bool) -> Self:
        """Return blocks whose groups are function(group, *args)."""

    def map(self, function: Callable[..., Any], *args: Any, keep: bool = True) -> Self:
        return self.with_groups(map_group, function, args, keep, are_kept=keep)

    def collect(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        return [result for results in self.submit(map_group, function, args, True) for result in results]

    def combine(self, function: Callable[..., Any], *args: Any, by: Callable[[Any, Any], Any]) -> Any:
        return joined(self.submit(combine_group, function, args, by), by)


class ThreadedBlocks(GroupedBlocks):
    """Blocks that threads of this process compute."""

    def __init__(self, groups: Sequence[Any], pool: ThreadPoolExecutor | None, *, are_kept: bool):
        super().__init__(groups, are_kept=are_kept)
        self.pool = pool

    def submit(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        if self.pool is None:
            return [function(group, *args) for group in self.groups]
        return list(self.pool.map(lambda group: function(group, *args), self.groups))

    def with_groups(self, function: Callable[..., Any], *args: Any, are_kept: bool) -> Self:
        return type(self)(self.submit(function, *args), self.pool, are_kept=are_kept)


class ClientBlocks(GroupedBlocks):
    """Blocks on the workers of a client: groups are futures. The scheduler makes those of a lost worker anew."""

    def __init__(self, groups: Sequence[Any], client: Any, workers: Sequence[str], *, are_kept: bool):
        super().__init__(groups, are_kept=are_kept)
        self.client, self.workers = client, workers

    def submit(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        distributed = sys.modules["distributed"]
        try:
            return unpacked(self.client.gather(self._tasks(function, args)))
        except (distributed.CancelledError, distributed.comm.CommClosedError) as error:
            raise RuntimeError(
                f"lost the Dask scheduler, or blocks that nobody makes anew ({error}). The estimator is as it was; a "
                "fit with checkpoint= goes on from its file."
            ) from error

    def with_groups(self, function: Callable[..., Any], *args: Any, are_kept: bool) -> Self:
        return type(self)(self._tasks(function, args), self.client, self.workers, are_kept=are_kept)

    def _tasks(self, function: Callable[..., Any], args: tuple) -> list[Any]:
        """Start a task for each group where the group is, or on another worker if that one is lost."""
        return [
            self.client.submit(
                run_packed, function, group, packed(args), workers=[worker], allow_other_workers=True, pure=False
            )
            for group, worker in zip(self.groups, self.workers, strict=True)
        ]


def blocks_of(*arrays: Any, numbers: Collection[int] | None = None) -> GroupedBlocks:
    """Return blocks (number, pieces of the arrays ...) of dask arrays with the same chunks of rows; none is computed.

    Parameters
    ----------
    *arrays : dask.array.Array of shape (n, ...)
        Not chunked along any other axis.
    numbers : collection of int, default=None
        Blocks to leave all others out; None: all.
    """
    recipes = recipes_of(arrays, range(arrays[0].numblocks[0]) if numbers is None else sorted(numbers))
    client = current_client()
    if client is None:
        n_threads = number_of_threads()
        pool = ThreadPoolExecutor(n_threads, initializer=partial(set_threads, 1)) if n_threads > 1 else None
        return ThreadedBlocks(groups_of(recipes, n_threads), pool, are_kept=False)
    workers = [address for address, n in sorted(client.nthreads().items()) for _ in range(n)]
    if not workers:
        raise RuntimeError(f"the client {client} has no workers; start some, or close it to compute in this process.")
    groups = groups_of(recipes, len(workers))
    started = [
        client.submit(
            with_pieces, group, persisted_pieces(group), workers=[worker], allow_other_workers=True, pure=False
        )
        for group, worker in zip(groups, workers, strict=False)
    ]
    return ClientBlocks(started, client, workers[: len(started)], are_kept=False)


def recipes_of(arrays: Sequence[Any], numbers: Iterable[int]) -> list[Recipe]:
    """Return the recipe of each block."""
    graph: dict = {}
    for array in arrays:
        given = dict(array.__dask_graph__())
        graph |= {key: value for key, value in given.items() if is_future(value)}
        graph |= dict(array.__dask_optimize__(array.__dask_graph__(), array.__dask_keys__()))
    recipes = []
    for number in numbers:
        keys = tuple((array.name, number, *[0] * (array.ndim - 1)) for array in arrays)
        recipes.append(Recipe(number, dict(cull(graph, list(keys))[0]), keys))
    return recipes


def persisted_pieces(group: list[Recipe]) -> dict:
    """Take the futures of persisted arrays out of the graphs of recipes, and return them by block and key."""
    futures = {}
    for recipe in group:
        for key, value in list(recipe.graph.items()):
            if is_future(value):
                futures[recipe.number, key] = recipe.graph.pop(key)
    return futures


def is_future(value: Any) -> bool:
    """Return whether a value stands for one on a cluster."""
    distributed = sys.modules.get("distributed")
    return isinstance(value, getattr(distributed, "Future", ()))


def with_pieces(group: list[Recipe], pieces: dict) -> list[Recipe]:
    """Put the pieces of persisted arrays into the graphs of recipes."""
    for (number, key), value in pieces.items():
        recipe = next(recipe for recipe in group if recipe.number == number)
        recipe.graph[key] = value
    return group


def groups_of(blocks: list, n_groups: int) -> list[list]:
    """Divide blocks into groups of consecutive ones."""
    n_groups = min(n_groups, len(blocks))
    ends = [len(blocks) * i // n_groups for i in range(n_groups + 1)]
    return [blocks[start:end] for start, end in zip(ends, ends[1:], strict=False)]


def current_client() -> Any:
    """Return the client that Dask computes with, or None."""
    distributed = sys.modules.get("distributed")
    scheduler = dask.base.get_scheduler()
    client = getattr(scheduler, "__self__", None)
    return client if isinstance(client, getattr(distributed, "Client", ())) else None


def number_of_threads() -> int:
    """Return the number of threads that Dask would take in this process."""
    if dask.config.get("scheduler", None) in SYNCHRONOUS:
        return 1
    return dask.config.get("num_workers", None) or dask.system.CPU_COUNT


def memory_for_blocks() -> int | None:
    """Return the bytes that the blocks of a fit may take; None where nobody knows a limit."""
    client = current_client()
    if client is None:
        return None
    limits = list(client.run(worker_memory_limit).values())
    return max(1, sum(limits) - len(limits) * WORKER_BYTES) if all(limits) else None


def worker_memory_limit(dask_worker: Any) -> int | None:
    """Return the bytes that a worker may take; None: there is no limit."""
    return dask_worker.memory_manager.memory_limit
