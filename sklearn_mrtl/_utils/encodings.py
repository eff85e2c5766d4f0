"""Encodings that know their modes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from sklearn_mrtl.modes import Mode


class Encodings(csr_array):
    """The encodings of several modes side by side, with the modes and the names of their categories and axes.

    A `scipy.sparse.csr_array` that `ModeEncoder` makes and the estimators understand. A choice of rows (``X[rows]``),
    a copy, another dtype and a pickle keep the modes. The result of any other operation may have other columns; its
    `modes` are None.

    Parameters
    ----------
    arg1, shape, dtype, copy, **options
        Of `scipy.sparse.csr_array`.
    modes : sequence of Feature and Grid, default=None
        In the order of the columns, with their sizes.
    categories : dict of str to ndarray, default=None
        Names of the categories of each Feature.
    axes : dict of str to sequence of str, default=None
        Names of the axes of Grids, where they are known.
    numbers : collection of str, default=()
        Names of the modes whose columns are numbers.

    Raises
    ------
    ValueError
        If the modes do not have as many categories and cells as there are columns.
    """

    def __init__(
        self, arg1, shape=None, dtype=None, copy: bool = False, *, modes: Sequence[Mode] | None = None,
        categories: Mapping[str, np.ndarray] | None = None, axes: Mapping[str, Sequence[str]] | None = None,
        numbers: Collection[str] = (), **options,
    ):  # fmt: skip
        super().__init__(arg1, shape=shape, dtype=dtype, copy=copy, **options)
        self.modes = None if modes is None else tuple(modes)
        self.categories, self.axes, self.numbers = dict(categories or {}), dict(axes or {}), tuple(numbers)
        if self.modes is not None and sum(mode.size or 0 for mode in self.modes) != self.shape[-1]:
            raise ValueError(f"the modes {self.modes} do not have the {self.shape[-1]} columns of the encodings.")

    def __getitem__(self, key):
        result = super().__getitem__(key)
        whole_rows = not isinstance(key, tuple) or all(_is_everything(part) for part in key[1:])
        same_width = getattr(result, "ndim", 0) == 2 and result.shape[1] == self.shape[1]
        return self._pass_on(result) if whole_rows and same_width else result

    def copy(self) -> Encodings:
        """Return a copy with the same modes."""
        return self._pass_on(super().copy())

    def astype(self, dtype, casting: str = "unsafe", copy: bool = True) -> Encodings:
        """Return the encodings in another dtype, with the same modes."""
        return self._pass_on(super().astype(dtype, casting=casting, copy=copy))

    def __repr__(self):
        if self.modes is None:
            return super().__repr__()
        return f"<Encodings of {self.shape[0]} samples by {', '.join(map(repr, self.modes))}>"

    def _pass_on(self, result):
        if isinstance(result, Encodings):
            result.modes, result.categories = self.modes, self.categories
            result.axes, result.numbers = self.axes, self.numbers
        return result


def _is_everything(part) -> bool:
    return part is Ellipsis or (isinstance(part, slice) and part == slice(None))
