"""Next month's precipitation in 344 divisions from sea surface temperature and height, beside ridge regression.

1980 to 2020, cells of 2 degrees, untouched defaults. Eight blocks of months are left out in turn, six months between
them and the training months. Skill: the mean over the divisions of 1 - MSE / MSE of the calendar months' means of the
training months. The penalty of ridge regression is chosen on eight blocks of the training months.
"""

import sys
import warnings

import numpy as np
import xarray as xr
from _common import require, table, timed
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    DeseasonalizedTargetRegressor,
    Deseasonalizer,
    InlandWaterMasker,
    lag_windows,
)
from sklearn_mrtl.references import ClimatologyRegressor

BLOCKS = ConsecutiveBlockKFold(8, gap=6)


def flat(X):
    """The cells of all rows side by side, without land."""
    cells = np.asarray(X).reshape(len(X), -1)
    return cells[:, ~np.isnan(cells).any(axis=0)]


def models():
    """Both models of anomalies, behind the same preprocessing."""
    ridge = make_pipeline(FunctionTransformer(flat), RidgeCV(np.logspace(2, 7, 11), cv=BLOCKS))
    for name, regressor in (("MRTLRegressor()", MRTLRegressor()), ("ridge, blocks", ridge)):
        yield name, make_pipeline(Deseasonalizer(), AreaWeighter(), DeseasonalizedTargetRegressor(regressor, lead=1))


def main(*lags):
    warnings.simplefilter("ignore")
    sea = xr.open_dataset(require("ocean/ocean_80x180.nc")).sel(time=slice("1980", None))
    sea = sea.coarsen(lat=2, lon=2).mean()
    masked = sea.map(InlandWaterMasker().fit_transform)
    rain = xr.open_dataset(require("ocean/precip_divisions.nc")).precip
    rows = []
    for n_lags in map(int, lags or (1, 3, 6)):
        for cells, fields in (("masked", masked), ("all cells", sea)):
            X, y, *_ = lag_windows(fields, rain, lags=n_lags, lead=1)
            normal = cross_val_predict(ClimatologyRegressor(), X, y, cv=BLOCKS)
            errors = np.square(y.values - normal).mean(axis=0)
            for name, model in models():
                predicted, seconds = timed(cross_val_predict, model, X, y, cv=BLOCKS)
                skill = 1 - np.square(y.values - predicted).mean(axis=0) / errors
                rows.append([n_lags, cells, name, f"{skill.mean():.4f}", f"{(skill > 0).mean():.0%}", f"{seconds:.0f}"])
                print(*rows[-1], flush=True)
    table("344 divisions from SST and SSH", ["months", "cells", "model", "skill", "above 0", "s"], rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
