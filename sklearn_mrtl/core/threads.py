"""How many threads torch has while a model is trained or predicts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

NUMBERS_PER_THREAD = 2**23  # of the data: with fewer, threads wait for each other longer than they work

_changing = threading.Lock()


def useful_threads(n_numbers: int, available: int | None = None) -> int:
    """Return the number of threads that operations on n_numbers numbers can use, at most those available.

    Parameters
    ----------
    n_numbers : int
        Entries of the data that one pass reads.
    available : int, default=None
        None: what torch may use now in this Python thread.
    """
    available = torch.get_num_threads() if available is None else available
    return max(1, min(available, n_numbers // NUMBERS_PER_THREAD))


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
