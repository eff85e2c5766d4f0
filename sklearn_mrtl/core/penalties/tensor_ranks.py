"""Choice of the rank of one tensor: the full-rank solution of each fold is decomposed and trained on."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import LowRank, Rank
from sklearn_mrtl.core.penalties.folds import ExactErrors, Folds
from sklearn_mrtl.core.penalties.options import ChoiceOptions
from sklearn_mrtl.core.penalties.ranks import RankChoice, RankTrial
from sklearn_mrtl.core.penalties.strengths import Selection
from sklearn_mrtl.core.solvers.ridge import smooth_outputs


class TensorRanks(RankChoice[LowRank]):
    """Low-rank models on folds, which start from the full-rank solution of each fold.

    Parameters
    ----------
    model : FullRank
    low_rank : LowRank
    samples : Samples
        In blocks.
    selection : Selection
        Strengths of the full-rank model.
    loss : Loss
    ranks : sequence of int, or of tuple of int
        Ascending.
    fractions : sequence of float
    options : ChoiceOptions
    seed : int
        Of the decomposition.
    """

    def __init__(
        self, model: FullRank, low_rank: LowRank, samples: Samples, selection: Selection, loss: Loss,
        ranks: Sequence[Rank], fractions: Sequence[float], options: ChoiceOptions, seed: int,
    ):  # fmt: skip
        super().__init__(Folds(samples, loss, options), len(ranks), fractions, options)
        self.low_rank, self.selection, self.ranks, self.seed = low_rank, selection, ranks, seed
        self.full = selection.of_folds or self._full_rank_fits(model, samples, loss)

    def _full_rank_fits(self, model: FullRank, samples: Samples, loss: Loss) -> list[Parameters]:
        """Return the full-rank model of each fold."""
        alphas = self.selection.alphas
        # The path of a ridge regression has no penalty along the outputs.
        if ExactErrors.are_affordable(model, samples, loss) and not (smooth_outputs(model) and alphas.spatial):
            return (self.selection.exact or ExactErrors(model, samples)).fits(alphas, self.folds)
        return self.folds.train(model, alphas, [model.initial(samples.weight)] * len(self.folds))

    def choose(self) -> tuple[Rank, float]:
        """Return the rank, and the fraction of the strengths for it.

        If no rank predicts what is left out, the smallest is tried with stronger penalties than the full-rank model
        has, from the strongest down.
        """
        best = self.best()
        if self.n_ranks > 1 and best.error >= self.null:
            stronger = [10 ** (n / 2) for n in range(self.selection.step, 0, -1)]
            if stronger:
                best = self.strongest_of_best(self.walk(0, *self.start(0, None, self.folds.every), stronger))
            if best.error >= self.null:
                warn(
                    f"no rank predicts the left-out blocks of rows better than a constant does: the smallest rank, "
                    f"{self.ranks[0]}, is trained, with the strongest penalties. X may tell nothing about y.",
                )
                return self.ranks[0], (stronger or self.fractions)[0]
        return self.ranks[best.position], self.fraction_of(best)

    def start(
        self, position: int, smaller: RankTrial[LowRank] | None, folds: range
    ) -> tuple[LowRank, list[Parameters]]:  # fmt: skip
        rank = self.ranks[position]
        return self.low_rank, [self.low_rank.from_full_rank(self.full[fold], rank, self.seed) for fold in folds]

    def train(
        self, model: LowRank, fraction: float, fits: list[Parameters], folds: range
    ) -> tuple[LowRank, list[Parameters]]:  # fmt: skip
        return model, self.folds.train(model, self.selection.alphas.times(fraction), fits, folds)

    def described(self, trial: RankTrial[LowRank]) -> dict:
        alphas = self.selection.alphas.times(trial.fraction)
        return {"rank": self.ranks[trial.position], "alpha_spatial": alphas.spatial, "alpha_l2": alphas.l2}
