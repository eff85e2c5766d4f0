"""From a full weight tensor to factors (line 14 of Algorithm 1), and the form in which factors are shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorly as tl
import torch
from tensorly.decomposition import parafac
from torch import Tensor


def largest_rank(shape: Sequence[int]) -> int:
    """A rank that represents every tensor of this shape exactly: product of all sizes but the largest."""
    return int(np.prod(sorted(shape)[:-1], dtype=float)) if len(shape) > 1 else 1


def cp_als(weights: Tensor, rank: int, seed: int) -> list[Tensor]:
    """Factors (rows, rank) of a weight tensor: CP_ALS of Algorithm 1; for two modes the truncated SVD, its optimum.

    The norm of each component is spread evenly over the modes.
    """
    if weights.ndim == 2:
        left, values, right = torch.linalg.svd(weights, full_matrices=False)
        factors = [left[:, :rank], right[:rank].T]
        size = values[:rank]
    else:
        with tl.backend_context("numpy"):
            size, factors = parafac(
                weights.detach().double().cpu().numpy(), rank, n_iter_max=200, tol=1e-7, init="svd",
                normalize_factors=True, random_state=np.random.RandomState(seed), linesearch=False,
            )
        factors = [torch.from_numpy(np.ascontiguousarray(factor)).to(weights) for factor in factors]
        size = torch.from_numpy(np.ascontiguousarray(size)).to(weights)
    return [factor * size.abs() ** (1 / weights.ndim) * sign for factor, sign in spread_signs(factors, size)]


def spread_signs(factors: Sequence[Tensor], size: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The sign of each component goes to the first mode."""
    ones = torch.ones_like(size)
    return [(factor, torch.where(size < 0, -1.0, 1.0) if m == 0 else ones) for m, factor in enumerate(factors)]


def canonical(factors: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The same tensor in the form in which it is shown.

    Columns have unit norm, components descend by weight, and in every mode but the first the entry of largest
    magnitude is positive; the first mode takes the sign that is left. With two modes CP is unique only up to an
    invertible K x K matrix: there the form is the singular value decomposition.

    Returns
    -------
    component_weights : Tensor of shape (K,)
        Positive, descending.
    factors : list of Tensor of shape (rows, K)
    """
    if len(factors) == 2:
        factors = orthogonal(*factors)
    norms = [factor.norm(dim=0) for factor in factors]
    weights = torch.stack(norms).prod(0)
    factors = [factor / norm.clamp(min=torch.finfo(factor.dtype).tiny) for factor, norm in zip(factors, norms, strict=True)]
    order = torch.argsort(weights, descending=True, stable=True)
    factors = [factor[:, order] for factor in factors]
    for m in range(1, len(factors)):
        largest = factors[m].abs().argmax(0, keepdim=True)
        sign = torch.where(factors[m].gather(0, largest) < 0, -1.0, 1.0).to(factors[m])
        factors[m], factors[0] = factors[m] * sign, factors[0] * sign
    return weights[order], factors


def orthogonal(first: Tensor, second: Tensor) -> list[Tensor]:
    """Factors of first @ second.T with orthogonal columns: its singular value decomposition, never forming it."""
    q1, r1 = torch.linalg.qr(first)
    q2, r2 = torch.linalg.qr(second)
    left, values, right = torch.linalg.svd(r1 @ r2.T)
    return [q1 @ left * values.sqrt(), q2 @ right.T * values.sqrt()]
