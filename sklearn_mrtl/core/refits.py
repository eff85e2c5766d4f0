"""Refits of a trained model with other weights of the samples, and draws from the penalties taken as a prior.

Refits on resampled rows say how much of a weight the sample determines, but not how far the penalties pull it:
penalized estimates are biased. With Gaussian noise and prior, the minimum of the objective with perturbed targets and a
perturbed centre of the penalty, W0 from the prior N(0, P^-1), is a draw from the posterior (Papandreou and Yuille
2010). Here the resampled rows perturb the data; the penalty of W - W0 is that of W less <G, W>, with G = P W0 from
N(0, P).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.products import khatri_rao
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel, WeightTensor
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.terms import Sum, term_alphas
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.penalties.smoothness import LaplacianPenalty

CHEBYSHEV_DEGREE = 40  # of the square root of a Laplacian: its error is below 1 % of the largest eigenvalue's root


class TiltedObjective(Objective):
    """The objective less the inner products of the weight tensors with given ones.

    Attributes
    ----------
    tilts : dict of str to Tensor
        By the name of a term, "" for a single tensor; of the shape of its weight tensor.
    """

    tilts: Mapping[str, Tensor] = {}

    def penalty(self, parameters: Parameters) -> Tensor:
        """Return the penalties less the inner products."""
        total = super().penalty(parameters)
        for name, model, own, _ in tensors_of(self.model, parameters, self.alphas):
            if name in self.tilts:
                total = total - inner_product(model, own, self.tilts[name])
        return total


def tensors_of(
    model: TensorModel, parameters: Parameters, alphas: Alphas
) -> list[tuple[str, WeightTensor, Parameters, Alphas]]:
    """Return name, model, parameters and strengths of every weight tensor of a model."""
    if isinstance(model, Sum):
        parts = model.parts(parameters)
        return [(term.name, part, own, term_alphas(term, part, alphas)) for term, part, own in parts]
    assert isinstance(model, WeightTensor)
    return [("", model, parameters, alphas)]


def inner_product(model: WeightTensor, parameters: Parameters, tensor: Tensor) -> Tensor:
    """Return <G, W> for a tensor G of the shape of W."""
    if not isinstance(model, CP) or len(model.axes) == 1:
        return (model.dense(parameters) * tensor).sum()
    *others, last = model.factors(parameters)
    return ((tensor.reshape(-1, len(last)) @ last) * khatri_rao(others)).sum()


def draw_tilt(model: WeightTensor, alphas: Alphas, unit: float, generator: torch.Generator) -> Tensor:
    """Draw G from N(0, P), with P the second derivative of the penalties times a unit; of the shape of W.

    Parameters
    ----------
    unit : float
        Objective per unit of a negative log likelihood.
    """
    sizes = [axis.size for axis in model.axes]

    def draw() -> Tensor:
        noise = torch.randn(*sizes, generator=generator, dtype=torch.float64)
        for dim, axis in enumerate(model.axes):
            if axis.mask is not None:
                noise = noise * axis.mask.cpu().reshape([-1 if d == dim else 1 for d in range(len(sizes))])
        return noise

    total = alphas.l2**0.5 * draw()
    for dim, axis in enumerate(model.axes):
        if axis.smoothness is not None and alphas.spatial > 0:
            unfolded = draw().movedim(dim, 0)
            rough = root_times(axis.smoothness, unfolded.reshape(axis.size, -1)).reshape(unfolded.shape).movedim(0, dim)
            total = total + alphas.spatial**0.5 * rough
    return total * (2 * unit / model.n_entries) ** 0.5


def root_times(smoothness: LaplacianPenalty, x: Tensor) -> Tensor:
    """Return about L^(1/2) x for x (D, B), by Chebyshev polynomials of L."""
    like = smoothness.like
    largest = 2 * float(smoothness.laplacian_diagonal().max())  # bounds the eigenvalues, by Gershgorin
    if not largest > 0:
        return torch.zeros_like(x)
    angles = (torch.arange(CHEBYSHEV_DEGREE + 1, dtype=torch.float64) + 0.5) * torch.pi / (CHEBYSHEV_DEGREE + 1)
    values = ((1 + angles.cos()) * largest / 2).sqrt()
    orders = torch.arange(CHEBYSHEV_DEGREE + 1, dtype=torch.float64)
    coefficients = (angles[:, None] * orders).cos().T @ values * (2 / len(angles))
    coefficients[0] /= 2

    def shifted(x: Tensor) -> Tensor:
        """Return (2 L / largest - I) x."""
        return smoothness.laplacian(x.to(like)).to(x) * (2 / largest) - x

    before, now = x, shifted(x)
    total = coefficients[0] * before + coefficients[1] * now
    for coefficient in coefficients[2:]:
        before, now = now, 2 * shifted(now) - before
        total = total + coefficient * now
    return total


def unit_of_likelihood(
    model: TensorModel, parameters: Parameters, inputs: Inputs, y: Tensor, weights: Tensor, loss: Loss
) -> float:
    """Return the objective per unit of a negative log likelihood, from the spread of its gradient over resamples.

    The gradient of a likelihood has its curvature as covariance. The two are compared along the size of each
    component. Rows that depend on each other make the unit larger.

    Parameters
    ----------
    weights : Tensor of shape (R, n)
        Of the rows in each resample.
    """
    scores = model.scores(parameters, inputs).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss.of(scores, y).sum(), scores)  # (n, T)
    second, fractions = loss.second_derivatives(scores.detach()), weights / weights.sum(1, keepdim=True)
    mean, ratios = fractions.mean(0), []
    for direction in component_scores(model, parameters, inputs):
        direction = direction - mean @ direction
        curvature = float(mean @ (second * direction.square()).sum(1))
        spread = float((fractions @ (gradient * direction).sum(1)).var())
        if curvature > 0:
            ratios.append(spread / curvature)
    return sum(ratios) / max(1, len(ratios))


def component_scores(model: TensorModel, parameters: Parameters, inputs: Inputs) -> list[Tensor]:
    """Return what every component, or weight tensor without components, adds to the scores, (n, T) each."""
    scores = []
    with torch.no_grad():
        for number, (_, part, own, _) in enumerate(tensors_of(model, parameters, Alphas(1.0, 1.0))):
            seen = inputs.of_modes(model.terms[number].modes) if isinstance(model, Sum) else inputs
            if isinstance(part, CP):
                for k in range(part.rank(own)):
                    single = {name: own[name][:, k : k + 1] for name in part.names}
                    scores.append(part.weight_scores(single, seen))
            else:
                scores.append(part.weight_scores(own, seen))
    return scores
