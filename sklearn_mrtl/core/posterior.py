"""Standard errors of the full-rank model under squared loss, from the posterior of a ridge regression."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.solvers.ridge import RidgeDesign


def posterior_std(model: FullRank, samples: Samples, alphas: Alphas) -> Tensor:
    """Return the standard deviation of each weight, of the shape of W, in double precision.

    With rows that are independent, and the penalties as a Gaussian prior, the covariance of the weights of one output
    is s^2 / n (X'X / n + P)^-1, with s^2 the residual variance over 1 - d / n, and d the degrees of freedom.
    """
    design = RidgeDesign(model, samples)
    hessian = design.x.T @ design.x
    of_data = hessian.clone()
    hessian.diagonal().add_(design.shrinkage(alphas))
    root = torch.linalg.cholesky(hessian)
    weights = torch.cholesky_solve(design.x.T @ design.y, root)
    degrees = 1 + float(torch.cholesky_solve(of_data, root).trace())
    n_rows = float(1 / design.root.pow(4).sum())  # of equal weight that tell as much
    unexplained = (design.y - design.x @ weights).square().sum(0) / max(1 - degrees / n_rows, 0.1)  # (T,)
    like = design.root
    bases = [
        torch.eye(axis.size, dtype=like.dtype, device=like.device) if basis is None else basis
        for axis, basis in zip(model.input_axes, design.bases, strict=True)
    ]
    cells = reduce(torch.kron, [basis.contiguous() for basis in bases])  # (all weights of an output, p)
    variance = torch.linalg.solve_triangular(root, cells.T.contiguous(), upper=False).square().sum(0)
    total = (variance[:, None] * (unexplained / n_rows)).sqrt()
    return total.reshape([axis.size for axis in model.axes])
