"""Activation patterns: what varies in X together with a component, in the place of what is read off X."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils import Bunch, check_random_state, check_scalar

from sklearn_mrtl._estimators.encoding_sums import Moments
from sklearn_mrtl._estimators.encodings import as_layout
from sklearn_mrtl._utils.arrays import as_one_array
from sklearn_mrtl.inspection._components import fitted_model, inputs_of
from sklearn_mrtl.inspection._explained import component_scores
from sklearn_mrtl.inspection._resampling import checked_length


def activation_pattern(
    estimator, X, *, n_permutations: int = 0, block_length: int | None = None, random_state=None
) -> Bunch:
    r"""Compute what varies in X together with each component.

    A factor is a filter: it says how X is weighted, and where predictors are correlated also where they cancel each
    other's noise. Its pattern says how X looks when the component's score is high (Haufe et al., 2014): with
    s_k the scores of component k,

    .. math:: A_{dk} = \mathrm{cov}(X_d, s_k) / \mathrm{var}(s_k)

    Parameters
    ----------
    estimator : fitted MRTLRegressor, MRTLClassifier or Pipeline ending in one
        With ``decomposition="cp"``.
    X : array-like, sparse matrix or xarray.DataArray of shape (n, ...)
        Rows as for ``predict``, those of training for instance.
    n_permutations : int, default=0
        Number of random orders of blocks of the scores, for p-values.
    block_length : int or None, default=None
        Number of consecutive rows of a block, which stay together. It should be longer than the correlation time.
        None: the cube root of n.
    random_state : int, RandomState instance or None, default=None
        Seed of the orders.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        pattern : ndarray of shape (\*shape of mode 1, \*shape of mode 2, ..., K), or dict of str to ndarray
            Of fields an array of the shape of a row at the model's resolution, NaN where there are no data; of
            encodings an array (\*shape, K) for the encoding of each mode, by name. Units of X per unit of the score;
            of several outputs, of that in which the component varies most.
        correlation : the same
            Correlation with the score, from -1 to 1; 0 where X is constant.
        p_value : the same
            Fraction of the orders whose correlation is at least as large, the actual one included; only with
            `n_permutations`. Each cell's own: among a thousand cells without any relation fifty have less than 0.05.

    Raises
    ------
    ValueError
        If the model has no rank-one components, or a parameter is out of its range.

    References
    ----------
    S. Haufe et al., "On the interpretation of weight vectors of linear models in multivariate neuroimaging",
    NeuroImage 87, 2014.

    Examples
    --------
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.datasets import make_ocean
    >>> from sklearn_mrtl.inspection import activation_pattern
    >>> ocean = make_ocean(200, n_components=1, shape=(6, 12), random_state=0)
    >>> model = MRTLRegressor(ocean.modes, rank=1).fit(ocean.data, ocean.target)
    >>> result = activation_pattern(model, ocean.data, n_permutations=19, random_state=0)
    >>> result.pattern.shape  # lags, variables, cells, components
    (6, 2, 6, 12, 1)
    >>> bool((result.p_value[~np.isnan(result.pattern)] < 0.1).mean() > 0.2)
    True
    """
    model = fitted_model(estimator)
    check_scalar(n_permutations, "n_permutations", Integral, min_val=0)
    scores = np.asarray(component_scores(estimator, X), dtype=np.float64)
    tensor, X = model.tensor_, inputs_of(estimator, X)
    length = checked_length(block_length, len(scores))
    if scores.ndim == 3:  # a component's scores of all outputs are proportional
        largest = scores.var(axis=0).argmax(axis=0)
        scores = np.stack([scores[:, t, k] for k, t in enumerate(largest)], axis=1)
    scores = scores - scores.mean(axis=0)
    x, finish = _fields(tensor, X) if tensor.layout.is_fields else _encodings(tensor, X)
    variance = _variance(x)
    covariance = _covariance(x, scores)
    spread = scores.var(axis=0)
    result = Bunch(pattern=finish(_divided(covariance, spread)))
    scale = np.sqrt(variance[:, None] * spread)
    result.correlation = finish(_divided(np.where(variance[:, None] > 0, covariance, 0), scale))
    if n_permutations:
        rng, count = check_random_state(random_state), np.ones(covariance.shape)
        for _ in range(n_permutations):
            shuffled = scores[_order_of_blocks(len(scores), length, rng)]
            count += np.abs(_covariance(x, shuffled)) >= np.abs(covariance) * (1 - 1e-9)
        result.p_value = finish(count / (1 + n_permutations))
    return result


def _fields(tensor, X):
    """Return fields (n, D) at the model's resolution without their mean, and what gives a result its shape."""
    x = tensor.fields(X, from_mean=True)
    masks = [mode.mask for mode in tensor.modes.values() if mode.mode is not None]
    shapes = [mode.shape for mode in tensor.modes.values() if mode.mode is not None]
    known = np.ones((), dtype=bool)
    for mask, shape in zip(masks, shapes, strict=True):
        own = np.ones(shape, dtype=bool) if mask is None else mask
        known = known.reshape(*known.shape, *[1] * own.ndim) & own

    def finish(values: np.ndarray) -> np.ndarray:
        values = values.reshape(*known.shape, -1)
        return np.where(known[..., None], values, np.nan)

    return x.reshape(len(x), -1), finish


def _encodings(tensor, X):
    """Return encodings (n, D) in double precision, and what divides a result among the modes."""
    x = as_layout(as_one_array(X), tensor.layout).astype(np.float64)
    parts = list(zip(tensor.layout.modes, tensor.layout.columns, tensor.layout.shapes, strict=True))

    def finish(values: np.ndarray) -> dict[str, np.ndarray]:
        return {mode.name: values[columns].reshape(*shape, -1) for mode, columns, shape in parts}

    return x, finish


def _variance(x) -> np.ndarray:
    """Return the variance (D,) of columns of x; 0 of constant ones, whatever rounding makes of them."""
    if sparse.issparse(x):
        moments = Moments.of(x, np.ones(x.shape[0]))
        variance, (low, high) = moments.squares / moments.weight, (x.min(axis=0).toarray(), x.max(axis=0).toarray())
    else:
        mean = x.mean(axis=0, dtype=np.float64).astype(x.dtype)
        variance, (low, high) = np.square(x - mean).mean(axis=0, dtype=np.float64), (x.min(axis=0), x.max(axis=0))
    return np.where(np.ravel(low == high), 0, variance)


def _covariance(x, scores: np.ndarray) -> np.ndarray:
    """Return the covariance (D, K) of columns of x with scores of mean 0."""
    return np.asarray((x.T @ scores.astype(x.dtype)) / len(scores), dtype=np.float64)


def _divided(values: np.ndarray, divisors: np.ndarray) -> np.ndarray:
    return np.divide(values, divisors, out=np.zeros_like(values), where=np.broadcast_to(divisors > 0, values.shape))


def _order_of_blocks(n: int, length: int, rng) -> np.ndarray:
    """Return all rows once, in blocks of consecutive rows in random order, which start at a random row."""
    rows = (np.arange(n) + rng.randint(n)) % n
    blocks = np.array_split(rows, range(length, n, length))
    return np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
