"""The outputs of a model: what its scores mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_mrtl._estimators.rows import power_of_two


@dataclass(frozen=True, eq=False)
class Outputs:
    """How the scores of the core become values of y.

    Attributes
    ----------
    name : str
        Name of the outputs as a mode of W.
    scale, shift : ndarray of shape (T,)
        An output is scale times the core's score, plus shift.
    classes : ndarray, or None
        Labels of classes, of which two share one output.
    """

    name: str
    scale: np.ndarray
    shift: np.ndarray
    classes: np.ndarray | None = None

    @property
    def number(self) -> int:
        """Number T of outputs."""
        return len(self.scale)

    @property
    def labels(self) -> np.ndarray | None:
        """Names of the outputs, if they have any."""
        return self.classes if self.number > 1 else None

    def standardized(self, y: np.ndarray) -> np.ndarray:
        """Return the scores (n, T) of the core that are values of y."""
        return (y.reshape(len(y), -1) - self.shift) / self.scale


def standardize(y: np.ndarray, weight: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, Outputs]:
    """Return targets (n, T) with weighted mean 0 and variance 1, and the outputs that undo it.

    Raises
    ------
    ValueError
        If an output is constant, or its values cannot be held in the dtype.
    """
    y = y.reshape(len(y), -1).astype(np.float64)
    largest = np.abs(y).max(initial=0.0)
    size = power_of_two(largest) if largest > 0 else 1.0  # its square neither overflows nor vanishes
    y = y / size
    shift = np.average(y, axis=0, weights=weight)
    scale = np.sqrt(np.average((y - shift) ** 2, axis=0, weights=weight))
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(shift))
    if len(constant):
        which = "y is" if len(scale) == 1 else f"outputs {constant.tolist()} of y are"
        value = size * shift[constant[0]]
        raise ValueError(f"{which} constant, n_samples = {len(y)} row(s) with value {value:g}: nothing to learn.")
    limits = np.finfo(dtype)
    if largest > limits.max / 8 or (size * scale).min() < limits.tiny:
        raise ValueError(
            f"y has values of up to {largest:g} that vary by {(size * scale).min():g}, which {np.dtype(dtype)}, the "
            "precision of X, cannot hold; give X as float64, or y in other units."
        )
    return (y - shift) / scale, Outputs("output", size * scale, size * shift)
