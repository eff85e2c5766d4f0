"""Encoding of points by the cells of a grid."""

from __future__ import annotations

from operator import add

import numpy as np
from scipy.sparse import csr_array, csr_matrix
from sklearn import get_config
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from sklearn_mrtl._utils.arrays import is_lazy_table, unmasked
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, as_task
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.lazy import delayed_blocks, encode_blocks, reduce_blocks
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.modes import Grid
from sklearn_mrtl.preprocessing._counts import count_entries
from sklearn_mrtl.preprocessing._docstrings import COLUMNS
from sklearn_mrtl.preprocessing._points import check_points, split_points

OUTSIDE = ("error", "drop", "clip")
FLOATS = (np.float64, np.float32, np.float16)


@substitute(columns=COLUMNS)
class GridDiscretizer(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Encode points by the cells of a grid that they fall into.

    A row with one point becomes one-hot, a row with several (the positions of all defenders) becomes the number of
    points in each cell. The cells are numbered in C order of ``grid.shape``, the first coordinate slowest.

    Parameters
    ----------
    grid : Grid
        The grid; it must have `bounds`. The same object serves the estimator as mode.
    outside : {"error", "drop", "clip"}, default="error"
        Treatment of points outside the bounds: refuse them, leave them out of their row, or count them in the nearest
        cell of the border. "drop" and "clip" warn with their number. Periodic axes have no outside: their coordinates
        wrap.
    sparse_output : bool, default=True
        Give a CSR matrix. ``False``: an array, for tables (``set_output(transform="pandas")``) of grids of few cells.
    dtype : dtype, default=np.float64
        Type of the output; a count that it cannot hold is an error.

    Attributes
    ----------
    n_outside_ : int
        Number of points outside the bounds in the data of fit.
    {columns}

    Notes
    -----
    Cells are half-open, [low, high); the upper bound of an axis belongs to its last cell (on a periodic axis it is the
    lower bound). A float32 coordinate that equals a bound in float32 is at that bound.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import Grid
    >>> from sklearn_mrtl.preprocessing import GridDiscretizer
    >>> court = Grid("court", (2, 3), bounds=[(-25, 25), (0, 47)])
    >>> shots = np.array([[-10.0, 5.0], [0.0, 46.5]])  # x and y of one point a row, in feet
    >>> GridDiscretizer(court).fit_transform(shots).toarray()
    array([[1., 0., 0., 0., 0., 0.],
           [0., 0., 0., 0., 0., 1.]])

    Two points a row, x1, y1, x2, y2; a point of NaN is absent:

    >>> defenders = np.array([[-10.0, 5.0, -11.0, 6.0], [0.0, 46.5, np.nan, np.nan]])
    >>> discretizer = GridDiscretizer(court).fit(defenders)
    >>> discretizer.transform(defenders).toarray()
    array([[2., 0., 0., 0., 0., 0.],
           [0., 0., 0., 0., 0., 1.]])
    >>> discretizer.get_feature_names_out()[:4]
    array(['court_0_0', 'court_0_1', 'court_0_2', 'court_1_0'], dtype=object)
    """

    def __init__(self, grid, *, outside="error", sparse_output=True, dtype=np.float64):
        self.grid = grid
        self.outside = outside
        self.sparse_output = sparse_output
        self.dtype = dtype

    @as_task
    def fit(self, X, y=None):
        """Check the grid and X, and count the points outside the bounds.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_axes * n_points)
            Coordinates, point after point: x1, y1, x2, y2, ... A point all of whose coordinates are NaN is absent. A
            dask array chunked along its rows, or a DataFrame of dask, is looked at block by block, in one pass.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `grid` is not a Grid.
        ValueError
            If `grid` has no bounds, the columns of X are not whole points, a point is partly NaN, or with
            ``outside="error"`` a point lies outside the bounds.

        Warns
        -----
        UserWarning
            If points are more than a period outside the bounds of a periodic axis: their units may be others.
        """
        if not isinstance(self.grid, Grid):
            raise TypeError(f"grid must be a Grid, got {self.grid!r}.")
        if self.grid.bounds is None:
            raise ValueError(f"{self.grid!r} needs bounds, to say which coordinates its cells cover.")
        if self.outside not in OUTSIDE:
            raise ValueError(f"outside must be one of {OUTSIDE}, got {self.outside!r}.")
        if is_lazy_table(X):
            n_outside = reduce_blocks(points_outside, add, X, [(clone(self),)] * len(delayed_blocks(X)))
            validate_data(self, getattr(X, "_meta", X) if hasattr(X, "columns") else X, skip_check_array=True)
            self.n_outside_ = n_outside
            return self
        points = self._points(X, reset=True)
        outside = _outside(points, self.grid)
        self.n_outside_ = int(outside.sum())
        self._refuse(points, outside)
        _warn_of_units(points, self.grid)
        return self

    def transform(self, X):
        """Count the points of each row in each cell.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_axes * n_points)
            A dask array is encoded block by block when it is needed, and so is a DataFrame of dask, whose rows are
            counted before.

        Returns
        -------
        CSR matrix of shape (n_samples, grid.size)
            With sorted indices; a sparse array if scikit-learn is configured so. An ndarray, or the table of
            `set_output`, if not `sparse_output`.

        Raises
        ------
        ValueError
            As in `fit`.

        Warns
        -----
        UserWarning
            If points outside the bounds were dropped or clipped.
        """
        check_is_fitted(self)
        if is_lazy_table(X):
            like = self._as_output(csr_array((0, self.grid.size), dtype=self.dtype))
            return encode_blocks(self.transform, X, like)
        points = self._points(X, reset=False)
        outside = _outside(points, self.grid)
        self._refuse(points, outside)
        present = ~np.isnan(points[0])
        if outside.any():
            done = {"drop": "left out", "clip": "moved to the border"}[self.outside]
            warn(f"{self._count(outside)} were {done}.")
            if self.outside == "drop":
                present &= ~outside
        counts = count_entries(_cells(points, self.grid), present, self.grid.size, self.dtype, "points in a cell")
        return self._as_output(counts)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the cells: the grid's name and the index along each axis, such as court_3_12.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Only checked against the names of fit.

        Returns
        -------
        ndarray of str, shape (grid.size,)
        """
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        cells = ("_".join(map(str, cell)) for cell in np.ndindex(self.grid.shape))
        return np.array([f"{self.grid.name}_{cell}" for cell in cells], dtype=object)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "n_outside_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _points(self, X, *, reset: bool) -> np.ndarray:
        """Coordinates as (n_axes, n_samples, n_points)."""
        X = validate_data(self, unmasked(X), reset=reset, dtype=FLOATS, ensure_all_finite="allow-nan")
        n_axes = len(self.grid.shape)
        if X.shape[1] % n_axes:
            raise ValueError(
                f"X must have {n_axes} columns for each point, one for each axis of {self.grid!r}, got "
                f"{X.shape[1]} feature(s)."
            )
        check_points(X, n_axes)
        return _in_float64(split_points(X, n_axes), self.grid)

    def _as_output(self, counts: csr_array):
        """Return counts as an array, or as the kind of sparse matrix that scikit-learn is configured for."""
        if not self.sparse_output:
            return counts.toarray()
        # The setting came with scikit-learn 1.9.
        return counts if get_config().get("sparse_interface") == "sparray" else csr_matrix(counts)

    def _refuse(self, points: np.ndarray, outside: np.ndarray) -> None:
        if self.outside == "error" and outside.any():
            row, point = np.argwhere(outside)[0]
            raise ValueError(
                f"{self._count(outside)}; the first is {points[:, row, point]}, point {point} of row {row}. Widen the "
                "bounds, or choose outside='drop' or 'clip'."
            )

    def _count(self, outside: np.ndarray) -> str:
        what = f"{outside.sum()} of {outside.size} points"
        return f"{what} outside the bounds {self.grid.bounds} of {self.grid.name!r}"


def points_outside(X, discretizer: GridDiscretizer) -> int:
    """Return the number of points of a table outside the bounds, or refuse them."""
    return discretizer.fit(X).n_outside_ if len(X) else 0


def _axes(grid: Grid) -> list[tuple[int, tuple[float, float], bool]]:
    """Return the number of cells, the bounds and whether it is periodic, for each axis of a grid with bounds."""
    assert grid.bounds is not None and isinstance(grid.periodic, tuple)
    return list(zip(grid.shape, grid.bounds, grid.periodic, strict=True))


def _in_float64(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Points in float64; a coordinate that is a bound but for the rounding of its own type becomes that bound."""
    if points.dtype == np.float64:
        return points
    out = points.astype(np.float64)
    for axis, (_, bounds, _) in enumerate(_axes(grid)):
        for bound in bounds:
            out[axis][points[axis] == points.dtype.type(bound)] = bound
    return out


def _outside(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Whether each point lies outside the bounds of an axis that is not periodic; NaN does not."""
    outside = np.zeros(points.shape[1:], dtype=bool)
    for axis, (_, (low, high), periodic) in enumerate(_axes(grid)):
        if not periodic:
            outside |= (points[axis] < low) | (points[axis] > high)
    return outside


def _warn_of_units(points: np.ndarray, grid: Grid) -> None:
    """Warn of points more than a period outside the bounds of a periodic axis, which degrees are within radians."""
    for axis, (_, (low, high), periodic) in enumerate(_axes(grid)):
        far = (points[axis] < low - (high - low)) | (points[axis] > high + (high - low))
        if periodic and far.any():
            warn(
                f"{far.sum()} of {far.size} points are more than a period outside the bounds {(low, high)} of axis "
                f"{axis} of {grid.name!r}, such as {points[axis][far][0]}: are they in the units of the bounds?"
            )


def _cells(points: np.ndarray, grid: Grid) -> np.ndarray:
    """Cell of each point, in C order; points outside get the nearest, absent ones any."""
    cell = np.zeros(points.shape[1:], dtype=np.int32 if grid.size < 2**31 else np.int64)
    for axis, (n, bounds, periodic) in enumerate(_axes(grid)):
        cell *= n
        cell += _along_axis(points[axis], n, bounds, periodic)
    return cell


def _along_axis(x: np.ndarray, n: int, bounds: tuple[float, float], periodic: bool) -> np.ndarray:
    """Index of the cell along one axis."""
    low, high = bounds
    if periodic:
        beyond = (x < low) | (x > high)  # only these: the arithmetic would round the others at the borders
        x = np.where(beyond, low + np.mod(x - low, high - low), x)
    x = np.fmin(np.fmax(x, low), high)  # NaN becomes low
    edges = np.linspace(low, high, n + 1)
    index = np.minimum(((x - low) / (high - low) * n).astype(np.int32), n - 1)
    # The estimate may round across an edge; the edges decide.
    index -= x < edges[index]
    index += (x >= edges[index + 1]) & (index < n - 1)
    if periodic:
        index[x == high] = 0
    return index
