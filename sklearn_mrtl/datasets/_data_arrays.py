"""Arrays of a data set as xarray.DataArrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from sklearn.utils import Bunch

from sklearn_mrtl._utils.optional import import_optional


def import_xarray(caller: str) -> ModuleType:
    """Return xarray, which `caller` needs for ``as_xarray=True``.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    return import_optional(
        "xarray", extra="xarray", caller=f"{caller}(as_xarray=True)", otherwise="leave as_xarray=False for numpy arrays"
    )


def replace_by_data_arrays(
    data: Bunch, dims: Mapping[str, Sequence[str]], coords: Mapping[str, tuple], attrs: Mapping[str, Any], caller: str
) -> None:
    """Replace arrays of a data set by DataArrays, each with all coordinates along its dimensions.

    Parameters
    ----------
    data : Bunch
    dims : mapping
        Dimensions of each array that is replaced.
    coords : mapping
        (dimension, values) or (dimension, values, attributes) of each coordinate.
    attrs : mapping
        Attributes of arrays that have some.
    caller : str
        Name of the public function.
    """
    xr = import_xarray(caller)
    for name, own in dims.items():
        along = {key: coord for key, coord in coords.items() if coord[0] in own}
        data[name] = xr.DataArray(data[name], along, own, name, attrs.get(name))
