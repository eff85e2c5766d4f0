"""Fits on a cluster of two processes, in a process of their own: print what the tests compare, as JSON.

With the argument "scheduler" the scheduler is killed in the middle of a fit.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import dask.array as da
import numpy as np
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tornado.iostream import IOStream

from sklearn_mrtl import Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.preprocessing import ModeEncoder, VariableScaler

N, CHUNK = 4000, 250
GIVEN = {"alpha_spatial": 0.05, "alpha_l2": 0.05, "rank": 2, "solver": "lbfgs", "resolutions": [{"grid": (4, 6)}, {}]}


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2, 8, 12))
    z = (X * np.exp(-((np.arange(12) - 6) ** 2) / 8)).sum((1, 2, 3))
    return X, (z + rng.normal(size=N) > 0).astype(int)


def killing(pid, at_epoch):
    """A criterion that kills a process after some epochs, and never ends a level."""
    epochs = []

    def criterion(record):
        epochs.append(record)
        if len(epochs) == at_epoch:
            os.kill(pid, signal.SIGKILL)
        return 0.0

    return criterion


def tasks_done(dask_worker):
    """The number of tasks that a worker has done."""
    return dask_worker.state.executed_count


class Received:
    """Bytes that this process has received from sockets: as the client, and as the scheduler, which lives here."""

    def __init__(self):
        self.n_bytes, original = 0, IOStream.read_from_fd

        def read(stream, buffer):
            n = original(stream, buffer)
            self.n_bytes += n or 0
            return n

        IOStream.read_from_fd = read

    def during(self, function, *args):
        """Return the bytes that came while a function ran."""
        before = self.n_bytes
        function(*args)
        return self.n_bytes - before


def fields_of_block(block_info=None):
    start, stop = block_info[None]["array-location"][0]
    return np.random.default_rng(start).normal(size=(stop - start, 2, 24, 36)).astype(np.float32)


def table_of_block(block_info=None):
    start, stop = block_info[None]["array-location"][0]
    rng = np.random.default_rng(start)
    return np.column_stack([rng.integers(9, size=stop - start), rng.uniform(0, 8, size=(stop - start, 2))])


def all_of_fields(n):
    """Learn, transform, fit, predict and score fields that the workers make."""
    X = da.map_blocks(fields_of_block, chunks=((500,) * (n // 500), (2,), (24,), (36,)), dtype=np.float32)
    y = X[:, 0, 5:15, 5:15].mean(axis=(1, 2))
    model = make_pipeline(VariableScaler(axis=1), MRTLRegressor(alpha_spatial=0.1, alpha_l2=0.1, rank=2))
    model.fit(X, y).score(X, y)
    model.predict(X)


def all_of_a_table(n):
    """Do the same with a table that becomes encodings."""
    table = da.map_blocks(table_of_block, chunks=((25_000,) * (n // 25_000), (3,)), dtype=float)
    grid = Grid("court", (8, 8), bounds=[(0, 8), (0, 8)])
    encoder = ModeEncoder([("player", 0, "one-hot"), (grid, [1, 2])])
    model = make_pipeline(encoder, MRTLClassifier(alpha_spatial=0.1, alpha_l2=0.1, rank=2, terms=None))
    y = table[:, 1] > 5
    model.fit(table, y).score(table, y)
    model.predict_proba(table)


def main():
    from distributed import Client, LocalCluster

    X, y = data()
    expected = MRTLClassifier(**GIVEN).fit(X, y)
    lazy = da.from_array(X, (CHUNK, *X.shape[1:]))
    found = {}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:

        def compare(name, model, X=lazy):
            model.fit(X, da.from_array(y, CHUNK))
            found[name] = float(np.abs(model.coef_ - expected.coef_).max() / np.abs(expected.coef_).max())
            return model

        maps = MRTLRegressor(target=Grid("rain", (5, 7)), rank=1, alpha_spatial=0.01, alpha_l2=0.01)
        targets = X[:1000, 0, 2:7, 3:10] + np.random.default_rng(1).normal(size=(1000, 5, 7))
        predicted = maps.fit(X[:1000], targets).predict(X[:1000])
        maps.fit(lazy[:1000], da.from_array(targets, (CHUNK, 5, 7)))
        found["maps"] = float(np.abs(maps.predict(lazy[:1000]).compute() - predicted).max())
        search = GridSearchCV(MRTLClassifier(**GIVEN), {"alpha_l2": [0.05, 5.0]}, cv=2)
        alone = search.fit(X[:800], y[:800]).cv_results_["mean_test_score"]
        before = sum(client.run(tasks_done).values())
        with parallel_config("dask"):
            spread = search.fit(X[:800], y[:800]).cv_results_["mean_test_score"]
        found["search"] = float(np.abs(spread - alone).max())
        found["tasks_of_search"] = sum(client.run(tasks_done).values()) - before
        model = compare("same", MRTLClassifier(**GIVEN))
        found["score"] = abs(model.score(lazy, y) - expected.score(X, y))
        found["proba"] = float(np.abs(model.predict_proba(lazy).compute() - expected.predict_proba(X)).max())
        compare("persisted", MRTLClassifier(**GIVEN), client.persist(lazy))
        with tempfile.TemporaryDirectory() as folder:
            kept = MRTLClassifier(**GIVEN, checkpoint=Path(folder) / "fit.npz", random_state=0)
            tasks = [sum(client.run(tasks_done).values())]
            for name in ("checkpoint", "resumed"):
                compare(name, kept)
                tasks.append(sum(client.run(tasks_done).values()))
        found["tasks_of_checkpoint"], found["tasks_of_resumed"] = np.diff(tasks).tolist()
        received = Received()
        for name, work, n, n_more, row in (
            ("fields", all_of_fields, 2000, 8000, 4 * 2 * 24 * 36),
            ("table", all_of_a_table, 100_000, 400_000, 8 * 3),
        ):
            of_few, of_many = received.during(work, n), received.during(work, n_more)
            found[f"received_of_{name}"] = (of_many - of_few) / (row * (n_more - n))
        before = client.run(os.getpid)
        model = compare("killed", MRTLClassifier(**GIVEN, criterion=killing(min(before.values()), at_epoch=4)))
        found["epochs"] = len(model.history_)
        found["same_processes"] = len(set(before.values()) & set(client.run(os.getpid).values()))
    print(json.dumps(found))


def lose_the_scheduler():
    """Kill the scheduler after some epochs of a second fit."""
    from distributed import Client

    X, y = data()
    lazy, found = da.from_array(X, (CHUNK, *X.shape[1:])), {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        options = ["--scheduler-file", str(Path(folder) / "scheduler.json"), "--no-dashboard"]

        def start(name, *more):
            command = [sys.executable, "-m", f"distributed.cli.dask_{name}", *options, *more]
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(process.kill)
            return process

        scheduler = start("scheduler", "--port", "0")
        start("worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "10")
        client = Client(scheduler_file=options[1], timeout=60)
        client.wait_for_workers(1, timeout=60)
        model = MRTLClassifier(**GIVEN).fit(lazy, y)
        before = model.coef_
        try:
            model.set_params(criterion=killing(scheduler.pid, at_epoch=4)).fit(lazy, y)
        except RuntimeError as error:
            found["error"] = str(error)
        found["is_as_it_was"] = bool((model.coef_ == before).all())
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # without the client's attempts to find its scheduler


if __name__ == "__main__":
    sys.exit(lose_the_scheduler() if "scheduler" in sys.argv else main())
