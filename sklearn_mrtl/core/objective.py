"""Loss plus penalties, eq. (5): all that a solver sees."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.inputs import Inputs
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models import Parameters, Strengths, TensorModel


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs with their targets.

    Rows that are equal are merged: their weights are added and their targets averaged, which leaves every loss here
    as it was up to a constant.

    Attributes
    ----------
    inputs : Inputs
        n distinct samples.
    weight : Tensor of shape (n, B)
        Sample weight in each of B blocks of consecutive rows; B is 1 but for cross-validation.
    weighted_y : Tensor of shape (n, B, T)
        Sum of weight times target, for each of T outputs.
    weighted_square : float
        Sum over all rows and outputs of weight times squared target, for the constant.
    """

    inputs: Inputs
    weight: Tensor
    weighted_y: Tensor
    weighted_square: float

    @classmethod
    def of_rows(cls, inputs: Inputs, y: Tensor, weight: Tensor) -> Samples:
        """From targets (n, T) and weights (n,)."""
        weighted_y = weight[:, None] * y
        return cls(inputs, weight[:, None], weighted_y[:, None], float((weighted_y.double() * y).sum()))

    @property
    def n_outputs(self) -> int:
        return self.weighted_y.shape[2]

    def merge(self) -> Samples:
        """Equal rows once."""
        inputs, row = self.inputs.merge()
        if row is None:
            return self
        weight, weighted_y = (add_rows(values, row, inputs.n_rows) for values in (self.weight, self.weighted_y))
        return Samples(inputs, weight, weighted_y, self.weighted_square)

    def coarsen(self, shapes) -> Samples:
        """The same samples on coarser grids, merged."""
        return Samples(self.inputs.coarsen(shapes), self.weight, self.weighted_y, self.weighted_square).merge()

    def in_blocks(self, shapes, n_blocks: int) -> Samples:
        """The same on coarser grids, kept apart in blocks of consecutive rows of about the same weight."""
        inputs, row = self.inputs.coarsen(shapes).merge()
        weight, weighted_y = self.weight[:, 0], self.weighted_y[:, 0]
        middle = (weight.double().cumsum(0) - weight.double() / 2) / weight.double().sum()
        block = (middle * n_blocks).long().clamp(0, n_blocks - 1)
        row = torch.arange(len(weight), device=weight.device) if row is None else row
        cell = row * n_blocks + block
        spread = lambda values: add_rows(values, cell, inputs.n_rows * n_blocks)  # noqa: E731
        return Samples(
            inputs,
            spread(weight).reshape(-1, n_blocks),
            spread(weighted_y).reshape(-1, n_blocks, self.n_outputs),
            self.weighted_square,
        )

    def totals(self) -> tuple[Tensor, Tensor]:
        """Weight (n,) and mean target (n, T) of every row over all blocks."""
        return weight_and_mean(self.weight.sum(1), self.weighted_y.sum(1))


def add_rows(values: Tensor, row: Tensor, n_rows: int) -> Tensor:
    """Sums of the rows of values that go to the same row."""
    return values.new_zeros(n_rows, *values.shape[1:]).index_add_(0, row, values)


def weight_and_mean(weight: Tensor, weighted_y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean target of rows; 0 for rows without weight."""
    return weight, weighted_y / torch.where(weight > 0, weight, 1)[:, None]


class Objective:
    """Eq. (5) for a model on samples.

    Parameters
    ----------
    model : TensorModel
    inputs : Inputs
    y : Tensor of shape (n, T)
    weight : Tensor of shape (n,)
    loss : Loss
    alpha_spatial, alpha_l2 : float
    constant : float
        Added to the loss: what merged rows vary around their mean.
    """

    def __init__(
        self, model: TensorModel, inputs: Inputs, y: Tensor, weight: Tensor, loss: Loss, alpha_spatial: float,
        alpha_l2: float, constant: float = 0.0,
    ):  # fmt: skip
        self.model, self.inputs, self.loss = model, inputs, loss
        self.y, self.weight = y, weight / weight.sum()
        self.alpha_spatial, self.alpha_l2, self.constant = alpha_spatial, alpha_l2, constant

    @classmethod
    def of_samples(cls, model, samples: Samples, loss: Loss, alpha_spatial: float, alpha_l2: float) -> Objective:
        weight, y = samples.totals()
        constant = 0.0
        if loss is SquaredLoss:
            between = float((weight.double()[:, None] * y.double().square()).sum())
            constant = max(samples.weighted_square - between, 0.0) / float(weight.double().sum()) / y.shape[1]
        return cls(model, samples.inputs, y, weight, loss, alpha_spatial, alpha_l2, constant)

    def data_loss(self, parameters: Parameters) -> Tensor:
        """Weighted mean loss L of eq. (5)."""
        return self.weight @ self.loss.of(self.model.scores(parameters, self.inputs), self.y) + self.constant

    def null_loss(self) -> float:
        """Loss of the best model without weights."""
        score = self.loss.constant((self.weight @ self.y)[None])
        return float(self.weight @ self.loss.of(score.expand_as(self.y), self.y)) + self.constant

    def value_and_gradient(self, parameters: Parameters) -> tuple[Tensor, Tensor, Parameters]:
        """Objective, its data part and its gradient."""
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        loss = self.data_loss(parameters)
        value = loss + self.model.penalty(parameters, self.alpha_spatial, self.alpha_l2)
        gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
        named = {
            name: torch.zeros_like(parameters[name]) if gradient is None else gradient
            for name, gradient in zip(parameters, gradients, strict=True)
        }
        return value.detach(), loss.detach(), named

    def batch(self, rows: Tensor) -> Objective:
        """The same on some of the rows, whose loss stands for that of all."""
        batch = copy(self)
        batch.inputs, batch.y = self.inputs.select(rows), self.y[rows]
        batch.weight = self.weight[rows] * (len(self.weight) / len(rows))
        return batch

    def scales(self, parameters: Parameters) -> Parameters:
        """Step lengths natural to each parameter."""
        strengths = Strengths(self.loss.curvature, self.alpha_spatial, self.alpha_l2)
        return self.model.scales(parameters, self.inputs, self.weight, strengths)
