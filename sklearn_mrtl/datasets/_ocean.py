"""Simulated fields that vary smoothly in space and time, and a target that follows a low-rank model of them."""

from __future__ import annotations

import numpy as np
from sklearn.utils import Bunch

from sklearn_mrtl._utils.windows import windows_of
from sklearn_mrtl.datasets._data_arrays import import_xarray, replace_by_data_arrays
from sklearn_mrtl.datasets._ocean_model import (
    make_smoothers,
    random_factors,
    random_fields,
    random_ocean,
    seasonal_cycle,
    true_signal,
)
from sklearn_mrtl.datasets._simulation import check_counts, check_float_type, check_interval, spawn_generators
from sklearn_mrtl.modes import Feature, Grid, check_shape

# Names and bounds of up to three axes, of which a grid with fewer has the last ones. Bounds are those of the paper's
# region, in metres and degrees; the names are not those of the globe, where the simulated ocean is nowhere.
AXES = ("depth", "y", "x")
BOUNDS = ((0.0, 500.0), (-20.0, 60.0), (-180.0, 0.0))
START = np.datetime64("1900-01", "M")


def make_ocean(
    n_samples: int = 500,
    *,
    n_lags: int = 6,
    n_variables: int = 2,
    shape: int | tuple[int, ...] = (24, 54),
    n_components: int = 3,
    best_r2: float = 0.8,
    smoothness: float = 0.08,
    autocorrelation: float = 0.8,
    seasonal: float = 0.0,
    land: float = 0.2,
    dtype=np.float64,
    as_xarray: bool = False,
    random_state=None,
) -> Bunch:
    r"""Simulate monthly ocean fields, and a target such as rain on land that follows a low-rank model of them.

    A sample of month t has the fields of some variables (temperature, salinity, ...) in the months t, t - 1, ... Each
    field varies smoothly over the grid and slowly from month to month; the variables are independent of each other.
    With lags l, variables v and cells d,

    .. math:: y = \frac{1}{D} \sum_{lvd} W_{lvd} X_{lvd} + \varepsilon, \qquad W_{lvd} = \sum_k A_{lk} B_{vk} C_{dk}

    (Park et al., 2020, eq. (2)), the mean over all D cells of the grid, in which land counts as 0. Each component k has
    a lag around which it acts, another than that of the others, a loading on each variable, and a pattern over the
    ocean with one or more centres of either sign, as smooth as the fields.

    Parameters
    ----------
    n_samples : int, default=500
        Number of months with a target.
    n_lags : int, default=6
        Number of lags: 0, 1, ..., n_lags - 1 months back.
    n_variables : int, default=2
        Number of variables.
    shape : int or tuple of int, default=(24, 54)
        Cells along 1 to 3 axes: x; y and x; depth, y and x.
    n_components : int, default=3
        Number K of components.
    best_r2 : float, default=0.8
        R^2 of y without noise, the best that a model can reach, in (0, 1]. It sets the size of the noise, and holds on
        average over samples and without a seasonal cycle.
    smoothness : float, default=0.08
        Length over which fields and patterns vary (the standard deviation of the Gaussian that smooths white noise), as
        a fraction of the longest axis.
    autocorrelation : float, default=0.8
        Correlation of a field with that of the month before, in [0, 1).
    seasonal : float, default=0.0
        Amplitude of the seasonal cycle, in units of the standard deviation that the fields have without it. Amplitude
        and month of the maximum vary smoothly over the grid.
    land : float, default=0.2
        Fraction of cells that are land, in [0, 1): NaN in the fields. Land has smooth coasts.
    dtype : {numpy.float64, numpy.float32}, default=numpy.float64
        Type of ``data`` and ``target``.
    as_xarray : bool, default=False
        Return ``data``, ``target``, ``signal`` and ``ocean`` as :class:`xarray.DataArray` instead of numpy arrays.
    random_state : int, RandomState instance or None, default=None
        Seed of land, factors and fields. Land, factors and seasonal cycle do not depend on ``n_samples``.

    Returns
    -------
    ocean : :class:`~sklearn.utils.Bunch`
        Dictionary-like, with the following attributes. With ``as_xarray=True`` those marked * are DataArrays.

        data* : array of shape (n_samples, n_lags, n_variables, \*shape)
            The fields, NaN on land. Without the seasonal cycle they have mean 0 and standard deviation 1. A read-only
            view in which a month's field is stored once for all lags.
        target* : array of shape (n_samples,)
            y.
        signal* : float64 array of shape (n_samples,)
            y without noise.
        noise : float
            Standard deviation of the noise. That of y without noise and seasonal cycle is 1 on average.
        factors : dict of float64 arrays
            The true weights: A as "lag" (n_lags, K), B as "variable" (n_variables, K), C as "ocean" (\*shape, K), zero
            on land.
        coef : float64 array of shape (n_lags, n_variables, \*shape)
            The true W, in units of y per unit of the field and fraction of the grid's area: a cell's value is
            multiplied by ``coef / prod(shape)``. Weights of a Grid of means have these units at every resolution.
        ocean* : bool array of shape ``shape``
            Cells that have data.
        time : datetime64[M] array of shape (n_samples,)
            Month of lag 0.
        modes : tuple of Feature and Grid
            The modes of the true W, in the order of the axes of ``data``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    ImportError
        If ``as_xarray=True`` and xarray is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> ocean = make_ocean(100, shape=(8, 18), random_state=0)
    >>> ocean.data.shape, ocean.target.shape
    ((100, 6, 2, 8, 18), (100,))
    >>> {name: factor.shape for name, factor in ocean.factors.items()}
    {'lag': (6, 3), 'variable': (2, 3), 'ocean': (8, 18, 3)}

    The signal is the sum above:

    >>> signal = (ocean.coef * np.nan_to_num(ocean.data)).sum(axis=(1, 2, 3, 4)) / (8 * 18)
    >>> np.allclose(signal, ocean.signal)
    True
    """
    check_counts(n_samples=n_samples, n_lags=n_lags, n_variables=n_variables, n_components=n_components)
    check_interval("best_r2", best_r2, 0, 1, closed="right")
    check_interval("smoothness", smoothness, 0, None, closed="neither")
    check_interval("autocorrelation", autocorrelation, 0, 1, closed="left")
    check_interval("seasonal", seasonal, 0, None, closed="left")
    check_interval("land", land, 0, 1, closed="left")
    check_float_type(dtype)
    shape = check_shape("ocean", shape)
    if as_xarray:
        import_xarray("make_ocean")

    factor_rng, field_rng, noise_rng = spawn_generators(random_state, 3)
    smoothers = make_smoothers(shape, smoothness)
    ocean = random_ocean(smoothers, land, factor_rng)
    factors = random_factors(n_lags, n_variables, n_components, smoothers, ocean, autocorrelation, factor_rng)
    cycle = seasonal_cycle(n_variables, smoothers, factor_rng)

    n_months = n_samples + n_lags - 1
    months = START + np.arange(n_months)
    fields = random_fields(n_months, n_variables, smoothers, autocorrelation, field_rng)
    if seasonal:
        fields += seasonal * cycle[months.astype(int) % 12]
    fields = fields.astype(dtype, copy=False)
    signal = true_signal(fields, factors)
    noise = np.sqrt(1 / best_r2 - 1)
    target = (signal + noise * noise_rng.normal(size=n_samples)).astype(dtype)
    fields[..., ~ocean] = np.nan

    rows = slice(n_lags - 1, n_months)
    grid = Grid("ocean", shape, bounds=BOUNDS[-len(shape) :], quantity="mean")
    data = Bunch(
        data=windows_of(fields, np.arange(n_lags), rows),
        target=target,
        signal=signal,
        noise=float(noise),
        factors=factors,
        coef=np.einsum("lk,vk,...k->lv...", *factors.values()),
        ocean=ocean,
        time=months[rows],
        modes=(Feature("lag", n_lags), Feature("variable", n_variables), grid),
    )
    if as_xarray:
        _to_data_arrays(data, grid)
    return data


def _to_data_arrays(data: Bunch, grid: Grid) -> None:
    """Replace fields and series by DataArrays with coordinates."""
    axes = AXES[-len(grid.shape) :]
    n_lags, n_variables = data.coef.shape[:2]
    coords = {
        "time": ("time", data.time.astype("datetime64[ns]")),
        "lag": ("lag", np.arange(n_lags)),
        "variable": ("variable", [f"variable_{i}" for i in range(n_variables)]),
        **{axis: (axis, centers) for axis, centers in zip(axes, grid.centers(), strict=True)},
    }
    dims = {"data": ("time", "lag", "variable", *axes), "target": ("time",), "signal": ("time",), "ocean": axes}
    replace_by_data_arrays(data, dims, coords, {}, caller="make_ocean")
