"""Transformers of coordinates and of series of fields into the input of the estimators.

A fitted transformer works row by row: folds, shuffles and predictions for single rows are safe.
"""

from sklearn_mrtl.preprocessing._area_weighter import AreaWeighter
from sklearn_mrtl.preprocessing._deseasonalizer import Deseasonalizer
from sklearn_mrtl.preprocessing._detrender import Detrender
from sklearn_mrtl.preprocessing._grid_discretizer import GridDiscretizer
from sklearn_mrtl.preprocessing._inland_water_masker import InlandWaterMasker
from sklearn_mrtl.preprocessing._lags import LagWindows, lag_windows
from sklearn_mrtl.preprocessing._mode_encoder import ModeEncoder
from sklearn_mrtl.preprocessing._polar_position import PolarPosition
from sklearn_mrtl.preprocessing._relative_position import RelativePosition
from sklearn_mrtl.preprocessing._target import DeseasonalizedTargetRegressor
from sklearn_mrtl.preprocessing._variable_scaler import VariableScaler

__all__ = [
    "AreaWeighter",
    "DeseasonalizedTargetRegressor",
    "Deseasonalizer",
    "Detrender",
    "GridDiscretizer",
    "InlandWaterMasker",
    "LagWindows",
    "ModeEncoder",
    "PolarPosition",
    "RelativePosition",
    "VariableScaler",
    "lag_windows",
]
