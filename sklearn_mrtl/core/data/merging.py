"""Find equal samples by their keys."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import CHUNK_ROWS

SORTED_ROWS = 2**20  # samples that are sorted at once
MIN_SAMPLED = 2**20  # fewer samples are merged without an estimate of how many differ
SPREAD_ROWS = 2**14  # samples, evenly spread, that an estimate looks at besides a 64th of the keys
HASH_MULTIPLIER = 2862933555777941757  # of L'Ecuyer's random numbers: odd, hence invertible modulo 2^64
MAX_DISTINCT_FRACTION = 0.75  # with more distinct samples than this, merging is not worth a copy


def combine_keys(keys: Sequence[Tensor], sizes: Sequence[int] | None) -> Tensor:
    """Combine the keys of each mode into one: exact for indices below sizes, else 64-bit hashes (sizes None)."""
    combined = keys[0].to(torch.int64, copy=True)
    multipliers = [HASH_MULTIPLIER] * len(keys) if sizes is None or prod(sizes) >= 2**62 else sizes
    for key, multiplier in zip(keys[1:], multipliers[1:], strict=True):
        combined.mul_(multiplier).add_(key)
    return combined


def fraction_of_distinct(keys: Tensor, *, min_sampled: int = MIN_SAMPLED, n_spread: int = SPREAD_ROWS) -> float:
    """Estimate the fraction of samples whose keys are distinct; 0 for few samples, which are merged anyway.

    It is the lesser of two fractions: that among all samples of a 64th of the keys, and that among samples spread
    evenly over the rows, which is small where very many samples have one key in common.

    Parameters
    ----------
    keys : Tensor of int64, shape (n,)
    min_sampled : int
        Fewer samples than this are few.
    n_spread : int
        Number of samples that are spread evenly.
    """
    if len(keys) < min_sampled:
        return 0.0
    return min(distinct(part) for part in (samples_of_some_keys(keys), keys[:: len(keys) // n_spread]))


def samples_of_some_keys(keys: Tensor) -> Tensor:
    """Return the keys of all samples of a 64th of the keys, the same ones whichever samples there are."""
    return torch.cat([part[(part * -7046029254386353131) >> 58 == 0] for part in keys.split(CHUNK_ROWS)])


def distinct(keys: Tensor) -> float:
    """Return the fraction of keys that are distinct."""
    return len(torch.unique(keys)) / max(1, len(keys))


def unique_rows(keys: Tensor, *, sorted_rows: int = SORTED_ROWS) -> tuple[Tensor, Tensor]:
    """Find the distinct keys, in parts of the samples to save memory.

    Parameters
    ----------
    keys : Tensor of int64, shape (n,)
    sorted_rows : int
        About how many samples are sorted at once.

    Returns
    -------
    inverse : Tensor of int32, shape (n,)
        For each sample the index of its key among the distinct ones.
    first : Tensor of int32, shape (number of distinct keys,)
        The first sample of each distinct key.
    """
    least, largest = (int(end) for end in keys.aminmax()) if len(keys) else (0, 0)
    if 0 <= least and largest < len(keys):
        return few_unique_rows(keys, largest + 1)
    inverse, first = torch.empty(len(keys), dtype=torch.int32, device=keys.device), []
    n_parts, n_distinct = -(-len(keys) // sorted_rows), 0
    part_of = None if n_parts == 1 else torch.cat([part.remainder(n_parts).short() for part in keys.split(CHUNK_ROWS)])
    for part in range(n_parts):
        rows = None if part_of is None else torch.nonzero(part_of == part)[:, 0]
        ordered, order = torch.sort(keys if rows is None else keys.index_select(0, rows), stable=True)
        is_first = torch.ones_like(ordered, dtype=torch.bool)
        torch.ne(ordered[1:], ordered[:-1], out=is_first[1:])
        order = order if rows is None else rows.index_select(0, order)
        inverse.scatter_(0, order, is_first.cumsum(0, dtype=torch.int32).add_(n_distinct - 1))
        first.append(order[is_first].int())
        n_distinct += len(first[-1])
    return inverse, torch.cat(first)


def few_unique_rows(keys: Tensor, n_keys: int) -> tuple[Tensor, Tensor]:
    """Find the distinct ones of keys below n_keys, by a table with an entry for each."""
    samples = torch.arange(len(keys), dtype=torch.int32, device=keys.device)
    table = torch.full((n_keys,), -1, dtype=torch.int32, device=keys.device).scatter_(0, keys, samples)
    present = torch.nonzero(table >= 0)[:, 0]
    first = table.index_select(0, present)
    table.index_copy_(0, present, samples[: len(present)])
    return table.index_select(0, keys), first
