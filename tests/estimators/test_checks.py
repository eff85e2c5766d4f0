"""scikit-learn's own checks of twenty settings; excused is only what is random by nature, or no counts.

The slow settings are run by `make checks`, which asks for them with MRTL_CHECKS=all.
"""

import os

from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl import MRTLClassifier, MRTLRegressor

# Given, so that no time goes into their choice; weak, because the checks' columns are in no order.
GIVEN = {"alpha_spatial": 1e-5, "alpha_l2": 1e-4}
# One batch an epoch, and enough of them that nothing moves any more: some checks compare to seven digits.
STEPS = {"learning_rate": 0.3, "batch_size": 1000, "random_state": 0}
QUICK = [
    {},
    GIVEN | {"rank": None},
    GIVEN | {"rank": 3},
    GIVEN | {"rank": 3, "decomposition": "tucker"},
    GIVEN | {"resolutions": "fixed"},
    GIVEN | {"n_levels": 1},
    GIVEN | {"modes": ["column"]},
    GIVEN | {"criterion": "gradient_norm"},
    GIVEN | {"criterion": "gradient_variance", "patience": 2, "tol": 1e-6},
    GIVEN | {"criterion": "gradient_entropy"},
    GIVEN | {"criterion": "validation_loss", "random_state": 0},
    GIVEN | {"max_epochs": 10},
    GIVEN | {"full_rank_alpha_spatial": 1e-4, "full_rank_alpha_l2": 1e-3},
    GIVEN | {"warm_start": True},
    {"alpha_spatial": 1e-3, "alpha_l2": 1e-4, "sigma": 0.1},
    {"alpha_spatial": 0.0, "alpha_l2": 1e-2},
    GIVEN | STEPS | {"solver": "sgd", "learning_rate": 0.5, "lr_decay": 1.0, "resolutions": "fixed"},
]
SLOW = [
    {"rank": None},
    {"rank": 2},
    {"rank": 2, "decomposition": "tucker"},
    {"rank": 2, "full_rank_levels": 0, "random_state": 0},
    {"alpha_spatial": 0.0},
    STEPS | {"solver": "adam", "max_epochs": 200},
]
SETTINGS = QUICK + (SLOW if os.environ.get("MRTL_CHECKS") == "all" else [])


def excused(estimator):
    """Checks that may fail: which rows are held out is random, and depends on the number of rows."""
    if getattr(estimator, "loss", None) == "poisson":
        return {"check_regressor_multioutput": "its y is negative, whatever the tag positive_only says"}
    if estimator.criterion != "validation_loss":
        return {}
    reason = "a weight of 2 is not two rows where rows are held out at random"
    kinds = ("dense", "sparse")
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in kinds}


ESTIMATORS = [cls(**options) for cls in (MRTLRegressor, MRTLClassifier) for options in SETTINGS]


@parametrize_with_checks([*ESTIMATORS, MRTLRegressor(loss="poisson", **GIVEN)], expected_failed_checks=excused)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)
