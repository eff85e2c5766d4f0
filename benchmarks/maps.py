"""How smooth the maps of the default models on real data are: Moran's I (queen) of every component."""

import ocean
import shots
import xarray as xr
from _common import require, table
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder

from sklearn_mrtl import Feature, MRTLClassifier, MRTLRegressor
from sklearn_mrtl.inspection import morans_i
from sklearn_mrtl.preprocessing import GridDiscretizer


def row(name, model, grid):
    maps = model.factors_[grid]
    smooth = [morans_i(maps[..., k], permutations=0).statistic for k in range(maps.shape[-1])]
    return name, ", ".join(f"{i:.3f}" for i in smooth)


def main():
    rows = []
    sst = xr.open_dataset(require("ocean/ocean_80x180.nc")).sst.load().astype("float32")
    for lead in (3, 6):
        X, y, is_train, _ = ocean.nino(sst, lead)
        rows.append(row(f"Nino3.4, {lead} months ahead", MRTLRegressor().fit(X[is_train], y[is_train]), "grid"))
    train, _ = shots.load()
    encode = make_column_transformer(
        (OneHotEncoder(dtype="float32"), ["player_id"]),
        (GridDiscretizer(shots.COURT, dtype="float32"), ["x", "y"]),
        sparse_threshold=1,
    )
    modes = [Feature("player", intercept=True, pooled=True), shots.COURT]
    rows.append(row("real shots", MRTLClassifier(modes).fit(encode.fit_transform(train), train.made), "court"))
    table("Real data, default models", ["data", "Moran's I, the heaviest component first"], rows)


if __name__ == "__main__":
    main()
