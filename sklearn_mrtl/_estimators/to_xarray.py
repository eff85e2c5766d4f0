"""A fitted tensor as an xarray Dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sklearn_mrtl._estimators.fitted import FittedTensor
from sklearn_mrtl._utils.optional import import_optional

if TYPE_CHECKING:
    import xarray


def to_xarray(tensor: FittedTensor, attrs: dict, *, coef: bool = False, others=()) -> xarray.Dataset:
    """Return factors, weights and the intercept as a Dataset with coordinates; the dense weights where asked for.

    Parameters
    ----------
    tensor : FittedTensor
        The one whose variables have the names of modes alone.
    others : sequence of FittedTensor
        The other terms of a sum.

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
    modes = {name: mode for one in (*others, tensor) for name, mode in one.modes.items()}
    if tensor.output is not None:
        taken = [dim for mode in modes.values() if not mode.is_output for dim in mode.dims]
        modes[tensor.output.name] = tensor.output.with_other_dims(taken)
    dims = {name: mode.dims for name, mode in modes.items()}
    coords = {dim: variable for mode in modes.values() for dim, variable in mode.variables.items()}
    outputs = () if tensor.output is None else dims[tensor.output.name]
    variables = variables_of(tensor, dims, coef=coef)
    for other in others:
        variables |= variables_of(other, dims, f"{other.name.replace(' ', '_')}_", coef=coef)
    variables["intercept"] = (outputs, tensor.intercept_of_y(others))
    of_modes = [dim for names in dims.values() for dim in names]
    check_names([*of_modes, *({dim for own, _ in variables.values() for dim in own} - set(of_modes))], variables)
    return xr.Dataset(variables, coords, attrs)


def variables_of(
    tensor: FittedTensor, dims: dict[str, tuple[str, ...]], prefix: str = "", *, coef: bool
) -> dict[str, tuple[tuple[str, ...], Any]]:
    """Return the factors and weights of a tensor by the names of variables, each with its dimensions.

    Another term of a single mode has its weights only, which are one map.
    """
    variables: dict[str, tuple[tuple[str, ...], Any]] = {}
    names = list(tensor.modes)
    of_outputs = [name for name in names if tensor.modes[name].is_output]
    inputs = [name for name in names if name not in of_outputs]
    is_map = bool(prefix) and len(inputs) == 1
    if tensor.decomposition is not None and not is_map:
        core, factors = tensor.canonical
        kinds = {name: "component" if core.ndim == 1 else f"{name}_component" for name in names}
        variables |= {
            f"{prefix}{name}_factors": ((*dims[name], f"{prefix}{kinds[name]}"), factors[name]) for name in names
        }
        weights = "component_weights" if core.ndim == 1 else "core"
        variables[prefix + weights] = (tuple(dict.fromkeys(f"{prefix}{kind}" for kind in kinds.values())), core)
    if coef or tensor.decomposition is None or is_map:
        own = [dim for name in (*of_outputs, *inputs) for dim in dims[name]]
        variables[f"{prefix}coef"] = (tuple(own), tensor.coefficients())
    return variables


def check_names(dims: Sequence[str], variables: dict) -> None:
    """Refuse a dimension that stands for two things, or that a variable is called."""
    taken = {dim for dim, times in Counter(dims).items() if times > 1} | set(dims) & set(variables)
    if taken:
        raise ValueError(
            f"to_xarray needs the name(s) {sorted(taken)} for variables or other dimensions; rename the modes, or the "
            "dimensions of X."
        )
