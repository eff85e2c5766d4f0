"""Freed memory goes back to the system."""

import os
import sys
from pathlib import Path

import pytest
import torch

from sklearn_mrtl.core.data import freed


def resident():
    """Bytes of memory that the process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the memory of the process from /proc")
def test_freed_memory_between_arrays_goes_back_to_the_system():
    """Every second of many arrays is freed: too small to be returned by themselves, and none at the end."""
    if freed._malloc_trim() is None:
        pytest.skip("the C library has no malloc_trim")
    arrays = [torch.ones(2**12) for _ in range(4096)]  # 64 MB in pieces of 16 kB
    del arrays[:-1:2]
    before = resident()
    freed.return_freed_memory(freed.LARGE)
    assert before - resident() > 16e6 and arrays


def test_small_arrays_are_left_alone(monkeypatch):
    calls = []
    monkeypatch.setattr(freed, "_malloc_trim", lambda: calls.append)
    freed.return_freed_memory(freed.LARGE - 1)
    assert not calls
    freed.return_freed_memory(freed.LARGE)
    assert calls == [0]
