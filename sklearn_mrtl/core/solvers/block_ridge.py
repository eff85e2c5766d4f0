"""The exact solution of a ridge regression whose samples are in blocks: their moment matrices are added."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.block import Block
from sklearn_mrtl.core.data.blocks import BlockSamples
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.solvers.ridge import LARGEST_SYSTEM, RidgeDesign

DESIGN_ENTRIES = 2**22  # of the design that is made at once: 32 MB in double precision


def has_few_weights(model: FullRank) -> bool:
    """Return whether the weights' moment matrix is small enough for a decomposition."""
    return prod(axis.size for axis in model.input_axes) <= LARGEST_SYSTEM


class BlockRidgeDesign(RidgeDesign):
    """A design of at most p rows that has the moments of all samples, so that its ridge solutions are theirs."""

    def __init__(self, model: FullRank, samples: BlockSamples):
        self.model = model
        total, x, y, xx, xy = samples.blocks.total(moments)
        like = xx.to(samples.weight.device)
        x, self.mean_y = (values.to(like) / total for values in (x, y))
        xx, xy = xx.to(like) / total - torch.outer(x, x), xy.to(like) / total - torch.outer(x, self.mean_y)
        self._set_bases(like)
        xx = self._rotated_rows(self._rotated_rows(xx).T)
        xy, self.means = self._rotated_rows(xy), self._rotated_rows(x[:, None])[:, 0]
        eigenvalues, vectors = torch.linalg.eigh(xx)
        keep = eigenvalues > 1e-14 * eigenvalues[-1].clamp(min=1e-300)
        roots, vectors = eigenvalues[keep].sqrt(), vectors[:, keep]
        self.x, self.y = roots[:, None] * vectors.T, (vectors.T @ xy) / roots[:, None]

    def _rotated_rows(self, matrix: Tensor) -> Tensor:
        """Return a matrix whose rows, one for each weight, are in the eigenbases of the grids."""
        values = matrix.reshape(*[axis.size for axis in self.model.input_axes], -1)
        for dim, basis in enumerate(self.bases):
            if basis is not None:
                values = torch.tensordot(values, basis, ([dim], [0])).movedim(-1, dim)
        return values.reshape(-1, matrix.shape[1])


def moments(block: Block) -> tuple[float, Tensor, Tensor, Tensor, Tensor]:
    """Return the weighted sums over a block of 1, x, y, x x' and x y', for rows x of the design."""
    inputs, (y, weight) = block.samples.inputs, block.samples.totals()
    step = max(1, DESIGN_ENTRIES // prod(inputs.sizes))
    total: list[Tensor] = []
    for rows in torch.arange(inputs.n_rows, device=weight.device).split(step):
        x, w = inputs.select(rows).design().double(), weight[rows].double()[:, None]
        part = [w.sum(), (w * x).sum(0), (w * y[rows]).sum(0), x.T @ (w * x), x.T @ (w * y[rows])]
        total = [a + b for a, b in zip(total, part, strict=True)] if total else part
    return float(total[0]), *(values.cpu() for values in total[1:])  # type: ignore[return-value]
