"""Checkpoints: the state of a training in a file, written while it runs, from which it goes on after a crash.

The file is numpy's .npz with arrays of numbers and one JSON text; reading it executes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.files import replacing
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.plan import Decompose, Train
from sklearn_mrtl.core.snapshots import Snapshot

FORMAT = "sklearn_mrtl checkpoint 1"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A fit from which the same training goes on.

    Attributes
    ----------
    key : dict of str to str
        What describes the data and the parameters of the fit.
    seed : int
        Of all that is random in the fit.
    snapshot : Snapshot
    """

    key: dict[str, str]
    seed: int
    snapshot: Snapshot


class CheckpointWriter(TrainingCallback):
    """Writes the fit after each level, and between epochs every few minutes; if that fails, training goes on.

    Parameters
    ----------
    path : path-like
    minutes : float
        Time from one checkpoint to the next one within a level.
    key : dict of str to str
    seed : int
        As in `Checkpoint`.
    """

    def __init__(self, path: str | os.PathLike[str], minutes: float, key: Mapping[str, str], seed: int):
        self.path, self.minutes, self.key, self.seed = Path(path), minutes, dict(key), seed
        self.written = monotonic()

    def continue_level(self, fit_between: Callable[[], Fit]) -> None:
        """Write the fit if it is time."""
        if monotonic() - self.written >= 60 * self.minutes:
            self._write(fit_between())

    def end_step(self, fit: Fit) -> None:
        """Write the fit. After an early end the last level is repeated: the same end follows."""
        if not fit.has_ended and isinstance(fit.done[-1], Train | Decompose):
            self._write(fit)

    def _write(self, fit: Fit) -> None:
        """Write the fit, or warn."""
        try:
            write(self.path, Checkpoint(self.key, self.seed, Snapshot.of(fit)))
        except OSError as error:
            warn(
                f"checkpoint={str(self.path)!r} could not be written ({error}); training goes on without.",
                RuntimeWarning,
            )
        self.written = monotonic()


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint so that at any moment the file is the old one or the new one, whole.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is left as it is.
    """
    snapshot = checkpoint.snapshot
    content = {"format": FORMAT, "key": checkpoint.key, "seed": checkpoint.seed, "fit": snapshot.values}
    arrays: dict[str, Any] = {"json": np.array(json.dumps(content)), **snapshot.arrays}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def read(path: str | os.PathLike[str], key: Mapping[str, str]) -> Checkpoint | None:
    """Return the checkpoint of a file; None where there is no file.

    Parameters
    ----------
    key : mapping of str to str
        That of the fit that is to go on.

    Raises
    ------
    ValueError
        If the file is no checkpoint, is damaged, or is of other data or parameters. It is left as it is.
    """
    path = Path(path)
    if not path.exists():
        return None
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"PK\x03\x04":
                raise ValueError("it is no .npz file")
        with np.load(path, allow_pickle=False) as file:
            content = json.loads(str(file["json"]))
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']!r}, expected {FORMAT!r}")
            its_key, seed, values = content["key"], content["seed"], content["fit"]
            differing = sorted(name for name in {*key, *its_key} if key.get(name) != its_key.get(name))
            arrays = {name: file[name] for name in file.files if name != "json"} if not differing else {}
    except OSError:
        raise
    except Exception as error:  # a damaged zip or JSON can raise nearly anything
        raise ValueError(
            f"checkpoint={str(path)!r} is damaged or no checkpoint: {error or type(error).__name__}. It was left as it "
            "is; remove it, or name another file."
        ) from error
    if differing:
        raise ValueError(
            f"checkpoint={str(path)!r} is of another fit, which differs in {', '.join(differing)}. It was left as it "
            "is; remove it, or name another file."
        )
    return Checkpoint(its_key, seed, Snapshot(values, arrays))
