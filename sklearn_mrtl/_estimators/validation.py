"""From what users give to arrays: X, y, weights, and data for validation."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import torch
from sklearn.utils.validation import (
    _check_sample_weight,
    assert_all_finite,
    validate_data,
)

from sklearn_mrtl._estimators.device_array import DeviceArray
from sklearn_mrtl._estimators.device_csr import DeviceCSR
from sklearn_mrtl._estimators.folds import group_numbers
from sklearn_mrtl._estimators.layout import check_rows
from sklearn_mrtl._estimators.rows import Rows, power_of_two
from sklearn_mrtl._estimators.tensors import array_or_device_array, check_finite, from_dlpack, on_host
from sklearn_mrtl._utils.arrays import as_one_array
from sklearn_mrtl._utils.labels import Labels, align

FLOATS = (np.float64, np.float32)
Expected = tuple[tuple[int, ...], Labels, np.dtype]  # shape of rows, labels and dtype of X in fit


def validate_samples(estimator, X, y=None, *, expected: Expected | None = None, **options):
    """Return X, or X and y, as arrays, and the labels of X.

    Parameters
    ----------
    expected : (shape of rows, Labels, dtype), default=None
        Of X in fit; None: this is fit.
    **options
        Of scikit-learn's `validate_data`.
    """
    X = from_dlpack(as_one_array(X))
    if isinstance(X, list | tuple):
        X = np.asarray(X)
    X = X if expected is None else align(X, expected[1])
    labels = Labels.of(X)
    X = array_or_device_array(X, estimator.device, expected and expected[2]) if isinstance(X, torch.Tensor) else X
    shape = tuple(getattr(X, "shape", ()))
    if expected is not None and max(len(shape) - 1, len(expected[0])) > 1:
        check_rows(shape[1:], expected[0])
    is_elsewhere = isinstance(X, DeviceArray | DeviceCSR)
    if is_elsewhere and len(shape) == 2:
        check_finite(X)
    if is_elsewhere or len(shape) > 2:
        options["ensure_all_finite"] = False  # NaN is land; looked at when means are taken, in blocks
    options |= {"reset": expected is None, "accept_sparse": "csr", "allow_nd": True}
    options["dtype"] = list(FLOATS) if expected is None else expected[2]
    # Instead of X on a device scikit-learn validates an array of its shape and dtype, with a single number in memory.
    seen = np.broadcast_to(np.zeros((), X.dtype), X.shape) if is_elsewhere else X
    if y is None:
        checked = validate_data(estimator, seen, **options)
        return X if seen is not X else checked, labels
    checked, y = validate_data(estimator, seen, y, **options)
    return (X if seen is not X else checked, y), labels


def validate_rows(
    estimator, X, y, sample_weight, groups=None, *, expected: Expected | None = None, **options
) -> tuple[Rows, Labels]:
    """Return the rows that weigh anything, and the labels of X."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    y, sample_weight, groups = on_host(y), on_host(sample_weight), on_host(groups)
    y, sample_weight = unmasked("y", y), unmasked("sample_weight", sample_weight)
    (X, y), labels = validate_samples(estimator, X, y, expected=expected, **options)
    if groups is not None:
        groups = group_numbers(groups, X.shape[0])
    if sample_weight is None:  # ones that are one number in memory
        return Rows(X, y, np.broadcast_to(np.ones((), X.dtype), X.shape[:1]), groups), labels
    weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("sample_weight must contain at least one non-zero number, got zeros only.")
    return with_positive_weights(Rows(X, y, weight, groups)), labels


def with_positive_weights(rows: Rows) -> Rows:
    """Return the rows that weigh anything."""
    counts = rows.weight > 0
    return rows if counts.all() else rows.take(np.flatnonzero(counts))


def normalize_weights(rows: Rows, factors: np.ndarray | float = 1.0) -> Rows:
    """Return rows with their weights times factors, the largest about 1: sums of them neither overflow nor vanish."""
    if np.isscalar(factors) and factors == 1 and 1 <= rows.weight.max() < 2:
        return rows
    weight = rows.weight / np.float64(power_of_two(float(rows.weight.max()))) * factors
    weight = weight / power_of_two(float(weight.max()))
    return with_positive_weights(rows._replace(weight=weight.astype(rows.weight.dtype)))


def has_validation(X_val, y_val, sample_weight_val) -> bool:
    """Return whether there are validation data.

    Raises
    ------
    ValueError
        If there is only a part of them.
    """
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val is of X_val and y_val, got neither.")
        return False
    if X_val is None or y_val is None:
        raise ValueError(f"X_val and y_val go together, got only {'y_val' if X_val is None else 'X_val'}.")
    return True


def validate_validation(estimator, X_val, y_val, sample_weight_val, *, expected: Expected, **options) -> Rows | None:
    """Return the rows of validation data that weigh anything; None where there are no such data."""
    if not has_validation(X_val, y_val, sample_weight_val):
        return None
    try:
        return validate_rows(estimator, X_val, y_val, sample_weight_val, expected=expected, **options)[0]
    except ValueError as error:
        raise ValueError(f"X_val, y_val or sample_weight_val: {error}") from error


def validate_numbers(name: str, y: np.ndarray) -> np.ndarray:
    """Return targets as finite floats.

    Raises
    ------
    ValueError
        If there are words, NaN, None or infinite values.
    """
    if y.dtype.kind == "O":
        with suppress(TypeError, ValueError):
            y = np.asarray(y, dtype=np.float64)
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers, got values that are none.")
    assert_all_finite(y, input_name=name)
    return y


def unmasked(name: str, values):
    """Return what a masked array holds.

    Raises
    ------
    ValueError
        If the mask hides anything.
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values
    n_hidden = int(np.ma.getmaskarray(values).reshape(len(values), -1).any(axis=1).sum())
    if n_hidden:
        raise ValueError(f"{name} is masked in {n_hidden} of {len(values)} rows; leave these rows out.")
    return values.data


def validate_counts(name: str, y: np.ndarray) -> np.ndarray:
    """Return targets as finite floats that are not negative.

    Raises
    ------
    ValueError
        If there are negative values, or what `validate_numbers` refuses.
    """
    y = validate_numbers(name, y)
    n_negative = int((y < 0).sum())
    if n_negative:
        raise ValueError(
            f"{name} must be counts or rates of at least 0 with loss='poisson', got {n_negative} negative value(s), "
            f"down to {y.min():g}."
        )
    return y
