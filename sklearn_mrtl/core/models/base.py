"""Weight tensors and what every model of one provides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.inputs import Inputs
from sklearn_mrtl.core.finegraining import finegrain
from sklearn_mrtl.core.penalties.smoothness import Smoothness
from sklearn_mrtl.modes import Feature, Grid, Mode

Parameters = dict[str, Tensor]
SMALLEST_SHARE = 1e-4  # least second derivative, relative to the largest of its parameter, that scales a step


@dataclass(frozen=True, eq=False)
class Axis:
    """One mode of the weight tensor at one resolution.

    A pooled Feature has one more row, its last: the weights shared by all levels. The outputs, where there are
    several, are a Feature that no input belongs to: the last axis.
    """

    mode: Mode
    shape: tuple[int, ...]
    mask: Tensor | None = None
    smoothness: Smoothness | None = None
    is_output: bool = False

    @property
    def pooled(self) -> bool:
        return isinstance(self.mode, Feature) and self.mode.pooled

    @property
    def n_levels(self) -> int:
        """Levels or cells."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Rows of a factor."""
        return self.n_levels + self.pooled

    @cached_property
    def n_free(self) -> int:
        """Rows that are not masked."""
        return self.size if self.mask is None else int(self.mask.sum())

    def effective(self, factor: Tensor, dim: int, n_rows: int) -> Tensor:
        """What multiplies the inputs: a pooled level's deviation plus the shared row, itself for no level at all."""
        if not self.pooled:
            return factor
        shared = factor.narrow(dim, self.size - 1, 1)
        rows = factor.narrow(dim, 0, self.size - 1) + shared
        return rows if n_rows == self.size - 1 else torch.cat([rows, shared], dim)

    def finegrain(self, factor: Tensor, dim: int, finer: Axis) -> Tensor:
        """Carry a factor to a finer grid; at a coast, from the cells that hold data alone."""
        if self.shape == finer.shape:
            return factor
        fine = finegrain(factor, dim, self.mode, self.shape, finer.shape)
        if self.mask is None:
            return fine
        along = [1] * factor.ndim
        along[dim] = -1
        share = finegrain(self.mask.to(factor), 0, self.mode, self.shape, finer.shape)
        keep = finer.mask & (share > 0)
        return torch.where(keep.reshape(along), fine / share.clamp(min=1e-12).reshape(along), 0)

    def mass(self, mass: Tensor) -> Tensor:
        """Mass of the rows of a factor, the shared row of a pooled one included, from that of the inputs' rows."""
        return torch.cat([mass[: self.n_levels], mass.sum()[None]]) if self.pooled else mass

    def slopes(self, like: Tensor) -> Tensor:
        """Diagonal of the axis' Laplacian, shape (rows,)."""
        return like.new_zeros(self.size) if self.smoothness is None else self.smoothness.diagonal()


def axes_of(inputs: Inputs, n_outputs: int, sigma: float | None, like: Tensor) -> tuple[Axis, ...]:
    """Axes of the weight tensor that inputs and outputs ask for."""
    axes = []
    for mode, shape, mask in zip(inputs.modes, inputs.shapes, inputs.masks, strict=True):
        smoothness = Smoothness(mode, shape, sigma, mask, like) if isinstance(mode, Grid) else None
        axes.append(Axis(mode, shape, mask, smoothness))
    if n_outputs > 1:
        axes.append(Axis(Feature("output"), (n_outputs,), is_output=True))
    return tuple(axes)


@dataclass(frozen=True)
class Strengths:
    """How curved the loss is and how strong the penalties are."""

    curvature: float
    alpha_spatial: float
    alpha_l2: float


class TensorModel(ABC):
    """Base of the models: the intercepts, and what a weight tensor has to provide.

    Parameters
    ----------
    axes : sequence of Axis
        The modes of the weight tensor W, the outputs last.
    """

    bounded: frozenset[str] = frozenset()  # names of the parameters that are nowhere negative

    def __init__(self, axes: Sequence[Axis]):
        self.axes = tuple(axes)
        self.input_axes = tuple(axis for axis in axes if not axis.is_output)
        self.n_outputs = self.axes[-1].size if self.axes[-1].is_output else 1
        self.n_entries = prod(axis.n_free for axis in self.axes)
        self.intercept_mode = next(
            (m for m, axis in enumerate(self.axes) if isinstance(axis.mode, Feature) and axis.mode.intercept), None
        )

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the modes that inputs have."""
        return tuple(axis.shape for axis in self.input_axes)

    def bare(self) -> TensorModel:
        """The same on the CPU without what only training needs."""
        model = copy(self)
        bare = [
            replace(axis, smoothness=None, mask=None if axis.mask is None else axis.mask.cpu()) for axis in self.axes
        ]
        model.axes, model.input_axes = tuple(bare), tuple(axis for axis in bare if not axis.is_output)
        return model

    @abstractmethod
    def rank(self, parameters: Parameters) -> int | tuple[int, ...] | None:
        """K; None where there is none."""

    @abstractmethod
    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """<W, X_n> for every sample and output, shape (n, T)."""

    @abstractmethod
    def rough_and_squares(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """R_s of eq. (3) and R_2 as sums over the entries of W."""

    @abstractmethod
    def weight_curvatures(self, parameters: Parameters, masses: Sequence[Tensor], strengths: Strengths) -> Parameters:
        """About the objective's second derivative by each parameter, from the mean squares that rows multiply."""

    @abstractmethod
    def finegrain(self, parameters: Parameters, finer: TensorModel) -> Parameters:
        """The same weights on finer grids."""

    @abstractmethod
    def scaled(self, parameters: Parameters, scale: Tensor) -> Parameters:
        """The same with the weights of every output times a positive scale, shape (T,)."""

    @abstractmethod
    def dense(self, parameters: Parameters) -> Tensor:
        """W itself, one axis for each mode."""

    def rescaled(self, parameters: Parameters, scale: Tensor, shift: Tensor) -> Parameters:
        """Parameters whose scores are those of these, times scale plus shift, both of shape (T,)."""
        moved = self.scaled(parameters, scale)
        moved["intercept"] = parameters["intercept"] * scale + shift
        if "deviations" in parameters:
            moved["deviations"] = parameters["deviations"] * scale
        return moved

    def coefficients(self, parameters: Parameters) -> Tensor:
        """What multiplies the inputs' rows, shape (*levels or cells of each mode, [T]): a pooled level's sum."""
        weights = self.dense(parameters)
        for dim, axis in enumerate(self.axes):
            weights = axis.effective(weights, dim, axis.n_levels)
        return weights

    @property
    @abstractmethod
    def parameter_axes(self) -> dict[str, tuple[Axis, ...]]:
        """The axes that each weight parameter has rows for."""

    def finegrain_gradient(self, gradient: Parameters, finer: TensorModel) -> Parameters:
        """About the gradient on finer grids: interpolated, each of the more cells with its share."""
        fine = self.finegrain(gradient, finer)
        for name, axes in self.parameter_axes.items():
            n_fine = prod(axis.size for axis in finer.parameter_axes[name])
            fine[name] = fine[name] * (prod(axis.size for axis in axes) / n_fine)
        return fine

    def scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """z_n = <W, X_n> + b, shape (n, T): eq. (1) and (2) before the activation."""
        return self.weight_scores(parameters, inputs) + self.intercepts(parameters, inputs)

    def penalty(self, parameters: Parameters, alpha_spatial: float, alpha_l2: float) -> Tensor:
        """``alpha_spatial R_s + alpha_l2 R_2`` of eq. (3) and (5), both as means over the entries of W."""
        rough, squares = self.rough_and_squares(parameters)
        total = (alpha_spatial * rough + alpha_l2 * squares) / self.n_entries
        if self.intercept_mode is not None:
            total = total + alpha_l2 * parameters["deviations"].square().mean()
        return total

    def scales(self, parameters: Parameters, inputs: Inputs, weight: Tensor, strengths: Strengths) -> Parameters:
        """Step lengths natural to each parameter: one over the square root of its second derivative, about."""
        masses = [axis.mass(mass) for axis, mass in zip(self.input_axes, inputs.mass(weight), strict=True)]
        masses += [weight.new_full((axis.size,), 1 / axis.size) for axis in self.axes if axis.is_output]
        curvatures = self.weight_curvatures(parameters, masses, strengths)
        curvatures["intercept"] = weight.new_full((self.n_outputs,), strengths.curvature / self.n_outputs)
        if self.intercept_mode is not None:
            n_levels = self.axes[self.intercept_mode].n_levels
            mass = inputs.column_squares(self.intercept_mode, weight)[:n_levels, None]
            second = (strengths.curvature * mass + 2 * strengths.alpha_l2 / n_levels) / self.n_outputs
            curvatures["deviations"] = second.expand(n_levels, self.n_outputs)
        return {name: inverse_root(curvatures[name]) for name in parameters}

    def initial_intercepts(self, like: Tensor) -> Parameters:
        parameters = {"intercept": like.new_zeros(self.n_outputs)}
        if self.intercept_mode is not None:
            parameters["deviations"] = like.new_zeros(self.axes[self.intercept_mode].n_levels, self.n_outputs)
        return parameters

    def intercepts(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """The term b or b_i of eq. (1) and (2) for every sample, shape (n, T) or (T,)."""
        if self.intercept_mode is None:
            return parameters["intercept"]
        encoding, deviations = inputs.encodings[self.intercept_mode], parameters["deviations"]
        deviations = torch.nn.functional.pad(deviations, (0, 0, 0, encoding.size - len(deviations)))
        return parameters["intercept"] + inputs.product(self.intercept_mode, deviations)

    def effective(self, tensors: Sequence[Tensor], inputs: Inputs) -> list[Tensor]:
        """Factors of the input modes as they multiply the inputs."""
        return [
            axis.effective(tensor, 0, n_rows)
            for axis, tensor, n_rows in zip(self.input_axes, tensors, inputs.sizes, strict=False)
        ]


def intercepts_of(parameters: Parameters) -> Parameters:
    """The parameters that no resolution changes."""
    return {name: parameters[name] for name in ("intercept", "deviations") if name in parameters}


def inverse_root(curvature: Tensor) -> Tensor:
    """One over the square root, of what is not much smaller than the largest."""
    floor = SMALLEST_SHARE * float(curvature.max())
    return curvature.clamp(min=max(floor, torch.finfo(curvature.dtype).tiny)).rsqrt()
