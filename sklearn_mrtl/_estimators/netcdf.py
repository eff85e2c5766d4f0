"""Fitted estimators in netCDF files, for those who do not trust pickles and for other programs."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._estimators.classifier import MRTLClassifier
from sklearn_mrtl._estimators.plain import Reader, Writer, is_plain
from sklearn_mrtl._estimators.regressor import MRTLRegressor
from sklearn_mrtl._estimators.terms import highest_term, other_tensors
from sklearn_mrtl._estimators.to_xarray import to_xarray
from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.files import replacing
from sklearn_mrtl.modes import describe

ESTIMATORS = {cls.__name__: cls for cls in (MRTLRegressor, MRTLClassifier)}
FORMAT = "sklearn_mrtl model 1"
ENGINE, STATE, TERMS, JSON = "h5netcdf", "state", "terms", "json"  # an engine, two groups, a variable of "state"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
USE: dict[str, Any] = {"extra": "xarray", "otherwise": "save the model with joblib or skops"}


def save_netcdf(estimator: MRTLRegressor | MRTLClassifier, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator to a netCDF-4 file that `load_netcdf` and any other program can read.

    The file holds what `to_xarray` returns (factors, weights and intercept with coordinates and categories), for each
    term of a sum in a group ``terms/<name>``; modes, parameters, version and date as attributes; and in the group
    "state" what `load_netcdf` makes the estimator of.

    Parameters
    ----------
    estimator : MRTLRegressor or MRTLClassifier
        Fitted. Of a pipeline, the last step; the steps before it have to be saved by joblib or skops.
    path : path-like
        An old file there is replaced once the new one is complete.

    Raises
    ------
    TypeError
        If it is another estimator, or has coordinates or categories that are no numbers, dates or text.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ImportError
        If xarray or h5netcdf is not installed.
    OSError
        If the file cannot be written; an old one is left as it is.

    Warns
    -----
    UserWarning
        If a parameter is an object, such as a splitter: it is not saved, and the loaded estimator has its default.

    See Also
    --------
    load_netcdf

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor, load_netcdf, save_netcdf
    >>> X = np.random.default_rng(0).normal(size=(100, 6, 8))
    >>> model = MRTLRegressor(rank=1).fit(X, X[:, :3, :4].sum((1, 2)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_netcdf(model, f"{folder}/model.nc")
    ...     loaded = load_netcdf(f"{folder}/model.nc")
    >>> bool((loaded.predict(X) == model.predict(X)).all())
    True
    """
    if ESTIMATORS.get(type(estimator).__name__) is not type(estimator):
        raise TypeError(
            f"estimator must be an MRTLRegressor or an MRTLClassifier, got {type(estimator).__name__}. Save the last "
            "step of a pipeline, or the whole pipeline with joblib or skops."
        )
    check_is_fitted(estimator)
    xr = import_optional("xarray", caller="save_netcdf", **USE)
    import_optional(ENGINE, caller="save_netcdf", **USE)
    datasets: dict[str | None, Any] = {
        None: estimator.to_xarray().assign_attrs(attributes_of(estimator)),
        STATE: state_of(estimator, xr),
    }
    if len(estimator.terms_) > 1:
        for name, term in estimator.terms_.items():
            attrs = {"term": name, "alpha_l2": term.alpha_l2, "degrees_of_freedom": term.degrees_of_freedom}
            datasets[TERMS + "/" + re.sub(r"\W+", "_", name)] = to_xarray(term.tensor, attrs)
    with replacing(Path(path)) as temporary:
        for group, dataset in datasets.items():
            mode = "w" if group is None else "a"
            as_netcdf(dataset).to_netcdf(temporary, mode=mode, group=group, engine=ENGINE)
        seal(temporary)


def load_netcdf(path: str | os.PathLike[str]) -> MRTLRegressor | MRTLClassifier:
    """Load an estimator that `save_netcdf` saved; no code of the file is run.

    Its predictions are those of the saved estimator to the last bit, on the same machine and with the same versions of
    numpy and torch. A warm start begins anew.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    MRTLRegressor or MRTLClassifier

    Raises
    ------
    ValueError
        If `save_netcdf` has not written the file, or if it was changed or damaged since.
    FileNotFoundError
        If there is no file.
    ImportError
        If h5netcdf is not installed.

    See Also
    --------
    save_netcdf
    """
    h5netcdf = import_optional("h5netcdf", caller="load_netcdf", **USE)
    path = Path(path)
    try:
        check_seal(path)  # before HDF5 opens the file: some of its versions crash where it is damaged
        with h5netcdf.File(path, "r") as file:
            state = file[STATE]
            if state.attrs["format"] != FORMAT:
                raise ValueError(f"its format is {state.attrs['format']!r}, expected {FORMAT!r}")
            n_bytes = sum(prod(variable.shape) * variable.dtype.itemsize for variable in state.variables.values())
            if n_bytes > path.stat().st_size:  # arrays are not compressed
                raise ValueError("its arrays are larger than the file")
            arrays = {name: np.asarray(variable[...]) for name, variable in state.variables.items()}
        return estimator_of(arrays)
    except (FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # damaged HDF5 or JSON can raise nearly anything
        raise ValueError(
            f"path={str(path)!r} is damaged, or was not written by save_netcdf: {error or type(error).__name__}."
        ) from error


def state_of(estimator: MRTLRegressor | MRTLClassifier, xr: Any) -> Any:
    """Return the Dataset that an estimator is made of again."""
    writer, parameters = Writer(), {}
    for name, value in estimator.get_params(deep=False).items():
        if is_plain(value):
            parameters[name] = writer.plain(value, name)
        else:
            warn(
                f"{name}={value!r} is no plain value and is not saved: the loaded estimator has the default.",
            )
    derived = {*estimator.tensor_.attributes(), "tensor_", "classes_"}
    attributes = {
        name: writer.plain(value, name)
        for name, value in vars(estimator).items()
        if name.endswith("_") and name not in derived
    }
    content = {"class": type(estimator).__name__, "parameters": parameters, "attributes": attributes}
    arrays = writer.arrays | {JSON: np.frombuffer(json.dumps(content).encode(), np.uint8)}
    variables = {name: ([f"{name}_dim{i}" for i in range(array.ndim)], array) for name, array in arrays.items()}
    return xr.Dataset(variables, attrs={"format": FORMAT})


def estimator_of(arrays: Mapping[str, np.ndarray]) -> MRTLRegressor | MRTLClassifier:
    """Return the estimator that `state_of` was given."""
    reader, content = Reader(arrays), json.loads(arrays[JSON].tobytes())
    known = {
        part: {name: reader.value(own) for name, own in content[part].items()} for part in ("parameters", "attributes")
    }
    estimator, attributes = ESTIMATORS[content["class"]](**known["parameters"]), known["attributes"]
    tensor = highest_term(attributes["terms_"]).tensor
    attributes |= tensor.attributes(other_tensors(attributes["terms_"], tensor)) | {"tensor_": tensor}
    attributes |= {} if tensor.outputs.classes is None else {"classes_": tensor.outputs.classes}
    estimator.__dict__.update(attributes)
    return estimator


def seal(path: Path) -> None:
    """Append a checksum to a file; HDF5 does not read what is behind its own end."""
    content = path.read_bytes()
    with open(path, "ab") as file:
        file.write(checksum(content))


def check_seal(path: Path) -> None:
    """Check that a file is as `seal` left it.

    Raises
    ------
    ValueError
    """
    content = path.read_bytes()
    if not content.startswith(SIGNATURE):
        raise ValueError("it is no netCDF-4 file")
    n_bytes = len(content) - len(checksum(b""))
    if content[n_bytes:] != checksum(content[:n_bytes]):
        raise ValueError("it has no valid checksum at its end")


def checksum(content: bytes) -> bytes:
    """Return the end of a file with some content."""
    return f"\nsklearn_mrtl sha256 {hashlib.sha256(content).hexdigest()}\n".encode()


def attributes_of(estimator: MRTLRegressor | MRTLClassifier) -> dict[str, Any]:
    """Return what other programs show of a file: versions, date, modes and parameters."""
    versions = ", ".join(f"{name} {import_module(name).__version__}" for name in ("sklearn_mrtl", "numpy", "torch"))
    parameters = {
        f"parameter_{name}": value
        if isinstance(value, str | int | float) and not isinstance(value, bool)
        else repr(value)
        for name, value in estimator.get_params(deep=False).items()
    }
    return {
        "Conventions": "CF-1.11",
        "title": f"Weights of a fitted {type(estimator).__name__}",
        "source": versions,
        "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} saved by sklearn_mrtl.save_netcdf",
        "modes": describe(estimator.modes_),
    } | parameters


def as_netcdf(dataset: Any) -> Any:
    """Return a Dataset with names and coordinates that netCDF can hold."""
    mixed = {
        name: (coord.dims, coord.values.astype(str), coord.attrs)
        for name, coord in dataset.coords.items()
        if coord.dtype == object
    }
    names = [*dataset.variables, *dataset.dims]
    return dataset.assign_coords(mixed).rename({name: name.replace("/", "_") for name in names if "/" in name})
