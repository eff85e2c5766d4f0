"""Blocks of rows that Dask computes: in threads of this process, or on the workers of a `distributed.Client`."""

from sklearn_mrtl.distributed.blocks import blocks_of, memory_for_blocks

__all__ = ["blocks_of", "memory_for_blocks"]
