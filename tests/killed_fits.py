"""Fits in real processes that are killed at random moments."""

import multiprocessing
import os
import signal
import time

import numpy as np
import torch

from sklearn_mrtl import Feature, Grid, MRTLClassifier

MODES = [Feature("variable"), Grid("sea", (13, 12), quantity="mean", periodic=(False, True))]
FITS = {
    "lbfgs": {"rank": 3, "full_rank_levels": 2, "resolutions": [{"sea": (4, 3)}, {"sea": (7, 6)}, {}]},
    "adam": {"rank": 2, "solver": "adam", "max_epochs": 20, "criterion": "validation_loss", "patience": 5},
}


def problem(n=150):
    """Fields with land, and what depends on them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2, 13, 12)).astype(np.float32)
    X[:, :, 5, 3:7] = np.nan  # land
    y = np.nansum(X[:, 0, :3], axis=(1, 2)) + rng.normal(size=n)
    return X, y


def fit_and_save(name, path, result):
    """Fit with a checkpoint after every epoch, and save the weights."""
    torch.set_num_threads(1)
    X, y = problem(400)
    model = MRTLClassifier(MODES, **FITS[name], checkpoint=(path, 0), random_state=0).fit(X, np.digitize(y, [-2, 2]))
    np.savez(result, coef=model.coef_, intercept=model.intercept_)


def killed_fits(name, folder, n_kills, rng):
    """Kill a fit at random moments, n_kills times in all, resuming it each time; return how many ended by themselves.

    Each fit that ends is compared with the one that was never killed, and the next begins from nothing.
    """
    context = multiprocessing.get_context("forkserver")  # a process for each fit, without an import of torch for each
    context.set_forkserver_preload(["sklearn_mrtl"])

    def start(path, result):
        child = context.Process(target=fit_and_save, args=(name, str(path), str(result)))
        child.start()
        return child

    def measure():
        began = time.perf_counter()
        child = start(folder / "whole.npz", folder / "expected.npz")
        child.join()
        assert child.exitcode == 0
        os.remove(folder / "whole.npz")
        return time.perf_counter() - began

    path, result = folder / "fit.npz", folder / "result.npz"
    measure()  # the server starts
    duration, n_killed, n_ended = measure(), 0, 0
    while n_killed < n_kills or not n_ended:
        child = start(path, result)
        child.join(rng.uniform(0, duration) if n_killed < n_kills else None)
        if child.is_alive():
            child.kill()
            child.join()
        if child.exitcode == -signal.SIGKILL:
            n_killed += 1
            continue
        assert child.exitcode == 0, f"a fit that was killed {n_killed} times could not go on"
        with np.load(folder / "expected.npz") as expected, np.load(result) as found:
            for key in expected.files:
                np.testing.assert_array_equal(found[key], expected[key])
        n_ended += 1
        os.remove(path)
    return n_ended
