"""
Tuning a pipeline by random search
==================================

Fields, a chain of transformers and a regressor, tuned as a whole: every fold estimates trend, season and weights on its
own training rows, and the folds keep their distance in time.
"""

# %%
# A pipeline on labelled fields
# -----------------------------
# Rows of a DataArray carry their time, so the transformers know each row's month whichever fold it is in.
import time

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import loguniform, randint
from sklearn.model_selection import KFold, RandomizedSearchCV
from sklearn.pipeline import Pipeline

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.model_selection import ConsecutiveBlockSplit, search_space
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, Deseasonalizer, Detrender, lag_windows

data = load_sst_precipitation(as_xarray=True)
nino34 = data.sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
X, y, *_ = lag_windows(data.sst[::, ::2, ::2], nino34, lags=[0, 2, 4], lead=6)
pipeline = Pipeline(
    [
        ("detrend", Detrender("linear")),
        ("season", Deseasonalizer(standardize=False)),
        ("model", DeseasonalizedTargetRegressor(MRTLRegressor(), lead=6, standardize=False)),
    ]
)
train, test = np.arange(1140), np.arange(1150, len(X))
print(X.sizes)

# %%
# What to search over
# -------------------
# :func:`~sklearn_mrtl.model_selection.search_space` finds the regressor in the pipeline and names what matters with the
# default solver. Any entry can be replaced, and steps of the pipeline join in.
space = search_space(pipeline)
for name, values in space.items():
    print(name, values if isinstance(values, list) else (values.dist.name, *values.args))
prefix = "model__regressor__"
space |= {
    prefix + "rank": randint(1, 9),
    prefix + "alpha_l2": loguniform(1e-3, 1e1),
    prefix + "alpha_spatial": loguniform(1e-4, 1e0),
    "season__standardize": [False, True],
}

# %%
# Splits that keep their distance
# -------------------------------
# Windows of neighbouring months share fields. :class:`~sklearn_mrtl.model_selection.ConsecutiveBlockSplit` draws whole
# blocks and leaves a gap of ``max(lags) + lead`` months wherever two sides meet.
cv = ConsecutiveBlockSplit(n_blocks=10, n_splits=3, gap=4 + 6, random_state=0)
fig, ax = plt.subplots(figsize=(8, 2), layout="constrained")
for split, (fit_rows, score_rows) in enumerate(cv.split(X[train])):
    ax.scatter(X.time[train[fit_rows]], np.full(len(fit_rows), split), marker="|", color="tab:blue")
    ax.scatter(X.time[train[score_rows]], np.full(len(score_rows), split), marker="|", color="tab:orange")
ax.set(yticks=range(3), ylabel="split", ylim=(2.5, -0.5), title="blue: fit, orange: score, white: gap")

# %%
# The search
# ----------
began = time.perf_counter()
search = RandomizedSearchCV(pipeline, space, n_iter=20, cv=cv, random_state=0).fit(X[train], y[train])
print(f"20 candidates in {time.perf_counter() - began:.0f} s")
for name, value in search.best_params_.items():
    print(f"  {name} = {value if not isinstance(value, float) else f'{value:.2g}'}")


# %%
# How good is the best? The score of these predictions is of temperatures, whose seasonal cycle is easy; what counts is
# the skill beyond it.
def skill(model, X, y):
    """1 - squared error / that of the seasonal cycle, which is the mean of the target's month in training."""
    month = lambda values: values.time.dt.month.values  # noqa: E731
    normal = y_train.groupby("time.month").mean().sel(month=month(y)).values
    return 1 - np.mean((model.predict(X) - y.values) ** 2) / np.mean((normal - y.values) ** 2)


y_train = y[train]
default = pipeline.fit(X[train], y[train])
print(f"defaults, which choose penalties by themselves: {skill(default, X[test], y[test]):.3f}")
print(f"best of the search:                             {skill(search, X[test], y[test]):.3f}")

# %%
# The same with folds of rows drawn at random: their scores are higher, and mean less, since every scored row has
# neighbours on the training side.
leaky = RandomizedSearchCV(pipeline, space, n_iter=20, cv=KFold(3, shuffle=True, random_state=0), random_state=0)
leaky.fit(X[train], y[train])
for name, found in (("blocks with gaps", search), ("random rows", leaky)):
    on_test = skill(found, X[test], y[test])
    print(f"{name:17} best cross-validated R^2 {found.best_score_:.3f}, skill on test {on_test:.3f}")

# %%
# Which settings matter?
results = search.cv_results_
fig, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained", sharey=True)
for ax, name in zip(axes, ("rank", "alpha_l2", "alpha_spatial"), strict=True):
    ax.plot(results[f"param_{prefix}{name}"], results["mean_test_score"], "o")
    ax.set(xlabel=name, xscale="linear" if name == "rank" else "log")
axes[0].set_ylabel("cross-validated R²")

# sphinx_gallery_thumbnail_number = 2
