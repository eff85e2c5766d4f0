"""Multiresolution against fixed resolution: seconds to the same validation loss, on both real data sets.

The fixed models are this package's own, ``resolutions="fixed"``: full rank first as in the paper, and from random
factors. They choose their penalties, as the multiresolution fit does, or get those that it chose at no cost.
"""

import ocean
import shots
import xarray as xr
from _common import require, table, timed
from sklearn.base import clone

from sklearn_mrtl import MRTLClassifier, MRTLRegressor

NEAR = 0.005  # fraction of what is explained: how near to the multiresolution fit's loss counts as the same
OWN = {"alpha_spatial": "auto", "alpha_l2": "auto"}
FIXED = {
    "fixed, full rank first": {"resolutions": "fixed", **OWN},
    "the same, penalties given": {"resolutions": "fixed"},
    "fixed, random factors, penalties given": {"resolutions": "fixed", "full_rank_levels": 0},
}


def never(record):
    """A criterion that ends no level: the solver does."""
    return 0.0


def fitted(estimator, X, y, X_val, y_val):
    """History of a fit, and the seconds it took besides."""
    model, seconds = timed(estimator.fit, X, y, X_val=X_val, y_val=y_val)
    return model, seconds - model.history_[-1]["seconds"]


def seconds_to(goal, model, besides):
    """When the low-rank model was first as good as that, and how good; None if never."""
    reached = [r for r in model.history_ if r["phase"] == "low_rank" and r["validation_loss"] <= goal]
    return (reached[0]["seconds"] + besides, reached[0]["validation_loss"]) if reached else None


def compare(title, estimator, null_loss, *data):
    model, besides = fitted(estimator.set_params(criterion=never), *data)
    best = min(r["validation_loss"] for r in model.history_ if r["phase"] == "low_rank")
    goal = best + NEAR * (null_loss - best)
    seconds, loss = seconds_to(goal, model, besides)
    rows = [("multiresolution, default", f"{loss:.5f}", f"{seconds:.2f}", "")]
    given = {"alpha_spatial": model.alpha_spatial_, "alpha_l2": model.alpha_l2_, "max_epochs": 300}
    for name, options in FIXED.items():
        other, besides = fitted(clone(estimator).set_params(**{**given, **options}), *data)
        reached = seconds_to(goal, other, besides)
        if reached:
            rows.append((name, f"{reached[1]:.5f}", f"{reached[0]:.2f}", f"{reached[0] / seconds:.1f}"))
        else:
            least = min(r["validation_loss"] for r in other.history_ if r["phase"] == "low_rank")
            longest = other.history_[-1]["seconds"] + besides
            rows.append((f"{name}: not reached", f"{least:.5f}", f"> {longest:.2f}", f"> {longest / seconds:.1f}"))
    table(f"{title}, to a validation loss of {goal:.5f}", ["model", "loss", "seconds", "times as long"], rows)


def main():
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    X, y, is_train, _ = ocean.nino(sst, 3)
    data = X[is_train], y[is_train], X[~is_train], y[~is_train]
    compare("Nino3.4, 3 months ahead, 80 x 180", MRTLRegressor(rank=5), 1.0, *data)

    train, test = shots.load()
    encode = shots.encoder()
    data = encode.fit_transform(train), train.made, encode.transform(test), test.made
    compare("Real shots, 100 x 94", MRTLClassifier(shots.MODES, terms=None), 0.6885, *data)


if __name__ == "__main__":
    main()
