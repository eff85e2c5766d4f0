"""Find samples that are equal."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import CHUNK_ROWS

MERGED_ROWS = 2**20  # samples that are sorted at once
SAMPLED_KEYS = 2**20  # samples of which a look at a part tells whether most differ
SAMPLED_ROWS = 2**14
MAX_DISTINCT_FRACTION = 0.75  # of samples, that differ from all others: the few equal ones are not worth a copy


def combine_keys(keys: Sequence[Tensor], sizes: Sequence[int] | None) -> Tensor:
    """One key for each sample of its modes' keys: exact for indices below sizes, else 64-bit hashes (sizes None)."""
    combined = keys[0].to(torch.int64, copy=True)
    exact = sizes is not None and prod(sizes) < 2**62
    for m, key in enumerate(keys[1:], start=1):
        # An odd multiplier of 62 bits (the golden ratio's) is invertible modulo 2^64.
        combined.mul_(sizes[m] if exact else 2862933555777941757).add_(key)
    return combined


def fraction_of_distinct(keys: Tensor) -> float:
    """About the share of distinct keys; of very many from a look at a part of them.

    That is all samples of a 64th of the keys, and some samples of any key, which show where very many have one in
    common; the lesser share counts.
    """
    if len(keys) < SAMPLED_KEYS:
        return 0.0  # not worth a guess
    some = torch.cat([part[(part * -7046029254386353131) >> 58 == 0] for part in keys.split(CHUNK_ROWS)])
    return min(len(torch.unique(part)) / max(1, len(part)) for part in (some, keys[:: len(keys) // SAMPLED_ROWS]))


def unique_rows(keys: Tensor) -> tuple[Tensor, Tensor]:
    """Each sample's inverse among the distinct keys, and one sample of each; in parts, to save memory."""
    least, largest = (int(end) for end in keys.aminmax()) if len(keys) else (0, 0)
    if 0 <= least and largest < len(keys):
        return few_unique_rows(keys, largest + 1)
    inverse, first = torch.empty(len(keys), dtype=torch.int32, device=keys.device), []
    n_parts, n_distinct = -(-len(keys) // MERGED_ROWS), 0
    part_of = None if n_parts == 1 else torch.cat([part.remainder(n_parts).short() for part in keys.split(CHUNK_ROWS)])
    for part in range(n_parts):
        rows = None if n_parts == 1 else torch.nonzero(part_of == part)[:, 0]
        ordered, order = torch.sort(keys if rows is None else keys.index_select(0, rows), stable=True)
        is_first = torch.ones_like(ordered, dtype=torch.bool)
        torch.ne(ordered[1:], ordered[:-1], out=is_first[1:])
        order = order if rows is None else rows.index_select(0, order)
        inverse.scatter_(0, order, is_first.cumsum(0, dtype=torch.int32).add_(n_distinct - 1))
        first.append(order[is_first].int())
        n_distinct += len(first[-1])
    return inverse, torch.cat(first)


def few_unique_rows(keys: Tensor, n_keys: int) -> tuple[Tensor, Tensor]:
    """The same for keys below n_keys, by a table of them."""
    samples = torch.arange(len(keys), dtype=torch.int32, device=keys.device)
    table = torch.full((n_keys,), -1, dtype=torch.int32, device=keys.device).scatter_(0, keys, samples)
    present = torch.nonzero(table >= 0)[:, 0]
    first = table.index_select(0, present)
    table.index_copy_(0, present, samples[: len(present)])
    return table.index_select(0, keys), first
