"""Refits one after the other or at the same time, with word of how long they will be."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from sklearn.utils.parallel import Parallel

SECONDS = 5.0  # between two lines, at least
FIRST = 2  # refits before the first line: the first one of a process also loads libraries


def computed(jobs: Iterable, n: int, what: str, *, verbose: int, **options) -> list[Any]:
    """Return the results of jobs of joblib in their order.

    Parameters
    ----------
    jobs : iterable of delayed calls
    n : int
        Number of jobs.
    what : str
        What one job is, in lines of progress.
    verbose : int
        0: no lines. 1: a line after the first jobs, and again when some seconds have passed. 2: one for each.
    **options
        Of joblib's Parallel.
    """
    results: list[Any] = []
    began = said = perf_counter()
    for result in Parallel(return_as="generator", **options)(jobs):
        results.append(result)
        now, done = perf_counter(), len(results)
        if verbose > 1 or (verbose and (done in (FIRST, n) or (done > FIRST and now - said > SECONDS))):
            print(progress_line(what, done, n, now - began), flush=True)
            said = now
    return results


def progress_line(what: str, done: int, n: int, seconds: float) -> str:
    """Return how many are done, in which time, and how long the others will take."""
    left = f", {seconds / done * (n - done):.0f} s to go" if done < n else ""
    return f"{what} {done} of {n}: {seconds:.0f} s{left}"
