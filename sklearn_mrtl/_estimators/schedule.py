"""Resolutions of all grids at each level, from coarse to fine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, prod

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import validate_count
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.modes import Feature, Grid, Mode, check_shape

COARSEST = 6  # fewest cells along an axis of an automatic schedule; the paper starts at 4 to 6


def levels_of(estimator, layout: Layout, target: Grid | None = None) -> list[dict[str, tuple[int, ...]]]:
    """Return the shapes of the grids, that of the target too, at every level that the estimator trains, by name."""
    levels = schedule(estimator.resolutions, layout.modes if target is None else (*layout.modes, target))
    n_levels = estimator.n_levels
    return levels if n_levels is None else levels[: validate_count("n_levels", n_levels)]


def schedule(resolutions, modes: Sequence[Mode]) -> list[dict[str, tuple[int, ...]]]:
    """Return the shapes of the grids at every level, from coarse to fine, by name.

    Parameters
    ----------
    resolutions : "auto", "fixed" or sequence of mapping
        Parameter `resolutions` of an estimator.
    modes : sequence of Mode
        Modes with known sizes.

    Raises
    ------
    TypeError
        If a level is not a mapping.
    ValueError
        If a level is not as described, or finer than its grids or coarser than the level before.
    """
    grids = [mode for mode in modes if isinstance(mode, Grid)]
    finest = {grid.name: grid.shape for grid in grids}
    if isinstance(resolutions, str):
        if resolutions == "fixed":
            return [finest]
        if resolutions == "auto":
            return halvings(finest)
        raise ValueError(f"resolutions must be 'auto', 'fixed' or a list of {{grid: shape}}, got {resolutions!r}.")
    levels = [one_level(level, grids) for level in resolutions]
    if not levels:
        raise ValueError("resolutions is empty: expected at least one {grid: shape}.")
    for number, (coarse, fine) in enumerate(zip(levels, levels[1:], strict=False)):
        steps = [(name, a, b) for name in finest for a, b in zip(coarse[name], fine[name], strict=True)]
        shrinking = [name for name, a, b in steps if b < a]
        if shrinking:
            name = shrinking[0]
            raise ValueError(
                f"resolutions must not become coarser, but {name!r} goes from {coarse[name]} at level {number} to "
                f"{fine[name]} at level {number + 1}."
            )
        if coarse == fine:
            raise ValueError(f"resolutions must increase, but levels {number} and {number + 1} are both {coarse}.")
    return levels


def halvings(finest: Mapping[str, tuple[int, ...]]) -> list[dict[str, tuple[int, ...]]]:
    """Return the levels of repeated halving, as long as grids keep at least `COARSEST` cells along an axis."""
    levels = [dict(finest)]
    while True:
        coarser = {name: halve(shape, finest[name]) for name, shape in levels[0].items()}
        if coarser == levels[0]:
            return levels
        levels.insert(0, coarser)


def halve(shape: tuple[int, ...], finest: tuple[int, ...]) -> tuple[int, ...]:
    """Halve the cells along all axes that have enough at the finest level, or along none, to keep their proportions."""
    is_long = [ceil(most / 2) >= COARSEST for most in finest]
    halved = tuple(ceil(n / 2) if long else n for n, long in zip(shape, is_long, strict=True))
    return halved if all(n >= COARSEST for n, long in zip(halved, is_long, strict=True) if long) else shape


def one_level(level, grids: Sequence[Grid]) -> dict[str, tuple[int, ...]]:
    """Return the checked shapes of one level of a user's list; a grid that is not named keeps its finest shape."""
    if not isinstance(level, Mapping):
        raise TypeError(f"each of resolutions must map grid names to shapes, got {level!r}.")
    shapes = {grid.name: grid.shape for grid in grids}
    for name, shape in level.items():
        if name not in shapes:
            raise ValueError(f"resolutions name {name!r}, which is no Grid of modes; those are {sorted(shapes)}.")
        shape = check_shape(name, shape)
        if len(shape) != len(shapes[name]) or any(n > most for n, most in zip(shape, shapes[name], strict=True)):
            raise ValueError(f"resolution {shape} of {name!r} must have the axes of its grid, {shapes[name]}, at most.")
        shapes[name] = shape
    return shapes


def axis_sizes(layout: Layout, level: Mapping, outputs: Outputs) -> list[int]:
    """Return the number of rows of a factor for each axis of the weight tensor at a level."""
    sizes = [
        prod(level[mode.name]) if isinstance(mode, Grid) else size
        for mode, size in zip(layout.modes, layout.sizes, strict=True)
    ]
    return sizes + ([outputs.number_at(level)] if outputs.number > 1 else [])


def core_shapes(layout: Layout, level: Mapping, target: Grid | None = None) -> Shapes:
    """Return the shape of every mode at a level, in the core's order, and that of the target."""
    modes = [(layout.modes[m], layout.shapes[m]) for m in layout.order]
    shapes = (shape if isinstance(mode, Feature) else tuple(level[mode.name]) for mode, shape in modes)
    return (*shapes, *(() if target is None else (tuple(level[target.name]),)))
