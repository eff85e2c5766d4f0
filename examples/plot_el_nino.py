"""
Forecasting El Niño
===================

The sea surface temperature of six months forecasts the equatorial Pacific three months ahead, on real data that come
with the package. The model consists of a few maps, the first of which shows the well-known pattern of El Niño.
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
# With ``modes=None`` the last two axes of fields are the grid and the others are features. Penalties are chosen by
# block cross-validation on a coarse grid.
model = MRTLRegressor(rank=6).fit(X[train], y[train])
print(*model.modes_, *model.resolutions_, sep="\n")

# %%
# Two baselines: damped persistence predicts the current anomaly times a regression coefficient; ridge regression uses
# all cells and lags and ignores which cells are neighbours.
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
# The forecast of the test years:
fig, ax = plt.subplots(figsize=(9, 3), layout="constrained")
when = windows.target_time[~train].astype("datetime64[M]").astype("datetime64[ns]")
ax.plot(when, y[~train], color="0.3", label="observed")
ax.plot(when, peers["MRTLRegressor"][~train], color="tab:red", label="three months before")
ax.axhline(0, color="0.8", zorder=0)
ax.set(ylabel="Nino3.4 anomaly, K", xlim=(when[0], when[-1]))
ax.legend(loc="upper center", ncols=2)

# %%
# The components
# --------------
# A component is a map and a weight for each lag. Their product says how much an anomaly in a cell at that lag adds to
# the forecast. The largest weight over lags is positive; at that lag, red cells raise the forecast.
FactorDisplay.from_estimator(model)

# %%
FactorDisplay.from_estimator(model, mode="lag", axis_labels=["months before"])

# %%
# The contribution of each cell to a single forecast, that of the strongest El Niño of the test years:
strongest = np.flatnonzero(~train)[y[~train].argmax()]
contribution = contribution_map(model, X[strongest])
limit = float(abs(contribution).max())
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.set_facecolor("0.88")  # land
contribution.plot(ax=ax, cmap="RdBu_r", vmin=-limit, vmax=limit, cbar_kwargs={"label": "K of Nino3.4 from each cell"})
ax.set(title=f"Forecast of {str(windows.target_time[strongest])[:7]}: {peers['MRTLRegressor'][strongest]:.1f} K,"
       f" observed {y[strongest]:.1f} K", xlabel="longitude (°E)", ylabel="latitude (°N)", aspect="equal")  # fmt: skip

# sphinx_gallery_thumbnail_number = 2
