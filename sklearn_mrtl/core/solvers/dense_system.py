"""A quadratic model of the objective on few cells: all unknowns at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_mrtl.core.solvers.definite import root_of
from sklearn_mrtl.core.solvers.two_level import CoarseAxis


class DenseSystem:
    """The equations ``(L (x) along + I (x) within + C) x = g`` of several factors, solved by Cholesky's method.

    Parameters
    ----------
    axes : sequence of CoarseAxis
        Of the factors, whose cells are those of the data.
    penalties : sequence of (Tensor, Tensor), each of shape (K, K)
        `along` and `within` of each factor.
    data : Tensor of shape (p, p)
        C, for the unknowns (D, K) of all factors one after the other; changed in place.
    """

    def __init__(self, axes: Sequence[CoarseAxis], penalties: Sequence[tuple[Tensor, Tensor]], data: Tensor):
        self.axes, start = list(axes), 0
        for axis, (along, within) in zip(self.axes, penalties, strict=True):
            size = axis.n_coarse * len(within)
            block = data[start : start + size, start : start + size]
            block = block.unflatten(0, (-1, len(within))).unflatten(2, (-1, len(within)))  # (D, K, D, K)
            if axis.is_grid:
                for k, row in enumerate(along):
                    for j, strength in enumerate(row.tolist()):
                        block[:, k, :, j].add_(axis.laplacian, alpha=strength)
            block.diagonal(dim1=0, dim2=2).add_(within[..., None])
            start += size
        self.root = root_of(data)

    def steps(self, gradient: Sequence[Tensor]) -> list[Tensor]:
        """Return the solution for a gradient (D, K, B) of each factor."""
        masked = [axis.masked(g.flatten(1)).reshape(g.shape) for axis, g in zip(self.axes, gradient, strict=True)]
        joined = torch.cat([g.flatten(0, 1) for g in masked])
        solution = torch.cholesky_solve(joined, self.root).split([len(g) * g.shape[1] for g in masked])
        return [x.reshape(g.shape) for x, g in zip(solution, masked, strict=True)]
