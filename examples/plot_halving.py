"""
Halving over resolution
=======================

A search need not train every candidate on the finest grid. ``n_levels`` limits training to the first levels, so it can
be the resource of a halving search: many candidates are compared on coarse grids, and the best few on finer ones.
"""

# %%
# Data with cheap coarse levels
# -----------------------------
# Frames of play, by player and position. On a coarse grid many frames are equal, and equal rows are merged: of 240,000
# frames a few thousand distinct rows remain on the coarsest level, and nearly all on the finest.
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform, randint
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import log_loss
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV, StratifiedKFold

from sklearn_mrtl import Grid, MRTLClassifier
from sklearn_mrtl.datasets import make_shots
from sklearn_mrtl.preprocessing import ModeEncoder

frames = make_shots(300_000, n_players=100, max_defenders=1, random_state=0)
court = Grid("court", (80, 100), bounds=[(0, 40), (0, 50)])
encode = ModeEncoder([("player", 0, "one-hot"), (court, [1, 2])])
X, y = encode.fit_transform(frames.data), frames.target
train, test = slice(0, 240_000), slice(240_000, None)
model = MRTLClassifier(random_state=0)
space = {"rank": randint(1, 13), "alpha_spatial": loguniform(1e-5, 1), "alpha_l2": loguniform(1e-5, 1)}
settings = {"cv": StratifiedKFold(3), "scoring": "neg_log_loss", "refit": False, "random_state": 0}

# %%
# The halving search
# ------------------
# The grid has four levels, from 10 x 13 to 80 x 100 cells. All candidates train on the first level, the best third of
# them on three levels.
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
# The same 27 candidates, each trained on all levels. The best candidate of each search is then fitted to all training
# rows.
began = time.perf_counter()
full = RandomizedSearchCV(model, space, n_iter=27, **settings).fit(X[train], y[train])
full_seconds = time.perf_counter() - began
began = time.perf_counter()
default = MRTLClassifier(random_state=0).fit(X[train], y[train])
print(f"defaults  {time.perf_counter() - began:5.1f} s", end="  ")


def loss(fitted):
    """Return the mean log loss on test rows."""
    return log_loss(y[test], fitted.predict_proba(X[test])[:, 1])


print(f"test log loss {loss(default):.4f}")
for name, search, seconds in (("halving", halving, halving_seconds), ("full", full, full_seconds)):
    best = MRTLClassifier(random_state=0)
    best.set_params(**search.best_params_ | {"n_levels": None}).fit(X[train], y[train])
    print(f"{name:9} {seconds:5.1f} s  test log loss {loss(best):.4f}  rank {best.rank}")
print(f"ratio of the times: {full_seconds / halving_seconds:.1f}")

# %%
# Coarse against fine grids
# -------------------------
# Log loss of the candidates on the coarsest level, and on all four. Halving finds the best candidate if it is among the
# best third on the coarsest level.
first = np.array(halving.cv_results_["iter"]) == 0
names = list(space)


def key(params):
    """Return the parameters of a candidate as a tuple."""
    return tuple(params[name] for name in names)


coarse = {
    key(params): -score
    for params, score, is_first in zip(
        halving.cv_results_["params"], halving.cv_results_["mean_test_score"], first, strict=True
    )
    if is_first
}
losses = [
    (coarse[key(params)], -score)
    for params, score in zip(full.cv_results_["params"], full.cv_results_["mean_test_score"], strict=True)
    if key(params) in coarse
]
fig, ax = plt.subplots(figsize=(5.5, 4), layout="constrained")
ax.plot(*np.array(losses).T, "o", color="tab:blue")
ax.set(xlabel="log loss on the coarsest level", ylabel="log loss on all levels", title=f"{len(losses)} candidates")

# %%
# Halving saves at most the time of the fine levels, which are cheap here: much of a fit goes into preparing the data,
# whatever the level. If fine levels are cheaper still (small data, squared loss), a full search is as fast. And neither
# search beats the defaults, which compare many penalties within a single fit: search over what the defaults do not
# choose, such as terms, grids or preprocessing.
