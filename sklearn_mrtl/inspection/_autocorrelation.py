"""Spatial autocorrelation: how smooth a map is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from numbers import Integral
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state, check_scalar

from sklearn_mrtl.core.penalties.smoothness import squared_distances

WEIGHTS = ("queen", "rook", "rbf")
BLOCK_ENTRIES = 2**22  # of permuted maps made at once

Product = Callable[[np.ndarray], np.ndarray]  # from maps (P, D) to sums over neighbours (P, D)


class MoranResult(NamedTuple):
    """Moran's I and its p-value under random permutations of the cells.

    Attributes
    ----------
    statistic : float
        I: near 1 for smooth maps, near 0 for noise, negative for checkerboards.
    pvalue : float
        Fraction of the permuted maps and this one whose I is at least as large; NaN without permutations.
    """

    statistic: float
    pvalue: float


def morans_i(
    map,  # noqa: A002  (the word of the field)
    mask=None,
    *,
    weights: str = "queen",
    sigma: float | None = None,
    row_standardized: bool = True,
    periodic: bool | Sequence[bool] = False,
    permutations: int = 999,
    random_state=None,
) -> MoranResult:
    r"""Compute Moran's I of a map: how much a cell resembles its neighbours.

    With the deviations z from the mean over the n cells that have data,

    .. math:: I = \frac{n}{\sum_{ij} w_{ij}} \frac{\sum_{ij} w_{ij} z_i z_j}{\sum_i z_i^2}, \qquad w_{ii} = 0.

    Parameters
    ----------
    map : array-like of 1 to 3 axes
        Values on a regular grid, such as ``factors_["court"][..., 0]``; NaN where there are no data.
    mask : array-like of bool, shape of `map`, default=None
        Cells to include. Cells that are NaN are always left out.
    weights : {"queen", "rook", "rbf"}, default="queen"
        Which cells are neighbours: "queen", those that share a corner or a side; "rook", those that share a side;
        "rbf", all cells, weighted by the kernel of eq. (4).
    sigma : float or None, default=None
        Width of the kernel "rbf": ``w = exp(-d^2 / sigma)``, with distances in units of the largest distance on the
        grid. None: the squared spacing of the cells.
    row_standardized : bool, default=True
        Divide each cell's weights by their sum, so that cells at a border count as much as others.
    periodic : bool or sequence of bool, default=False
        Whether an axis is periodic, for each axis or for all.
    permutations : int, default=999
        Number of random permutations of the cells for the p-value. 0: no p-value.
    random_state : int, RandomState instance or None, default=None
        Seed of the permutations.

    Returns
    -------
    MoranResult
        Named tuple (statistic, pvalue). Both are NaN if the map is constant or no cell has a neighbour.

    Raises
    ------
    ValueError
        If the map does not have 1 to 3 axes, contains infinity, or has fewer than two cells with data.

    Notes
    -----
    Cells without neighbours count in n and in the mean. Without autocorrelation the expected value of I is
    -1 / (n - 1).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.inspection import morans_i
    >>> y, x = np.mgrid[:20, :30]
    >>> statistic, pvalue = morans_i(np.cos(x / 5) + np.sin(y / 4), random_state=0)
    >>> round(statistic, 2), pvalue
    (0.98, 0.001)
    >>> noise = np.random.default_rng(0).normal(size=(20, 30))
    >>> round(morans_i(noise, permutations=0).statistic, 2)
    -0.01
    """
    values, keep = _validate(map, mask)
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {WEIGHTS}, got {weights!r}.")
    periodic = (periodic,) * values.ndim if isinstance(periodic, bool) else tuple(periodic)
    if len(periodic) != values.ndim:
        raise ValueError(f"periodic needs a value for each of the {values.ndim} axes of the map, got {periodic!r}.")
    check_scalar(permutations, "permutations", Integral, min_val=0)
    product = _rbf(keep, sigma, periodic) if weights == "rbf" else _contiguity(keep, weights, periodic)

    z = values[keep] - values[keep].mean()
    if not np.abs(z).max() > 1e-12 * np.abs(values[keep]).max():
        return MoranResult(np.nan, np.nan)
    index = _moran(product, row_standardized, z)
    observed = index(z[None])[0]
    if not permutations or np.isnan(observed):
        return MoranResult(float(observed), np.nan)
    rng, n_smoother = np.random.default_rng(check_random_state(random_state).randint(2**31 - 1)), 0
    step = max(1, BLOCK_ENTRIES // len(z))
    for start in range(0, permutations, step):
        block = np.broadcast_to(z, (min(step, permutations - start), len(z)))
        n_smoother += int((index(rng.permuted(block, axis=1)) >= observed).sum())
    return MoranResult(float(observed), (n_smoother + 1) / (permutations + 1))


def _validate(map, mask) -> tuple[np.ndarray, np.ndarray]:  # noqa: A002
    """Return the values and which cells to include."""
    values = np.asarray(map, dtype=np.float64)
    if not 1 <= values.ndim <= 3:
        raise ValueError(f"map must have 1 to 3 axes, got shape {values.shape}; take one component, factor[..., k].")
    keep = ~np.isnan(values)
    if mask is not None:
        mask = np.asarray(mask, dtype=bool)
        if mask.shape != values.shape:
            raise ValueError(f"mask must have the shape of the map, {values.shape}, got {mask.shape}.")
        keep &= mask
    if keep.sum() < 2:
        raise ValueError(f"map needs at least two cells with data, got {int(keep.sum())}.")
    if not np.isfinite(values[keep]).all():
        raise ValueError("map contains infinity; mark cells without data by NaN.")
    return values, keep


def _moran(product: Product, row_standardized: bool, z: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that computes I, shape (P,), of maps (P, D) that are permutations of z."""
    row_sums = product(np.ones((1, len(z))))[0]
    scale = np.divide(1, row_sums, out=np.zeros_like(row_sums), where=row_sums > 0) if row_standardized else 1.0
    total = float((row_sums * scale).sum())
    factor = len(z) / total / (z @ z) if total else np.nan

    def index(maps: np.ndarray) -> np.ndarray:
        return factor * (maps * product(maps) * scale).sum(axis=1)

    return index


def _contiguity(keep: np.ndarray, weights: str, periodic: Sequence[bool]) -> Product:
    """Return the product with the sparse matrix (D, D) of cells that share a corner or a side."""
    eyes = [sparse.eye_array(n, format="csr") for n in keep.shape]
    steps = [_steps(n, wraps) for n, wraps in zip(keep.shape, periodic, strict=True)]
    if weights == "queen":
        adjacent = _kron([eye + step for eye, step in zip(eyes, steps, strict=True)]) - _kron(eyes)
    else:
        adjacent = sum(_kron([*eyes[:i], step, *eyes[i + 1 :]]) for i, step in enumerate(steps))
    cells = np.flatnonzero(keep)
    adjacent = sparse.csr_array(adjacent)[cells][:, cells]

    def product(maps: np.ndarray) -> np.ndarray:
        return (adjacent @ maps.T).T

    return product


def _kron(matrices: Sequence[sparse.csr_array]) -> sparse.csr_array:
    """Return the Kronecker product of the matrices."""
    return reduce(partial(sparse.kron, format="csr"), matrices)


def _steps(n: int, wraps: bool) -> sparse.csr_array:
    """Return the matrix (n, n) of cells of one axis that touch."""
    adjacent = sparse.diags_array([np.ones(n - 1)] * 2, offsets=[-1, 1], shape=(n, n)).tolil()
    if wraps and n > 2:
        adjacent[0, n - 1] = adjacent[n - 1, 0] = 1
    return adjacent.tocsr()


def _rbf(keep: np.ndarray, sigma: float | None, periodic: Sequence[bool]) -> Product:
    """Return the product with the kernel of eq. (4) without its diagonal, computed axis by axis."""
    squares = [squared_distances(n, wraps).numpy() for n, wraps in zip(keep.shape, periodic, strict=True)]
    width = 1.0 if sigma is None else sigma * sum(square.max() for square in squares)
    kernels = [np.exp(-square / width) for square in squares]

    def product(maps: np.ndarray) -> np.ndarray:
        fields = np.zeros((len(maps), *keep.shape))
        fields[:, keep] = maps
        for kernel in kernels:
            # tensordot moves the axis to the end; after all axes they are in order again.
            fields = np.tensordot(fields, kernel, axes=([1], [0]))
        return fields[:, keep] - maps

    return product
