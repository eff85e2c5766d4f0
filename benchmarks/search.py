"""Tuning a pipeline on the bundled ocean: one process against two, and halving over resolution."""

from _common import table, timed
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation
from sklearn_mrtl.model_selection import ConsecutiveBlockSplit, search_space
from sklearn_mrtl.preprocessing import Deseasonalizer, Detrender, lag_windows

N_CANDIDATES = 25


def load():
    data = load_sst_precipitation(as_xarray=True)
    nino34 = data.sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
    anomaly = nino34.groupby("time.month") - nino34.sel(time=slice("1990")).groupby("time.month").mean()
    X, y, *_ = lag_windows(data.sst, anomaly, lags=6, lead=3)
    return (X[:1144], y[:1144].values), (X[1144:], y[1144:].values)


def main():
    train, test = load()
    model = make_pipeline(Detrender("linear"), Deseasonalizer(standardize=False), MRTLRegressor())
    options = {"cv": ConsecutiveBlockSplit(12, n_splits=2, gap=9, random_state=0), "random_state": 0}
    space, rows = search_space(model), []
    searches = {
        "RandomizedSearchCV, n_jobs=1": RandomizedSearchCV(model, space, n_iter=N_CANDIDATES, **options),
        "RandomizedSearchCV, n_jobs=2": RandomizedSearchCV(model, space, n_iter=N_CANDIDATES, n_jobs=2, **options),
        "HalvingRandomSearchCV over n_levels": HalvingRandomSearchCV(
            model,
            space,
            n_candidates=N_CANDIDATES,
            resource="mrtlregressor__n_levels",
            max_resources=3,
            factor=3,
            **options,
        ),  # fmt: skip
    }
    for name, search in searches.items():
        fitted, seconds = timed(search.fit, *train)
        rows.append((name, f"{fitted.best_score_:.3f}", f"{fitted.score(*test):.3f}", f"{seconds:.1f}"))
    table(f"{N_CANDIDATES} candidates, 2 splits", ["search", "validation R^2", "test R^2", "seconds"], rows)


if __name__ == "__main__":
    main()
