"""Small fitted models of both layouts."""

import sys

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_ocean, make_shots
from sklearn_mrtl.preprocessing import GridDiscretizer


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def ocean():
    return make_ocean(300, n_variables=3, shape=(8, 18), random_state=0)


@pytest.fixture(scope="session")
def ocean_model(ocean):
    return MRTLRegressor(ocean.modes, rank=3).fit(ocean.data, ocean.target)


@pytest.fixture(scope="session")
def shots():
    return make_shots(1500, n_players=4, court_shape=(12, 15), n_components=2, random_state=0)


@pytest.fixture(scope="session")
def shots_model(shots):
    """A pipeline of three single modes and their product."""
    _, court, box = shots.modes
    encode = make_column_transformer(
        (OneHotEncoder(), [0]), (GridDiscretizer(court), [1, 2]), (GridDiscretizer(box), slice(3, None))
    )
    modes = (Feature("player", 4), court, box)
    model = MRTLClassifier(modes, rank=2, max_epochs=10, criterion="validation_loss", random_state=0)
    return make_pipeline(encode, model).fit(shots.data, shots.target)


@pytest.fixture(scope="session")
def outputs_model(ocean):
    """Of fields with a latitude that descends, a variable first, two outputs; not the finest level."""
    xr = pytest.importorskip("xarray")
    X = xr.DataArray(
        np.nan_to_num(ocean.data)[:, 0],
        dims=("time", "variable", "lat", "lon"),
        coords={"variable": ["t", "s", "u"], "lat": np.linspace(35, -35, 8), "lon": np.arange(18) * 10.0 + 5},
    )
    y = np.stack([ocean.target, ocean.target[::-1]], axis=1)
    modes = ("variable", Grid("sea", (8, 18), quantity="mean"))
    return MRTLRegressor(modes, rank=2, resolutions=[{"sea": (4, 9)}, {"sea": (8, 18)}], n_levels=1).fit(X, y), X
