"""Scaling: seconds and memory of fits and epochs as samples, cells, rank, modes and threads grow."""

import ctypes
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import NullLocator

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _common import timed_with_peak
from trials import QUICK, Method, in_thousands, markdown, plain_ticks, succeeded, timed, trial, write_page

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_ocean, make_shots
from sklearn_mrtl.preprocessing import ModeEncoder


def shots(n_frames):
    """Simulated frames of 50 players, court 40 x 50, box 12 x 12."""
    made = make_shots(n_frames, dtype=np.float32, random_state=0)
    player, court, box = made.modes
    encode = ModeEncoder([(player, 0, "one-hot"), (court, [1, 2]), (box, slice(3, None))], dtype=np.float32)
    return encode.fit_transform(made.data), made.target, made.modes


def fields(n, shape, n_variables=1):
    """Simulated months of six lags."""
    made = make_ocean(n, n_variables=n_variables, shape=shape, dtype=np.float32, random_state=0)
    return made.data, made.target, made.modes


def bytes_of(X):
    return sum(part.nbytes for part in (X.data, X.indices, X.indptr)) if hasattr(X, "indptr") else X.nbytes


def whole_fit(make, rank=5, threads=1):
    """A fit with defaults but for the rank: seconds, and memory beyond that of the data."""
    X, y, modes = make
    estimator = MRTLClassifier if y.dtype == bool or y.dtype.kind in "iu" else MRTLRegressor
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # or the fit takes what earlier ones left
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        (_, seconds), _, peak = timed_with_peak(timed, estimator(modes, rank=rank).fit, X, y)
    finally:
        torch.set_num_threads(before)
    return {**seconds, "peak": peak / 1e6, "input": bytes_of(X) / 1e6}


def epoch(make, rank=5, n_epochs=12):
    """The median epoch at one resolution, of Adam on all rows, from random factors."""
    X, y, modes = make
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    moments = []

    def note(record):
        moments.append((time.perf_counter(), time.process_time()))
        return 0.0

    model = MRTLRegressor(
        modes, rank=rank, alpha_spatial=1e-3, alpha_l2=1e-2, resolutions="fixed", full_rank_levels=0, random_state=0,
        solver="adam", batch_size=len(y), max_epochs=n_epochs, criterion=note, terms=None,
    )  # fmt: skip
    _, _, peak = timed_with_peak(model.fit, X, y)
    clock, cpu = np.median(np.diff(moments, axis=0), axis=0)
    return {"seconds": float(clock), "cpu": float(cpu), "peak": peak / 1e6, "input": bytes_of(X) / 1e6}


def of_cells(n_cells):
    return fields(100, next(shape for shape in LARGE if shape[0] * shape[1] == n_cells))


def of_features(size, n=1000, shape=(24, 48)):
    """Modes of two categories, each of which doubles X, beside six lags and a map."""
    features = (6, *[2] * round(np.log2(size / SMALLEST)))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, *features, *shape), dtype=np.float32)
    modes = *(Feature(f"f{i}") for i in range(len(features))), Grid("grid", shape, quantity="mean")
    return X, X.reshape(n, -1)[:, ::50].sum(1) + rng.standard_normal(n, dtype=np.float32), modes


SMALLEST = 6 * 24 * 48
LARGE = [(20, 45), (40, 90), (80, 180), (160, 360), (320, 720)]
SWEEPS = {  # what grows: its sizes, the data of a size, how it is measured
    "frames": ([10_000, 100_000, 1_000_000, 6_000_000], shots, whole_fit),
    "months": ([250, 1000, 4000], lambda n: fields(n, (24, 54)), whole_fit),
    "cells (100 months)": ([a * b for a, b in LARGE], of_cells, whole_fit),
    "threads": ([1, 2], lambda _: fields(600, (80, 180)), whole_fit),
    "rank": ([2, 8, 32], lambda rank: fields(1000, (24, 54), 2), epoch),
    "numbers in a sample (modes of 2 added)": ([SMALLEST * 2**k for k in range(4)], of_features, epoch),
}  # fmt: skip


def run():
    rows = []
    for sweep, (sizes, make, measure) in SWEEPS.items():
        for size in [] if QUICK and sweep == "threads" else sizes[:2] if QUICK else sizes:
            options = {sweep: size} if sweep in ("rank", "threads") else {}
            method = Method(f"{sweep}: {size}", lambda data, _, m=measure, o=options: m(data, **o))
            row = trial("scaling", sweep, {}, method, 0, lambda make=make, size=size: make(size))
            rows += [row | {"size": size}] if row else []
    return pd.DataFrame(rows)


def slope(x, y):
    """Of the logarithms, by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def draw(ax, x, y, name, style, **options):
    ax.loglog(x, y, style, label=f"{name}, slope {slope(x, y):.2f}", **options)
    ax.set_ylabel(name)
    low, high = ax.get_ylim()
    ax.set_ylim(low / 1.2, high * 1.6)  # for the legend
    plain_ticks(ax.yaxis)


def panels(trials):
    """A panel for each sweep: seconds at the left, memory at the right."""
    figure, axes = plt.subplots(2, 3, figsize=(13, 7), layout="constrained")
    figure.get_layout_engine().set(wspace=0.06)
    for ax, (sweep, mine) in zip(axes.ravel(), trials.groupby("task", sort=False), strict=False):
        seconds = ("seconds", "wall-clock s") if sweep == "threads" else ("cpu", "CPU s")
        draw(ax, mine["size"], mine[seconds[0]], seconds[1], "o-", color="tab:blue")
        lines = ax.get_lines()
        if "peak" in mine and mine.peak.notna().all():
            right = ax.twinx()
            draw(right, mine["size"], mine.peak / 1e3, "memory, GB", "s--", color="tab:orange")
            lines = [*lines, *right.get_lines()]
        ax.set(
            xlabel=sweep,
            title="an epoch" if SWEEPS[sweep][2] is epoch else "a whole fit",
        )
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xticks(mine["size"], [in_thousands(size) for size in mine["size"]], fontsize=8)
        ax.legend(lines, [line.get_label() for line in lines], fontsize=8, loc="upper left")
    for ax in axes.ravel()[trials.task.nunique() :]:
        ax.axis("off")
    return figure


TEXT = """Whole fits have the defaults but for the rank, 5: penalties are chosen. Frames are simulated (50 players,
court 40 x 50, box of the defenders 12 x 12). Epochs are of Adam on all rows at the finest level, 1000 months of 6 lags
and 24 x 54 (rank) or 24 x 48 cells; their memory is that of the whole fit of twelve epochs. Memory is the peak beyond
that of the process before the fit, whose input is in memory already. Each size is one fit, so that nothing has a
spread.

Slopes are those of the logarithms: 1 is linear, 0 constant. Those of all sizes are by least squares. A fit has a part
that does not grow, which makes them small; the last two sizes say more about larger problems.

Threads are those that torch may use, on 600 months of 6 lags and 80 x 180 cells, and their slope is that of wall-clock
seconds. A fit takes one for every 8 million numbers of its data, at most those, and no more than there are idle
processors when it starts: see [performance](../performance.md). The two fits of this sweep were made while nothing else
ran. All other sweeps had one thread, beside about ten other programs."""


def measured(trials):
    """A row for each fit."""
    lines = [["what grows", "size", "CPU s", "wall-clock s", "input, MB", "peak beyond it, MB"]]
    for row in trials.itertuples():
        peak = f"{row.peak:.0f}" if row.peak == row.peak else ""
        size, numbers = in_thousands(row.size), [f"{value:.3g}" for value in (row.cpu, row.seconds, row.input)]
        lines.append([row.task, size, *numbers, peak])
    return markdown(lines)


def slopes(trials):
    """A row for each sweep: of all sizes, and of the last two."""
    head = [f"{what}, {sizes}" for what in ("time", "memory") for sizes in ("all sizes", "last two")]
    lines = [["what grows", *head]]
    for sweep, mine in trials.groupby("task", sort=False):
        columns = ["seconds" if sweep == "threads" else "cpu"] + ["peak"] * bool(mine.peak.notna().all())
        pairs = [(mine[name], some) for name in columns for some in (slice(None), slice(-2, None))]
        found = [f"{slope(mine['size'].iloc[some], values.iloc[some]):.2f}" for values, some in pairs]
        lines.append([sweep, *found, *[""] * (4 - len(found))])
    return markdown(lines)


def main():
    trials = succeeded(run())
    text = f"{TEXT}\n\n{slopes(trials)}\n\n{measured(trials)}"
    write_page("scaling", "Scaling", text, trials, [("scaling", panels(trials))])


if __name__ == "__main__":
    main()
