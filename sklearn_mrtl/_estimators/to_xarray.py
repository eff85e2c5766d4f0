"""A fitted tensor as an xarray Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn_mrtl._estimators.fitted import FittedTensor
from sklearn_mrtl._utils.optional import import_optional

if TYPE_CHECKING:
    import xarray


def to_xarray(tensor: FittedTensor, attrs: dict, *, coef: bool = False) -> xarray.Dataset:
    """Return factors, weights and the intercept as a Dataset with coordinates; the dense weights where asked for.

    Raises
    ------
    ImportError
        If xarray is not installed.
    ValueError
        If names of modes or of X's dimensions are those of variables.
    """
    xr = import_optional(
        "xarray", extra="xarray", caller="to_xarray", otherwise="read the fitted attributes themselves"
    )
    modes = tensor.modes
    if tensor.output is not None:
        taken = [dim for mode in modes.values() if not mode.is_output for dim in mode.dims]
        modes[tensor.output.name] = tensor.output.with_other_dims(taken)
    dims = {name: mode.dims for name, mode in modes.items()}
    coords = {dim: variable for mode in modes.values() for dim, variable in mode.variables.items()}
    outputs = () if tensor.output is None else dims[tensor.output.name]
    variables: dict[str, tuple[tuple[str, ...], Any]] = {}
    component_dims: set[str] = set()
    if tensor.decomposition is not None:
        core, factors = tensor.canonical
        rank_dims = {name: "component" if core.ndim == 1 else f"{name}_component" for name in modes}
        component_dims = set(rank_dims.values())
        variables |= {f"{name}_factors": ((*dims[name], rank_dims[name]), factors[name]) for name in modes}
        if core.ndim == 1:
            variables["component_weights"] = (("component",), core)
        else:
            variables["core"] = (tuple(rank_dims.values()), core)
    if coef or tensor.decomposition is None:
        inputs = [dim for name in modes if not modes[name].is_output for dim in dims[name]]
        variables["coef"] = ((*outputs, *inputs), tensor.coefficients())
    variables["intercept"] = (outputs, tensor.intercept_of_y)
    check_names([*(dim for names in dims.values() for dim in names), *component_dims], variables)
    return xr.Dataset(variables, coords, attrs)


def check_names(dims: Sequence[str], variables: dict) -> None:
    """Refuse a dimension that stands for two things, or that a variable is called."""
    taken = {dim for dim, times in Counter(dims).items() if times > 1} | set(dims) & set(variables)
    if taken:
        raise ValueError(
            f"to_xarray needs the name(s) {sorted(taken)} for variables or other dimensions; rename the modes, or the "
            "dimensions of X."
        )
