"""Dask input: what a pass costs over two workers, and fits of more data than a memory limit holds.

python benchmarks/dask_input.py overhead          seconds of calls that two processes share, with nothing to do
python benchmarks/dask_input.py passes            bytes and seconds of the passes of a fit that two processes share
python benchmarks/dask_input.py archive           a year more: a fit anew, and those that know of the one before
python benchmarks/dask_input.py shared            seconds of a pass in one process and over two
python benchmarks/dask_input.py speed             CPU seconds of passes over blocks that are kept
python benchmarks/dask_input.py threads           a fit of blocks beside the fit of the same array
python benchmarks/dask_input.py folder [GB]       fields in a folder, made block by block, under 3 GB in all
python benchmarks/dask_input.py frames [millions] [GB of a worker]  simulated frames in blocks, made when needed
python benchmarks/dask_input.py lazy [GB]         fields that are made when needed, under 3 GB in all
"""

import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from statistics import median
from unittest import mock

import cloudpickle
import dask
import dask.array as da
import numpy as np
import torch
from _common import table, timed, timed_with_peak
from dask.diagnostics import ProgressBar
from scipy import sparse

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core.block_objective import BlockObjective, weighted_gradient
from sklearn_mrtl.distributed.blocks import ClientBlocks, blocks_of
from sklearn_mrtl.distributed.tasks import packed, run_packed, unpacked

GIVEN = {"alpha_spatial": 1e-3, "alpha_l2": 1e-3, "rank": 3, "solver": "lbfgs"}
SHAPE = (6, 2, 80, 180)  # lags, variables, latitudes, longitudes


@contextmanager
def cluster(memory_limit="auto"):
    """Two processes of one thread each."""
    from distributed import Client, LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "memory_limit": memory_limit}
    with LocalCluster(**options) as workers, Client(workers) as client:
        yield client


def signal(shape=SHAPE):
    """Weights that are a bump on the grid and fade with the lag."""
    lat, lon = np.linspace(-1, 1, shape[2])[:, None], np.linspace(-1, 1, shape[3])
    bump = np.exp(-((lat - 0.2) ** 2 + (lon + 0.3) ** 2) * 8)
    return (0.7 ** np.arange(shape[0]))[:, None, None, None] * bump * np.array([1.0, -0.5])[:, None, None]


def block_of_fields(block_info=None, shape=SHAPE):
    """Noise with smooth parts, float32; its seed is the number of its first row."""
    start, stop = block_info[None]["array-location"][0]
    random = np.random.default_rng(start)
    X = random.standard_normal((stop - start, *shape), dtype=np.float32)
    X[:, :, :, :, 1:] += X[:, :, :, :, :-1]
    return X


def block_of_bytes(block_info=None, shape=SHAPE):
    """Noise with smooth parts that takes a fifth of the time: its values are 256."""
    start, stop = block_info[None]["array-location"][0]
    numbers = np.frombuffer(np.random.default_rng(start).bytes((stop - start) * int(np.prod(shape))), np.int8)
    X = (numbers.astype(np.float32) / 74).reshape(-1, *shape)
    X[:, :, :, :, 1:] += X[:, :, :, :, :-1]
    return X


def fields(n, n_rows, make=block_of_fields):
    """Lazy fields and their targets."""
    chunks = tuple(min(n_rows, n - start) for start in range(0, n, n_rows))
    X = da.map_blocks(make, chunks=(chunks, *SHAPE), dtype=np.float32, meta=np.empty((0,) * 5, np.float32))
    return X, X.map_blocks(targets, dtype=np.float32, drop_axis=[1, 2, 3, 4], chunks=(chunks,))


def targets(X):
    """A linear function of fields, with noise."""
    z = X.reshape(len(X), -1) @ signal().astype(np.float32).ravel()
    return z + 10 * np.random.default_rng(len(X)).standard_normal(len(X), dtype=np.float32)


def pass_seconds(history):
    """Median and least seconds of an epoch of the finest level: one pass, or a few where a step was too long."""
    seconds = np.diff([record["seconds"] for record in history if record["level"] == history[-1]["level"]])
    return (median(seconds), min(seconds)) if len(seconds) else (np.nan, np.nan)


def nothing(block):
    """Return next to nothing of a block."""
    return 1.0


def same(block, weights):
    """Return what came."""
    return weights


def overhead(n_repeats=60):
    """Seconds of a call of two workers that compute nothing, without weights and with some."""
    rows = []
    with cluster():
        blocks = blocks_of(da.zeros((20, 3), chunks=(1, 3)))
        for name, function, arguments in [
            ("nothing", nothing, ()),
            ("0.07 MB", same, (torch.zeros(2880, 3, dtype=torch.float64),)),
            ("0.7 MB", same, (torch.zeros(28800, 3, dtype=torch.float64),)),
        ]:
            seconds = [timed(blocks.total, function, *arguments)[1] for _ in range(n_repeats)]
            rows.append([name, f"{1e3 * min(seconds):.0f}", f"{1e3 * median(seconds):.0f}"])
    table("a call of two workers, 20 blocks", ["what goes and comes", "least ms", "median ms"], rows)


def measured(function, group, args):
    """On a worker: the result of a function of a group, its seconds, and the bytes that came and go."""
    began = time.perf_counter()
    result = run_packed(function, group, args)
    seconds = time.perf_counter() - began
    return result, seconds, len(cloudpickle.dumps(args)), len(cloudpickle.dumps(result))


N_COUNTED = 5  # passes whose tasks and messages are counted


def done_and_sent(dask_worker):
    """Tasks that a worker has done, and messages that it has sent to the scheduler."""
    return dask_worker.state.executed_count, dask_worker.batched_stream.batch_count


def passes(n=300, n_rows=15):
    """What the passes of a fit of fields cost beyond the work of the slower of two workers, and what travels."""
    seen, counts = [], []

    def traffic(client):
        """Tasks that were done, and messages that went each way between scheduler and client or workers."""
        done, sent = zip(*client.run(done_and_sent).values(), strict=True)
        return np.array([sum(done), client.scheduler_comm.batch_count, sum(sent)])

    def submit(self, function, *args):
        is_counted = args[0] is weighted_gradient and len(counts) < 2 * N_COUNTED
        if is_counted:
            counts.append(traffic(self.client))
        began = time.perf_counter()
        options = {"allow_other_workers": True, "pure": False}
        futures = [
            self.client.submit(measured, function, group, packed(args), workers=[worker], **options)
            for group, worker in zip(self.groups, self.workers, strict=True)
        ]
        results, seconds, came, went = zip(*self.client.gather(futures), strict=True)
        if args[0] is weighted_gradient:
            n_weights = sum(value.numel() for value in args[1][-1].values())
            seen.append((n_weights, time.perf_counter() - began, max(seconds), sum(came) + sum(went)))
        if is_counted:
            counts.append(traffic(self.client))
        return unpacked(list(results))

    X, y = dask.compute(*fields(n, n_rows), scheduler="synchronous")
    with cluster(), mock.patch.object(ClientBlocks, "submit", submit):
        model = MRTLRegressor(**GIVEN).fit(da.from_array(X, (n_rows, *SHAPE)), y)
    rows = []
    for n_weights in sorted({n_weights for n_weights, *_ in seen}):
        _, walls, works, sizes = zip(*(one for one in seen if one[0] == n_weights), strict=True)
        beyond = [1e3 * (wall - work) for wall, work in zip(walls, works, strict=True)]
        cells = [len(walls), f"{24 * n_weights / 1e3:.0f}", f"{median(sizes) / 1e3:.0f}"]
        most = 35 + 0.1e3 * median(works)
        cells += [f"{1e3 * median(works):.0f}", f"{min(beyond):.0f}", f"{median(beyond):.0f}", f"{most:.0f}"]
        rows.append([n_weights, *cells])
    head = ["weights", "passes", "weights x (4 + 8) x 2, kB", "kB", "work, ms", "beyond it, least ms", "median ms"]
    head += ["asked: 35 ms + 10 %"]
    of_each = np.median(np.diff(counts, axis=0)[::2], axis=0).astype(int)
    print(f"a pass: {of_each[0]} tasks, {of_each[1]} messages of the client and {of_each[2]} of the workers")
    table(f"{n} rows of fields in {n // n_rows} blocks, rank 3, two workers; R^2 {model.score(X, y):.3f}", head, rows)


def archive(n_years=40):
    """CPU seconds of a fit of so many years of months, and of one year more: anew, strengths given, and from before."""
    n = 12 * (n_years + 1)
    X, y = dask.compute(*fields(n, 60), scheduler="synchronous")
    rows = []

    def timed_fit(kind, name, model, n_months):
        began = time.process_time()
        data = X[:n_months] if kind == "array" else da.from_array(X[:n_months], (60, *SHAPE))
        with dask.config.set(scheduler="synchronous"):
            model.fit(data, y[:n_months])
        seconds = time.process_time() - began
        rows.append([kind, name, f"{seconds:.2f}", len(model.history_), f"{model.score(X, y):.4f}"])
        return model

    timed_fit("dask", "first in the process, not counted", MRTLRegressor(random_state=0), 120)
    for kind in ("dask", "array"):
        old = timed_fit(kind, f"{n_years} years", MRTLRegressor(random_state=0, warm_start="grown"), n - 12)
        timed_fit(kind, "one year more, anew", MRTLRegressor(random_state=0), n)
        given = {"alpha_spatial": old.alpha_spatial_, "alpha_l2": old.alpha_l2_, "rank": old.rank_}
        timed_fit(kind, "one year more, strengths and rank given", MRTLRegressor(**given, random_state=0), n)
        timed_fit(kind, "one year more, from the fit before", old, n)
    table("fields of 6 lags, 2 variables, 80 x 180 cells, one thread", ["X", "fit", "CPU s", "epochs", "R^2"], rows)


def speed():
    """CPU seconds of value and gradient at each level, by one thread: fields, and frames."""
    seen = []
    original = BlockObjective.value_and_gradient

    def watched(self, parameters):
        began = time.process_time()
        found = original(self, parameters)
        seen.append((self.inputs.sizes, time.process_time() - began))
        return found

    X, y = dask.compute(*fields(400, 50))
    frames_x, frames_y, modes = lazy_frames(2)
    BlockObjective.value_and_gradient = watched
    rows = []
    with dask.config.set(scheduler="synchronous"):
        MRTLRegressor(**GIVEN).fit(da.from_array(X, (50, *SHAPE)), y)
        for sizes in sorted({sizes for sizes, _ in seen}):
            least = min(seconds for at, seconds in seen if at == sizes)
            rows.append(["fields", sizes, f"{1e3 * least:.0f}", f"{4e-9 * len(X) * np.prod(sizes) / least:.1f} GB/s"])
        seen.clear()
        MRTLClassifier(modes, terms=None, **GIVEN).fit(frames_x, frames_y)
        for sizes in sorted({sizes for sizes, _ in seen}):
            least = min(seconds for at, seconds in seen if at == sizes)
            rows.append(["2 million frames", sizes, f"{1e3 * least:.0f}", f"{2 / least:.0f} million/s"])
    BlockObjective.value_and_gradient = original
    table("a pass over blocks that are kept", ["data", "sizes", "CPU ms", "speed"], rows)


def shared():
    """Seconds of a pass in one process, and over two workers."""
    rows = []
    for n_rows in (5, 50):
        X, y = fields(40 * n_rows, 2 * n_rows)
        X, y = dask.compute(X, y, scheduler="synchronous")
        lazy = da.from_array(X, (2 * n_rows, *SHAPE))
        with dask.config.set(scheduler="synchronous"):
            alone = pass_seconds(MRTLRegressor(**GIVEN).fit(lazy, y).history_)
        with cluster():
            shared = pass_seconds(MRTLRegressor(**GIVEN).fit(lazy, y).history_)
        beyond = [f"{1e3 * (two - one / 2):.0f}" for one, two in zip(alone, shared, strict=True)]
        cells = [f"{1e3 * one:.0f} / {1e3 * two:.0f}" for one, two in zip(alone, shared, strict=True)]
        rows.append([f"20 blocks of {2 * n_rows} rows", *cells, " / ".join(beyond)])
    head = [
        "data",
        "median: one process / two workers",
        "least: the same",
        "beyond half of one process: median / least",
    ]
    table("a pass, ms", head, rows)


def threads(n=600):
    """CPU and wall-clock seconds of fits of the same fields, as an array and in blocks."""
    X, y = dask.compute(*fields(n, 100), scheduler="synchronous")
    rows = []
    for solver in ("lbfgs", "auto"):
        given = {**GIVEN, "solver": solver}
        for name, data, scheduler in [
            ("array", X, "threads"),
            ("blocks, one thread", da.from_array(X, (100, *SHAPE)), "synchronous"),
            ("blocks, threads", da.from_array(X, (100, *SHAPE)), "threads"),
        ]:
            cpu = []
            for _ in range(3):
                with dask.config.set(scheduler=scheduler):
                    began = time.process_time()
                    model, wall = timed(MRTLRegressor(**given).fit, data, y)
                    cpu.append(time.process_time() - began)
            rows.append(
                [solver, name, f"{min(cpu):.2f}", f"{wall:.2f}", len(model.history_), f"{model.score(X, y):.4f}"]
            )
    head = ["solver", "X", "CPU s", "s", "epochs", "R^2"]
    table(f"{n} rows of fields {SHAPE}, {X.nbytes / 1e9:.2f} GB", head, rows)


LEVELS = [{"grid": (20, 45)}, {"grid": SHAPE[2:]}]  # every level between them would be made anew in each pass too


def on_worker(dask_worker):
    """Gigabytes that a worker took at most, and its seconds of CPU."""
    peak = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1e6
    return peak, time.process_time()


def fit_on_cluster(model, X, y, gigabytes=1.45):
    """Fit by two workers of so many gigabytes each; return in words what it took."""
    with cluster(memory_limit=f"{gigabytes}GB") as client:
        before = sum(cpu for _, cpu in client.run(on_worker).values()) + time.process_time()
        model, seconds, more = timed_with_peak(model.fit, X, y)
        peaks, cpu = zip(*client.run(on_worker).values(), strict=True)
        cpu = sum(cpu) + time.process_time() - before
        score = model.score(X.blocks[:1], y.blocks[:1])
    by_level = Counter(record["level"] for record in model.history_)
    return (
        f"fit {seconds:.0f} s ({cpu:.0f} s of CPU), epochs of the levels {list(by_level.values())}, "
        f"{pass_seconds(model.history_)[0]:.2f} s for one of the finest, score of the first block {score:.4f}; most "
        f"memory of the workers {', '.join(f'{peak:.2f}' for peak in peaks)} GB, {more / 1e9:.2f} GB more here"
    )


def lazy(gigabytes=12, n_rows=50):
    """Fields that are made anew in every pass, and fitted by two workers of 1.45 GB each."""
    X, y = fields(int(gigabytes * 1e9 / (4 * np.prod(SHAPE))), n_rows, block_of_bytes)
    report = fit_on_cluster(MRTLRegressor(**GIVEN, resolutions=LEVELS, verbose=2), X, y)
    print(f"{X.nbytes / 1e9:.1f} GB in {X.numblocks[0]} blocks: {report}")


def folder(gigabytes=12, n_rows=50):
    """Fields that are made into a folder, one file for each block, and fitted by two workers of 1.45 GB each."""
    n = int(gigabytes * 1e9 / (4 * np.prod(SHAPE)))
    with tempfile.TemporaryDirectory() as place:
        X, y = fields(n, n_rows, block_of_bytes)
        with ProgressBar():
            da.to_npy_stack(place, X)
        X = da.from_npy_stack(place, mmap_mode=None)
        y = X.map_blocks(targets, dtype=np.float32, drop_axis=[1, 2, 3, 4], chunks=(X.chunks[0],))
        report = fit_on_cluster(MRTLRegressor(**GIVEN, resolutions=LEVELS, verbose=2), X, y)
    print(f"{X.nbytes / 1e9:.1f} GB in {X.numblocks[0]} files: {report}")


PLAYERS, COURT, DEFENDERS = 300, (40, 50), (12, 12)


SIZES = [PLAYERS, int(np.prod(COURT)), int(np.prod(DEFENDERS))]
STARTS = np.cumsum([0, *SIZES[:-1]], dtype=np.int32)  # of the columns of each mode


def block_of_frames(numbers, n_rows=1_000_000):
    """One-hot player, cell of the court and cell of the defenders of simulated frames."""
    random = np.random.default_rng(int(numbers[0]))
    cells = np.stack([random.integers(size, size=n_rows, dtype=np.int32) for size in SIZES], 1)
    cells += STARTS
    indptr = np.arange(0, 3 * n_rows + 1, 3, dtype=np.int32)
    return sparse.csr_array((np.ones(3 * n_rows, np.float32), cells.ravel(), indptr), shape=(n_rows, sum(SIZES)))


def shots_of(X):
    """Whether frames are shots."""
    player, court, defenders = (X.indices.reshape(-1, 3) - STARTS).T
    z = np.sin(court % COURT[1] / 8) + (player % 7 - 3) / 4 - np.cos(defenders / 30) - 2
    return np.random.default_rng(X.indices[:9]).random(len(z)) < 1 / (1 + np.exp(-z))


def lazy_frames(millions):
    """Dask arrays of frames and shots in blocks of a million, and the modes."""
    modes = [Feature("player", PLAYERS), Grid("court", COURT), Grid("defenders", DEFENDERS)]
    chunks, meta = (1_000_000,) * millions, sparse.csr_array((0, sum(SIZES)), dtype=np.float32)
    X = da.arange(millions, chunks=1).map_blocks(block_of_frames, new_axis=1, chunks=(chunks, (sum(SIZES),)), meta=meta)
    return X, X.map_blocks(shots_of, drop_axis=1, chunks=(chunks,), dtype=bool), modes


def frames(millions=100, gigabytes=1.45):
    """Simulated frames in blocks, which no array holds together, fitted by two workers of so many gigabytes each."""
    X, y, modes = lazy_frames(millions)
    report = fit_on_cluster(MRTLClassifier(modes, terms=None, **GIVEN, verbose=2), X, y, gigabytes)
    print(f"{millions} million frames, two workers of {gigabytes} GB: {report}")


if __name__ == "__main__":
    name, *arguments = sys.argv[1:] or ["overhead"]
    tasks = [overhead, passes, archive, shared, speed, threads, lazy, folder, frames]
    {task.__name__: task for task in tasks}[name](*(int(a) if a.isdigit() else float(a) for a in arguments))
