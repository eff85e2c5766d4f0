"""The outputs of a model: what its scores mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from sklearn_mrtl._estimators.rows import power_of_two
from sklearn_mrtl._estimators.target_form import TargetForm
from sklearn_mrtl.modes import Grid

NEXT_TO_NOTHING = 1e-9  # standard deviation that a constant cell of a map counts as having, relative to the largest
LARGEST_UNIT = 1e9  # of weights in counts: sums of float32 bear it


@dataclass(frozen=True, eq=False)
class Outputs:
    """How the scores of the core become values of y.

    Attributes
    ----------
    name : str
        Name of the outputs as a mode of W.
    scale, shift : ndarray of shape (T,)
        A score is scale times the core's score, plus shift.
    classes : ndarray, or None
        Labels of classes, of which two share one output.
    is_log : bool
        Whether scores are logarithms of expected counts; otherwise they are what is predicted.
    form : TargetForm
        The shape and the names of y in fit.
    """

    name: str
    scale: np.ndarray
    shift: np.ndarray
    classes: np.ndarray | None = None
    is_log: bool = False
    form: TargetForm = TargetForm()

    @property
    def number(self) -> int:
        """Number T of outputs."""
        return len(self.scale)

    @property
    def grid(self) -> Grid | None:
        """The grid whose cells the outputs are, if there are several."""
        return self.form.grid if self.number > 1 else None

    def number_at(self, level: Mapping[str, tuple[int, ...]]) -> int:
        """Return the number of outputs at a level, at most."""
        return self.number if self.grid is None else min(self.number, prod(level[self.grid.name]))

    @property
    def labels(self) -> np.ndarray | None:
        """Names of the outputs, if they have any."""
        return self.classes if self.number > 1 else None

    def in_form(self, form: TargetForm) -> Outputs:
        """Return the outputs of a y of some form."""
        return replace(self, name=form.grid.name if form.grid else self.name, form=form)

    def targets(self, y: np.ndarray) -> np.ndarray:
        """Return the targets (n, T) of the core for values of y, shape (n,) or (n, T)."""
        y = y.reshape(len(y), -1)
        return y / np.exp(self.shift) if self.is_log else (y - self.shift) / self.scale

    def predictions(self, scores: np.ndarray) -> np.ndarray:
        """Return the values of y, in its shape, that are expected for scores (n, T)."""
        scores = self.form.shaped(scores)
        return np.exp(scores) if self.is_log else scores


def standardize(
    y: np.ndarray, weight: np.ndarray, dtype: np.dtype, *, is_map: bool = False
) -> tuple[np.ndarray, Outputs]:
    """Return targets (n, T) with weighted mean 0 and variance 1, and the outputs that undo it.

    Raises
    ------
    ValueError
        If an output is constant, or all cells of a map are, or values cannot be held in the dtype.
    """
    y = y.reshape(len(y), -1).astype(np.float64)
    largest = np.abs(y).max(initial=0.0)
    size = power_of_two(largest) if largest > 0 else 1.0  # its square neither overflows nor vanishes
    y = y / size
    shift = np.average(y, axis=0, weights=weight)
    scale = np.sqrt(np.average((y - shift) ** 2, axis=0, weights=weight))
    constant = constant_outputs(shift, scale)
    if is_map:
        y[:, constant] = shift[constant]
    scale = checked_scale(size * shift, size * scale, largest, len(y), dtype, is_map=is_map) / size
    return (y - shift) / scale, Outputs("output", size * scale, size * shift)


def constant_outputs(shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the outputs that do not vary, but for rounding."""
    return np.flatnonzero(scale <= 1e-12 * np.abs(shift))


def checked_scale(
    shift: np.ndarray, scale: np.ndarray, largest: float, n_rows: int, dtype: np.dtype, *, is_map: bool
) -> np.ndarray:  # fmt: skip
    """Return the standard deviations of outputs; that of a constant cell of a map is next to nothing.

    Raises
    ------
    ValueError
        If an output is constant, or all cells of a map are, or the dtype cannot hold the values.
    """
    constant = constant_outputs(shift, scale)
    if is_map and len(constant) < len(scale):
        scale = scale.copy()
        scale[constant] = NEXT_TO_NOTHING * scale.max()  # its weights come to nothing
    elif len(constant):
        which = "y is" if len(scale) == 1 else f"outputs {constant.tolist()} of y are"
        value = shift[constant[0]]
        raise ValueError(f"{which} constant, n_samples = {n_rows} row(s) with value {value:g}: nothing to learn.")
    limits = np.finfo(dtype)
    if largest > limits.max / 8 or scale.min() < limits.tiny:
        raise ValueError(
            f"y has values of up to {largest:g} that vary by {scale.min():g}, which {np.dtype(dtype)}, the "
            "precision of X, cannot hold; give X as float64, or y in other units."
        )
    return scale


def divide_by_mean(
    y: np.ndarray, weight: np.ndarray, dtype: np.dtype, *, is_map: bool = False
) -> tuple[np.ndarray, Outputs]:
    """Return counts or rates (n, T) divided by the mean of them all, and the outputs that undo it.

    A core's score of 0 then is the best constant score of a single output. Outputs are divided by the same number,
    because one with more counts says more about what they have in common.

    Raises
    ------
    ValueError
        If an output is constant, or its values cannot be held in the dtype.
    """
    means = standardize(y, weight, dtype, is_map=is_map)[1].shift
    outputs = Outputs("output", np.ones(len(means)), np.full(len(means), np.log(means.mean())), is_log=True)
    return outputs.targets(y), outputs


def weights_in_counts(weight: np.ndarray, given: np.ndarray, outputs: Outputs) -> np.ndarray:
    """Return weights whose sum is the number of counts: with them the weighted loss is the negative log likelihood.

    Strengths of several terms are estimated from the likelihood; nothing else depends on the unit of the weights, which
    stays within bounds for y that are no counts.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Normalized.
    given : ndarray of shape (n,)
        In the user's units.
    outputs : Outputs
        Of `divide_by_mean`.
    """
    with np.errstate(over="ignore", under="ignore"):
        unit = float(np.exp(outputs.shift).sum() * given.max() / weight.max())
    return weight * min(max(unit, 1 / LARGEST_UNIT), LARGEST_UNIT)
