"""Bands of factors and weights, from refits on resampled rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.parallel import delayed

from sklearn_mrtl._estimators.fitted import FittedTensor
from sklearn_mrtl._estimators.predictor import CPU
from sklearn_mrtl._estimators.refits import Refits
from sklearn_mrtl._utils.optional import import_optional
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.threads import computing
from sklearn_mrtl.inspection._components import fitted_model
from sklearn_mrtl.inspection._composites import model_data
from sklearn_mrtl.inspection._matching import aligned_components
from sklearn_mrtl.inspection._progress import computed
from sklearn_mrtl.inspection._resampling import draw_counts


@dataclass(frozen=True, eq=False, repr=False)
class FactorBands:
    r"""Bands of the factors of one weight tensor.

    Attributes
    ----------
    name : str
        Names of the tensor's modes, " x " between them.
    quantiles : (float, float)
        Lower and upper one.
    low, high : dict of str to ndarray of shape (\*shape of the mode, K)
        For each mode, by name, the quantiles of its factor over the refits; NaN where it holds no data. Empty for a
        tensor without rank-one components. Columns have unit length in every refit; the column of a term of a single
        mode has the length of its weights, in units of the fitted component weight.
    sign_agreement : dict of str to ndarray of the same shapes
        Fraction of the refits whose factor has the sign of the fitted one: 1 is settled, 0.5 is not known at all.
    component_weights_low, component_weights_high : ndarray of shape (K,)
        Quantiles of the components' weights.
    match : ndarray of shape (n_resamples, K)
        Match score of each component with its refit, 0 to 1; see `factor_match_score`.
    terms : dict of str to FactorBands
        Bands of every term of the model, by name; these ones are those of the term with the most modes.
    """

    name: str
    quantiles: tuple[float, float]
    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    sign_agreement: dict[str, np.ndarray]
    component_weights_low: np.ndarray
    component_weights_high: np.ndarray
    match: np.ndarray
    tensors: list[FittedTensor] = field(default_factory=list)
    terms: dict[str, FactorBands] = field(default_factory=dict)

    def __repr__(self):
        return f"FactorBands({self.name!r}, quantiles={self.quantiles}, {len(self.match)} refits)"

    def coef(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute the bands of the dense weights.

        Returns
        -------
        low, high, sign_agreement : ndarray of the shape of ``coef_``
            Quantiles of each weight, and the fraction of the refits whose weight has the sign of the fitted one.

        Raises
        ------
        MemoryError
            If the weights of all refits would not fit.
        """
        fit, reference, *refits = self.tensors
        first = fit.coefficients()
        memory.require_bytes(
            3 * len(refits) * first.nbytes, CPU, f"the weights of {len(refits)} refits", "low and high have the "
            "bands of the factors in little room."
        )  # fmt: skip
        draws = np.stack([tensor.coefficients() for tensor in refits])
        draws += first - reference.coefficients()
        return *np.quantile(draws, self.quantiles, axis=0).astype(first.dtype), agreement(draws, first)

    def to_xarray(self):
        """Return the bands as an xarray.Dataset with the coordinates of the factors.

        Raises
        ------
        ImportError
            If xarray is not installed.
        """
        xr = import_optional("xarray", extra="xarray", caller="to_xarray", otherwise="use low and high themselves")
        modes = self.tensors[0].modes
        coords = {dim: variable for mode in modes.values() for dim, variable in mode.variables.items()}
        bands = {"low": self.low, "high": self.high, "sign_agreement": self.sign_agreement}
        variables = {
            f"{name}_{kind}": ((*modes[name].dims, "component"), values)
            for kind, by_name in bands.items()
            for name, values in by_name.items()
        }
        return xr.Dataset(variables, coords, {"quantiles": list(self.quantiles)})


def factor_bands(
    estimator,
    X,
    y,
    *,
    quantiles: tuple[float, float] = (0.05, 0.95),
    resample: str = "block bootstrap",
    n_resamples: int = 100,
    groups=None,
    sample_weight=None,
    block_length: int | None = None,
    n_jobs: int | None = None,
    random_state=None,
    verbose: int = 0,
) -> FactorBands:
    r"""Compute bands of every factor and weight from refits on resampled rows.

    Each refit draws rows with replacement, keeps the fitted rank and penalties, starts from the fit, and draws the
    centre of the penalties from the Gaussian prior that they stand for. Components are matched with those of the fit,
    signs included.

    Parameters
    ----------
    estimator : fitted MRTLRegressor or MRTLClassifier, or a pipeline, target transformer or search around one
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Rows of fit, as the estimator takes them.
    y : array-like of shape (n,) or (n, T)
        Their targets.
    quantiles : (float, float), default=(0.05, 0.95)
        Of the refits, as lower and upper end of the bands.
    resample : {"block bootstrap", "groups"}, default="block bootstrap"
        "block bootstrap": draw blocks of consecutive rows, so that rows correlated in time stay together. "groups":
        draw whole groups, such as games or plays.
    n_resamples : int, default=100
        Number of refits.
    groups : array-like of shape (n,), default=None
        Group of each row, for ``resample="groups"``.
    sample_weight : array-like of shape (n,), default=None
        Weights of the rows, as in fit.
    block_length : int or None, default=None
        Number of rows of a block. It should be longer than the correlation time. None: the cube root of n.
    n_jobs : int or None, default=None
        Number of refits at the same time, in threads.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows and of the penalties' centres.
    verbose : int, default=0
        1 prints how many refits are done and how long the others will take, from the second refit on; 2 prints a line
        for each.

    Returns
    -------
    bands : FactorBands
        ``low``, ``high`` and ``sign_agreement`` map the name of each mode to an array of the shape of its factor;
        ``coef()`` has the same for the dense weights, ``terms`` for each term of a sum, and ``to_xarray()`` returns a
        Dataset.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or X and y are not like those of fit.
    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    stability : Whole fits, the choice of rank and penalties included, compared by match scores.

    Notes
    -----
    Resampled rows alone make bands that are too narrow, because penalties pull all refits to the same side: on
    simulated fields 90 % bands held the true map in 60 % of its cells. The penalty is therefore taken for the
    logarithm of a Gaussian prior, as in ridge regression. Its centre is drawn anew from the prior for each refit, which
    adds the spread of the bias to that of the sample: with Gaussian noise and no resampling of rows the refits are
    draws from the posterior. :doc:`/user_guide/uncertainty` has the measured coverage.

    Fields of more than 8 million numbers are refitted at a coarser level, and the differences between its refits are
    interpolated. The choice of the rank and of the penalties is not repeated, so its uncertainty is not included.

    Examples
    --------
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import factor_bands
    >>> ocean = make_ocean(200, n_components=1, shape=(6, 12), best_r2=0.95, random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=1).fit(ocean.data, ocean.target)
    >>> bands = factor_bands(model, ocean.data, ocean.target, n_resamples=10, random_state=0)
    >>> bands.low["ocean"].shape
    (6, 12, 1)
    >>> is_settled = bands.sign_agreement["ocean"] > 0.9
    >>> bool(is_settled.mean() > 0.4)  # of all cells, land included
    True
    """
    low, high = check_quantiles(quantiles)
    check_scalar(n_resamples, "n_resamples", Integral, min_val=2)
    model, rng = fitted_model(estimator), check_random_state(random_state)
    X, y = model_data(estimator, X, y)
    counts = draw_counts(resample, n_resamples, len(y), groups, block_length, rng)
    seeds = rng.randint(2**31 - 1, size=n_resamples)
    with computing(1):  # refits are small: threads of torch would wait for each other, and n_jobs says how many run
        refits = Refits.of(model, X, y, sample_weight)
        start = refits.refit(np.ones(len(y)))
        reference, unit = refits.fitted(start), refits.unit(counts, start)
    jobs = (delayed(_refit)(refits, count, start, unit, int(seed)) for count, seed in zip(counts, seeds, strict=True))
    drawn = computed(jobs, n_resamples, "refit", verbose=verbose, n_jobs=n_jobs, prefer="threads")
    terms = {
        tensor.name: _bands([tensor, reference[t], *(one[t] for one in drawn)], (low, high))
        for t, tensor in enumerate(refits.tensors)
    }
    return replace(terms[model.tensor_.name], terms=terms)


def _refit(refits: Refits, counts: np.ndarray, start, unit: float, seed: int) -> list[FittedTensor]:
    with computing(1):
        return refits.fitted(refits.refit(counts, start, unit, seed))


def _bands(tensors: list[FittedTensor], quantiles: tuple[float, float]) -> FactorBands:
    """Return the bands of a term from its fitted tensor, that of a refit on all rows, and those of the refits."""
    fit, reference, *refits = tensors
    bands = partial(FactorBands, fit.name, quantiles, tensors=tensors)
    if fit.decomposition != "cp":
        return bands({}, {}, {}, np.empty(0), np.empty(0), np.empty((len(refits), 0)))
    weights, factors = fit.canonical
    base_weights, base, _ = aligned_components(factors, *reference.canonical)
    aligned = [aligned_components(base, *tensor.canonical) for tensor in refits]
    alone = len(factors) == 1  # then the column's length is no matter of another mode: bands of its weights
    low, high, sign = {}, {}, {}
    for name, factor in factors.items():
        draws = np.stack([own[name] * (own_weights / weights if alone else 1) for own_weights, own, _ in aligned])
        draws += factor - base[name] * (base_weights / weights if alone else 1)
        low[name], high[name] = np.quantile(draws, quantiles, axis=0).astype(factor.dtype)
        sign[name] = agreement(draws, factor)
    spread = np.stack([own for own, _, _ in aligned]) + (weights - base_weights)
    weights_low, weights_high = np.quantile(spread, quantiles, axis=0)
    return bands(low, high, sign, weights_low, weights_high, np.stack([match for _, _, match in aligned]))


def agreement(draws: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Return the fraction of draws (R, ...) with the sign of the fit; NaN where that is NaN."""
    return np.where(np.isnan(fit), np.nan, (np.sign(draws) == np.sign(fit)).mean(axis=0)).astype(fit.dtype)


def check_quantiles(quantiles: Sequence[float]) -> tuple[float, float]:
    """Return two quantiles.

    Raises
    ------
    ValueError
        Unless they are two ascending numbers between 0 and 1.
    """
    is_pair = isinstance(quantiles, Sequence) and len(quantiles) == 2 and all(isinstance(q, Real) for q in quantiles)
    if not is_pair or not 0 <= quantiles[0] < quantiles[1] <= 1:
        raise ValueError(f"quantiles must be two ascending numbers from 0 to 1, got {quantiles!r}.")
    return float(quantiles[0]), float(quantiles[1])
