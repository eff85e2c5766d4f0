"""The samples of one level at a time, coarse to fine, so that memory holds little more than one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, repeat

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.finegraining import nests


class LevelData:
    """Training and validation samples at the level that a training has reached.

    Parameters
    ----------
    training : Samples
        At the finest resolution.
    validation : Samples or None
    resolutions : sequence of shapes
        Shape of every mode at each level, coarse to fine.
    levels : sequence of int
        The levels that will be needed, ascending.

    Attributes
    ----------
    level : int or None
        None before the first call of `move_to`.
    training : Samples
    validation : Samples or None
        At that level.
    """

    training: Samples
    validation: Samples | None

    def __init__(
        self, training: Samples, validation: Samples | None, resolutions: Sequence[Shapes], levels: Sequence[int]
    ):
        self.level: int | None = None
        self._n_rows = training.inputs.n_rows
        self._training = pyramid(training, resolutions, levels)
        self._validation: Iterator[Samples | None] = repeat(None)
        if validation is not None:
            self._validation = pyramid(validation, resolutions, levels)

    def move_to(self, level: int) -> None:
        """Make the samples of a level, and release those of the level before it."""
        if level != self.level:
            if self.level is not None:
                del self.training, self.validation  # the next samples need their memory
            return_freed_memory(self._n_rows)
            self.training, self.validation, self.level = next(self._training), next(self._validation), level
            return_freed_memory(self._n_rows)

    def peek(self) -> Samples:
        """Return the training samples of the first level, and keep them for it."""
        first = next(self._training)
        self._training = chain([first], self._training)
        return first

    def release_products(self) -> None:
        """Release the outer products that only full-rank models multiply."""
        self.training = self.training.without_products()
        self.validation = None if self.validation is None else self.validation.without_products()


def pyramid(samples: Samples, resolutions: Sequence[Shapes], levels: Sequence[int]) -> Iterator[Samples]:
    """Yield the samples at some levels, coarse to fine.

    Levels of fields that nest in a finer one are made from that one, all of them before the first is yielded. Other
    levels are made from the finest when they are needed.
    """
    finest = finer = samples.merge()
    del samples
    made: dict[int, Samples] = {}
    for level in reversed(levels):
        shapes = resolutions[level]
        if finer.inputs.coarsens_in_steps and nests(
            finest.inputs.modes, finest.inputs.shapes, finer.inputs.shapes, shapes
        ):
            made[level] = finer = finer.coarsen(shapes)
    del finer
    for level in levels:
        if resolutions[level] == finest.inputs.shapes:
            yield finest.without_products()
        else:
            yield made.pop(level) if level in made else finest.coarsen(resolutions[level])
