"""Cost against work: seconds of a fit as samples, cells, rank and modes grow; the slope is that of the logarithms."""

import numpy as np
from _common import table

from sklearn_mrtl import Feature, Grid, MRTLRegressor

FIXED = {"alpha_spatial": 1e-3, "alpha_l2": 1e-2, "resolutions": "fixed", "full_rank_levels": 0}


def seconds(n=2000, shape=(24, 48), rank=5, features=(24,)):
    """An epoch at one resolution, from random factors."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, *features, *shape)).astype("float32")
    y = X.reshape(n, -1)[:, ::50].sum(1) + rng.normal(size=n).astype("float32")
    modes = [*(Feature(f"f{i}") for i in range(len(features))), Grid("grid", shape, quantity="mean")]
    model = MRTLRegressor(modes, rank=rank, random_state=0, **FIXED).fit(X, y)
    times = [record["seconds"] for record in model.history_]
    return float(np.median(np.diff(times)))


def main():
    rows = []
    for name, key, values, doublings in [
        ("samples: 1000, 2000, 4000", "n", [1000, 2000, 4000], 2),
        ("cells: 12 x 24, 24 x 48, 48 x 96", "shape", [(12, 24), (24, 48), (48, 96)], 4),
        ("rank: 5, 10, 20", "rank", [5, 10, 20], 2),
        ("modes of 2 levels, each doubles X: 0, 1, 2", "features", [(24,), (24, 2), (24, 2, 2)], 2),
    ]:
        times = [seconds(**{key: value}) for value in values]
        slope = np.log2(times[-1] / times[0]) / doublings
        rows.append((name, *(f"{t:.4f}" for t in times), f"{slope:.2f}"))
    head = ["2000 x 24 x 24 x 48, rank 5, but for", "seconds an epoch", "", "", "slope"]
    table("Cost against work: 1 is linear", head, rows)


if __name__ == "__main__":
    main()
