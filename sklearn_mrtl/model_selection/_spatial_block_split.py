"""Folds of blocks in space."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real

import numpy as np
from sklearn.model_selection import GroupKFold
from sklearn.utils import _safe_indexing, check_array

from sklearn_mrtl.model_selection._base import BlockSplitter
from sklearn_mrtl.model_selection._blocks import check_count
from sklearn_mrtl.modes import Grid


class SpatialBlockSplit(BlockSplitter):
    """Cut a grid into rectangular blocks and test on the rows of each block once.

    Rows near each other in space are alike, so single rows drawn at random would let a model see its test rows.
    Blocks keep neighbours together: a score on them tells how well a model predicts places without data.

    Parameters
    ----------
    grid : Grid
        Extent of the blocks; without bounds, coordinates are in cells.
    spacing : float or sequence of float
        Length of a block along each axis, in the units of the coordinates; one number for all axes. It is changed so
        that a whole number of blocks fits the grid: the nearest, at least 1.
    n_splits : int, default=5
        Number of folds, at least 2. Each holds whole blocks, and their numbers of rows are about the same.
    columns : sequence of int or str, default=None
        Columns of X that hold the coordinates, one for each axis of the grid. ``None``: X has no others.

    See Also
    --------
    ConsecutiveBlockKFold : Blocks in time.

    Notes
    -----
    Blocks are spread over the folds by scikit-learn's GroupKFold: the block of most rows first, each to the fold that
    has the fewest rows. On a periodic axis coordinates wrap around; elsewhere a row outside the bounds belongs to the
    block nearest to it.

    The same as verde's BlockKFold, for several axes, bounds that do not depend on the data, and tables.

    An estimator that chooses its penalties on these folds has encodings or fields, and no coordinates: it takes the
    splits of the table, ``MRTLClassifier(cv=list(splitter.split(table)))``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import Grid
    >>> from sklearn_mrtl.model_selection import SpatialBlockSplit
    >>> court = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
    >>> shots = np.array([[-20, 5], [-19, 6], [20, 5], [21, 6], [0, 40]])  # feet
    >>> for train, test in SpatialBlockSplit(court, spacing=25, n_splits=3).split(shots):
    ...     print(train, test)
    [0 1 4] [2 3]
    [2 3 4] [0 1]
    [0 1 2 3] [4]
    """

    def __init__(self, grid, spacing, n_splits=5, *, columns=None):
        self.grid = grid
        self.spacing = spacing
        self.n_splits = n_splits
        self.columns = columns

    def split(self, X, y=None, groups=None, *, coordinates=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield training and test rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n, n_columns)
        y, groups : ignored
        coordinates : array-like of shape (n, n_axes), default=None
            Coordinates of the rows, where X does not have them; in searches as scikit-learn's metadata,
            ``set_split_request(coordinates=True)``.

        Yields
        ------
        train, test : ndarray of int
            Row numbers, ascending.

        Raises
        ------
        TypeError
            If `grid` is not a Grid.
        ValueError
            If the coordinates are not one for each axis of the grid, some are missing, or there are fewer blocks with
            rows than folds.
        """
        if not isinstance(self.grid, Grid):
            raise TypeError(f"grid must be a Grid, got {self.grid!r}.")
        check_count("n_splits", self.n_splits, 2)
        block = self._blocks(self._coordinates(X, coordinates))
        n_blocks = len(np.unique(block))
        if n_blocks < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} needs rows in at least as many blocks, got {n_blocks} with "
                f"spacing={self.spacing!r}."
            )
        yield from GroupKFold(self.n_splits).split(block, groups=block)

    def _coordinates(self, X, coordinates) -> np.ndarray:
        """Coordinates of the rows, shape (n, n_axes)."""
        if coordinates is None:
            coordinates = X if self.columns is None else _safe_indexing(X, list(self.columns), axis=1)
        found, n_axes = np.shape(coordinates)[1:], len(self.grid.shape)
        if found != (n_axes,):
            raise ValueError(
                f"coordinates must have a column for each of the {n_axes} axes of {self.grid!r}, got shape "
                f"{np.shape(coordinates)}: name those of X by columns=, or give split coordinates=. As cv of an "
                "estimator, which has no table, give the splits: cv=list(splitter.split(table))."
            )
        coordinates = check_array(coordinates, dtype=np.float64, input_name="coordinates")
        return coordinates

    def _blocks(self, coordinates: np.ndarray) -> np.ndarray:
        """Block of each row, shape (n,)."""
        block = np.zeros(len(coordinates), dtype=np.int64)
        lows = [0.0] * len(self.grid.shape) if self.grid.bounds is None else [low for low, _ in self.grid.bounds]
        axes = zip(coordinates.T, lows, self.grid.extents, self.grid.periodic, self._spacings(), strict=True)
        for x, low, extent, periodic, spacing in axes:
            n_blocks = max(1, round(extent / spacing))
            part = (x - low) / extent
            part = part % 1 if periodic else part.clip(0, 1)
            block = block * n_blocks + np.minimum((part * n_blocks).astype(np.int64), n_blocks - 1)
        return block

    def _spacings(self) -> list[float]:
        """Spacing along each axis."""
        n_axes = len(self.grid.shape)
        spacings = [float(self.spacing)] * n_axes if isinstance(self.spacing, Real) else list(self.spacing)
        if len(spacings) != n_axes or not all(0 < spacing < np.inf for spacing in spacings):
            raise ValueError(
                f"spacing must be a positive number, or one for each of the {n_axes} axes of {self.grid!r}, got "
                f"{self.spacing!r}."
            )
        return spacings
