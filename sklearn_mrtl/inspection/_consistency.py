"""Core consistency: how well a CP model describes a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import torch

from sklearn_mrtl.core.models.als import cp_als
from sklearn_mrtl.inspection._components import cp_model
from sklearn_mrtl.inspection._matching import components_of


def core_consistency(weights, factors) -> float:
    r"""Compute the core consistency diagnostic (CORCONDIA) of a CP model of a weight tensor, in percent.

    Let G be the core tensor that fits the weights best given the factors, ``G = W x_1 A^+ x_2 B^+ ...``. Then it is

    .. math:: 100 \left( 1 - \frac{1}{K} \sum_{ijk} (G_{ijk} - \delta_{ijk})^2 \right).

    It is 100 if the components do not interact. With too many components it is smaller, or even negative.

    Parameters
    ----------
    weights : array-like
        Full weight tensor, such as ``coef_`` of a model with ``rank=None`` on a coarse level (`n_levels`). NaN is
        replaced by 0.
    factors : int, fitted estimator, dict of arrays, or pair (dict of arrays, weights)
        An int is a rank: CP-ALS computes the factors, with one mode for each axis of `weights`. Otherwise factors as
        in `factor_match_score`, whose modes have the axes of `weights` in the same order.

    Returns
    -------
    float
        Percent, at most 100.

    Raises
    ------
    ValueError
        If the shapes of the weights and of the factors differ.

    See Also
    --------
    select_rank : A better way to choose a rank.

    References
    ----------
    R. Bro and H. A. L. Kiers, "A new efficient method for determining the number of components in PARAFAC models",
    Journal of Chemometrics 17, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl.inspection import core_consistency
    >>> rng = np.random.default_rng(0)
    >>> a, b, c = (rng.normal(size=(n, 2)) for n in (6, 8, 20))
    >>> W = np.einsum("ak,bk,ck->abc", a, b, c) + 0.01 * rng.normal(size=(6, 8, 20))
    >>> [bool(core_consistency(W, rank) > 90) for rank in (1, 2, 3)]
    [True, True, False]
    """
    weights = np.nan_to_num(np.asarray(weights, dtype=np.float64))
    if isinstance(factors, Integral):
        matrices = [matrix.numpy() for matrix in cp_als(torch.from_numpy(weights), int(factors), seed=0)]
    else:
        shapes, matrices = _matrices(factors)
        if tuple(n for shape in shapes for n in shape) != weights.shape:
            raise ValueError(f"weights have shape {weights.shape}, the factors' modes have {shapes}.")
        weights = weights.reshape([int(np.prod(shape)) for shape in shapes])
    core, rank = weights, matrices[0].shape[1]
    for matrix in matrices:
        # tensordot moves the axis to the end; after all axes they are in order again.
        core = np.tensordot(core, np.linalg.pinv(matrix), axes=([0], [1]))
    core[(np.arange(rank),) * core.ndim] -= 1
    return float(100 * (1 - (core**2).sum() / rank))


def _matrices(factors) -> tuple[list[tuple[int, ...]], list[np.ndarray]]:
    """Return the shapes of the modes and their matrices (rows, K); the first matrix is multiplied by the weights."""
    by_name, weights = components_of(factors)
    if isinstance(factors, Mapping | tuple):
        names = list(by_name)
    else:
        # coef_ has the outputs first, factors_ has them last.
        inputs = {mode.name for mode in cp_model(factors).modes_}
        names = sorted(by_name, key=lambda name: name in inputs)
    matrices = [np.nan_to_num(by_name[name]).reshape(-1, len(weights)) for name in names]
    matrices[0] = matrices[0] * weights
    return [by_name[name].shape[:-1] for name in names], matrices
