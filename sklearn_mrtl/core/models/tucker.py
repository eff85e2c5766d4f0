"""Tucker decomposition: W is a small core tensor times a factor matrix in every mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import tensorly as tl
import torch
from tensorly.decomposition import tucker
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.products import mode_product, mode_products
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.low_rank import LowRank, Rank, largest_sign


class Tucker(LowRank[tuple[int, ...]]):
    """W = G x_1 A x_2 B x_3 C ...: factors (rows, K_m) and the parameter "core" (K_1, K_2, ...)."""

    rank_per_mode = True

    @classmethod
    def fitting_rank(cls, rank: Rank, sizes: Sequence[int]) -> tuple[int, ...]:
        """Return a rank for each mode, at most its size and the product of the others' ranks."""
        ranks = [rank] * len(sizes) if isinstance(rank, int) else list(rank)
        ranks = [min(k, size) for k, size in zip(ranks, sizes, strict=True)]
        return tuple(min(k, prod(ranks[:m] + ranks[m + 1 :])) for m, k in enumerate(ranks))

    @classmethod
    def n_weights(cls, rank: tuple[int, ...], sizes: Sequence[int]) -> int:
        return sum(size * k for size, k in zip(sizes, rank, strict=True)) + prod(rank)

    def decompose(self, weights: Tensor, rank: tuple[int, ...], seed: int) -> Parameters:
        """Run higher-order orthogonal iteration instead of CP_ALS."""
        with tl.backend_context("pytorch", local_threadsafe=True):  # with the threads of the fit
            core, factors = tucker(
                weights.detach().double().cpu(), rank=list(rank), n_iter_max=100, tol=1e-7, random_state=seed
            )
        tensors = [tensor.to(weights) for tensor in (core, *factors)]
        return dict(zip(["core", *self.names], tensors, strict=True))

    def random_weights(self, rank: tuple[int, ...], size: float, draw: Callable[..., Tensor]) -> Parameters:
        scale = (size**2 / prod(rank)) ** (0.5 / (len(self.axes) + 1))
        parameters = {"core": scale * draw(*rank)}
        factors = {name: scale * draw(axis.size, k) for name, axis, k in zip(self.names, self.axes, rank, strict=True)}
        return {**parameters, **factors}

    def rank(self, parameters: Parameters) -> tuple[int, ...]:
        return tuple(parameters["core"].shape)

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Return <W, X_n> of eq. (1) with a Tucker tensor, shape (n, T)."""
        products = inputs.multilinear(self.input_factors(parameters))  # (n, K_1, K_2, ...)
        core = parameters["core"].reshape(products[0].numel(), -1)
        scores = products.reshape(len(products), -1) @ core
        return scores @ parameters[self.names[-1]].T if self.has_outputs else scores

    def dense(self, parameters: Parameters) -> Tensor:
        return mode_products(parameters["core"], self.factors(parameters))

    def penalty_sums(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Return R_s and R_2 from the core and K_m x K_m matrices alone."""
        core, factors = parameters["core"], self.factors(parameters)
        grams = [factor.T @ factor for factor in factors]
        rough = core.new_zeros(())
        for m, axis in enumerate(self.axes):
            if axis.smoothness is not None:
                energy = axis.smoothness.energy(factors[m])
                rough = rough + quadratic_form(core, [*grams[:m], energy, *grams[m + 1 :]])
        return rough, quadratic_form(core, grams)

    def weight_curvatures(
        self, parameters: Parameters, mean_squares: Sequence[Tensor], loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        """Return the second derivatives by the core and by each factor while all others are fixed."""
        core, factors = parameters["core"], self.factors(parameters)
        data = [(rows[:, None] * factor.square()).sum(0) for rows, factor in zip(mean_squares, factors, strict=True)]
        norms = [factor.square().sum(0) for factor in factors]
        penalty = 2 / self.n_entries * alphas.l2
        curvatures = {"core": loss_curvature * outer(data) + penalty * outer(norms)}
        for m, (name, axis) in enumerate(zip(self.names, self.axes, strict=True)):
            dims = [n for n in range(core.ndim) if n != m]
            ones = torch.ones_like(data[m])
            of_data = (core.square() * outer([*data[:m], ones, *data[m + 1 :]])).sum(dims)  # (K_m,)
            of_penalty = (core.square() * outer([*norms[:m], ones, *norms[m + 1 :]])).sum(dims)
            strengths = alphas.spatial * axis.laplacian_diagonal(factors[m]) + alphas.l2
            curvatures[name] = (
                loss_curvature * mean_squares[m][:, None] * of_data
                + 2 / self.n_entries * strengths[:, None] * of_penalty
            )
        return curvatures

    def canonical(self, parameters: Parameters) -> tuple[Tensor, list[Tensor]]:
        """Return core and factors of the higher-order SVD.

        Columns are orthonormal, slices of the core orthogonal and descending, and in every column the entry of largest
        magnitude is positive.
        """
        core, factors = parameters["core"], []
        for m, factor in enumerate(self.factors(parameters)):
            q, r = torch.linalg.qr(factor)
            core = mode_product(core, r, m)
            factors.append(q)
        turned = core
        for m, q in enumerate(factors):
            left = torch.linalg.svd(core.movedim(m, 0).reshape(core.shape[m], -1), full_matrices=False)[0]
            factor = q @ left
            sign = largest_sign(factor)
            factors[m] = factor * sign
            turned = mode_product(turned, (left * sign).T, m)
        return turned, factors


def quadratic_form(core: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Return <G, G x_1 M_1 x_2 M_2 ...>."""
    return (core * mode_products(core, matrices)).sum()


def outer(vectors: Sequence[Tensor]) -> Tensor:
    """Return the outer product of vectors."""
    product = vectors[0].new_ones(())
    for vector in vectors:
        product = product[..., None] * vector
    return product
