"""Does it pay to tell rows apart in `predict(return_std=True)`? Ridge regressions, whose posterior is known.

The variance of an observation about its prediction is that of the noise and x' V x, with V the posterior covariance of
the weights. Either way the variance is calibrated on left-out blocks of the training rows: as one number for all rows,
as `predict` has it, or as a factor for both parts. Coverage of 90 % intervals on test rows, that in the third of them
with the largest x' V x, and by how much the log likelihood (of a normal distribution) of a row gains.
"""

import warnings

import numpy as np
import torch
from _common import table

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl._estimators.refits import Refits
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.solvers.ridge import RidgeDesign
from sklearn_mrtl.datasets import load_sst_precipitation, make_ocean
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, InlandWaterMasker, lag_windows

N_BLOCKS, GAP, QUANTILE = 8, 6, 1.645
BOXES = {
    "Nino3.4": {"lat": slice(-5, 5), "lon": slice(-170, -120)},
    "tropical North Atlantic": {"lat": slice(5, 20), "lon": slice(-60, -20)},
    "North Pacific": {"lat": slice(30, 45), "lon": slice(-180, -150)},
}


def posterior(model, X, y, X_new):
    """Predictions for new rows from the ridge regression of others, the variance of the noise, and x' V x."""
    refits = Refits.of(model, X, y)
    design = RidgeDesign(refits.model, Samples.from_rows(refits.inputs, refits.y, refits.weight))
    shrinkage, n = design.shrinkage(refits.alphas), len(design.root)
    new, _ = model.tensor_.inputs(np.ascontiguousarray(X_new))
    x = design._rotated_block(new.coarsen(refits.inputs.shapes)) - design.means
    kernel, between = (design.x / shrinkage) @ design.x.T, (design.x / shrinkage) @ x.T
    root = torch.linalg.cholesky(kernel + torch.eye(n, dtype=torch.float64))
    dual = torch.cholesky_solve(design.y, root)
    degrees = 1 + float(torch.cholesky_solve(kernel, root).trace())
    noise = float((design.y - kernel @ dual).square().sum()) / max(1 - degrees / n, 0.1)
    half = torch.linalg.solve_triangular(root, between, upper=False)
    of_weights = noise / n * ((x.square() / shrinkage).sum(1) - half.square().sum(0))
    outputs = model.tensor_.outputs
    scale, shift = (float(np.ravel(value)[0]) for value in (outputs.scale, outputs.shift))
    prediction = ((between.T @ dual)[:, 0] + design.mean_y).numpy() * scale + shift
    return prediction, noise * scale**2, of_weights.numpy() * scale**2


def check_posterior():
    """The same from dense matrices: V = s^2 / n (X'X / n + P)^-1."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2, 3, 4))
    y = X[:, 0, 1, 1] + rng.normal(size=80)
    model = MRTLRegressor(rank=None).fit(X, y)
    _, noise, found = posterior(model, X, y, X[:5])
    refits = Refits.of(model, X, y)
    design = RidgeDesign(refits.model, Samples.from_rows(refits.inputs, refits.y, refits.weight))
    x = (design._rotated_block(model.tensor_.inputs(X[:5])[0]) - design.means).numpy()
    inverse = np.linalg.inv((design.x.T @ design.x).numpy() + np.diag(design.shrinkage(refits.alphas).numpy()))
    np.testing.assert_allclose(found, noise / 80 * np.einsum("np,pq,nq->n", x, inverse, x), rtol=1e-6)


def compare(name, X, y, train, test):
    """A row of the table."""
    model = MRTLRegressor(rank=None).fit(X[train], y[train])
    prediction, noise, of_weights = posterior(model, X[train], y[train], X[test])
    squares, variances = [], []
    for block in np.array_split(train, N_BLOCKS):
        rest = train[(train < block[0] - GAP) | (train > block[-1] + GAP)]
        left_out, s2, v = posterior(model, X[rest], y[rest], X[block])
        squares.append(np.square(y[block] - left_out))
        variances.append(s2 + v)
    squares, variances = np.concatenate(squares), np.concatenate(variances)
    of_row = squares.mean() / variances.mean() * (noise + of_weights)
    same, errors = np.full(len(test), squares.mean()), np.square(y[test] - prediction)
    large = of_weights >= np.quantile(of_weights, 2 / 3)
    cells = [f"{np.median(of_weights / (noise + of_weights)):.2f}"]
    for part in (slice(None), large):
        cells += [f"{np.mean(errors[part] < QUANTILE**2 * variance[part]):.3f}" for variance in (same, of_row)]
    gain = np.mean(np.log(same / of_row) + errors / same - errors / of_row) / 2
    return name, *cells, f"{gain:+.4f}"


def simulated():
    for n in (200, 600):
        for seed in range(3):
            ocean = make_ocean(n + 1000, n_components=1, shape=(8, 12), best_r2=0.7, random_state=seed)
            X = np.ascontiguousarray(ocean.data)
            yield f"simulated field, {n} rows, seed {seed}", X, ocean.target, np.arange(n), np.arange(n, n + 1000)
    rng = np.random.default_rng(0)
    for n in (100, 400):
        X = rng.normal(size=(n + 2000, 4, 6)) * np.exp(0.7 * rng.normal(size=(n + 2000, 1, 1)))
        y = (X * rng.normal(size=(4, 6))).sum((1, 2)) + 4 * rng.normal(size=n + 2000)
        yield f"rows of very different size, {n} rows", X, y, np.arange(n), np.arange(n, n + 2000)


def ocean():
    data = load_sst_precipitation(as_xarray=True)
    sea = InlandWaterMasker().fit_transform(data.sst)
    for name, box in BOXES.items():
        index = data.sst.sel(box).mean(("lat", "lon"))
        for lead in (3, 6):
            windows = lag_windows(sea, index, lags=3, lead=lead)
            for year in (1961, 1991):
                train = windows.target_time < np.datetime64(str(year))
                test = ~train & (windows.target_time < np.datetime64(str(year + 30)))
                X, y = windows.X, windows.y.expand_dims("series", axis=1)
                for step in (Detrender("linear"), Deseasonalizer(standardize=False)):
                    X = step.fit(X[train]).transform(X)
                    y = step.fit(y[train]).transform(y)
                coarse = X.coarsen(lat=2, lon=2).mean().values
                years = f"{year} to {year + 29}"
                yield f"{name} + {lead}, {years}", coarse, y.values[:, 0], np.flatnonzero(train), np.flatnonzero(test)


def main():
    warnings.simplefilter("ignore")
    check_posterior()
    head = ["data", "fraction of the weights", "90 %: one std", "of row", "largest third: one std", "of row", "gain"]
    for tasks in (simulated, ocean):
        table("Coverage of 90 % intervals", head, [compare(*task) for task in tasks()])


if __name__ == "__main__":
    main()
