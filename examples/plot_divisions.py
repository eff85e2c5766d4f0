"""
344 divisions at once: pairs of sea and land maps
=================================================

A regressor with several outputs has one more mode. Fitted to the precipitation of all 344 U.S. climate divisions at
once, each component has a map of the sea and a map of the land that depends on it.
"""

# %%
# The data
# --------
# Precipitation of winter months (December to February) in 344 divisions, standardized by calendar month, and the sea
# surface temperature of the month before, without trend and seasonal cycle. Winter is when El Niño reaches the
# continent.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.inspection import FactorDisplay
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

data = load_sst_precipitation(as_xarray=True)
windows = lag_windows(data.sst, data.division_precip, lags=1, lead=1)
winter = windows.y.time.dt.month.isin([12, 1, 2]).values
X, Y = windows.X.isel(lag=0)[winter], windows.y[winter]
train = (Y.time.dt.year <= 1990).values
X = Detrender("linear").fit(X[train]).transform(X)
X = Deseasonalizer(standardize=False).fit(X[train]).transform(X)
Y = Deseasonalizer().fit(Y[train]).transform(Y).values
print(X.shape, Y.shape)

# %%
# One model for all divisions
# ---------------------------
# The divisions share the sea maps; each division has a weight for every map.
model = MRTLRegressor(rank=3).fit(X[train], Y[train])
print({name: factor.shape for name, factor in model.factors_.items()})
cells = X.values.reshape(len(X), -1)
cells = cells[:, ~np.isnan(cells).any(axis=0)]
ridge = RidgeCV(np.logspace(2, 7, 11)).fit(cells[train], Y[train])
scores = {}
for name, prediction in (("MRTLRegressor", model.predict(X[~train])), ("RidgeCV", ridge.predict(cells[~train]))):
    scores[name] = r2 = r2_score(Y[~train], prediction, multioutput="raw_values")
    print(
        f"{name:14} test R^2: mean {r2.mean():6.3f}, best {r2.max():.3f}, above 0 in {np.mean(r2 > 0):.0%} of divisions"
    )

# %%
# Next month's precipitation is hardly predictable on average, but it is in the regions that El Niño influences.
fig, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
points = ax.scatter(
    data.division_lon, data.division_lat, c=scores["MRTLRegressor"], s=45, cmap="RdBu_r", vmin=-0.3, vmax=0.3
)
ax.set(xlabel="longitude (°E)", ylabel="latitude (°N)", aspect=1.25, title="Test R² of winter precipitation, 1991-2020")
fig.colorbar(points, ax=ax, shrink=0.8)

# %%
# Pairs of maps
# -------------
# Sea maps are on the left, land maps of the same component on the right. Where both are red or both are blue, a warmer
# sea predicts more precipitation. With two modes, sea and land, the components are those of a singular value
# decomposition of the weights: orthogonal and in descending order.
fig, axes = plt.subplots(3, 2, figsize=(11, 9), layout="constrained", width_ratios=[1.3, 1])
FactorDisplay.from_estimator(model, ax=axes[:, 0], colorbar=False)
for component, ax in enumerate(axes[:, 1]):
    land = model.factors_["output"][:, component]
    limit = abs(land).max()
    ax.scatter(data.division_lon, data.division_lat, c=land, s=26, cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set(ylabel="latitude (°N)", aspect=1.25)
    ax.set_title(f"component {component}, land", fontsize="small")
axes[-1, 1].set_xlabel("longitude (°E)")

# sphinx_gallery_thumbnail_number = 2
