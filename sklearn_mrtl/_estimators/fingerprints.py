"""Fingerprints of parameters and data: equal ones mean equal fits, in this process and in others."""

from __future__ import annotations

from hashlib import blake2b
from pickle import PicklingError
from types import CodeType

import joblib
import numpy as np

from sklearn_mrtl._estimators.device_csr import is_sparse, parts_of

UNNAMED = "unnamed "  # begins the fingerprint of what only this process can tell from others


def fingerprint(*arrays) -> str:
    """Return a hash of arrays, dense or CSR."""
    digest = blake2b(digest_size=16)
    for array in arrays:
        if array is None:
            continue
        for part in parts_of(array) if is_sparse(array) else (array,):
            digest.update(f"{part.dtype} {part.shape}".encode())
            for row in part if part.ndim > 2 else [part]:  # one by one, so that no copy is large
                digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()


def parameter_fingerprint(value) -> str:
    """Return a hash of a parameter's value, of a function's code too.

    A lambda, or a function inside another, has no name that would mean the same in another process, and its code does
    not tell what it refers to. Its fingerprint begins with `UNNAMED` and is good for this process.
    """
    code = getattr(value, "__code__", None)
    words = code_words(code) if isinstance(code, CodeType) else ""
    try:
        return joblib.hash((value, words))
    except (PicklingError, AttributeError, TypeError):  # what pickle raises for them differs between Pythons
        return f"{UNNAMED}{value!r} {words}"


def code_words(code: CodeType) -> str:
    """Return what a function does, the same in every process of one version of Python."""

    def words(constant) -> str:
        if isinstance(constant, CodeType):
            return code_words(constant)
        return repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)

    return repr((code.co_code, code.co_names, [words(constant) for constant in code.co_consts]))
