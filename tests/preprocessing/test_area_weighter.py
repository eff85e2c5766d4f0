import pickle

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_mrtl.preprocessing import AreaWeighter

LAT = np.array([-60.0, -20.0, 0.0, 45.0])
X = np.random.default_rng(0).normal(size=(6, 2, 4, 3))


class MadeUpLatitudes(AreaWeighter):
    """Makes up the latitudes, so that scikit-learn's checks can call it."""

    def fit(self, X, y=None):
        values = self._check_fields(X, reset=True)
        self.latitude = np.linspace(-80, 80, values.shape[1])
        try:
            return super().fit(X)
        finally:
            self.latitude = None


@parametrize_with_checks([MadeUpLatitudes()])
def test_check_estimator(estimator, check):
    check(estimator)


def test_against_an_explicit_loop():
    out = AreaWeighter(LAT).fit_transform(X)
    for i, lat in enumerate(LAT):
        np.testing.assert_allclose(out[:, :, i], X[:, :, i] * np.cos(lat * np.pi / 180))


def test_weights_are_areas():
    """The area of a cell is the difference of the sines of its edges times its width."""
    lat = np.arange(-89.5, 90)
    weights = AreaWeighter(lat).fit(np.ones((1, 180, 2))).weights_
    areas = np.diff(np.sin(np.deg2rad(np.arange(-90, 91))))
    np.testing.assert_allclose(weights / weights.sum(), areas / areas.sum(), rtol=1e-10)


@pytest.mark.parametrize("axis, shape", [(1, (6, 4, 2)), (-1, (6, 2, 4)), (None, (6, 4)), (2, (6, 2, 4, 3))])
def test_axes_of_arrays(axis, shape):
    out = AreaWeighter(LAT, axis=axis).fit_transform(np.ones(shape))
    at = shape.index(4)
    np.testing.assert_allclose(np.moveaxis(out, at, -1)[0, ..., :].reshape(-1, 4)[0], np.cos(np.deg2rad(LAT)))


@pytest.mark.parametrize("name", ["lat", "latitude"])
def test_coordinates_of_data_arrays(name):
    xr = pytest.importorskip("xarray")
    fields = xr.DataArray(X, dims=("time", "lag", name, "lon"), coords={name: LAT, "lon": [0.0, 1, 2]})
    out = AreaWeighter().fit_transform(fields)
    xr.testing.assert_allclose(out, fields * np.cos(np.deg2rad(fields[name])))
    turned = fields.transpose("time", "lon", name, "lag")
    xr.testing.assert_allclose(AreaWeighter().fit_transform(turned), out.transpose(*turned.dims))
    cells = fields.stack(cell=(name, "lon"))
    np.testing.assert_allclose(AreaWeighter().fit_transform(cells), out.stack(cell=(name, "lon")))


def test_round_trip_pole_and_nan():
    holes = X.copy()
    holes[0, 0, 1] = np.nan
    weighter = AreaWeighter([-90, 0, 30, 90]).fit(holes)
    np.testing.assert_array_equal(weighter.weights_[[0, 3]], 0)
    back = weighter.inverse_transform(weighter.transform(holes))
    assert np.isnan(back[:, :, [0, 3]]).all()
    np.testing.assert_allclose(back[:, :, 1:3], holes[:, :, 1:3])


def test_float32_stays_and_a_pickle_does_the_same():
    weighter = AreaWeighter(LAT).fit(X)
    out = weighter.transform(X.astype(np.float32))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(weighter)).transform(X[[2]]), weighter.transform(X)[[2]])


@pytest.mark.parametrize(
    "weighter, message",
    [
        (AreaWeighter(), r"AreaWeighter needs latitudes, and X \(ndarray\) has none: give latitude=.*'lat'"),
        (AreaWeighter(LAT[:3]), r"4 entries, as axis 2 of X, got shape \(3,\)"),
        (AreaWeighter(LAT + 50), "degrees, -90 to 90, got -10.0 to 95.0"),
        (AreaWeighter(LAT, axis=0), "0 is the rows"),
    ],
)
def test_bad_input(weighter, message):
    with pytest.raises(ValueError, match=message):
        weighter.fit(X)
