"""Weight tensors of encodings that are added to one another, so that samples look up fewer tables of scores."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from math import prod

import torch
from torch import Tensor

Modes = tuple[int, ...]
OfModes = tuple[Modes, Tensor]  # of shape (*sizes of these modes, T)

MAX_REPEATED = 4  # entries of a tensor for each sample, up to which others are added to it


def joined_tensors(
    tensors: Sequence[OfModes], one_hot: Collection[int], n_rows: int, *, makes_joint: bool = True
) -> list[OfModes]:
    """Return fewer weight tensors, the sum of whose scores is the same.

    A sample has one entry of a one-hot mode, and of value 1. So a tensor without that mode has the scores of one with
    it that repeats its weights: tensors are added to those that have their modes and one-hot ones besides, and tensors
    of one-hot modes to one another.

    Parameters
    ----------
    tensors : sequence of (tuple of int, Tensor)
        Modes, ascending, and weights of shape (sizes of these modes, T).
    one_hot : collection of int
        Modes that are one-hot.
    n_rows : int
        Number of samples.
    makes_joint : bool
        Whether tensors of one-hot modes are joined as one of all their modes, which has at most n_rows entries. The
        samples then keep an index for these.
    """
    found: dict[Modes, Tensor] = {}
    for modes, weights in sorted(tensors, key=lambda tensor: tensor[1].numel(), reverse=True):
        hosts = [host for host in found if {*modes} <= {*host} and {*host} - {*modes} <= {*one_hot}]
        hosts = [host for host in hosts if host == modes or found[host].numel() <= MAX_REPEATED * n_rows]
        if hosts:
            host = min(hosts, key=lambda host: found[host].numel())
            found[host] = found[host] + expanded(weights, modes, host)
        else:
            found[modes] = weights
    together: list[OfModes] = []
    rest: list[OfModes] = []
    for modes, weights in reversed(found.items()):
        sizes = dict(zip(modes, weights.shape, strict=False))
        for other, of_other in together:
            sizes |= dict(zip(other, of_other.shape, strict=False))
        fits = {*modes} <= {*one_hot} and prod(sizes.values()) * weights.shape[-1] <= n_rows
        (together if makes_joint and fits else rest).append((modes, weights))
    if len(together) > 1:
        union = tuple(sorted({m for modes, _ in together for m in modes}))
        together = [(union, reduce(torch.add, [expanded(weights, modes, union) for modes, weights in together]))]
    return together + rest


def expanded(weights: Tensor, modes: Modes, union: Modes) -> Tensor:
    """Return weights with a dimension of size 1 for each mode of the union that they do not have."""
    sizes = dict(zip(modes, weights.shape, strict=False))
    return weights.reshape(*[sizes.get(m, 1) for m in union], weights.shape[-1])
