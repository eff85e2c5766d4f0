"""What a fit goes on from: a checkpoint file, or the fit before in a warm start."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklearn_mrtl._estimators.core_samples import Statistics
from sklearn_mrtl._estimators.fingerprints import UNNAMED, parameter_fingerprint
from sklearn_mrtl._estimators.fit_data import FitData
from sklearn_mrtl._estimators.fitted import FittedTensor
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import validate_number
from sklearn_mrtl.core.checkpoints import Checkpoint, CheckpointWriter, read
from sklearn_mrtl.core.fit import Fit, before_last_level
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.snapshots import Snapshot

DATA = ("X", "y", "sample_weight", "groups", "X_val, y_val")  # names of the data in a key
FREE = ("verbose", "warm_start", "device", "checkpoint")  # parameters that may change when a training goes on
MINUTES = 5.0  # between checkpoints within a level: little to lose, and time enough to write large models


@dataclass(frozen=True, eq=False)
class Start:
    """What a fit starts from.

    Attributes
    ----------
    estimator : BaseMRTL
    seed : int
        Of all that is random in the fit.
    key : dict of str to str
        All that has to be the same for training to go on. Empty: nothing is kept.
    path, minutes : path-like or None, float
        Where checkpoints are written, and how often within a level.
    saved : Checkpoint or None
        None: training begins.
    has_grown : bool
        Whether `saved` is of other rows than are trained on now.
    """

    estimator: Any
    seed: int
    key: dict[str, str]
    path: str | os.PathLike[str] | None
    minutes: float
    saved: Checkpoint | None = None
    has_grown: bool = False

    @classmethod
    def find(cls, estimator, layout: Layout, data: FitData) -> Start:
        """Return the checkpoint file's fit, or the estimator's earlier one, or a new beginning.

        Raises
        ------
        TypeError, ValueError
            If `checkpoint` is not what it should be, or its file is damaged or of another fit.
        """
        path, minutes = validate_checkpoint(estimator.checkpoint)
        if estimator.warm_start not in (True, False, "grown"):
            raise ValueError(f"warm_start must be True, False or 'grown', got {estimator.warm_start!r}.")
        key = key_of(estimator, layout, data) if path is not None or estimator.warm_start else {}
        earlier = getattr(estimator, "_warm_start", None) if estimator.warm_start else None
        has_grown = False
        if earlier is not None and without(("n_levels",), earlier.key) != without(("n_levels",), key):
            has_grown = estimator.warm_start == "grown" and without(DATA, earlier.key) == without(DATA, key)
            earlier = earlier if has_grown else None
        seed = draw_seed(estimator.random_state) if earlier is None else earlier.seed
        saved = earlier
        if path is not None:
            require_names(key)
            of_file = read(path, key)
            saved, has_grown = of_file or earlier, has_grown and of_file is None
        return cls(estimator, seed if saved is None else saved.seed, key, path, minutes, saved, has_grown)

    def fit(
        self, layout: Layout, outputs: Outputs, statistics: Statistics, settings: Settings, device: torch.device
    ) -> Fit | None:  # fmt: skip
        """Return the fit that goes on; None: training begins."""
        if self.saved is None or (self.has_grown and not means_the_same(self.estimator.tensor_, outputs, statistics)):
            return None
        modes = [layout.modes[m] for m in layout.order]
        fit = self.saved.snapshot.fit(modes, outputs.number, settings, device, outputs.grid)
        return before_last_level(fit) if self.has_grown else fit

    def writers(self) -> list[CheckpointWriter]:
        """Return the callback that writes checkpoints, if they are asked for."""
        return [] if self.path is None else [CheckpointWriter(self.path, self.minutes, self.key, self.seed)]

    def after(self, fit: Fit) -> dict[str, Checkpoint]:
        """Return the attribute that a warm start goes on from, if one may."""
        if not self.estimator.warm_start:
            return {}
        # A RandomState has changed since the key was made.
        key = self.key | {"random_state": parameter_fingerprint(self.estimator.random_state)}
        return {"_warm_start": Checkpoint(key, self.seed, Snapshot.of(fit))}


def validate_checkpoint(checkpoint) -> tuple[str | os.PathLike[str] | None, float]:
    """Return the path, or None, and the minutes between checkpoints.

    Raises
    ------
    TypeError
        If it is neither a path nor a pair.
    ValueError
        If the folder is missing, or the minutes are negative.
    """
    path, minutes = checkpoint if is_pair(checkpoint) else (checkpoint, MINUTES)
    if checkpoint is None:
        return None, MINUTES
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"checkpoint must be a path, a pair (path, minutes) or None, got {checkpoint!r}.")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder) or os.path.isdir(path):
        raise ValueError(f"checkpoint must name a file in a folder that exists, got {str(path)!r}.")
    return path, validate_number("minutes of checkpoint", minutes)


def is_pair(checkpoint) -> bool:
    """Return whether a parameter is a sequence of two things."""
    return isinstance(checkpoint, Sequence) and not isinstance(checkpoint, str) and len(checkpoint) == 2


def key_of(estimator, layout: Layout, data: FitData) -> dict[str, str]:
    """Return fingerprints of all that has to be the same for training to go on."""
    parameters = estimator.get_params(deep=False).items()
    key = {name: parameter_fingerprint(value) for name, value in parameters if name not in FREE}
    return key | data.fingerprints() | {"shape of X": repr((layout.row_shape, layout.modes))}


def without(names: Collection[str], key: dict[str, str]) -> dict[str, str]:
    """Return a key without some names, in which a warm start may differ."""
    return {name: words for name, words in key.items() if name not in names}


def require_names(key: dict[str, str]) -> None:
    """Refuse parameters that another process could not tell from others.

    Raises
    ------
    ValueError
    """
    unnamed = [name for name, words in key.items() if words.startswith(UNNAMED)]
    if unnamed:
        raise ValueError(
            f"checkpoint needs {' and '.join(unnamed)} that can be recognized in another process: a function that a "
            "module defines by name, no lambda and no function inside another."
        )


def means_the_same(tensor: FittedTensor, outputs: Outputs, statistics: Statistics) -> bool:
    """Return whether a fitted tensor's weights are a start for other rows: of the same units, cells and outputs."""
    before = tensor.outputs
    same: list[tuple[Any, Any]] = [
        (tensor.statistics.scale, statistics.scale),
        (getattr(tensor.statistics, "has_data", True), getattr(statistics, "has_data", True)),
        (before.number, outputs.number),
        (before.classes, outputs.classes),
        (before.form.mask, outputs.form.mask),
    ]
    return all(np.array_equal(a, b) for a, b in same)


def draw_seed(random_state) -> int:
    """Return a seed for all that is random in a fit."""
    return int(check_random_state(random_state).randint(2**31 - 1))
