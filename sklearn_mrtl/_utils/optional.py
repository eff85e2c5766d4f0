"""Packages of the extras, imported where they are needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def import_optional(module: str, *, extra: str, caller: str, otherwise: str) -> ModuleType:
    """Import a package of an extra.

    Raises
    ------
    ImportError
        If it is not installed; says which call needs it, how to get it and what to do otherwise.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{caller} needs {module}: pip install 'sklearn-mrtl[{extra}]', or {otherwise}.") from error
