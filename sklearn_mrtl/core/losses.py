"""Losses of scores: what is minimized (eq. 5), and how curved it can be."""

from __future__ import annotations

import torch
from torch import Tensor


class SquaredLoss:
    """Mean squared error; the activation is the identity."""

    curvature = 2.0

    @staticmethod
    def of(scores: Tensor, y: Tensor) -> Tensor:
        return (scores - y).square()


class LogisticLoss:
    """Cross entropy of eq. (8) for y between 0 and 1; the activation is the sigmoid."""

    curvature = 0.25

    @staticmethod
    def of(scores: Tensor, y: Tensor) -> Tensor:
        return torch.nn.functional.softplus(scores) - y * scores


Loss = type[SquaredLoss] | type[LogisticLoss]
