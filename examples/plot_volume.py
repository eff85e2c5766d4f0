"""
A volume: a grid of three axes
==============================

Depth, latitude and longitude, or a brain scan: a grid of three axes is smoothed, coarsened and interpolated along all
of them, and drawn as slices.
"""

# %%
# Simulated fields in a box of water
# ----------------------------------
# Two variables in 12 x 20 x 40 cells. With two lags, each of the 500 samples has 38,400 numbers.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import make_ocean
from sklearn_mrtl.inspection import FactorDisplay, morans_i

ocean = make_ocean(
    500, n_lags=2, shape=(12, 20, 40), n_components=2, smoothness=0.12, land=0.1, dtype=np.float32, random_state=1
)
X, y = np.ascontiguousarray(ocean.data), ocean.target
train, test = slice(0, 250), slice(250, None)
print(*ocean.modes, X.shape, sep="\n")

# %%
# The fit is the same as for a map; the schedule halves all three axes. RidgeCV may leave out single rows here, because
# each has noise of its own; rows of a real series need blocks.
model = MRTLRegressor(ocean.modes, rank=2).fit(X[train], y[train])
flat = np.nan_to_num(X).reshape(len(X), -1)
ridge = RidgeCV(np.logspace(2, 6, 5)).fit(flat[train], y[train])
print(f"MRTLRegressor  test R^2 {model.score(X[test], y[test]):.3f}, levels {model.resolutions_}")
print(f"RidgeCV        test R^2 {ridge.score(flat[test], y[test]):.3f}")
print("best possible  test R^2 0.8")

# %%
# Compare the weight tensor with the true one, because it does not depend on how it is decomposed.
coef = np.nan_to_num(model.coef_)
cosine = (coef * ocean.coef).sum() / np.linalg.norm(coef) / np.linalg.norm(ocean.coef)
ridge_coef = ridge.coef_.reshape(ocean.coef.shape)
ridge_cosine = (ridge_coef * ocean.coef).sum() / np.linalg.norm(ridge_coef) / np.linalg.norm(ocean.coef)
print(f"cosine with the true weights: MRTLRegressor {cosine:.3f}, RidgeCV {ridge_cosine:.3f}")

# %%
# Slices
# ------
# One row for each component, with slices from the first layer to the last.
FactorDisplay.from_estimator(model, "ocean", axis_labels=["depth (m)", "y", "x"])

# %%
# The true and the learned weights of one variable at lag 0, in layers from the first to the last:
layers = np.linspace(0, 11, 4).round().astype(int)
rows = {"true weights": ocean.coef, "MRTLRegressor": coef, "RidgeCV": ridge_coef}
fig, axes = plt.subplots(3, 4, figsize=(10, 4.6), layout="constrained")
for (name, weights), row in zip(rows.items(), axes, strict=True):
    field = np.where(ocean.ocean, weights[0, 0], np.nan)
    limit = np.nanmax(abs(field))
    for ax, layer in zip(row, layers, strict=True):
        image = ax.imshow(field[layer] / limit, origin="lower", cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(facecolor="0.88", title=f"layer {layer}" if name == "true weights" else "", xticks=[], yticks=[])
    row[0].set_ylabel(name)
fig.colorbar(image, ax=axes, label="weight (relative to the largest of a row)", shrink=0.7)

# %%
# Moran's I measures the smoothness of each component:
for component in range(2):
    print(f"component {component}: {morans_i(model.factors_['ocean'][..., component], permutations=0).statistic:.2f}")

# sphinx_gallery_thumbnail_number = 2
