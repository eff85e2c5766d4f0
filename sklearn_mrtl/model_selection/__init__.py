"""Splits that respect the order of time, and distributions to search over."""

from sklearn_mrtl.model_selection._consecutive_block_split import ConsecutiveBlockSplit
from sklearn_mrtl.model_selection._search_space import search_space

__all__ = ["ConsecutiveBlockSplit", "search_space"]
