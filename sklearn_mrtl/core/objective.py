"""Loss plus penalties (eq. 5) as a function of one flat vector: all that a solver sees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sklearn_mrtl.core.inputs import FactoredInputs, Inputs
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models import Parameters, TensorModel


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs with their targets, in blocks of consecutive rows.

    Rows that are equal are merged: their weights are added and their targets averaged, which leaves every loss here
    as it was up to a constant.

    Attributes
    ----------
    inputs : Inputs
        n distinct samples.
    weight : Tensor of shape (n, B)
        Sample weight in each of B blocks.
    weighted_y : Tensor of shape (n, B)
        Sum of weight times target.
    weighted_square : float
        Sum over all rows of weight times squared target, for the constant.
    """

    inputs: Inputs
    weight: Tensor
    weighted_y: Tensor
    weighted_square: float

    def merge(self) -> Samples:
        """Equal rows once."""
        if not isinstance(self.inputs, FactoredInputs):
            return self
        inputs, row = self.inputs.merge()
        if inputs.n_rows == self.inputs.n_rows:
            return self
        add = lambda values: values.new_zeros(inputs.n_rows, values.shape[1]).index_add_(0, row, values)  # noqa: E731
        return Samples(inputs, add(self.weight), add(self.weighted_y), self.weighted_square)

    def coarsen(self, shapes) -> Samples:
        """The same samples on coarser grids, merged."""
        return Samples(self.inputs.coarsen(shapes), self.weight, self.weighted_y, self.weighted_square).merge()

    def totals(self) -> tuple[Tensor, Tensor]:
        """Weight and mean target of every row over all blocks, shapes (n,)."""
        return weight_and_mean(self.weight.sum(1), self.weighted_y.sum(1))


def weight_and_mean(weight: Tensor, weighted_y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean target of rows; 0 for rows without weight."""
    return weight, torch.where(weight > 0, weighted_y / weight.clamp(min=torch.finfo(weight.dtype).tiny), 0)


class Objective:
    """Eq. (5) for a model on all samples.

    Parameters
    ----------
    model : TensorModel
    inputs : Inputs
    y, weight : Tensor of shape (n,)
    loss : Loss
    alpha_spatial, alpha_l2 : float
    constant : float
        Added to the loss: what merged rows vary around their mean.
    """

    def __init__(self, model: TensorModel, inputs: Inputs, y, weight, loss: Loss, alpha_spatial, alpha_l2, constant=0.0):
        self.model, self.inputs, self.loss = model, inputs, loss
        self.y, self.weight = y, weight / weight.sum()
        self.alpha_spatial, self.alpha_l2, self.constant = alpha_spatial, alpha_l2, constant

    @classmethod
    def of_samples(cls, model, samples: Samples, loss: Loss, alpha_spatial, alpha_l2) -> Objective:
        weight, y = samples.totals()
        constant = 0.0
        if loss is SquaredLoss:
            total = float(weight.double().sum())
            between = float((weight.double() * y.double().square()).sum())
            constant = max(samples.weighted_square - between, 0.0) / total
        return cls(model, samples.inputs, y, weight, loss, alpha_spatial, alpha_l2, constant)

    def data_loss(self, parameters: Parameters) -> Tensor:
        """Weighted mean loss L of eq. (5)."""
        losses = self.loss.of(self.model.scores(parameters, self.inputs), self.y)
        return (self.weight * losses).sum() + self.constant

    def value_and_gradient(self, parameters: Parameters) -> tuple[float, float, Parameters]:
        """Objective, its data part and its gradient."""
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        loss = self.data_loss(parameters)
        value = loss + self.model.penalty(parameters, self.alpha_spatial, self.alpha_l2)
        gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
        named = {
            name: torch.zeros_like(parameters[name]) if gradient is None else gradient
            for name, gradient in zip(parameters, gradients, strict=True)
        }
        return float(value), float(loss), named

    def scales(self, parameters: Parameters) -> Parameters:
        """Step lengths natural to each parameter: 1 / sqrt(approximate second derivative)."""
        return self.model.scales(
            parameters, self.inputs, self.weight, self.loss.curvature, self.alpha_spatial, self.alpha_l2
        )
