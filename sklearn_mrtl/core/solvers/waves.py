"""An approximate inverse of I + e L on a grid, with L the Laplacian of the smoothness penalty."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.penalties.smoothness import Smoothness
from sklearn_mrtl.core.separable import AxisOperator, DenseMatrix, apply_separable, waves
from sklearn_mrtl.modes import Grid

MAX_EXACT = 320  # cells up to which the eigenvectors of L are computed, which takes milliseconds


class Waves:
    """Orthonormal functions on a grid that are nearly eigenvectors of L, in double precision.

    On a small grid they are the eigenvectors. On a large one they are products of cosines (on periodic axes of sines
    too) of up to half the highest frequency; above it the Laplacian of an RBF kernel as wide as a cell is nearly
    constant. They ignore which cells hold data.

    Parameters
    ----------
    axis : Axis
        A grid with a smoothness.
    max_exact : int
        Cells up to which a grid is small.

    Attributes
    ----------
    eigenvalues : Tensor of shape (n,)
        About <f, L f> of each function f.
    others : float
        About <f, L f> of a function that is orthogonal to all of these.
    """

    def __init__(self, axis: Axis, max_exact: int = MAX_EXACT):
        smoothness = cast(Smoothness, axis.smoothness)
        self.shape, like = axis.shape, smoothness.degree.double()
        self.functions: list[Tensor] | None = None  # for each axis of the grid (cells, functions)
        if axis.size <= max_exact:
            eigenvalues, self.vectors = torch.linalg.eigh(smoothness.dense_laplacian().double())
            self.eigenvalues = eigenvalues.clamp(min=0)
        else:
            periodic = cast(tuple[bool, ...], cast(Grid, axis.mode).periodic)
            self.functions = [waves(n, along).to(like) for n, along in zip(axis.shape, periodic, strict=True)]
            self.eigenvalues = rayleigh_quotients(smoothness, self.functions)
        self.others = float(smoothness.laplacian_diagonal().double().mean())

    def project(self, x: Tensor) -> Tensor:
        """Return the coefficients (n, K) of x (D, K)."""
        if self.functions is None:
            return self.vectors.T @ x
        return apply_separable(x, 0, self.shape, [DenseMatrix(f.T) for f in self.functions])

    def expand(self, coefficients: Tensor) -> Tensor:
        """Return the sum of the functions (D, K): the adjoint of `project`."""
        if self.functions is None:
            return self.vectors @ coefficients
        shape = tuple(f.shape[1] for f in self.functions)
        return apply_separable(coefficients, 0, shape, [DenseMatrix(f) for f in self.functions])

    def inverse(self, x: Tensor, strengths: Tensor) -> Tensor:
        """Multiply each column of x (D, K) by the inverse of I + e L, with its own strength e (K,)."""
        additional, common = self.multipliers(strengths)
        return x * common + self.expand(self.project(x) * additional)

    def multipliers(self, strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return by what the inverse multiplies everything (K,), and the functions in addition to that (n, K)."""
        common = 1 / (1 + strengths * self.others)
        return 1 / (1 + strengths * self.eigenvalues[:, None]) - common, common


def rayleigh_quotients(smoothness: Smoothness, functions: list[Tensor]) -> Tensor:
    """Return <f, L f> of the products of one function of each axis, as if all cells held data, shape (n,)."""
    kernels = [quotients(kernel, basis) for kernel, basis in zip(smoothness.kernels, functions, strict=True)]
    if not smoothness.is_sharp:
        total = difference(kernels)
    else:  # the kernel without its diagonal: one term for each axis
        total = torch.zeros_like(difference(kernels))
        for m, (pull, basis) in enumerate(zip(smoothness.pulls, functions, strict=True)):
            identities = [(torch.ones_like(before[0]), torch.ones_like(before[0])) for before in functions[:m]]
            total += difference([*identities, quotients(pull, basis), *kernels[m + 1 :]])
    return (total.reshape(-1) * (2 / smoothness.scale)).clamp(min=0)


def quotients(kernel: AxisOperator, functions: Tensor) -> tuple[Tensor, Tensor]:
    """Return <f, K f> and <f, diag(K 1) f> of the functions (cells, n) of one axis, each of shape (n,)."""
    kernel = kernel.to(functions)
    degree = kernel.along(torch.ones_like(functions[:, :1]), 0)
    return (functions * kernel.along(functions, 0)).sum(0), (functions * degree * functions).sum(0)


def difference(quotients: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return the outer product of the degrees of all axes minus that of their kernels."""
    kernel, degree = quotients[0]
    for more_kernel, more_degree in quotients[1:]:
        kernel, degree = kernel[..., None] * more_kernel, degree[..., None] * more_degree
    return degree - kernel
