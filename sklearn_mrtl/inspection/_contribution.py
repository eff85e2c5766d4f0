"""Where a prediction comes from."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from sklearn_mrtl._estimators import fitted as reading
from sklearn_mrtl._utils.arrays import is_dataarray
from sklearn_mrtl.inspection._components import fitted_model
from sklearn_mrtl.modes import Grid


def contribution_map(estimator, X_row, *, mode: str | None = None, baseline: str = "zero"):
    """What each cell of a grid adds to the score of one sample of fields.

    In every cell ``coef_ * x``, summed over the other modes. All cells together and the intercept are the score.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier
        Of fields (joint layout), of any rank. Give a pipeline's last step, and rows as the steps before make them.
    X_row : array-like or xarray.DataArray of shape (1, ...) or (...)
        One row of X.
    mode : str, default=None
        Name of the grid; None: the first.
    baseline : {"zero", "mean"}, default="zero"
        What the row is compared with: fields of zeros, whose score is ``intercept_``, or the means over the training
        rows, whose score is ``intercept_`` plus all their contributions.

    Returns
    -------
    contribution : ndarray or xarray.DataArray of shape (*grid shape) or (T, *grid shape)
        NaN where there are no data; a map for each of several outputs or classes. In the units of y, or of the logit.
        A DataArray with coordinates if `X_row` is one.

    Raises
    ------
    ValueError
        If the model is of another layout, has no such grid, or there is more than one row.

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
    layout = model._layout
    if not layout.joint:
        raise ValueError("contribution_map is for fields, an N-D X; this model was fitted to encodings side by side.")
    if baseline not in ("zero", "mean"):
        raise ValueError(f"baseline must be 'zero' or 'mean', got {baseline!r}.")
    grids = [m.name for m in layout.modes if isinstance(m, Grid)]
    if mode is None and grids:
        mode = grids[0]
    if mode not in grids:
        raise ValueError(f"mode must be one of the grids {grids}, got {mode!r}.")
    x, shapes = _fields(model, _one_row(X_row, len(layout.row_shape)), baseline)
    several = model._model.n_outputs > 1
    terms = np.nan_to_num(model.coef_) * x
    terms = terms.reshape(*terms.shape[: int(several)], *(prod(shape) for shape in shapes.values()))
    names = list(shapes)
    others = tuple(int(several) + i for i, name in enumerate(names) if name != mode)
    contribution = terms.sum(axis=others).reshape(*terms.shape[: int(several)], *shapes[mode])
    mask = next(axis.mask for axis in model._model.axes if axis.mode.name == mode)
    if mask is not None:
        contribution[..., ~mask.numpy().reshape(shapes[mode])] = np.nan
    return _as_dataarray(model, mode, contribution, several) if is_dataarray(X_row) else contribution


def _one_row(X_row, n_axes: int):
    """With an axis for the one sample."""
    if np.ndim(X_row) == n_axes:
        return X_row.expand_dims("sample") if is_dataarray(X_row) else np.asarray(X_row)[None]
    if len(X_row) != 1:
        raise ValueError(f"X_row must be one row, got {len(X_row)}.")
    return X_row


def _fields(model, row, baseline: str) -> tuple[np.ndarray, dict[str, tuple[int, ...]]]:
    """The row at the model's resolution in the user's order of modes, no data being 0, and their shapes."""
    layout = model._layout
    inputs, _ = model._inputs(model._read(row, reset=False), torch.device("cpu"))
    inputs = inputs.coarsen(model._model.input_shapes)
    x = inputs.unpack(inputs.x[0] - inputs.center if baseline == "mean" else inputs.x[0]).numpy()
    shapes = {layout.modes[m].name: shape for m, shape in zip(layout.order, inputs.shapes, strict=True)}
    shapes = {m.name: shapes[m.name] for m in layout.modes}
    back = np.argsort(layout.order)
    return x.transpose(back).reshape([n for shape in shapes.values() for n in shape]), shapes


def _as_dataarray(model, mode: str, contribution: np.ndarray, several: bool):
    import xarray as xr  # an extra, but who has a DataArray has it

    layout = model._layout
    dims = reading.mode_dims(layout)[mode]
    axis = next(a for a in model._model.axes if a.mode.name == mode)
    coords = reading.mode_coords(axis, dims, layout)
    outputs = (model._output_name,) if several else ()
    if several and hasattr(model, "classes_"):
        coords[model._output_name] = (model._output_name, model.classes_)
    return xr.DataArray(contribution, coords, (*outputs, *dims), "contribution")
