import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict, cross_validate

from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
from sklearn_mrtl.preprocessing import lag_windows

N = 60
MONTHS = np.arange("1990-01", "1995-01", dtype="datetime64[M]")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n_splits", [2, 5, 6])
def test_without_a_gap_it_is_kfold_where_blocks_are_equal(n_splits):
    mine, theirs = ConsecutiveBlockKFold(n_splits).split(MONTHS), KFold(n_splits).split(MONTHS)
    for sides, expected in zip(mine, theirs, strict=True):
        for rows, others in zip(sides, expected, strict=True):
            np.testing.assert_array_equal(rows, others)


@settings(deadline=None, max_examples=100)
@given(n=st.integers(2, 80), n_splits=st.integers(2, 8), gap=st.integers(0, 12))
def test_every_row_is_tested_once_and_gaps_are_left_out(n, n_splits, gap):
    cv = ConsecutiveBlockKFold(n_splits, gap=gap)
    try:
        splits = list(cv.split(np.zeros(n)))
    except ValueError as error:
        assert ("needs rows" in str(error) and n < n_splits) or ("leaves no rows to train" in str(error) and gap > 0)
        return
    assert len(splits) == cv.get_n_splits() == n_splits
    np.testing.assert_array_equal(np.concatenate([test for _, test in splits]), np.arange(n))
    assert np.ptp([len(test) for _, test in splits]) <= 1
    for train, test in splits:
        expected = [row for row in range(n) if np.abs(row - test).min() > gap]
        np.testing.assert_array_equal(train, expected)


def test_windows_of_the_two_sides_have_no_field_in_common():
    windows = lag_windows(np.arange(N), np.arange(N), lags=4, lead=2)
    for train, test in ConsecutiveBlockKFold(gap=3 + 2).split(windows.X):
        months = [set(windows.X[rows].ravel()) | set(windows.y[rows]) for rows in (train, test)]
        assert not months[0] & months[1]


def test_unsorted_times_routed_or_of_the_data_array():
    order = RNG.permutation(N)
    X, y = RNG.normal(size=(N, 3)), RNG.normal(size=N)
    cv = ConsecutiveBlockKFold(gap=2)
    expected = cross_val_predict(Ridge(), X, y, cv=cv)
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, {"time": MONTHS.astype("M8[ns]")}, ("time", "x"))[order]
    np.testing.assert_allclose(cross_val_predict(Ridge(), fields, y[order], cv=cv), expected[order])
    with config_context(enable_metadata_routing=True):
        routed = cross_validate(
            Ridge(), X[order], y[order], cv=cv.set_split_request(time=True), params={"time": MONTHS[order]}
        )
    scores = cross_validate(Ridge(), X, y, cv=ConsecutiveBlockKFold(gap=2))
    np.testing.assert_allclose(routed["test_score"], scores["test_score"])


@pytest.mark.parametrize(
    "cv, n, message",
    [
        (ConsecutiveBlockKFold(1), 9, "n_splits must be an int of at least 2, got 1"),
        (ConsecutiveBlockKFold(True), 9, "n_splits must be an int"),
        (ConsecutiveBlockKFold(5, gap=-1), 9, "gap must be an int of at least 0, got -1"),
        (ConsecutiveBlockKFold(10), 9, "n_splits=10 needs rows of at least as many times, got 9"),
        (ConsecutiveBlockKFold(2, gap=10**9), 9, "gap=1000000000 leaves no rows to train on"),
    ],
)
def test_bad_parameters(cv, n, message):
    with pytest.raises(ValueError, match=message):
        next(cv.split(np.zeros(n)))
