"""Classes: their labels, codes and weights."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from numbers import Real

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import Rows


def validate_classes(name: str, y) -> np.ndarray:
    """Return labels of shape (n,).

    Raises
    ------
    ValueError
        If labels are missing, or no labels of classes.
    """
    y = column_or_1d(y, warn=True)
    if y.dtype == object:
        n_missing = sum(label is None or label != label for label in y)
        if n_missing:
            raise ValueError(f"{name} contains NaN or None, in {n_missing} of {len(y)} rows; leave these rows out.")
    check_classification_targets(y)
    return y


def known_codes(y_val, classes: np.ndarray) -> np.ndarray:
    """Return the index among the classes of each label of validation data.

    Raises
    ------
    ValueError
        If one is not among them.
    """
    y_val = validate_classes("y_val", y_val)
    unknown = np.setdiff1d(y_val, classes)
    if len(unknown):
        raise ValueError(f"y_val has classes that y has not: {unknown.tolist()}; those of y are {classes}.")
    return np.searchsorted(classes, y_val)


def one_hot(codes: np.ndarray, outputs: Outputs) -> np.ndarray:
    """Return targets (n, T): 0 or 1 for two classes, else one column for each."""
    codes = codes[:, None]
    return codes if outputs.number == 1 else codes == np.arange(outputs.number)


def weights_of_rows(factors: np.ndarray, codes: np.ndarray) -> np.ndarray | float:
    """Return the weight of each row's class, by the weight of each class; 1.0 if all have that."""
    return 1.0 if (factors == 1).all() else factors[codes]


def class_weights(class_weight, classes: np.ndarray, codes: np.ndarray, rows: Rows) -> np.ndarray:
    """Return the weight of each class.

    "balanced" is inversely proportional to the weight of the rows of a class.

    Raises
    ------
    ValueError
        If a class has a weight that is no positive, finite number, or a key is no class.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        totals = np.bincount(codes, weights=rows.weight / np.float64(rows.weight.max()))
        return totals.sum() / (len(classes) * totals)
    return validate_class_weight(class_weight, classes)


def validate_class_weight(class_weight, classes: np.ndarray) -> np.ndarray:
    """Return the weight of each class.

    Raises
    ------
    ValueError
        If a class has a weight that is no positive, finite number, or a key is no class.
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"class_weight must be a dict, 'balanced' or None, got {class_weight!r}.")
    unknown = [label for label in class_weight if label not in set(classes.tolist())]
    if unknown and not set(classes.tolist()) <= set(class_weight):  # of a fold that lacks classes all others are named
        raise ValueError(f"class_weight names {unknown}, which y has not; its classes are {classes.tolist()}.")
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not isfinite(weight) or weight <= 0:
            raise ValueError(
                f"class_weight of class {label!r} must be positive and finite, got {weight!r}; to leave a class out, "
                "leave its rows out."
            )
    return np.array([class_weight.get(label, 1.0) for label in classes.tolist()], dtype=np.float64)


def check_weights(rows: Rows, classes: np.ndarray) -> None:
    """Refuse weights so far apart that a class has none left in the precision of X.

    Raises
    ------
    ValueError
    """
    lost = np.setdiff1d(np.arange(len(classes)), rows.y)
    if len(lost):
        raise ValueError(
            f"sample_weight times class_weight leaves no weight to class(es) {classes[lost].tolist()} beside the "
            f"largest weight, in {rows.weight.dtype}, the precision of X."
        )
