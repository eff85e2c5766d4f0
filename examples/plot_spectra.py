"""
Spectra: a grid of one axis
===========================

A grid need not be a map. A spectrum is a grid of one axis, and with ``modes=None`` the columns of a 2-D X are one.
"""

# %%
# Spectra of three substances
# ---------------------------
# 200 mixtures, measured at 400 wavelengths with noise and a varying baseline. The target is the amount of one
# substance, whose bands overlap with those of the others.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from sklearn_mrtl import Feature, Grid, MRTLRegressor
from sklearn_mrtl.inspection import FactorDisplay

rng = np.random.default_rng(0)
wavelength = np.linspace(900, 1700, 400)


def band(x, centre, width):
    """Return a Gaussian curve."""
    return np.exp(-(((x - centre) / width) ** 2))


substances = np.array([
    band(wavelength, 1150, 40) + 0.6 * band(wavelength, 1450, 60),
    band(wavelength, 1210, 50) + 0.8 * band(wavelength, 1390, 50),
    band(wavelength, 1000, 60) + band(wavelength, 1500, 80),
])  # fmt: skip
amounts = rng.uniform(0, 1, size=(200, 3))
baseline = rng.normal(size=(200, 2)) @ np.array([np.ones(400), (wavelength - 1300) / 400])
X = amounts @ substances + 0.3 * baseline + 0.2 * rng.normal(size=(200, 400))
y = amounts[:, 0] + 0.05 * rng.normal(size=200)
train, test = slice(0, 120), slice(120, None)
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.plot(wavelength, X[:4].T, lw=0.7)
ax.set(xlabel="wavelength, nm", ylabel="absorbance")

# %%
# Smooth coefficients
# -------------------
# With one mode the model has full rank at every level: it is a ridge regression whose coefficients are also smooth.
# Here smoothness improves the prediction.
model = MRTLRegressor(Grid("wavelength", 400, bounds=(899, 1701), quantity="mean")).fit(X[train], y[train])
peers = {
    "MRTLRegressor": model,
    "RidgeCV": RidgeCV(np.logspace(-3, 4, 15)).fit(X[train], y[train]),
    "PLSRegression(4)": PLSRegression(4).fit(X[train], y[train]),
}
for name, peer in peers.items():
    print(f"{name:18} test R^2 {r2_score(y[test], peer.predict(X[test])):.3f}")
fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
ax.plot(wavelength, peers["RidgeCV"].coef_.ravel(), color="0.7", lw=0.8, label="RidgeCV")
ax.plot(wavelength, model.coef_, color="tab:red", label="MRTLRegressor")
ax.axhline(0, color="0.85", zorder=0)
ax.set(xlabel="wavelength, nm", ylabel="coefficient")
ax.legend()

# %%
# Two modes: excitation and emission
# ----------------------------------
# Fluorescence has a spectrum for each excitation, so X has three axes: samples, excitations, wavelengths. With the two
# modes named, each component is a curve of excitation times a curve of emission. With two modes the components are
# those of a singular value decomposition of the weights, which are orthogonal; so only the first one need resemble a
# substance.
excitation = np.linspace(250, 450, 24)
excited = np.array([band(excitation, 300, 25), band(excitation, 370, 30), band(excitation, 330, 50)])
surfaces = np.einsum("ke,kw->kew", excited, substances)
landscapes = np.einsum("nk,kew->new", amounts, surfaces) + 0.3 * rng.normal(size=(200, 24, 400))
modes = [
    Grid("excitation", 24, bounds=(246, 454), quantity="mean"),
    Grid("emission", 400, bounds=(899, 1701), quantity="mean"),
]
model = MRTLRegressor(modes, rank=3).fit(landscapes[train], y[train])
print(f"test R^2 {model.score(landscapes[test], y[test]):.3f}, {len(model.resolutions_)} levels")
FactorDisplay.from_estimator(model, mode="excitation", axis_labels=["excitation, nm"])

# %%
FactorDisplay.from_estimator(model, mode="emission", axis_labels=["emission, nm"])

# %%
# With ``Feature("excitation")`` the order of excitations is ignored and neighbours are not smoothed. A periodic axis
# (hours, months, angles) is a Grid with ``periodic=True``.
feature = MRTLRegressor([Feature("excitation"), modes[1]], rank=3).fit(landscapes[train], y[train])
print(f"test R^2 {feature.score(landscapes[test], y[test]):.3f}")

# sphinx_gallery_thumbnail_number = 2
