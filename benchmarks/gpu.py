"""A GPU beside the CPU of the same machine: passes over fields and frames, whole fits, and bytes a second.

python benchmarks/gpu.py            on a GPU: 3 GB of fields, six million frames
python benchmarks/gpu.py 0.02      a fiftieth of the rows, in minutes also without a GPU

A pass is the objective with its gradient at the finest level. It reads the fields twice; "of the peak" is what that
moves, divided by what the memory can move at most: by its clock and width where torch tells them, otherwise by a copy.
"""

import sys
import time

import numpy as np
import torch
from _common import table
from simulated_shots import encoder

from sklearn_mrtl import Feature, Grid, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.losses import SquaredLoss
from sklearn_mrtl.core.models.axes import make_axes
from sklearn_mrtl.core.models.base import Alphas
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.datasets import make_shots

LAGS, VARIABLES = 6, 2
GRIDS = {(80, 180): 4000, (320, 720): 250}  # rows of 3 GB in float32
RANKS = (5, 10, 20, 40)
FRAMES = 6_000_000
GIVEN = {"alpha_spatial": 1e-3, "alpha_l2": 1e-3, "random_state": 0}


def devices():
    """The CPU, and the GPU if there is one."""
    return [torch.device("cpu"), *([torch.device("cuda", 0)] if torch.cuda.is_available() else [])]


def seconds_of(function, device, n_repeats=7):
    """Least wall-clock seconds of a function, after two calls that make what is made once."""
    found = []
    for _ in range(n_repeats + 2):
        began = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - began)
    return min(found[2:])


def peak_of(device):
    """Bytes that memory moves a second at most, and where that is known from."""
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        clock, width = getattr(card, "memory_clock_rate", 0), getattr(card, "memory_bus_width", 0)
        if clock and width:
            return 2 * clock * 1e3 * width / 8, "clock and width"
    x = torch.zeros(2**27, device=device)
    y = torch.empty_like(x)
    return 2 * x.nbytes / seconds_of(lambda: y.copy_(x), device), "a copy"


def objective_of(shape, n_rows, rank, device):
    """The objective of random fields, and a model's parameters."""
    modes = (Feature("lag", LAGS), Feature("variable", VARIABLES), Grid("sea", shape, quantity="mean"))
    x = torch.randn(n_rows, LAGS, VARIABLES, int(np.prod(shape)), device=device)
    center = torch.zeros(x.shape[1:], device=device)
    inputs = FieldInputs(x, center, modes, tuple(mode.shape for mode in modes), (None,) * 3)
    y, weight = torch.randn(n_rows, 1, device=device), torch.ones(n_rows, device=device)
    model = CP(make_axes(inputs, 1, None, weight))
    samples = Samples.from_rows(inputs, y, weight)
    objective = Objective.from_samples(model, samples, SquaredLoss, Alphas(1e-3, 1e-3))
    return objective, model.random(rank, weight, 1.0, 0)


def field_passes(fraction):
    """Seconds of a pass over fields, and their part of the memory's peak."""
    peaks = {device: peak_of(device) for device in devices()}
    for device, (peak, source) in peaks.items():
        print(f"{device}: at most {peak / 1e9:.0f} GB/s, by {source}")
    rows = []
    for shape, n_full in GRIDS.items():
        n_rows = max(8, int(fraction * n_full))
        for rank in RANKS:
            cells = []
            for device, (peak, _) in peaks.items():
                objective, parameters = objective_of(shape, n_rows, rank, device)
                seconds = seconds_of(lambda o=objective, p=parameters: o.value_and_gradient(p), device)
                moved = 2 * objective.inputs.x.nbytes / seconds
                cells += [f"{1e3 * seconds:.1f}", f"{moved / 1e9:.0f}", f"{moved / peak:.2f}"]
                del objective, parameters
            rows.append([f"{shape[0]} x {shape[1]}", n_rows, rank, *cells])
    head = [f"{device}: {what}" for device in peaks for what in ("ms", "GB/s", "of the peak")]
    table(
        "a pass over fields of 6 lags and 2 variables, float32 (asked of an H100: .60)",
        ["grid", "rows", "rank", *head],
        rows,
    )


def field_fits(fraction):
    """Seconds of whole fits of fields, penalties given."""
    rows = []
    for shape, n_full in GRIDS.items():
        n_rows = max(16, int(fraction * n_full))
        random = np.random.default_rng(0)
        X = random.standard_normal((n_rows, LAGS, VARIABLES, *shape), dtype=np.float32)
        y = X[:, :, 0, : shape[0] // 3, : shape[1] // 3].mean((1, 2, 3)) * 100 + random.standard_normal(n_rows)
        for solver in ("auto", "lbfgs"):
            cells = []
            for device in devices():
                model = MRTLRegressor(rank=5, solver=solver, device=device, **GIVEN)
                model.fit(X, y)  # the first fit of a process loads code
                began = time.perf_counter()
                model.fit(X, y)
                cells += [f"{time.perf_counter() - began:.2f}", len(model.history_), f"{model.score(X, y):.3f}"]
            rows.append([f"{shape[0]} x {shape[1]}", n_rows, solver, *cells])
    head = [f"{device}: {what}" for device in devices() for what in ("s", "epochs", "R^2")]
    table("fits of fields, rank 5, X copied to the device", ["grid", "rows", "solver", *head], rows)


def frames(fraction):
    """Seconds of fits of simulated frames, penalties given."""
    n = max(20_000, int(fraction * FRAMES))
    shots = make_shots(n, dtype=np.float32, random_state=0)
    X, y = encoder(shots.modes).fit_transform(shots.data), shots.target
    rows = []
    for rank in RANKS[:3]:
        cells = []
        for device in devices():
            model = MRTLClassifier(shots.modes, terms=None, rank=rank, device=device, **GIVEN)
            began = time.perf_counter()
            model.fit(X, y)
            seconds = time.perf_counter() - began
            finest = [record["seconds"] for record in model.history_ if record["level"] == model.history_[-1]["level"]]
            step = np.median(np.diff(finest)) if len(finest) > 1 else np.nan
            cells += [f"{seconds:.2f}", f"{1e3 * step:.0f}", f"{model.history_[-1]['train_loss']:.5f}"]
        rows.append([rank, *cells])
    head = [f"{device}: {what}" for device in devices() for what in ("s", "ms a finest step", "loss")]
    table(f"fits of {n} simulated frames (asked of an H100: 5 times sixteen cores)", ["rank", *head], rows)


if __name__ == "__main__":
    fraction = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    if torch.cuda.is_available():
        print(f"{torch.cuda.get_device_name(0)} beside {torch.get_num_threads()} threads of the CPU")
    else:
        print(f"no GPU found: all figures are of {torch.get_num_threads()} thread(s) of this CPU")
    for task in (field_passes, field_fits, frames):
        task(fraction)
