"""CP decomposition: W is a sum of K rank-one tensors, eq. (2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.products import hadamard, khatri_rao
from sklearn_mrtl.core.models.als import canonical, cp_als
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.low_rank import LowRank, Rank
from sklearn_mrtl.modes import Grid


class CP(LowRank[int]):
    """W = sum_k A[:, k] o B[:, k] o ...: one factor matrix (rows, K) for each axis."""

    keeps_signs = True
    core_is_diagonal = True

    @classmethod
    def fitting_rank(cls, rank: Rank, sizes: Sequence[int]) -> int:
        """Return the rank, at most the product of all sizes but the largest, which represents every tensor."""
        if isinstance(rank, tuple):
            raise TypeError(f"the rank of a CP decomposition is one number, got {rank!r}.")
        return min(rank, prod(sorted(sizes)[:-1])) if len(sizes) > 1 else 1

    @classmethod
    def n_weights(cls, rank: int, sizes: Sequence[int]) -> int:
        return rank * sum(sizes)

    def decompose(self, weights: Tensor, rank: int, seed: int) -> Parameters:
        nonnegative = [m for m, axis in enumerate(self.axes) if axis.name in self.nonnegative]
        return dict(zip(self.names, cp_als(weights, rank, seed, nonnegative), strict=True))

    def random_weights(self, rank: int, size: float, draw: Callable[..., Tensor]) -> Parameters:
        scale = (size**2 / rank) ** (0.5 / len(self.axes))
        return {name: scale * draw(axis.size, rank) for name, axis in zip(self.names, self.axes, strict=True)}

    def rank(self, parameters: Parameters) -> int:
        return parameters[self.names[0]].shape[1]

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Return <W, X_n> of eq. (2), shape (n, T)."""
        outputs = self.factors(parameters)[-1] if self.has_outputs else None
        return inputs.cp_scores(self.input_factors(parameters), outputs)

    def dense(self, parameters: Parameters) -> Tensor:
        *others, last = self.factors(parameters)
        if not others:
            return last.sum(1)
        return (khatri_rao(others) @ last.T).reshape([len(factor) for factor in (*others, last)])

    def penalty_sums(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Return R_s and R_2 from K x K matrices alone.

        With G_m = C_m' C_m and E_m = C_m' L_m C_m: R_s = sum_m <E_m, product of the other modes' G>.
        """
        factors = self.factors(parameters)
        grams = [factor.T @ factor for factor in factors]
        rough = factors[0].new_zeros(())
        for m, axis in enumerate(self.axes):
            if axis.smoothness is not None:
                energy = axis.smoothness.energy(factors[m])
                rough = rough + (energy * hadamard(grams[:m] + grams[m + 1 :], torch.ones_like(energy))).sum()
        return rough, hadamard(grams).sum()

    def weight_curvatures(
        self, parameters: Parameters, mean_squares: Sequence[Tensor], loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        """Return the second derivatives by each factor while the others are fixed."""
        factors = self.factors(parameters)
        data = [(rows[:, None] * factor.square()).sum(0) for rows, factor in zip(mean_squares, factors, strict=True)]
        norms = [factor.square().sum(0) for factor in factors]  # (K,)
        ones, curvatures = torch.ones_like(norms[0]), {}
        for m, (name, axis) in enumerate(zip(self.names, self.axes, strict=True)):
            penalty = 2 / self.n_entries * (alphas.spatial * axis.laplacian_diagonal(factors[m]) + alphas.l2)
            of_data = loss_curvature * mean_squares[m][:, None] * hadamard(data[:m] + data[m + 1 :], ones)
            curvatures[name] = of_data + penalty[:, None] * hadamard(norms[:m] + norms[m + 1 :], ones)
        return curvatures

    def canonical(self, parameters: Parameters) -> tuple[Tensor, list[Tensor]]:
        """Return component weights (K,), descending, and factors with unit columns; see `als.canonical`."""
        return canonical(self.factors(parameters), orthogonal=not self.nonnegative, signed=self.signed)

    @property
    def signed(self) -> int:
        """Mode that takes a component's sign: of those that may be negative the largest Grid, or else the first."""
        free = [m for m, axis in enumerate(self.axes) if axis.name not in self.nonnegative]
        return max(free or [0], key=lambda m: self.axes[m].size if isinstance(self.axes[m].mode, Grid) else 0)
