"""Fits on a cluster of two processes, in a process of their own: print what the test compares, as JSON."""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import dask.array as da
import numpy as np
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV

from sklearn_mrtl import MRTLClassifier

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
        before = client.run(os.getpid)
        model = compare("killed", MRTLClassifier(**GIVEN, criterion=killing(min(before.values()), at_epoch=4)))
        found["epochs"] = len(model.history_)
        found["same_processes"] = len(set(before.values()) & set(client.run(os.getpid).values()))
    print(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
