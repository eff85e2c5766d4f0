from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from threadpoolctl import threadpool_limits

from sklearn_mrtl.model_selection import ConsecutiveBlockSplit
from sklearn_mrtl.preprocessing import lag_windows

N = 120
MONTHS = np.arange("1990-01", "2000-01", dtype="datetime64[M]")
RNG = np.random.default_rng(0)


def months_of(windows, rows, lags, lead):
    """All months that are in the given rows: those of the lags and that of the target."""
    fields = windows.time[rows][:, None] - np.arange(lags)
    return set(fields.ravel()) | set(windows.time[rows] + lead)


@pytest.mark.parametrize("lags, lead", [(1, 0), (6, 0), (4, 3)])
def test_no_month_is_on_two_sides_with_the_gap_and_some_are_without(lags, lead):
    windows = lag_windows(RNG.normal(size=(N, 2)), RNG.normal(size=N), lags=lags, lead=lead, time=MONTHS)

    def shared(gap):
        cv = ConsecutiveBlockSplit(6, gap=gap, random_state=0)
        count = 0
        for sides in cv.split_three(windows.X):
            months = [months_of(windows, rows, lags, lead) for rows in sides]
            count += sum(len(months[i] & months[j]) for i, j in [(0, 1), (0, 2), (1, 2)])
        return count

    gap = lags - 1 + lead
    assert shared(gap) == 0
    if gap:
        assert shared(gap - 1) > 0 and shared(0) > shared(gap - 1)


def test_the_leak_without_the_gap():
    """A target that nothing tells: without the gap a memory of neighbours seems to predict it."""
    lags = 12
    y = lag_windows(np.random.default_rng(0).normal(size=600), lags=lags).X.mean(axis=1)
    X = np.arange(len(y))[:, None].astype(float)  # knows nothing but when

    def score(cv):
        with threadpool_limits(1):
            return cross_val_score(KernelRidge(kernel="rbf", gamma=0.02, alpha=0.1), X, y, cv=cv).mean()

    assert score(KFold(5, shuffle=True, random_state=0)) > 0.6
    assert score(ConsecutiveBlockSplit(30, random_state=0)) > 0.1
    assert score(ConsecutiveBlockSplit(30, gap=lags - 1, random_state=0)) < 0


@settings(deadline=None, max_examples=100)
@given(
    n=st.integers(20, 200),
    n_blocks=st.integers(4, 12),
    gap=st.integers(0, 3),
    seed=st.integers(0, 100),
)
def test_sides_are_apart_consecutive_and_of_their_shares(n, n_blocks, gap, seed):
    cv = ConsecutiveBlockSplit(n_blocks, n_splits=2, gap=gap, random_state=seed)
    try:
        splits = list(cv.split_three(np.zeros(n)))
    except ValueError as error:
        assert "leaves no rows" in str(error) and gap > 0
        return
    assert len(splits) == cv.get_n_splits() == 2
    for sides in splits:
        for i, rows in enumerate(sides):
            assert (np.diff(rows) > 0).all()
            for others in sides[i + 1 :]:
                assert np.abs(rows[:, None] - others).min() > gap
        n_test = max(1, round(0.2 * n_blocks))
        assert n_test * (n // n_blocks) <= len(sides[2]) <= n_test * (n // n_blocks + 1)
        left_out = np.setdiff1d(np.arange(n), np.concatenate(sides))
        assert len(left_out) == 0 if gap == 0 else len(left_out) <= 2 * gap * n_blocks


def test_split_trains_on_the_validation_rows_and_tests_on_the_same():
    cv = ConsecutiveBlockSplit(n_splits=3, random_state=4)
    for (train, test), (rest, validation, same) in zip(cv.split(MONTHS), cv.split_three(MONTHS), strict=True):
        np.testing.assert_array_equal(test, same)
        np.testing.assert_array_equal(train, np.sort(np.concatenate([rest, validation])))
        assert len(train) == 96 and len(validation) == len(test) == 24


def test_an_int_repeats_itself_and_splits_differ():
    cv = ConsecutiveBlockSplit(random_state=3)
    once, again = list(cv.split(MONTHS)), list(deepcopy(cv).split(MONTHS))
    for (_, a), (_, b) in zip(once, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len({tuple(test) for _, test in once}) > 1
    assert "gap=2" in repr(ConsecutiveBlockSplit(gap=2))


def test_unsorted_times_and_several_rows_of_a_time():
    order = RNG.permutation(2 * N)
    time = np.repeat(MONTHS, 2)[order]
    cv = ConsecutiveBlockSplit(gap=2, random_state=0)
    sorted_splits = list(cv.split_three(MONTHS))
    for sides, expected in zip(cv.split_three(np.zeros((2 * N, 1)), time=time), sorted_splits, strict=True):
        for rows, steps in zip(sides, expected, strict=True):
            np.testing.assert_array_equal(np.sort(time[rows]), np.repeat(MONTHS[steps], 2))


def test_time_of_a_data_array_and_of_pandas():
    order = RNG.permutation(N)
    cv = ConsecutiveBlockSplit(gap=2, random_state=0)
    expected = [set(order.argsort()[test]) for _, test in cv.split(MONTHS)]
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(np.zeros((N, 2)), dims=("time", "x"), coords={"time": MONTHS[order].astype("M8[ns]")})
    assert [set(test) for _, test in cv.split(fields)] == expected
    assert [set(test) for _, test in cv.split(fields.to_pandas())] == expected


def test_as_cv_of_a_search_and_with_routed_time():
    X = RNG.normal(size=(N, 3))
    y = X @ [1.0, 2.0, 3.0] + RNG.normal(size=N)
    cv = ConsecutiveBlockSplit(gap=5, random_state=0)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e4]}, cv=cv).fit(X, y)
    assert search.best_params_ == {"alpha": 0.1} and search.n_splits_ == 5
    order = RNG.permutation(N)
    with config_context(enable_metadata_routing=True):
        routed = cross_validate(
            Ridge(), X[order], y[order], cv=cv.set_split_request(time=True), params={"time": MONTHS[order]}
        )
    np.testing.assert_allclose(routed["test_score"], cross_val_score(Ridge(), X, y, cv=cv))


@pytest.mark.parametrize(
    "cv, n, message",
    [
        (ConsecutiveBlockSplit(10), 9, "n_blocks=10 needs rows of at least as many times, got 9"),
        (ConsecutiveBlockSplit(1), 9, "n_blocks must be an int of at least 2, got 1"),
        (ConsecutiveBlockSplit(5, n_splits=0), 9, "n_splits must be an int of at least 1"),
        (ConsecutiveBlockSplit(5, gap=-1), 9, "gap must be an int of at least 0, got -1"),
        (ConsecutiveBlockSplit(5, gap=1.0), 9, "gap must be an int"),
        (ConsecutiveBlockSplit(5, test_fraction=1.0), 9, "test_fraction must lie between 0 and 1, got 1.0"),
        (ConsecutiveBlockSplit(5, validation_fraction=0), 9, "validation_fraction must lie between 0 and 1, got 0"),
        (ConsecutiveBlockSplit(5, test_fraction=0.6, validation_fraction=0.4), 9, "take 3 and 2 of 5 blocks"),
        (ConsecutiveBlockSplit(5, gap=20), 30, "gap=20 leaves no rows to train on"),
        (ConsecutiveBlockSplit(5, gap=10**9), 100, "gap=1000000000 leaves no rows to train on"),
    ],
)
def test_bad_parameters(cv, n, message):
    with pytest.raises(ValueError, match=message):
        next(cv.split_three(np.zeros(n)))


def test_no_seed_draws_from_the_global_state():
    def tests(random_state):
        np.random.seed(7)
        return [test.tolist() for _, test in ConsecutiveBlockSplit(random_state=random_state).split(MONTHS)]

    assert tests(None) == tests(None) == tests(np.random.RandomState(7))
