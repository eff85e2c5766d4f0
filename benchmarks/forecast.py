"""What fits say before the choice of rank and penalties and before each level, beside what these take."""

import sys
import warnings
from time import perf_counter

import numpy as np
import xarray as xr
from _common import require
from simulated_shots import encoder
from terms import load_shots

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl._estimators import base
from sklearn_mrtl._estimators.progress import LevelPrinter
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import Deseasonalizer, ModeEncoder, lag_windows


class SaidAndTaken(LevelPrinter):
    """Print of each part of a training the seconds that were said, and those that it took."""

    def begin_training(self, n_levels):
        self.began, self.said = perf_counter(), None

    def expect_choice(self, seconds):
        self.said = seconds

    def end_choice(self, rank, path, seconds):
        report("choice", self.said, perf_counter() - self.began)

    def begin_level(self, level, phase, max_epochs):
        self.began, self.said, self.as_before, self.n_epochs = perf_counter(), None, None, 0

    def expect_level(self, level, epoch_seconds, n_epochs, max_epochs):
        self.said, self.as_before = epoch_seconds, n_epochs

    def end_epoch(self, record, fit_now):
        self.n_epochs += 1

    def end_level(self, fit):
        taken, step = perf_counter() - self.began, fit.done[-1]
        name = f"level {step.level + 1} {step.phase}, epochs {self.as_before} -> {self.n_epochs}: an epoch"
        report(name, self.said, taken / self.n_epochs)


def report(name, said, taken):
    ratio = "-" if said is None else f"{said:.3f}"
    print(f"  {name}: said {ratio}, taken {taken:.3f}" + (f", {said / taken:.2f}" if said else ""), flush=True)


def shots(names, seasons, **parameters):
    data = load_shots()
    data = data[data.season.between(*seasons)]
    court = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
    own = {"player": ("player", "player_id"), "court": (court, ["x", "y"])}
    entries = [own.get(name, (name, name)) for name in names]
    X = ModeEncoder(entries, outside="drop", dtype=np.float32).fit_transform(data)
    return MRTLClassifier(random_state=0, **parameters), X, data.made


def frames(n, **parameters):
    made = make_shots(n, dtype=np.float32, random_state=0)
    return MRTLClassifier(made.modes, random_state=0, **parameters), encoder(made.modes).fit_transform(made.data), (
        made.target
    )  # fmt: skip


def ocean(factor, lags, **parameters):
    """Nino3.4 three months ahead, on cells that are divided; noise makes neighbours differ."""
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    nino = sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon")).values
    fine = sst.values[:, None].repeat(factor, 2).repeat(factor, 3)
    fine += 0.1 * np.random.default_rng(0).standard_normal(fine.shape, dtype=np.float32)
    windows = lag_windows(fine, nino, lags=lags, lead=3, time=sst.time.values)
    X = Deseasonalizer().fit(windows.X, time=windows.time).transform(windows.X, time=windows.time)
    return MRTLRegressor(random_state=0, **parameters), X, windows.y


THREE, SEASONS = ["player", "action", "court"], (2008, 2011)
FITS = {
    "real shots": lambda: shots(["player", "court"], (2004, 2011)),
    "player x quarter x action x court": lambda: shots(["player", "quarter", "action", "court"], (2004, 2013)),
    "Tucker": lambda: shots(THREE, SEASONS, terms=None, decomposition="tucker", rank=(6, 4, 6)),
    "random start": lambda: shots(THREE, SEASONS, terms=None, full_rank_levels=0, rank=10),
    "Adam": lambda: shots(THREE, SEASONS, terms=None, rank=8, solver="adam", max_epochs=6),
    "simulated shots": lambda: frames(100_000),
    "a million of them": lambda: frames(1_000_000, rank=6),
    "ocean 80 x 180": lambda: ocean(1, 6),
    "ocean 160 x 360": lambda: ocean(2, 3),
}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    base.LevelPrinter = SaidAndTaken
    for name in sys.argv[1:] or FITS:
        model, X, y = FITS[name]()
        print(name, flush=True)
        model.fit(X, y)
