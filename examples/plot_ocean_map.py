"""
The whole ocean three months ahead: a map predicts a map
========================================================

A regressor with a target Grid predicts every cell of a map at once. Here it learns what damped persistence leaves of
the sea surface temperature three months ahead.
"""

# %%
# The data
# --------
# Each sample holds six months of sea surface temperature in cells of two degrees, the target is the map three months
# after the last of them. Trend and seasonal cycle are estimated on the years to 1990 and removed.
# Lakes and nearly closed bays are left out: their few cells would have the largest weights of a map.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import r2_score

from sklearn_mrtl import Grid, MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.inspection import ComponentDisplay, PredictionDisplay
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, InlandWaterMasker, lag_windows
from sklearn_mrtl.references import DampedPersistenceRegressor, ResidualRegressor

sst = InlandWaterMasker().fit_transform(load_sst_precipitation(as_xarray=True).sst)
windows = lag_windows(sst, sst, lags=6, lead=3)
X, Y = windows.X, windows.y
train = (Y.time.dt.year <= 1990).values
for step in (Detrender("linear"), Deseasonalizer(standardize=False)):
    X, Y = (step.fit(fields[train]).transform(fields) for fields in (X, Y))
print(dict(X.sizes), dict(Y.sizes))

# %%
# A reference, and a model of what it leaves
# ------------------------------------------
# Damped persistence regresses each cell on its own last value. The model has three modes: the months back, the map that
# it looks at, and the map that it predicts. It chooses its rank itself.
model = ResidualRegressor(
    DampedPersistenceRegressor(of=0), MRTLRegressor(target=Grid("next", (40, 90)), random_state=0)
).fit(X[train], Y[train])
print("rank", model.regressor_.rank_)
predicted = {"damped persistence": model.reference_.predict(X[~train]), "with the model": model.predict(X[~train])}
ocean = Y.notnull().all("time").values
skill = {}
for name, maps in predicted.items():
    skill[name] = np.full(ocean.shape, np.nan)
    skill[name][ocean] = r2_score(Y.values[~train][:, ocean], maps[:, ocean], multioutput="raw_values")
    print(f"{name:20} mean R^2 of {ocean.sum()} cells, 1991-2020: {np.nanmean(skill[name]):.3f}")

# %%
# Where the skill is
# ------------------
# R² is the fraction of the variance of 1991 to 2020 that is predicted; below 0 a cell is worse than its mean.
where = {"extent": ((-20, 60), (-180, 0)), "geographic": True}
PredictionDisplay(np.stack(list(skill.values())), names=list(skill), quantity="R² three months ahead", **where).plot(
    n_columns=1, limits=(0, 0.8)
)

# %%
# What the model adds: El Niño and La Niña, and what follows them in other seas.
gain = skill["with the model"] - skill["damped persistence"]
PredictionDisplay(gain[None], quantity="gain of R²\nover damped persistence", is_difference=True, **where).plot()

# %%
# The components
# --------------
# A component sees the sea through one map ("grid"), in the months that its lags weigh, and predicts another ("next"):
# what persistence leaves three months later.
ComponentDisplay.from_estimator(model.regressor_, axis_labels={"lag": ["months before"]})
plt.show()

# sphinx_gallery_thumbnail_number = 1
