"""Random splits of a series into blocks of consecutive rows."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl.model_selection._base import BlockSplitter
from sklearn_mrtl.model_selection._blocks import (
    GAP,
    SPLIT,
    TEST,
    TIME_OF_STEPS,
    TRAIN,
    VALIDATION,
    check_count,
    rows_of_side,
    steps_and_blocks,
    without_gaps,
)


@substitute(gap=GAP, time_of_steps=TIME_OF_STEPS)
class ConsecutiveBlockSplit(BlockSplitter):
    """Cut a series into blocks of consecutive rows and give each block to one side at random, as the paper does.

    Neighbours in time are alike, and windows of lags share fields with the windows beside them, so rows drawn one by
    one would let a model see its test rows. Blocks keep neighbours together, spread each side over the whole series
    (its climate changes), and leave out `gap` rows wherever two sides meet.

    Parameters
    ----------
    n_blocks : int, default=10
        Number of blocks, of equal length but for one row. More blocks mix the sides better and lose more rows to gaps.
    n_splits : int, default=5
        Number of independent random splits.
    test_fraction : float, default=0.2
        Fraction of the blocks to test on, at least one block.
    validation_fraction : float, default=0.2
        Fraction of the blocks to validate on, at least one block; used by `split_three` only.
    {gap}
    random_state : int, RandomState instance or None, default=None
        Seed of the choice of blocks. An int gives the same splits at each call; ``None`` draws from numpy's global
        random state, as everywhere in scikit-learn.

    See Also
    --------
    ConsecutiveBlockKFold : Tests every row once.
    SpatialBlockSplit : Blocks in space.

    Notes
    -----
    {time_of_steps}

    Test blocks of independent splits overlap, as those of ShuffleSplit do. That suits scores and searches;
    cross_val_predict and stacking need every row tested once: `ConsecutiveBlockKFold`.

    Test blocks are never shortened. Rows within the gap are taken from the training side, and between validation and
    test from the validation side.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.model_selection import ConsecutiveBlockSplit
    >>> X = np.zeros((20, 1))
    >>> cv = ConsecutiveBlockSplit(5, n_splits=1, gap=1, random_state=0)
    >>> for train, test in cv.split(X):
    ...     print(train, test)
    [ 0  1  2  3  4  5  6 13 14 15 16 17 18 19] [ 8  9 10 11]

    Three ways, for ``fit(X[train], y[train], X_val=X[validation], y_val=y[validation])``:

    >>> train, validation, test = next(cv.split_three(X))
    >>> train, validation, test
    (array([ 5,  6, 13, 14, 15, 16, 17, 18, 19]), array([0, 1, 2, 3]), array([ 8,  9, 10, 11]))
    """

    def __init__(
        self,
        n_blocks=10,
        *,
        n_splits=5,
        test_fraction=0.2,
        validation_fraction=0.2,
        gap=0,
        random_state=None,
    ):
        self.n_blocks = n_blocks
        self.n_splits = n_splits
        self.test_fraction = test_fraction
        self.validation_fraction = validation_fraction
        self.gap = gap
        self.random_state = random_state

    @substitute(split=SPLIT)
    def split(self, X, y=None, groups=None, *, time=None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield training and test rows; the validation rows of `split_three` are among the training rows.

        {split}

        Raises
        ------
        ValueError
            If there are fewer times than blocks, the sides need more blocks than there are, or the gaps leave nothing
            of a side.
        """
        yield from self._sides(X, time, (TRAIN, TEST))  # type: ignore[misc]  # as many as wanted

    def split_three(self, X, y=None, *, time=None) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield training, validation and test rows; the test rows are those of `split` for the same `random_state`.

        Parameters
        ----------
        X, y, time
            As in `split`.

        Yields
        ------
        train, validation, test : ndarray of int
            Row numbers, ascending.

        Raises
        ------
        ValueError
            As in `split`.
        """
        yield from self._sides(X, time, (TRAIN, VALIDATION, TEST))  # type: ignore[misc]  # as many as wanted

    def _sides(self, X, time, wanted: tuple[int, ...]) -> Iterator[tuple[np.ndarray, ...]]:
        """Rows of each of the wanted sides, for each split."""
        n_test, n_validation = self._check_parameters(wanted)
        step, block = steps_and_blocks(X, time, "n_blocks", self.n_blocks)
        random = check_random_state(self.random_state)
        for _ in range(self.n_splits):
            order = random.permutation(self.n_blocks)
            side = np.full(self.n_blocks, TRAIN)
            side[order[:n_test]] = TEST
            side[order[n_test : n_test + n_validation]] = VALIDATION
            kept = without_gaps(side[block], self.gap)[step]
            yield tuple(rows_of_side(which, kept, self.gap) for which in wanted)

    def _check_parameters(self, wanted: tuple[int, ...]) -> tuple[int, int]:
        """Check the parameters; return the numbers of test and validation blocks."""
        for name, least in (("n_blocks", 2), ("n_splits", 1), ("gap", 0)):
            check_count(name, getattr(self, name), least)
        n_test = self._n_blocks_of("test_fraction")
        n_validation = self._n_blocks_of("validation_fraction") if VALIDATION in wanted else 0
        if n_test + n_validation >= self.n_blocks:
            raise ValueError(
                f"test_fraction and validation_fraction take {n_test} and {n_validation} of {self.n_blocks} blocks and "
                "leave none to train on."
            )
        return n_test, n_validation

    def _n_blocks_of(self, name: str) -> int:
        fraction = getattr(self, name)
        if isinstance(fraction, bool) or not isinstance(fraction, Real) or not 0 < float(fraction) < 1:
            raise ValueError(f"{name} must lie between 0 and 1, got {fraction!r}.")
        return max(1, round(fraction * self.n_blocks))
