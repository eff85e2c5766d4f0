"""A low-rank start where the full tensor is too large to be trained: a decomposition of a sketch of the gradient.

The negative gradient of the loss by the weight tensor is G = sum_n r_n X_n, with r_n the negative derivatives by the
scores. A full-rank model with strong penalties is in proportion to it, smoothed. Products of G with factors need no
tensor. A randomized range finder (Halko, Martinsson and Tropp 2011) finds a basis for each mode; G in these bases, a
small core, is decomposed as a full tensor is.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import row_slices
from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Parameters
from sklearn_mrtl.core.models.low_rank import LowRank

OVERSAMPLING = 5  # columns of a basis besides the rank; 5 to 10 are usual (Halko, Martinsson and Tropp 2011)
# Random columns meet a component by luck, and the more modes there are, the more columns and passes that takes. By
# judgement: four modes get 48 columns and 9 passes. A simulated product of four modes of 33 categories, in 16 000 rows
# with as much noise as signal, was never found with 12 columns and 3 passes, and with 48 and 12 for each seed that was
# tried. Other products of four modes are missed with some seeds: a choice on left-out blocks then empties them.
COLUMNS, PASSES = 3, 3  # times 2 to the number of modes; for each mode but one
LARGEST_CORE = 2**14  # entries up to which bases are oversampled
LARGEST_SMOOTHED = 2000  # cells of a grid, of whose waves an eigendecomposition takes a second or two
CORE_ROWS = 2**14  # samples whose products are formed at once


def sketched(
    model: LowRank[Any], rank: int, inputs: EncodedInputs, weight: Tensor, residual: Tensor, seed: int
) -> Parameters:
    """Return parameters of low rank that approximate G, times the inverse of each mode's curvature along that mode.

    Parameters
    ----------
    model : LowRank
    rank : int
    inputs : EncodedInputs
        Of the modes of the model.
    weight : Tensor of shape (n,)
    residual : Tensor of shape (n, T)
        r_n times the sample's weight.
    seed : int
        Of random factors.
    """
    mean_squares = inputs.mean_squares(weight)
    mean_squares += [weight.new_ones(axis.size) for axis in model.axes if axis.is_output]
    scales = [inverse_root(axis, own) for axis, own in zip(model.axes, mean_squares, strict=True)]
    fitting = int(LARGEST_CORE ** (1 / len(scales)))
    widths = [min(len(scale), max(rank, min(rank + OVERSAMPLING, fitting))) for scale in scales]
    bases = find_bases(inputs, residual, scales, widths, seed)
    factors = list(map(times, scales, bases))
    # Entries in the bases may have any sign, whatever the signs of the factors.
    parameters = type(model)(model.axes).decompose(core_of(inputs, residual, factors), rank, seed)
    found = [factor @ parameters[name] for name, factor in zip(model.names, factors, strict=True)]
    bounded = [name in model.bounded for name in model.names]
    return dict(zip(model.names, nonnegative_parts(found, bounded), strict=True))


def inverse_root(axis: Axis, mean_squares: Tensor) -> Tensor:
    """Return the inverse square root of the curvature along an axis, shape (rows, rows) or its diagonal (rows, 1).

    The curvature is a sum of three matrices: the mean squares of the inputs, on the diagonal; their mean, so that rows
    that are seldom seen do not become large; and the Laplacian of a grid, as large as that mean for the smoothest wave,
    which large grids go without.
    """
    mean = float(mean_squares.mean())
    diagonal = (mean_squares + mean).double()
    if axis.smoothness is None or axis.size > LARGEST_SMOOTHED:
        return diagonal.rsqrt()[:, None].to(mean_squares)
    laplacian = axis.smoothness.dense_laplacian().double()
    waves = torch.linalg.eigvalsh(laplacian)
    waves = waves[waves > 1e-9 * waves[-1]]
    matrix = diagonal.diag()
    if len(waves):
        matrix += mean / float(waves[0]) * laplacian
    values, vectors = torch.linalg.eigh(matrix)
    return ((vectors * values.rsqrt()) @ vectors.T).to(mean_squares)


def times(scale: Tensor, columns: Tensor) -> Tensor:
    """Return the product of a matrix, or of a diagonal (rows, 1), and columns."""
    return scale * columns if scale.shape[1] == 1 else scale @ columns


def find_bases(
    inputs: EncodedInputs, residual: Tensor, scales: list[Tensor], widths: list[int], seed: int
) -> list[Tensor]:
    """Return for each mode orthonormal columns (rows, width) that span most of G with its rows scaled."""
    generator = torch.Generator().manual_seed(seed)
    n_columns = max(2 * max(widths), COLUMNS * 2 ** len(scales))

    def drawn(n_rows: int) -> Tensor:
        return torch.randn(n_rows, n_columns, generator=generator, dtype=torch.float64).to(residual)

    bases: list[Tensor] = []
    columns = [drawn(len(scale)) for scale in scales]
    for _ in range(PASSES * (len(scales) - 1)):
        images = gradient_products(inputs, residual, list(map(times, scales, columns)))
        left = [torch.linalg.svd(image, full_matrices=False)[0] for image in map(times, scales, images)]
        bases = [vectors[:, :width] for vectors, width in zip(left, widths, strict=True)]
        columns = [basis @ drawn(basis.shape[1]) for basis in bases]
    return bases


def gradient_products(inputs: EncodedInputs, residual: Tensor, factors: list[Tensor]) -> list[Tensor]:
    """Return for each mode G times the other modes' factors, column by column: shapes (rows, columns)."""
    n_modes = len(inputs.modes)
    factors = [factor.detach().requires_grad_() for factor in factors]
    scores = inputs.cp_scores(factors[:n_modes], factors[n_modes] if len(factors) > n_modes else None)
    return list(torch.autograd.grad((scores * residual).sum(), factors))


def core_of(inputs: EncodedInputs, residual: Tensor, factors: list[Tensor]) -> Tensor:
    """Return G times the factor of every mode, shape (columns of factor 1, columns of factor 2, ...)."""
    n_modes = len(inputs.modes)
    projections = [inputs.product(m, factors[m]) for m in range(n_modes)]
    projections.append(inputs.cell_area * (residual if len(factors) == n_modes else residual @ factors[n_modes]))
    half, core = len(projections) // 2, residual.new_zeros(())
    for rows in row_slices(len(residual), CORE_ROWS):
        parts = [projection[rows] for projection in projections]
        core = core + reduce(row_products, parts[:half]).T @ reduce(row_products, parts[half:])
    return core.reshape([factor.shape[1] for factor in factors])


def row_products(first: Tensor, second: Tensor) -> Tensor:
    """Return the outer products of the rows of two matrices, shape (n, columns of both)."""
    return (first[:, :, None] * second[:, None, :]).flatten(1)


def nonnegative_parts(factors: list[Tensor], bounded: list[bool]) -> list[Tensor]:
    """Return factors of which the bounded ones have no negative entries: of each column the larger part is kept.

    Where that is the negative part, a factor that may be negative takes the sign. If there is none, and a component
    would change its sign, the other part is kept of the column whose parts are nearest in norm.
    """
    norms = [torch.stack([factor.clamp(min=0).norm(dim=0), factor.clamp(max=0).norm(dim=0)]) for factor in factors]
    signs = torch.stack([torch.where(own[0] >= own[1], 1.0, -1.0) if is_bounded else torch.ones_like(own[0])
                         for own, is_bounded in zip(norms, bounded, strict=True)])  # fmt: skip
    if all(bounded):
        ratios = torch.stack([own.amin(0) / own.amax(0).clamp(min=1e-30) for own in norms])
        columns = torch.nonzero(signs.prod(0) < 0)[:, 0]
        signs[ratios.argmax(0)[columns], columns] *= -1
    elif any(bounded):
        signs[bounded.index(False)] = signs.prod(0)
    signed = [factor * sign for factor, sign in zip(factors, signs, strict=True)]
    return [factor.clamp(min=0) if own else factor for factor, own in zip(signed, bounded, strict=True)]
