"""Eq. (5) of samples in blocks: values and gradients are computed where the blocks live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.data.block import Block, RowFunction, total_of_block
from sklearn_mrtl.core.data.blocks import AnySamples, BlockInputs, BlockSamples
from sklearn_mrtl.core.data.samples import weight_sum
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel
from sklearn_mrtl.core.objective import Objective, View, gradients, loss_of_constant, merging_constant

NO_PENALTY = Alphas(0.0, 0.0)


def make_objective(model: TensorModel, samples: AnySamples, loss: Loss, alphas: Alphas) -> Objective:
    """Return the objective of samples, at hand or in blocks."""
    if isinstance(samples, BlockSamples):
        return BlockObjective(model, samples, loss, alphas)
    return Objective.from_samples(model, samples, loss, alphas)


class BlockObjective(Objective):
    """Eq. (5) for a model on samples in blocks: parameters go to the blocks, losses and gradients come back.

    Parameters
    ----------
    model : TensorModel
    samples : BlockSamples
    loss : Loss
    alphas : Alphas
    """

    inputs: BlockInputs  # type: ignore[assignment]

    def __init__(self, model: TensorModel, samples: BlockSamples, loss: Loss, alphas: Alphas):
        self.model, self.samples, self.loss, self.alphas = model, samples, loss, alphas
        self.inputs, self.total = samples.inputs, samples.total_weight
        self.weight = samples.weight
        self.sent = model.with_axes([replace(axis, smoothness=None, mask=None) for axis in model.axes])

    def data_loss(self, parameters: Parameters) -> Tensor:
        loss = self.samples.blocks.total(weighted_loss, self.sent, self.loss, sendable(parameters))
        return (loss / self.total).to(self.samples.weight)

    def null_loss(self) -> float:
        known = self.samples.null_losses
        if self.loss not in known:
            blocks = self.samples.blocks
            mean = blocks.total(target_sum) / self.total
            score = self.loss.constant(mean[None]).to(self.samples.weight)
            known[self.loss] = float(blocks.total(weighted_constant_loss, self.loss, score)) / self.total
        return known[self.loss]

    def _value_and_gradient(self, parameters: Parameters) -> tuple[Tensor, Tensor, Parameters]:
        data, of_data = self.samples.blocks.total(weighted_gradient, self.sent, self.loss, sendable(parameters))
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        penalty = self.model.penalty(parameters, self.alphas)
        of_penalty = gradients(penalty, parameters)
        loss = (data / self.total).to(penalty)
        gradient = {name: (of_data[name] / self.total).to(penalty) + of_penalty[name] for name in parameters}
        return loss + penalty.detach(), loss, gradient

    def batch(self, rows: Tensor) -> Objective:
        raise TypeError("samples in blocks have no mini-batches.")

    def every(self, step: int, levels: Sequence[Shapes] = (), view: View | None = None) -> tuple[Inputs, Tensor]:
        samples = self.samples if view is None else cast(BlockSamples, view)
        return samples.every(step, levels)

    def total_over(self, function: RowFunction, args: tuple, step: int, at_once: int) -> Tensor:
        return self.samples.blocks.total(total_of_block, function, args, step, at_once)


def sendable(parameters: Parameters) -> Parameters:
    """Return parameters as other processes can have them: on the CPU, without a graph."""
    return {name: value.detach().cpu() for name, value in parameters.items()}


def objective_of_block(
    block: Block, model: TensorModel, loss: Loss, parameters: Parameters
) -> tuple[Objective, Parameters]:
    """Return the objective of a block without penalties, and the parameters on its device."""
    objective = Objective.from_samples(model, block.samples, loss, NO_PENALTY)
    return objective, {name: value.to(block.samples.weight.device) for name, value in parameters.items()}


def weighted_loss(block: Block, model: TensorModel, loss: Loss, parameters: Parameters) -> Tensor:
    """Return the sum over the samples of weight times loss."""
    objective, parameters = objective_of_block(block, model, loss, parameters)
    with torch.no_grad():
        return objective.total * objective.data_loss(parameters).double().cpu()


def weighted_gradient(
    block: Block, model: TensorModel, loss: Loss, parameters: Parameters
) -> tuple[Tensor, Parameters]:
    """Return the sum over the samples of weight times loss, and its gradient, in double precision."""
    objective, parameters = objective_of_block(block, model, loss, parameters)
    _, mean, gradient = objective.value_and_gradient(parameters)
    total = objective.total
    return total * mean.double().cpu(), {name: total * value.double().cpu() for name, value in gradient.items()}


def target_sum(block: Block) -> Tensor:
    """Return the weighted sum of the targets, shape (T,)."""
    y, weight = block.samples.totals()
    return (weight.double() @ y.double()).cpu()


def weighted_constant_loss(block: Block, loss: Loss, score: Tensor) -> float:
    """Return the sum over the samples of weight times the loss of a constant score, shape (1, T)."""
    y, weight = block.samples.totals()
    of_merging = weight_sum(weight) * merging_constant(block.samples, loss)
    return loss_of_constant(loss, score.to(y), y, weight) + of_merging
