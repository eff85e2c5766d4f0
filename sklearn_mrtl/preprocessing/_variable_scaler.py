"""Bring variables of different units to one range."""

from __future__ import annotations

import numpy as np

from sklearn_mrtl._utils.arrays import along, axis_number, is_dataarray
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.lazy import reduce_blocks
from sklearn_mrtl.preprocessing._base import FieldTransformer, refuse_infinity
from sklearn_mrtl.preprocessing._docstrings import LABELS, N_FEATURES_IN


@substitute(n_features_in=N_FEATURES_IN, labels=LABELS)
class VariableScaler(FieldTransformer):
    """Scale each variable to a range by its smallest and largest value (the paper's min-max normalization).

    All rows, lags and cells of a variable share one scale, so that differences between cells keep their meaning; a
    scale for each cell is what `Deseasonalizer` gives.

    Parameters
    ----------
    axis : int, str or None, default=None
        Axis of the variables, counted as in X, or the name of a DataArray's dimension. ``None``: the dimension
        "variable" of a DataArray (`lag_windows` makes it of a Dataset), where X has one; otherwise all of X is one
        variable.
    feature_range : (low, high), default=(0, 1)
        Values that the smallest and the largest value become.

    Attributes
    ----------
    data_min_, data_max_ : ndarray of shape (n_variables,)
        Smallest and largest value of each variable in the training rows; NaN if it has no data.
    {n_features_in}

    Notes
    -----
    NaN (land) stays NaN and is left out. Values outside the training rows' range fall outside `feature_range`. A
    variable that never changes becomes `low`. The output has the dtype of X.

    {labels}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.preprocessing import VariableScaler
    >>> X = np.array([[[20.0, 30.0], [34.0, 36.0]], [[25.0, 22.0], [35.0, 35.0]]])  # 2 rows, 2 variables, 2 cells
    >>> scaler = VariableScaler(axis=1).fit(X)
    >>> scaler.data_max_
    array([30., 36.])
    >>> scaler.transform(X)[0]
    array([[0., 1.],
           [0., 1.]])
    """

    def __init__(self, axis=None, *, feature_range=(0, 1)):
        self.axis = axis
        self.feature_range = feature_range

    def _check_parameters(self) -> None:
        low, high = self.feature_range
        if not low < high:
            raise ValueError(f"feature_range must increase, got {self.feature_range!r}.")

    def _learn(self, X, values: np.ndarray, when) -> None:
        self._axis = self._find_axis(X)
        self.data_min_, self.data_max_ = extremes(values, self._axis)

    def _learn_blocks(self, X, blocks, when) -> None:
        self._axis = self._find_axis(X)
        arguments = [(self._axis,)] * blocks.numblocks[0]
        self.data_min_, self.data_max_ = reduce_blocks(extremes_of_block, join_extremes, blocks, arguments)

    def _forward(self, values: np.ndarray, when) -> np.ndarray:
        smallest, scale = self._smallest_and_scale(values)
        out = values - smallest
        out *= scale
        out += values.dtype.type(self.feature_range[0])
        return out

    def _backward(self, values: np.ndarray, when) -> np.ndarray:
        smallest, scale = self._smallest_and_scale(values)
        out = values - values.dtype.type(self.feature_range[0])
        out /= scale
        out += smallest
        return out

    def _find_axis(self, X) -> int | None:
        if self.axis is not None:
            return axis_number(X, self.axis)
        has_variables = is_dataarray(X) and "variable" in X.dims[1:]
        return axis_number(X, "variable") if has_variables else None

    def _smallest_and_scale(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Smallest value and scale of each variable, to broadcast with values, in their dtype."""
        extent = self.data_max_ - self.data_min_
        numbers = np.finfo(extent.dtype)
        largest = np.maximum(np.abs(self.data_min_), np.abs(self.data_max_))
        constant = extent <= np.maximum(10 * numbers.eps * largest, numbers.tiny / numbers.eps)
        low, high = self.feature_range
        scale = (high - low) / np.where(constant, high - low, extent)
        smallest, scale = (along(s.astype(values.dtype), self._axis, values.ndim) for s in (self.data_min_, scale))
        return smallest, scale


def extremes(values: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value of each variable, which lie along an axis (None: there is one)."""
    others = tuple(other for other in range(values.ndim - 1) if other + 1 != axis)
    # fmin and fmax ignore NaN and, unlike nanmin and nanmax, do not warn where all is NaN.
    smallest = np.fmin.reduce(np.fmin.reduce(values, axis=0), axis=others).reshape(-1)
    return smallest, np.fmax.reduce(np.fmax.reduce(values, axis=0), axis=others).reshape(-1)


def extremes_of_block(block: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the extremes of a block, which must be finite."""
    refuse_infinity(block)
    return extremes(block, axis)


def join_extremes(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the extremes of both."""
    return np.fmin(a[0], b[0]), np.fmax(a[1], b[1])
