"""Splits that respect the order of time."""

from sklearn_mrtl.model_selection._consecutive_block_split import ConsecutiveBlockSplit

__all__ = ["ConsecutiveBlockSplit"]
