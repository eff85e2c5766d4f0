"""Monthly sea surface temperature and U.S. precipitation, 1895 to 2020, bundled with the package."""

from __future__ import annotations

from importlib import resources

import numpy as np
from sklearn.utils import Bunch

from sklearn_mrtl.datasets._data_arrays import import_xarray, replace_by_data_arrays

DESCRIPTION = """\
Sea surface temperature and U.S. precipitation, monthly, 1895-01 to 2020-12

Sea surface temperature (degC) on 40 x 90 cells of 2 degrees, 20S-60N and 180W-0, raw: trend and seasonal cycle are in.
Precipitation (mm per month) of the 344 climate divisions of the contiguous United States, and its mean over the
Midwest. The question of Park et al. (2020), with their salinity left out: does the ocean tell the Midwest's rain?

Sources: NOAA ERSST v5 and NOAA nClimDiv. U.S. government data, public domain.
Stored with a step of 0.02 degC, 0.1 mm (Midwest) and 1 mm (divisions).
"""

# Dimensions and attributes of what becomes a DataArray.
DIMS = {
    "sst": ("time", "lat", "lon"),
    "ocean": ("lat", "lon"),
    "precip_midwest": ("time",),
    "division_precip": ("time", "division"),
}
ATTRS = {
    "sst": {"units": "degC", "long_name": "sea surface temperature"},
    "ocean": {"long_name": "cell has data"},
    "precip_midwest": {"units": "mm/month", "long_name": "precipitation over the Midwest"},
    "division_precip": {"units": "mm/month", "long_name": "precipitation"},
}


def load_sst_precipitation(*, as_xarray: bool = False) -> Bunch:
    """Load monthly sea surface temperature and U.S. precipitation, 1895-01 to 2020-12.

    Public-domain data of NOAA (ERSST v5 and nClimDiv), bundled with the package. They are raw: trend and seasonal cycle
    are in, and :mod:`sklearn_mrtl.preprocessing` removes them.

    Parameters
    ----------
    as_xarray : bool, default=False
        Return fields and series as :class:`xarray.DataArray`, with coordinates and units, instead of numpy arrays.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like, with the following attributes. With ``as_xarray=True`` those marked * are DataArrays, whose
        ``time`` is the first day of the month as ``datetime64[ns]``; the others stay numpy.

        sst* : float32 array of shape (1512, 40, 90)
            Sea surface temperature by month, latitude and longitude, degC. NaN over land.
        ocean* : bool array of shape (40, 90)
            The 2972 cells that have data.
        precip_midwest* : float32 array of shape (1512,)
            Mean precipitation over the Midwest, mm per month.
        division_precip* : float32 array of shape (1512, 344)
            Precipitation of each U.S. climate division, mm per month.
        time : datetime64[M] array of shape (1512,)
            Months.
        lat, lon : float32 arrays of shape (40,) and (90,)
            Centres of the cells, degrees north (-19 to 59) and degrees east (-179 to -1).
        division, division_state : str arrays of shape (344,)
            NOAA's code of each division and the postal abbreviation of its state.
        division_lat, division_lon : float32 arrays of shape (344,)
            Centre of each division, degrees.
        DESCR : str
            Description and sources.

    Raises
    ------
    ImportError
        If ``as_xarray=True`` and xarray is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.datasets import load_sst_precipitation
    >>> data = load_sst_precipitation()
    >>> data.sst.shape, data.time[0], data.time[-1]
    ((1512, 40, 90), np.datetime64('1895-01'), np.datetime64('2020-12'))

    Temperature of the Nino3.4 region (5S-5N, 170W-120W), whose anomaly tells El Nino:

    >>> region = np.ix_(abs(data.lat) <= 5, (data.lon >= -170) & (data.lon <= -120))
    >>> nino34 = data.sst[:, *region].mean(axis=(1, 2))
    >>> round(float(nino34.mean()), 1)
    26.9
    """
    if as_xarray:
        import_xarray("load_sst_precipitation")
    with resources.files(__package__).joinpath("data", "sst_precipitation.npz").open("rb") as file:
        stored = dict(np.load(file))
    data = Bunch(
        sst=_decode_sst(stored["sst_code"], stored["sst_step"], stored["ocean"]),
        ocean=stored["ocean"],
        precip_midwest=stored["precip_midwest_mm"],
        division_precip=stored["division_precip_mm"].T.astype(np.float32, order="C"),
        time=stored["time"].astype("datetime64[M]"),
        lat=stored["lat"],
        lon=stored["lon"],
        division=stored["division"],
        division_state=stored["division_state"],
        division_lat=stored["division_lat"],
        division_lon=stored["division_lon"],
        DESCR=DESCRIPTION,
    )
    if as_xarray:
        _to_data_arrays(data)
    return data


def _decode_sst(code, step, ocean):
    """Return temperatures of shape (n_months, *ocean.shape) from their differences along cells and months."""
    steps = np.cumsum(code, axis=1, dtype=np.int32)
    np.cumsum(steps, axis=0, out=steps)
    sst = np.full((len(code), ocean.size), np.nan, dtype=np.float32)
    sst[:, np.flatnonzero(ocean)] = steps * np.float64(step)
    return sst.reshape(len(code), *ocean.shape)


def _to_data_arrays(data):
    """Replace fields and series by DataArrays with coordinates."""
    north = {"units": "degrees_north", "long_name": "latitude"}
    east = {"units": "degrees_east", "long_name": "longitude"}
    coords = {
        "time": ("time", data.time.astype("datetime64[ns]")),
        "lat": ("lat", data.lat, north),
        "lon": ("lon", data.lon, east),
        "division": ("division", data.division, {"long_name": "climate division"}),
        "division_state": ("division", data.division_state, {"long_name": "state"}),
        "division_lat": ("division", data.division_lat, north),
        "division_lon": ("division", data.division_lon, east),
    }
    replace_by_data_arrays(data, DIMS, coords, ATTRS, caller="load_sst_precipitation")
