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
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict

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
Y = Deseasonalizer().fit(Y[train]).transform(Y)
print(X.shape, Y.shape)

# %%
# One model for all divisions
# ---------------------------
# The divisions share the sea maps; each division has a weight for every map.
model = MRTLRegressor(rank=3).fit(X[train], Y[train])
print({name: factor.shape for name, factor in model.factors_.items()})
cells = X.values.reshape(len(X), -1)
cells = cells[:, ~np.isnan(cells).any(axis=0)]
ridge = RidgeCV(np.logspace(2, 7, 11), cv=KFold(8)).fit(cells[train], Y[train])

# %%
# What is a good score?
# ---------------------
# R² compares with the mean of the test years, which nobody knew in 1990. Since then winters have been wetter in most
# divisions, so that the climatology to 1990 has an R² below zero, and so may a forecast of anomalies that helps. Skill
# compares with that climatology: it is the fraction of its squared errors that a forecast saves. Here it is small, as
# next month's precipitation is hardly predictable, but above zero on average.


def skill(observed, predicted, climatology):
    """Return the skill of each division."""
    return 1 - np.square(observed - predicted).mean(axis=0) / np.square(observed - climatology).mean(axis=0)


observed = Y[~train].values
climatology = np.zeros_like(observed)  # anomalies are from the means of the training years
predictions = {"climatology": climatology, "MRTL": model.predict(X[~train]), "RidgeCV": ridge.predict(cells[~train])}
print(f"wetter in {np.mean(observed.mean(axis=0) > 0):.0%} of the divisions")
for name, predicted in predictions.items():
    of_division = skill(observed, predicted, climatology)
    print(
        f"{name:12} R^2 {r2_score(observed, predicted):6.3f}, skill {of_division.mean():6.3f}, "
        f"above 0 in {np.mean(of_division > 0):.0%} of the divisions"
    )

# %%
# It is largest in the regions that El Niño influences.
positions = np.stack([data.division_lon, data.division_lat], axis=1)
SkillDisplay.from_predictions(
    observed, predictions["MRTL"], reference=climatology, positions=positions, geographic=True
)

# %%
# Thirty years are few. The same on eight blocks of the years to 1990, each left out in turn:
rows = np.flatnonzero(train)
left_out, means = (
    cross_val_predict(estimator, X.values[rows], Y.values[rows], cv=KFold(8))
    for estimator in (MRTLRegressor(rank=3), DummyRegressor())
)
of_division = skill(Y.values[rows], left_out, means)
print(f"skill {of_division.mean():.3f}, above 0 in {np.mean(of_division > 0):.0%} of the divisions")

# %%
# Two maps for each component
# ---------------------------
# A row for each component: the map of the sea, and that of the land that depends on it. Where both are red or both are
# blue, a warmer sea predicts more precipitation. With two modes, sea and land, the components are those of a singular
# value decomposition of the weights: orthogonal and in descending order. The fractions are those of the variance of the
# predictions for the test years.
ComponentDisplay.from_estimator(model, X=X[~train], positions={"division": positions})

# sphinx_gallery_thumbnail_number = 2
