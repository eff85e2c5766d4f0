"""How much the components of two models are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from sklearn_mrtl.inspection._components import complete_factors, cp_model

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
    r"""Likeness of two sets of components: 1 if they are the same, about 0 if they have nothing in common.

    Components r of `a` are paired with components s(r) of `b` so that the mean over pairs is largest (an assignment
    problem, solved exactly), of the product of their cosines in all modes m,

    .. math:: \frac{1}{K} \sum_r \prod_m \frac{|\langle a_r^{(m)}, b_{s(r)}^{(m)} \rangle|}
              {\lVert a_r^{(m)} \rVert \lVert b_{s(r)}^{(m)} \rVert}

    and, with `consider_weights`, also of :math:`1 - |\lambda_r - \mu_{s(r)}| / \max(\lambda_r, \mu_{s(r)})` of the
    weights. This is tlviz's definition, but that there the weights are considered by default: penalties shrink weights
    and leave the maps.

    Parameters
    ----------
    a, b : fitted estimator, dict of arrays, or pair (dict of arrays, weights)
        A model of decomposition "cp", or a pipeline that ends in one; or factors {mode: (\*shape, K)} and weights of
        shape (K,), which multiply the norms of the columns. NaN marks cells without data; those of either are left out
        of both. The levels of a pooled mode are complete, shared row included.
    modes : sequence of str, default=None
        The modes to compare; None: all, which must be the same in both.
    consider_weights : bool, default=False
    absolute_value : bool, default=True
        Count a component and its negative as the same, which single modes of two can tell apart, W cannot. False: the
        product of the cosines keeps its sign.
    return_permutation : bool, default=False
        Return also s.

    Returns
    -------
    score : float
        Mean over the smaller number of components.
    permutation : int array of shape (K,)
        For each component of `a` that of `b`, -1 where `b` has none left. Only if asked for.

    Raises
    ------
    ValueError
        If modes or their shapes differ, or a model has no rank-one components.

    Notes
    -----
    Components of three or more modes are unique; of two modes they are what the canonical form makes of them (singular
    vectors), and need not match planted ones.

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
    """For each component of a the score of its partner of b, 0 where there is none; shape (K,)."""
    scores = match_scores(a, b)
    rows, columns = linear_sum_assignment(scores, maximize=True)
    matched = np.zeros(len(scores))
    matched[rows] = scores[rows, columns]
    return matched


def match_scores(a, b, modes=None, *, consider_weights=False, absolute_value=True) -> np.ndarray:
    """Score of every pair of components, shape (K of a, K of b)."""
    (first, first_weights), (second, second_weights) = components_of(a), components_of(b)
    if modes is None:
        if first.keys() != second.keys():
            raise ValueError(
                f"a has the modes {list(first)}, b has {list(second)}: name those to compare, modes=[...]."
            )
        modes = list(first)
    scores: np.ndarray | float = 1.0
    for name in modes:
        if name not in first or name not in second:
            raise ValueError(f"modes names {name!r}; a has {list(first)}, b has {list(second)}.")
        cosines, norms, other_norms = _cosines(name, first[name], second[name])
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
    """Factors and weights of an estimator, a dict or a pair.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(source, Mapping | tuple):
        model = cp_model(source)
        return complete_factors(model), np.asarray(model.component_weights_, dtype=np.float64)
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


def _cosines(name: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines (K of a, K of b) of the columns of one mode, and the columns' norms; zero columns are like nothing."""
    if a.shape[:-1] != b.shape[:-1]:
        raise ValueError(f"factors of {name!r} have the shapes {a.shape[:-1]} in a and {b.shape[:-1]} in b.")
    a, b = (factor.reshape(-1, factor.shape[-1]).astype(np.float64) for factor in (a, b))
    there = ~(np.isnan(a).any(axis=1) | np.isnan(b).any(axis=1))
    a, b = a[there], b[there]
    norms = [np.linalg.norm(factor, axis=0) for factor in (a, b)]
    a, b = (factor / np.where(norm > 0, norm, 1) for factor, norm in zip((a, b), norms, strict=True))
    return a.T @ b, *norms
