"""
Halving over resolution
=======================

A search need not train every candidate on the finest grid. ``n_levels`` trains the first levels only, so it can be the
resource of a halving search: many candidates meet on coarse grids, and the best few go on to finer ones.
"""

# %%
# A job whose coarse levels are cheap
# -----------------------------------
# Frames of play, by player and place. On a coarse grid many frames become equal, and equal rows are merged: of 240,000
# frames the coarsest level sees a few thousand, the finest nearly all.
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform, randint
from sklearn.compose import make_column_transformer
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder

from sklearn_mrtl import Feature, Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import GridDiscretizer

frames = make_shots(300_000, n_players=100, max_defenders=1, random_state=0)
court = Grid("court", (80, 100), bounds=[(0, 40), (0, 50)])
encode = make_column_transformer((OneHotEncoder(), [0]), (GridDiscretizer(court), [1, 2]))
X, y = encode.fit_transform(frames.data), frames.target
train, test = slice(0, 240_000), slice(240_000, None)
model = MRTLClassifier([Feature("player", intercept=True), court], random_state=0)
space = {"rank": randint(1, 13), "alpha_spatial": loguniform(1e-5, 1), "alpha_l2": loguniform(1e-5, 1)}
settings = {"cv": StratifiedKFold(3), "scoring": "neg_log_loss", "refit": False, "random_state": 0}

# %%
# The halving search
# ------------------
# The grids have four levels, from 10 x 13 to 80 x 100 cells. All candidates train on the first, the best third of them
# on three.
began = time.perf_counter()
halving = HalvingRandomSearchCV(
    model, space, resource="n_levels", min_resources=1, max_resources=4, factor=3, n_candidates=27, **settings
).fit(X[train], y[train])
halving_seconds = time.perf_counter() - began
for n_candidates, n_levels in zip(halving.n_candidates_, halving.n_resources_, strict=True):
    print(f"{n_candidates:3d} candidates on {n_levels} level(s)")

# %%
# The full search, for comparison
# -------------------------------
# The same 27 candidates, each trained through all levels; both winners are then fitted to all training rows.
began = time.perf_counter()
full = RandomizedSearchCV(model, space, n_iter=27, **settings).fit(X[train], y[train])
full_seconds = time.perf_counter() - began
began = time.perf_counter()
default = MRTLClassifier(model.modes, random_state=0).fit(X[train], y[train])
print(f"defaults  {time.perf_counter() - began:5.1f} s", end="  ")


def loss(fitted):
    """Mean log loss on test rows."""
    chance = fitted.predict_proba(X[test])[:, 1]
    return -np.mean(np.log(np.where(y[test], chance, 1 - chance)))


print(f"test log loss {loss(default):.4f}")
for name, search, seconds in (("halving", halving, halving_seconds), ("full", full, full_seconds)):
    best = MRTLClassifier(model.modes, random_state=0)
    best.set_params(**search.best_params_ | {"n_levels": None}).fit(X[train], y[train])
    print(f"{name:9} {seconds:5.1f} s  test log loss {loss(best):.4f}  rank {best.rank}")
print(f"saved: {full_seconds / halving_seconds:.1f} times")

# %%
# Does a coarse grid tell?
# ------------------------
# Log loss of the candidates on the coarsest level, and on all four. Halving needs no more of the coarse grid than that
# the best on the fine one is not in its worse two thirds.
first = np.array(halving.cv_results_["iter"]) == 0
names = list(space)
identity = lambda params: tuple(params[name] for name in names)  # noqa: E731
coarse = {
    identity(params): -score
    for params, score, is_first in zip(
        halving.cv_results_["params"], halving.cv_results_["mean_test_score"], first, strict=True
    )
    if is_first
}
pairs = [
    (coarse[identity(params)], -score)
    for params, score in zip(full.cv_results_["params"], full.cv_results_["mean_test_score"], strict=True)
    if identity(params) in coarse
]
fig, ax = plt.subplots(figsize=(5.5, 4), layout="constrained")
ax.plot(*np.array(pairs).T, "o", color="tab:blue")
ax.set(xlabel="log loss on the coarsest level", ylabel="log loss on all levels", title=f"{len(pairs)} candidates")

# %%
# What can be saved is bounded by what fine levels cost. Here a fit through all four takes three times as long as one
# through the first, most of which is reading the data; where fine levels are as cheap as that (small data, squared
# loss), a full search is as good.
