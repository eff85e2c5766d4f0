"""A fit as plain arrays and JSON values, from which it goes on in this process or in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sklearn_mrtl.core.data.target import TargetGrid
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.models.axes import TargetAxis, axes_of
from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import Rank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.terms import Strengths, Sum, full_rank_sum
from sklearn_mrtl.core.plan import Decompose, Finegrain, Initialize, Step, Train
from sklearn_mrtl.core.settings import Settings
from sklearn_mrtl.core.solvers.base import State, group_of, grouped
from sklearn_mrtl.modes import Grid, Mode

STEPS: dict[str, type[Step]] = {step.__name__: step for step in (Initialize, Train, Finegrain, Decompose)}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A fit as plain arrays and JSON values.

    Attributes
    ----------
    values : dict
        The fit without its arrays; JSON can hold it.
    arrays : dict of str to ndarray
    """

    values: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @classmethod
    def of(cls, fit: Fit) -> Snapshot:
        """Take a fit on any device."""
        models, tensors = {"now": model_values(fit.model)}, model_tensors("now", fit.model, fit.parameters)
        if fit.before_decomposition is not None:
            models["before"] = model_values(fit.before_decomposition[0])
            tensors |= model_tensors("before", *fit.before_decomposition)
        tensors |= grouped(level=fit.level_state)
        orders = {name: memory_order(value) for name, value in tensors.items()}
        values = {
            "models": models,
            "orders": orders,
            "alphas": {name: list(phase.alphas) for name, phase in fit.phases.items()},
            "terms": [[term.strengths.l2, term.strengths.spatial, term.rank, term.fraction] for term in fit.terms],
            "degrees_of_freedom": fit.degrees_of_freedom,
            "rank": fit.rank,
            "alpha_path": fit.alpha_path,
            "history": list(fit.history),
            "done": [[type(step).__name__, *vars(step).values()] for step in fit.done],
        }
        return cls(values, {name: in_memory_order(value, orders[name]) for name, value in tensors.items()})

    def fit(
        self, modes: Sequence[Mode], n_outputs: int, settings: Settings, device: torch.device,
        target: Grid | None = None,
    ) -> Fit:  # fmt: skip
        """Return the fit on a device; modes in the order of the core, the grid of the outputs, settings as at first."""
        values = self.values
        tensors = {name: as_it_was(array, values["orders"][name]).to(device) for name, array in self.arrays.items()}
        terms = tuple(
            replace(term, strengths=Strengths(l2, tuple(map(tuple, spatial))), rank=as_rank(rank), fraction=part)
            for term, (l2, spatial, rank, part) in zip(settings.terms, values["terms"], strict=True)
        )
        settings = replace(settings, terms=terms)
        models = {name: self._model(name, tensors, modes, n_outputs, settings, target) for name in values["models"]}
        model, parameters = models["now"]
        return Fit(
            model=model,
            parameters=parameters,
            before_decomposition=models.get("before"),
            phases={
                name: replace(settings.phases[name], alpha_spatial=spatial, alpha_l2=l2)
                for name, (spatial, l2) in values["alphas"].items()
            },
            terms=terms,
            degrees_of_freedom=values["degrees_of_freedom"],
            rank=as_rank(values["rank"]),
            alpha_path=[
                tried | ({"rank": as_rank(tried["rank"])} if "rank" in tried else {}) for tried in values["alpha_path"]
            ],
            history=[record | {"resolution": as_shapes(record["resolution"])} for record in values["history"]],
            done=[STEPS[name](*arguments) for name, *arguments in values["done"]],
            level_state=group_of(tensors, "level"),
        )

    def _model(
        self, name: str, tensors: State, modes: Sequence[Mode], n_outputs: int, settings: Settings,
        target: Grid | None,
    ) -> tuple[TensorModel, Parameters]:  # fmt: skip
        """Return a model and its parameters."""
        parameters, masks = group_of(tensors, name), group_of(tensors, f"mask {name}")
        shapes = tuple(tuple(shape) for shape in self.values["models"][name]["shapes"])
        mask_of_each = [masks.get(str(m)) for m in range(len(modes))]
        own = self.values["models"][name].get("target")
        outputs = None if target is None else TargetGrid(target, tuple(own), masks["target"])
        axes = axes_of(modes, shapes, mask_of_each, n_outputs, settings.sigma, parameters["intercept"], outputs)
        if settings.terms:
            full = self.values["models"][name]["full_rank_terms"]
            start, kind = full_rank_sum(axes, settings.terms), DECOMPOSITIONS[settings.decomposition]
            return start.with_kinds(full, kind, settings.nonnegative), parameters
        if self.values["models"][name]["is_full_rank"]:
            return FullRank(axes), parameters
        return DECOMPOSITIONS[settings.decomposition](axes, settings.nonnegative), parameters


def model_values(model: TensorModel) -> dict[str, Any]:
    """Return what makes a model again, besides the settings and the masks."""
    shapes: list[list[int]] = [list(shape) for shape in model.input_shapes]
    values: dict[str, Any] = {"shapes": shapes, "is_full_rank": isinstance(model, FullRank)}
    if isinstance(outputs := model.axes[-1], TargetAxis):
        values["target"] = list(outputs.shape)
    return values | ({"full_rank_terms": model.full_rank_names} if isinstance(model, Sum) else {})


def model_tensors(name: str, model: TensorModel, parameters: Parameters) -> State:
    """Return the parameters of a model, and the masks of its grids by the number of their axis."""
    masks = {str(m): axis.mask for m, axis in enumerate(model.input_axes) if axis.mask is not None}
    if isinstance(outputs := model.axes[-1], TargetAxis):
        masks["target"] = outputs.target.filled
    return grouped(**{name: parameters, f"mask {name}": masks})


def memory_order(tensor: Tensor) -> list[int]:
    """Return the dimensions of a tensor in their order in memory."""
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda dim: -strides[dim])


def in_memory_order(tensor: Tensor, order: Sequence[int]) -> np.ndarray:
    """Return an array with the dimensions of a tensor in their order in memory."""
    return tensor.detach().cpu().permute(*order).contiguous().numpy()


def as_it_was(array: np.ndarray, order: Sequence[int]) -> Tensor:
    """Return a new tensor that lies in memory as it did, so that what is computed of it has the same bits."""
    return torch.from_numpy(array).permute(np.argsort(order).tolist()).clone()


def as_rank(rank: int | Sequence[int] | None) -> Rank | None:
    """Return a rank, which JSON gave as a list where it has a number for each mode."""
    return tuple(rank) if isinstance(rank, Sequence) else rank


def as_shapes(resolution: dict[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of grids, which JSON gave as lists."""
    return {name: tuple(shape) for name, shape in resolution.items()}
