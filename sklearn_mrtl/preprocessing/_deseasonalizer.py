"""Remove the seasonal cycle of every cell."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.lazy import reduce_blocks, row_slices
from sklearn_mrtl._utils.time import check_period, n_positions, positions_in_cycle, require_time
from sklearn_mrtl.preprocessing._base import TimedFieldTransformer, refuse_infinity
from sklearn_mrtl.preprocessing._climatology import Climatology, Moments
from sklearn_mrtl.preprocessing._docstrings import (
    CYCLE,
    HARMONICS,
    LABELS,
    N_FEATURES_IN,
    PERIOD,
    STANDARDIZE,
    TIME_OF_ROWS,
)
from sklearn_mrtl.preprocessing._harmonics import check_harmonics


@substitute(
    time_of_rows=TIME_OF_ROWS,
    period=PERIOD,
    standardize=STANDARDIZE,
    harmonics=HARMONICS,
    cycle=CYCLE,
    n_features_in=N_FEATURES_IN,
    labels=LABELS,
)
class Deseasonalizer(TimedFieldTransformer):
    """Remove the seasonal cycle: subtract each position's mean of the calendar month, divide by its std.

    Mean and standard deviation are those of the training rows of the same calendar month, for every position of X
    after the first axis (lag, variable, cell, ...). As a lag is a fixed number of months, the row's month fixes the
    month of each lag, and lags need no treatment of their own.

    {time_of_rows}

    Parameters
    ----------
    {period}
    {standardize}
    {harmonics}

    Attributes
    ----------
    mean_ : ndarray of shape (n_positions, ...)
        Mean of each position in the cycle; NaN where there were no data.
    std_ : ndarray of shape (n_positions, ...), or None
        Standard deviation, nowhere below the floor (see Notes); None if not `standardize`.
    {cycle}
    {n_features_in}

    Notes
    -----
    Cells under winter sea ice hardly change in the training years; divided by their standard deviation, the first
    ice-free winter would become thousands of standard deviations and ruin any model. Therefore no standard deviation
    is less than a fifth of the median over the cycle and over the grid, which is the last two axes of X (all columns
    of a 2-D X), as in the estimators' ``modes=None``: lags and variables each have a median of their own. A grid
    that never changes gets 1.

    NaN (land) stays NaN. Means and standard deviations are over the rows that are not NaN; a position without any data
    in a month of the training rows is NaN in that month of every output; with `harmonics` it is NaN in all months if
    it has data in fewer than ``2 * harmonics + 1`` of them.

    Statistics are computed in float64; the output has the dtype of X.

    {labels}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import Deseasonalizer
    >>> time = np.arange("2000-01", "2004-01", dtype="datetime64[M]")
    >>> year, month = np.divmod(np.arange(48), 12)
    >>> X = (10.0 * month + year)[:, None]  # one cell
    >>> deseasonalizer = Deseasonalizer(standardize=False).fit(X, time=time)
    >>> deseasonalizer.mean_[:3, 0]
    array([ 1.5, 11.5, 21.5])
    >>> deseasonalizer.transform(X[:3], time=time[:3]).ravel()
    array([-1.5, -1.5, -1.5])

    One wave a year, fitted without the winters, gives the winters too:

    >>> X = 10 + 8 * np.cos(2 * np.pi * (month + 1) / 12)[:, None]
    >>> seen = (month >= 2) & (month <= 10)
    >>> smooth = Deseasonalizer(standardize=False, harmonics=1).fit(X[seen], time=time[seen])
    >>> smooth.mean_[[0, 5, 11], 0].round(6)
    array([16.928203,  2.      , 18.      ])
    """

    def __init__(self, period="month", *, standardize=True, harmonics=None):
        self.period = period
        self.standardize = standardize
        self.harmonics = harmonics

    def _check_parameters(self) -> None:
        check_period(self.period)

    def _learn(self, X, values: np.ndarray, when: np.ndarray) -> None:
        self._keep(Climatology.fit(values, when, **self._options(values.ndim)))

    def _learn_blocks(self, X, blocks, when: np.ndarray) -> None:
        check_harmonics(self.harmonics, n_positions(self.period))
        arguments = [(when[rows],) for rows in row_slices(blocks)]
        moments = reduce_blocks(moments_of_block, Moments.join, blocks, arguments)
        self._keep(Climatology.from_moments(moments, blocks.dtype, **self._options(blocks.ndim)))

    def _options(self, ndim: int) -> dict:
        own = {name: getattr(self, name) for name in ("period", "standardize", "harmonics")}
        return own | {"n_grid_axes": min(2, ndim - 1)}

    def _keep(self, climatology: Climatology) -> None:
        self._climatology = climatology
        self.cycle_, self.mean_, self.std_ = climatology.positions, climatology.mean, climatology.std
        self.n_guarded_ = climatology.n_guarded

    def _forward(self, values: np.ndarray, when: np.ndarray) -> np.ndarray:
        self._climatology.check_seen(when, self.period)
        return self._climatology.remove(values, when)

    def _backward(self, values: np.ndarray, when: np.ndarray) -> np.ndarray:
        self._climatology.check_seen(when, self.period)
        return self._climatology.restore(values, when)

    def _when(self, X, time) -> np.ndarray:
        """Positions of the rows in the cycle."""
        return positions_in_cycle(require_time(X, time, "Deseasonalizer"), self.period)


def moments_of_block(block: np.ndarray, position: np.ndarray) -> Moments:
    """Return the moments of a block, which must be finite."""
    refuse_infinity(block)
    return Moments.of_block(block, position)
