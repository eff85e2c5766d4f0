"""Predictions and factors of fitted estimators, alone or inside others, as xarray objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn_mrtl._estimators.labelled import as_dataarray, with_coordinates
from sklearn_mrtl.inspection._components import fitted_model

if TYPE_CHECKING:
    import xarray


def predict_xarray(estimator, X: xarray.DataArray, **predict_params):
    """Predict the targets as a DataArray with the coordinates of the samples and of the outputs.

    Parameters
    ----------
    estimator : fitted MRTLRegressor, or a pipeline, target transformer or search around one
        Its own `predict` is called.
    X : xarray.DataArray or Dataset, of shape (n, ...)
        Rows as the estimator takes them.
    **predict_params : dict
        For `predict`, such as time, or ``return_std=True``.

    Returns
    -------
    prediction : xarray.DataArray of shape (n,), (n, T) or (n, *shape of target)
        As that of `MRTLRegressor.predict_xarray`.
    std : xarray.DataArray of the same shape
        Only with ``return_std=True``: standard deviation of observations about the predictions.

    Raises
    ------
    TypeError
        If X is not a DataArray, or there is no regressor inside.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.inspection import predict_xarray
    >>> from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, lag_windows
    >>> time = np.arange("2000-01", "2010-01", dtype="datetime64[M]").astype("datetime64[ns]")
    >>> rng = np.random.default_rng(0)
    >>> sea = xr.DataArray(rng.normal(size=(120, 6, 8)), {"time": time}, ("time", "lat", "lon"))
    >>> rain = xr.DataArray(rng.normal(size=(120, 2)), {"time": time, "place": ["Ulm", "Bonn"]}, ("time", "place"))
    >>> windows = lag_windows(sea, rain, lags=2, lead=3)
    >>> model = DeseasonalizedTargetRegressor(MRTLRegressor(rank=1), lead=3).fit(windows.X, windows.y)
    >>> predicted = predict_xarray(model, windows.X[-1:])
    >>> predicted.dims, predicted.place.values.tolist(), str(predicted.time.values[0])[:7]
    (('time', 'place'), ['Ulm', 'Bonn'], '2009-12')
    """
    X = as_dataarray(X)
    outputs = fitted_model(estimator).tensor_.outputs
    if outputs.classes is not None:
        raise TypeError("predict_xarray is for regressors, got a classifier.")
    return with_coordinates(estimator.predict(X, **predict_params), X, outputs)


def to_xarray(estimator, *, coef: bool = False) -> xarray.Dataset:
    """Return the factors, weights and intercepts of a fitted model as a dataset with coordinates.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
        Weights are those of the model: of its transformed X, for its transformed target.
    coef : bool, default=False
        Whether the dense weights come with them.

    Returns
    -------
    xarray.Dataset
        As that of `MRTLRegressor.to_xarray`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.inspection import to_xarray
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 3, 6, 8))
    >>> model = make_pipeline(MRTLRegressor(rank=2)).fit(X, X[:, 0, 2:4, 2:5].sum(axis=(1, 2)))
    >>> dict(to_xarray(model).sizes)
    {'feature_1': 3, 'component': 2, 'grid_0': 6, 'grid_1': 8}
    """
    return fitted_model(estimator).to_xarray(coef=coef)
