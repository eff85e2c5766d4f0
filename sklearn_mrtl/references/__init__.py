"""Simple forecasts to compare with, and to build on."""

from sklearn_mrtl.references._climatology import ClimatologyRegressor
from sklearn_mrtl.references._damped_persistence import DampedPersistenceRegressor
from sklearn_mrtl.references._residual import ResidualRegressor

__all__ = ["ClimatologyRegressor", "DampedPersistenceRegressor", "ResidualRegressor"]
