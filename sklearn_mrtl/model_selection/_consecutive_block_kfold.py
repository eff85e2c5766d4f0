"""Folds of consecutive rows of a series."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl.model_selection._base import BlockSplitter
from sklearn_mrtl.model_selection._blocks import (
    GAP,
    SPLIT,
    TEST,
    TIME_OF_STEPS,
    TRAIN,
    check_count,
    rows_of_side,
    steps_and_blocks,
    without_gaps,
)


@substitute(gap=GAP, time_of_steps=TIME_OF_STEPS)
class ConsecutiveBlockKFold(BlockSplitter):
    """Cut a series into blocks of consecutive rows and test on each block once, apart from the others by a gap.

    As KFold without shuffling, for windows of lags: rows near the test block, which share fields with it, are not
    trained on. Every row is tested once, as cross_val_predict and stacking need it.

    Parameters
    ----------
    n_splits : int, default=5
        Number of blocks, of equal length but for one step; at least 2.
    {gap}

    See Also
    --------
    ConsecutiveBlockSplit : Random blocks; also three-way splits.
    SpatialBlockSplit : Blocks in space.

    Notes
    -----
    {time_of_steps}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
    >>> for train, test in ConsecutiveBlockKFold(3, gap=1).split(np.zeros((9, 1))):
    ...     print(train, test)
    [4 5 6 7 8] [0 1 2]
    [0 1 7 8] [3 4 5]
    [0 1 2 3 4] [6 7 8]
    """

    def __init__(self, n_splits=5, *, gap=0):
        self.n_splits = n_splits
        self.gap = gap

    @substitute(split=SPLIT)
    def split(self, X, y=None, groups=None, *, time=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield training and test rows.

        {split}

        Raises
        ------
        ValueError
            If there are fewer times than blocks, or the gaps leave no training rows.
        """
        check_count("n_splits", self.n_splits, 2)
        check_count("gap", self.gap, 0)
        step, block = steps_and_blocks(X, time, "n_splits", self.n_splits)
        for fold in range(self.n_splits):
            side = without_gaps(np.where(block == fold, TEST, TRAIN), self.gap)[step]
            yield rows_of_side(TRAIN, side, self.gap), rows_of_side(TEST, side, self.gap)
