"""
From raw files to a score
=========================

Climate data come as files: netCDF with fields of the ocean, grids or text with precipitation. This page shows the whole
path from files to a tested model.
"""

# %%
# The files
# ---------
# If the folder ``MRTL_DATA`` has a netCDF file of the ocean at 1 degree, the page reads it. Otherwise it writes the
# bundled data to files with common conventions: longitudes from 0 to 360, latitudes from north to south, kelvin, one
# file for each quarter century.
import os
import tempfile
from pathlib import Path

import xarray as xr
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation, read_ocean, read_precipitation
from sklearn_mrtl.inspection import ComponentDisplay
from sklearn_mrtl.preprocessing import (
    AreaWeighter,
    DeseasonalizedTargetRegressor,
    Deseasonalizer,
    Detrender,
    InlandWaterMasker,
    lag_windows,
)

bundled = load_sst_precipitation(as_xarray=True)
folder = Path(tempfile.mkdtemp())
ocean_files = Path(os.environ.get("MRTL_DATA", "")) / "ocean/ocean_80x180.nc"
if not ocean_files.exists():
    print("MRTL_DATA has no ocean: using the bundled fields")
    kelvin = (bundled.sst + 273.15).rename("sst", lat="latitude", lon="longitude").assign_attrs(units="K")
    kelvin = (
        kelvin.assign_coords(longitude=kelvin.longitude % 360).sortby("longitude").sortby("latitude", ascending=False)
    )
    for first in range(1895, 2021, 25):
        years = kelvin.sel(time=slice(str(first), str(first + 24)))
        years.to_netcdf(folder / f"sst_{first}.nc", engine="h5netcdf")
    ocean_files = folder / "sst_*.nc"

# %%
# NOAA publishes the precipitation of climate divisions as text: code, year, and twelve months in inches. Here the
# precipitation of five divisions is written in that format.
with open(folder / "climdiv-pcpndv.txt", "w") as file:
    for division, series in list(zip(bundled.division, bundled.division_precip.values.T, strict=True))[:5]:
        for year, months in enumerate(series.reshape(-1, 12) / 25.4, start=1895):
            print(f"{division[:4]}01{year}" + "".join(f"{inches:7.2f}" for inches in months), file=file)

# %%
# Reading
# -------
# :func:`~sklearn_mrtl.datasets.read_ocean` standardizes names, units, order and longitudes, so the result does not
# depend on the conventions of the file. ``region`` is west, east, south, north.
sst = read_ocean(ocean_files, "sst", region=(-180, 0, -20, 60))
if sst.sizes["lat"] == 80:  # 1 degree: take means over 2 x 2 cells
    sst = sst.coarsen(lat=2, lon=2).mean()
rain = read_precipitation(folder / "climdiv-*.txt")
print(sst.sizes, sst.attrs.get("units"), "|", rain.sizes)

# %%
# Errors name the file and the problem:
(folder / "notes.nc").write_text("not netCDF")
for path, variable in ((folder / "notes.nc", "sst"), (ocean_files, "salinity")):
    try:
        read_ocean(path, variable)
    except ValueError as error:
        print(str(error).replace(f"{path.parent}/", "")[:160])

# %%
# To a score
# ----------
# The target is Nino3.4 three months ahead. ``lag_windows`` estimates nothing, so call it first; trend, seasonal cycle
# and weights are estimated in the pipeline, on its training rows.
nino34 = sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
X, y, *_ = lag_windows(sst, nino34, lags=6, lead=3)
model = make_pipeline(
    InlandWaterMasker(),
    Detrender("linear"),
    Deseasonalizer(standardize=False),
    AreaWeighter(),
    DeseasonalizedTargetRegressor(MRTLRegressor(), lead=3, standardize=False),
)
train = (y.time.dt.year <= 1990).values
model.fit(X[train], y[train])
prediction = xr.DataArray(model.predict(X[~train]), {"time": y.time[~train]})
normal = y[train].groupby("time.month").mean()


def anomaly(series):
    """Subtract the monthly means of the training years."""
    return series.groupby("time.month") - normal


print(f"R^2 of temperatures {model.score(X[~train], y[~train]):.3f}, "
      f"of anomalies {r2_score(anomaly(y[~train]), anomaly(prediction)):.3f}")  # fmt: skip

# %%
# The map has the file's latitudes and longitudes:
ComponentDisplay.from_estimator(model)

# %%
# ``to_xarray`` returns all factors with coordinates, which can be written to a file:
factors = model[-1].regressor_.to_xarray()
factors.to_netcdf(folder / "factors.nc", engine="h5netcdf")
print(factors)

# %%
# Precipitation is aligned with the fields by its time coordinate. The target here is next month's precipitation in five
# divisions of Alabama:
X, Y, *_ = lag_windows(sst, rain.sel(time=sst.time), lags=2, lead=1)
train = (Y.time.dt.year <= 1990).values
several = make_pipeline(
    Deseasonalizer(standardize=False), DeseasonalizedTargetRegressor(MRTLRegressor(rank=3), lead=1)
).fit(X[train], Y[train])
predicted = several.predict(X[~train])
normal = Y[train].groupby("time.month").mean().sel(month=Y.time[~train].dt.month).values
skill = 1 - ((predicted - Y[~train].values) ** 2).mean() / ((normal - Y[~train].values) ** 2).mean()
print(f"outputs {predicted.shape}, skill beyond the monthly means {skill:.1%}")

# %%
# That is next to nothing, and right: rain in Alabama a month ahead can hardly be predicted from the sea, and a good
# model then stays with the monthly means.
