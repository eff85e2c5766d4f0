"""The checkpoint of an estimator's fit: whose it is, and what it holds."""

from __future__ import annotations

import os
from hashlib import blake2b

import numpy as np

from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._estimators.warm_start import FREE, fingerprint
from sklearn_mrtl.core.checkpoints import Checkpoint, CheckpointWriter, read


def checkpoint_key(estimator, layout: Layout, training: Rows, validation: Rows | None) -> dict[str, str]:
    """Return words for all that has to be the same for training to go on."""
    key = {name: in_words(value) for name, value in estimator.get_params(deep=False).items() if name not in FREE}
    data = {"X": training.X, "y": training.y, "sample_weight": training.weight}
    key |= {name: fingerprint(values) for name, values in data.items()}
    validation_data = fingerprint(*validation) if validation is not None else "none"
    return key | {"X_val, y_val": validation_data, "shape of X": repr((layout.row_shape, layout.modes))}


def in_words(value) -> str:
    """Return what tells a parameter from others, the same in every process."""
    if isinstance(value, np.random.RandomState):
        return "RandomState " + blake2b(repr(value.get_state(legacy=False)).encode(), digest_size=8).hexdigest()
    return getattr(value, "__qualname__", repr(value)) if callable(value) else repr(value)


def open_checkpoint(
    estimator, layout: Layout, training: Rows, validation: Rows | None
) -> tuple[dict[str, str], Checkpoint | None]:
    """Return the key of a fit and the checkpoint that it goes on from, or None.

    Raises
    ------
    TypeError
        If checkpoint is no path.
    ValueError
        If its folder is missing, or the file is damaged or of another fit.
    """
    path = estimator.checkpoint
    if path is None:
        return {}, None
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path or None, got {path!r}.")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder) or os.path.isdir(path):
        raise ValueError(f"checkpoint must name a file in a folder that exists, got {str(path)!r}.")
    key = checkpoint_key(estimator, layout, training, validation)
    return key, read(path, key)


def checkpoint_writers(estimator, key: dict[str, str], seed: int) -> list[CheckpointWriter]:
    """Return the callback that writes checkpoints, if they are asked for."""
    return [] if estimator.checkpoint is None else [CheckpointWriter(estimator.checkpoint, key, seed)]
