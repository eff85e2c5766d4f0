import os
import sys

import pytest
import torch

from sklearn_mrtl.core import memory
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.tucker import Tucker

CPU = torch.device("cpu")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems need not tell their memory")
def test_available_memory_is_a_part_of_that_of_the_machine():
    assert 0 < memory.available_bytes(CPU) <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_what_fits_and_what_does_not(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: 10**9)
    memory.require_bytes(10**9, CPU, "this", "Less.")
    with pytest.raises(MemoryError, match=r"this needs 2\.5 GB, and 1\.0 GB are free on cpu\. Less\."):
        memory.require_bytes(25 * 10**8, CPU, "this", "Less.")


def test_where_nobody_tells_everything_fits(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device: None)
    memory.require_bytes(10**30, CPU, "this", "Less.")


def test_needs_grow_with_what_is_made():
    shapes = ((3,), (4, 5))
    assert memory.full_rank_bytes(shapes, 1, 8) >= 60 * 8
    assert memory.full_rank_bytes(shapes, 2, 4) == memory.full_rank_bytes(shapes, 1, 8)
    finer = ((3,), (8, 10))
    assert memory.low_rank_bytes(CP, 2, [shapes, finer], [1, 1], 8) == memory.low_rank_bytes(CP, 2, [finer], [1], 8)
    bytes_of_two = memory.low_rank_bytes(CP, 2, [finer], [1], 8)
    assert memory.low_rank_bytes(CP, 4, [finer], [1], 8) == 2 * bytes_of_two >= 84 * 4 * 8
    assert memory.low_rank_bytes(Tucker, (2, 2), [finer], [1], 8) > bytes_of_two  # the core


@pytest.mark.parametrize(
    "n_bytes, text",
    [(999, "999 bytes"), (12_345, "12.3 kB"), (829e6, "829.0 MB"), (4.2e9, "4.2 GB"), (1e16, "10,000.0 TB")],
)
def test_readable(n_bytes, text):
    assert memory.readable(n_bytes) == text
