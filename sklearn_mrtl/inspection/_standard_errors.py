"""Standard errors of the weights of a full-rank model, without refits."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from sklearn_mrtl._estimators.refits import Refits
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.posterior import posterior_std
from sklearn_mrtl.core.solvers.ridge import LARGEST_SYSTEM
from sklearn_mrtl.inspection._components import fitted_model
from sklearn_mrtl.inspection._composites import model_data


def coef_standard_errors(estimator, X, y, *, sample_weight=None) -> np.ndarray:
    """Compute standard errors of the weights of a full-rank model from the posterior of its ridge regression.

    The penalties count as a Gaussian prior, so that the bias they make is included; rows count as independent. Where
    they are not, `factor_bands` draws them in blocks.

    Parameters
    ----------
    estimator : fitted MRTLRegressor, or a pipeline, target transformer or search around one
        With ``rank=None``, ``loss="squared_error"`` and one term of at most 2,500 weights for each output.
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Rows of fit.
    y : array-like of shape (n,) or (n, T)
        Their targets.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows, as in fit.

    Returns
    -------
    ndarray of the shape of ``coef_``
        Standard errors in the units of ``coef_``; NaN where there are no data.

    Raises
    ------
    ValueError
        If the model is not such a ridge regression.

    See Also
    --------
    factor_bands : Bands of any model, from refits.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.inspection import coef_standard_errors
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 6, 8))
    >>> y = X[:, 2, 3] * 5 + rng.normal(size=300)
    >>> model = MRTLRegressor(rank=None).fit(X, y)
    >>> error = coef_standard_errors(model, X, y)
    >>> error.shape, bool(model.coef_[2, 3] > 10 * error[2, 3])
    ((6, 8), True)
    """
    model = fitted_model(estimator)
    refits = Refits.of(model, *model_data(estimator, X, y), sample_weight)
    core, n_weights = refits.model, prod(axis.size for axis in refits.fine.input_axes)
    is_ridge = isinstance(core, FullRank) and refits.loss is SquaredLoss and refits.inputs.shapes == core.input_shapes
    if not isinstance(core, FullRank) or not is_ridge or n_weights > LARGEST_SYSTEM:
        raise ValueError(
            f"coef_standard_errors is for one full-rank term of at most {LARGEST_SYSTEM} weights under squared loss, "
            f"got {model.tensor_!r} with {n_weights} weights; factor_bands takes any model."
        )
    samples = Samples.from_rows(refits.inputs, refits.y, refits.weight)
    tensor, std = refits.tensors[0], posterior_std(core, samples, refits.alphas)
    parameters = {**tensor.parameters, "weights": std.numpy().astype(tensor.dtype)}
    return replace(tensor, parameters=parameters).coefficients()
