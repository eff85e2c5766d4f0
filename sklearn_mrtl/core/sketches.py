"""Terms whose full tensors are too large to be trained: they join a sum with factors from a sketch of the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from sklearn_mrtl.core.data.encodings import EncodedInputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.axes import Axis
from sklearn_mrtl.core.models.base import Parameters, intercept_of
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.low_rank import LowRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.models.sketch import sketched
from sklearn_mrtl.core.models.terms import Sum, Term, full_rank_sum, named
from sklearn_mrtl.core.settings import Settings


def start_sum(axes: Sequence[Axis], terms: Sequence[Term], settings: Settings) -> Sum:
    """Return the sum of all terms with which a training starts: those that are not sketched have full rank."""
    full = [term.name for term in terms if not term.sketched]
    return full_rank_sum(axes, terms).with_kinds(full, DECOMPOSITIONS[settings.decomposition], settings.nonnegative)


def with_sketches(
    fitted: Sum, parameters: Parameters, terms: Sequence[Term], samples: Samples, settings: Settings
) -> tuple[Sum, Parameters]:
    """Return the sum of all terms: those of a fitted sum as they are, and the sketched ones with factors to start from.

    Parameters
    ----------
    fitted, parameters : Sum, Parameters
        Of all terms but the sketched ones, or with lower ranks of these, to which components are added.
    terms : sequence of Term
        All of them, in order.
    samples : Samples
    settings : Settings
    """
    if not any(term.sketched for term in terms):
        return fitted, parameters
    residual, curvature = derivatives(fitted, parameters, samples, settings.loss)
    of_fitted = {term.name: (part, own) for term, part, own in fitted.parts(parameters)}
    models, weights = [], {}
    for term, part in zip(terms, start_sum(fitted.axes, terms, settings).models, strict=True):
        part, own = of_fitted.get(term.name, (part, {}))
        if term.sketched:
            assert isinstance(part, CP) and isinstance(term.rank, int)
            inputs = cast(EncodedInputs, samples.inputs.of_modes(term.modes))
            n_more = term.rank - (part.rank(own) if own else 0)
            if n_more > 0:
                more = sketched(part, n_more, inputs, samples.weight.sum(1), residual, settings.seed)
                more = part.scaled(more, newton_step(part.weight_scores(more, inputs), residual, curvature))
                own = {name: torch.cat([own[name], columns], 1) if own else columns for name, columns in more.items()}
        models.append(part)
        weights[term.name] = own
    return Sum(fitted.axes, terms, models), {**named(weights), **intercept_of(parameters)}


def with_empty(
    parameters: Parameters, axes: Sequence[Axis], terms: Sequence[Term], settings: Settings
) -> Parameters:  # fmt: skip
    """Return the parameters of all terms, those of sketched ones 0.

    There they stay: the derivative by each factor is 0.
    """
    weights = {}
    for term, part, own in start_sum(axes, terms, settings).parts(parameters):
        if isinstance(part, LowRank):
            own = part.random_weights(term.rank, 1.0, parameters["intercept"].new_zeros)
        weights[term.name] = own
    return {**named(weights), **intercept_of(parameters)}


def derivatives(model: Sum, parameters: Parameters, samples: Samples, loss: Loss) -> tuple[Tensor, Tensor]:
    """Return the negative first and the second derivative of the loss by each score, times the weights (n, T)."""
    y, weight = samples.totals()
    fractions = weight / weight.sum()
    scores = model.scores(parameters, samples.inputs).detach().requires_grad_()
    (gradient,) = torch.autograd.grad((fractions @ loss.of(scores, y)).sum(), scores)
    return -gradient, loss.second_derivatives(scores.detach()) * fractions[:, None]


def newton_step(scores: Tensor, residual: Tensor, curvature: Tensor) -> Tensor:
    """Return the length of a step of Newton's method along scores, the same for all outputs, shape (T,)."""
    length = (scores * residual).sum() / (curvature * scores.square()).sum().clamp(min=1e-30)
    return length.abs().expand(scores.shape[1])  # factors that must not be negative can point away
