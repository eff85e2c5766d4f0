"""Splits that respect the order of time or neighbours in space, and distributions to search over."""

from sklearn_mrtl.model_selection._consecutive_block_kfold import ConsecutiveBlockKFold
from sklearn_mrtl.model_selection._consecutive_block_split import ConsecutiveBlockSplit
from sklearn_mrtl.model_selection._search_space import search_space
from sklearn_mrtl.model_selection._skill_score import skill_score
from sklearn_mrtl.model_selection._spatial_block_split import SpatialBlockSplit

__all__ = ["ConsecutiveBlockKFold", "ConsecutiveBlockSplit", "SpatialBlockSplit", "search_space", "skill_score"]
