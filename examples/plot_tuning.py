"""
Tuning a pipeline by random search
==================================

A pipeline of transformers and a regressor, tuned as a whole. Every fold estimates trend, season and weights on its own
training rows, and there is a gap in time between training and test rows.
"""

# %%
# A pipeline on labelled fields
# -----------------------------
# Rows of a DataArray have a time coordinate, so the transformers know each row's month in any fold.
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
# The search space
# ----------------
# :func:`~sklearn_mrtl.model_selection.search_space` finds the regressor in the pipeline and returns distributions of
# the parameters that matter with the default solver. Entries can be replaced, and parameters of other steps added.
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
# Splits with a gap
# -----------------
# Windows of neighbouring months contain the same fields.
# :class:`~sklearn_mrtl.model_selection.ConsecutiveBlockSplit` draws blocks of consecutive rows and leaves a gap of
# ``max(lags) + lead`` months between training and test blocks.
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
# R² of these predictions is that of temperatures, whose seasonal cycle is easy to predict. The skill compares their
# error with that of predicting the seasonal cycle.
def skill(model, X, y):
    """Return 1 - (squared error of the model) / (squared error of the mean of the month in the training years)."""
    normal = y_train.groupby("time.month").mean().sel(month=y.time.dt.month.values).values
    return 1 - np.mean((model.predict(X) - y.values) ** 2) / np.mean((normal - y.values) ** 2)


y_train = y[train]
default = pipeline.fit(X[train], y[train])
print(f"defaults, penalties chosen in fit: {skill(default, X[test], y[test]):.3f}")
print(f"best of the search:                {skill(search, X[test], y[test]):.3f}")

# %%
# The search is often no better than the defaults: each fit of the defaults compares dozens of penalties on a coarse
# grid by itself, where the search tries twenty candidates on a few blocks and takes the luckiest. It pays for what the
# defaults do not choose, such as the standardization.

# %%
# The same search with folds of single rows drawn at random. Their R² is higher but misleading, because the neighbours
# of every test row are training rows.
leaky = RandomizedSearchCV(pipeline, space, n_iter=20, cv=KFold(3, shuffle=True, random_state=0), random_state=0)
leaky.fit(X[train], y[train])
for name, found in (("blocks with gaps", search), ("random rows", leaky)):
    on_test = skill(found, X[test], y[test])
    print(f"{name:17} best cross-validated R^2 {found.best_score_:.3f}, skill on test {on_test:.3f}")

# %%
# R² of all candidates by rank and alphas:
results = search.cv_results_
fig, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained", sharey=True)
for ax, name in zip(axes, ("rank", "alpha_l2", "alpha_spatial"), strict=True):
    ax.plot(results[f"param_{prefix}{name}"], results["mean_test_score"], "o")
    ax.set(xlabel=name, xscale="linear" if name == "rank" else "log")
axes[0].set_ylabel("cross-validated R²")

# sphinx_gallery_thumbnail_number = 2
