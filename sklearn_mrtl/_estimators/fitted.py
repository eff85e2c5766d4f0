"""What a fitted model shows: factors, weights, intercepts and coefficients, in the user's order and shapes."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from torch import Tensor

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.modes import Grid


def attributes(
    model: TensorModel, parameters: Parameters, zero: Inputs, layout: Layout, output_name: str
) -> dict[str, object]:
    """Fitted attributes by name.

    Parameters
    ----------
    zero : Inputs
        A sample of zeros at the model's resolution.
    """
    shown = intercepts(model, parameters, zero)
    if isinstance(model, FullRank):
        return shown
    size, factors = model.canonical(parameters)
    size = array(size * zero.cell_area)
    if model.core_is_diagonal:
        shown["component_weights_"] = size
    else:
        names = [axis_name(axis, output_name) for axis in model.axes]
        order = [names.index(name) for name in mode_names(model, layout, output_name)]
        shown["core_"] = size.transpose(order)
    by_name = {axis_name(axis, output_name): (axis, factor) for axis, factor in zip(model.axes, factors, strict=True)}
    shown["factors_"] = {name: factor_array(*by_name[name]) for name in mode_names(model, layout, output_name)}
    shown["factors_shared_"] = {name: array(factor[-1]) for name, (axis, factor) in by_name.items() if axis.pooled}
    return shown


def intercepts(model: TensorModel, parameters: Parameters, zero: Inputs) -> dict[str, object]:
    """The score of a sample of zeros, and of each level where they have their own."""
    common = array(model.scores(parameters, zero)[0])  # (T,)
    single = model.n_outputs == 1
    if model.intercept_mode is None:
        return {"intercept_": common[0] if single else common}
    levels = common + array(parameters["deviations"])  # (levels, T)
    return {
        "intercept_": levels[:, 0] if single else levels,
        "intercept_shared_": common[0] if single else common,
    }


def coefficients(model: TensorModel, parameters: Parameters, cell_area: float, layout: Layout) -> np.ndarray:
    """The weight of every entry of a sample's tensor, shape (*shape of mode 1, ...), outputs first."""
    sizes = [axis.n_entries for axis in model.axes]
    itemsize = parameters["intercept"].element_size()
    memory.require_bytes(
        3 * prod(sizes) * itemsize, torch.device("cpu"), f"coef_, the dense weight tensor of sizes {sizes},",
        "factors_ and component_weights_ hold the same in little room.",
    )  # fmt: skip
    weights = model.coefficients(parameters) * cell_area
    for dim, axis in enumerate(model.axes):
        if axis.mask is not None:
            weights = weights.movedim(dim, -1).masked_fill(~axis.mask, float("nan")).movedim(-1, dim)
    shapes = {axis.mode.name: axis.shape for axis in model.axes}
    where = {axis.mode.name: dim for dim, axis in enumerate(model.axes)}
    order = [where[mode.name] for mode in layout.modes]
    outputs = [] if model.n_outputs == 1 else [len(model.axes) - 1]
    weights = weights.permute(*outputs, *order)
    shape = [n for mode in layout.modes for n in shapes[mode.name]]
    return array(weights.reshape(*weights.shape[: len(outputs)], *shape))


def mode_names(model: TensorModel, layout: Layout, output_name: str) -> list[str]:
    """Names of the modes of W in the user's order, the outputs last."""
    return [mode.name for mode in layout.modes] + ([output_name] if model.n_outputs > 1 else [])


def axis_name(axis: Axis, output_name: str) -> str:
    """Name of a mode of W as the user knows it."""
    return output_name if axis.is_output else axis.mode.name


def factor_array(axis: Axis, factor: Tensor) -> np.ndarray:
    """A factor in the shape of its mode, without a shared row, NaN where there are no data."""
    levels = factor[: axis.n_entries]
    if axis.mask is not None:
        levels = levels.masked_fill(~axis.mask[:, None], float("nan"))
    return array(levels.reshape(*axis.shape, -1))


def array(tensor: Tensor) -> np.ndarray:
    """A numpy array of its own."""
    return tensor.detach().cpu().numpy().copy()


def to_xarray(estimator, coef: bool):
    """Factors, weights and intercepts of a fitted estimator as a Dataset with coordinates; coef_ where asked for."""
    try:
        import xarray as xr
    except ImportError as error:
        raise ImportError("to_xarray needs xarray: pip install 'sklearn-mrtl[xarray]'.") from error
    layout, output_name = estimator._layout, estimator._output_name
    variables, coords = {}, {}
    dims = mode_dims(layout)
    for axis in estimator._model.axes:
        if not axis.is_output:
            coords |= mode_coords(axis, dims[axis.mode.name], layout)
    dims[output_name] = (output_name,)
    if hasattr(estimator, "classes_") and len(estimator.classes_) > 2:
        coords[output_name] = (output_name, estimator.classes_)
    if hasattr(estimator, "factors_"):
        rank_dims = {name: f"{name}_component" if hasattr(estimator, "core_") else "component" for name in dims}
        for name, factor in estimator.factors_.items():
            variables[f"{name}_factors"] = ((*dims[name], rank_dims[name]), factor)
        for name, shared in estimator.factors_shared_.items():
            variables[f"{name}_shared"] = ((rank_dims[name],), shared)
        if hasattr(estimator, "core_"):
            variables["core"] = (tuple(rank_dims[name] for name in estimator.factors_), estimator.core_)
        else:
            variables["component_weights"] = (("component",), estimator.component_weights_)
    if coef or not hasattr(estimator, "factors_"):
        outputs = (output_name,) if estimator._model.n_outputs > 1 else ()
        variables["coef"] = ((*outputs, *(d for mode in layout.modes for d in dims[mode.name])), estimator.coef_)
    variables |= intercept_variables(estimator, dims, output_name)
    attrs = {
        "model": type(estimator).__name__,
        "alpha_spatial": estimator.alpha_spatial_,
        "alpha_l2": estimator.alpha_l2_,
    }
    return xr.Dataset(variables, coords, attrs)


def intercept_variables(estimator, dims: dict, output_name: str) -> dict:
    """The intercepts with their dimensions."""
    outputs = (output_name,) if estimator._model.n_outputs > 1 else ()
    mode = estimator._model.intercept_mode
    if mode is None:
        return {"intercept": (outputs, estimator.intercept_)}
    levels = dims[estimator._model.axes[mode].mode.name]
    return {
        "intercept": ((*levels, *outputs), estimator.intercept_),
        "intercept_shared": (outputs, estimator.intercept_shared_),
    }


def mode_dims(layout: Layout) -> dict[str, tuple[str, ...]]:
    """Dimensions of each mode: those of X where it has any, else the mode's name and the number of its axis."""
    dims, axis = {}, 0
    for mode in layout.modes:
        n_axes = len(mode.shape)
        if layout.labels.dims is not None and layout.joint and len(layout.row_shape) == total_axes(layout):
            dims[mode.name] = layout.labels.dims[axis : axis + n_axes]
        else:
            dims[mode.name] = (mode.name,) if n_axes == 1 else tuple(f"{mode.name}_{i}" for i in range(n_axes))
        axis += n_axes
    return dims


def total_axes(layout: Layout) -> int:
    """Axes of all modes together."""
    return sum(len(mode.shape) for mode in layout.modes)


def mode_coords(axis: Axis, dims: tuple[str, ...], layout: Layout) -> dict:
    """Coordinates of a mode at its resolution, with units: those of X, else the centres of a grid's cells."""
    coords = {}
    for i, dim in enumerate(dims):
        own = (layout.labels.coords or {}).get(dim)
        attrs = (layout.labels.attrs or {}).get(dim, {})
        if own is not None and len(own) == axis.shape[i]:
            coords[dim] = (dim, own, attrs)
        elif isinstance(axis.mode, Grid) and axis.mode.bounds is not None:
            low, high = axis.mode.bounds[i]
            n = axis.shape[i]
            centres = low + (np.arange(n) + 0.5) * (high - low) / n
            descending = own is not None and own[0] > own[-1]
            coords[dim] = (dim, centres[::-1] if descending else centres, attrs)
    return coords
