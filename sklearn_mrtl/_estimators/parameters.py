"""Values of parameters, checked with their names."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite
from numbers import Integral, Real

from sklearn.utils import check_scalar


def is_auto(value) -> bool:
    """Return whether a parameter is "auto"."""
    return isinstance(value, str) and value == "auto"


def validate_count(name: str, value, at_least: int = 1) -> int:
    """Return an int that is not too small.

    Raises
    ------
    TypeError
        If it is no int, or a bool.
    ValueError
        If it is too small.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of int, not bool, got {value!r}.")
    return int(check_scalar(value, name, Integral, min_val=at_least))


def validate_number(name: str, value, *, above: float | None = None) -> float:
    """Return a finite number of at least 0, or above a number.

    Raises
    ------
    TypeError
        If it is no number, or a bool.
    ValueError
        If it is out of its range, infinite or NaN.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of float, not bool, got {value!r}.")
    if isinstance(value, Real) and not isfinite(value):
        raise ValueError(f"{name} must be finite, got {value!r}.")
    if above is not None:
        return float(check_scalar(value, name, Real, min_val=above, include_boundaries="neither"))
    return float(check_scalar(value, name, Real, min_val=0))


def validate_verbose(value) -> int:
    """Return how much is printed; True is 1."""
    return int(value) if isinstance(value, bool) else validate_count("verbose", value, at_least=0)


def validate_fraction(name: str, value) -> float:
    """Return a number between 0 and 1, without these."""
    return float(check_scalar(validate_number(name, value), name, Real, min_val=0, max_val=1,
                              include_boundaries="neither"))  # fmt: skip


def validate_alpha(name: str, alpha) -> float | None:
    """Return a penalty's strength; None: it is to be chosen."""
    if is_auto(alpha) or (alpha is None and name.startswith("full_rank")):
        return None
    if not isinstance(alpha, Real) or isinstance(alpha, bool):
        raise TypeError(f"{name} must be 'auto' or a number, got {alpha!r}.")
    return validate_number(name, alpha)


def one_of(name: str, value, known: Collection[str]) -> None:
    """Refuse an unknown name, listing the known ones."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {sorted(known)}, got {value!r}.")
