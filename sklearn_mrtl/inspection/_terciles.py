"""Probabilities of terciles, as seasonal forecasters publish them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from sklearn_mrtl.inspection._components import fitted_model, inputs_of
from sklearn_mrtl.inspection._composites import chain


def tercile_probabilities(estimator, X) -> np.ndarray:
    r"""Compute the probabilities that targets are below, near and above normal.

    Normal is the middle third of the training targets; with a `DeseasonalizedTargetRegressor` that of their anomalies,
    so that it is another one in each calendar month. The probabilities are those of a normal distribution about the
    prediction, with the standard deviation of ``predict(X, return_std=True)``.

    Parameters
    ----------
    estimator : fitted MRTLRegressor, or a pipeline, search or DeseasonalizedTargetRegressor around one
        With ``loss="squared_error"``.
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Rows as for ``predict``.

    Returns
    -------
    probabilities : ndarray of shape (n, 3), (n, T, 3) or (n, \*shape of target, 3)
        Below, near and above normal; they add up to 1.

    Raises
    ------
    TypeError
        If the estimator predicts classes.
    ValueError
        If fit has no errors on left-out rows; see :meth:`~sklearn_mrtl.MRTLRegressor.predict`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import tercile_probabilities
    >>> ocean = make_ocean(300, n_components=1, shape=(6, 12), random_state=0)
    >>> X, y = ocean.data, ocean.target
    >>> model = MRTLRegressor(ocean.modes, rank=1).fit(X[:200], y[:200])
    >>> probabilities = tercile_probabilities(model, X[200:])
    >>> probabilities.shape
    (100, 3)
    >>> is_above = y[200:] > model.tercile_edges_[1]
    >>> bool(probabilities[is_above, 2].mean() > 0.5 > probabilities[~is_above, 2].mean())
    True
    """
    model = fitted_model(estimator)
    for link in chain(estimator)[:-1]:
        if hasattr(link, "regressor_") and not hasattr(link, "scale_of"):
            raise TypeError(
                f"tercile_probabilities is for the target of fit, and the model inside {type(link).__name__} was "
                "fitted to another one. Give its regressor_, for the terciles of that."
            )
    if hasattr(model, "classes_"):
        raise TypeError(f"tercile_probabilities is for an MRTLRegressor, got {type(model).__name__}.")
    prediction, std = model.predict(inputs_of(estimator, X), return_std=True)
    below, not_above = (ndtr((edge - prediction) / std) for edge in model.tercile_edges_)
    return np.stack([below, not_above - below, 1 - not_above], axis=-1)
