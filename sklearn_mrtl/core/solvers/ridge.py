"""The full-rank model under squared loss: a generalized ridge regression, solved exactly.

In the eigenbasis of the grids' Laplacians both penalties are diagonal. The system has n (dual) or p (primal) unknowns,
whichever are fewer; `ridge_path` has its solutions for many strengths of the penalties.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.blocks import AnySamples
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas, Parameters
from sklearn_mrtl.core.models.full_rank import FullRank

LARGEST_SYSTEM = 2500  # rows of an eigendecomposition that takes seconds
SMALL_SYSTEM = 500  # rows of one that takes milliseconds, where an iterative solution has a good start
BLOCK_COLUMNS = 2**10  # columns of the design that are scaled at once
BLOCK_ROWS = 2**7  # rows of a symmetric matrix that are computed at once
BLOCK_ENTRIES = 2**21  # entries of the design that are made at once: 16 MB
LARGEST_DESIGN = 50_000_000  # entries of the design matrix: 400 MB


def is_affordable(model: FullRank, samples: AnySamples, largest: int = LARGEST_SYSTEM) -> bool:
    """Return whether the exact solution needs a system of at most `largest` rows, and moderate memory."""
    n_columns, most = prod(axis.size for axis in model.input_axes), largest
    largest_grid = max((axis.size for axis in model.axes if axis.smoothness is not None), default=0)
    if n_columns <= largest:
        most = LARGEST_DESIGN // n_columns
    elif smooth_outputs(model) is not None:
        return False
    return largest_grid <= LARGEST_SYSTEM and samples.has_few_distinct(most)


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
    blocks : dict of int to slice
        The rows of each block that has any, by its number.
    """

    def __init__(self, model: FullRank, samples: Samples):
        self.model = model
        row, block = torch.nonzero(samples.weight > 0, as_tuple=True)  # a merged row once for each of its blocks
        order = torch.argsort(block, stable=True)
        row, block = row[order], block[order]
        weight, y = samples.weight[row, block].double(), samples.y[row, block].double()
        ends = torch.bincount(block).cumsum(0).tolist()
        slices = enumerate(zip([0, *ends[:-1]], ends, strict=True))
        self.blocks = {number: slice(start, end) for number, (start, end) in slices if end > start}
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

    def solve(self, alphas: Alphas, like: Tensor) -> Parameters:
        """Return the minimizer of the objective, eq. (5)."""
        outputs = smooth_outputs(self.model)
        if outputs is not None and alphas.spatial > 0:
            return self.parameters(self._smooth_weights(alphas, outputs), like)
        shrinkage = self.shrinkage(alphas)
        if self.is_dual:
            dual = cholesky_solution(self.dual_moments(shrinkage), 1.0, self.y)
            return self.parameters((self.x.T @ dual).div_(shrinkage[:, None]), like)
        root = shrinkage.sqrt()[:, None]
        weights = cholesky_solution(self.primal_moments(shrinkage), 1.0, (self.x.T @ self.y).div_(root))
        return self.parameters(weights.div_(root), like)

    def _smooth_weights(self, alphas: Alphas, outputs: Axis) -> Tensor:
        """Return the weights (p, T) that are smooth along the outputs too.

        In the eigenbasis of the outputs' Laplacian each output has one strength in addition for all of its weights.
        """
        basis, eigenvalues = eigenbasis(outputs, self.x)
        assert basis is not None
        additional = alphas.spatial * eigenvalues / (self.model.n_entries / self.model.n_outputs)
        system = self.x.T @ self.x
        system.diagonal().add_(self.shrinkage(alphas))
        values, vectors = torch.linalg.eigh(system)
        rotated = vectors.T @ (self.x.T @ (self.y @ basis))
        return vectors @ (rotated / (values[:, None] + additional)) @ basis.T

    @property
    def is_dual(self) -> bool:
        """Whether the system of the rows is the smaller one."""
        return self.x.shape[0] <= self.x.shape[1]

    def dual_moments(self, shrinkage: Tensor) -> Tensor:
        """Return the lower triangle of X D^-1 X', shape (n, n); above it are entries of some blocks only.

        Factors and eigenvectors are computed from the lower triangle.
        """
        root, moments = shrinkage.sqrt(), self.x.new_zeros(len(self.x), len(self.x))
        for part, divisor in zip(self.x.split(BLOCK_COLUMNS, 1), root.split(BLOCK_COLUMNS), strict=True):
            scaled = part / divisor
            for start in range(0, len(scaled), BLOCK_ROWS):
                stop = start + BLOCK_ROWS
                moments[start:stop, :stop].addmm_(scaled[start:stop], scaled[:stop].T)
        return moments

    def primal_moments(self, shrinkage: Tensor) -> Tensor:
        """Return D^-1/2 X' X D^-1/2, shape (p, p)."""
        root = shrinkage.sqrt()
        return (self.x.T @ self.x).div_(root).div_(root[:, None])

    def parameters(self, weights: Tensor, like: Tensor, shift: Tensor | float = 0.0) -> Parameters:
        """Return the model's parameters from the weights of the columns, shape (p, T).

        The mean target is that of all rows plus a shift, shape (T,).
        """
        intercept = (self.mean_y + shift - self.means @ weights).to(like.dtype)
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


def cholesky_solution(moments: Tensor, strength: float, y: Tensor) -> Tensor:
    """Solve (M + strength I) x = y for positive semidefinite moments M, in place."""
    moments.diagonal().add_(strength)
    root, failed = torch.linalg.cholesky_ex(moments)
    if int(failed):  # almost without penalties rounding decides
        eigenvalues, vectors = torch.linalg.eigh(moments)
        return vectors @ ((vectors.T @ y) / eigenvalues.clamp(min=strength)[:, None])
    return torch.cholesky_solve(y, root)


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
