"""Derivatives of the scores of CP models of fields, and the curvature of their penalties."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.data.products import hadamard, khatri_rao
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP


def multilinear_derivatives(x: Tensor, factors: Sequence[Tensor]) -> list[Tensor]:
    """Return the derivatives of each component's scores by each factor, each of shape (n, d, K).

    Parameters
    ----------
    x : Tensor of shape (n, d_1, d_2, ...)
    factors : sequence of Tensor of shape (d, K)
    """
    *others, last = factors
    projected, derivatives = x @ last, []  # (n, *other modes, K)
    for m in range(len(others)):
        derivative = projected
        for i in reversed(range(len(others))):
            if i != m:
                shape = [-1 if dim == i else 1 for dim in range(derivative.ndim - 2)]
                derivative = (derivative * others[i].reshape(*shape, others[i].shape[1])).sum(i + 1)
        derivatives.append(derivative)
    weights = products_of_others(factors, len(others))  # (product of the other modes, K)
    derivatives.append((weights.T @ x.reshape(len(x), len(weights), -1)).transpose(1, 2))
    return derivatives


def data_moments(jacobians: Sequence[Tensor], sample: Tensor, outputs: Tensor) -> Tensor:
    """Return C from the scores' derivatives by the factors, for their unknowns (d, K) one after the other."""
    joined = torch.cat([jacobian.flatten(1) for jacobian in jacobians], 1).mul_(sample.sqrt()[:, None])
    data = (joined.T @ joined).double()
    if bool((outputs == 1).all()):  # a single output
        return data
    component = torch.arange(len(data), device=data.device) % len(outputs)
    return data.mul_(outputs[component[:, None], component])


def coupled_penalties(model: CP, factors: Sequence[Tensor], alphas: Alphas) -> list[tuple[Tensor, Tensor]]:
    """Return two matrices (K, K) for each factor; its penalty has the curvature L (x) first + I (x) second."""
    grams = [factor.T @ factor for factor in factors]
    energies = [energy(axis, factor) for axis, factor in zip(model.axes, factors, strict=True)]
    ones, strength, penalties = torch.ones_like(grams[0]), 2 / model.n_entries, []
    for m in range(len(factors)):
        others = [n for n in range(len(factors)) if n != m]
        product = hadamard([grams[n] for n in others], ones)
        within = alphas.l2 * product
        for n in others:
            if energies[n] is not None:
                within = within + alphas.spatial * hadamard([grams[i] for i in others if i != n], energies[n])
        penalties.append((strength * alphas.spatial * product, strength * within))
    return penalties


def energy(axis: Axis, factor: Tensor) -> Tensor | None:
    """Return C' L C for a factor C of double precision; None for a Feature."""
    if axis.smoothness is None:
        return None
    return factor.T @ axis.smoothness.laplacian(factor.to(axis.smoothness.like)).to(factor)


def products_of_others(factors: Sequence[Tensor], m: int) -> Tensor:
    """Return the column-wise Kronecker product of all factors but one, shape (product of the others' rows, K)."""
    others = [*factors[:m], *factors[m + 1 :]]
    return khatri_rao(others) if others else factors[0].new_ones(1, factors[0].shape[1])
