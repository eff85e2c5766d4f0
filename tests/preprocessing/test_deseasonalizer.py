import pickle

import numpy as np
import pytest
from helpers import requires_sklearn
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import _safe_indexing
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import _num_samples

from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

N = 120
MONTHS = np.arange("1990-01", "2000-01", dtype="datetime64[M]")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3, 4, 5)) * RNG.uniform(1, 2, (3, 4, 5)) + 20 * RNG.normal(size=(3, 4, 5))
X += 5 * np.sin(np.arange(N) * np.pi / 6)[:, None, None, None]


class MadeUpTimes(Deseasonalizer):
    """Makes up the times, so that scikit-learn's checks can call it."""

    def fit(self, X, y=None, *, time=None):
        return super().fit(X, y, time=np.zeros(_num_samples(X), dtype=int))

    def transform(self, X, *, time=None):
        return super().transform(X, time=np.zeros(_num_samples(X), dtype=int))


@parametrize_with_checks([MadeUpTimes(12), MadeUpTimes(12, standardize=False)])
def test_check_estimator(estimator, check):
    check(estimator)


def slow(X, month, standardize=True):
    out = np.empty_like(X)
    for i, m in enumerate(month):
        rows = X[month == m]
        out[i] = X[i] - np.nanmean(rows, axis=0)
        if standardize:
            out[i] /= np.nanstd(rows, axis=0)
    return out


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("shape", [(N, 3, 4, 5), (N, 12, 5), (N, 60)])
def test_against_an_explicit_loop(standardize, shape):
    mine = X.reshape(shape)
    deseasonalizer = Deseasonalizer(standardize=standardize)
    out = deseasonalizer.fit_transform(mine, time=MONTHS)
    np.testing.assert_allclose(out, slow(mine, np.arange(N) % 12, standardize), atol=1e-12)
    np.testing.assert_array_equal(deseasonalizer.cycle_, np.arange(1, 13))
    assert deseasonalizer.n_guarded_ == 0
    np.testing.assert_allclose(deseasonalizer.inverse_transform(out, time=MONTHS), mine)


def test_against_xarray_groupby():
    xr = pytest.importorskip("xarray")
    coords = {"time": MONTHS.astype("datetime64[ns]"), "lat": [10.0, 20, 30, 40]}
    fields = xr.DataArray(X, dims=("time", "lag", "lat", "lon"), coords=coords, name="sst")
    groups = fields.groupby("time.month")
    expected = (groups - groups.mean("time")).groupby("time.month") / groups.std("time")
    out = Deseasonalizer().fit_transform(fields)
    assert out.dims == fields.dims and out.name == "sst"
    xr.testing.assert_allclose(out, expected.drop_vars("month"))
    back = Deseasonalizer().fit(fields).inverse_transform(out)
    xr.testing.assert_allclose(back, fields)


def test_lags_need_not_be_known():
    """Deseasonalizing windows is windows of the deseasonalized, where all windows are in full years."""
    fields = X[:, 0]
    windows = lag_windows(fields, lags=[0, 12, 24], time=MONTHS)
    mine = Deseasonalizer().fit_transform(windows.X, time=windows.time)
    for j, lag in enumerate([0, 12, 24]):
        rows = slice(24 - lag, N - lag)
        np.testing.assert_allclose(mine[:, j], slow(fields[rows], np.arange(N - 24) % 12), atol=1e-12)


def test_integer_period():
    hours = RNG.permutation(N)
    out = Deseasonalizer(24).fit_transform(X, time=hours)
    np.testing.assert_allclose(out, slow(X, hours % 24), atol=1e-12)


def slow_harmonics(x, position, length, harmonics):
    """Series through the rows that are not NaN, and through their squared residuals, at every place of the cycle."""

    def columns(position):
        angles = 2 * np.pi * np.asarray(position) / length
        waves = [f(h * angles) for h in range(1, harmonics + 1) for f in (np.cos, np.sin)]
        return np.stack([np.ones(len(angles)), *waves], axis=1)

    there = ~np.isnan(x)
    basis, cycle = columns(position[there]), columns(np.arange(length))
    coefficients = np.linalg.lstsq(basis, x[there], rcond=None)[0]
    squares = (x[there] - basis @ coefficients) ** 2
    return cycle @ coefficients, cycle @ np.linalg.lstsq(basis, squares, rcond=None)[0]


@pytest.mark.parametrize("harmonics", [1, 2, 5])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_harmonics_against_least_squares_through_the_rows(harmonics, gaps):
    fields = X[:, 0].copy()
    fields[RNG.random(fields.shape) < gaps] = np.nan
    hours = RNG.permutation(N)
    deseasonalizer = Deseasonalizer(24, harmonics=harmonics).fit(fields, time=hours)
    np.testing.assert_array_equal(deseasonalizer.cycle_, np.arange(24))
    floor = deseasonalizer.std_.min()
    for cell in np.ndindex(4, 5):
        mean, variance = slow_harmonics(fields[(slice(None), *cell)], hours % 24, 24, harmonics)
        np.testing.assert_allclose(deseasonalizer.mean_[(slice(None), *cell)], mean, atol=1e-10)
        std = np.sqrt(np.maximum(variance, 0))
        np.testing.assert_allclose(deseasonalizer.std_[(slice(None), *cell)], np.maximum(std, floor), atol=1e-8)


def test_harmonics_give_the_months_that_fit_did_not_see():
    months = np.arange(N) % 12
    wave = np.stack([3 * np.cos(2 * np.pi * months / 12) + k for k in range(4)], axis=1)
    seen = (months > 1) & (months < 10)
    deseasonalizer = Deseasonalizer(harmonics=1, standardize=False).fit(wave[seen], time=MONTHS[seen])
    np.testing.assert_allclose(deseasonalizer.transform(wave, time=MONTHS), 0, atol=1e-10)
    np.testing.assert_array_equal(deseasonalizer.cycle_, np.arange(1, 13))
    out = deseasonalizer.transform(X[:, 0, 0, :4], time=MONTHS)
    np.testing.assert_allclose(deseasonalizer.inverse_transform(out, time=MONTHS), X[:, 0, 0, :4])


def test_harmonics_and_places_with_too_little_data():
    holes = X[:, 0].copy()
    holes[:, 0, 0] = np.nan  # land
    holes[np.arange(N) % 12 > 1, 0, 1] = np.nan  # two months
    holes[np.arange(N) % 12 > 2, 0, 2] = np.nan  # three months
    deseasonalizer = Deseasonalizer(harmonics=1).fit(holes, time=MONTHS)
    assert np.isnan(deseasonalizer.mean_[:, 0, :2]).all() and np.isnan(deseasonalizer.std_[:, 0, :2]).all()
    assert np.isfinite(deseasonalizer.mean_[:, 0, 2]).all()


@pytest.mark.parametrize(
    "deseasonalizer, time, message",
    [
        (
            Deseasonalizer(harmonics=6),
            MONTHS,
            "harmonics must be None or an int from 1 to 5 for a cycle of 12 positions",
        ),
        (Deseasonalizer(harmonics=0), MONTHS, "harmonics must be None or an int from 1 to 5"),
        (Deseasonalizer(24, harmonics=12), np.arange(N), "from 1 to 11 for a cycle of 24"),
        (Deseasonalizer(harmonics=1.0), MONTHS, "harmonics must be"),
        (
            Deseasonalizer(harmonics=2),
            MONTHS[np.arange(N) % 4],
            "harmonics=2 needs rows at 5 positions in the cycle, got 4",
        ),
    ],
)
def test_bad_harmonics(deseasonalizer, time, message):
    with pytest.raises(ValueError, match=message):
        deseasonalizer.fit(X, time=time)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_nan_stays_nan_and_is_left_out_of_the_statistics():
    holes = X.copy()
    holes[RNG.random(X.shape) < 0.2] = np.nan
    holes[:, :, 0, 0] = np.nan
    holes[::12, :, 1, 1] = np.nan
    deseasonalizer = Deseasonalizer(standardize=False)
    expected = slow(holes, np.arange(N) % 12, standardize=False)
    np.testing.assert_allclose(deseasonalizer.fit_transform(holes, time=MONTHS), expected, atol=1e-12)
    assert np.isnan(deseasonalizer.mean_[0, :, 1, 1]).all() and not np.isnan(deseasonalizer.mean_[1, :, 1, 1]).any()
    stds = Deseasonalizer().fit(holes, time=MONTHS).std_
    np.testing.assert_allclose(stds[5, 0, 2, 2], max(np.nanstd(holes[5::12, 0, 2, 2]), 0.2 * np.nanmedian(stds[:, 0])))


def ice_fields(scale=1.0):
    """Two variables of different units; one cell is frozen in the training winters and melts afterwards."""
    fields = RNG.normal(size=(N, 2, 6, 8)) * np.array([1.0, 1e-3])[:, None, None]
    winter = np.isin(np.arange(N) % 12, [0, 1, 11])
    fields[winter & (np.arange(N) < 96), 0, 0, 0] = 1e-6 * scale
    return fields.astype(np.float32), winter


def test_ice_is_guarded():
    fields, winter = ice_fields()
    train = np.arange(N) < 96
    deseasonalizer = Deseasonalizer().fit(fields[train], time=MONTHS[train])
    out = deseasonalizer.transform(fields, time=MONTHS)
    typical = np.median(fields[train][:, 0].reshape(8, 12, -1).std(axis=0))
    np.testing.assert_allclose(deseasonalizer.std_[[0, 1, 11], 0, 0, 0], 0.2 * typical, rtol=0.05)
    assert 3 <= deseasonalizer.n_guarded_ <= 6
    assert np.abs(out[winter, 0, 0, 0]).max() < 25
    # The small unit of the other variable is not taken for ice.
    np.testing.assert_allclose(out[train, 1].std(), 1, rtol=0.01)


def test_the_guard_does_not_know_units():
    fields, _ = ice_fields()
    train = np.arange(N) < 96
    one, other = (
        Deseasonalizer().fit(f[train], time=MONTHS[train]).transform(f, time=MONTHS) for f in (fields, fields * 1024)
    )
    np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("dtype, powers", [(np.float32, (-100, -60, 60, 100)), (np.float64, (-900, -400, 400, 900))])
@pytest.mark.parametrize("deseasonalizer", [Deseasonalizer(), Deseasonalizer(harmonics=2)])
def test_tiny_and_huge_units(dtype, powers, deseasonalizer):
    """A power of two only changes exponents: the result is the same to the last bit."""
    mine = X.astype(dtype)
    mine[5, 0, 0, 0] = np.nan
    expected = deseasonalizer.fit_transform(mine, time=MONTHS)
    for power in powers:
        scaled = np.ldexp(mine, power)
        assert np.isfinite(scaled).sum() == mine.size - 1
        out = deseasonalizer.fit_transform(scaled, time=MONTHS)
        np.testing.assert_array_equal(out, expected)
        np.testing.assert_array_equal(deseasonalizer.inverse_transform(out, time=MONTHS).dtype, dtype)


def test_constant_fields_become_zero():
    constant = np.full((N, 2, 3), 0.1)
    deseasonalizer = Deseasonalizer()
    np.testing.assert_allclose(deseasonalizer.fit_transform(constant, time=MONTHS), 0, atol=1e-12)
    np.testing.assert_array_equal(deseasonalizer.std_, 1)
    assert deseasonalizer.n_guarded_ == 12 * 2 * 3


def test_test_rows_are_not_seen():
    train = np.arange(N) < 96
    before = Deseasonalizer().fit(X[train], time=MONTHS[train]).transform(X[train], time=MONTHS[train])
    changed = X.copy()
    changed[~train] = 1e6
    after = Deseasonalizer().fit(changed[train], time=MONTHS[train]).transform(changed, time=MONTHS)[train]
    np.testing.assert_array_equal(before, after)


def test_row_order_does_not_matter_and_rows_stand_alone():
    order = RNG.permutation(N)
    deseasonalizer = Deseasonalizer().fit(X, time=MONTHS)
    out = deseasonalizer.transform(X, time=MONTHS)
    shuffled = Deseasonalizer().fit(X[order], time=MONTHS[order])
    np.testing.assert_allclose(shuffled.transform(X, time=MONTHS), out, atol=1e-12)
    np.testing.assert_array_equal(deseasonalizer.transform(X[order], time=MONTHS[order]), out[order])
    np.testing.assert_array_equal(deseasonalizer.transform(X[[7]], time=MONTHS[[7]])[0], out[7])


def test_float32_stays_and_is_accumulated_in_float64():
    mine = X.astype(np.float32) + 1000
    windows = lag_windows(mine[:, 0], lags=3, time=MONTHS)
    out = Deseasonalizer().fit_transform(windows.X, time=windows.time)
    assert out.dtype == np.float32
    exact = Deseasonalizer().fit_transform(windows.X.astype(np.float64), time=windows.time)
    np.testing.assert_allclose(out, exact, atol=2e-4)
    np.testing.assert_array_equal(mine, X.astype(np.float32) + 1000)


def test_an_unseen_month_is_named():
    deseasonalizer = Deseasonalizer().fit(X[:5], time=MONTHS[:5])
    with pytest.raises(ValueError, match=r"calendar month 6, 7 is not among those of fit: 1, 2, 3, 4, 5\."):
        deseasonalizer.transform(X[:7], time=MONTHS[:7])


@pytest.mark.parametrize(
    "deseasonalizer, X, time, message",
    [
        (Deseasonalizer(), X, None, "Deseasonalizer needs the time of each row"),
        (Deseasonalizer("year"), X, MONTHS, "period must be 'month' or a positive int, got 'year'"),
        (Deseasonalizer(0), X, MONTHS, "period must be"),
        (Deseasonalizer(), np.where(X > 20, np.inf, X), MONTHS, "infinity"),
        (Deseasonalizer(), X, MONTHS[:-1], "one entry for each of the 120 rows"),
    ],
)
def test_bad_input(deseasonalizer, X, time, message):
    with pytest.raises(ValueError, match=message):
        deseasonalizer.fit(X, time=time)


def test_a_long_cycle_of_few_rows():
    deseasonalizer = Deseasonalizer(10**9).fit(X, time=np.arange(N) * 7 % 5)
    np.testing.assert_array_equal(deseasonalizer.cycle_, np.arange(5))
    np.testing.assert_allclose(
        deseasonalizer.mean_, Deseasonalizer(5).fit(X, time=np.arange(N) * 7 % 5).mean_, atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16])
def test_integer_times_of_small_types(dtype):
    time = np.arange(N, dtype=dtype)
    np.testing.assert_array_equal(Deseasonalizer(300).fit(X, time=time).cycle_, np.arange(N))
    expected = Deseasonalizer(24).fit_transform(X, time=np.arange(N))
    np.testing.assert_array_equal(Deseasonalizer(24).fit_transform(X, time=time), expected)


def test_pickle_and_clone():
    deseasonalizer = Deseasonalizer(standardize=False).fit(X, time=MONTHS)
    other = pickle.loads(pickle.dumps(deseasonalizer))
    np.testing.assert_array_equal(other.transform(X, time=MONTHS), deseasonalizer.transform(X, time=MONTHS))
    assert clone(deseasonalizer).standardize is False


flatten = FunctionTransformer(lambda X: np.asarray(X).reshape(len(X), -1))


def by_hand(X, y, n_folds):
    scores = []
    for test in np.array_split(np.arange(N), n_folds):
        train = np.setdiff1d(np.arange(N), test)
        detrend = Detrender("linear").fit(X[train], time=MONTHS[train])
        trendless = detrend.transform(X, time=MONTHS)
        mine = Deseasonalizer().fit(trendless[train], time=MONTHS[train]).transform(trendless, time=MONTHS)
        mine = mine.reshape(N, -1)
        scores.append(Ridge().fit(mine[train], y[train]).score(mine[test], y[test]))
    return scores


def test_cross_validation_of_a_data_array():
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, dims=("time", "lag", "lat", "lon"), coords={"time": MONTHS.astype("datetime64[ns]")})
    fold = _safe_indexing(fields, np.array([3, 1]))
    np.testing.assert_array_equal(fold.time, MONTHS[[3, 1]])
    y = X[:, 0, 0, 0] + RNG.normal(size=N)
    scores = cross_val_score(make_pipeline(Detrender("linear"), Deseasonalizer(), flatten, Ridge()), fields, y, cv=4)
    np.testing.assert_allclose(scores, by_hand(X, y, 4))


@requires_sklearn("1.8", "default scores of pipelines with routed metadata")
def test_cross_validation_with_routed_time():
    y = X[:, 0, 0, 0] + RNG.normal(size=N)
    with config_context(enable_metadata_routing=True):
        steps = [
            step.set_fit_request(time=True).set_transform_request(time=True)
            for step in (Detrender("linear"), Deseasonalizer())
        ]
        scores = cross_val_score(make_pipeline(*steps, flatten, Ridge()), X, y, cv=4, params={"time": MONTHS})
    np.testing.assert_allclose(scores, by_hand(X, y, 4))


def test_a_table_for_pandas_is_not_made_of_fields():
    with config_context(transform_output="pandas"):
        assert isinstance(Deseasonalizer().fit_transform(X, time=MONTHS), np.ndarray)
        assert isinstance(Detrender().fit_transform(X), np.ndarray)
