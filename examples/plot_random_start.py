"""
A full-rank start against a random one
======================================

Low-rank models have many local optima. The paper decomposes a full-rank model on a coarse grid and starts from there.
This page compares that start with random ones.
"""

# %%
# Simulated fields
# ----------------
# Ten data sets with three components each: two variables, six lags, and an ocean of 24 x 54 cells with land.
import matplotlib.pyplot as plt
import numpy as np

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.inspection import FactorDisplay, factor_match_score, morans_i

SETTINGS = {
    "full-rank start": {},
    "random start": {"full_rank_levels": 0},
    "random start, finest grid only": {"full_rank_levels": 0, "resolutions": "fixed"},
}


def smoothness(model):
    """Return Moran's I of the roughest map."""
    maps = np.moveaxis(model.factors_["ocean"], -1, 0)
    return min(morans_i(values, permutations=0).statistic for values in maps)


# %%
# ``full_rank_levels=0`` draws the factors at random; with ``resolutions="fixed"`` training also begins on the finest
# grid, as in ordinary tensor regression. All three use the penalties that the first one chooses.
rows = {name: [] for name in SETTINGS}
for seed in range(10):
    ocean = make_ocean(1200, random_state=seed)
    X, y = np.ascontiguousarray(ocean.data), ocean.target
    alphas = {}
    for name, setting in SETTINGS.items():
        model = MRTLRegressor(ocean.modes, rank=3, random_state=seed, **setting, **alphas).fit(X[:900], y[:900])
        alphas = {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_}
        match = factor_match_score(model, ocean.factors)
        rows[name].append((model.score(X[900:], y[900:]), match, smoothness(model)))

print(f"{'mean of ten, worst of ten':32}{'test R^2':>16}{'match score':>16}{'Moran I':>16}")
for name, values in rows.items():
    values = np.array(values)
    columns = [f"{mean:8.3f}{worst:8.3f}" for mean, worst in zip(values.mean(axis=0), values.min(axis=0), strict=True)]
    print(f"{name:32}{''.join(columns)}")

# %%
# The match score compares components with the true ones (1: equal). Moran's I measures how much a cell resembles its
# neighbours (1: smooth, 0: noise).
fig, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
for ax, column, label in zip(axes, range(3), ("test R²", "match score", "Moran's I of the roughest map"), strict=True):
    for row, values in enumerate(rows.values()):
        numbers = np.array(values)[:, column]
        ax.plot(numbers, np.full(10, row) + np.linspace(-0.15, 0.15, 10), "o", alpha=0.6)
    ax.set(xlabel=label, yticks=range(3), ylim=(2.5, -0.5))
    ax.set_yticklabels(SETTINGS if ax is axes[0] else [])

# %%
# Does the start matter?
# ----------------------
# Not for these fields: with squared loss the default solver reaches equally good models from random factors, on the
# finest grid too, and the differences of the match scores are within their spread. Where two components act at the
# same lags the data hardly tell them apart, whatever the start; a warning says so. The full-rank start is the default
# because it needs no seed, and because for other losses and less data random factors may end at noise: on real frames
# of tracking the maps of ten seeds have nothing in common on the finest grid alone (:doc:`/paper/maps`).

# %%
# The maps of one data set
# ------------------------
ocean = make_ocean(1200, random_state=2)
X, y = np.ascontiguousarray(ocean.data)[:900], ocean.target[:900]
fig, axes = plt.subplots(3, 3, figsize=(11, 6.5), layout="constrained")
alphas = {}
for row, (name, setting) in zip(axes, SETTINGS.items(), strict=True):
    model = MRTLRegressor(ocean.modes, rank=3, random_state=2, **setting, **alphas).fit(X, y)
    alphas = {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_}
    display = FactorDisplay.from_estimator(model, "ocean", ax=row, colorbar=False, axis_labels=["", ""])
    for ax in row:
        ax.set(xticks=[], yticks=[])  # a simulated ocean is nowhere on the globe
    row[0].set_ylabel(name.replace(", ", ",\n"))
fig.colorbar(
    display.images_[0], ax=axes, label="weight (relative to the 99th percentile of a map)", shrink=0.7, extend="both"
)

# sphinx_gallery_thumbnail_number = 2
