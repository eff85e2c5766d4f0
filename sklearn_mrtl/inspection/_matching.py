"""Similarity of the components of two models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from sklearn_mrtl._utils.labels import listed
from sklearn_mrtl.inspection._components import cp_model
from sklearn_mrtl.modes import Feature

Components = tuple[dict[str, np.ndarray], np.ndarray]  # factors {mode: (*shape, K)} and weights (K,)


def factor_match_score(
    a,
    b,
    *,
    modes: Sequence[str] | None = None,
    consider_weights: bool = False,
    absolute_value: bool = True,
    return_permutation: bool = False,
):
    r"""Score how similar two sets of components are: 1 if they are equal, about 0 if they are unrelated.

    Each component r of `a` is assigned a component s(r) of `b`. The assignment maximizes the mean over r of the product
    of the cosines in all modes m,

    .. math:: \frac{1}{K} \sum_r \prod_m \frac{|\langle a_r^{(m)}, b_{s(r)}^{(m)} \rangle|}
              {\lVert a_r^{(m)} \rVert \lVert b_{s(r)}^{(m)} \rVert}

    With `consider_weights` each product is also multiplied by
    :math:`1 - |\lambda_r - \mu_{s(r)}| / \max(\lambda_r, \mu_{s(r)})` of the weights. The definition is that of tlviz,
    which considers the weights by default. Here they are not considered by default, because penalties shrink them.

    Parameters
    ----------
    a, b : fitted estimator, dict of arrays, or pair (dict of arrays, weights)
        A model with ``decomposition="cp"``, or a pipeline that ends in one; or factors {mode: (\*shape, K)} and weights
        of shape (K,), which multiply the norms of the columns. Cells that are NaN in either are left out of both. Where
        both are models that know the names of a Feature's categories, these are matched by name, and those that only
        one of them has are left out.
    modes : sequence of str, default=None
        Names of the modes to compare. None: all modes, which must be the same in both.
    consider_weights : bool, default=False
        Multiply by the similarity of the weights.
    absolute_value : bool, default=True
        Take the absolute value of the product of cosines. False: keep its sign.
    return_permutation : bool, default=False
        Also return s.

    Returns
    -------
    score : float
        Mean over the assigned components.
    permutation : int array of shape (K,)
        For each component of `a` the assigned component of `b`; -1 if `b` has fewer components and none is assigned.
        Only with `return_permutation`.

    Raises
    ------
    ValueError
        If modes or their shapes differ, or a model has no rank-one components.

    Notes
    -----
    Components of three or more modes are unique. Components of two modes are singular vectors, which need not match the
    true factors of simulated data.

    References
    ----------
    M. Roald and Y. M. Moe, "TLViz: Visualising and analysing tensor decomposition models with Python", JOSS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.inspection import factor_match_score
    >>> rng = np.random.default_rng(0)
    >>> truth = {"player": rng.normal(size=(10, 3)), "court": rng.normal(size=(8, 6, 3))}
    >>> shuffled = {name: 2 * factor[..., [2, 0, 1]] for name, factor in truth.items()}
    >>> score, permutation = factor_match_score(truth, shuffled, return_permutation=True)
    >>> round(score, 6), permutation
    (1.0, array([1, 2, 0]))
    >>> bool(factor_match_score(truth, {name: rng.normal(size=f.shape) for name, f in truth.items()}) < 0.3)
    True
    """
    scores = match_scores(a, b, modes, consider_weights=consider_weights, absolute_value=absolute_value)
    rows, columns = linear_sum_assignment(scores, maximize=True)
    score = float(scores[rows, columns].mean())
    if not return_permutation:
        return score
    permutation = np.full(len(scores), -1)
    permutation[rows] = columns
    return score, permutation


def matched_components(a, b) -> np.ndarray:
    """Return the match score of each component of a, 0 if none of b is assigned to it; shape (K,)."""
    scores = match_scores(a, b)
    rows, columns = linear_sum_assignment(scores, maximize=True)
    matched = np.zeros(len(scores))
    matched[rows] = scores[rows, columns]
    return matched


def match_scores(a, b, modes=None, *, consider_weights=False, absolute_value=True) -> np.ndarray:
    """Return the score of every component of a with every component of b, shape (K of a, K of b)."""
    (first, first_weights), (second, second_weights) = components_of(a), components_of(b)
    names, other_names = category_names(a), category_names(b)
    if modes is None:
        if first.keys() != second.keys():
            raise ValueError(
                f"a has the modes {list(first)}, b has {list(second)}: name those to compare, modes=[...]."
            )
        modes = list(first)
    scores = np.ones((len(first_weights), len(second_weights)))
    for name in modes:
        if name not in first or name not in second:
            raise ValueError(f"modes names {name!r}; a has {list(first)}, b has {list(second)}.")
        factors = first[name], second[name]
        if name in names and name in other_names:
            factors = _in_common(name, *factors, names[name], other_names[name])
        cosines, norms, other_norms = _cosines(name, *factors)
        scores = scores * cosines
        first_weights, second_weights = first_weights * norms, second_weights * other_norms
    scores = np.abs(scores) if absolute_value else scores
    if consider_weights:
        one, other = first_weights[:, None], second_weights[None, :]
        largest = np.maximum(one, other)
        apart = np.divide(np.abs(one - other), largest, out=np.zeros_like(largest), where=largest > 0)
        scores = scores * (1 - apart)
    return scores


def components_of(source) -> Components:
    """Return the factors and weights of an estimator, a dict or a pair (dict, weights).

    Raises
    ------
    TypeError
        If `source` is none of these.
    ValueError
        If the model has no components, or shapes do not agree.
    """
    if not isinstance(source, Mapping | tuple):
        model = cp_model(source)
        return model.factors_, np.asarray(model.component_weights_, dtype=np.float64)
    factors, weights = source if isinstance(source, tuple) else (source, None)
    factors = {name: np.asarray(factor, dtype=np.float64) for name, factor in factors.items()}
    ranks = {name: factor.shape[-1] for name, factor in factors.items()}
    if len(set(ranks.values())) != 1:
        raise ValueError(f"factors must have the same number of columns in all modes, at least one mode, got {ranks}.")
    rank = next(iter(ranks.values()))
    weights = np.ones(rank) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != (rank,):
        raise ValueError(f"weights must have shape ({rank},), one for each component, got {weights.shape}.")
    return factors, weights


def category_names(source) -> dict[str, np.ndarray]:
    """Return the names of the categories of a model's Features, where it knows them."""
    if isinstance(source, Mapping | tuple):
        return {}
    modes = cp_model(source).tensor_.modes
    features = [mode for mode in modes.values() if isinstance(mode.mode, Feature)]
    return {mode.name: mode.coords[mode.dims[0]] for mode in features if mode.dims[0] in mode.coords}


def _in_common(name: str, a: np.ndarray, b: np.ndarray, names: np.ndarray, other_names: np.ndarray):
    """Return the factors of the categories that both have, in one order."""
    if len(names) == len(other_names) and (names == other_names).all():
        return a, b
    if len(set(names.tolist())) < len(names) or len(set(other_names.tolist())) < len(other_names):
        return a, b  # names that repeat tell nothing
    common, rows, other_rows = np.intersect1d(names, other_names, assume_unique=True, return_indices=True)
    if not len(common):
        raise ValueError(f"a and b have no category of {name!r} in common: {listed(names)}; {listed(other_names)}.")
    return a[rows], b[other_rows]


def _cosines(name: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cosines (K of a, K of b) of the columns of one mode, 0 for zero columns, and the columns' norms."""
    if a.shape[:-1] != b.shape[:-1]:
        raise ValueError(f"factors of {name!r} have the shapes {a.shape[:-1]} in a and {b.shape[:-1]} in b.")
    a, b = (factor.reshape(-1, factor.shape[-1]).astype(np.float64) for factor in (a, b))
    valid = ~(np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1))
    a, b = a[valid], b[valid]
    norms = [np.linalg.norm(factor, axis=0) for factor in (a, b)]
    a, b = (factor / np.where(norm > 0, norm, 1) for factor, norm in zip((a, b), norms, strict=True))
    return a.T @ b, *norms


def aligned_components(
    reference: Mapping[str, np.ndarray], weights: np.ndarray, factors: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Return weights and factors in the order and with the signs of reference factors, and each one's match score.

    A component whose factors cannot all take the signs of the reference has a negative weight.

    Parameters
    ----------
    reference, factors : dict of str to ndarray of shape (*shape, K)
        With the same modes and shapes.
    weights : ndarray of shape (K,)
    """
    cosines = {name: _cosines(name, reference[name], factor)[0] for name, factor in factors.items()}
    scores = np.abs(np.prod(list(cosines.values()), axis=0))
    rows, columns = linear_sum_assignment(scores, maximize=True)
    signs = {name: np.where(cosine[rows, columns] < 0, -1, 1) for name, cosine in cosines.items()}
    aligned = {name: factor[..., columns] * signs[name].astype(factor.dtype) for name, factor in factors.items()}
    return weights[columns] * np.prod(list(signs.values()), axis=0), aligned, scores[rows, columns]
