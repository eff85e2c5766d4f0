"""Components of opposite sign that cancel each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sklearn_mrtl._warnings import warn

OPPOSITE = -0.8  # product of the cosines in all modes below which two components are nearly opposite
LARGE = 0.5  # weight, relative to the largest


def cancelling_components(weights: np.ndarray, factors: Mapping[str, np.ndarray]) -> list[tuple[int, int]]:
    """Return the numbers of every two large components that are nearly opposite.

    Parameters
    ----------
    weights : ndarray of shape (K,)
    factors : dict of str to ndarray of shape (*shape, K)
        With unit columns; NaN where there are no data.
    """
    congruence = np.ones((len(weights), len(weights)))
    for factor in factors.values():
        columns = np.nan_to_num(factor.reshape(-1, len(weights)))
        congruence *= columns.T @ columns
    is_large = weights >= LARGE * weights.max(initial=0.0)
    found = np.argwhere(np.triu((congruence < OPPOSITE) & is_large & is_large[:, None], 1))
    return [(int(a), int(b)) for a, b in found]


def warn_of_cancelling(terms: Any) -> None:
    """Warn of components that cancel, in any of the fitted terms, a dict by name."""
    for name, term in terms.items():
        if term.tensor.decomposition != "cp" or term.rank < 2:
            continue
        found = cancelling_components(term.component_weights, term.factors)
        if found:
            which = ", ".join(f"{a} and {b}" for a, b in found)
            warn(
                f"components {which} of {name!r} are nearly opposite and cancel: only their difference means anything. "
                f"A rank below {term.rank}, a stronger alpha_l2, or nonnegative modes would keep them apart.",
            )
