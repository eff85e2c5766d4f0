"""The estimator for numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d

from sklearn_mrtl._estimators.base import BaseMRTL, all_or_nothing
from sklearn_mrtl._estimators.docstrings import document
from sklearn_mrtl._estimators.outputs import standardize
from sklearn_mrtl._estimators.validation import (
    normalize_weights,
    validate_numbers,
    validate_rows,
    validate_validation,
)
from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl.core.losses import SquaredLoss

if TYPE_CHECKING:
    import xarray


@document
class MRTLRegressor(MultiOutputMixin, RegressorMixin, BaseMRTL):
    """Regression with a weight tensor on grids, learned from coarse to fine.

    The prediction is ``<W, X_n> + b`` with a weight tensor W that has a mode for each kind of feature and each grid,
    of low rank so that it can be read: eq. (1) and (2) of Park et al. (2020), trained by their Algorithm 1 on mean
    squared error, spatial smoothness and L2 penalties.

    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MRTLClassifier : The same for classes.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3, 8, 12))  # samples, lags, latitudes, longitudes
    >>> bump = np.exp(-((np.arange(12) - 6) ** 2) / 8)
    >>> y = (X * bump).sum(axis=(1, 2, 3)) + rng.normal(size=200)
    >>> model = MRTLRegressor(rank=2).fit(X[:150], y[:150])
    >>> {name: factor.shape for name, factor in model.factors_.items()}
    {'feature_1': (3, 2), 'grid': (8, 12, 2)}
    >>> bool(model.score(X[150:], y[150:]) > 0.8)
    True
    """

    @all_or_nothing
    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, X_val: Any = None, y_val: Any = None,
        sample_weight_val: ArrayLike | None = None, groups: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Fit the model.

        Parameters
        ----------
        {fit_x}
        y : array-like of shape (n,) or (n, T)
            Targets; T outputs are one more mode of W, named "output".
        {fit_weights}

        Raises
        ------
        ValueError
            If X does not match the modes, X or y is constant, or a parameter is out of its range.
        MemoryError
            If the model would not fit into memory.
        """
        rows, labels = validate_rows(self, X, y, sample_weight, groups, multi_output=True)
        expected = (rows.X.shape[1:], labels, rows.X.dtype)
        validation = validate_validation(self, X_val, y_val, sample_weight_val, expected=expected, multi_output=True)
        y = validate_numbers("y", rows.y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        given = y, None if sample_weight is None else rows.weight
        training = normalize_weights(rows._replace(y=y))
        targets, outputs = standardize(training.y, training.weight, training.X.dtype)
        if validation is not None:
            y_val = validate_numbers("y_val", validation.y)
            if y_val.reshape(len(y_val), -1).shape[1] != outputs.number:
                raise ValueError(
                    f"y_val must have the outputs of y: rows of shape {y.shape[1:]}, got {y_val.shape[1:]}."
                )
            validation = normalize_weights(validation._replace(y=outputs.standardized(y_val)))
        return self._set(self._fit(training._replace(y=targets), validation, labels, SquaredLoss, outputs, given))

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        {x}

        Returns
        -------
        ndarray of shape (n,) or (n, T)
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_xarray(self, X: xarray.DataArray) -> xarray.DataArray:
        """Predict the targets as a DataArray with the coordinates of the samples.

        Parameters
        ----------
        X : xarray.DataArray of shape (n, ...)
            Rows of the same shape, and with the same dimensions, as in fit.

        Returns
        -------
        xarray.DataArray of shape (n,) or (n, T)
            Its first dimension, and what coordinates that has (time, ...), are those of X; the second is "output".

        Raises
        ------
        TypeError
            If X is not a DataArray.
        """
        if not is_dataarray(X):
            raise TypeError(
                f"predict_xarray needs an xarray.DataArray, got {type(X).__name__}; predict takes any array."
            )
        samples = X.dims[0]
        coords = {name: coord for name, coord in X.coords.items() if coord.dims == (samples,)}
        values = self.predict(X)
        return type(X)(values, coords, (samples, self.tensor_.outputs.name)[: values.ndim])
