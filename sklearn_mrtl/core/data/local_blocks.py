"""Blocks that this process makes one after the other, such as parts of rows that a GPU cannot hold all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

from sklearn_mrtl.core.data.blocks import Blocks, joined


class LocalBlocks(Blocks):
    """Blocks from functions without arguments that make them.

    Parameters
    ----------
    makers : sequence of callable
    """

    def __init__(self, makers: Sequence[Callable[[], Any]], *, are_kept: bool = False):
        self.makers, self.are_kept = list(makers), are_kept

    def map(self, function: Callable[..., Any], *args: Any, keep: bool = True) -> Self:
        if keep:
            return type(self)([partial(itself, made) for made in self.collect(function, *args)], are_kept=True)
        return type(self)([partial(made_of, make, function, args) for make in self.makers])

    def map_groups(self, function: Callable[..., list[Any]], *args: Any) -> Self:
        made = function((make() for make in self.makers), *args)
        return type(self)([partial(itself, block) for block in made], are_kept=True)

    @property
    def n_groups(self) -> int:
        return 1

    def collect(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        return [function(make(), *args) for make in self.makers]

    def combine(self, function: Callable[..., Any], *args: Any, by: Callable[[Any, Any], Any]) -> Any:
        return joined((function(make(), *args) for make in self.makers), by)


def itself(block: Any) -> Any:
    """Return a block that is kept."""
    return block


def made_of(make: Callable[[], Any], function: Callable[..., Any], args: tuple) -> Any:
    """Make a block from another one."""
    return function(make(), *args)
