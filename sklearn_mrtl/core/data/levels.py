"""The samples of one level at a time, coarse to fine, so that memory holds little more than one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from math import prod

from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.data.blocks import AnySamples, BlockSamples
from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.core.finegraining import nests

MIN_VIEW_RATIO = 8  # cells of a level, relative to those of an earlier one that is kept for it


class LevelData:
    """Training and validation samples at the level that a training has reached.

    Parameters
    ----------
    training : Samples or BlockSamples
        At the finest resolution.
    validation : Samples, BlockSamples or None
    resolutions : sequence of shapes
        Shape of every mode at each level, coarse to fine.
    levels : sequence of int
        The levels that will be needed, ascending.

    Attributes
    ----------
    level : int or None
        None before the first call of `move_to`.
    training : Samples or BlockSamples
    validation : Samples, BlockSamples or None
        At that level.
    """

    training: AnySamples
    validation: AnySamples | None

    def __init__(
        self,
        training: AnySamples,
        validation: AnySamples | None,
        resolutions: Sequence[Shapes],
        levels: Sequence[int],
    ):
        self.level: int | None = None
        self._n_rows = training.inputs.n_rows
        self._views: list[Inputs | BlockSamples] = []
        self._finest_cells = prod(training.inputs.sizes)
        if training.inputs.coarsens_in_steps and levels:
            levels = range(max(levels) + 1)  # a resumed training needs the views of the coarser ones
        self._levels = iter(levels)
        self._training = pyramid(training, resolutions, levels)
        self._validation: Iterator[AnySamples | None] = repeat(None)
        if validation is not None:
            self._validation = pyramid(validation, resolutions, levels)

    def move_to(self, level: int) -> None:
        """Make the samples of a level, and release those of the level before it."""
        while level != self.level:
            if self.level is not None:
                self._keep_view()
                del self.training, self.validation  # the next samples need their memory
            return_freed_memory(self._n_rows)
            self.level = next(self._levels)
            self.training, self.validation = next(self._training), next(self._validation)
            return_freed_memory(self._n_rows)

    def view(self) -> Inputs | BlockSamples | None:
        """Return the training samples of an earlier level with much fewer cells; None where there is none."""
        few = prod(self.training.inputs.sizes) / MIN_VIEW_RATIO
        return max((v for v in self._views if n_cells(v) <= few), key=n_cells, default=None)

    def _keep_view(self) -> None:
        """Keep the present samples for finer levels if they are small and no rows are merged."""
        samples = self.training
        inputs = samples.inputs
        if inputs.coarsens_in_steps and prod(inputs.sizes) <= self._finest_cells / MIN_VIEW_RATIO:
            self._views.append(samples if isinstance(samples, BlockSamples) else samples.inputs.without_products())

    def peek(self) -> AnySamples:
        """Return the training samples of the first level, and keep them for it."""
        first = next(self._training)
        self._training = chain([first], self._training)
        return first

    def release_products(self) -> None:
        """Release the outer products that only full-rank models multiply."""
        self.training = self.training.without_products()
        self.validation = None if self.validation is None else self.validation.without_products()


def n_cells(samples: Inputs | BlockSamples) -> int:
    """Return the number of entries of a sample's inputs."""
    return prod(map(prod, (samples.inputs if isinstance(samples, BlockSamples) else samples).shapes))


def pyramid(samples: AnySamples, resolutions: Sequence[Shapes], levels: Sequence[int]) -> Iterator[AnySamples]:
    """Yield the samples at some levels, coarse to fine.

    Levels of fields that nest in a finer one are made from that one, all of them before the first is yielded. Other
    levels are made from the finest when they are needed.
    """
    finest: AnySamples = samples.merge()
    finer = finest
    del samples
    made: dict[int, AnySamples] = {}
    for level in reversed(levels):
        shapes = resolutions[level]
        if finer.inputs.coarsens_in_steps and nests(finest.modes, finest.shapes, finer.shapes, shapes):
            made[level] = finer = finer.coarsen(shapes)
    del finer
    for level in levels:
        if resolutions[level] == finest.shapes:
            yield finest.without_products()
        else:
            yield made.pop(level) if level in made else finest.coarsen(resolutions[level])
