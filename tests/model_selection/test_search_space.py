"""search_space: names that the estimator has, values in the ranges of Table 2."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.model_selection import ConsecutiveBlockSplit, search_space
from sklearn_mrtl.model_selection._search_space import TABLE_2
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor


@pytest.mark.parametrize("dataset", [None, "basketball", "climate"])
@pytest.mark.parametrize(
    "estimator",
    [
        MRTLRegressor(),
        make_pipeline(FunctionTransformer(), MRTLRegressor()),
        make_pipeline(FunctionTransformer(), DeseasonalizedTargetRegressor(MRTLRegressor())),
    ],
)
def test_names_are_parameters(estimator, dataset):
    assert set(search_space(estimator, dataset)) <= set(estimator.get_params())


@pytest.mark.parametrize("dataset", TABLE_2)
def test_values_are_in_the_ranges_of_table_2(dataset):
    ranges = TABLE_2[dataset]
    for name, distribution in search_space(MRTLRegressor(), dataset).items():
        low, high = ranges[name.removesuffix("_spatial").removesuffix("_l2")]
        values = distribution.rvs(200, random_state=0)
        assert low <= values.min() < values.max() <= high


@pytest.mark.parametrize("dataset", [None, "climate"])
def test_a_search_runs(dataset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2, 6, 6))
    y = X.sum(axis=(1, 2, 3))
    model = make_pipeline(FunctionTransformer(), MRTLRegressor(max_epochs=3, solver="adam" if dataset else "lbfgs"))
    cv = ConsecutiveBlockSplit(6, n_splits=2, random_state=0)
    search = RandomizedSearchCV(model, search_space(model, dataset), n_iter=2, cv=cv, random_state=0).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_what_has_no_such_estimator_is_refused():
    with pytest.raises(ValueError, match="no MRTLRegressor or MRTLClassifier in"):
        search_space(make_pipeline(FunctionTransformer(), Ridge()))
    with pytest.raises(ValueError, match="no MRTLRegressor or MRTLClassifier in 'basketball'"):
        search_space("basketball")


def test_unknown_data_sets_list_the_known():
    with pytest.raises(ValueError, match=r"\['basketball', 'climate'\], got 'soccer'"):
        search_space(MRTLRegressor(), "soccer")
