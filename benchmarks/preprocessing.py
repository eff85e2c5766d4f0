"""Points to cells, positions around a player, seasons out of fields: seconds, beside what numpy needs at the least."""

import tracemalloc

import numpy as np
import pandas as pd
from _common import table, timed
from scipy.sparse import csr_matrix
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder

from sklearn_mrtl import Grid
from sklearn_mrtl.preprocessing import Deseasonalizer, GridDiscretizer, ModeEncoder, RelativePosition, lag_windows

RNG = np.random.default_rng(0)
COURT = Grid("court", (50, 47), bounds=[(-25, 25), (0, 47)])
REPEATS = 5


def points():
    X = RNG.uniform([-25, 0], [25, 47], (2_000_000, 2))
    edges = [np.linspace(*bounds, n + 1) for n, bounds in zip(COURT.shape, COURT.bounds, strict=True)]

    def digitize():
        x, y = (np.minimum(np.digitize(X[:, k], edges[k]) - 1, COURT.shape[k] - 1) for k in (0, 1))
        cells = np.ravel_multi_index((x, y), COURT.shape)
        return csr_matrix((np.ones(len(X)), cells, np.arange(len(X) + 1)), shape=(len(X), COURT.size))

    discretizer = GridDiscretizer(COURT)
    assert (discretizer.fit_transform(X) != digitize()).nnz == 0
    return lambda: discretizer.fit_transform(X), digitize


def tables():
    players = RNG.integers(0, 1100, 1_600_000)
    xy = RNG.uniform([-25, 0], [25, 47], (len(players), 2))
    table = pd.DataFrame({"player": players, "x": xy[:, 0], "y": xy[:, 1]})
    encoder = ModeEncoder(["player", (COURT, ["x", "y"])])
    peer = make_column_transformer((OneHotEncoder(), ["player"]), (GridDiscretizer(COURT), ["x", "y"]))
    assert (encoder.fit_transform(table) != peer.fit_transform(table)).nnz == 0
    return lambda: encoder.fit_transform(table), lambda: peer.fit_transform(table)


def frames():
    X = RNG.uniform(0, 45, (1_000_000, 2 + 2 * 5))
    return lambda: RelativePosition().fit_transform(X), X.copy


def fields():
    time = np.arange("1896-01", "2021-01", dtype="M8[M]")
    sst = RNG.standard_normal((1505, 80, 180), dtype=np.float32)
    sst[:, RNG.random((80, 180)) < 0.2] = np.nan
    X = lag_windows(sst, lags=6).X
    time = time[: len(X)]
    return lambda: Deseasonalizer().fit_transform(X, time=time), X.copy


def peak_of(function):
    """Largest memory that is allocated meanwhile, in bytes."""
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main():
    rows = []
    for what, make, beside in (
        ("GridDiscretizer, 2 000 000 points", points, "numpy.digitize and CSR"),
        ("ModeEncoder, 1 600 000 rows of three columns", tables, "ColumnTransformer"),
        ("RelativePosition, 1 000 000 frames x 5", frames, "copy of X"),
        ("Deseasonalizer, (1500, 6, 80, 180) float32", fields, "copy of X"),
    ):
        ours, least = make()
        seconds = np.array([[timed(function)[1] for function in (ours, least)] for _ in range(REPEATS)])
        memory = peak_of(ours) / peak_of(least)
        from_to = [f"{low:.2f} to {high:.2f}" for low, high in zip(seconds.min(0), seconds.max(0), strict=True)]
        ratio = np.median(seconds[:, 0]) / np.median(seconds[:, 1])
        rows.append((what, from_to[0], f"{memory:.1f}", beside, from_to[1], f"{ratio:.1f}"))
    table("fit_transform", ["what", "seconds", "memory, times the peer's", "peer", "seconds", "ratio"], rows)


if __name__ == "__main__":
    main()
