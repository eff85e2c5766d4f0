"""scikit-learn's own checks, none excused."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl import MRTLClassifier, MRTLRegressor

VARIANTS = [
    {},
    {"rank": None},
    {"rank": 2},
    {"rank": 2, "decomposition": "tucker"},
    # One batch an epoch, and enough of them that nothing moves any more: some checks compare to seven digits.
    {"solver": "adam", "learning_rate": 0.3, "max_epochs": 200, "batch_size": 1000, "random_state": 0},
]


@parametrize_with_checks([cls(**options) for cls in (MRTLRegressor, MRTLClassifier) for options in VARIANTS])
def test_scikit_learn_compatible(estimator, check):
    check(estimator)
