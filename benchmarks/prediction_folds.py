"""Would the spread of models of four folds tell rows apart in `predict(return_std=True)`? Defaults, low rank included.

Three variances of an observation about its prediction: one for all rows, as `predict` has it; with that of a row's
prediction among models that each leave out a quarter of the rows (the jackknife of blocks), less its mean over the
training rows; the same with x' V x of a ridge regression of the same strengths. Coverage of intervals of 50, 80 and
90 %, also in the tenth of the rows with the largest x' V x, and the gain in log likelihood of a row. Series of the
ocean are cut into three blocks, each of which is left out in turn; of other data later rows are left out.
"""

import warnings

import numpy as np
from _common import table
from prediction_std import BOXES, GAP, posterior
from scipy.stats import norm

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation, make_ocean
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, InlandWaterMasker, lag_windows

N_FOLDS, SMALLEST = 4, 0.2  # the least variance of a row, as a fraction of that of all
ENDS = norm.ppf([0.75, 0.9, 0.95])


def tasks():
    for n in (200, 600):
        made = make_ocean(n + 600, n_components=2, shape=(8, 12), best_r2=0.7, random_state=0)
        later = [(np.arange(n), np.arange(n, n + 600))]
        yield f"simulated field, {n} rows", np.ascontiguousarray(made.data), made.target, later
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 4, 6)) * np.exp(0.7 * rng.normal(size=(800, 1, 1)))
    y = (X * rng.normal(size=(4, 6))).sum((1, 2)) + 4 * rng.normal(size=800)
    yield "rows of very different size, 150 rows", X, y, [(np.arange(150), np.arange(150, 800))]
    data = load_sst_precipitation(as_xarray=True)
    sea = InlandWaterMasker().fit_transform(data.sst)
    series = {f"{name} + 3": (data.sst.sel(box).mean(("lat", "lon")), 3) for name, box in BOXES.items()}
    for name, (target, lead) in {**series, "Midwest's precipitation": (data.precip_midwest, 0)}.items():
        windows = lag_windows(sea, target, lags=3, lead=lead)
        X, y = windows.X, windows.y.expand_dims("series", axis=1)
        for step in (Detrender("linear"), Deseasonalizer(standardize=False)):
            X, y = step.fit(X).transform(X), step.fit(y).transform(y)
        rows = np.arange(len(y))
        blocks = np.array_split(rows, 3)
        splits = [(rows[(rows < block[0] - GAP) | (rows > block[-1] + GAP)], block) for block in blocks]
        yield name, X.coarsen(lat=2, lon=2).mean().values, y.values[:, 0], splits


def variances(X, y, train, test):
    """Squared errors, x' V x, and the three variances of the test rows."""
    model = MRTLRegressor().fit(X[train], y[train])
    prediction, std = model.predict(X[test], return_std=True)
    given = {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_}
    kept = [np.setdiff1d(train, block) for block in np.array_split(train, N_FOLDS)]
    folds = [MRTLRegressor(rank=model.rank_, **given).fit(X[rows], y[rows]) for rows in kept]
    ridge = MRTLRegressor(rank=None, **given).fit(X[train], y[train])

    def of_folds(rows):
        return (N_FOLDS - 1) * np.var([fold.predict(X[rows]) for fold in folds], axis=0)

    found = {"one": np.square(std, dtype=float)}
    of_weights = posterior(ridge, X[train], y[train], X[test])[2]
    for name, own, usual in (
        ("folds", of_folds(test), of_folds(train)),
        ("x' V x", of_weights, posterior(ridge, X[train], y[train], X[train])[2]),
    ):
        found[name] = np.maximum(found["one"] + own - usual.mean(), SMALLEST * found["one"])
    return np.square(y[test] - prediction), of_weights, found


def main():
    warnings.simplefilter("ignore")
    rows = []
    for name, X, y, splits in tasks():
        errors, of_weights, found = zip(*(variances(X, y, *split) for split in splits), strict=True)
        errors, of_weights = np.concatenate(errors), np.concatenate(of_weights)
        far, one = of_weights >= np.quantile(of_weights, 0.9), np.concatenate([each["one"] for each in found])
        for kind in found[0]:
            variance = np.concatenate([each[kind] for each in found])
            held = errors[:, None] < np.square(ENDS) * variance[:, None]
            gain = np.mean(np.log(one / variance) + errors / one - errors / variance) / 2
            cells = [" ".join(f"{value:.3f}" for value in part.mean(axis=0)) for part in (held, held[far])]
            rows.append([name, kind, *cells, f"{gain:+.4f}"])
            print(*rows[-1], flush=True)
    table("Coverage of 50, 80 and 90 %", ["data", "variance", "all rows", "farthest tenth", "gain"], rows)


if __name__ == "__main__":
    main()
