"""Groups of blocks in threads and on workers.

The blocks are divided into groups of consecutive ones, one for each thread. A call is one task for each group, which
runs over the group's blocks and returns one result: only arguments and results travel.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Self

import dask

from sklearn_mrtl.core.data.blocks import Blocks, joined
from sklearn_mrtl.core.threads import set_threads
from sklearn_mrtl.distributed.recipes import persisted_pieces, recipes_of, with_pieces
from sklearn_mrtl.distributed.tasks import combine_group, map_group, packed, run_packed, unpacked, whole_group

WORKER_BYTES = 400_000_000  # of a worker that has imported torch and scikit-learn, before it has any data
SYNCHRONOUS = ("sync", "synchronous", "single-threaded")  # Dask's names of the scheduler without threads


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

    def map_groups(self, function: Callable[..., list], *args: Any) -> Self:
        return self.with_groups(whole_group, function, args, are_kept=True)

    @property
    def n_groups(self) -> int:
        return len(self.groups)

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
