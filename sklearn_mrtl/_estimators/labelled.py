"""Predictions as a DataArray, with the coordinates of the samples and of the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.tensor_mode import output_mode
from sklearn_mrtl._utils.arrays import as_one_array, is_dataarray
from sklearn_mrtl._utils.lead import is_calendar, later
from sklearn_mrtl._utils.time import find_time

if TYPE_CHECKING:
    import xarray

SAMPLE_TIME = "sample_time"  # coordinate of the time of X, where that of y is another


def as_dataarray(X) -> xarray.DataArray:
    """Return a DataArray as it is, and a Dataset as one.

    Raises
    ------
    TypeError
        If X has no coordinates.
    """
    X = as_one_array(X)
    if not is_dataarray(X):
        raise TypeError(f"predict_xarray needs an xarray.DataArray, got {type(X).__name__}; predict takes any array.")
    return X


def with_coordinates(values, X: xarray.DataArray, outputs: Outputs):
    """Return predictions (n, ...) for the rows of X as a DataArray; of a tuple of predictions and std, both."""
    if isinstance(values, tuple):
        return tuple(with_coordinates(one, X, outputs) for one in values)
    samples = X.dims[0]
    coords = {name: coord for name, coord in X.coords.items() if coord.dims == (samples,)}
    form, time = outputs.form, find_time(X)
    if form.lead is not None and time is not None:
        attrs, given = coords["time"].attrs, coords["time"].values
        coords[SAMPLE_TIME] = (samples, given)
        coords["time"] = (samples, later(given if is_calendar(given) else time, form.lead), attrs)
    if values.ndim == 1:
        return type(X)(values, coords, (samples,))
    mode = output_mode(outputs).with_other_dims([str(samples)])
    renamed = dict(zip(output_mode(outputs).dims, mode.dims, strict=True))
    others = {
        name: (tuple(renamed[dim] for dim in dims), own)
        for name, (dims, own) in form.other_coords.items()
        if name not in coords
    }
    return type(X)(values, coords | mode.variables | others, (samples, *mode.dims))
