"""What a low-rank model of the weight tensor provides: a factor matrix for each mode, and parameters that join them.

A new decomposition is a subclass in a file of its own and a line in `registry.DECOMPOSITIONS`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import Generic, Self, TypeVar

import torch
from torch import Tensor

from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Parameters, WeightTensor, intercept_of

Rank = int | tuple[int, ...]
R = TypeVar("R", bound=Rank)  # the kind of rank a decomposition has: one number, or one for each mode


class LowRank(WeightTensor, Generic[R]):
    """A weight tensor of low rank: parameters "factor 0" (rows, K_0), "factor 1", ..., and others that join them.

    Parameters
    ----------
    axes : sequence of Axis
    nonnegative : collection of str or None
        Names of the modes whose factors must not be negative; None names the outputs.

    Raises
    ------
    ValueError
        If factors are to be nonnegative and the decomposition cannot keep them so.
    """

    keeps_signs = False  # whether factors can be held nonnegative
    rank_per_mode = False  # whether the rank may be a tuple, one number for each mode
    core_is_diagonal = False  # whether `canonical` returns weights of components (K,) instead of a core (K_1, ...)

    def __init__(self, axes: Sequence[Axis], nonnegative: Collection[str | None] = ()):
        super().__init__(axes)
        self.nonnegative = frozenset(nonnegative)
        if self.nonnegative and not self.keeps_signs:
            raise ValueError(
                f"nonnegative factors are for decomposition='cp'; the core of {type(self).__name__} can undo them."
            )

    # What a decomposition defines

    @classmethod
    @abstractmethod
    def fitting_rank(cls, rank: Rank, sizes: Sequence[int]) -> R:
        """Return the rank, or the largest that is useful for a tensor of these sizes if that is less."""

    @classmethod
    @abstractmethod
    def n_weights(cls, rank: R, sizes: Sequence[int]) -> int:
        """Return how many numbers the parameters of a rank hold, besides the intercept."""

    @abstractmethod
    def decompose(self, weights: Tensor, rank: R, seed: int) -> Parameters:
        """Return parameters that approximate a weight tensor: line 14 of Algorithm 1."""

    @abstractmethod
    def random_weights(self, rank: R, size: float, draw: Callable[..., Tensor]) -> Parameters:
        """Return random parameters of a weight tensor whose entries have about this size.

        Parameters
        ----------
        draw : callable
            ``draw(*shape)`` returns standard normal numbers.
        """

    @abstractmethod
    def rank(self, parameters: Parameters) -> R:
        """Return K, or K_m for each mode."""

    @abstractmethod
    def canonical(self, parameters: Parameters) -> tuple[Tensor, list[Tensor]]:
        """Return core and factors of the same weight tensor in the unique form that users see.

        Returns
        -------
        core : Tensor of shape (K,) or (K_1, K_2, ...)
            Of shape (K,) where `core_is_diagonal`.
        factors : list of Tensor of shape (rows, K_m)
        """

    # What follows

    def with_axes(self, axes: Sequence[Axis]) -> Self:
        return type(self)(axes, self.nonnegative)

    @classmethod
    def represents_every_matrix(cls, rank: Rank, sizes: Sequence[int]) -> bool:
        """Return whether the rank represents every tensor of these sizes; False for more than two modes."""
        return len(sizes) == 2 and rank == cls.fitting_rank(max(sizes), sizes)

    @property
    def names(self) -> list[str]:
        """Names of the parameters that are factors."""
        return [f"factor {m}" for m in range(len(self.axes))]

    @property
    def bounded(self) -> frozenset[str]:
        """Names of the parameters that must not be negative."""
        return frozenset(
            name for name, axis in zip(self.names, self.axes, strict=True) if axis.name in self.nonnegative
        )

    @property
    def parameter_axes(self) -> dict[str, tuple[Axis, ...]]:
        return {name: (axis,) for name, axis in zip(self.names, self.axes, strict=True)}

    def factors(self, parameters: Parameters) -> list[Tensor]:
        """Return the factor matrices in the order of the axes."""
        return [parameters[name] for name in self.names]

    def input_factors(self, parameters: Parameters) -> list[Tensor]:
        """Return the factors of the modes that inputs have."""
        return self.factors(parameters)[: len(self.input_axes)]

    def from_full_rank(self, parameters: Parameters, rank: R, seed: int) -> Parameters:
        """Decompose the weights of a full-rank model, and keep its intercept."""
        return {**self.decompose(parameters["weights"], rank, seed), **intercept_of(parameters)}

    def random(self, rank: R, like: Tensor, mean_square: float, seed: int) -> Parameters:
        """Return random parameters whose scores have a standard deviation of about 0.1.

        Parameters
        ----------
        like : Tensor
            A tensor of the dtype and device that parameters shall have.
        mean_square : float
            Mean square of a sample's tensor, summed over its entries.
        """
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64).to(like)

        parameters = self.random_weights(rank, 0.1 / mean_square**0.5, draw)
        for name, axis in zip(self.names, self.axes, strict=True):
            if axis.mask is not None:
                parameters[name] = parameters[name] * axis.mask[:, None]
            if name in self.bounded:
                parameters[name] = parameters[name].abs()
        return {**parameters, **self.initial_intercept(like)}

    def scaled(self, parameters: Parameters, scale: Tensor) -> Parameters:
        """Scale the last factor, which belongs to the outputs if there are several."""
        return {**parameters, self.names[-1]: parameters[self.names[-1]] * scale[:, None]}


def largest_sign(factor: Tensor) -> Tensor:
    """Return the sign (1 or -1) of the entry of largest magnitude in each column, shape (K,)."""
    largest = factor.gather(0, factor.abs().argmax(0, keepdim=True))[0]
    return torch.where(largest < 0, -1.0, 1.0).to(factor)
