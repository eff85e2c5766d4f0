"""The tasks of the paper's section 6 on data that anyone can have: training, validation and test rows, 60/20/20.

The seed of a trial draws the split. What preprocessing estimates, it estimates on training rows. A task whose file is
not in the folder of larger data sets (MRTL_DATA) raises FileNotFoundError.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _common import DATA

from sklearn_mrtl import Feature, Grid
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.model_selection import ConsecutiveBlockSplit
from sklearn_mrtl.preprocessing import Deseasonalizer, ModeEncoder, RelativePosition, VariableScaler, lag_windows

CURRENT = "precipitation, lags 0 to 5, temperature since 1895"  # the current month as well, and three times the rows
N_BLOCKS = 20  # of consecutive months, which go to training, validation or test at random
BOX = Grid("defenders", (12, 12), bounds=[(-6, 6), (-2, 10)])


@dataclass
class Task:
    """Rows of X and y by "train", "validation" and "test"; `groups` of the training rows, such as games, or None."""

    name: str
    X: dict
    y: dict
    modes: tuple
    groups: np.ndarray | None = None

    @property
    def is_classification(self) -> bool:
        return self.y["train"].dtype == bool


# Frames and shots


def tracking(seed, court=(40, 50), thin=1) -> Task:
    """Real frames: player x court x defenders, 12 % with a shot within a second. Six games, two and two.

    All games are Cleveland's, so that others play in one of them: they are one category, "opponent".
    """
    frames = pd.read_parquet(DATA / "tracking/handler_frames.parquet")
    defenders = [f"defender_{k}_{axis}" for k in range(1, 6) for axis in "xy"]
    relative = RelativePosition(box=BOX.bounds).fit_transform(frames[["x", "y", *defenders]].to_numpy())
    frames[defenders] = relative
    frames["player"] = frames.player.astype(str).where(frames.cle.astype(bool), "opponent")
    half_court = Grid("court", court, bounds=[(0, 40), (0, 50)])
    entries = [(Feature("player"), "player"), (half_court, ["x", "y"]), (BOX, defenders)]
    return of_table("tracking", frames, entries, "shoots", frames.game, seed, thin)


def simulated(seed, n_frames=100_000, thin=1) -> Task:
    """Simulated frames of the paper's shapes, 12 % with a shot; 6 million are the paper's number."""
    shots = make_shots(n_frames, positive_rate=0.12, best_auc=0.85, dtype=np.float32, random_state=seed, as_frame=True)
    player, court, box = shots.modes
    frames = shots.data.assign(shoots=shots.target)
    entries = [(player, ["player"], "one-hot"), (court, ["x", "y"]), (box, [n for n in frames if "defender" in n])]
    return of_table("simulated", frames, entries, "shoots", np.arange(len(frames)) // 100, seed, thin)


def shots(seed, court=(100, 94), thin=1) -> Task:
    """Real shots, made or missed: player x court, split by games."""
    columns = ["game_id", "player_id", "x", "y", "made"]
    table = pd.read_parquet(DATA / "shots/shots_2004_2013.parquet", columns=columns).query("y < 47")
    entries = [(Feature("player"), "player_id"), (Grid("court", court, bounds=[(-25, 25), (0, 47)]), ["x", "y"])]
    return of_table("shots", table, entries, "made", table.game_id, seed, thin)


def of_table(name, table, entries, target, groups, seed, thin) -> Task:
    """Encode a table whose groups go to one part each; every `thin`-th training row is taken."""
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    position = np.random.default_rng(seed).permutation(codes.max() + 1)[codes] / (codes.max() + 1)
    is_in = {"train": position < 0.6, "validation": (position >= 0.6) & (position < 0.8), "test": position >= 0.8}
    rows = {part: np.flatnonzero(chosen) for part, chosen in is_in.items()}
    rows["train"] = rows["train"][::thin]
    encode = ModeEncoder(entries, handle_unknown="ignore", outside="drop", dtype=np.float32)
    encode.fit(table.iloc[rows["train"]])
    X = {part: encode.transform(table.iloc[chosen]) for part, chosen in rows.items()}
    y = {part: table[target].to_numpy(bool)[chosen] for part, chosen in rows.items()}
    return Task(name, X, y, encode.modes_, codes[rows["train"]])


# Oceans


@lru_cache(maxsize=1)
def ocean(shape):
    """Sea surface temperature and height as (months, 2, *shape), and the months; means of cells without land."""
    fields = xr.open_dataset(DATA / "ocean/ocean_80x180.nc")
    times = fields.lat.size // shape[0], fields.lon.size // shape[1]
    assert (times[0] * shape[0], times[1] * shape[1]) == fields.sst.shape[1:], "shape must divide 80 x 180"
    both = np.stack([fields[name].values for name in ("sst", "ssh")], 1).astype(np.float32)
    both = both.reshape(*both.shape[:2], shape[0], times[0], shape[1], times[1]).mean((3, 5))
    return both, fields.time.values.astype("datetime64[M]")


def precipitation(seed, lags=range(1, 7), gap=6, variables=2, shape=(80, 180), name="precipitation", thin=1) -> Task:
    """Midwest precipitation by the paper's protocol, from temperature and height of the sea in the previous 6 months.

    Fields are differenced, deseasonalized and scaled to [0, 1]; random blocks of consecutive months go to each part.
    The paper leaves no `gap` between them. Heights begin in 1980; ``variables=1`` is temperature since 1895.
    """
    both, months = ocean(shape)
    first = np.flatnonzero(months >= np.datetime64("1980-01" if variables == 2 else "1895-01"))[0]
    fields, months = np.diff(both[first:, :variables], axis=0), months[first + 1 :]
    fields[:, :, np.isnan(fields).any((0, 1))] = np.nan  # a cell has both variables or none
    rain = pd.read_csv(DATA / "ocean/precip_midwest.csv", parse_dates=["time"])
    y = rain.precip_midwest_mm.to_numpy()[np.isin(rain.time.to_numpy().astype("datetime64[M]"), months)]
    windows = lag_windows(fields, y.astype(np.float32), lags=lags, time=months)
    rows = blocks(windows.X, seed, gap, thin)
    X = anomalies(windows.X, windows.time, rows["train"], standardize=True)
    X = VariableScaler(axis=2).fit(X[rows["train"]]).transform(X)
    y = anomalies(windows.y[:, None], windows.target_time, rows["train"], standardize=True)[:, 0]
    modes = Feature("lag"), Feature("variable"), Grid("ocean", shape, quantity="mean")
    return of_fields(name, X, y, modes, rows)


def nino(seed, lead=3, shape=(80, 180), thin=1) -> Task:
    """Nino3.4 `lead` months ahead, of the anomalies of temperature in 6 months."""
    both, months = ocean(shape)
    lat, lon = np.linspace(-20, 60, shape[0] + 1), np.linspace(-180, 0, shape[1] + 1)
    inside = np.ix_((lat[:-1] >= -5) & (lat[1:] <= 5), (lon[:-1] >= -170) & (lon[1:] <= -120))
    index = both[:, 0][:, *inside].mean((1, 2))
    windows = lag_windows(both[:, 0], index, lags=6, lead=lead, time=months)
    rows = blocks(windows.X, seed, 6 + lead, thin)
    X = anomalies(windows.X, windows.time, rows["train"], standardize=False)
    y = anomalies(windows.y[:, None], windows.target_time, rows["train"], standardize=False)[:, 0]
    return of_fields("nino34", X, y, (Feature("lag"), Grid("ocean", shape, quantity="mean")), rows)


def blocks(X, seed, gap, thin):
    """Rows of the three parts, blocks of consecutive months."""
    split = ConsecutiveBlockSplit(N_BLOCKS, n_splits=1, gap=gap, random_state=seed)
    train, validation, test = next(split.split_three(np.empty((len(X), 1))))
    return {"train": train[::thin], "validation": validation, "test": test}


def anomalies(X, time, train, **options):
    return Deseasonalizer(**options).fit(X[train], time=time[train]).transform(X, time=time)


def of_fields(name, X, y, modes, rows) -> Task:
    take = {part: np.ascontiguousarray(X[chosen]) for part, chosen in rows.items()}
    return Task(name, take, {part: y[chosen].astype(np.float32) for part, chosen in rows.items()}, modes)


TASKS: dict[str, Callable[..., Task]] = {
    "tracking": tracking,
    "simulated": simulated,
    "shots": shots,
    "precipitation": precipitation,
    "precipitation without gap": partial(precipitation, gap=0, name="precipitation without gap"),
    "precipitation, lags 0 to 5": partial(precipitation, lags=range(6), name="precipitation, lags 0 to 5"),
    CURRENT: partial(precipitation, lags=range(6), name=CURRENT),
    "nino34": nino,
}
