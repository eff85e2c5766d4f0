"""What a task does with a group of blocks, and how tensors travel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from sklearn_mrtl.core.data.blocks import joined
from sklearn_mrtl.distributed.recipes import Later, made


def map_group(group: list, function: Callable[..., Any], args: tuple, keep: bool) -> list:
    """Return a group of the blocks function(block, *args)."""
    if keep:
        return [function(made(block), *args) for block in group]
    return [Later(block, function, args) for block in group]


def whole_group(group: list, function: Callable[..., list], args: tuple) -> list:
    """Return the blocks that function(blocks of a group, *args) lists."""
    return function((made(block) for block in group), *args)


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
