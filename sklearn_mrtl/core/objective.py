"""Loss plus penalties, eq. (5): a solver sees nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from functools import reduce
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import CHUNK_ROWS, Inputs, Shapes
from sklearn_mrtl.core.data.block import RowFunction, coarsened, total_of_rows
from sklearn_mrtl.core.data.blocks import BlockSamples
from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.core.data.samples import Samples, mean_square_sum, weight_sum
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel

View = Inputs | BlockSamples


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
        Added to the loss: the mean squared deviation of merged targets from their means.

    Attributes
    ----------
    on_pass : callable or None
        Called with the number of rows before each pass for a gradient, which may be one of a mini-batch.
    """

    on_pass: Callable[[int], None] | None = None

    def __init__(
        self, model: TensorModel, inputs: Inputs, y: Tensor, weight: Tensor, loss: Loss, alphas: Alphas,
        constant: float = 0.0,
    ):  # fmt: skip
        self.model, self.inputs, self.loss, self.alphas, self.constant = model, inputs, loss, alphas, constant
        self.y, self.weight, self.total = y, weight, weight_sum(weight)
        self._is_new = True

    @classmethod
    def from_samples(cls, model: TensorModel, samples: Samples, loss: Loss, alphas: Alphas) -> Objective:
        """Make the objective of merged samples, with its constant."""
        y, weight = samples.totals()
        return cls(model, samples.inputs, y, weight, loss, alphas, merging_constant(samples, loss))

    def data_loss(self, parameters: Parameters) -> Tensor:
        """Return the weighted mean loss L of eq. (5)."""
        return reduce(torch.add, self._data_losses(parameters)) + self.constant

    def _data_losses(self, parameters: Parameters) -> Iterator[Tensor]:
        """Yield the term of each chunk of the samples."""
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
            return float(self.data_loss(parameters) + self.penalty(parameters))

    def penalty(self, parameters: Parameters) -> Tensor:
        """Return the penalties of eq. (5)."""
        return self.model.penalty(parameters, self.alphas)

    def value_and_gradient(self, parameters: Parameters) -> tuple[Tensor, Tensor, Parameters]:
        """Return the objective, its data part and its gradient."""
        if self.on_pass is not None:
            self.on_pass(self.inputs.n_rows)
        return self._value_and_gradient(parameters)

    def _value_and_gradient(self, parameters: Parameters) -> tuple[Tensor, Tensor, Parameters]:
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        penalty = self.penalty(parameters)
        losses = self._data_losses(parameters)
        first = next(losses)
        loss, total = self.constant + first.detach(), gradients(first + penalty, parameters)
        for part in losses:  # the graph of a chunk is released before that of the next is made
            loss = loss + part.detach()
            total = {name: total[name] + gradient for name, gradient in gradients(part, parameters).items()}
        if self._is_new:  # the first pass made what the next ones multiply by, and temporary arrays on the way
            return_freed_memory(self.inputs.n_rows)
            self._is_new = False
        return loss + penalty.detach(), loss, total

    def batch(self, rows: Tensor) -> Objective:
        """Return the objective on some of the rows, weighted so that its expected value is that of all rows."""
        batch = copy(self)
        batch.inputs, batch.y = self.inputs.select(rows), self.y[rows]
        batch.weight = self.weight[rows] * (len(self.weight) / len(rows))
        return batch

    def every(self, step: int, levels: Sequence[Shapes] = (), view: View | None = None) -> tuple[Inputs, Tensor]:
        """Return every so-many-th sample and its weight.

        Parameters
        ----------
        step : int
        levels : sequence of shapes
            Coarser and coarser grids, on the last of which they are wanted.
        view : Inputs, BlockSamples or None
            The same samples on coarser grids; None: those of the objective.
        """
        inputs = self.inputs if view is None else cast(Inputs, view)
        rows = torch.arange(0, inputs.n_rows, step, device=self.weight.device)
        inputs = inputs if step == 1 else inputs.select(rows)
        return coarsened(inputs, levels), self.weight[rows]

    def total_over(self, function: RowFunction, args: tuple, step: int, at_once: int) -> Tensor:
        """Return the sum of function(inputs, weight, *args) over every so-many-th sample, so many at once."""
        rows = torch.arange(0, self.inputs.n_rows, step, device=self.weight.device)
        return total_of_rows(self.inputs, self.weight, rows, function, args, at_once)

    def natural_scales(self, parameters: Parameters) -> Parameters:
        """Return about one over the square root of the second derivative by each parameter."""
        return self.model.natural_scales(parameters, self.inputs, self.weight, self.loss.curvature, self.alphas)


def gradients(value: Tensor, parameters: Parameters) -> Parameters:
    """Return the gradient of a value; 0 for parameters that it does not depend on."""
    values = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    named = zip(parameters.items(), values, strict=True)
    return {name: torch.zeros_like(p) if gradient is None else gradient for (name, p), gradient in named}


def constant_loss(loss: Loss, fitted: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor]) -> float:
    """Return the loss, on seen targets and weights, of the constant score that is best for the fitted ones."""
    y, weight = fitted
    score = loss.constant((weight @ y)[None] / weight_sum(weight))
    return loss_of_constant(loss, score, *seen) / weight_sum(seen[1])


def loss_of_constant(loss: Loss, score: Tensor, y: Tensor, weight: Tensor) -> float:
    """Return the weighted sum of the losses of a constant score (1, T)."""
    parts = zip(y.split(CHUNK_ROWS), weight.split(CHUNK_ROWS), strict=True)
    return sum(float(weight @ loss.of(score.expand_as(y), y)) for y, weight in parts)


def merging_constant(samples: Samples, loss: Loss) -> float:
    """Return what the mean loss of merged samples lacks: the variance of the targets that were averaged."""
    if loss is not SquaredLoss:
        return 0.0
    y, weight = samples.totals()
    return max(samples.mean_square - mean_square_sum(y, weight), 0.0) / y.shape[1]
