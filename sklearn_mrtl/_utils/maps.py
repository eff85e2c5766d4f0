"""Targets that are maps: arrays (n, *shape) with NaN where there are no data."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import r2_score

from sklearn_mrtl._utils.arrays import is_dataarray, unmasked


def columns_of_maps(y, name: str = "y", mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return a column for each cell that holds data, shape (n, T), and the mask of those cells, shape (*shape).

    Parameters
    ----------
    y : array-like of shape (n, *shape)
    name : str
        Of y in error messages.
    mask : ndarray of bool, default=None
        Cells that held data in fit. Other cells are left out.

    Raises
    ------
    ValueError
        If a cell is NaN in some of the samples only, or all are NaN in all samples.
    """
    values = np.asarray(unmasked(y))
    values = values.astype(np.float64) if values.dtype.kind not in "f" else values
    columns = values.reshape(len(values), -1)
    own = mask_of_maps(np.isnan(values).sum(axis=0), len(values), name, mask)
    return columns[:, own.reshape(-1)], own


def mask_of_maps(missing: np.ndarray, n_rows: int, name: str = "y", mask: np.ndarray | None = None) -> np.ndarray:
    """Return the mask of cells that hold data, shape (*shape), from the number of NaN in each cell of n_rows maps.

    Parameters
    ----------
    missing : ndarray of int, shape (*shape)
    n_rows, name, mask
        As in `columns_of_maps`, as are the errors.
    """
    own = (missing < n_rows) if mask is None else mask
    if not own.any():
        raise ValueError(f"{name} is NaN in all cells of all {n_rows} samples.")
    gaps = np.argwhere(own & (missing > 0))
    if len(gaps):
        cell = tuple(gaps[0].tolist())
        raise ValueError(
            f"{name} may be NaN in a cell in all samples, which is left out then; {len(gaps)} cell(s) are NaN in some "
            f"of the {n_rows} only, the first, {cell}, in {missing[cell]}. Fill these gaps, or set the cells to NaN in "
            "all samples."
        )
    return own


def flat_target(y, name: str = "y", mask: np.ndarray | None = None):
    """Return targets without their maps, if they are any: y as it is and None, or columns and mask of its cells.

    Targets are maps if they have three axes or more, or two and NaN.

    Parameters
    ----------
    y : array-like of shape (n, ...)
    name : str
        Of y in error messages.
    mask : ndarray of bool, default=None
        That of fit.

    Raises
    ------
    ValueError
        If a cell is NaN in some of the samples only, or y has not the shape of the mask.
    """
    y = unmasked(y)
    values = np.asarray(y)
    if mask is not None and values.shape[1:] != mask.shape:
        raise ValueError(f"{name} must have rows of shape {mask.shape}, as in fit, got {values.shape[1:]}.")
    has_nan = values.ndim == 2 and values.dtype.kind == "f" and bool(np.isnan(values).any())
    if mask is None and values.ndim < 3 and not has_nan:
        return y, None
    return columns_of_maps(values, name, mask)


def restored(columns: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Undo `flat_target`."""
    return columns if mask is None else maps_of_columns(columns, mask)


def r2_of_targets(y, predicted, mask: np.ndarray | None, sample_weight=None) -> float:
    """Return R^2 of predictions, of maps over the cells of a mask."""
    y, predicted = (flat_target(values, mask=mask)[0] for values in (y, predicted))
    return r2_score(y, predicted, sample_weight=sample_weight)


def labelled_like(y, values: np.ndarray):
    """Return values of the shape of y with its names and coordinates, if it is a DataArray or a DataFrame."""
    if is_dataarray(y):
        return y.copy(data=values)
    if not hasattr(y, "columns") or len(y.shape) != 2:
        return values
    if hasattr(y, "index"):
        return type(y)(values, index=y.index, columns=y.columns)
    return type(y)(values, schema=list(y.columns), orient="row")  # of polars


def maps_of_columns(columns: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return maps (..., *shape) of values (..., T) for the cells of a mask, NaN in all other cells."""
    maps = np.full((*columns.shape[:-1], mask.size), np.nan, dtype=columns.dtype)
    maps[..., mask.reshape(-1)] = columns
    return maps.reshape(*columns.shape[:-1], *mask.shape)
