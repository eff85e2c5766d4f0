"""What a fit goes on from: a checkpoint file, or the fit before in a warm start."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.utils import check_random_state

from sklearn_mrtl._estimators.fingerprints import UNNAMED, parameter_fingerprint
from sklearn_mrtl._estimators.fit_data import FitData
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import validate_number
from sklearn_mrtl.core.checkpoints import Checkpoint, CheckpointWriter, read
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.snapshots import Snapshot

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
    """

    estimator: Any
    seed: int
    key: dict[str, str]
    path: str | os.PathLike[str] | None
    minutes: float
    saved: Checkpoint | None = None

    @classmethod
    def find(cls, estimator, layout: Layout, data: FitData) -> Start:
        """Return the checkpoint file's fit, or the estimator's earlier one, or a new beginning.

        Raises
        ------
        TypeError, ValueError
            If `checkpoint` is not what it should be, or its file is damaged or of another fit.
        """
        path, minutes = validate_checkpoint(estimator.checkpoint)
        key = key_of(estimator, layout, data) if path is not None or estimator.warm_start else {}
        earlier = getattr(estimator, "_warm_start", None) if estimator.warm_start else None
        if earlier is not None and without_levels(earlier.key) != without_levels(key):
            earlier = None
        seed = draw_seed(estimator.random_state) if earlier is None else earlier.seed
        saved = earlier
        if path is not None:
            require_names(key)
            saved = read(path, key) or earlier
        return cls(estimator, seed if saved is None else saved.seed, key, path, minutes, saved)

    def fit(self, layout: Layout, outputs: Outputs, settings: Settings, device: torch.device) -> Fit | None:
        """Return the fit that goes on; None: training begins."""
        if self.saved is None:
            return None
        modes = [layout.modes[m] for m in layout.order]
        return self.saved.snapshot.fit(modes, outputs.number, settings, device, outputs.grid)

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


def without_levels(key: dict[str, str]) -> dict[str, str]:
    """Return a key without the number of levels, in which a warm start may differ."""
    return {name: words for name, words in key.items() if name != "n_levels"}


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


def draw_seed(random_state) -> int:
    """Return a seed for all that is random in a fit."""
    return int(check_random_state(random_state).randint(2**31 - 1))
