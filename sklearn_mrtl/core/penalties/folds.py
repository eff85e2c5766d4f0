"""Errors of models on blocks of rows that were left out of their fit."""

from __future__ import annotations

from math import ceil, isfinite

import torch

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective, constant_loss
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.solvers import ridge
from sklearn_mrtl.core.solvers.lbfgs import lbfgs


def make_blocks(samples: Samples, coarsest: Shapes, loss: Loss, options: ChoiceOptions) -> tuple[Samples, float]:
    """Return samples on the coarsest grid in blocks of consecutive rows, and the part they are of all.

    Of very many samples a part is enough: penalties are priors, which many samples outweigh. Strengths are in
    proportion to one over the number of samples, so that those chosen on a part are to be multiplied by it.
    """
    # Single blocks can be left out of an exact solution; where models are fitted to do so, groups of blocks.
    n_groups = options.n_blocks if loss is SquaredLoss else options.n_folds
    n_parts = ceil(samples.inputs.n_rows / options.max_distinct)
    part = samples.thinned(n_parts, options.n_blocks)
    blocks = part.in_blocks(coarsest, options.n_blocks, n_groups)
    if n_parts > 1 and blocks.inputs.n_rows < options.merging * part.inputs.n_rows:
        return samples.in_blocks(coarsest, options.n_blocks, n_groups), 1.0
    return blocks, 1 / n_parts


class Folds:
    """Every third block left out, in turn; only the first third where those are many rows.

    Attributes
    ----------
    training, left_out : list of (Tensor of shape (n, T), Tensor of shape (n,))
        Targets and weights of each fold.
    """

    def __init__(self, samples: Samples, loss: Loss, options: ChoiceOptions):
        n_rows = int((samples.weight > 0).sum())
        n_folds = min(options.n_folds, ceil(options.enough_rows * options.n_folds / n_rows))
        fold = torch.arange(samples.weight.shape[1], device=samples.weight.device) % options.n_folds
        self.inputs, self.loss, self.solver = samples.inputs, loss, options.coarse_solver
        holds = (samples.weight > 0).any(0)
        firsts = [first for first in range(n_folds) if holds[fold == first].any() and holds[fold != first].any()]
        self.training = [samples.of_blocks(fold != first) for first in firsts]
        self.left_out = [samples.of_blocks(fold == first) for first in firsts]

    def __len__(self) -> int:
        return len(self.training)

    def train(self, model: TensorModel, alphas: Alphas, starts: list[Parameters]) -> list[Parameters]:
        """Fit the model roughly without the left-out blocks of each fold."""
        return [
            lbfgs(Objective(model, self.inputs, *samples, self.loss, alphas), start, self.solver)
            for samples, start in zip(self.training, starts, strict=True)
        ]

    def left_out_loss(self, model: TensorModel, fits: list[Parameters]) -> float:
        """Return the mean over the folds of the loss on the blocks that each leaves out."""
        losses = [
            float(weight @ self.loss.of(model.scores(parameters, self.inputs), y) / weight.sum())
            for parameters, (y, weight) in zip(fits, self.left_out, strict=True)
        ]
        mean = sum(losses) / len(losses)
        return (
            mean if isfinite(mean) else float("inf")
        )  # scores can overflow, where one heavy row is all that is fitted

    def null_loss(self) -> float:
        """Return the left-out loss of the best constant scores."""
        folds = zip(self.training, self.left_out, strict=True)
        return sum(constant_loss(self.loss, training, left_out) for training, left_out in folds) / len(self)


class ExactErrors:
    """Squared errors of exactly leaving blocks out, from the hat matrix of a ridge regression."""

    def __init__(self, model: FullRank, samples: Samples):
        self.design, self.like = ridge.RidgeDesign(model, samples), samples.weight
        self.paths: dict[float, ridge.RidgePath] = {}

    def __call__(self, alphas: Alphas) -> float:
        """Return the mean squared error at these strengths."""
        path, total = self._path(alphas)
        return float(path.block_errors(total).sum()) / self.design.model.n_outputs

    def solution(self, alphas: Alphas) -> Parameters:
        """Return the model at these strengths, fitted to all blocks."""
        path, total = self._path(alphas)
        return self.design.parameters(path.weights(total), self.like)

    def _path(self, alphas: Alphas) -> tuple[ridge.RidgePath, float]:
        """Return the path of the strengths' proportion, and their sum, which is the strength on it."""
        total = alphas.spatial + alphas.l2
        fraction = round(alphas.spatial / total, 12) if total > 0 else 0.0
        if fraction not in self.paths:
            self.paths[fraction] = self.design.decompose(Alphas(fraction, 1 - fraction))
        return self.paths[fraction], total


class IterativeErrors:
    """Mean losses on left-out blocks; every fit starts from the last one of its fold.

    Attributes
    ----------
    best : list of Parameters
        The fits of least error so far, one for each fold.
    """

    def __init__(self, model: FullRank, samples: Samples, loss: Loss, options: ChoiceOptions):
        self.model, self.folds = model, Folds(samples, loss, options)
        self.last = self.best = [model.initial(samples.weight)] * len(self.folds)
        self.least = float("inf")

    def __call__(self, alphas: Alphas) -> float:
        """Return the mean loss at these strengths."""
        self.last = self.folds.train(self.model, alphas, self.last)
        error = self.folds.left_out_loss(self.model, self.last)
        if error < self.least:
            self.least, self.best = error, self.last
        return error


def largest_eigenvalue(model: FullRank, samples: Samples) -> float:
    """Return the largest eigenvalue of the covariance of what the weights multiply, by power iteration."""
    weight = samples.weight.sum(1)
    weight = weight / weight.sum()
    generator = torch.Generator().manual_seed(0)
    shape = model.initial(weight)["weights"].shape
    vector = torch.randn(shape, generator=generator, dtype=torch.float64).to(weight)
    eigenvalue = 0.0
    for _ in range(15):
        vector = (vector / vector.norm().clamp(min=1e-30)).requires_grad_()
        scores = model.weight_scores({"weights": vector}, samples.inputs)
        moment = weight @ (scores - weight @ scores).square()
        (gradient,) = torch.autograd.grad(moment.sum(), vector)
        eigenvalue, vector = float(moment.detach().sum()), gradient.detach()
    return eigenvalue
