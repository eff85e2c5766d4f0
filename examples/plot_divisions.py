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
# surface temperature of the month before, without lakes, trend and seasonal cycle, by area. Winter is when El Niño
# reaches the continent.
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.inspection import ComponentDisplay, SkillDisplay
from sklearn_mrtl.preprocessing import AreaWeighter, Deseasonalizer, Detrender, InlandWaterMasker, lag_windows

data = load_sst_precipitation(as_xarray=True)
windows = lag_windows(InlandWaterMasker().fit_transform(data.sst), data.division_precip, lags=1, lead=1)
winter = windows.y.time.dt.month.isin([12, 1, 2]).values
X, Y = windows.X.isel(lag=0)[winter], windows.y[winter]
train = (Y.time.dt.year <= 1990).values
X = Detrender("linear").fit(X[train]).transform(X)
X = AreaWeighter().fit_transform(Deseasonalizer(standardize=False).fit(X[train]).transform(X))
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
for name, prediction in (("MRTLRegressor", model.predict(X[~train])), ("RidgeCV", ridge.predict(cells[~train]))):
    r2 = r2_score(Y[~train], prediction, multioutput="raw_values")
    print(
        f"{name:14} test R^2: mean {r2.mean():6.3f}, best {r2.max():.3f}, above 0 in {np.mean(r2 > 0):.0%} of divisions"
    )

# %%
# Next month's precipitation is hardly predictable on average, but it is in the regions that El Niño influences.
positions = np.stack([data.division_lon, data.division_lat], axis=1)
display = SkillDisplay.from_predictions(Y[~train], model.predict(X[~train]), positions=positions)
display.ax_.set(xlabel="longitude (°E)", ylabel="latitude (°N)")

# %%
# Two maps for each component
# ---------------------------
# A row for each component: the map of the sea, and that of the land that depends on it. Where both are red or both are
# blue, a warmer sea predicts more precipitation. With two modes, sea and land, the components are those of a singular
# value decomposition of the weights: orthogonal and in descending order. The fractions are those of the variance of the
# predictions for the test years.
display = ComponentDisplay.from_estimator(model, X=X[~train], positions={"output": positions})
display.axes_[0, 1].set_title("division")
display.axes_[-1, 1].set_xlabel("longitude (°E)")
for ax in display.axes_[:, 1]:
    ax.set_ylabel("latitude (°N)")

# sphinx_gallery_thumbnail_number = 2
