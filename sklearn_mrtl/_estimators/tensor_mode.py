"""One mode of a fitted weight tensor: its shape, dimensions and coordinates."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._utils.labels import Labels, axis_dims
from sklearn_mrtl.modes import Grid, Mode


@dataclass(frozen=True, eq=False)
class TensorMode:
    """One mode of a fitted weight tensor, at the tensor's resolution.

    Attributes
    ----------
    name : str
    mode : Feature, Grid or None
        None: outputs in no order.
    shape : tuple of int
    mask : ndarray of bool, of that shape, or None
        Cells that hold data; None: all.
    dims : tuple of str
        Names of its axes: the dimensions of X where that had any.
    has_own_dims : bool
        Whether they are those of X.
    coords : dict of str to ndarray
        Of axes that have coordinates: those of X, the centres of a grid's cells, the labels of outputs.
    attrs : dict of str to dict
        Units and names of coordinates.
    is_output : bool
        Whether it is that of the outputs.
    """

    name: str
    mode: Mode | None
    shape: tuple[int, ...]
    mask: np.ndarray | None = None
    dims: tuple[str, ...] = ()
    has_own_dims: bool = False
    coords: dict[str, np.ndarray] = field(default_factory=dict)
    attrs: dict[str, dict] = field(default_factory=dict)
    is_output: bool = False

    @property
    def size(self) -> int:
        """Number of categories, cells or outputs."""
        return prod(self.shape)

    @property
    def variables(self) -> dict[str, tuple[str, np.ndarray, dict]]:
        """Coordinates as xarray takes them."""
        return {dim: (dim, values, self.attrs.get(dim, {})) for dim, values in self.coords.items()}

    def with_other_dims(self, taken: Collection[str]) -> TensorMode:
        """Return the mode with its name before those of its dimensions that are taken."""
        names = {dim: f"{self.name}_{dim}" if dim in taken else dim for dim in self.dims}
        coords = {names[dim]: values for dim, values in self.coords.items()}
        attrs = {names[dim]: values for dim, values in self.attrs.items()}
        return replace(self, dims=tuple(names.values()), coords=coords, attrs=attrs)

    def blank(self, values: np.ndarray) -> np.ndarray:
        """Return values of shape (..., *shape) with NaN where the mode holds no data."""
        return values if self.mask is None else np.where(self.mask, values, np.nan).astype(values.dtype)


def input_mode(layout: Layout, m: int, shape: tuple[int, ...], mask: np.ndarray | None) -> TensorMode:
    """Describe a mode of the layout, at a resolution."""
    mode, labels = layout.modes[m], layout.labels
    n_before = sum(len(other) for other in layout.shapes[:m])
    n_axes = sum(len(other) for other in layout.shapes)
    own_dims = labels.dims if layout.is_fields and len(layout.row_shape) == n_axes else None
    dims = None if own_dims is None else own_dims[n_before : n_before + len(shape)]
    return labelled(mode.name, mode, shape, mask, dims, labels)


def output_mode(outputs: Outputs) -> TensorMode:
    """Describe the outputs as a mode."""
    form = outputs.form
    labels = form.labels if outputs.classes is None else Labels((outputs.name,), {outputs.name: outputs.labels})
    shape = (outputs.number,) if form.mask is None else form.mask.shape
    dims = labels.dims if labels.dims is not None and len(labels.dims) == len(shape) else None
    mode = labelled(outputs.name, form.grid, shape, form.mask, dims, labels)
    return replace(mode, is_output=True)


def labelled(
    name: str, mode: Mode | None, shape: tuple[int, ...], mask: np.ndarray | None, own_dims: tuple[str, ...] | None,
    labels: Labels,
) -> TensorMode:  # fmt: skip
    """Describe a mode whose axes have names of their own, or None, with the coordinates that are known of them."""
    dims = axis_dims(name, len(shape)) if own_dims is None else own_dims
    centers = mode.centers(shape) if isinstance(mode, Grid) and mode.bounds is not None else None
    coords = {}
    for i, dim in enumerate(dims):
        own = (labels.coords or {}).get(dim)
        if own is not None and len(own) == shape[i]:
            coords[dim] = own
        elif centers is not None:
            descends = own is not None and own[0] > own[-1]
            coords[dim] = centers[i][::-1] if descends else centers[i]
    attrs = {dim: (labels.attrs or {}).get(dim, {}) for dim in dims}
    return TensorMode(name, mode, shape, mask, dims, own_dims is not None, coords, attrs)
