"""The full-rank model under squared loss: a generalized ridge regression, solved exactly.

In the eigenbasis of the grids' Laplacians both penalties are diagonal. One eigendecomposition of the n x n (dual) or
p x p (primal) moment matrix, whichever is smaller, then serves every strength of the penalties in a given proportion.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.full_rank import FullRank

LARGEST_SYSTEM = 2500  # rows of an eigendecomposition that takes seconds
SMALL_SYSTEM = 500  # rows of one that takes milliseconds, where an iterative solution has a good start
BLOCK_COLUMNS = 2**10  # columns of the design that are scaled at once
BLOCK_ENTRIES = 2**21  # entries of the design that are made at once: 16 MB
LARGEST_DESIGN = 50_000_000  # entries of the design matrix: 400 MB


def is_affordable(model: FullRank, samples: Samples, largest: int = LARGEST_SYSTEM) -> bool:
    """Return whether the exact solution needs a system of at most `largest` rows, and moderate memory."""
    n_rows, n_columns = samples.inputs.n_rows, prod(axis.size for axis in model.input_axes)
    largest_grid = max((axis.size for axis in model.axes if axis.smoothness is not None), default=0)
    system = min(n_rows, n_columns) if smooth_outputs(model) is None else n_columns
    return system <= largest and largest_grid <= LARGEST_SYSTEM and n_rows * n_columns <= LARGEST_DESIGN


def smooth_outputs(model: FullRank) -> Axis | None:
    """Return the axis of outputs along which weights are smooth; None where there is none."""
    outputs = model.axes[-1]
    return outputs if outputs.is_output and outputs.smoothness is not None else None


class RidgeDesign:
    """Samples of a full-rank model in coordinates in which both penalties are diagonal, in double precision.

    Attributes
    ----------
    x : Tensor of shape (n, p)
        Centred design times the square root of the samples' weights, block after block.
    y : Tensor of shape (n, T)
        Centred targets, times the same.
    root : Tensor of shape (n,)
        Square roots of the samples' weights, as fractions of their sum.
    roughness : Tensor of shape (p,)
        Eigenvalue of R_s for each column.
    blocks : list of slice
    """

    def __init__(self, model: FullRank, samples: Samples):
        self.model = model
        row, block = torch.nonzero(samples.weight > 0, as_tuple=True)  # a merged row once for each of its blocks
        order = torch.argsort(block, stable=True)
        row, block = row[order], block[order]
        weight, y = samples.weight[row, block].double(), samples.y[row, block].double()
        ends = torch.bincount(block).cumsum(0).tolist()
        self.blocks = [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True) if end > start]
        self.root = (weight / weight.sum()).sqrt()
        # In place where that is possible: in double precision the design is the largest array of the choice.
        x = self._rotated(samples.inputs)
        x = x if torch.equal(row, torch.arange(len(x), device=row.device)) else x[row]
        x *= self.root[:, None]
        self.means, self.mean_y = self.root @ x, self.root.square() @ y
        self.x = x.addr_(self.root, self.means, alpha=-1)
        self.y = (y - self.mean_y) * self.root[:, None]

    def _rotated(self, inputs: Inputs) -> Tensor:
        """Return the design in the eigenbases of the grids, and set `bases` and `roughness`."""
        self._set_bases(self.root)
        x = self.root.new_empty(inputs.n_rows, len(self.roughness))
        step = max(1, BLOCK_ENTRIES // x.shape[1])
        for rows in torch.arange(len(x), device=x.device).split(step):
            x[rows] = self._rotated_block(inputs.select(rows))
        return x

    def _set_bases(self, like: Tensor) -> None:
        self.bases, roughness = [], like.new_zeros(())
        for axis in self.model.input_axes:
            basis, eigenvalues = eigenbasis(axis, like)
            self.bases.append(basis)
            roughness = roughness[..., None] + eigenvalues
        self.roughness = roughness.reshape(-1)

    def _rotated_block(self, inputs: Inputs) -> Tensor:
        x = inputs.design().double().reshape(inputs.n_rows, *inputs.sizes)
        for dim, basis in enumerate(self.bases, start=1):
            if basis is not None:
                x = torch.tensordot(x, basis, ([dim], [0])).movedim(-1, dim)
        return x.reshape(len(x), -1)

    def shrinkage(self, alphas: Alphas) -> Tensor:
        """Return the penalties' coefficient of each squared weight, shape (p,), for the loss summed over outputs.

        Coefficients are at least tiny, so that without penalties the solution is the one of least norm.
        """
        shrinkage = (alphas.spatial * self.roughness + alphas.l2) / (self.model.n_entries / self.model.n_outputs)
        return shrinkage.clamp(min=max(1e-12 * float(shrinkage.max()), 1e-14 * float(self.x.norm()) ** 2, 1e-300))

    def decompose(self, alphas: Alphas) -> RidgePath:
        """Return the ridge solutions for all strengths of penalties in this proportion."""
        return RidgePath(self, self.shrinkage(alphas))

    def solve(self, alphas: Alphas, like: Tensor) -> Parameters:
        """Return the minimizer of the objective, eq. (5)."""
        outputs = smooth_outputs(self.model)
        if outputs is not None and alphas.spatial > 0:
            return self.parameters(self._smooth_weights(alphas, outputs), like)
        return self.parameters(self.decompose(alphas).weights(1.0), like)

    def _smooth_weights(self, alphas: Alphas, outputs: Axis) -> Tensor:
        """Return the weights (p, T) that are smooth along the outputs too.

        In the eigenbasis of the outputs' Laplacian each output has one strength in addition for all of its weights.
        """
        basis, eigenvalues = eigenbasis(outputs, self.root)
        assert basis is not None
        additional = alphas.spatial * eigenvalues / (self.model.n_entries / self.model.n_outputs)
        system = self.x.T @ self.x
        system.diagonal().add_(self.shrinkage(alphas))
        values, vectors = torch.linalg.eigh(system)
        rotated = vectors.T @ (self.x.T @ (self.y @ basis))
        return vectors @ (rotated / (values[:, None] + additional)) @ basis.T

    def parameters(self, weights: Tensor, like: Tensor) -> Parameters:
        """Return the model's parameters from the weights of the columns, shape (p, T)."""
        intercept = (self.mean_y - self.means @ weights).to(like.dtype)
        sizes = [
            axis.size if basis is None else basis.shape[1]
            for axis, basis in zip(self.model.input_axes, self.bases, strict=True)
        ]
        tensor = weights.reshape(*sizes, -1)
        for dim, basis in enumerate(self.bases):
            if basis is not None:
                tensor = torch.tensordot(tensor, basis, ([dim], [1])).movedim(-1, dim)
        shape = [axis.size for axis in self.model.axes]
        return {"weights": tensor.reshape(shape).to(like.dtype), "intercept": intercept}


class RidgePath:
    """Ridge solutions for shrinkage times any strength, from one eigendecomposition."""

    def __init__(self, design: RidgeDesign, shrinkage: Tensor):
        self.design, self.shrinkage, x, root = design, shrinkage, design.x, shrinkage.sqrt()
        if x.shape[0] <= x.shape[1]:
            gram = x.new_zeros(len(x), len(x))
            for part, divisor in zip(x.split(BLOCK_COLUMNS, 1), root.split(BLOCK_COLUMNS), strict=True):
                scaled = part / divisor
                gram.addmm_(scaled, scaled.T)
            eigenvalues, self.left = torch.linalg.eigh(gram)
        else:
            eigenvalues, right = torch.linalg.eigh((x.T @ x).div_(root).div_(root[:, None]))
            keep = eigenvalues > 1e-14 * eigenvalues[-1]
            eigenvalues = eigenvalues[keep]
            self.left = x @ (right[:, keep] / root[:, None]) / eigenvalues.sqrt()
        self.eigenvalues = eigenvalues.clamp(min=0)

    def weights(self, strength: float) -> Tensor:
        """Return the weights of the columns, shape (p, T)."""
        dual = self.left @ ((self.left.T @ self.design.y) / (self.eigenvalues + strength)[:, None])
        return (self.design.x.T @ dual) / self.shrinkage[:, None]

    def block_errors(self, strength: float) -> Tensor:
        """Return the weighted squared error of every row, predicted from all other blocks, shape (n, T).

        With hat matrix H and residuals r, the errors of a block B that is left out are (I - H_BB)^-1 r_B. The penalty
        is relative to the weight of the samples, so that it is less for the samples that are left. The inverse is taken
        in the block's rows or, by Woodbury's identity, in the eigenvectors, whichever are fewer.
        """
        strength = strength * (1 - 1 / len(self.design.blocks))
        hat = self.eigenvalues / (self.eigenvalues + strength)
        residual = self.design.y - self.left @ (hat[:, None] * (self.left.T @ self.design.y))
        hat = torch.cat([hat, hat.new_ones(1)])
        errors = []
        for block in self.design.blocks:
            rows = torch.cat([self.left[block], self.design.root[block, None]], 1)  # the intercept's column last
            if rows.shape[0] <= rows.shape[1]:
                system = torch.eye(len(rows), dtype=rows.dtype, device=rows.device) - (rows * hat) @ rows.T
                errors.append(torch.linalg.solve(system, residual[block]))
            else:
                system = torch.diag(1 / hat.clamp(min=1e-300)) - rows.T @ rows
                errors.append(residual[block] + rows @ torch.linalg.solve(system, rows.T @ residual[block]))
        return torch.cat(errors).square()


def eigenbasis(axis: Axis, like: Tensor) -> tuple[Tensor | None, Tensor]:
    """Return eigenvectors (D, free cells) of a grid's Laplacian and R_s of each; None and zeros for a Feature."""
    if axis.smoothness is None:
        return None, like.new_zeros(axis.size)
    laplacian = axis.smoothness.dense_laplacian().double()
    keep = torch.arange(axis.size, device=like.device) if axis.mask is None else torch.nonzero(axis.mask)[:, 0]
    eigenvalues, vectors = torch.linalg.eigh(laplacian[keep][:, keep])
    basis = like.new_zeros(axis.size, len(keep))
    basis[keep] = vectors
    return basis, eigenvalues.clamp(min=0)
