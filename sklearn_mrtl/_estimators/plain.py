"""Fitted attributes as JSON values and arrays of numbers, from which the same attributes are made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from sklearn_mrtl._estimators.encodings import EncodingStatistics
from sklearn_mrtl._estimators.fields import FieldStatistics
from sklearn_mrtl._estimators.fitted import FittedTensor
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.target_form import TargetForm
from sklearn_mrtl._estimators.terms import FittedTerm
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.modes import Feature, Grid

# Nothing else is ever made of a file.
RECORDS = {
    cls.__name__: cls
    for cls in (
        Feature, Grid, Labels, Layout, TargetForm, Outputs, FieldStatistics, EncodingStatistics, FittedTensor,
        FittedTerm,
    )
}  # fmt: skip
SEQUENCES: dict[str, Callable] = {"tuple": tuple, "set": set, "frozenset": frozenset}
NUMBERS, DATES = "iuf", "mM"  # kinds of dtypes


class Writer:
    """Makes JSON values of fitted attributes, and keeps their arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Of numbers, by a name that JSON has in their place: the attribute's, and where it is found there.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._known: dict[int, tuple[int, Any]] = {}  # arrays and records, numbered as they come: terms share many

    def plain(self, value: Any, name: str) -> Any:
        """Return what JSON can hold of a value.

        Raises
        ------
        TypeError
            If it is none of the types that this module knows.
        """
        if value is None or type(value) in (bool, int, float, str):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, list):
            return self._each(value, name)
        if isinstance(value, np.generic) and value.dtype.kind in "b" + NUMBERS:
            return {"scalar": value.item(), "dtype": value.dtype.str}
        for kind, sequence in SEQUENCES.items():
            if type(value) is sequence:
                return {kind: self._each(value, name)}
        if isinstance(value, Mapping):
            return {"dict": [[self.plain(key, name), self.plain(own, f"{name}.{key}")] for key, own in value.items()]}
        if id(value) in self._known:
            return {"same": self._known[id(value)][0]}
        new = self._new(value, name)
        self._known[id(value)] = len(self._known), value  # the value too: while it lives, its id is nobody else's
        return new

    def _each(self, values: Iterable, name: str) -> list:
        return [self.plain(value, f"{name}.{i}") for i, value in enumerate(values)]

    def _new(self, value: Any, name: str) -> Any:
        """Return what JSON can hold of an array or of a record."""
        if type(value) is np.ndarray:
            return self._array(value, name)
        if RECORDS.get(type(value).__name__) is type(value):
            own = {field.name: getattr(value, field.name) for field in fields(value)}
            return {"record": type(value).__name__, "fields": {k: self.plain(v, f"{name}.{k}") for k, v in own.items()}}
        raise TypeError(
            f"{name} is a {type(value).__name__}, which cannot be saved as plain numbers and text: {value!r}."
        )

    def _array(self, array: np.ndarray, name: str) -> Any:
        """Keep an array of numbers or dates; return any other as a list."""
        dtype = array.dtype.str
        if array.dtype.kind in NUMBERS + DATES + "b" and array.size:
            name = re.sub(r"[^\w.]+", "_", name)
            while name in self.arrays:
                name += "_"
            self.arrays[name] = np.array(array, order="C").view(stored(array.dtype))
            return {"array": name, "dtype": dtype}
        return {"values": self._each(array.ravel().tolist(), name), "dtype": dtype, "shape": list(array.shape)}


class Reader:
    """Makes fitted attributes of JSON values and arrays.

    Parameters
    ----------
    arrays : mapping of str to ndarray
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self.arrays = arrays
        self._known: list[Any] = []  # as `Writer` numbers them

    def value(self, plain: Any) -> Any:
        """Return what `Writer` was given.

        Raises
        ------
        ValueError, KeyError, TypeError
            If `Writer` has not written it.
        """
        if not isinstance(plain, list | dict):
            return plain
        if isinstance(plain, list):
            return [self.value(own) for own in plain]
        kind = next(iter(plain))
        if kind in SEQUENCES:
            return SEQUENCES[kind](self.value(plain[kind]))
        if kind == "dict":
            return {self.value(key): self.value(own) for key, own in plain["dict"]}
        if kind == "same":
            return self._known[plain["same"]]
        if kind == "scalar":
            return np.dtype(plain["dtype"]).type(plain["scalar"])
        new = self._record(plain) if kind == "record" else self._array(plain)
        self._known.append(new)
        return new

    def _record(self, plain: Mapping[str, Any]) -> Any:
        return RECORDS[plain["record"]](**{name: self.value(own) for name, own in plain["fields"].items()})

    def _array(self, plain: Mapping[str, Any]) -> np.ndarray:
        dtype = np.dtype(plain["dtype"])
        if "array" in plain:
            return np.array(self.arrays[plain["array"]], stored(dtype), order="C").view(dtype)
        array = np.empty(len(plain["values"]), dtype)
        array[:] = self.value(plain["values"])
        return array.reshape(plain["shape"])


def is_plain(value: Any) -> bool:
    """Return whether `Writer` takes a value."""
    try:
        Writer().plain(value, "")
    except TypeError:
        return False
    return True


def stored(dtype: np.dtype) -> np.dtype:
    """Return the dtype of numbers in which an array is stored."""
    return np.dtype({"b": "u1", "m": "i8", "M": "i8"}.get(dtype.kind, dtype))
