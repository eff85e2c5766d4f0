"""
Forecasting El Niño
===================

The sea surface temperature of six months forecasts the equatorial Pacific three months ahead, on real data that come
with the package. The model is a map, the well-known pattern of El Niño, and a weight for each month.
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
from sklearn_mrtl.inspection import ComponentDisplay, contribution_map
from sklearn_mrtl.model_selection import ConsecutiveBlockKFold
from sklearn_mrtl.preprocessing import AreaWeighter, Deseasonalizer, Detrender, InlandWaterMasker, lag_windows

data = load_sst_precipitation(as_xarray=True)
nino34 = data.sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))

# %%
# Lakes and nearly closed bays go: their cells have few neighbours or none, so that the smoothness penalty does not hold
# them, and the weights of Hudson Bay and the Great Lakes would be the largest of the map.
masker = InlandWaterMasker().fit(data.sst)
print(masker.n_masked_, "of", int(data.sst[0].notnull().sum()), "cells masked")
windows = lag_windows(masker.transform(data.sst), nino34, lags=6, lead=3)
print(windows.X.sizes)

# %%
# Months to 1990 train, those after test. Trend and seasonal cycle are estimated on training months only, for the fields
# and for the target alike. Cells of 2 degrees are half as wide at 60 degrees north as at the equator: they count by
# their area.
train = windows.target_time < np.datetime64("1991")
steps = Detrender("linear"), Deseasonalizer(standardize=False)
X, y = windows.X, windows.y.expand_dims("series", axis=1)
for step in steps:
    X = step.fit(X[train]).transform(X)
    y = step.fit(y[train]).transform(y)
X, y = AreaWeighter().fit_transform(X), y.values[:, 0]

# %%
# The fit
# -------
# With ``modes=None`` the last two axes of fields are the grid and the others are features. Rank and penalties are
# chosen by block cross-validation on a coarse grid.
model = MRTLRegressor().fit(X[train], y[train])
print(*model.modes_, *model.resolutions_, f"rank {model.rank_}", sep="\n")

# %%
# Two baselines: damped persistence predicts the current anomaly times a regression coefficient; ridge regression uses
# all cells and lags and ignores which cells are neighbours. It chooses its penalty on blocks of months too: rows that
# share months, left out one by one, would seem predictable.
blocks = ConsecutiveBlockKFold(8, gap=6)
now = X.isel(lag=0).sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon")).values[:, None]
cells = X.values.reshape(len(X), -1)
cells = cells[:, ~np.isnan(cells).any(axis=0)]
peers = {
    "damped persistence": LinearRegression().fit(now[train], y[train]).predict(now),
    "RidgeCV": RidgeCV(np.logspace(2, 7, 6), cv=blocks).fit(cells[train], y[train]).predict(cells),
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
# the forecast. The largest weight over lags is positive; at that lag, red cells raise the forecast. The colours end at
# the 99th percentile, and the arrows say that some cells are beyond. With the rows of X the picture says what part of
# the forecasts' variance a component makes.
ComponentDisplay.from_estimator(model, X=X[~train], axis_labels={"lag": ["months before"]})

# %%
# The contribution of each cell to a single forecast, that of the strongest El Niño of the test years:
strongest = np.flatnonzero(~train)[y[~train].argmax()]
contribution = contribution_map(model, X[strongest])
limit = float(abs(contribution).quantile(0.99))
fig, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.set_facecolor("0.88")  # land
contribution.plot(ax=ax, cmap="RdBu_r", vmin=-limit, vmax=limit, extend="both",
                  cbar_kwargs={"label": "K of Nino3.4 from each cell"})  # fmt: skip
ax.set(title=f"Forecast of {str(windows.target_time[strongest])[:7]}: {peers['MRTLRegressor'][strongest]:.1f} K,"
       f" observed {y[strongest]:.1f} K", xlabel="longitude (°E)", ylabel="latitude (°N)", aspect="equal")  # fmt: skip

# sphinx_gallery_thumbnail_number = 2
