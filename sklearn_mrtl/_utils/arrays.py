"""Arrays of shape (n, ...): their kinds, their axes, their rows in blocks."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

FLOATS = (np.float64, np.float32)
BLOCK_ENTRIES = 2**18  # a block of rows that stays in the cache


def is_dataarray(X) -> bool:
    """Return whether X is an xarray.DataArray."""
    return _is_of_xarray(X, "DataArray")


def is_dataset(X) -> bool:
    """Return whether X is an xarray.Dataset."""
    return _is_of_xarray(X, "Dataset")


def _is_of_xarray(X, name: str) -> bool:
    """Ask xarray's class; where xarray is not imported there is no object of it, and it stays so."""
    return isinstance(X, getattr(sys.modules.get("xarray"), name, ()))


def is_lazy(X) -> bool:
    """Return whether X is a dask array, or a DataArray of one; where dask is not imported there is none."""
    if is_dataarray(X):
        return X.chunks is not None
    return isinstance(X, getattr(sys.modules.get("dask.array"), "Array", ()))


def is_lazy_frame(X) -> bool:
    """Return whether X is a DataFrame or a Series of dask; where dask is not imported there is none."""
    frames = sys.modules.get("dask.dataframe")
    return isinstance(X, tuple(getattr(frames, name) for name in ("DataFrame", "Series") if frames is not None))


def is_lazy_table(X) -> bool:
    """Return whether X is a dask array, or a DataFrame of dask."""
    return is_lazy(X) or is_lazy_frame(X)


def as_one_array(X):
    """Return one array: of a Dataset, a masked array with NaN where it is masked, anything else as it is.

    Raises
    ------
    TypeError
        If X is a DataFrame of dask.
    ValueError
        If the variables of a Dataset differ in dimensions.
    """
    if is_lazy_frame(X):
        raise TypeError(
            "X is a DataFrame of dask, expected an array: ModeEncoder and GridDiscretizer encode it; if it holds "
            "encodings already, X.to_dask_array(lengths=True) is the array."
        )
    return variables_as_axis(X) if is_dataset(X) else unmasked(X)


def as_one_target(y):
    """Return y as one array if it is a Dataset, and of a single variable as that variable; else as it is."""
    if not is_dataset(y):
        return y
    return y[next(iter(y.data_vars))] if len(y.data_vars) == 1 else variables_as_axis(y)


def variables_as_axis(dataset):
    """Return a DataArray whose first dimension is that of the variables of a Dataset, and the second "variable".

    Raises
    ------
    ValueError
        If the variables differ in dimensions, or there are none.
    """
    dims = {name: field.dims for name, field in dataset.data_vars.items()}
    if len(set(dims.values())) != 1 or () in dims.values():
        raise ValueError(f"the variables of a Dataset must all have the same dimensions, got {dims}.")
    first, *others = next(iter(dims.values()))
    fields = dataset.to_dataarray("variable").transpose(first, "variable", *others)
    return fields if fields.chunks is None else fields.chunk(variable=-1)


def unmasked(X):
    """Return a masked array (as netCDF4 gives) with NaN where it is masked; anything else as it is."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    return X.astype(np.result_type(X, np.float32), copy=False).filled(np.nan)


def row_blocks(X: np.ndarray) -> Iterator[slice]:
    """Return slices of rows of X, each small enough to stay in the cache."""
    step = max(1, BLOCK_ENTRIES // max(1, X[:1].size))
    return (slice(start, start + step) for start in range(0, len(X), step))


def axis_number(X, axis: int | str) -> int:
    """Return the number of an axis of X, 1 or more: a str names a DataArray's dimension, an int counts as in numpy.

    Raises
    ------
    ValueError
        If X has no such axis, or it is the rows.
    """
    if isinstance(axis, str):
        dims = tuple(X.dims) if is_dataarray(X) else ()
        if axis not in dims[1:]:
            has = f"the dimensions {dims}" if dims else "no names of dimensions"
            raise ValueError(f"axis must be a dimension of X after the first, got {axis!r}; X has {has}.")
        return dims.index(axis)
    ndim = np.ndim(X)
    if axis not in range(-ndim, ndim) or axis % ndim == 0:
        raise ValueError(f"axis must be one of 1..{ndim - 1} (0 is the rows) for X of {ndim} axes, got {axis}.")
    return axis % ndim


def along(values: np.ndarray, axis: int | None, ndim: int) -> np.ndarray:
    """Return values, shape (k,), as an array of `ndim` axes that runs along one of them (None: k is 1)."""
    return values.reshape([-1 if i == axis else 1 for i in range(ndim)])


def like(X, values: np.ndarray):
    """Return values as a DataArray with X's coordinates if X is one, else as they are."""
    return X.copy(data=values) if is_dataarray(X) else values
