"""Losses of scores, the term L of eq. (5).

Scores and targets have shape (n, T): T outputs, or classes. A target may be the mean over merged rows. `curvature` is
the largest second derivative by a score, or a typical one where there is no largest; it scales variables and penalties.
"""

from __future__ import annotations

import torch
from torch import Tensor


class SquaredLoss:
    """Mean squared error over the outputs; the activation is the identity."""

    curvature = 2.0

    @staticmethod
    def of(scores: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, shape (n,)."""
        return (scores - y).square().mean(1)

    @staticmethod
    def second_derivatives(scores: Tensor) -> Tensor:
        """Return the second derivative of each sample's loss by each of its scores, shape (n, T)."""
        return torch.full_like(scores, 2.0 / scores.shape[1])

    @staticmethod
    def constant(y: Tensor) -> Tensor:
        """Return the one score for all samples that has the least loss, from their mean target (T,)."""
        return y


class LogisticLoss:
    """Cross entropy of eq. (8) for y between 0 and 1; the activation is the sigmoid."""

    curvature = 0.25

    @staticmethod
    def of(scores: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, shape (n,)."""
        return (torch.nn.functional.softplus(scores) - y * scores).sum(1)

    @staticmethod
    def second_derivatives(scores: Tensor) -> Tensor:
        """Return the second derivative of each sample's loss by each of its scores, shape (n, T)."""
        return torch.sigmoid(scores) * torch.sigmoid(-scores)

    @staticmethod
    def constant(y: Tensor) -> Tensor:
        """Return the one score for all samples that has the least loss, from their mean target (T,)."""
        return torch.logit(y, eps=torch.finfo(y.dtype).eps)


class SoftmaxLoss:
    """Cross entropy of more than two classes, y their probabilities; the activation is the softmax."""

    curvature = 0.5

    @staticmethod
    def of(scores: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, shape (n,)."""
        return torch.logsumexp(scores, 1) - (y * scores).sum(1)

    @staticmethod
    def second_derivatives(scores: Tensor) -> Tensor:
        """Return the second derivative of each sample's loss by each of its scores, shape (n, T)."""
        probabilities = torch.softmax(scores, 1)
        return probabilities * (1 - probabilities)

    @staticmethod
    def constant(y: Tensor) -> Tensor:
        """Return the one score for all samples that has the least loss, from their mean target (T,)."""
        return torch.log(y.clamp(min=torch.finfo(y.dtype).tiny))


class PoissonLoss:
    """Mean over the outputs of the negative log likelihood of counts or rates, up to a constant.

    The activation is exp. Where a score is so large that exp overflows the loss is infinite, which line searches
    reject.
    """

    curvature = 1.0  # exp(z) has no bound; this is its mean for targets of mean 1, at the best constant score

    @staticmethod
    def of(scores: Tensor, y: Tensor) -> Tensor:
        """Return the loss of every sample, shape (n,)."""
        return (torch.exp(scores) - y * scores).mean(1)

    @staticmethod
    def second_derivatives(scores: Tensor) -> Tensor:
        """Return the second derivative of each sample's loss by each of its scores, shape (n, T)."""
        return torch.exp(scores) / scores.shape[1]

    @staticmethod
    def constant(y: Tensor) -> Tensor:
        """Return the one score for all samples that has the least loss, from their mean target (T,)."""
        return torch.log(y.clamp(min=torch.finfo(y.dtype).tiny))


Loss = type[SquaredLoss] | type[LogisticLoss] | type[SoftmaxLoss] | type[PoissonLoss]
