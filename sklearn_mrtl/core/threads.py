"""How many threads torch has while a model is trained or predicts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

NUMBERS_PER_THREAD = 2**23  # of the data: with fewer, threads wait for each other longer than they work

RUNNING = Path("/proc/loadavg")  # of Linux: its fourth field is "running threads/all threads"
N_LOOKS, SECONDS_BETWEEN = 5, 0.002  # the least number leaves out what runs for a moment only

_changing = threading.Lock()


def useful_threads(n_numbers: int, available: int | None = None) -> int:
    """Return the number of threads that operations on n_numbers numbers can use, at most those available.

    Parameters
    ----------
    n_numbers : int
        Entries of the data that one pass reads.
    available : int, default=None
        None: what torch may use now in this Python thread, at most one for each idle processor, since threads that
        share a processor wait for each other at every operation.
    """
    n_threads = n_numbers // NUMBERS_PER_THREAD
    if available is None and n_threads > 1:
        available = min(torch.get_num_threads(), idle_processors())
    return max(1, min(available or 1, n_threads))


def idle_processors(running: Path = RUNNING, n_processors: int | None = None) -> int:
    """Return the number of processors, this thread's included, that no other program keeps busy.

    All count as idle where the system does not tell.
    """
    n_processors = n_processors or os.cpu_count() or 1
    looks = []
    for _ in range(N_LOOKS):
        try:
            looks.append(int(running.read_text().split()[3].split("/")[0]))
        except OSError:
            return n_processors
        time.sleep(SECONDS_BETWEEN)
    return max(1, n_processors - (min(looks) - 1))


@contextmanager
def computing(n_threads: int) -> Iterator[None]:
    """Let torch compute with n_threads threads in this Python thread, and restore the number afterwards.

    Operations in other Python threads are not affected: torch keeps a number for each Python thread, and another one
    as the default of new threads, which is restored at once.
    """
    before = torch.get_num_threads()
    if n_threads != before:
        set_threads(n_threads)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            set_threads(before)


def set_threads(n_threads: int) -> None:
    """Set the number of this Python thread only.

    ``torch.set_num_threads`` also sets the default of threads that have not used torch yet. A new thread knows the
    default, and can set it again without any effect on others. Only a thread that first uses torch in between begins
    with the number that is set here.
    """
    with _changing:
        default = _in_new_thread(torch.get_num_threads)
        torch.set_num_threads(n_threads)
        _in_new_thread(torch.set_num_threads, default)


def _in_new_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Return the result of a function that is called in a thread of its own."""
    results: list[Any] = []

    def call() -> None:
        results.append(function(*args))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return results[0]
