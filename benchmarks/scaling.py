"""Cost against work: seconds of a fit as samples, cells, rank and modes grow; the slope is that of the logarithms."""

import numpy as np
from _common import table, timed

from sklearn_mrtl import Feature, Grid, MRTLRegressor

SEED, N_TURNS = 0, 3
FIXED = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2, "max_epochs": 10, "resolutions": "fixed", "full_rank_levels": 0}


def seconds(n=2000, shape=(40, 80), rank=5, n_features=1):
    """Ten epochs at one resolution."""
    rng = np.random.default_rng(SEED)
    X = rng.normal(size=(n, *[2] * n_features, *shape)).astype("float32")
    y = X.reshape(n, -1)[:, ::50].sum(1) + rng.normal(size=n).astype("float32")
    modes = [*(Feature(f"f{i}") for i in range(n_features)), Grid("grid", shape, interpolation="linear")]
    model = MRTLRegressor(modes, rank=rank, random_state=0, **FIXED)
    runs = [timed(model.fit, X, y)[1] / len(model.history_) for _ in range(N_TURNS)]
    return min(runs)


def main():
    rows = []
    for name, key, values, work in [
        ("samples", "n", [1000, 2000, 4000], 1),
        ("cells", "shape", [(20, 40), (40, 80), (80, 160)], 2),
        ("rank", "rank", [5, 10, 20], 1),
        ("modes (of 2 levels: each doubles X)", "n_features", [1, 2, 3], None),
    ]:
        times = [seconds(**{key: value}) for value in values]
        doublings = 2 * (work or 1)
        slope = np.log2(times[-1] / times[0]) / doublings
        rows.append((name, *(f"{t:.4f}" for t in times), f"{slope:.2f}"))
    head = ["what doubles (cells: fourfold)", "seconds an epoch", "", "", "slope"]
    table("MRTLRegressor, 2000 x 2 x 40 x 80, rank 5, one resolution", head, rows)


if __name__ == "__main__":
    main()
