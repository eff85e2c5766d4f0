"""Memory of fits: what is estimated before the training, what is measured, and whether fits leave anything behind.

`python benchmarks/memory.py` fits ten problems, each in a process of its own. Measured is the largest resident memory
of the process during its first fit, less what it had after the imports and with the data in memory; the estimate is of
the same, and is what `MemoryError` is raised by. `python benchmarks/memory.py growth` fits three problems 200 times.
"""

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from _common import resident, table
from scipy import sparse

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.freed import return_freed_memory
from sklearn_mrtl.datasets import make_shots

N_WARM, N_FITS, N_BETWEEN = 20, 200, 10


def field(shape, dtype=np.float32, *, land=False, n_outputs=None):
    """Random fields of smooth time, and a target of a part of the last axes; land is NaN in a third of the cells."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape, dtype=dtype)
    cells = X.reshape(len(X), -1)
    y = cells[:, : cells.shape[1] // 50].mean(1) * 50 + rng.standard_normal(len(X))
    if land:
        X[..., : shape[-1] // 3] = np.nan
    return X, y if n_outputs is None else y[:, None] * rng.standard_normal(n_outputs) + rng.standard_normal(
        (len(X), n_outputs)
    )


def one_hot(n, sizes, dtype=np.float32):
    """Encodings with one random entry of each mode, and classes."""
    rng = np.random.default_rng(0)
    indices = np.stack([rng.integers(size, size=n) for size in sizes], 1).astype(np.int32)
    y = rng.random(n) < 0.3 + 0.4 * (indices[:, 1] / sizes[1])
    indices += np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    indptr = np.arange(n + 1, dtype=np.int32) * len(sizes)
    return sparse.csr_array((np.ones(indices.size, dtype), indices.ravel(), indptr), shape=(n, sum(sizes))), y


def shots(n, classes=2):
    """Simulated frames of play."""
    from simulated_shots import encoder

    data = make_shots(n, dtype=np.float32, random_state=0)
    y = data.target if classes == 2 else data.target + 2 * (np.arange(n) % 2)
    return data.modes, encoder(data.modes).fit_transform(data.data), y


def small_field():
    return MRTLRegressor(rank=4, random_state=0), *field((600, 6, 2, 48, 96))


def field_with_land():
    return MRTLRegressor(rank=4, random_state=0), *field((600, 6, 2, 48, 96), np.float64, land=True)


def full_rank():
    modes = [Feature("lag"), Grid("map", (160, 320), quantity="mean")]
    return MRTLRegressor(modes, rank=None, random_state=0), *field((100, 6, 160, 320))


def spectra():
    return MRTLRegressor(rank=None, random_state=0), *field((400, 20_000), np.float64)


def outputs():
    return MRTLRegressor(rank=4, random_state=0), *field((800, 4, 60, 80), n_outputs=30)


def tucker():
    return MRTLRegressor(rank=(3, 2, 6), decomposition="tucker", random_state=0), *field((900, 6, 2, 48, 64))


def merging():
    modes = [Feature("player", 200), Grid("court", (40, 50))]
    return MRTLClassifier(modes, terms=None, rank=5, random_state=0), *one_hot(4_000_000, (200, 2000))


def distinct():
    modes, X, y = shots(1_000_000)
    return MRTLClassifier(modes, terms=None, rank=5, random_state=0), X, y


def classes():
    modes, X, y = shots(400_000, classes=4)
    return MRTLClassifier(modes, terms=None, rank=4, random_state=0), X, y


def doubles():
    modes = [Feature("a", 300), Grid("b", (30, 30)), Grid("c", (24, 24))]
    X, y = one_hot(1_000_000, (300, 900, 576), np.float64)
    return MRTLClassifier(modes, terms=None, rank=4, random_state=0), X, y


PROBLEMS = {
    p.__name__: p
    for p in (small_field, field_with_land, full_rank, spectra, outputs, tucker, merging, distinct, classes, doubles)
}


def high_water_mark():
    """Largest resident memory since `forget_high_water_mark`, bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def forget_high_water_mark():
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def run(name):
    """Print the bytes of the data, of the estimate and of the measured peak."""
    model, X, y = PROBLEMS[name]()
    estimates, require = [], memory.require_bytes

    def note(needed, *args):
        estimates.append(needed)
        return require(needed, *args)

    memory.require_bytes = note
    gc.collect()
    return_freed_memory(X.shape[0] * X.shape[1] * 1000)
    before = resident()
    forget_high_water_mark()
    model.fit(X, y)
    n_bytes = X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    print(n_bytes, max(estimates), high_water_mark() - before)


def estimates(names):
    rows = []
    for name in names:
        answer = subprocess.run([sys.executable, __file__, "--run", name], check=True, capture_output=True, text=True)
        data, estimate, measured = (int(word) for word in answer.stdout.split()[-3:])
        rows.append(
            [name, *(f"{n_bytes / 1e6:.0f}" for n_bytes in (data, estimate, measured)), f"{estimate / measured:.2f}"]
        )
        print(*rows[-1], flush=True)
    table("Memory beyond the data, MB", ["problem", "X", "estimate", "measured", "ratio"], rows)


def growing():
    """Problems whose fits take less than a tenth of a second: fields, a single tensor of encodings, and a sum."""
    modes = [Feature("a", 10), Grid("b", (12, 12))]
    given = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2}
    yield "field", MRTLRegressor(rank=2, random_state=0), *field((150, 2, 12, 12), land=True)
    yield "encodings", MRTLClassifier(modes, terms=None, rank=2, random_state=0, **given), *one_hot(3000, (10, 144))
    yield "sum of terms", MRTLClassifier(modes, rank=1, random_state=0, **given), *one_hot(1000, (10, 144))


def growth():
    """Print the resident memory while three problems are fitted again and again."""
    rows = []
    for name, model, X, y in growing():
        sizes, began = [], time.process_time()
        for k in range(N_WARM + N_FITS):
            model.fit(X, y).predict(X)
            if k >= N_WARM and k % N_BETWEEN == 0:
                gc.collect()
                sizes.append(resident() / 1e6)
        slope = np.polyfit(N_BETWEEN * np.arange(len(sizes)), sizes, 1)[0]
        seconds = time.process_time() - began
        x_size = X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes
        sizes = (f"{size:.2f}" for size in (x_size / 1e6, sizes[0], sizes[-1], max(sizes)))
        rows.append([name, *sizes, f"{slope:.4f}", f"{seconds:.0f}"])
        print(*rows[-1], flush=True)
    head = ["problem", "X, MB", "MB after 20 fits", "after 220", "largest", "growth per fit, MB", "CPU s"]
    table(f"Resident memory over {N_FITS} fits", head, rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2])
    elif sys.argv[1:2] == ["growth"]:
        growth()
    else:
        estimates(sys.argv[1:] or PROBLEMS)
