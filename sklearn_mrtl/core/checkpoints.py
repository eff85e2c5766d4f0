"""Checkpoints: a training's state in a file, written after each level, from which it goes on after a crash.

The file is numpy's .npz with arrays of numbers and one JSON text; reading it executes nothing.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_mrtl.core.callbacks import TrainingCallback
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.models.axes import axes_of
from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.plan import Decompose, Finegrain, Initialize, Step, Train
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.modes import Mode

FORMAT = "sklearn_mrtl checkpoint 1"
STEPS: dict[str, type[Step]] = {step.__name__: step for step in (Initialize, Train, Finegrain, Decompose)}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a checkpoint file holds.

    Attributes
    ----------
    key : dict of str to str
        What describes the data and the parameters of the fit.
    seed : int
        Of all that is random in the fit.
    state : dict
        The fit without its arrays.
    arrays : dict of str to ndarray
    """

    key: dict[str, str]
    seed: int
    state: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def fit(
        self, modes: Sequence[Mode], resolutions: Sequence[Shapes], n_outputs: int, settings: Settings,
        device: torch.device,
    ) -> Fit:  # fmt: skip
        """Return the fit on a device; modes and resolutions in the order of the core."""
        tensors = {name: self._tensor(name).to(device) for name in self.arrays}
        state = self.state
        model, parameters = self._model("now", tensors, modes, resolutions, n_outputs, settings)
        before = None
        if "before" in state["models"]:
            before = self._model("before", tensors, modes, resolutions, n_outputs, settings)
        return Fit(
            model=model,
            parameters=parameters,
            before_decomposition=before,
            curvature_pairs=[
                (part_of(tensors, f"s {n}"), part_of(tensors, f"y {n}")) for n in range(state["n_curvature_pairs"])
            ],
            phases={
                name: replace(settings.phases[name], alpha_spatial=spatial, alpha_l2=l2)
                for name, (spatial, l2) in state["alphas"].items()
            },
            alpha_path=state["alpha_path"],
            history=[
                record | {"resolution": {name: tuple(shape) for name, shape in record["resolution"].items()}}
                for record in state["history"]
            ],
            done=[STEPS[name](*values) for name, *values in state["done"]],
        )

    def _tensor(self, name: str) -> Tensor:
        """Return an array as it lay in memory, so that what is computed of it has the same bits."""
        order = self.state["orders"][name]
        return torch.from_numpy(self.arrays[name]).permute(np.argsort(order).tolist()).clone()

    def _model(
        self, which: str, tensors: Mapping[str, Tensor], modes: Sequence[Mode], resolutions: Sequence[Shapes],
        n_outputs: int, settings: Settings,
    ) -> tuple[TensorModel, Parameters]:  # fmt: skip
        """Return a model and its parameters."""
        saved = self.state["models"][which]
        parameters = part_of(tensors, which)
        masks = [tensors.get(f"{which} mask/{m}") for m in range(len(modes))]
        like = parameters["intercept"]
        axes = axes_of(modes, resolutions[saved["level"]], masks, n_outputs, settings.sigma, like)
        if saved["is_full_rank"]:
            return FullRank(axes), parameters
        return DECOMPOSITIONS[settings.decomposition](axes, settings.nonnegative), parameters


class CheckpointWriter(TrainingCallback):
    """Writes the fit after each level; where that fails it warns, and training goes on.

    Parameters
    ----------
    path : path-like
    key : dict of str to str
    seed : int
        As in `Checkpoint`.
    """

    def __init__(self, path: str | os.PathLike[str], key: Mapping[str, str], seed: int):
        self.path, self.key, self.seed = Path(path), dict(key), seed

    def end_step(self, fit: Fit) -> None:
        """Write the fit. After an early end the last level is repeated: the same end follows."""
        if fit.has_ended or not isinstance(fit.done[-1], Train | Decompose):
            return
        try:
            write(self.path, checkpoint_of(fit, self.key, self.seed))
        except OSError as error:
            warnings.warn(
                f"checkpoint={str(self.path)!r} could not be written ({error}); training goes on without.",
                RuntimeWarning,
                stacklevel=2,
            )


def checkpoint_of(fit: Fit, key: dict[str, str], seed: int) -> Checkpoint:
    """Return what is written of a fit."""
    tensors = {f"now/{name}": value for name, value in fit.parameters.items()}
    models = {"now": describe_model(fit.model, fit.done[-1].level)}
    tensors |= masks_of(fit.model, "now")
    if fit.before_decomposition is not None:
        model, parameters = fit.before_decomposition
        level = next(step.level for step in fit.done if isinstance(step, Decompose))
        models["before"] = describe_model(model, level)
        tensors |= {f"before/{name}": value for name, value in parameters.items()} | masks_of(model, "before")
    for n, pair in enumerate(fit.curvature_pairs):
        for what, parameters in zip(("s", "y"), pair, strict=True):
            tensors |= {f"{what} {n}/{name}": value for name, value in parameters.items()}
    orders = {name: memory_order(value) for name, value in tensors.items()}
    arrays = {name: value.detach().cpu().permute(orders[name]).contiguous().numpy() for name, value in tensors.items()}
    state = {
        "models": models,
        "orders": orders,
        "n_curvature_pairs": len(fit.curvature_pairs),
        "alphas": {name: list(phase.alphas) for name, phase in fit.phases.items()},
        "alpha_path": fit.alpha_path,
        "history": fit.history,
        "done": [[type(step).__name__, *vars(step).values()] for step in fit.done],
    }
    return Checkpoint(key, seed, state, arrays)


def describe_model(model: TensorModel, level: int) -> dict[str, Any]:
    """Return what a model is made of again, besides the parameters of the fit and its masks."""
    return {"level": level, "is_full_rank": isinstance(model, FullRank)}


def masks_of(model: TensorModel, which: str) -> dict[str, Tensor]:
    """Return the masks of a model's grids by the number of their axis."""
    return {f"{which} mask/{m}": axis.mask for m, axis in enumerate(model.input_axes) if axis.mask is not None}


def memory_order(tensor: Tensor) -> list[int]:
    """Return the dimensions of a tensor in their order in memory."""
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda dim: -strides[dim])


def part_of(tensors: Mapping[str, Tensor], group: str) -> dict[str, Tensor]:
    """Return the tensors of a group by their own names."""
    return {name.split("/", 1)[1]: value for name, value in tensors.items() if name.split("/", 1)[0] == group}


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint so that at any moment the file is the old one or the new one, whole.

    Raises
    ------
    OSError
        If the file cannot be written; an old one is left as it is.
    """
    content = {"format": FORMAT, "key": checkpoint.key, "seed": checkpoint.seed, "state": checkpoint.state}
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            arrays: dict[str, Any] = {"json": np.array(json.dumps(content)), **checkpoint.arrays}
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the new name is on the disk once its folder is
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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
            arrays = {name: file[name] for name in file.files}
        content = json.loads(str(arrays.pop("json")))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, expected {FORMAT!r}")
        checkpoint = Checkpoint(content["key"], content["seed"], content["state"], arrays)
    except OSError:
        raise
    except Exception as error:  # a damaged zip or JSON can raise nearly anything
        raise ValueError(
            f"checkpoint={str(path)!r} is damaged or no checkpoint: {error or type(error).__name__}. It was left as it "
            "is; remove it, or name another file."
        ) from error
    differing = sorted(name for name in {*key, *checkpoint.key} if key.get(name) != checkpoint.key.get(name))
    if differing:
        raise ValueError(
            f"checkpoint={str(path)!r} is of another fit, which differs in {', '.join(differing)}. It was left as it "
            "is; remove it, or name another file."
        )
    return checkpoint
