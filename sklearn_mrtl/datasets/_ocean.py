"""Gridded fields that vary smoothly in space and time, and a target that follows a planted CP model of them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state, check_scalar

from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl._utils.windows import windows_of
from sklearn_mrtl.modes import Feature, Grid, check_shape

# The axes of a grid, the last ones first used, and the paper's region: metres, degrees north, degrees east.
AXES = ("depth", "lat", "lon")
BOUNDS = ((0.0, 500.0), (-20.0, 60.0), (-180.0, 0.0))
START = np.datetime64("1900-01", "M")

# Range of the components' standard deviations: close, but never so that they cancel out on a tiny grid.
SHARES = (0.75, 1.25)


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
    r"""Make monthly ocean fields, and a target such as rain on land, from a planted low-rank model.

    A sample of month t has the fields of some variables (temperature, salinity, ...) in the months t, t - 1, ... Each
    field varies smoothly over the grid and slowly from month to month; the variables are independent of each other.
    With lags l, variables v and cells d,

    .. math:: y = \frac{1}{D} \sum_{lvd} W_{lvd} X_{lvd} + \varepsilon, \qquad W_{lvd} = \sum_k A_{lk} B_{vk} C_{dk}

    (Park et al., 2020, eq. (2)), the mean over all D cells of the grid, in which land counts as 0. Each component k has
    a lag around which it acts, another than that of the others, its share of each variable, and a pattern over the
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
        Cells along 1 to 3 axes: longitude; latitude and longitude; depth, latitude and longitude.
    n_components : int, default=3
        Number K of planted components.
    best_r2 : float, default=0.8
        R^2 of y without noise, the best that a model can reach, in (0, 1]. It sets the noise; it holds on average, the
        seasonal cycle apart.
    smoothness : float, default=0.08
        Length over which fields and patterns vary (the standard deviation of the Gaussian that smooths white noise), as
        a share of the longest axis.
    autocorrelation : float, default=0.8
        Correlation of a field with that of the month before, in [0, 1).
    seasonal : float, default=0.0
        Amplitude of the seasonal cycle in the fields, in their standard deviations without it. It differs smoothly over
        the grid in size and month of the maximum.
    land : float, default=0.2
        Share of cells that are land, in [0, 1): NaN in the fields. Land has smooth coasts.
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
            The fields, of mean 0 and, the seasonal cycle apart, standard deviation 1; NaN on land. A read-only view in
            which a month's field is stored once for all lags.
        target* : array of shape (n_samples,)
            y.
        signal* : float64 array of shape (n_samples,)
            y without noise.
        noise : float
            Standard deviation of the noise; that of y without it is 1, on average and the seasonal cycle apart.
        factors : dict of float64 arrays
            The true weights: A as "lag" (n_lags, K), B as "variable" (n_variables, K), C as "ocean" (\*shape, K), zero
            on land.
        coef : float64 array of shape (n_lags, n_variables, \*shape)
            The true W, in units of y per unit of the field and share of the grid's area: ``coef / prod(shape)`` is what
            multiplies a cell's value. This is how a Grid of means has its weights, the same at every resolution.
        ocean* : bool array of shape ``shape``
            Cells that have data.
        time : datetime64[M] array of shape (n_samples,)
            Month of lag 0.
        modes : tuple of Feature and Grid
            The modes of the planted tensor, in the order of the axes of ``data``.

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

    The target is what the docstring says:

    >>> signal = (ocean.coef * np.nan_to_num(ocean.data)).sum(axis=(1, 2, 3, 4)) / (8 * 18)
    >>> np.allclose(signal, ocean.signal)
    True
    """
    _check_parameters(
        n_samples=n_samples,
        n_lags=n_lags,
        n_variables=n_variables,
        n_components=n_components,
        best_r2=best_r2,
        smoothness=smoothness,
        autocorrelation=autocorrelation,
        seasonal=seasonal,
        land=land,
    )
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}.")
    shape = check_shape("ocean", shape)
    grid = Grid("ocean", shape, bounds=BOUNDS[-len(shape) :], quantity="mean")
    modes = (Feature("lag", n_lags), Feature("variable", n_variables), grid)
    smoothers = _smoothers(shape, smoothness)

    seed = check_random_state(random_state).randint(2**31 - 1)
    factor_rng, field_rng, noise_rng = np.random.default_rng(seed).spawn(3)
    ocean = _ocean(smoothers, land, factor_rng)
    factors = _plant(modes, n_components, smoothers, ocean, autocorrelation, factor_rng)
    cycle = _cycle(n_variables, smoothers, factor_rng)

    n_months = n_samples + n_lags - 1
    months = START + np.arange(n_months)
    fields = _fields(n_months, n_variables, smoothers, autocorrelation, field_rng)
    if seasonal:
        fields += seasonal * cycle[months.astype(int) % 12]
    fields = fields.astype(dtype, copy=False)
    signal = _signal(fields, factors)
    noise = np.sqrt(1 / best_r2 - 1)
    target = (signal + noise * noise_rng.normal(size=n_samples)).astype(dtype)
    fields[..., ~ocean] = np.nan
    rows = slice(n_lags - 1, n_months)
    made = Bunch(
        data=windows_of(fields, np.arange(n_lags), rows),
        target=target,
        signal=signal,
        noise=float(noise),
        factors=factors,
        coef=np.einsum("lk,vk,...k->lv...", *factors.values()),
        ocean=ocean,
        time=months[rows],
        modes=modes,
    )
    if as_xarray:
        _to_data_arrays(made, grid)
    return made


def _check_parameters(**values) -> None:
    for name in ("n_samples", "n_lags", "n_variables", "n_components"):
        check_scalar(values[name], name, Integral, min_val=1)
    for name, low, high, closed in (
        ("best_r2", 0, 1, "right"),
        ("smoothness", 0, None, "neither"),
        ("autocorrelation", 0, 1, "left"),
        ("seasonal", 0, None, "left"),
        ("land", 0, 1, "left"),
    ):
        check_scalar(values[name], name, Real, min_val=low, max_val=high, include_boundaries=closed)


# Smooth random fields


def _smoothers(shape: tuple[int, ...], smoothness: float) -> list[np.ndarray]:
    """For each axis a matrix (n, n) that makes smooth noise of variance 1 from white noise: Gaussians of norm 1."""
    width = smoothness * max(shape)
    smoothers = []
    for n in shape:
        distance = np.subtract.outer(np.arange(n), np.arange(n))
        smoother = np.exp(-((distance / width) ** 2) / 2)
        smoothers.append(smoother / np.linalg.norm(smoother, axis=1, keepdims=True))
    return smoothers


def _smooth(values: np.ndarray, smoothers: Sequence[np.ndarray]) -> np.ndarray:
    """Apply each axis's matrix to the last axes of the values."""
    for smoother in smoothers:
        # The axis goes, and comes back as the last: after all of them they are in order again.
        values = np.tensordot(values, smoother, axes=([values.ndim - len(smoothers)], [1]))
    return values


def _white(rng, *shape, smoothers) -> np.ndarray:
    return rng.normal(size=(*shape, *map(len, smoothers)))


def _fields(n_months, n_variables, smoothers, autocorrelation, rng) -> np.ndarray:
    """Fields of variance 1, each correlated with the month before; shape (n_months, n_variables, *shape)."""
    fields = _smooth(_white(rng, n_months, n_variables, smoothers=smoothers), smoothers)
    fields[1:] *= np.sqrt(1 - autocorrelation**2)
    for before, now in zip(fields, fields[1:], strict=False):
        now += autocorrelation * before
    return fields


def _cycle(n_variables, smoothers, rng) -> np.ndarray:
    """A wave of one year in each cell, of size 1 on average over cells; shape (12, n_variables, *shape)."""
    phase = 2 * np.pi * np.arange(12) / 12
    waves = np.stack((np.cos(phase), np.sin(phase)), axis=1)  # (12, 2)
    return np.tensordot(waves, _smooth(_white(rng, 2, n_variables, smoothers=smoothers), smoothers), axes=1)


def _ocean(smoothers, land: float, rng) -> np.ndarray:
    """Mask of the ocean; land is where a smooth field is highest."""
    height = _smooth(_white(rng, smoothers=smoothers), smoothers)
    ocean = np.ones(height.size, dtype=bool)
    n_land = min(round(land * height.size), height.size - 1)
    ocean[np.argsort(height, axis=None)[height.size - n_land :]] = False
    return ocean.reshape(height.shape)


# The planted model


def _plant(modes, n_components, smoothers, ocean, autocorrelation, rng) -> dict[str, np.ndarray]:
    """Factors {mode name: (*shape, K)}; components have about equal variance, and y without noise has variance 1."""
    lag, variable, _ = modes
    # Spread over all lags: components that act at the same lag would have no unique patterns.
    centers = (rng.permutation(n_components) + rng.uniform(size=n_components)) / n_components * (lag.size - 1)
    lags = np.exp(-((np.arange(lag.size)[:, None] - centers) ** 2) / 2)  # (L, K), a month or two to either side
    variables = rng.normal(size=(variable.size, n_components))
    patterns = _smooth(_white(rng, n_components, smoothers=smoothers), smoothers) * ocean  # (K, *shape)

    months_apart = np.abs(np.subtract.outer(np.arange(lag.size), np.arange(lag.size)))
    across_lags = lags.T @ autocorrelation**months_apart @ lags  # (K, K)
    on_white = _smooth(patterns, [smoother.T for smoother in smoothers]).reshape(n_components, -1) / ocean.size
    covariance = across_lags * (variables.T @ variables) * (on_white @ on_white.T)  # of the components' shares of y
    size = np.sqrt(np.diag(covariance)) / rng.uniform(*SHARES, n_components)
    of_all = np.sqrt((covariance / np.outer(size, size)).sum())
    return {"lag": lags, "variable": variables / size, "ocean": np.moveaxis(patterns, 0, -1) / of_all}


def _signal(fields, factors) -> np.ndarray:
    """<W, X_n> of each month that has all lags, by eq. (2) component after component; shape (n_samples,)."""
    lags, variables, ocean = factors.values()
    n_lags, n_components = lags.shape
    patterns = ocean.reshape(-1, n_components)
    seen = fields.reshape(*fields.shape[:2], -1) @ patterns / len(patterns)  # (n_months, V, K)
    seen = np.einsum("tvk,vk->tk", seen, variables)
    windows = np.lib.stride_tricks.sliding_window_view(seen, n_lags, axis=0)[..., ::-1]  # (n_samples, K, L)
    return np.einsum("tkl,lk->t", windows, lags)


def _to_data_arrays(made: Bunch, grid: Grid) -> None:
    """Replace fields and series by DataArrays with coordinates."""
    xr = import_optional(
        "xarray",
        extra="xarray",
        caller="make_ocean(as_xarray=True)",
        otherwise="leave as_xarray=False for numpy arrays",
    )
    axes = AXES[-len(grid.shape) :]
    centers = dict(zip(axes, grid.centers(), strict=True))
    coords = {
        "time": made.time.astype("datetime64[ns]"),
        "lag": np.arange(made.coef.shape[0]),
        "variable": [f"variable_{i}" for i in range(made.coef.shape[1])],
        **centers,
    }
    for name, dims in {
        "data": ("time", "lag", "variable", *axes),
        "target": ("time",),
        "signal": ("time",),
        "ocean": axes,
    }.items():
        made[name] = xr.DataArray(made[name], {dim: coords[dim] for dim in dims}, dims, name)
