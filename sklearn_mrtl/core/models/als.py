"""CP decomposition of a weight tensor, line 14 of Algorithm 1, and its canonical form."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.data.products import hadamard, khatri_rao, mode_products
from sklearn_mrtl.core.models.low_rank import largest_sign

TOLERANCE = 1e-5  # decrease of the error, relative to the tensor, that ends the alternation in few singular vectors
LAST_TOLERANCE = 1e-4  # and that ends the last one
UNSEEN = 0.05  # fraction of the tensor's square that the singular vectors of a mode leave out
EMPTY = 1e-9  # norm of a component over the tensor's, below which it is none
LEFT_OVER = 1e-2  # norm of what the components leave over the tensor's, above which an empty one is a bad end
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
        factors = cp_factors(weights, rank, seed)
    return alternate(weights, factors, nonnegative) if nonnegative else factors


def cp_factors(weights: Tensor, rank: int, seed: int) -> list[Tensor]:
    """Alternate from the leading singular vectors of every mode; from random factors if that ends badly.

    First in the singular vectors that matter, where iterations cost little, then on the tensor itself.
    """
    tensor = weights.detach().double().cpu()
    core, bases = multilinear_core(tensor, rank)
    generator = torch.Generator().manual_seed(seed)

    def draw(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, max(columns, 0), generator=generator, dtype=torch.float64)

    starts = [torch.cat([torch.eye(n, min(n, rank)).to(core), draw(n, rank - n)], 1) for n in core.shape]
    factors = alternate(core, starts, tol=TOLERANCE)
    if not are_components(core, factors):
        factors = alternate(core, [draw(n, rank) for n in core.shape], tol=TOLERANCE)
    factors = [basis @ factor for basis, factor in zip(bases, factors, strict=True)]
    return [factor.to(weights) for factor in alternate(tensor, factors, tol=LAST_TOLERANCE)]


def are_components(tensor: Tensor, factors: Sequence[Tensor]) -> bool:
    """Return whether no components cancel, and none is empty although the others leave something of the tensor."""
    sizes = torch.stack([factor.norm(dim=0) for factor in factors]).prod(0) / tensor.norm()
    if float(sizes.min()) < EMPTY:
        *first, last = factors
        rest = tensor.flatten(0, -2) - khatri_rao(first) @ last.T
        if float(rest.norm()) > LEFT_OVER * float(tensor.norm()):
            return False
    return float(sizes.max()) <= MAX_CANCELLATION


def multilinear_core(tensor: Tensor, rank: int) -> tuple[Tensor, list[Tensor]]:
    """Return a tensor in the leading singular vectors of each mode, at least `rank` of them, and these vectors.

    Returns
    -------
    core : Tensor of shape (r_1, r_2, ...)
    bases : list of Tensor of shape (rows, r)
        With orthonormal columns, most important first.
    """
    bases = []
    for mode in range(tensor.ndim):
        unfolded = tensor.movedim(mode, 0).flatten(1)
        is_wide = unfolded.shape[0] <= unfolded.shape[1]
        squares, vectors = torch.linalg.eigh(unfolded @ unfolded.T if is_wide else unfolded.T @ unfolded)
        squares, vectors = squares.flip(0).clamp(min=0), vectors.flip(1)
        rest = squares.sum() - squares.cumsum(0)
        basis = vectors[:, : max(rank, 1 + int((rest > UNSEEN * squares.sum()).sum()))]
        bases.append(basis if is_wide else torch.linalg.qr(unfolded @ basis)[0])
    return mode_products(tensor, [basis.T for basis in bases]), bases


def alternate(
    weights: Tensor, factors: Sequence[Tensor], nonnegative: Sequence[int] = (), n_iter: int = 100, tol: float = 0.0
) -> list[Tensor]:
    """Run alternating least squares of least norm; in nonnegative modes column by column (HALS).

    It ends when an iteration lowers the norm of the error by at most `tol` times that of the weights. Where equations
    are singular (tensors of lower rank, slabs of zeros), tensorly's functions fail.
    """
    factors = list(factors)
    for m in nonnegative:
        positive, negative = (part.clamp(min=0).square().sum(0) for part in (factors[m], -factors[m]))
        factors[m] = (factors[m] * torch.where(positive < negative, -1, 1)).clamp(min=0)
    free_first = sorted(range(len(factors)), key=lambda m: m in nonnegative)  # free factors take the signs first
    squares, error = float(weights.square().sum()), float("inf")
    for _ in range(n_iter):
        for m in free_first:
            others = factors[:m] + factors[m + 1 :]
            gram = hadamard([factor.T @ factor for factor in others])
            moment = weights.movedim(m, 0).reshape(len(factors[m]), -1) @ khatri_rao(others)  # (rows, K)
            if m in nonnegative:
                factors[m] = nonnegative_columns(factors[m], gram, moment)
            else:
                factors[m] = moment @ torch.linalg.pinv(gram, hermitian=True)
        before = error
        fitted = 2 * (moment * factors[m]).sum() - (gram * (factors[m].T @ factors[m])).sum()
        error = max(squares - float(fitted), 0.0) ** 0.5
        if tol and before - error <= tol * squares**0.5:
            break
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
