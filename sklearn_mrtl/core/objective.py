"""Loss plus penalties, eq. (5): all that a solver sees."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sklearn_mrtl.core.inputs import CHUNK_ROWS, Inputs
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
    y : Tensor of shape (n, B, T)
        Mean target, for each of T outputs.
    mean_square : float
        Weighted mean over all rows, as they came, of the squared targets' sum, for the constant.
    """

    inputs: Inputs
    weight: Tensor
    y: Tensor
    mean_square: float

    @classmethod
    def of_rows(cls, inputs: Inputs, y: Tensor, weight: Tensor) -> Samples:
        """From targets (n, T) and weights (n,)."""
        return cls(inputs, weight[:, None], y[:, None], mean_square(y, weight))

    @property
    def n_outputs(self) -> int:
        return self.y.shape[2]

    def merge(self) -> Samples:
        """Equal rows once."""
        return self.coarsen(self.inputs.shapes)

    def coarsen(self, shapes) -> Samples:
        """The same samples on coarser grids, merged."""
        inputs, row = self.inputs.merge(shapes)
        return replace(self, inputs=inputs) if row is None else self._gathered(inputs, row, 1)

    def without_products(self) -> Samples:
        """The same, without the outer products that full tensors multiply, which inputs keep for the next step."""
        return replace(self, inputs=replace(self.inputs))

    def thinned(self, n_parts: int, n_blocks: int) -> Samples:
        """One of so many parts of the samples: blocks of consecutive rows, evenly spread."""
        if n_parts == 1:
            return self
        n_rows = self.inputs.n_rows
        block = torch.arange(n_rows, device=self.weight.device) * (n_parts * n_blocks) // n_rows
        rows = torch.nonzero(block % n_parts == 0)[:, 0]
        return Samples.of_rows(self.inputs.select(rows), self.y[rows, 0], self.weight[rows, 0])

    def in_blocks(self, shapes, n_blocks: int, n_groups: int | None = None) -> Samples:
        """The same on coarser grids, kept apart in blocks of consecutive rows of about the same weight.

        With fewer groups than blocks every n_groups-th block goes to the same one, which takes the blocks' place.
        """
        n_groups = n_groups or n_blocks
        inputs, row = self.inputs.merge(shapes)
        weight = self.weight[:, 0]
        middle = weight.cumsum(0, dtype=torch.float64).sub_(weight / 2)
        group = middle.mul_(n_blocks / float(weight.sum(dtype=torch.float64))).long().clamp_(0, n_blocks - 1) % n_groups
        row = torch.arange(len(weight), device=weight.device) if row is None else row
        return self._gathered(inputs, group.add_(row, alpha=n_groups), n_groups)

    def _gathered(self, inputs: Inputs, place: Tensor, n_blocks: int) -> Samples:
        """Rows added up at places that count the blocks of each row of the inputs one after the other."""
        weight = self.weight[:, 0]
        add = lambda values: values.new_zeros(inputs.n_rows * n_blocks).index_add_(0, place, values)  # noqa: E731
        total = add(weight)
        # Output by output: torch adds up single numbers many times faster than rows of them.
        y = torch.stack([mean_of(add(weight * y), total) for y in self.y[:, 0].unbind(1)], 1)
        return Samples(inputs, total.reshape(-1, n_blocks), y.reshape(-1, n_blocks, self.n_outputs), self.mean_square)

    def totals(self) -> tuple[Tensor, Tensor]:
        """Mean target (n, T) and weight (n,) of every row over all blocks."""
        return self.of_blocks(slice(None))

    def of_blocks(self, blocks) -> tuple[Tensor, Tensor]:
        """Mean target (n, T) and weight (n,) of every row over some of the blocks."""
        weight, y = self.weight[:, blocks], self.y[:, blocks]
        if weight.shape[1] == 1:
            return y[:, 0], weight[:, 0]
        total = weight.sum(1)
        return mean_of((weight[..., None] * y).sum(1), total[:, None]), total


def mean_of(total: Tensor, weight: Tensor) -> Tensor:
    """Mean target of rows from their weighted sums; 0 for rows without weight."""
    return total.div_(torch.where(weight > 0, weight, 1))


def mean_square(y: Tensor, weight: Tensor) -> float:
    """Weighted mean over the rows of the sum of the squares of y (n, T)."""
    parts = zip(weight.split(CHUNK_ROWS), y.split(CHUNK_ROWS), strict=True)
    total = sum(float(weight.double() @ y.double().square().sum(1)) for weight, y in parts)
    return total / float(weight.sum(dtype=torch.float64))


def constant_loss(loss: Loss, fitted: tuple[Tensor, Tensor], seen: tuple[Tensor, Tensor]) -> float:
    """Weighted mean loss, on targets and weights that are seen, of the constant score that is best for the fitted."""
    y, weight = fitted
    score = loss.constant((weight @ y)[None] / weight.sum(dtype=torch.float64))
    y, weight = seen
    parts = zip(y.split(CHUNK_ROWS), weight.split(CHUNK_ROWS), strict=True)
    total = sum(float(weight @ loss.of(score.expand_as(y), y)) for y, weight in parts)
    return total / float(weight.sum(dtype=torch.float64))


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
        self.y, self.weight, self.total = y, weight, float(weight.sum(dtype=torch.float64))
        self.alpha_spatial, self.alpha_l2, self.constant = alpha_spatial, alpha_l2, constant

    @classmethod
    def of_samples(cls, model, samples: Samples, loss: Loss, alpha_spatial: float, alpha_l2: float) -> Objective:
        y, weight = samples.totals()
        constant = 0.0
        if loss is SquaredLoss:
            constant = max(samples.mean_square - mean_square(y, weight), 0.0) / y.shape[1]
        return cls(model, samples.inputs, y, weight, loss, alpha_spatial, alpha_l2, constant)

    def data_loss(self, parameters: Parameters) -> Tensor:
        """Weighted mean loss L of eq. (5)."""
        return sum(self._data_losses(parameters)) + self.constant

    def _data_losses(self, parameters: Parameters) -> Iterator[Tensor]:
        """What each chunk of the samples contributes."""
        for rows, inputs in self.inputs.chunks:
            losses = self.loss.of(self.model.scores(parameters, inputs), self.y[rows])
            yield self.weight[rows] @ losses / self.total

    def null_loss(self) -> float:
        """Loss of the best model without weights."""
        samples = self.y, self.weight
        return constant_loss(self.loss, samples, samples) + self.constant

    def value_and_gradient(self, parameters: Parameters) -> tuple[Tensor, Tensor, Parameters]:
        """Objective, its data part and its gradient."""
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        penalty = self.model.penalty(parameters, self.alpha_spatial, self.alpha_l2)
        leaves, total, loss = list(parameters.values()), None, self.constant
        for part in self._data_losses(parameters):
            # With the first chunk goes the penalty; the graph of a chunk is free before the next is made.
            slopes = torch.autograd.grad(part + penalty if total is None else part, leaves, allow_unused=True)
            slopes = [torch.zeros_like(p) if g is None else g for p, g in zip(leaves, slopes, strict=True)]
            total = slopes if total is None else [t + g for t, g in zip(total, slopes, strict=True)]
            loss = loss + part.detach()
        return loss + penalty.detach(), loss, dict(zip(parameters, total, strict=True))

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
