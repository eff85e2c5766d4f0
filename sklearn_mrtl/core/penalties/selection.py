"""Strength of the penalties, chosen by block cross-validation of the full-rank model on a coarse grid.

Both penalties are means over the entries of W: what is best there means the same at every resolution and is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import torch

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss, SquaredLoss
from sklearn_mrtl.core.models.base import Parameters, TensorModel
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective, constant_loss
from sklearn_mrtl.core.solvers import ridge
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.lbfgs import lbfgs

N_BLOCKS = 12
N_FOLDS = 3  # of blocks, where models have to be fitted to leave them out ...
ENOUGH_ROWS = 20_000  # ... and how many left-out rows are enough: one fold, where there are many
ENOUGH_DISTINCT = 2**17  # samples on the coarsest grid, for the choice ...
MERGING = 0.25  # ... unless they are so few of the rows that all rows cost little more
FEWEST_ROWS = 100  # distinct samples; with fewer, cross-validation is noise
STRONGEST = 10.0  # penalty that is tried, relative to the largest eigenvalue of the data; others are half decades below
WEAKEST_PLACE = 19  # half decades below the strongest at which a search ends
FIXED_PLACE = 8  # half decades below, used where there are too few samples to choose
PROPORTIONS = (1.0, 0.1, 10.0)  # penalty of the smoothest wave on a grid, relative to that of its square
SMOOTHEST = 20.0  # mean squared slope of that wave, half a length across a square of unit diagonal: 2 pi^2
FAR = 1.02  # an error so much above the best of its walk ends it
SHARES = (1.0, 0.3, 0.1, 0.03, 0.01)  # of the full-rank model's penalties, tried for the low-rank one
WORTH = 1e-3  # gain, as a share of what is explained, that is worth weaker penalties
ROUGHLY = SolverSettings(max_epochs=30, convergence=1e-2)


def blocks_for_choice(samples: Samples, coarsest: Shapes, loss: Loss) -> tuple[Samples, float]:
    """Samples on the coarsest grid, in blocks, and what part they are of all.

    Where there are very many a part of them does: penalties are priors, which many samples outweigh. They are in
    proportion to one over the number of samples, and what is chosen on a part is to be multiplied by it.
    """
    # Single blocks can be left out of an exact solution; where models are fitted to do so, groups of blocks.
    n_groups = N_BLOCKS if loss is SquaredLoss else N_FOLDS
    n_parts = ceil(samples.inputs.n_rows / ENOUGH_DISTINCT)
    part = samples.thinned(n_parts, N_BLOCKS)
    blocks = part.in_blocks(coarsest, N_BLOCKS, n_groups)
    if n_parts > 1 and blocks.inputs.n_rows < MERGING * part.inputs.n_rows:
        return samples.in_blocks(coarsest, N_BLOCKS, n_groups), 1.0
    return blocks, 1 / n_parts


def select_alphas(
    model: FullRank, samples: Samples, loss: Loss, alpha_spatial: float | None, alpha_l2: float | None
) -> Choice:
    """Choose the alphas that are None; keep those that are not.

    A walk from strong penalties to weak ones finds the order of magnitude; it ends when the error has risen twice in a
    row, or is far above the best. Shorter walks in half decades, until the error rises, then refine it for one
    proportion of the two penalties after the other. More smoothness is tried only where less of it was no better.

    Parameters
    ----------
    samples : Samples
        In blocks.
    """
    if alpha_spatial is not None and alpha_l2 is not None:
        return Choice(alpha_spatial, alpha_l2)
    n_entries = model.n_entries / model.n_outputs
    scale = largest_eigenvalue(model, samples) * n_entries * loss.curvature / SquaredLoss.curvature
    smoothest = SMOOTHEST if any(axis.smoothness for axis in model.axes) else float("inf")

    def alphas(place: int, proportion: float) -> tuple[float, float]:
        """Of the strength so many half decades below the strongest."""
        strength = STRONGEST * 10 ** (-place / 2)
        l2 = scale * strength / (1 + proportion) if alpha_l2 is None else alpha_l2
        spatial = scale * strength * proportion / (1 + proportion) / smoothest
        return spatial if alpha_spatial is None else alpha_spatial, l2

    if samples.inputs.n_rows < FEWEST_ROWS:
        return Choice(*alphas(FIXED_PLACE, PROPORTIONS[0]))
    exact = loss is SquaredLoss and ridge.is_affordable(model, samples)
    errors = ExactErrors(model, samples) if exact else IterativeErrors(model, samples, loss)
    path: list[dict] = []
    tried: dict[tuple[float, float], float] = {}

    def walk(place: int, step: int, most_rises: int, proportion: float) -> int:
        """Best place on the way from here to weaker penalties."""
        best, rises, last = (float("inf"), place), 0, float("inf")  # error and place
        while place <= WEAKEST_PLACE and rises < most_rises and last <= FAR * best[0]:
            pair = alphas(place, proportion)
            if pair not in tried:
                tried[pair] = errors(*pair)
                path.append({"alpha_spatial": pair[0], "alpha_l2": pair[1], "error": tried[pair]})
            rises = rises + 1 if tried[pair] > last * (1 + 1e-6) else 0
            best, last = min(best, (tried[pair], place)), tried[pair]
            place += step
        return best[1]

    place, least = walk(0, 2, 2, PROPORTIONS[0]), float("inf")
    for proportion in PROPORTIONS if smoothest < float("inf") else PROPORTIONS[:1]:
        place = walk(max(place - 1, 0), 1, 1, proportion)
        if min(tried.values()) < least < float("inf"):
            break
        least = min(tried.values())
    best = min(tried, key=tried.get)
    if exact:
        return Choice(*best, path, errors.solution(*best), is_solved=True)
    return Choice(*best, path, errors.best[0], of_folds=errors.best)


@dataclass(frozen=True, eq=False)
class Choice:
    """Penalties, and what is known of the model at them.

    Attributes
    ----------
    alpha_spatial, alpha_l2 : float
    path : list of dict
        alpha_spatial, alpha_l2 and cross-validated error of all that was tried.
    start : Parameters, or None
        Of the full-rank model: a good start, or its solution.
    is_solved : bool
    of_folds : list of Parameters
        The model without the left-out blocks of each fold.
    """

    alpha_spatial: float
    alpha_l2: float
    path: list[dict] = field(default_factory=list)
    start: Parameters | None = None
    is_solved: bool = False
    of_folds: list[Parameters] = field(default_factory=list)


class ExactErrors:
    """Squared error by really leaving blocks out, from the hat matrix."""

    def __init__(self, model: FullRank, samples: Samples):
        self.design, self.like = ridge.RidgeDesign(model, samples), samples.weight
        self.paths: dict[float, ridge.RidgePath] = {}

    def __call__(self, alpha_spatial: float, alpha_l2: float) -> float:
        path, total = self._path(alpha_spatial, alpha_l2)
        return float(path.block_errors(total).sum()) / self.design.model.n_outputs

    def solution(self, alpha_spatial: float, alpha_l2: float) -> Parameters:
        """The model at these alphas, all blocks together."""
        path, total = self._path(alpha_spatial, alpha_l2)
        return self.design.parameters(path.weights(total), self.like)

    def _path(self, alpha_spatial: float, alpha_l2: float) -> tuple[ridge.RidgePath, float]:
        """The path of these alphas' proportion, and where on it they are."""
        total = alpha_spatial + alpha_l2
        share = round(alpha_spatial / total, 12) if total > 0 else 0.0
        if share not in self.paths:
            self.paths[share] = self.design.decompose(share, 1 - share)
        return self.paths[share], total


class IterativeErrors:
    """Mean loss on left-out blocks; every fit starts from the last one of its fold, and the best ones are kept."""

    def __init__(self, model: FullRank, samples: Samples, loss: Loss):
        self.model, self.folds = model, Folds(samples, loss)
        self.last = self.best = [model.initial(samples.weight)] * len(self.folds)
        self.least = float("inf")

    def __call__(self, alpha_spatial: float, alpha_l2: float) -> float:
        self.last = self.folds.train(self.model, (alpha_spatial, alpha_l2), self.last)
        error = self.folds.left_out_loss(self.model, self.last)
        if error < self.least:
            self.least, self.best = error, self.last
        return error


def low_rank_share(
    model: FullRank, low_rank: TensorModel, rank, samples: Samples, loss: Loss, choice: Choice, seed: int
) -> tuple[float, list[dict]]:
    """How much weaker the penalties of the low-rank model should be: its rank already keeps it from fitting noise.

    On each fold the full-rank model is decomposed, and the low-rank one goes on from there with weaker and weaker
    penalties, as long as the loss on the left-out blocks falls by more than chance would have it.

    Returns
    -------
    share : float
        1 or less.
    path : list of dict
        alpha_spatial, alpha_l2 and cross-validated error of all that was tried.
    """
    folds, alphas = Folds(samples, loss), (choice.alpha_spatial, choice.alpha_l2)
    full = choice.of_folds
    if not full:
        full = folds.train(model, alphas, [model.initial(samples.weight)] * len(folds))
    fits = [low_rank.from_full_rank(parameters, rank, seed) for parameters in full]
    null, path, best = folds.null_loss(), [], {"share": SHARES[0], "error": float("inf")}
    for share in SHARES:
        pair = tuple(share * alpha for alpha in alphas)
        fits = folds.train(low_rank, pair, fits)
        error = folds.left_out_loss(low_rank, fits)
        path.append({"alpha_spatial": pair[0], "alpha_l2": pair[1], "error": error, "share": share})
        if not error < best["error"] - WORTH * max(null - error, 0):
            break
        best = path[-1]
    return best["share"], path


class Folds:
    """Every third block left out, in turn; once, where many rows are left out.

    Attributes
    ----------
    training, left_out : list of (Tensor of shape (n, T), Tensor of shape (n,))
        Targets and weights of each fold.
    """

    def __init__(self, samples: Samples, loss: Loss):
        n_folds = min(N_FOLDS, ceil(ENOUGH_ROWS * N_FOLDS / int((samples.weight > 0).sum())))
        fold = torch.arange(samples.weight.shape[1], device=samples.weight.device) % N_FOLDS
        self.inputs, self.loss = samples.inputs, loss
        self.training = [samples.of_blocks(fold != first) for first in range(n_folds)]
        self.left_out = [samples.of_blocks(fold == first) for first in range(n_folds)]

    def __len__(self) -> int:
        return len(self.training)

    def train(self, model: TensorModel, alphas: tuple[float, float], starts: list[Parameters]) -> list[Parameters]:
        """The model without the left-out blocks of each fold, roughly."""
        return [
            lbfgs(Objective(model, self.inputs, *samples, self.loss, *alphas), start, ROUGHLY)[0]
            for samples, start in zip(self.training, starts, strict=True)
        ]

    def left_out_loss(self, model: TensorModel, fits: list[Parameters]) -> float:
        """Mean over the folds of the loss on the blocks that each leaves out."""
        losses = [
            float(weight @ self.loss.of(model.scores(parameters, self.inputs), y) / weight.sum())
            for parameters, (y, weight) in zip(fits, self.left_out, strict=True)
        ]
        return sum(losses) / len(losses)

    def null_loss(self) -> float:
        """The same of the best constant scores."""
        pairs = zip(self.training, self.left_out, strict=True)
        return sum(constant_loss(self.loss, training, left_out) for training, left_out in pairs) / len(self)


def largest_eigenvalue(model: FullRank, samples: Samples) -> float:
    """Of the second moment of what the weights multiply, about its mean: a power iteration."""
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
