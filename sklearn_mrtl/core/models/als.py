"""CP decomposition of a weight tensor, line 14 of Algorithm 1, and its canonical form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorly as tl
import torch
from tensorly.decomposition import parafac
from tensorly.tenalg.svd import truncated_svd
from torch import Tensor

from sklearn_mrtl.core.data.products import hadamard, khatri_rao
from sklearn_mrtl.core.models.low_rank import largest_sign

MAX_CANCELLATION = 100.0  # norm of a component over the tensor's: beyond it components cancel, as rounding decides


def cp_als(weights: Tensor, rank: int, seed: int, nonnegative: Sequence[int] = ()) -> list[Tensor]:
    """Decompose a weight tensor: CP_ALS of Algorithm 1; for two modes its optimum, the truncated SVD.

    Returns
    -------
    list of Tensor of shape (rows, rank)
        The norm of each component is divided evenly among the modes.
    """
    if weights.ndim == 2:
        left, values, right = torch.linalg.svd(weights, full_matrices=False)
        rounding = 100 * max(weights.shape) ** 0.5 * torch.finfo(values.dtype).eps * values[0]  # of many operations
        values = torch.where(values > rounding, values, 0)  # components of noise would differ from run to run
        factors = spread(values[:rank], [left[:, :rank], right[:rank].T])
    else:
        factors = parafac_factors(weights, rank, seed)
    return alternate(weights, factors, nonnegative) if nonnegative else factors


def parafac_factors(weights: Tensor, rank: int, seed: int) -> list[Tensor]:
    """Run tensorly's CP_ALS, or our own if its equations are singular (tensors of lower rank, slabs of zeros).

    tensorly computes with torch, so that it takes the threads of the fit and not those of numpy's BLAS.
    """
    tensor, state = weights.detach().double().cpu(), np.random.RandomState(seed)

    def restart() -> list[Tensor]:
        draws = [torch.from_numpy(state.standard_normal((rows, rank))) for rows in tensor.shape]
        return alternate(weights, [draw.to(weights) for draw in draws])

    with tl.backend_context("pytorch", local_threadsafe=True):
        try:
            size, factors = parafac(
                tensor, rank, n_iter_max=100, tol=1e-5, init="svd", svd=leading_vectors, normalize_factors=True,
                random_state=state,
            )  # fmt: skip
        except torch.linalg.LinAlgError:
            return restart()
    # tensorly leaves some columns without unit norm, and a column of zeros has none.
    norms = [factor.norm(dim=0).clamp(min=torch.finfo(factor.dtype).tiny) for factor in factors]
    size = size * torch.stack(norms).prod(0)
    if not float(size.max()) <= MAX_CANCELLATION * float(tensor.norm()):
        return restart()
    columns = [(factor / norm).to(weights) for factor, norm in zip(factors, norms, strict=True)]
    return spread(size.to(weights), columns)


def leading_vectors(matrix: Tensor, n_eigenvecs: int, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the singular value decomposition for tensorly's start: no more vectors than there are.

    tensorly warns where it is asked for more, and a filter of warnings is not safe among threads.
    """
    return truncated_svd(matrix, n_eigenvecs=min(n_eigenvecs, *matrix.shape))


def alternate(
    weights: Tensor, factors: Sequence[Tensor], nonnegative: Sequence[int] = (), n_iter: int = 100
) -> list[Tensor]:
    """Run alternating least squares of least norm; in nonnegative modes column by column (HALS).

    tensorly's HALS fails if a component of a nonnegative mode becomes 0, because its free modes then solve a singular
    system.
    """
    factors = list(factors)
    for m in nonnegative:
        positive, negative = (part.clamp(min=0).square().sum(0) for part in (factors[m], -factors[m]))
        factors[m] = (factors[m] * torch.where(positive < negative, -1, 1)).clamp(min=0)
    free_first = sorted(range(len(factors)), key=lambda m: m in nonnegative)  # free factors take the signs first
    for _ in range(n_iter):
        for m in free_first:
            others = factors[:m] + factors[m + 1 :]
            gram = hadamard([factor.T @ factor for factor in others])
            moment = weights.movedim(m, 0).reshape(len(factors[m]), -1) @ khatri_rao(others)  # (rows, K)
            if m in nonnegative:
                factors[m] = nonnegative_columns(factors[m], gram, moment)
            else:
                factors[m] = moment @ torch.linalg.pinv(gram, hermitian=True)
    norms = torch.stack([factor.norm(dim=0) for factor in factors])
    divisors = norms.clamp(min=torch.finfo(norms.dtype).tiny)
    return spread(norms.prod(0), [factor / divisor for factor, divisor in zip(factors, divisors, strict=True)])


def nonnegative_columns(factor: Tensor, gram: Tensor, moment: Tensor) -> Tensor:
    """Return a nonnegative factor each of whose columns is optimal given the others."""
    factor = factor.clone()
    for k in range(len(gram)):
        step = (moment[:, k] - factor @ gram[:, k]) / gram[k, k].clamp(min=torch.finfo(gram.dtype).tiny)
        factor[:, k] = (factor[:, k] + step).clamp(min=0)
    return factor


def spread(weights: Tensor, factors: Sequence[Tensor]) -> list[Tensor]:
    """Divide the weights of the components evenly among the modes."""
    return [factor * weights ** (1 / len(factors)) for factor in factors]


def canonical(factors: Sequence[Tensor], *, orthogonal: bool = True, signed: int = 0) -> tuple[Tensor, list[Tensor]]:
    """Return component weights and factors of the same tensor in canonical form.

    Columns have unit norm and components descend by weight. In every mode but `signed` the entry of largest magnitude
    is positive; that mode takes the remaining sign. With two modes CP is unique only up to an invertible K x K matrix;
    there, if `orthogonal`, the canonical form is the singular value decomposition.

    Returns
    -------
    component_weights : Tensor of shape (K,)
        Descending and not negative.
    factors : list of Tensor of shape (rows, K)
    """
    if len(factors) == 2 and orthogonal:
        factors = orthogonal_factors(*factors)
    norms = [factor.norm(dim=0) for factor in factors]
    weights = torch.stack(norms).prod(0)
    order = torch.argsort(weights, descending=True, stable=True)
    smallest = torch.finfo(weights.dtype).tiny
    factors = [(factor / norm.clamp(min=smallest))[:, order] for factor, norm in zip(factors, norms, strict=True)]
    for m in range(len(factors)):
        if m != signed:
            sign = largest_sign(factors[m])
            factors[m], factors[signed] = factors[m] * sign, factors[signed] * sign
    return weights[order], factors


def orthogonal_factors(first: Tensor, second: Tensor) -> list[Tensor]:
    """Return factors of first @ second.T with orthogonal columns: its SVD, without forming it."""
    q1, r1 = torch.linalg.qr(first)
    q2, r2 = torch.linalg.qr(second)
    left, values, right = torch.linalg.svd(r1 @ r2.T)
    return [q1 @ left * values.sqrt(), q2 @ right.T * values.sqrt()]
