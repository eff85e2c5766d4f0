"""Importance and partial dependence of parts of an N-D X: a lag, a variable, a block of a map."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_random_state

from sklearn_mrtl._utils.arrays import axis_number, like


def permutation_importance(
    estimator,
    X,
    y,
    axis,
    *,
    n_blocks: int | Sequence[int] | None = None,
    scoring=None,
    n_repeats: int = 5,
    random_state=None,
    sample_weight=None,
) -> Bunch:
    """Compute how much the score falls when a part of an N-D X is shuffled among the rows.

    scikit-learn's function of this name is for columns of a table; this one is for entries of a mode (each lag, each
    variable) and for blocks of a map. It works for any fitted estimator that takes such an X, pipelines included.

    Parameters
    ----------
    estimator : fitted estimator
    X : array-like or xarray.DataArray of shape (n, ...)
        Held-out rows, with three axes or more.
    y : array-like of shape (n,) or (n, T)
        Their targets.
    axis : int, str or sequence of them
        Axis whose entries are shuffled one after another, counted as in X, or the name of a DataArray's dimension;
        several, such as latitude and longitude, for a map.
    n_blocks : int or sequence of int, default=None
        Number of blocks along each axis, which are shuffled as wholes. None: each entry by itself. Neighbouring cells
        of a smooth field carry the same information, so that single cells seem unimportant: take blocks for maps.
    scoring : str, callable or None, default=None
        As in scikit-learn; None: the estimator's ``score``.
    n_repeats : int, default=5
        Number of shuffles of each block.
    random_state : int, RandomState instance or None, default=None
        Seed of the shuffles.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows in the score.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        importances_mean, importances_std : ndarray of the shape of the axes
            Fall of the score; cells of a block have the same. NaN where X has no data in any row.
        importances : ndarray of the shape of the axes and (n_repeats,)

    Raises
    ------
    ValueError
        If `axis` is the rows or not in X, or there are more blocks than entries.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.inspection import permutation_importance
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 3, 8, 8))  # the second lag predicts, in the lower half
    >>> y = X[:, 1, :4].sum(axis=(1, 2)) + rng.normal(size=300)
    >>> model = MRTLRegressor(rank=1).fit(X[:200], y[:200])
    >>> lags = permutation_importance(model, X[200:], y[200:], axis=1, random_state=0)
    >>> lags.importances_mean.argmax()
    np.int64(1)
    >>> maps = permutation_importance(model, X[200:], y[200:], axis=(2, 3), n_blocks=2, random_state=0)
    >>> maps.importances_mean.shape
    (8, 8)
    >>> bool(maps.importances_mean[0, 0] > 10 * abs(maps.importances_mean[7, 0]))
    True
    """
    scorer, random = check_scoring(estimator, scoring=scoring), check_random_state(random_state)
    options = {} if sample_weight is None else {"sample_weight": sample_weight}
    values, blocks, shape = blocks_of(X, axis, n_blocks)
    whole = scorer(estimator, X, y, **options)
    importances = np.full((*shape, n_repeats), np.nan)
    for block, index in blocks:
        part = values[block].copy()
        if np.isnan(part).all():
            continue
        for repeat in range(n_repeats):
            values[block] = part[random.permutation(len(part))]
            importances[(*index, repeat)] = whole - scorer(estimator, like(X, values), y, **options)
        values[block] = part
    return Bunch(
        importances_mean=importances.mean(axis=-1), importances_std=importances.std(axis=-1), importances=importances
    )


def partial_dependence(
    estimator, X, axis, *, n_blocks: int | Sequence[int] | None = None, shifts: Sequence[float] = (-1.0, 0.0, 1.0),
    target=None,
) -> Bunch:  # fmt: skip
    """Compute the mean prediction when a part of an N-D X is higher or lower than it is.

    scikit-learn's function sets a column to a value. Cells of a field have means of their own, so here an entry of a
    mode or a block of a map is shifted, all its cells together, each by a multiple of its standard deviation over the
    rows.

    Parameters
    ----------
    estimator : fitted regressor or classifier
    X : array-like or xarray.DataArray of shape (n, ...)
        Rows to average over, with three axes or more.
    axis, n_blocks
        As in `permutation_importance`.
    shifts : sequence of float, default=(-1.0, 0.0, 1.0)
        Multiples of the standard deviations.
    target : class or int, default=None
        Class whose probability is predicted, None: the second of two; or the number of an output, None: the first.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        average : ndarray of the shape of the axes and (n_shifts,)
            Mean predictions; cells of a block have the same. NaN where X has no data in any row.
        shifts : ndarray of shape (n_shifts,)

    Raises
    ------
    ValueError
        As `permutation_importance`, or if there is no such class.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.inspection import partial_dependence
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 3, 8, 8))
    >>> model = MRTLRegressor(rank=1).fit(X, X[:, 1, :4].sum(axis=(1, 2)))
    >>> average = partial_dependence(model, X, axis=1).average
    >>> (average[1] - average[1, 1]).round()  # the second lag: 32 cells, a standard deviation each
    array([-32.,   0.,  32.])
    """
    from sklearn_mrtl.inspection._prediction_display import target_number

    number, _ = target_number(estimator, target)
    values, blocks, shape = blocks_of(X, axis, n_blocks)
    multiples = np.asarray(shifts, dtype=float)
    average = np.full((*shape, len(multiples)), np.nan)
    for block, index in blocks:
        part = values[block].copy()
        if np.isnan(part).all():
            continue
        deviation = known_std(part)
        for i, shift in enumerate(multiples):
            values[block] = part + values.dtype.type(shift) * deviation
            predict = estimator.predict_proba if is_classifier(estimator) else estimator.predict
            predicted = np.asarray(predict(like(X, values)), dtype=float)
            average[(*index, i)] = (predicted if predicted.ndim == 1 else predicted[:, number]).mean()
        values[block] = part
    return Bunch(average=average, shifts=multiples)


def known_std(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation along the first axis of the values that are not NaN; 0 where all are."""
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0) / n
    return np.sqrt(np.square(np.where(known, values - mean, 0)).sum(axis=0) / n)


def blocks_of(X, axis, n_blocks) -> tuple[np.ndarray, Iterator[tuple[tuple, tuple]], tuple[int, ...]]:
    """Return a copy of X's values, the index of each block in it and among the axes, and the shape of the axes."""
    several = axis if isinstance(axis, Sequence) and not isinstance(axis, str) else [axis]
    axes = [axis_number(X, one) for one in several]
    values = np.array(X, dtype=np.result_type(np.asarray(X).dtype, np.float32))
    if values.ndim < 3:
        raise ValueError(
            f"X must have three axes or more, got {values.ndim}; for a table take sklearn.inspection's function."
        )
    shape = tuple(values.shape[one] for one in axes)
    numbers = list(shape) if n_blocks is None else list(np.broadcast_to(n_blocks, len(axes)))
    for one, size, number in zip(several, shape, numbers, strict=True):
        if not 1 <= number <= size:
            raise ValueError(f"n_blocks must be 1 to {size} along axis {one!r}, got {number}.")
    edges = [np.linspace(0, size, number + 1).round().astype(int) for size, number in zip(shape, numbers, strict=True)]
    slices = [[slice(*ends) for ends in zip(edge[:-1], edge[1:], strict=True)] for edge in edges]

    def blocks() -> Iterator[tuple[tuple, tuple]]:
        for index in product(*slices):
            of_values = [slice(None)] * values.ndim
            for one, part in zip(axes, index, strict=True):
                of_values[one] = part
            yield tuple(of_values), index

    return values, blocks(), shape
