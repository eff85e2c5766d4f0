"""Masked arrays, as netCDF4 gives them: what is masked is missing, never a number."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from sklearn_mrtl import Grid
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    DeseasonalizedTargetRegressor,
    Deseasonalizer,
    Detrender,
    GridDiscretizer,
    RelativePosition,
    VariableScaler,
    lag_windows,
)

FILL = 1e20
RNG = np.random.default_rng(0)
MASK = RNG.random((48, 3, 4)) < 0.2
VALUES = RNG.normal(size=MASK.shape)
MASKED = np.ma.masked_array(np.where(MASK, FILL, VALUES), MASK)
HOLES = np.where(MASK, np.nan, VALUES)
MONTHS = np.arange("1990-01", "1994-01", dtype="M8[M]")


@pytest.mark.parametrize(
    "transformer",
    [AreaWeighter([10, 20, 30]), Deseasonalizer(), Detrender(), Detrender("linear"), VariableScaler(axis=1)],
)
def test_masked_fields_are_fields_with_nan(transformer):
    given = {"time": MONTHS} if isinstance(transformer, Deseasonalizer | Detrender) else {}
    expected = transformer.fit(HOLES, **given).transform(HOLES, **given)
    out = transformer.fit(MASKED, **given).transform(MASKED, **given)
    np.testing.assert_array_equal(out, expected)
    assert np.isnan(out).any() and np.nanmax(np.abs(out)) < 1e6


def test_masked_series():
    windows, expected = (lag_windows(X[:, 0], X[:, 1], lags=3, lead=1) for X in (MASKED, HOLES))
    np.testing.assert_array_equal(windows.X, expected.X)
    np.testing.assert_array_equal(windows.y, expected.y)


def test_masked_points_are_absent():
    points = np.ma.masked_array([[5.0, 5.0, FILL, FILL], [5.0, 6.0, 7.0, 8.0]], [[0, 0, 1, 1], [0, 0, 0, 0]])
    plain = np.array([[5.0, 5.0, np.nan, np.nan], [5.0, 6.0, 7.0, 8.0]])
    court = Grid("court", (5, 5), bounds=[(0, 10), (0, 10)])
    counts, expected = (GridDiscretizer(court).fit_transform(X).toarray() for X in (points, plain))
    np.testing.assert_array_equal(counts, expected)
    assert counts.sum() == 3
    np.testing.assert_array_equal(RelativePosition().fit_transform(points), RelativePosition().fit_transform(plain))


def test_a_masked_target_is_refused():
    X, y = VALUES[:, 0], MASKED[:, 1, 1]
    assert np.ma.is_masked(y)
    model = DeseasonalizedTargetRegressor(LinearRegression())
    with pytest.raises(ValueError, match="y contains NaN"):
        model.fit(X, y, time=MONTHS)
    model.fit(X, VALUES[:, 1, 1], time=MONTHS)
    with pytest.raises(ValueError, match="contains NaN"):
        model.score(X, y, time=MONTHS)


def test_masked_times_and_latitudes_are_refused():
    time = np.ma.masked_array(np.arange(48), np.arange(48) == 7)
    with pytest.raises(ValueError, match=r"time has 1 missing entries \(masked\)"):
        Deseasonalizer(12).fit(VALUES, time=time)
    np.testing.assert_array_equal(
        Deseasonalizer(12).fit_transform(VALUES, time=np.ma.masked_array(np.arange(48))),
        Deseasonalizer(12).fit_transform(VALUES, time=np.arange(48)),
    )
    with pytest.raises(ValueError, match="latitude must be degrees"):
        AreaWeighter(np.ma.masked_array([10.0, 20.0, 30.0], [0, 1, 0])).fit(VALUES)
