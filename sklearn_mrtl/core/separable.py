"""Linear operators on the axes of a grid: one for each axis, dense where the axis is short.

A matrix between two axes of n cells holds n^2 numbers. Along long axes only its few entries in each row are stored, or,
where the matrix is one of distances, a row of it, which is applied by FFT.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import pi

import torch
from scipy.fft import next_fast_len
from torch import Tensor

MAX_WAVES = 256  # functions along an axis

DENSE_ENTRIES = 2**18  # of a matrix that is stored as such: an axis of 512 cells; 2 MB stay in the cache
MOST_IN_ROW = 33  # entries of a row up to which gathering them is faster than an FFT
NARROW = 16  # entries of the axes behind one up to which a product is fastest if that one is moved to the end


class AxisOperator(ABC):
    """A matrix (n_out, n_in) that multiplies one axis of a tensor."""

    shape: tuple[int, int]

    @abstractmethod
    def along(self, x: Tensor, dim: int) -> Tensor:
        """Multiply one axis of x, of n_in entries."""

    @abstractmethod
    def to(self, like: Tensor) -> AxisOperator:
        """Return the operator with the dtype and on the device of a tensor."""


class DenseMatrix(AxisOperator):
    """A matrix with all its entries, shape (n_out, n_in)."""

    def __init__(self, matrix: Tensor):
        self.matrix, self.shape = matrix, (matrix.shape[0], matrix.shape[1])

    def along(self, x: Tensor, dim: int) -> Tensor:
        after = x.shape[dim + 1 :].numel()
        if after == 1:
            y = x.reshape(-1, x.shape[dim]) @ self.matrix.T
        elif after <= NARROW:
            y = torch.tensordot(x.reshape(-1, x.shape[dim], after), self.matrix, ([1], [1])).movedim(-1, 1)
        else:
            y = self.matrix @ x.reshape(-1, x.shape[dim], after)
        return y.reshape(*x.shape[:dim], self.shape[0], *x.shape[dim + 1 :])

    def to(self, like: Tensor) -> DenseMatrix:
        return DenseMatrix(self.matrix.to(like))


class FewInRow(AxisOperator):
    """A matrix with J entries in each row; they may be 0, and entries in the same column are added.

    Parameters
    ----------
    columns : Tensor of int, shape (J, n_out)
    values : Tensor of shape (J, n_out)
    n_in : int
    """

    def __init__(self, columns: Tensor, values: Tensor, n_in: int):
        self.columns, self.values, self.shape = columns, values, (columns.shape[1], n_in)

    def along(self, x: Tensor, dim: int) -> Tensor:
        behind = [1] * (x.ndim - dim - 1)
        first, *others = zip(self.columns, self.values, strict=True)
        total = x.index_select(dim, first[0]).mul_(first[1].reshape(-1, *behind))
        for column, value in others:
            total.addcmul_(x.index_select(dim, column), value.reshape(-1, *behind))
        return total

    def to(self, like: Tensor) -> FewInRow:
        return FewInRow(self.columns.to(like.device), self.values.to(like), self.shape[1])

    def dense(self) -> DenseMatrix:
        """Return the matrix with all its entries."""
        matrix = self.values.new_zeros(self.shape)
        rows = torch.arange(self.shape[0], device=matrix.device).expand_as(self.columns)
        return DenseMatrix(matrix.index_put_((rows, self.columns), self.values, accumulate=True))


class Circulant(AxisOperator):
    """A symmetric matrix of the distances between cells, (n, n), as part of a circulant one: applied by FFT.

    Parameters
    ----------
    values : Tensor of shape (n,)
        First row of the matrix.
    periodic : bool
        Whether the matrix is circulant itself.
    """

    def __init__(self, values: Tensor, periodic: bool):
        self.values, self.periodic, self.shape = values, periodic, (len(values), len(values))
        n = len(values)
        self.n_around = n if periodic else next_fast_len(2 * n - 1, real=True)
        around = torch.nn.functional.pad(values, (0, self.n_around - n))
        if not periodic and n > 1:
            around[-(n - 1) :] = values[1:].flip(0)
        self.spectrum = torch.fft.rfft(around).real.clone()

    def along(self, x: Tensor, dim: int) -> Tensor:
        image = torch.fft.rfft(x, n=self.n_around, dim=dim)
        image *= self.spectrum.reshape(-1, *[1] * (x.ndim - dim - 1))
        return torch.fft.irfft(image, n=self.n_around, dim=dim).narrow(dim, 0, self.shape[0])

    def to(self, like: Tensor) -> Circulant:
        return Circulant(self.values.to(like), self.periodic)


def few_in_row(columns: Tensor, values: Tensor, n_in: int) -> AxisOperator:
    """Return a matrix with J entries in each row, dense if it is small; columns and values as in `FewInRow`."""
    operator = FewInRow(columns, values, n_in)
    return operator.dense() if operator.shape[0] * n_in <= DENSE_ENTRIES else operator


def distance_operator(values: Tensor, periodic: bool) -> AxisOperator:
    """Return the matrix (n, n) whose entries depend on the distance of two cells of an axis.

    Parameters
    ----------
    values : Tensor of shape (n,)
        First row, not negative. Entries that are below rounding in every sum are left out of a banded matrix.
    periodic : bool
        Whether the axis closes on itself.
    """
    n = len(values)
    cells = torch.arange(n, device=values.device)
    if n * n <= DENSE_ENTRIES:
        return DenseMatrix(values[(cells[:, None] - cells).abs()])
    half = values[: n // 2 + 1] if periodic else values
    small = 1e-2 * torch.finfo(values.dtype).eps * float(half.max()) / n
    counting = torch.nonzero(half > small)[:, 0]
    reach = int(counting[-1]) if len(counting) else 0
    if 2 * reach + 1 > MOST_IN_ROW:
        return Circulant(values, periodic)
    columns = cells + torch.arange(-reach, reach + 1, device=values.device)[:, None]
    entries = values[torch.arange(-reach, reach + 1, device=values.device).abs()][:, None]
    inside = (columns >= 0) & (columns < n)
    return FewInRow(columns % n, entries.expand(-1, n) if periodic else torch.where(inside, entries, 0), n)


def apply_separable(x: Tensor, dim: int, shape: tuple[int, ...], operators: Sequence[AxisOperator | None]) -> Tensor:
    """Multiply the axes of a grid, flat along `dim`, each by its own operator; None leaves an axis as it is.

    The axis that shrinks most is multiplied first, which makes the other products cheaper.
    """
    dim = dim % x.ndim
    before, after = x.shape[:dim], x.shape[dim + 1 :]
    x = x.reshape(*before, *shape, *after)
    used = [(axis, operator) for axis, operator in enumerate(operators) if operator is not None]
    for axis, operator in sorted(used, key=lambda pair: pair[1].shape[0] / pair[1].shape[1]):
        x = operator.along(x, len(before) + axis)
    return x.reshape(*before, -1, *after)


def waves(n_cells: int, periodic: bool) -> Tensor:
    """Return orthonormal functions of one axis up to half the highest frequency, shape (n_cells, n)."""
    n = min((n_cells + 1) // 2, MAX_WAVES)
    cells, number = torch.arange(n_cells, dtype=torch.float64)[:, None] + 0.5, torch.arange(n, dtype=torch.float64)
    if periodic:
        angles = 2 * pi * cells * ((number + 1) // 2) / n_cells
        functions = torch.where(number % 2 == 0, angles.cos(), angles.sin())
    else:
        functions = (pi * cells * number / n_cells).cos()
    return functions / functions.norm(dim=0)
