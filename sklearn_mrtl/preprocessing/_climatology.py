"""Mean and standard deviation of every cell at every position in the seasonal cycle."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from sklearn_mrtl._utils.arrays import row_blocks
from sklearn_mrtl._utils.moments import joined_moments
from sklearn_mrtl._utils.time import all_positions, n_positions
from sklearn_mrtl.preprocessing._harmonics import check_harmonics, fit_series, harmonic_basis

# Smallest standard deviation to divide by, as a fraction of the median over the grid and the cycle. On the bundled
# monthly sea surface temperatures 99 % of all (month, cell) pairs lie above 0.5 of that median; the 0.6 % below 0.2 are
# sea ice, most of them exactly 0 in the training years and not afterwards. Test R^2 of a ridge (Nino3.4, 3 months
# ahead): 0.747 with 0.2, 0.742 with 0.1, 0.47 with 0.01, -12 with 0.001.
STD_FLOOR = 0.2


@dataclass(frozen=True)
class Moments:
    """Moments of the rows at each position of the cycle, in a unit.

    Attributes
    ----------
    positions : ndarray of int, shape (n_positions,)
        Ascending.
    mean, std : ndarray of shape (n_positions, ...)
        NaN where there are no data.
    count : ndarray of int, of the same shape
        Number of rows with data.
    unit : float
    """

    positions: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    count: np.ndarray
    unit: np.floating | float

    @classmethod
    def of(cls, X: np.ndarray, position: np.ndarray, unit: np.floating) -> Moments:
        """Compute the moments of X, shape (n, ...), whose rows lie at `position`, shape (n,)."""
        positions = np.unique(position)
        mean = np.empty((len(positions), *X.shape[1:]))
        std, count = np.empty_like(mean), np.empty(mean.shape, np.int64)
        for k, value in enumerate(positions):
            mean[k], std[k], count[k] = _moments(X[position == value] * (1 / unit))
        return cls(positions, mean, std, count, unit)

    @classmethod
    def of_block(cls, X: np.ndarray, position: np.ndarray) -> Moments:
        """Compute the moments of a block, in the units of X."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of positions without data in this block
            return cls.of(X, position, X.dtype.type(1))

    def join(self, other: Moments) -> Moments:
        """Return the moments of both together."""
        positions = np.union1d(self.positions, other.positions)
        count, mean, squares = joined_moments(*self._sums(positions), *other._sums(positions))
        none = np.where(count > 0, 0.0, np.nan)
        std = np.sqrt(squares / np.maximum(count, 1))
        return Moments(positions, mean + none, std + none, count, self.unit)

    def _sums(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return counts, means and sums of squared deviations at all positions; 0 where there are no data."""
        at, shape = np.searchsorted(positions, self.positions), (len(positions), *self.mean.shape[1:])
        mean, squares, count = np.zeros(shape), np.zeros(shape), np.zeros(shape, np.int64)
        mean[at], count[at] = np.nan_to_num(self.mean), self.count
        squares[at] = np.nan_to_num(self.std) ** 2 * self.count
        return count, mean, squares


@dataclass(frozen=True)
class Climatology:
    """Statistics of the rows of X by their position in the cycle.

    Attributes
    ----------
    positions : ndarray of int, shape (n_positions,)
        Positions in the cycle that were seen, ascending; with harmonics, all there are.
    mean : ndarray of float64, shape (n_positions, ...)
        NaN where there were no data.
    std : ndarray of float64, shape (n_positions, ...), or None
        Never below the floor.
    n_guarded : int
        Number of entries of std that were raised to the floor.
    """

    positions: np.ndarray
    mean: np.ndarray
    std: np.ndarray | None
    n_guarded: int

    @classmethod
    def fit(
        cls,
        X: np.ndarray,
        position: np.ndarray,
        *,
        period: str | int,
        standardize: bool,
        harmonics: int | None,
        n_grid_axes: int,
    ) -> Climatology:
        """Compute the statistics of X, shape (n, ...), whose rows lie at `position`, shape (n,), of the cycle.

        The last `n_grid_axes` axes of X are one grid. Its cells have one unit, so that the floor of their standard
        deviations is a fraction of their median. With `harmonics` the statistics are smooth over the cycle.
        """
        check_harmonics(harmonics, n_positions(period))
        return cls.from_moments(
            Moments.of(X, position, _unit(X)), X.dtype, period=period, standardize=standardize, harmonics=harmonics,
            n_grid_axes=n_grid_axes,
        )  # fmt: skip

    @classmethod
    def from_moments(
        cls, moments: Moments, dtype: np.dtype, *, period: str | int, standardize: bool, harmonics: int | None,
        n_grid_axes: int,
    ) -> Climatology:  # fmt: skip
        """Make the statistics from the moments of rows of a dtype; parameters as for `fit`."""
        positions, mean, std, count = moments.positions, moments.mean, moments.std, moments.count
        unit = moments.unit
        if harmonics is not None:
            cycle = all_positions(period)
            mean, std = _smoothed(mean, std, count, np.isin(cycle, positions), harmonic_basis(cycle, harmonics))
            positions = cycle
        mean *= unit
        std *= unit
        if not standardize:
            return cls(positions, mean, None, 0)
        std[std <= 10 * np.finfo(dtype).eps * np.abs(mean)] = 0.0  # constant but for rounding
        floor = _floor(std, n_grid_axes)
        return cls(positions, mean, np.maximum(std, floor), int(np.sum(std < floor)))

    def remove(self, X: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Return (X - mean) / std, in X's dtype; one new array."""
        mean, std = self._statistics(X.dtype)
        out, k = np.empty(X.shape, X.dtype), np.searchsorted(self.positions, position)
        for rows in row_blocks(X):
            np.subtract(X[rows], mean[k[rows]], out=out[rows])
            if std is not None:
                out[rows] /= std[k[rows]]
        return out

    def restore(self, X: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Return X * std + mean, in X's dtype; one new array."""
        mean, std = self._statistics(X.dtype)
        out, k = np.array(X, order="C"), np.searchsorted(self.positions, position)
        for rows in row_blocks(X):
            if std is not None:
                out[rows] *= std[k[rows]]
            out[rows] += mean[k[rows]]
        return out

    def check_seen(self, position: np.ndarray, period: str | int) -> None:
        """Raise ValueError for positions in the cycle that have no statistics."""
        unseen = np.setdiff1d(position, self.positions)
        if len(unseen):
            name = "calendar month" if period == "month" else f"position in the cycle of {period}"
            raise ValueError(f"{name} {_listed(unseen)} is not among those of fit: {_listed(self.positions)}.")

    def _statistics(self, dtype) -> tuple[np.ndarray, np.ndarray | None]:
        return self.mean.astype(dtype), None if self.std is None else self.std.astype(dtype)


def _unit(X: np.ndarray) -> np.floating:
    """Power of two next to the largest value of X, in X's dtype: in this unit no square over- or underflows."""
    largest = max((np.fmax.reduce(np.abs(X[rows]), axis=None) for rows in row_blocks(X)), default=0.0)
    exponent = int(np.frexp(largest)[1]) if largest > 0 else 0
    limit = np.finfo(X.dtype).maxexp - 2  # its inverse is a number too
    return X.dtype.type(2.0 ** np.clip(exponent, -limit, limit))


def _moments(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard deviation and number of the rows that are not NaN, in float64. Overwrites X, shape (n, ...)."""
    mean = X.mean(axis=0, dtype=np.float64)
    count = np.where(np.isnan(mean), 0, len(X))
    gaps = np.isnan(mean)  # land, mostly: few of these have any data
    gaps[gaps] = ~np.isnan(X[:, gaps]).all(axis=0)
    with_gaps = X[:, gaps].astype(np.float64)
    X -= mean.astype(X.dtype)
    std = np.sqrt(np.square(X, out=X).mean(axis=0, dtype=np.float64))
    if gaps.any():
        mean[gaps], std[gaps] = np.nanmean(with_gaps, axis=0), np.nanstd(with_gaps, axis=0)
        count[gaps] = (~np.isnan(with_gaps)).sum(axis=0)
    return mean, std, count


def _smoothed(mean, std, count, seen: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation at all positions of the cycle, from those at the positions `seen`.

    The mean is the least-squares series through the rows, the variance that through their squared residuals.
    """
    n_terms = basis.shape[1]
    if len(mean) < n_terms:
        raise ValueError(f"harmonics={n_terms // 2} needs rows at {n_terms} positions in the cycle, got {len(mean)}.")
    smooth = np.tensordot(basis, fit_series(basis[seen], mean, count), 1)
    squares = std**2 + (mean - smooth[seen]) ** 2
    variance = np.tensordot(basis, fit_series(basis[seen], squares, count), 1)
    # A series through positive values can dip below 0; values that should be 0 are off by rounding.
    rounding = 1e-12 * np.abs(variance).max(axis=0)
    return smooth, np.sqrt(np.where(variance <= rounding, 0.0, variance))


def _listed(values: np.ndarray) -> str:
    return ", ".join(map(str, values))


def _floor(std: np.ndarray, n_grid_axes: int) -> np.ndarray:
    """Smallest admissible std of each grid; shape of std, with 1 for the cycle's and the grid's axes.

    1, as in StandardScaler, for a grid that never changes.
    """
    n_others = std.ndim - 1 - n_grid_axes
    others = std.shape[1 : 1 + n_others]
    grids = np.moveaxis(std.reshape(len(std), int(np.prod(others)), -1), 1, 0)
    floor = [STD_FLOOR * np.median(grid[grid > 0]) if (grid > 0).any() else 1.0 for grid in grids]
    return np.reshape(floor, (1, *others, *(1,) * n_grid_axes))
