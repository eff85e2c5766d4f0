"""The tasks on which ours is compared with what else one would use: data, splits and folds, the same for all.

A split has the inputs in the views that the peers take, training and test targets, and the folds on which every peer
chooses its settings.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.append(str(Path(__file__).resolve().parents[1]))
import ocean
import terms
from _common import require

from sklearn_mrtl import Grid
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
from sklearn_mrtl.preprocessing import ModeEncoder

COLUMNS = ["x", "y", "distance", "angle", *(f"{what}_{k}" for k in (1, 2, 3) for what in ("near", "side"))]
N_BLOCKS = 4  # of training months, of which each is left out once


@dataclass
class Split:
    """Views are pairs (training inputs, test inputs); targets "fields" have y first, then what y is a mean of."""

    views: dict
    y: np.ndarray
    y_test: np.ndarray
    folds: list
    fields: np.ndarray | None = None


# Shots and frames


def shots(part) -> Split:
    """Seasons to 2011, tested on 2012 and 2013; settings are chosen on a tenth of the rows: to 2009, then 2010-11."""
    data = terms.load_shots()
    dx, dy = data.x, data.y - terms.RIM[0]
    data = data.assign(distance=np.hypot(dx, dy), angle=np.arctan2(dy, dx), player=data.player_id)
    train, test = (rows.reset_index(drop=True) for rows in (data[data.season <= 2011], data[data.season >= 2012]))
    some = np.arange(0, len(train), 10)
    early = (train.season <= 2009).to_numpy()[some]
    names = [*COLUMNS[:4], "player"]
    return Split({"full": (train[names], test[names])}, *targets(train.made, test.made), [(some[early], some[~early])])


def shots_encoder():
    return ModeEncoder(
        [("player", "player"), (Grid("court", (100, 94), bounds=[(-25, 25), (0, 47)]), ["x", "y"])],
        handle_unknown="ignore", dtype=np.float32,
    )  # fmt: skip


def frames(part) -> Split:
    """Games 0 to 6, tested on 7 to 9; settings are chosen by leaving out games 0 and 1, 2 and 3, 4 to 6."""
    data = terms.frames()
    near = data[[f"near_{k}" for k in range(1, 6)]].to_numpy()
    order = np.argsort(near, 1)
    for what in ("near", "side"):  # the nearest defender first
        values = data[[f"{what}_{k}" for k in range(1, 6)]].to_numpy()
        data[[f"{what}_{k}" for k in range(1, 6)]] = np.take_along_axis(values, order, 1)
    data["player"] = data.player.astype("category")
    train, test = (rows.reset_index(drop=True) for rows in (data[data.game <= 6], data[data.game > 6]))
    block = np.minimum(train.game.to_numpy() // 2, 2)
    folds = [(np.flatnonzero(block != b), np.flatnonzero(block == b)) for b in range(3)]
    return Split({"full": (train, test)}, *targets(train.shoots, test.shoots), folds)


def frames_encoder():
    court = Grid("court", (20, 8), bounds=[(0, 42), (-180, 180)], periodic=(False, True))
    around = Grid("defenders", (8, 8), bounds=[(0, 8), (-180, 180)], periodic=(False, True))
    defenders = [f"{what}_{k}" for k in range(1, 6) for what in ("near", "side")]
    polar = ["distance", "angle"]
    entries = [("player", "player"), (court, polar), (around, defenders)]
    return ModeEncoder(entries, handle_unknown="ignore", outside="drop", dtype=np.float32)


def targets(*columns):
    return [column.to_numpy(dtype=bool) for column in columns]


# Fields


def sea_surface():
    return xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")


def halved(X):
    """Means of 2 x 2 cells; NaN where all four are land."""
    pieces = X.reshape(*X.shape[:-2], X.shape[-2] // 2, 2, X.shape[-1] // 2, 2)
    known = ~np.isnan(pieces)
    total = np.where(known, pieces, 0).sum((-3, -1))
    count = known.sum((-3, -1))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def field_views(X, train, test):
    """The fields on all cells, on cells of twice and of four times the length."""
    half = halved(X)
    cells = {"full": X, "half": half, "quarter": halved(half)}
    return {name: (np.ascontiguousarray(values[train]), values[test]) for name, values in cells.items()}


def nino(part, *, lead, last_year=ocean.LAST_TRAINING_YEAR, n_months=None) -> Split:
    """Months to `last_year`, tested on those after it, at most `n_months`."""
    sst = sea_surface()
    X, y, is_train, _ = ocean.nino(sst, lead, last_year)
    region = sst.values[:, abs(sst.lat.values) <= 5][:, :, (sst.lon.values >= -170) & (sst.lon.values <= -120)]
    region = region[-len(y) :].reshape(len(y), -1)
    region = ocean.anomalies(region, sst.time.values[-len(y) :], is_train, standardize=False)
    train, test = np.flatnonzero(is_train), np.flatnonzero(~is_train)[:n_months]
    folds = list(ConsecutiveBlockKFold(N_BLOCKS, gap=6 + lead).split(train))
    fields = np.column_stack([y, region])[train].astype(np.float32)
    return Split(field_views(X, train, test), y[train], y[test], folds, fields)


def precipitation(part, *, lags) -> Split:
    """A fifth of the months predicted from the others, six months apart from it."""
    n = len(ocean.midwest(sea_surface(), lags).X)
    return rain_of(lags, *list(ocean.blocks_of_years(n))[part])


def later_precipitation(part, *, lags, last_year, n_months) -> Split:
    """Months to `last_year`, tested on `n_months` after it."""
    years = ocean.years(ocean.midwest(sea_surface(), lags).target_time)
    return rain_of(lags, np.flatnonzero(years <= last_year), np.flatnonzero(years > last_year)[:n_months])


def rain_of(lags, train, test) -> Split:
    windows = ocean.midwest(sea_surface(), lags)
    divisions = xr.open_dataset(require("ocean/precip_divisions.nc"))
    inside = divisions.precip.transpose("time", "division").values[:, divisions.midwest_weight.values > 0]
    months = np.isin(divisions.time.values.astype("datetime64[M]"), windows.time)
    is_train = np.isin(np.arange(len(windows.X)), train)
    X, y = ocean.standardized(windows, is_train)
    fields = ocean.anomalies(inside[months], windows.time, is_train, standardize=True, trend=False)
    fields = np.column_stack([y, fields])[train].astype(np.float32)
    folds = list(ConsecutiveBlockKFold(N_BLOCKS, gap=6).split(train))
    return Split(field_views(X, train, test), y[train], y[test], folds, fields)


def simulated(seed, n=1000) -> Split:
    """Three components, noise a fifth of the variance; rows are independent."""
    made = make_ocean(2 * n, shape=(24, 54), land=0, autocorrelation=0, dtype=np.float32, random_state=seed)
    X, y = np.ascontiguousarray(made.data), made.target
    folds = list(ConsecutiveBlockKFold(N_BLOCKS).split(np.arange(n)))
    return Split({"full": (X[:n], X[n:])}, y[:n], y[n:], folds)
