"""
Forecasting El Niño
===================

The sea surface temperature of six months forecasts the equatorial Pacific three months ahead, on real data that come
with the package. The model is a handful of maps, and the first of them is what one would draw by hand.
"""

# %%
# The data
# --------
# Monthly sea surface temperature (NOAA ERSST v5, 2 degrees) from 1895 to 2020. The target is *Nino3.4*: the mean
# temperature within 5 degrees of the equator, between 170 and 120 degrees west.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.inspection import FactorDisplay, contribution_map
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

data = load_sst_precipitation(as_xarray=True)
nino34 = data.sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
windows = lag_windows(data.sst, nino34, lags=6, lead=3)
print(windows.X.sizes)

# %%
# Months to 1990 train, those after test. Trend and seasonal cycle are estimated on training months only, for the fields
# and for the target alike.
train = windows.target_time < np.datetime64("1991")
steps = Detrender("linear"), Deseasonalizer(standardize=False)
X, y = windows.X, windows.y.expand_dims("series", axis=1)
for step in steps:
    X = step.fit(X[train]).transform(X)
    y = step.fit(y[train]).transform(y)
y = y.values[:, 0]

# %%
# The fit
# -------
# With fields, ``modes=None`` takes the last two axes for the grid and the others for features, so nothing needs to be
# said. Penalties are chosen by block cross-validation on a coarse grid.
model = MRTLRegressor(rank=6).fit(X[train], y[train])
print(*model.modes_, *model.resolutions_, sep="\n")

# %%
# How good is it? Persistence says that the anomaly of now stays, damped by a regression; ridge regression sees all
# cells and lags, without a map in mind.
now = X.isel(lag=0).sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon")).values[:, None]
cells = X.values.reshape(len(X), -1)
cells = cells[:, ~np.isnan(cells).any(axis=0)]
peers = {
    "damped persistence": LinearRegression().fit(now[train], y[train]).predict(now),
    "RidgeCV": RidgeCV(np.logspace(2, 7, 6)).fit(cells[train], y[train]).predict(cells),
    "MRTLRegressor": model.predict(X),
}
for name, prediction in peers.items():
    print(f"{name:20} test R^2 {r2_score(y[~train], prediction[~train]):.3f}")

# %%
# The forecast of the years that the model has not seen:
fig, ax = plt.subplots(figsize=(9, 3), layout="constrained")
when = windows.target_time[~train].astype("datetime64[M]").astype("datetime64[ns]")
ax.plot(when, y[~train], color="0.3", label="observed")
ax.plot(when, peers["MRTLRegressor"][~train], color="tab:red", label="three months before")
ax.axhline(0, color="0.8", zorder=0)
ax.set(ylabel="Nino3.4 anomaly, K", xlim=(when[0], when[-1]))
ax.legend(loc="upper center", ncols=2)

# %%
# Reading it
# ----------
# A component is a map and a weight for each lag; their product says what a cell's anomaly of that month adds. The map
# carries the sign: at the lag of the largest weight, which is positive, red raises the forecast.
FactorDisplay.from_estimator(model)

# %%
FactorDisplay.from_estimator(model, mode="lag", axis_labels=["months before"])

# %%
# Where did a single forecast come from? The strongest El Niño of the test years, seen three months before:
strongest = np.flatnonzero(~train)[y[~train].argmax()]
contribution = contribution_map(model, X[strongest])
limit = float(abs(contribution).max())
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.set_facecolor("0.88")  # land
contribution.plot(ax=ax, cmap="RdBu_r", vmin=-limit, vmax=limit, cbar_kwargs={"label": "K of Nino3.4 from each cell"})
ax.set(title=f"Forecast of {str(windows.target_time[strongest])[:7]}: {peers['MRTLRegressor'][strongest]:.1f} K,"
       f" observed {y[strongest]:.1f} K", xlabel="longitude (°E)", ylabel="latitude (°N)", aspect="equal")  # fmt: skip

# sphinx_gallery_thumbnail_number = 2
