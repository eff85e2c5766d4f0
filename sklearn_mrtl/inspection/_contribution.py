"""Contribution of each cell to a prediction."""

from __future__ import annotations

from math import prod

import numpy as np

from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl.inspection._components import fitted_model, inputs_of
from sklearn_mrtl.inspection._composites import one_row, units
from sklearn_mrtl.modes import Grid


def contribution_map(estimator, X_row, *, mode: str | None = None, baseline: str = "zero"):
    """Compute what each cell of a grid adds to the score of one sample of fields.

    The contribution of a cell is ``coef_ * x`` summed over the other modes. The sum over all cells and the intercept is
    the score.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
        Fitted to fields, with any rank.
    X_row : array-like or xarray.DataArray of shape (1, ...) or (...)
        One row of X, as the estimator takes it. Where that needs times, a DataArray with a coordinate "time".
    mode : str, default=None
        Name of the grid. None: the first grid.
    baseline : {"zero", "mean"}, default="zero"
        What the row is compared with: fields of zeros, whose score is ``intercept_``, or the means over the training
        rows, whose score is ``intercept_`` plus all their contributions.

    Returns
    -------
    contribution : ndarray or xarray.DataArray of shape (*grid shape) or (T, *grid shape)
        In the units of y, or of the logit; NaN for cells without data. With several outputs or classes, a map for each;
        of a target grid (*shape of target, *grid shape). Around a transformed target the units are the user's: the
        contributions and the prediction of a model that contributes nothing are the prediction.
        A DataArray with coordinates if `X_row` is one.

    Raises
    ------
    ValueError
        If the model was fitted to encodings or has no such grid, or if `X_row` has more than one row.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import contribution_map
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> X = ocean.data
    >>> model = MRTLRegressor(ocean.modes, rank=3).fit(X, ocean.target)
    >>> contribution = contribution_map(model, X[0])
    >>> contribution.shape
    (8, 18)
    >>> bool(np.isclose(np.nansum(contribution) + model.intercept_, model.predict(X[:1])[0]))
    True
    """
    model = fitted_model(estimator)
    tensor = model.tensor_
    if len(model.terms_) > 1:
        raise ValueError(f"contribution_map is for a model of one term, terms=None; this one has {list(model.terms_)}.")
    if not tensor.layout.is_fields:
        raise ValueError("contribution_map is for fields, an N-D X; this model was fitted to encodings side by side.")
    if baseline not in ("zero", "mean"):
        raise ValueError(f"baseline must be 'zero' or 'mean', got {baseline!r}.")
    grids = [m.name for m in tensor.layout.modes if isinstance(m, Grid)]
    if mode is None and grids:
        mode = grids[0]
    if mode not in grids:
        raise ValueError(f"mode must be one of the grids {grids}, got {mode!r}.")
    row = one_row(X_row, len(tensor.layout.row_shape))
    x = tensor.fields(inputs_of(estimator, row), from_mean=baseline == "mean")[0]
    outputs = () if tensor.output is None else tensor.output.shape
    terms = np.nan_to_num(tensor.coefficients()) * x
    terms = terms.reshape(*outputs, *(prod(shape) for shape in tensor.shapes))
    others = tuple(len(outputs) + m for m, other in enumerate(tensor.layout.modes) if other.name != mode)
    grid = tensor.modes[mode]
    scale = units(estimator, row, tensor.outputs.number)[0]
    of_each = np.broadcast_to(scale, tensor.outputs.number)
    scale = tensor.outputs.form.with_maps(of_each, 0) if outputs else of_each[0]
    contribution = terms.sum(axis=others).reshape(*outputs, *grid.shape)
    contribution = grid.blank(contribution * np.reshape(scale, (*outputs, *[1] * len(grid.shape))))
    return _as_dataarray(tensor, grid, contribution) if is_dataarray(X_row) else contribution


def _as_dataarray(tensor, grid, contribution: np.ndarray):
    import xarray as xr  # an extra, but who has a DataArray has it

    modes = ([] if tensor.output is None else [tensor.output.with_other_dims(grid.dims)]) + [grid]
    coords = {dim: variable for mode in modes for dim, variable in mode.variables.items()}
    return xr.DataArray(contribution, coords, [dim for mode in modes for dim in mode.dims], "contribution")
