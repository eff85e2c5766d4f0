"""Interpretation of a fitted model: pictures of its factors, and measures of how well the data support them.

The displays need matplotlib (extra "plot"), which is imported when something is drawn.
"""

from sklearn_mrtl.inspection._activation import activation_pattern
from sklearn_mrtl.inspection._autocorrelation import MoranResult, morans_i
from sklearn_mrtl.inspection._bands import FactorBands, factor_bands
from sklearn_mrtl.inspection._blocks import partial_dependence, permutation_importance
from sklearn_mrtl.inspection._component_display import ComponentDisplay
from sklearn_mrtl.inspection._consistency import core_consistency
from sklearn_mrtl.inspection._contribution import contribution_map
from sklearn_mrtl.inspection._court import draw_court, draw_handler
from sklearn_mrtl.inspection._explained import component_scores
from sklearn_mrtl.inspection._factor_display import FactorDisplay
from sklearn_mrtl.inspection._history_display import HistoryDisplay
from sklearn_mrtl.inspection._importance import component_importance
from sklearn_mrtl.inspection._labelled import predict_xarray, to_xarray
from sklearn_mrtl.inspection._matching import factor_match_score
from sklearn_mrtl.inspection._prediction_display import PredictionDisplay
from sklearn_mrtl.inspection._rank import select_rank
from sklearn_mrtl.inspection._report import report
from sklearn_mrtl.inspection._skill_display import SkillDisplay
from sklearn_mrtl.inspection._stability import stability
from sklearn_mrtl.inspection._standard_errors import coef_standard_errors
from sklearn_mrtl.inspection._terciles import tercile_probabilities
from sklearn_mrtl.inspection._term_display import TermDisplay
from sklearn_mrtl.inspection._terms import select_term

__all__ = [
    "ComponentDisplay",
    "FactorBands",
    "FactorDisplay",
    "HistoryDisplay",
    "MoranResult",
    "PredictionDisplay",
    "SkillDisplay",
    "TermDisplay",
    "activation_pattern",
    "coef_standard_errors",
    "component_importance",
    "component_scores",
    "contribution_map",
    "core_consistency",
    "draw_court",
    "draw_handler",
    "factor_bands",
    "factor_match_score",
    "morans_i",
    "partial_dependence",
    "permutation_importance",
    "predict_xarray",
    "report",
    "select_rank",
    "select_term",
    "stability",
    "tercile_probabilities",
    "to_xarray",
]
