"""Whether a model fits into memory, asked before anything is made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

import torch

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.models.low_rank import LowRank, R
from sklearn_mrtl.core.solvers.lbfgs import MEMORY


def available_bytes(device: torch.device) -> int | None:
    """Return the free memory of a device; None where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def require_bytes(needed: int, device: torch.device, what: str, remedy: str) -> None:
    """Refuse what does not fit into memory.

    Raises
    ------
    MemoryError
        That says how much is needed and how much there is.
    """
    available = available_bytes(device)
    if available is not None and needed > available:
        raise MemoryError(f"{what} needs {readable(needed)}, and {readable(available)} are free on {device}. {remedy}")


def release_cached(device: torch.device) -> None:
    """Return memory that torch keeps for later tensors to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


@contextmanager
def memory_errors(device: torch.device) -> Iterator[None]:
    """Turn what torch raises where a device's memory is full into a MemoryError that says what would need less."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise MemoryError(
            f"the memory of {device} is full: {error} X in float32, a coarser grid, a lower rank, fewer terms or fewer "
            "rows would need less; device='cpu' takes the memory of the machine."
        ) from error


def full_rank_bytes(shapes: Shapes, n_outputs: int, itemsize: int) -> int:
    """Return the memory of training a full weight tensor: itself and the curvature pairs of L-BFGS."""
    return prod(prod(shape) for shape in shapes) * n_outputs * itemsize * (2 * MEMORY + 8)


def low_rank_bytes(
    model: type[LowRank[R]], rank: R, resolutions: Sequence[Shapes], n_outputs: Sequence[int], itemsize: int
) -> int:
    """Return the memory of training a low-rank model at the largest of some levels, with so many outputs at each."""
    levels = zip(resolutions, n_outputs, strict=True)
    sizes = ([prod(shape) for shape in shapes] + [number] * (number > 1) for shapes, number in levels)
    return max(model.n_weights(rank, level) for level in sizes) * itemsize * (2 * MEMORY + 8)


def readable(n_bytes: float) -> str:
    """Return a number of bytes in a unit that suits it."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if n_bytes < 1000 or unit == "TB":
            return f"{n_bytes:,.0f} {unit}" if unit == "bytes" else f"{n_bytes:,.1f} {unit}"
        n_bytes /= 1000
    raise AssertionError
