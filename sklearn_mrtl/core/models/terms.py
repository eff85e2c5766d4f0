"""A sum of weight tensors: z_n = b + sum over terms t of < W_t , outer product over the modes m of t of x_{n,m} >."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Self

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel, WeightTensor, intercept_of
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.low_rank import LowRank, Rank
from sklearn_mrtl.core.penalties.directional import DirectionalSmoothness
from sklearn_mrtl.modes import Grid

SEPARATOR = ": "  # between the name of a term and that of its parameter


@dataclass(frozen=True)
class Strengths:
    """Strengths of the penalties of a term.

    Attributes
    ----------
    l2 : float or None
        None: to be estimated.
    spatial : tuple of tuple of (float or None)
        For each mode of the term, strengths along the axes of a Grid; empty for a Feature.
    """

    l2: float | None
    spatial: tuple[tuple[float | None, ...], ...]

    @property
    def known(self) -> bool:
        """Whether none is to be estimated."""
        return self.l2 is not None and all(alpha is not None for along in self.spatial for alpha in along)

    def times(self, factor: float) -> Strengths:
        """Return the known strengths times a factor."""
        return self._each(self, lambda alpha, _: None if alpha is None else factor * alpha)

    def at_most(self, largest: float) -> Strengths:
        """Return the known strengths, those beyond the largest as it."""
        return self._each(self, lambda alpha, _: None if alpha is None else min(alpha, largest))

    def filled_from(self, other: Strengths) -> Strengths:
        """Return these strengths, and those of another where they are not known."""
        return self._each(other, lambda own, others: others if own is None else own)

    def _each(self, other: Strengths, function: Callable) -> Strengths:
        pairs = zip(self.spatial, other.spatial, strict=True)
        spatial = tuple(tuple(function(a, b) for a, b in zip(*pair, strict=True)) for pair in pairs)
        return Strengths(function(self.l2, other.l2), spatial)


@dataclass(frozen=True)
class Term:
    """One term of the sum.

    Attributes
    ----------
    name : str
    modes : tuple of int
        Indices of its modes in the order of the core.
    rank : int, tuple of int or None
        None: full rank at every level.
    strengths : Strengths
    ranks : tuple of (int or tuple of int)
        Ranks of which one is to be chosen, ascending; empty: `rank` is given.
    fraction : float
        What the strengths are multiplied by where the term has low rank, which regularizes it too.
    sketched : bool
        Whether it has low rank from the start: a sketch of the gradient, because its full tensor is too large to be
        trained, or the fit of a fold.
    """

    name: str
    modes: tuple[int, ...]
    rank: Rank | None
    strengths: Strengths
    ranks: tuple[Rank, ...] = ()
    fraction: float = 1.0
    sketched: bool = False

    @property
    def ranks_to_try(self) -> tuple[Rank, ...]:
        """The ranks to choose from, or the one that is given; none where the term has full rank."""
        return self.ranks or (() if self.rank is None else (self.rank,))

    def with_rank(self, position: int) -> Term:
        """Return the term with the rank at a position among those of which one is to be chosen."""
        return replace(self, rank=self.ranks[min(position, len(self.ranks) - 1)]) if self.ranks else self

    def axes(self, axes: Sequence[Axis]) -> tuple[Axis, ...]:
        """Return the axes of the term's weight tensor, the outputs last, with the smoothness of its strengths."""
        pairs = zip(self.modes, self.strengths.spatial, strict=True)
        smoothed = [directed(axes[m], along) for m, along in pairs]
        return (*smoothed, *(axis for axis in axes if axis.is_output))


def directed(axis: Axis, strengths: tuple[float | None, ...]) -> Axis:
    """Return an axis whose smoothness has a strength along each direction of its grid."""
    if not isinstance(axis.mode, Grid) or axis.smoothness is None:
        return axis
    known, like = [strength or 0.0 for strength in strengths], axis.smoothness.like
    return replace(axis, smoothness=DirectionalSmoothness(axis.mode, axis.shape, known, axis.mask, like))


class Sum(TensorModel):
    """A sum of models of some of the modes each; the intercept is common.

    Its parameters are those of the terms, each behind the term's name. The strengths of a term's penalties are its own;
    the alphas of the objective multiply those of all terms.

    Parameters
    ----------
    axes : sequence of Axis
        Of all modes, the outputs last.
    terms : sequence of Term
    models : sequence of WeightTensor
        One for each term, on its axes.
    """

    def __init__(self, axes: Sequence[Axis], terms: Sequence[Term], models: Sequence[WeightTensor]):
        super().__init__(axes)
        self.terms, self.models = tuple(terms), tuple(models)

    def parts(self, parameters: Parameters) -> Iterator[tuple[Term, WeightTensor, Parameters]]:
        """Yield every term with its model and its own parameters."""
        for term, model in zip(self.terms, self.models, strict=True):
            prefix = term.name + SEPARATOR
            own = {name[len(prefix) :]: value for name, value in parameters.items() if name.startswith(prefix)}
            yield term, model, own

    def with_axes(self, axes: Sequence[Axis]) -> Self:
        models = [model.with_axes(term.axes(axes)) for term, model in zip(self.terms, self.models, strict=True)]
        return type(self)(axes, self.terms, models)

    @property
    def parameter_axes(self) -> dict[str, tuple[Axis, ...]]:
        return named({term: model.parameter_axes for term, model in self._named_models()})

    @property
    def bounded(self) -> frozenset[str]:
        return frozenset(term + SEPARATOR + name for term, model in self._named_models() for name in model.bounded)

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        tensors, scores = [], []
        for term, model, own in self.parts(parameters):
            part = inputs.of_modes(term.modes)
            if isinstance(model, FullRank) or (part.suits_table and self.n_outputs == 1):
                tensors.append((term.modes, model.dense(own).reshape(*part.sizes, self.n_outputs)))
            else:
                scores.append(model.weight_scores(own, part))
        scores += [inputs.sum_of_scores(tensors)] if tensors else []
        return reduce(torch.add, scores) if scores else parameters["intercept"].new_zeros(inputs.n_rows, self.n_outputs)

    def penalty(self, parameters: Parameters, alphas: Alphas) -> Tensor:
        parts = self.parts(parameters)
        penalties = [model.penalty(own, term_alphas(term, model, alphas)) for term, model, own in parts]
        return sum(penalties, parameters["intercept"].new_zeros(()))

    def weight_scales(
        self, parameters: Parameters, inputs: Inputs, weight: Tensor, loss_curvature: float, alphas: Alphas
    ) -> Parameters:
        scales = {}
        for term, model, own in self.parts(parameters):
            part, own_alphas = inputs.of_modes(term.modes), term_alphas(term, model, alphas)
            scales[term.name] = model.weight_scales(own, part, weight, loss_curvature, own_alphas)
        return named(scales)

    def scaled(self, parameters: Parameters, scale: Tensor) -> Parameters:
        scaled = named({term.name: model.scaled(own, scale) for term, model, own in self.parts(parameters)})
        return {**parameters, **scaled}

    def initial(self, like: Tensor) -> Parameters:
        """Return weights of 0, of full-rank terms."""
        weights = {name: {"weights": like.new_zeros([a.size for a in m.axes])} for name, m in self._named_models()}
        return {**named(weights), **self.initial_intercept(like)}

    @property
    def names(self) -> list[str]:
        """Names of the terms."""
        return [term.name for term in self.terms]

    @property
    def full_rank_names(self) -> list[str]:
        """Names of the terms that have full rank."""
        return [name for name, model in self._named_models() if isinstance(model, FullRank)]

    def with_kinds(
        self, full_rank: Collection[str], kind: type[LowRank[Any]], nonnegative: Collection[str | None]
    ) -> Sum:
        """Return the sum with low-rank models in place of all others but those of full rank."""
        models: list[WeightTensor] = []
        for name, model in self._named_models():
            names = {axis.name for axis in model.axes} & set(nonnegative)
            models.append(FullRank(model.axes) if name in full_rank else kind(model.axes, names))
        return type(self)(self.axes, self.terms, models)

    def decomposed(
        self, parameters: Parameters, kind: type[LowRank[Any]], nonnegative: Collection[str | None], seed: int
    ) -> tuple[Sum, Parameters]:
        """Decompose the terms that have a rank: line 14 of Algorithm 1 for each of them."""
        lower = self.with_kinds([term.name for term in self.terms if term.rank is None], kind, nonnegative)
        weights = {}
        for (term, part, own), model in zip(self.parts(parameters), lower.models, strict=True):
            if isinstance(part, FullRank) and isinstance(model, LowRank) and term.rank is not None:
                own = model.decompose(own["weights"], term.rank, seed)
            weights[term.name] = own
        return lower, {**named(weights), **intercept_of(parameters)}

    def _named_models(self) -> Iterator[tuple[str, WeightTensor]]:
        return ((term.name, model) for term, model in zip(self.terms, self.models, strict=True))


def term_alphas(term: Term, model: WeightTensor, alphas: Alphas) -> Alphas:
    """Return the strengths of a term's penalties; those along a grid's directions are part of its smoothness."""
    own = alphas.times(term.fraction) if isinstance(model, LowRank) else alphas
    return Alphas(own.spatial, own.l2 * (term.strengths.l2 or 0.0))


def named(of_terms: Mapping[str, Mapping]) -> dict:
    """Return what the terms have by name as one dict."""
    return {term + SEPARATOR + name: value for term, values in of_terms.items() for name, value in values.items()}


def full_rank_sum(axes: Sequence[Axis], terms: Sequence[Term]) -> Sum:
    """Return the sum of full-rank terms."""
    return Sum(axes, terms, [FullRank(term.axes(axes)) for term in terms])
