"""Errors of models on blocks of rows that were left out of their fit."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf
from time import perf_counter

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import AnySamples
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective, constant_loss
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.solvers import ridge
from sklearn_mrtl.core.solvers.coarse_fields import CoarseFields
from sklearn_mrtl.core.solvers.ridge_path import FactoredPath, RidgePath, SpectralPath
from sklearn_mrtl.core.solvers.solve import solve


def make_blocks(
    samples: AnySamples, coarsest: Shapes, options: ChoiceOptions
) -> tuple[Samples, float]:  # fmt: skip
    """Return samples on the coarsest grid in blocks of consecutive rows, and the part they are of all.

    Of very many samples a part is enough: penalties are priors, which many samples outweigh. Strengths are in
    proportion to one over the number of samples, so that those chosen on a part are to be multiplied by it.
    """
    samples = samples.with_coarse_targets(coarsest)
    n_parts = ceil(samples.inputs.n_rows / options.max_distinct)
    part = samples.thinned(n_parts, options.n_blocks)
    blocks = part.in_blocks(coarsest, options.n_blocks, options.gap)
    repeats = n_parts > 1 and blocks.inputs.n_rows < options.merging * part.inputs.n_rows
    if repeats and isinstance(samples, Samples):  # all rows of blocks that live elsewhere may be too many
        n_parts, part, blocks = 1, samples, samples.in_blocks(coarsest, options.n_blocks, options.gap)
    if blocks.inputs.n_rows < options.min_rows:  # fixed strengths, the same whether rows have weights or are repeated
        blocks = part.in_blocks(coarsest, options.n_blocks)
    return blocks, float(blocks.weight.sum() / part.weight.sum()) / n_parts


class Folds:
    """Every fourth block left out, in turn; only the first of these folds where their rows are many.

    Parameters
    ----------
    samples : Samples
        In blocks.
    loss : Loss
    options : ChoiceOptions
    n_fits : int, default=options.rank_fits
        About what the choice takes, in units of the first fit.

    Attributes
    ----------
    blocks : list of list of int
        Numbers of the blocks that each fold leaves out.
    training, left_out : list of Samples
        The rows of the other blocks, and those of these blocks.
    """

    def __init__(self, samples: Samples, loss: Loss, options: ChoiceOptions, n_fits: int | None = None):
        n_rows = int((samples.weight > 0).sum())
        n_folds = options.folds_of(n_rows)
        fold = torch.arange(samples.weight.shape[1], device=samples.weight.device) % options.n_folds
        self.loss, self.solver = loss, options.coarse_solver
        self.n_fits, self.expect = n_fits or options.rank_fits, options.expect
        holds = (samples.weight > 0).any(0)
        firsts = [first for first in range(n_folds) if holds[fold == first].any() and holds[fold != first].any()]
        left_out = [torch.nonzero(holds & (fold == first))[:, 0] for first in firsts]
        self.blocks = [blocks.tolist() for blocks in left_out]
        self.training = [samples.rows_of(torch.nonzero(fold != first)[:, 0]) for first in firsts]
        self.left_out = [samples.rows_of(blocks) for blocks in left_out]
        self._coarse: list[dict[Shapes, CoarseFields]] = [{} for _ in firsts]  # of the training rows

    def __len__(self) -> int:
        return len(self.training)

    @property
    def every(self) -> range:
        """Numbers of all folds."""
        return range(len(self))

    def train(
        self, model: TensorModel, alphas: Alphas, starts: list[Parameters], folds: range | None = None
    ) -> list[Parameters]:  # fmt: skip
        """Fit the model roughly without the left-out blocks of each fold, or of some, by the levels' steps.

        Penalties that are chosen for fits that end early are too weak for levels that converge.
        """
        fits = []
        for fold, start in zip(self.every if folds is None else folds, starts, strict=True):
            began, samples, coarse = perf_counter(), self.training[fold], self._coarse[fold]
            objective = Objective(model, samples.inputs, *samples.totals(), self.loss, alphas)
            fits.append(solve(objective, start, self.solver, known=coarse))
            if len(start) > 1:  # more than a constant
                self.expect(self.n_fits * (perf_counter() - began))
        return fits

    def left_out_losses(self, model: TensorModel, fits: list[Parameters]) -> Tensor:
        """Return the mean loss on each block that a fold leaves out, shape (blocks,), for fits of the first folds."""
        losses = []
        for parameters, samples in zip(fits, self.left_out, strict=False):
            scores = model.scores(parameters, samples.inputs)
            losses += [weight @ self.loss.of(scores[rows], y) / weight.sum() for rows, y, weight in each_block(samples)]
        # Scores can overflow, where one heavy row is all that is fitted.
        return torch.stack(losses).nan_to_num(nan=inf, posinf=inf)

    def left_out_loss(self, model: TensorModel, fits: list[Parameters]) -> float:
        """Return the mean loss over the blocks that are left out."""
        return float(self.left_out_losses(model, fits).mean())

    def null_losses(self) -> Tensor:
        """Return the loss on each left-out block of the constant scores that are best for the others."""
        losses = [
            constant_loss(self.loss, training.totals(), (y, weight))
            for training, left_out in zip(self.training, self.left_out, strict=True)
            for _, y, weight in each_block(left_out)
        ]
        return torch.tensor(losses, dtype=torch.float64)

    def null_loss(self) -> float:
        """Return the mean over the left-out blocks of the loss of the best constant scores."""
        return float(self.null_losses().mean())


def each_block(samples: Samples) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield the rows that weigh anything in each block, their targets (n, T) and weights (n,)."""
    for block in range(samples.weight.shape[1]):
        rows = torch.nonzero(samples.weight[:, block])[:, 0]
        yield rows, samples.y[rows, block], samples.weight[rows, block]


class ExactErrors:
    """Squared errors of exactly leaving blocks out, from the hat matrix of a ridge regression."""

    @staticmethod
    def are_affordable(model: FullRank, samples: Samples, loss: Loss) -> bool:
        """Return whether the model is a ridge regression of moderate size."""
        return loss is SquaredLoss and ridge.is_affordable(model, samples)

    def __init__(self, model: FullRank, samples: Samples):
        self.design = ridge.RidgeDesign(model, samples)
        self.paths: dict[float, RidgePath] = {}

    def __call__(self, alphas: Alphas) -> tuple[Tensor, list[Parameters]]:
        """Return the squared error of each block at these strengths, whose mean is that of all rows; no fits."""
        path, total = self._path(alphas)
        errors, blocks = path.block_errors(total).sum(1), self.design.blocks.values()
        scale = len(blocks) / self.design.model.n_outputs
        return scale * torch.stack([errors[block].sum() for block in blocks]), []

    def fits(self, alphas: Alphas, folds: Folds) -> list[Parameters]:
        """Return the model at these strengths without the blocks that each fold leaves out.

        As in the errors, no penalty is along the outputs.
        """
        path, total = self._path(alphas)
        like = folds.training[0].weight
        return [path.fit_without(total, blocks, like) for blocks in folds.blocks]

    def _path(self, alphas: Alphas) -> tuple[RidgePath, float]:
        """Return the path of the strengths' proportion, and their sum, which is the strength on it.

        In the first proportion many strengths are looked at, in others few.
        """
        total = alphas.spatial + alphas.l2
        fraction = round(alphas.spatial / total, 12) if total > 0 else 0.0
        if fraction not in self.paths:
            make = FactoredPath if self.paths and self.design.is_dual else SpectralPath
            self.paths[fraction] = make(self.design, Alphas(fraction, 1 - fraction))
        return self.paths[fraction], total


class IterativeErrors:
    """Losses on left-out blocks; every fit starts from the last one of its fold."""

    def __init__(self, model: FullRank, samples: Samples, loss: Loss, options: ChoiceOptions):
        self.model, self.folds = model, Folds(samples, loss, options, options.fits)
        self.last = [model.initial(samples.weight)] * len(self.folds)

    def __call__(self, alphas: Alphas) -> tuple[Tensor, list[Parameters]]:
        """Return the mean loss on each left-out block at these strengths, and the fit of each fold."""
        self.last = self.folds.train(self.model, alphas, self.last)
        return self.folds.left_out_losses(self.model, self.last), self.last


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
