"""What the benchmarks share: where the data are, clocks, and tables."""

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

DATA = Path(os.environ.get("MRTL_DATA", Path(__file__).resolve().parents[1] / "../shared/data")).resolve()


def require(path):
    """The path of a data file; without it the benchmark ends, saying so."""
    if not (DATA / path).exists():
        sys.exit(f"skipped: {DATA / path} is not here; MRTL_DATA names the folder of the larger data sets")
    return DATA / path


def timed(function, *args, **kwargs):
    """Result and wall-clock seconds."""
    began = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - began


def resident():
    """Memory that the process has now, bytes."""
    with open("/proc/self/statm", encoding="ascii") as fields:
        return int(fields.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def timed_with_peak(function, *args):
    """Result, wall-clock seconds, and how much more memory than before there was at most, bytes."""
    before = most = resident()
    done = threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.003):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result, seconds = timed(function, *args)
    finally:
        done.set()
        watcher.join()
    return result, seconds, most - before


def table(title, head, rows):
    """Print rows under a head, columns as wide as they need."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    print(f"\n{title}", lines[0], "-" * len(lines[0]), *lines[1:], sep="\n", flush=True)


def r2(y, prediction):
    """Coefficient of determination."""
    return 1 - np.mean((y - prediction) ** 2) / np.var(y)
