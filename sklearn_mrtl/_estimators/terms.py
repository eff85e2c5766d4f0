"""The terms of a sum: from the parameter to the core, and from the core to `terms_`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod
from numbers import Real
from typing import Any, cast

import numpy as np
import torch

from sklearn_mrtl._estimators.encodings import EncodingStatistics
from sklearn_mrtl._estimators.fields import FieldStatistics
from sklearn_mrtl._estimators.fitted import TIMES, FittedTensor
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import is_auto, validate_alpha
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.models.base import Parameters, WeightTensor, intercept_of
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.terms import Strengths, Sum
from sklearn_mrtl.core.settings import LOW_RANK
from sklearn_mrtl.modes import Feature, Grid

LARGEST_PRODUCT = 2**20  # weights on the level that is decomposed, of a term whose full tensor is trained
EMPTY = 0.1  # degrees of freedom below which a term adds nothing


@dataclass(frozen=True, eq=False)
class FittedTerm:
    """One term of a fitted model.

    Attributes
    ----------
    name : str
        Names of its modes, " x " between them.
    tensor : FittedTensor
        Its weight tensor.
    alpha_l2 : float
        Strength of the penalty of its squared weights.
    alpha_spatial : dict of str to (float or tuple of float)
        For each of its grids, by name, the strength of the penalty of the squared gradient along each axis; one number
        for a model of a single term.
    degrees_of_freedom : float
        Effective number of its parameters on the coarsest level; NaN where its penalties were not estimated.
    """

    name: str
    tensor: FittedTensor
    alpha_l2: float
    alpha_spatial: dict[str, Any] = field(default_factory=dict)
    degrees_of_freedom: float = float("nan")

    def __repr__(self):
        degrees = "" if np.isnan(self.degrees_of_freedom) else f", degrees_of_freedom={self.degrees_of_freedom:.1f}"
        return f"FittedTerm({self.name!r}, rank={self.rank}{degrees})"

    @property
    def rank(self) -> int | tuple[int, ...] | None:
        """Number of components; None: full rank."""
        return self.tensor.rank

    @property
    def is_empty(self) -> bool:
        """Whether the penalties leave next to nothing of it."""
        return self.degrees_of_freedom < EMPTY

    @property
    def factors(self) -> dict[str, np.ndarray]:
        """For each mode, by name, an array of shape (*shape of the mode, K) with unit columns."""
        return self.tensor.canonical[1]

    @property
    def component_weights(self) -> np.ndarray:
        """Weights of the components, shape (K,), descending; the core of a Tucker tensor."""
        return self.tensor.canonical[0]

    @property
    def coef(self) -> np.ndarray:
        """Dense weight tensor, shape (*shape of mode 1, ...), outputs or classes first."""
        return self.tensor.coefficients()


@dataclass(frozen=True)
class RequestedTerm:
    """A term as the parameters ask for it.

    Attributes
    ----------
    name : str
    modes : tuple of int
        Positions in the layout, in the order of the core.
    strengths : Strengths
        For X in the user's units; None in place of those that are to be estimated.
    """

    name: str
    modes: tuple[int, ...]
    strengths: Strengths


def requested_terms(estimator, layout: Layout, coarse: Sequence[int]) -> list[RequestedTerm]:
    """Return the terms that an estimator's parameters ask for; none for a single tensor of all modes.

    Parameters
    ----------
    coarse : sequence of int
        Rows of a factor for each mode of the layout, and for several outputs, on the level that is decomposed.

    Raises
    ------
    TypeError, ValueError
        That name the parameter, what was expected and what came.
    """
    target = getattr(estimator, "target", None)
    if target is not None and estimator.terms is not None and not is_auto(estimator.terms):
        raise ValueError(
            "terms with a target Grid must be None or 'auto', one tensor of all modes, got "
            f"{estimator.terms!r}: for a sum, fit one model to what another leaves (ResidualRegressor), or give the "
            "maps as columns, y of shape (n, cells), without target."
        )
    is_one = is_one_tensor(estimator.terms, layout) and not needs_sketch(estimator, layout, coarse)
    if target is not None or is_one:
        for name in ("alpha_spatial", "alpha_l2", "rank"):
            if isinstance(getattr(estimator, name), Mapping):
                raise ValueError(
                    f"{name} as a dict is for a model of several terms, got terms={estimator.terms!r}, which here is "
                    "one tensor of all modes."
                )
        return []
    names = term_names(estimator.terms, layout, coarse)
    known = {TIMES.join(own): own for own in names}
    if len(known) < len(names):
        raise ValueError(f"terms must differ, got {estimator.terms!r}.")
    for name in ("full_rank_alpha_spatial", "full_rank_alpha_l2"):
        if getattr(estimator, name) is not None:
            raise ValueError(
                f"{name} is for one tensor of all modes: set terms=None, got {getattr(estimator, name)!r} and terms="
                f"{estimator.terms!r}. With several terms each has one strength."
            )
    grids = {mode.name for mode in layout.modes if isinstance(mode, Grid)}
    l2 = by_name("alpha_l2", estimator.alpha_l2, known, ())
    spatial = by_name("alpha_spatial", estimator.alpha_spatial, known, grids)
    if isinstance(estimator.alpha_spatial, Mapping):
        without = [name for name in spatial if not grids & {name, *known.get(name, ())}]
        if without:
            raise ValueError(f"alpha_spatial names {without[0]!r}, which has no Grid: it has no smoothness.")
    terms = []
    for name, own in known.items():
        modes = tuple(m for m in layout.order if layout.modes[m].name in own)
        along = tuple(directions(spatial, name, layout.modes[m]) for m in modes)
        terms.append(RequestedTerm(name, modes, Strengths(one_alpha("alpha_l2", l2.get(name, "auto")), along)))
    return terms


def is_one_tensor(terms, layout: Layout) -> bool:
    """Return whether terms stand for one tensor of all modes: "auto" does in fields, and where there is one mode."""
    return terms is None or (is_auto(terms) and (layout.is_fields or len(layout.modes) == 1))


def needs_sketch(estimator, layout: Layout, coarse: Sequence[int]) -> bool:
    """Return whether the tensor of all modes is too large to be trained, so that it becomes a sum of one term."""
    asks_for_full_rank = estimator.rank is None or not is_auto(estimator.full_rank_levels)
    given = (estimator.full_rank_alpha_spatial, estimator.full_rank_alpha_l2) != (None, None)
    can_be = not layout.is_fields and len(layout.modes) > 1 and estimator.decomposition == "cp"
    return can_be and not asks_for_full_rank and not given and prod(coarse) > LARGEST_PRODUCT


def term_names(terms, layout: Layout, coarse: Sequence[int]) -> list[tuple[str, ...]]:
    """Return the names of the modes of each term."""
    modes = [mode.name for mode in layout.modes]
    if is_auto(terms):
        n_together = len(modes) if prod(coarse) <= LARGEST_PRODUCT else min(2, len(modes))
        return [(name,) for name in modes] + [own for own in combinations(modes, n_together) if len(own) > 1]
    if terms is None:
        return [tuple(modes)]
    is_list = isinstance(terms, Collection) and not isinstance(terms, str | Mapping)
    if not is_list or not all(isinstance(term, str | Collection) for term in terms):
        raise TypeError(f"terms must be None, 'auto' or a list of names and tuples of names, got {terms!r}.")
    names = [(term,) if isinstance(term, str) else tuple(term) for term in terms]
    if not names or not all(names):
        raise ValueError(f"terms must name at least one mode each, got {terms!r}.")
    for own in names:
        unknown = [name for name in own if name not in modes]
        if unknown:
            raise ValueError(f"terms name {unknown[0]!r}, which is none of the modes {modes}.")
        if len(set(own)) < len(own):
            raise ValueError(f"each of terms must name a mode once, got {own!r}.")
    return [tuple(sorted(own, key=modes.index)) for own in names]


def by_name(parameter: str, value, terms: Mapping, grids: Collection[str]) -> dict[str, Any]:
    """Return the values of a parameter by the names of terms, or of grids."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(terms, value)
    named = {}
    for key, own in value.items():
        if not isinstance(key, str | Collection) or not all(isinstance(part, str) for part in key):
            raise TypeError(f"{parameter} must have names of terms, or tuples of names of modes, as keys, got {key!r}.")
        name = key if isinstance(key, str) else TIMES.join(key)
        order = next((term for term, modes in terms.items() if set(modes) == set(name.split(TIMES))), name)
        if order not in terms and name not in grids:
            raise ValueError(f"{parameter} names {key!r}, which is none of the terms {list(terms)}.")
        named[order if order in terms else name] = own
    return named


def directions(values: Mapping[str, Any], term: str, mode: Feature | Grid) -> tuple[float | None, ...]:
    """Return the strength along each axis of a mode of a term."""
    if not isinstance(mode, Grid):
        return ()
    value = values.get(term, values.get(mode.name, "auto"))
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != len(mode.shape):
            raise ValueError(
                f"alpha_spatial of {term!r} needs a number, or one for each of the {len(mode.shape)} axes of "
                f"{mode.name!r}, got {value!r}."
            )
        return tuple(one_alpha("alpha_spatial", alpha) for alpha in value)
    return (one_alpha("alpha_spatial", value),) * len(mode.shape)


def one_alpha(name: str, value) -> float | None:
    """Return a strength; None: it is to be estimated."""
    if not is_auto(value) and not isinstance(value, Real):
        raise TypeError(f"{name} must be 'auto', a number, or a dict of these by term, got {value!r}.")
    return validate_alpha(name, value)


def core_scale(statistics: FieldStatistics | EncodingStatistics, layout: Layout, places: Sequence[int]) -> float:
    """Return what the products of the modes at these places of the core are divided by."""
    return statistics.scale_of([layout.order[place] for place in places])


def fitted_terms(
    fit: Fit, layout: Layout, outputs: Outputs, statistics: FieldStatistics | EncodingStatistics
) -> dict[str, FittedTerm]:
    """Return the terms of a fit by name, in the user's units."""
    model, parameters = fit.model, fit.parameters
    if not isinstance(model, Sum):
        assert isinstance(model, WeightTensor)
        tensor = FittedTensor.from_core(model, parameters, layout, outputs, statistics)
        alphas = fit.phases[LOW_RANK].alphas.times(statistics.scale).times(statistics.scale)
        grids = [mode.name for mode in layout.modes if isinstance(mode, Grid)]
        spatial = dict.fromkeys(grids, alphas.spatial)
        return {tensor.name: FittedTerm(tensor.name, tensor, alphas.l2, spatial)}
    terms = {}
    common = intercept_of(parameters)
    zero = {name: torch.zeros_like(value) for name, value in common.items()}
    highest = max(model.terms, key=lambda term: len(term.modes))
    for term, part, own in model.parts(parameters):
        own = {**own, **(common if term is highest else zero)}
        part, own = as_component(part, own)
        tensor = FittedTensor.from_core(part, own, layout, outputs, statistics, model.axes)
        scale = core_scale(statistics, layout, term.modes)
        strengths = term.strengths.times(scale).times(scale).times(term.fraction if term.rank is not None else 1.0)
        modes = [layout.modes[layout.order[place]] for place in term.modes]
        along: dict[str, Any] = {mode.name: own for mode, own in zip(modes, strengths.spatial, strict=True) if own}
        degrees = fit.degrees_of_freedom.get(term.name, float("nan"))
        terms[term.name] = FittedTerm(term.name, tensor, cast(float, strengths.l2), along, degrees)
    return terms


def as_component(model: WeightTensor, parameters: Parameters) -> tuple[WeightTensor, Parameters]:
    """Return full-rank weights of one mode as the only component that they are; others as they come."""
    if not isinstance(model, FullRank) or len(model.axes) > 1:
        return model, parameters
    component = CP(model.axes)
    return component, {**intercept_of(parameters), component.names[0]: parameters["weights"][:, None]}


def highest_term(terms: Mapping[str, FittedTerm]) -> FittedTerm:
    """Return the first of the terms with the most modes."""
    return max(terms.values(), key=lambda term: len(term.tensor.used))


def other_tensors(terms: Mapping[str, FittedTerm], tensor: FittedTensor) -> list[FittedTensor]:
    """Return the tensors of all terms but one."""
    return [term.tensor for term in terms.values() if term.name != tensor.name]


def warn_of_empty(asked: Any, terms: Any) -> None:
    """Warn of products that are empty although `terms` asks for them; with "auto" they may be."""
    empty = [repr(name) for name, term in terms.items() if TIMES in name and term.is_empty]
    if empty and not is_auto(asked):
        warn(
            f"terms={asked!r} asks for {' and '.join(empty)}, with which left-out rows were predicted no better than "
            "without, so that nothing of it is left. If its full tensor is too large to be trained, its start may have "
            "missed what there is: another random_state, or fewer cells or categories, can find it.",
        )
