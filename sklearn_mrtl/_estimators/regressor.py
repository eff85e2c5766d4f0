"""The estimator for numbers."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import column_or_1d

from sklearn_mrtl._estimators.base import BaseMRTL, all_or_nothing
from sklearn_mrtl._estimators.docstrings import document
from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl.core.losses import SquaredLoss


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
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : array-like, sparse matrix, torch.Tensor or xarray.DataArray of shape (n, ...)
            Samples, in either layout. In fields (N-D X) NaN means that there are no data: a cell that is always NaN
            (land) weighs nothing; what is NaN in some rows only is filled with its training mean, with a warning.
        y : array-like of shape (n,) or (n, T)
            Targets; T outputs are one more mode of W, named "output".
        sample_weight : array-like of shape (n,), default=None
        X_val, y_val, sample_weight_val : as X, y and sample_weight, default=None
            Data whose loss the criterion watches. The weights that are best on them are kept.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X does not match the modes, y is constant, or a parameter is out of its range.
        MemoryError
            If the model would not fit into memory.
        """
        options = {"multi_output": True, "y_numeric": True}
        X, y, weight = self._read_weighted(X, y, sample_weight, reset=True, **options)
        validation = self._read_validation(X_val, y_val, sample_weight_val, **options)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._single = y.ndim == 1
        outputs = y.reshape(len(y), -1).astype(np.float64)
        shift = np.average(outputs, axis=0, weights=weight)
        scale = np.sqrt(np.average((outputs - shift) ** 2, axis=0, weights=weight))
        constant = np.flatnonzero(scale <= 1e-12 * np.abs(shift))
        if len(constant):
            which = "y is" if self._single else f"outputs {constant.tolist()} of y are"
            raise ValueError(
                f"{which} constant, n_samples = {len(y)} row(s) with value {shift[constant[0]]:g}: nothing to learn."
            )
        if validation is not None:
            X_val, y_val, weight_val = validation
            if y_val.reshape(len(y_val), -1).shape[1] != outputs.shape[1]:
                raise ValueError(
                    f"y_val must have the outputs of y: rows of shape {y.shape[1:]}, got {y_val.shape[1:]}."
                )
            validation = X_val, (y_val.reshape(len(y_val), -1) - shift) / scale, weight_val
        given = y, None if sample_weight is None else weight
        self._fit(X, (outputs - shift) / scale, weight, validation, SquaredLoss, given=given, scale=scale, shift=shift)
        return self

    def predict(self, X):
        """Predict the targets.

        Parameters
        ----------
        X : array-like, sparse matrix, torch.Tensor or xarray.DataArray of shape (n, ...)
            Rows of the same shape as in fit.

        Returns
        -------
        ndarray of shape (n,) or (n, T)
        """
        scores = self._scores(X)
        return scores[:, 0] if self._single else scores

    def predict_xarray(self, X):
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
        dims = (samples,) if self._single else (samples, self._output_name)
        return type(X)(self.predict(X), coords, dims)
