"""The form in which y is given: one output, several, or maps; and its names and coordinates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sklearn_mrtl._estimators.lazy_maps import lazy_columns_of_maps
from sklearn_mrtl._utils.arrays import is_dataarray, is_lazy
from sklearn_mrtl._utils.labels import Labels, align_target
from sklearn_mrtl._utils.lead import lead_between
from sklearn_mrtl._utils.maps import columns_of_maps, maps_of_columns
from sklearn_mrtl._utils.time import find_time
from sklearn_mrtl.modes import Grid, Mode


@dataclass(frozen=True, eq=False)
class TargetForm:
    """The form of y in fit.

    Attributes
    ----------
    grid : Grid or None
        The target grid; None: y is of shape (n,) or (n, T).
    mask : ndarray of bool, of the grid's shape, or None
        Cells that hold data; each is an output.
    labels : Labels
        Names and coordinates of the axes of y after the first.
    other_coords : dict of str to (dimensions, values)
        Further coordinates of the outputs, such as the latitude of a station.
    lead : (unit, number) or None
        How much later y is than X, where both have times and it is the same for all rows.
    """

    grid: Grid | None = None
    mask: np.ndarray | None = None
    labels: Labels = Labels()
    other_coords: dict[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)
    lead: tuple[str, int] | None = None

    @classmethod
    def of(cls, target, y: Any, X: Any = None) -> tuple[TargetForm, Any]:
        """Return the form of y, and y as an array of shape (n,) or (n, T).

        Parameters
        ----------
        target : Grid or None
            Parameter of the estimator.
        y : array-like of shape (n, ...)
        X : array-like of shape (n, ...)
            For its times.

        Raises
        ------
        TypeError
            If the target is no Grid.
        ValueError
            If y has not its shape, or holds maps without a target, or a cell is NaN in some samples only.
        """
        labels = Labels.of_target(y)
        form = cls(labels=labels, other_coords=other_coords(y), lead=lead_of(X, y))
        if target is None:
            if getattr(y, "ndim", 0) > 2:
                raise ValueError(f"target must be a Grid of shape {y.shape[1:]} for y of shape {y.shape}, got None.")
            return form, y
        if not isinstance(target, Grid):
            raise TypeError(f"target must be a Grid or None, got {target!r}.")
        if y is None:
            return form, y
        check_shape(target, "y", y)
        columns, mask = columns_and_mask(y)
        bounds = labels.bounds(range(len(target.shape)))
        if target.bounds is None and bounds is not None:
            target = replace(target, bounds=bounds)
        return replace(form, grid=target, mask=mask), columns

    @property
    def is_grid(self) -> bool:
        """Whether y holds maps."""
        return self.grid is not None

    def columns(self, y: Any, name: str = "y") -> Any:
        """Return other targets of this form as an array of shape (n,) or (n, T), the outputs in the order of fit."""
        y = align_target(y, self.labels, name)
        if self.grid is None:
            return y
        check_shape(self.grid, name, y)
        return columns_and_mask(y, name, self.mask)[0]

    def shaped(self, values: np.ndarray) -> np.ndarray:
        """Return values (..., T) in the form of y."""
        if self.mask is not None:
            return maps_of_columns(values, self.mask)
        return values[..., 0] if values.shape[-1] == 1 else values

    def with_maps(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Return values with the axes of the grid in the place of an axis of several outputs."""
        if self.mask is None:
            return values
        maps, n_axes = maps_of_columns(np.moveaxis(values, axis, -1), self.mask), self.mask.ndim
        return np.moveaxis(maps, range(-n_axes, 0), range(axis, axis + n_axes))


def other_coords(y: Any) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Return the coordinates of a DataArray along dimensions after the first that are not the dimensions' own."""
    if not is_dataarray(y):
        return {}
    return {
        str(name): (tuple(map(str, coord.dims)), np.asarray(coord.values))
        for name, coord in y.coords.items()
        if coord.dims and set(coord.dims) <= set(y.dims[1:]) and coord.dims != (name,)
    }


def columns_and_mask(y: Any, name: str = "y", mask: np.ndarray | None = None) -> tuple[Any, np.ndarray]:
    """Return maps as columns, and the mask of cells that hold data, in memory or in blocks; see `columns_of_maps`."""
    return (lazy_columns_of_maps if is_lazy(y) else columns_of_maps)(y, name, mask)


def lead_of(X: Any, y: Any) -> tuple[str, int] | None:
    """Return how much later y is than X, where both are DataArrays with times."""
    if not is_dataarray(X) or not is_dataarray(y):
        return None
    return lead_between(find_time(X), find_time(y))


def check_shape(target: Grid, name: str, y: Any) -> None:
    """Check that y has the shape of its grid.

    Raises
    ------
    ValueError
        That shows both.
    """
    shape = np.shape(y)
    if shape[1:] != target.shape:
        expected = ", ".join(map(str, target.shape))
        raise ValueError(f"{name} must have the shape (n, {expected}) for target={target!r}, got {shape}.")


def check_name(target: Grid | None, modes: tuple[Mode, ...]) -> None:
    """Check that the target has another name than the modes of X.

    Raises
    ------
    ValueError
    """
    if target is not None and target.name in [mode.name for mode in modes]:
        raise ValueError(
            f"target must have another name than the modes of X, {[mode.name for mode in modes]}, got {target.name!r}."
        )
