"""What every model of a weight tensor provides: scores, penalties, finegraining.

A model is stateless: it knows the axes of the weight tensor at one resolution, and computes from a dict of parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple, Self

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.models.axes import Axis

Parameters = dict[str, Tensor]

MIN_CURVATURE_RATIO = 1e-4  # smaller second derivatives count as this fraction of the largest


class Alphas(NamedTuple):
    """Strengths of the penalties, eq. (5)."""

    spatial: float
    l2: float

    def times(self, factor: float) -> Alphas:
        """Return both strengths times a factor."""
        return Alphas(factor * self.spatial, factor * self.l2)


class TensorModel(ABC):
    """Scores with an intercept, and penalties of the weights: what objectives and solvers see of a model.

    Parameters
    ----------
    axes : sequence of Axis
        The modes of the inputs, the outputs last.
    """

    def __init__(self, axes: Sequence[Axis]):
        self.axes = tuple(axes)
        self.input_axes = tuple(axis for axis in axes if not axis.is_output)
        self.has_outputs = self.axes[-1].is_output
        self.n_outputs = self.axes[-1].size if self.has_outputs else 1

    # What a model defines

    @property
    @abstractmethod
    def parameter_axes(self) -> dict[str, tuple[Axis, ...]]:
        """The axes along the leading dimensions of each weight parameter."""

    @abstractmethod
    def with_axes(self, axes: Sequence[Axis]) -> Self:
        """Return a model of the same kind on other axes."""

    @abstractmethod
    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Return <W, X_n> for every sample and output, shape (n, T)."""

    @abstractmethod
    def penalty(self, parameters: Parameters, alphas: Alphas) -> Tensor:
        """Return ``alphas.spatial R_s + alphas.l2 R_2`` of eq. (3) and (5), both as means over the entries of W."""

    @abstractmethod
    def weight_scales(
        self, parameters: Parameters, inputs: Inputs, weight: Tensor, loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        """Return about one over the square root of the objective's second derivative by each weight parameter."""

    @abstractmethod
    def scaled(self, parameters: Parameters, scale: Tensor) -> Parameters:
        """Return parameters whose weights of every output are multiplied by a positive scale, shape (T,)."""

    # What follows

    @property
    def bounded(self) -> frozenset[str]:
        """Names of the parameters that must not be negative."""
        return frozenset()

    @property
    def input_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the modes that inputs have."""
        return tuple(axis.shape for axis in self.input_axes)

    def without_penalties(self) -> Self:
        """Return the model for predictions: on the CPU, and without penalties."""
        return self.with_axes(
            [replace(axis, smoothness=None, mask=None if axis.mask is None else axis.mask.cpu()) for axis in self.axes]
        )

    def scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Return z_n = <W, X_n> + b, shape (n, T): eq. (1) and (2) before the activation."""
        return self.weight_scores(parameters, inputs) + parameters["intercept"]

    def finegrain(self, parameters: Parameters, finer: TensorModel) -> Parameters:
        """Interpolate all weights to finer grids: Finegrain in lines 10 and 22 to 24 of Algorithm 1."""
        fine = dict(parameters)
        for name, axes in self.parameter_axes.items():
            for dim, (axis, finer_axis) in enumerate(zip(axes, finer.parameter_axes[name], strict=True)):
                fine[name] = axis.finegrain(fine[name], dim, finer_axis)
        if self.has_outputs:
            fine["intercept"] = self.axes[-1].finegrain(parameters["intercept"], 0, finer.axes[-1])
        return fine

    def rescaled(self, parameters: Parameters, scale: Tensor, shift: Tensor) -> Parameters:
        """Return parameters whose scores are multiplied by scale and shifted, both of shape (T,)."""
        rescaled = self.scaled(parameters, scale)
        rescaled["intercept"] = parameters["intercept"] * scale + shift
        return rescaled

    def natural_scales(
        self, parameters: Parameters, inputs: Inputs, weight: Tensor, loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        """Return about one over the square root of the objective's second derivative by each parameter."""
        scales = self.weight_scales(parameters, inputs, weight, loss_curvature, alphas)
        scales["intercept"] = inverse_root(weight.new_full((self.n_outputs,), loss_curvature / self.n_outputs))
        return {name: scales[name] for name in parameters}

    def initial_intercept(self, like: Tensor) -> Parameters:
        """Return an intercept of 0 for every output."""
        return {"intercept": like.new_zeros(self.n_outputs)}


class WeightTensor(TensorModel):
    """A single weight tensor W with an intercept.

    Parameters
    ----------
    axes : sequence of Axis
        The modes of W, the outputs last.
    """

    def __init__(self, axes: Sequence[Axis]):
        super().__init__(axes)
        self.n_entries = prod(axis.n_free for axis in self.axes)

    # What a representation of the tensor defines

    @abstractmethod
    def penalty_sums(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Return R_s of eq. (3) and R_2 as sums over the entries of W."""

    @abstractmethod
    def weight_curvatures(
        self, parameters: Parameters, mean_squares: Sequence[Tensor], loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        """Return approximate second derivatives of the objective by each weight parameter.

        Parameters
        ----------
        mean_squares : sequence of Tensor, shape (rows,)
            For each axis the mean square of the inputs that its rows multiply.
        loss_curvature : float
            Largest second derivative of the loss by a score.
        """

    @abstractmethod
    def dense(self, parameters: Parameters) -> Tensor:
        """Return W itself, one axis for each mode."""

    # What follows

    def with_axes(self, axes: Sequence[Axis]) -> Self:
        return type(self)(axes)

    def penalty(self, parameters: Parameters, alphas: Alphas) -> Tensor:
        rough, squares = self.penalty_sums(parameters)
        return (alphas.spatial * rough + alphas.l2 * squares) / self.n_entries

    def weight_scales(
        self, parameters: Parameters, inputs: Inputs, weight: Tensor, loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        curvatures = self.weight_curvatures(parameters, self.mean_squares(inputs, weight), loss_curvature, alphas)
        return {name: inverse_root(curvature) for name, curvature in curvatures.items()}

    def mean_squares(self, inputs: Inputs, weight: Tensor) -> list[Tensor]:
        """Return for each axis the mean squares of what its rows multiply, of shape (rows,)."""
        outputs = [weight.new_full((axis.size,), 1 / axis.size) for axis in self.axes if axis.is_output]
        return inputs.mean_squares(weight) + outputs


def intercept_of(parameters: Parameters) -> Parameters:
    """Return the intercept by its name, as parameters."""
    return {"intercept": parameters["intercept"]}


def inverse_root(curvature: Tensor) -> Tensor:
    """Return one over the square root of curvatures of at least MIN_CURVATURE_RATIO times the largest."""
    floor = MIN_CURVATURE_RATIO * float(curvature.max())
    return curvature.clamp(min=max(floor, torch.finfo(curvature.dtype).tiny)).rsqrt()
