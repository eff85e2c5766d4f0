"""Tucker decomposition: W is a small core tensor times a factor matrix in every mode."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import tensorly as tl
import torch
from tensorly.decomposition import tucker
from torch import Tensor

from sklearn_mrtl.core.data.inputs import Inputs
from sklearn_mrtl.core.models.base import Axis, Parameters, TensorModel, intercepts_of
from sklearn_mrtl.core.models.cp import largest_sign


class Tucker(TensorModel):
    """W = G x_1 A x_2 B x_3 C ...: parameters "core" (K_1, K_2, ...) and "factor 0" (rows, K_1), ..."""

    def __init__(self, axes: Sequence[Axis], nonnegative=()):
        super().__init__(axes)
        if nonnegative:
            raise ValueError("nonnegative factors are for decomposition='cp'; a Tucker core would undo the signs.")

    @classmethod
    def fitting_rank(cls, rank: int | Sequence[int], sizes: Sequence[int]) -> tuple[int, ...]:
        """A rank for each mode, at most its size and the product of the others' ranks."""
        ranks = [rank] * len(sizes) if isinstance(rank, int) else list(rank)
        ranks = [min(k, size) for k, size in zip(ranks, sizes, strict=True)]
        return tuple(min(k, prod(ranks[:m] + ranks[m + 1 :])) for m, k in enumerate(ranks))

    @property
    def names(self) -> list[str]:
        """Names of the parameters that are factors."""
        return [f"factor {m}" for m in range(len(self.axes))]

    def factors(self, parameters: Parameters) -> list[Tensor]:
        """Factor matrices in the order of the axes."""
        return [parameters[name] for name in self.names]

    def from_full_rank(self, parameters: Parameters, rank: Sequence[int], seed: int) -> Parameters:
        """Higher-order orthogonal iteration, in the place of CP_ALS in line 14 of Algorithm 1."""
        weights = parameters["weights"]
        with tl.backend_context("numpy"):
            core, factors = tucker(
                weights.detach().double().cpu().numpy(), rank=list(rank), n_iter_max=100, tol=1e-7, random_state=seed
            )
        tensors = [torch.from_numpy(np.array(array)).to(weights) for array in (core, *factors)]
        return {**dict(zip(["core", *self.names], tensors, strict=True)), **intercepts_of(parameters)}

    def random(self, rank: Sequence[int], like: Tensor, mass: float, seed: int) -> Parameters:
        """Normal random factors and core whose scores have a standard deviation of about 0.1."""
        generator = torch.Generator().manual_seed(seed)
        size = (0.01 / mass / prod(rank)) ** (0.5 / (len(self.axes) + 1))
        draw = lambda *shape: size * torch.randn(*shape, generator=generator, dtype=torch.float64).to(like)  # noqa: E731
        parameters = {"core": draw(*rank)}
        for name, axis, k in zip(self.names, self.axes, rank, strict=True):
            factor = draw(axis.size, k)
            parameters[name] = factor if axis.mask is None else factor * axis.mask[:, None]
        return {**parameters, **self.initial_intercepts(like)}

    @property
    def parameter_axes(self):
        return {name: (axis,) for name, axis in zip(self.names, self.axes, strict=True)}

    def rank(self, parameters):
        return tuple(parameters["core"].shape)

    def scaled(self, parameters, scale):
        """The last factor times the scale; it is the outputs' where there are several."""
        return {**parameters, self.names[-1]: parameters[self.names[-1]] * scale[:, None]}

    def dense(self, parameters):
        """W, the core times all factors."""
        return mode_products(parameters["core"], self.factors(parameters))

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Eq. (1) with a Tucker tensor, shape (n, T)."""
        factors = self.factors(parameters)
        products = inputs.multilinear(self.effective(factors, inputs))  # (n, K_1, K_2, ...)
        core = parameters["core"].reshape(products[0].numel(), -1)
        scores = products.reshape(len(products), -1) @ core
        return scores @ factors[-1].T if self.n_outputs > 1 else scores

    def rough_and_squares(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """R_s and R_2 as sums over the entries of W, from the core and K_m x K_m matrices alone."""
        core, factors = parameters["core"], self.factors(parameters)
        grams = [factor.T @ factor for factor in factors]
        square = lambda matrices: (core * mode_products(core, matrices)).sum()  # noqa: E731
        rough = core.new_zeros(())
        for m, axis in enumerate(self.axes):
            if axis.smoothness is not None:
                energy = axis.smoothness.energy(factors[m])
                rough = rough + square([*grams[:m], energy, *grams[m + 1 :]])
        return rough, square(grams)

    def weight_curvatures(self, parameters, masses, strengths):
        """Each mode and the core given all others."""
        core, factors = parameters["core"], self.factors(parameters)
        data = [(mass[:, None] * factor.square()).sum(0) for mass, factor in zip(masses, factors, strict=True)]
        norms = [factor.square().sum(0) for factor in factors]
        outer = lambda vectors: mode_scales(torch.ones_like(core), vectors)  # noqa: E731
        penalty = 2 / self.n_entries * strengths.alpha_l2
        curvatures = {"core": strengths.curvature * outer(data) + penalty * outer(norms)}
        for m, (name, axis) in enumerate(zip(self.names, self.axes, strict=True)):
            dims = [n for n in range(core.ndim) if n != m]
            ones = torch.ones_like(data[m])
            seen = (core.square() * outer([*data[:m], ones, *data[m + 1 :]])).sum(dims)  # (K_m,)
            length = (core.square() * outer([*norms[:m], ones, *norms[m + 1 :]])).sum(dims)
            slopes = strengths.alpha_spatial * axis.slopes(factors[m]) + strengths.alpha_l2
            curvatures[name] = (
                strengths.curvature * masses[m][:, None] * seen + 2 / self.n_entries * slopes[:, None] * length
            )
        return curvatures

    def finegrain(self, parameters, finer):
        """Lines 22 to 24 of Algorithm 1; the core stays."""
        factors = {
            name: axis.finegrain(parameters[name], 0, fine)
            for name, axis, fine in zip(self.names, self.axes, finer.axes, strict=True)
        }
        return {"core": parameters["core"], **factors, **intercepts_of(parameters)}

    def canonical(self, parameters: Parameters) -> tuple[Tensor, list[Tensor]]:
        """Core and factors of the higher-order SVD: orthonormal columns, slices of the core orthogonal and descending.

        In every mode the entry of largest magnitude of each column is positive.
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


def mode_product(tensor: Tensor, matrix: Tensor, mode: int) -> Tensor:
    """Multiply one mode by a matrix (n_out, n_in)."""
    return torch.tensordot(tensor, matrix, ([mode], [1])).movedim(-1, mode)


def mode_products(tensor: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Multiply every mode by its matrix."""
    for mode, matrix in enumerate(matrices):
        tensor = mode_product(tensor, matrix, mode)
    return tensor


def mode_scales(tensor: Tensor, vectors: Sequence[Tensor]) -> Tensor:
    """Scale every mode by its vector."""
    for mode, vector in enumerate(vectors):
        tensor = tensor * vector.reshape(*[1] * mode, -1, *[1] * (tensor.ndim - mode - 1))
    return tensor
