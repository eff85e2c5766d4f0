"""Freed memory that the C library keeps, and how to return it to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

LARGE = 2**17  # numbers of an array from which it is worth a millisecond: half a megabyte


def return_freed_memory(n_numbers: int) -> None:
    """Return memory that was freed to the system, if arrays are large and the C library has a call for it.

    glibc keeps freed arrays of up to 32 MB between those that are in use, and larger arrays that come later do not fit
    there: with millions of samples the gaps add up to as much memory as the arrays.

    Parameters
    ----------
    n_numbers : int
        Numbers of an array of those that were freed.
    """
    if n_numbers < LARGE:
        return
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    """Return malloc_trim of glibc, or None."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; TypeError is what Windows raises for None
        return None
