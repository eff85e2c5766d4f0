"""Seconds of a fit alone and beside a busy process, with the threads that fit takes and with one or two of torch's.

Every figure is the median of three fits in a process of its own. `python benchmarks/threads.py shots ocean frames`
names the problems; without names: the small ones.
"""

import os
import subprocess
import sys
from statistics import median

import numpy as np
from _common import table, timed

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.datasets import make_shots

N_FITS = 3


def shots(n_frames=100_000):
    """Simulated shots, as in simulated_shots.py."""
    from simulated_shots import encoder

    data = make_shots(n_frames, dtype=np.float32, random_state=0)
    return MRTLClassifier(data.modes), encoder(data.modes).fit_transform(data.data), data.target


def frames():
    """Six million frames of distinct places."""
    model, X, y = shots(6_000_000)
    return model, X, y


def ocean(shape=(80, 180)):
    """Months of random fields: 6 lags, 2 variables."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 6, 2, *shape), dtype=np.float32)
    y = X[:, 0, 0, 20:40, 30:60].mean((1, 2)) + rng.normal(size=len(X))
    modes = [Feature("lag"), Feature("variable"), Grid("ocean", shape, quantity="mean")]
    return MRTLRegressor(modes, rank=5), X, y


def spectra():
    """Three hundred spectra of 2,000 channels."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2000), dtype=np.float32)
    return MRTLRegressor(), X, X[:, 100:150].sum(1) + rng.normal(size=300)


PROBLEMS = {problem.__name__: problem for problem in (shots, spectra, ocean, frames)}


def run(name):
    """Print the median seconds of fits and of predictions."""
    model, X, y = PROBLEMS[name]()
    n_fits = 1 if name == "frames" else N_FITS
    fits = [timed(model.fit, X, y)[1] for _ in range(n_fits)]
    predictions = [timed(model.predict, X)[1] for _ in range(n_fits)]
    print(median(fits), median(predictions))


def seconds(name, n_threads):
    """Fit in a process of its own; n_threads of torch, or None: as many as it starts with."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    if n_threads is not None:
        environment["OMP_NUM_THREADS"] = str(n_threads)
    command = [sys.executable, __file__, "--run", name]
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return [float(word) for word in answer.stdout.split()[-2:]]


def main(names):
    rows = []
    for name in names:
        for n_threads in (None, 1):
            alone = seconds(name, n_threads)
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            try:
                beside = seconds(name, n_threads)
            finally:
                busy.kill()
                busy.wait()
            label = "default" if n_threads is None else f"OMP_NUM_THREADS={n_threads}"
            for what, a, b in zip(("fit", "predict"), alone, beside, strict=True):
                rows.append((name, what, label, f"{a:.2f}", f"{b:.2f}", f"{b / a:.2f}"))
    head = ["problem", "method", "threads", "alone s", "beside a busy process s", "ratio"]
    table(f"Threads, on {os.cpu_count()} cores", head, rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2])
    else:
        main(sys.argv[1:] or ["shots", "spectra", "ocean"])
