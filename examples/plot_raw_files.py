"""
From raw files to a score
=========================

Climate data come as files: netCDF with fields of the ocean, grids or text with precipitation. This page goes from files
to a tested model, in one pipeline.
"""

# %%
# The files
# ---------
# With ``MRTL_DATA`` the page reads a netCDF file of the ocean at 1 degree. Without it, it writes the bundled data to
# files as they are found in the wild: longitudes from 0 to 360, latitudes from north to south, kelvin, one file for
# each quarter century.
import os
import tempfile
from pathlib import Path

import xarray as xr
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from sklearn_mrtl import MRTLRegressor
from sklearn_mrtl.datasets import load_sst_precipitation, read_ocean, read_precipitation
from sklearn_mrtl.inspection import FactorDisplay
from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor, Deseasonalizer, Detrender, lag_windows

bundled = load_sst_precipitation(as_xarray=True)
folder = Path(tempfile.mkdtemp())
ocean_files = Path(os.environ.get("MRTL_DATA", "")) / "ocean/ocean_80x180.nc"
if not ocean_files.exists():
    print("MRTL_DATA has no ocean: the bundled fields, written to files")
    kelvin = (bundled.sst + 273.15).rename("sst", lat="latitude", lon="longitude").assign_attrs(units="K")
    kelvin = (
        kelvin.assign_coords(longitude=kelvin.longitude % 360).sortby("longitude").sortby("latitude", ascending=False)
    )
    for first in range(1895, 2021, 25):
        years = kelvin.sel(time=slice(str(first), str(first + 24)))
        years.to_netcdf(folder / f"sst_{first}.nc", engine="h5netcdf")
    ocean_files = folder / "sst_*.nc"

# %%
# NOAA's precipitation of climate divisions is text: code, year, and twelve months in inches. Here that of five
# divisions is written in the same format.
with open(folder / "climdiv-pcpndv.txt", "w") as file:
    for division, series in list(zip(bundled.division, bundled.division_precip.values.T, strict=True))[:5]:
        for year, months in enumerate(series.reshape(-1, 12) / 25.4, start=1895):
            print(f"{division[:4]}01{year}" + "".join(f"{inches:7.2f}" for inches in months), file=file)

# %%
# Reading
# -------
# :func:`~sklearn_mrtl.datasets.read_ocean` sees to names, units, order and longitudes; ``region`` is west, east, south,
# north. The result is the same whichever file it came from.
sst = read_ocean(ocean_files, "sst", region=(-180, 0, -20, 60))
if sst.sizes["lat"] == 80:  # 1 degree: means over 2 x 2 cells are enough here
    sst = sst.coarsen(lat=2, lon=2).mean()
rain = read_precipitation(folder / "climdiv-*.txt")
print(sst.sizes, sst.attrs.get("units"), "|", rain.sizes)

# %%
# What is wrong with a file is said in words:
(folder / "notes.nc").write_text("not netCDF")
for path, variable in ((folder / "notes.nc", "sst"), (ocean_files, "salinity")):
    try:
        read_ocean(path, variable)
    except ValueError as error:
        print(str(error)[:160])

# %%
# To a score
# ----------
# Nino3.4 three months ahead. ``lag_windows`` estimates nothing and comes first; trend, seasonal cycle and weights are
# estimated in the pipeline, on the rows that it is fitted to.
nino34 = sst.sel(lat=slice(-5, 5), lon=slice(-170, -120)).mean(("lat", "lon"))
X, y, *_ = lag_windows(sst, nino34, lags=6, lead=3)
model = make_pipeline(
    Detrender("linear"),
    Deseasonalizer(standardize=False),
    DeseasonalizedTargetRegressor(MRTLRegressor(rank=5), lead=3, standardize=False),
)
train = (y.time.dt.year <= 1990).values
model.fit(X[train], y[train])
prediction = xr.DataArray(model.predict(X[~train]), {"time": y.time[~train]})
normal = y[train].groupby("time.month").mean()
anomaly = lambda series: series.groupby("time.month") - normal  # noqa: E731
print(f"R^2 of temperatures {model.score(X[~train], y[~train]):.3f}, "
      f"of anomalies {r2_score(anomaly(y[~train]), anomaly(prediction)):.3f}")  # fmt: skip

# %%
# And to maps, on the file's latitudes and longitudes:
regressor = model[-1].regressor_
FactorDisplay.from_estimator(regressor, components=range(4))

# %%
# ``to_xarray`` has all of it with coordinates, to be written to a file in turn:
factors = regressor.to_xarray()
factors.to_netcdf(folder / "factors.nc", engine="h5netcdf")
print(factors)

# %%
# Precipitation joins by its times, as any labelled series does. Here five divisions of Alabama, next month's rain:
X, Y, *_ = lag_windows(sst, rain.sel(time=sst.time), lags=2, lead=1)
train = (Y.time.dt.year <= 1990).values
several = make_pipeline(
    Deseasonalizer(standardize=False), DeseasonalizedTargetRegressor(MRTLRegressor(rank=3), lead=1)
).fit(X[train], Y[train])
predicted = several.predict(X[~train])
normal = Y[train].groupby("time.month").mean().sel(month=Y.time[~train].dt.month).values
skill = 1 - ((predicted - Y[~train].values) ** 2).mean() / ((normal - Y[~train].values) ** 2).mean()
print(f"outputs {predicted.shape}, squared error less than that of the monthly means by {skill:.1%}")
