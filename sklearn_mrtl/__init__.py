"""Supervised tensor models on grids, learned from coarse to fine and readable factor by factor."""

from sklearn_mrtl._estimators.classifier import MRTLClassifier
from sklearn_mrtl._estimators.netcdf import load_netcdf, save_netcdf
from sklearn_mrtl._estimators.regressor import MRTLRegressor
from sklearn_mrtl.modes import Feature, Grid

__version__ = "0.1.0"
__all__ = ["Feature", "Grid", "MRTLClassifier", "MRTLRegressor", "load_netcdf", "save_netcdf"]
