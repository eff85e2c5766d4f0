"""Scores of CP factors for encodings, without an array of (samples, rank)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sklearn_mrtl.core.data.products import RowBlock, hadamard


class Blocked(Protocol):
    """Samples in blocks."""

    @property
    def n_rows(self) -> int:
        """Number of samples n."""

    def blocks(self) -> Iterator[tuple[slice, tuple[RowBlock, ...]]]:
        """Yield rows and encodings of every block."""


class CPScores(torch.autograd.Function):
    """Scores of CP factors before they are multiplied by the area: in blocks, so that no array (n, K) is made."""

    @staticmethod
    def forward(ctx: Any, inputs: Blocked, outputs: Tensor | None, *factors: Tensor) -> Tensor:
        ctx.inputs = inputs
        ctx.save_for_backward(outputs, *factors)
        scores = factors[0].new_empty(inputs.n_rows, 1 if outputs is None else len(outputs))
        weights = factors[0].new_ones(factors[0].shape[1], 1) if outputs is None else outputs.T
        for rows, blocks in inputs.blocks():
            product = hadamard([block.gather(factor) for block, factor in zip(blocks, factors, strict=True)])
            scores[rows] = product @ weights  # a product with ones is faster than a sum along rows
        return scores

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        outputs, *factors = ctx.saved_tensors
        into = [torch.zeros_like(factor) for factor in factors]
        into_outputs = None if outputs is None else torch.zeros_like(outputs)
        for rows, blocks in ctx.inputs.blocks():
            parts = [block.gather(factor) for block, factor in zip(blocks, factors, strict=True)]
            if into_outputs is None:
                carried = gradient[rows]  # (block, 1)
            else:
                carried = gradient[rows] @ outputs
                into_outputs += gradient[rows].T @ hadamard(parts)
            for m, block in enumerate(blocks):
                block.scatter(hadamard([*parts[:m], *parts[m + 1 :]], carried), into[m])
        return None, into_outputs, *into
