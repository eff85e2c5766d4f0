"""Roots of positive definite matrices, and bases in which two matrices are diagonal."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor

TINY = 1e-30


def common_basis(semidefinite: Tensor, definite: Tensor) -> tuple[Tensor, Tensor]:
    """Return numbers (K,), and a basis (K, K) in which one matrix has them on its diagonal and the other one is I."""
    root = root_of(definite)
    half = torch.linalg.solve_triangular(root, semidefinite, upper=False)
    eigenvalues, vectors = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.T, upper=False))
    return eigenvalues.clamp(min=0), torch.linalg.solve_triangular(root.T, vectors, upper=True)


def root_of(matrix: Tensor) -> Tensor:
    """Return Cholesky's factor of a positive semidefinite matrix; if rounding requires it, of a little more."""
    root, failed = torch.linalg.cholesky_ex(matrix)
    addition = 1e-14 * float(matrix.diagonal().abs().max()) + TINY
    while int(failed) and isfinite(addition):
        addition *= 100
        more = matrix + addition * torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
        root, failed = torch.linalg.cholesky_ex(more)
    return root
