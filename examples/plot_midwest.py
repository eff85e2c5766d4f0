"""
Precipitation in the Midwest: what the sea tells
================================================

The paper predicts the precipitation of the U.S. Midwest from the ocean. On 126 years of data, without leaks, the sea of
the same month tells a little of it, in one map and one curve over the lags; the sea of the months before tells nothing.
"""

# %%
# The data
# --------
# Monthly sea surface temperature, differenced from month to month as in the paper (a trend disappears with it), of the
# current month and the five before; precipitation of the current month. Both are standardized by calendar month, with
# the means and standard deviations of training months. Lakes and nearly closed bays are left out, and cells count by
# their area.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_score

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.inspection import ComponentDisplay
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold, ConsecutiveBlockSplit
from sklearn_mrtl.preprocessing import AreaWeighter, Deseasonalizer, InlandWaterMasker, lag_windows

data = load_sst_precipitation(as_xarray=True)
sst = InlandWaterMasker().fit_transform(data.sst)


def windows(lags):
    """Return samples, target and training rows, without the seasonal cycle of the months to 1990."""
    found = lag_windows(sst.diff("time"), data.precip_midwest[1:], lags=lags)
    train = found.target_time < np.datetime64("1991")
    X = AreaWeighter().fit_transform(Deseasonalizer().fit(found.X[train]).transform(found.X))
    y = found.y.expand_dims("series", axis=1)
    y = Deseasonalizer().fit(y[train]).transform(y).values[:, 0]
    return X, y, train


X, y, train = windows(lags=6)

# %%
# The result
# ----------
# R² on 1991 to 2020. Predicting the mean has R² 0; 0.1 would be remarkable. One component is chosen. Ridge regression
# chooses its penalty on blocks of months too: rows that share months, left out one by one, would seem predictable.
model = MRTLRegressor().fit(X[train], y[train])
cells = X.values.reshape(len(X), -1)
cells = cells[:, ~np.isnan(cells).any(axis=0)]
blocks = ConsecutiveBlockKFold(8, gap=6)
ridge = RidgeCV(np.logspace(2, 7, 6), cv=blocks).fit(cells[train], y[train])
print(f"MRTLRegressor  {model.score(X[~train], y[~train]):6.3f}, rank {model.rank_}")
print(f"RidgeCV        {ridge.score(cells[~train], y[~train]):6.3f}")

# %%
# A forecast has only the months before (lags 1 to 6). No rank predicts blocks of training years that were left out, and
# a warning says so: the penalties shrink the model to the mean. R² is below zero because the test years are wetter on
# average than the training years.
X_before, y_before, train_before = windows(lags=range(1, 7))
with warnings.catch_warnings(action="ignore"):
    forecast = MRTLRegressor().fit(X_before[train_before], y_before[train_before])
prediction = forecast.predict(X_before[~train_before])
print(f"mean of the target {y_before[~train_before].mean():.3f}")
print(f"R^2 {forecast.score(X_before[~train_before], y_before[~train_before]):.3f}")
print(f"standard deviation of predictions {prediction.std():.3f}, of the target {y_before[~train_before].std():.3f}")

# %%
# One split is a small sample. Over ten random splits into consecutive blocks, with a gap so that no month is on both
# sides, and with the current month among the lags, R² is a little higher. Rank and penalties are chosen anew each time:
cv = ConsecutiveBlockSplit(n_blocks=12, n_splits=10, test_fraction=0.25, gap=6, random_state=0)
scores = cross_val_score(MRTLRegressor(), X, y, cv=cv)
print(f"R^2 {scores.mean():.3f} on average, from {scores.min():.3f} to {scores.max():.3f}")

# %%
# The cross-validated errors of all alphas that were tried agree: the smallest is a few percent below that of the mean.
path = sorted(model.alpha_path_, key=lambda tried: tried["alpha_l2"])
fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.scatter([tried["alpha_l2"] for tried in path], [tried["error"] for tried in path], s=18, color="tab:blue")
ax.axhline(1, color="0.6", lw=1, label="the mean")
ax.set(xscale="log", xlabel="alpha_l2", ylabel="cross-validated squared error")
ax.set_ylim(0.9, min(1.6, max(tried["error"] for tried in path) + 0.05))
ax.legend()

# %%
# The map
# -------
# Where the sea has warmed (red) or cooled (blue) since the month before, in months with much rain: nearly all of the
# weight is on the current month, off both coasts of North America. That is the weather itself and no cause of it: a
# trough over the west cools the sea off California, and east of it air from the south brings rain to the Midwest and
# warms the Gulf of Mexico and the western Atlantic. What is drawn in the open ocean is weak and uncertain:
# :func:`~sklearn_mrtl.inspection.factor_bands` and :func:`~sklearn_mrtl.inspection.stability` measure which parts the
# data support.
ComponentDisplay.from_estimator(model, X=X[~train], axis_labels={"lag": ["months before"]})

# sphinx_gallery_thumbnail_number = 2
