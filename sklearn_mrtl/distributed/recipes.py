"""How blocks of dask arrays are made whenever they are needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dask
from dask.optimization import cull


@dataclass(frozen=True, eq=False)
class Recipe:
    """How to compute the pieces that several dask arrays have of one block.

    Attributes
    ----------
    number : int
        Of the block.
    graph : dict
        Of tasks. Dask does not look for them here, as it would in a tuple.
    keys : tuple
        Of the pieces in the graph.
    """

    number: int
    graph: dict
    keys: tuple

    def make(self) -> Any:
        """Return the number of the block and its pieces."""
        return self.number, *dask.get(self.graph, list(self.keys))


@dataclass(frozen=True, eq=False)
class Later:
    """A block that is made of another one whenever it is needed."""

    source: Any
    function: Callable[..., Any]
    args: tuple

    def make(self) -> Any:
        """Return the block."""
        return self.function(made(self.source), *self.args)


def made(block: Any) -> Any:
    """Return a block that is kept, or make it."""
    return block.make() if isinstance(block, Recipe | Later) else block


def recipes_of(arrays: Sequence[Any], numbers: Iterable[int]) -> list[Recipe]:
    """Return the recipe of each block."""
    graph: dict = {}
    for array in arrays:
        given = dict(array.__dask_graph__())
        graph |= {key: value for key, value in given.items() if is_future(value)}
        graph |= dict(array.__dask_optimize__(array.__dask_graph__(), array.__dask_keys__()))
    recipes = []
    for number in numbers:
        keys = tuple((array.name, number, *[0] * (array.ndim - 1)) for array in arrays)
        recipes.append(Recipe(number, dict(cull(graph, list(keys))[0]), keys))
    return recipes


def persisted_pieces(group: list[Recipe]) -> dict:
    """Take the futures of persisted arrays out of the graphs of recipes, and return them by block and key."""
    futures = {}
    for recipe in group:
        for key, value in list(recipe.graph.items()):
            if is_future(value):
                futures[recipe.number, key] = recipe.graph.pop(key)
    return futures


def is_future(value: Any) -> bool:
    """Return whether a value stands for one on a cluster."""
    distributed = sys.modules.get("distributed")
    return isinstance(value, getattr(distributed, "Future", ()))


def with_pieces(group: list[Recipe], pieces: dict) -> list[Recipe]:
    """Put the pieces of persisted arrays into the graphs of recipes."""
    for (number, key), value in pieces.items():
        recipe = next(recipe for recipe in group if recipe.number == number)
        recipe.graph[key] = value
    return group
