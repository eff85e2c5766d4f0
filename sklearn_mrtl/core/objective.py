"""Loss plus penalties, eq. (5): all that a solver sees."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import CHUNK_ROWS, Inputs
from sklearn_mrtl.core.data.samples import Samples, mean_square_sum
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel


class Objective:
    """Eq. (5) for a model on samples.

    Parameters
    ----------
    model : TensorModel
    inputs : Inputs
    y : Tensor of shape (n, T)
    weight : Tensor of shape (n,)
    loss : Loss
    alphas : Alphas
    constant : float
        Added to the loss: the variation of merged rows about their mean.
    """

    def __init__(
        self, model: TensorModel, inputs: Inputs, y: Tensor, weight: Tensor, loss: Loss, alphas: Alphas,
        constant: float = 0.0,
    ):  # fmt: skip
        self.model, self.inputs, self.loss, self.alphas, self.constant = model, inputs, loss, alphas, constant
        self.y, self.weight, self.total = y, weight, float(weight.sum(dtype=torch.float64))

    @classmethod
    def from_samples(cls, model: TensorModel, samples: Samples, loss: Loss, alphas: Alphas) -> Objective:
        """Make the objective of merged samples, whose constant it knows."""
        y, weight = samples.totals()
        constant = 0.0
        if loss is SquaredLoss:
            constant = max(samples.mean_square - mean_square_sum(y, weight), 0.0) / y.shape[1]
        return cls(model, samples.inputs, y, weight, loss, alphas, constant)

    def data_loss(self, parameters: Parameters) -> Tensor:
        """Return the weighted mean loss L of eq. (5)."""
        return sum(self._data_losses(parameters)) + self.constant

    def _data_losses(self, parameters: Parameters) -> Iterator[Tensor]:
        """Yield what each chunk of the samples contributes."""
        for rows, inputs in self.inputs.chunks:
            losses = self.loss.of(self.model.scores(parameters, inputs), self.y[rows])
            yield self.weight[rows] @ losses / self.total

    def null_loss(self) -> float:
        """Return the loss of the best model without weights."""
        samples = self.y, self.weight
        return constant_loss(self.loss, samples, samples) + self.constant

    def value(self, parameters: Parameters) -> float:
        """Return the objective without its gradient."""
        with torch.no_grad():
            return float(self.data_loss(parameters) + self.model.penalty(parameters, self.alphas))

    def value_and_gradient(self, parameters: Parameters) -> tuple[Tensor, Tensor, Parameters]:
        """Return the objective, its data part and its gradient."""
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        penalty = self.model.penalty(parameters, self.alphas)
        leaves, total, loss = list(parameters.values()), None, self.constant
        for part in self._data_losses(parameters):
            # With the first chunk goes the penalty; the graph of a chunk is free before the next is made.
            gradient = torch.autograd.grad(part + penalty if total is None else part, leaves, allow_unused=True)
            gradient = [torch.zeros_like(p) if g is None else g for p, g in zip(leaves, gradient, strict=True)]
            total = gradient if total is None else [t + g for t, g in zip(total, gradient, strict=True)]
            loss = loss + part.detach()
        return loss + penalty.detach(), loss, dict(zip(parameters, total, strict=True))

    def batch(self, rows: Tensor) -> Objective:
        """Return the objective on some of the rows, whose loss stands for that of all."""
        batch = copy(self)
        batch.inputs, batch.y = self.inputs.select(rows), self.y[rows]
        batch.weight = self.weight[rows] * (len(self.weight) / len(rows))
        return batch

    def natural_scales(self, parameters: Parameters) -> Parameters:
        """Return step lengths natural to each parameter."""
        return self.model.natural_scales(parameters, self.inputs, self.weight, self.loss.curvature, self.alphas)


def constant_loss(loss: Loss, fitted: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor]) -> float:
    """Return the weighted mean loss on seen targets and weights of the constant score that is best for the fitted."""
    y, weight = fitted
    score = loss.constant((weight @ y)[None] / weight.sum(dtype=torch.float64))
    y, weight = seen
    parts = zip(y.split(CHUNK_ROWS), weight.split(CHUNK_ROWS), strict=True)
    total = sum(float(weight @ loss.of(score.expand_as(y), y)) for y, weight in parts)
    return total / float(weight.sum(dtype=torch.float64))
