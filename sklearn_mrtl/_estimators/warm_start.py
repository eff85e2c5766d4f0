"""What a warm start goes on from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl.core.fit import Fit

FREE = ("verbose", "warm_start", "device", "checkpoint")  # parameters that may change when a training goes on


@dataclass(frozen=True, eq=False)
class WarmStart:
    """A fit, its seed, and all that has to be the same for training to go on.

    Attributes
    ----------
    seed : int
        Of all that is random in the fit.
    key : dict, default=None
        None: nothing is kept.
    fit : Fit, default=None
        None: training begins.
    """

    seed: int
    key: dict | None = None
    fit: Fit | None = None

    @classmethod
    def find(cls, estimator, layout: Layout, training: Rows, validation: Rows | None) -> WarmStart:
        """Return the estimator's earlier fit if it is of the same parameters and data, else a new beginning."""
        key = None
        if estimator.warm_start:
            key = {name: value for name, value in estimator.get_params().items() if name not in (*FREE, "n_levels")}
            key |= {"layout": layout, "data": fingerprint(*training, *(validation or ()))}
            earlier = getattr(estimator, "_warm_start", None)
            if earlier is not None and earlier.key == key:
                return earlier
        return cls(int(check_random_state(estimator.random_state).randint(2**31 - 1)), key)

    def after(self, fit: Fit) -> dict[str, WarmStart]:
        """Return the attribute that the next fit goes on from, if one may."""
        return {} if self.key is None else {"_warm_start": replace(self, fit=fit)}


def fingerprint(*arrays) -> str:
    """Return a hash of arrays, dense or CSR."""
    digest = blake2b(digest_size=16)
    for array in arrays:
        for part in (array.data, array.indices, array.indptr) if sparse.issparse(array) else (array,):
            digest.update(f"{part.dtype} {part.shape}".encode())
            for row in part if part.ndim > 2 else [part]:  # one by one, so that no copy is large
                digest.update(np.ascontiguousarray(row).data)
    return digest.hexdigest()
