"""Core consistency: whether a tensor is as trilinear as a CP model of it says."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np
import torch

from sklearn_mrtl.core.models.als import cp_als
from sklearn_mrtl.inspection._components import cp_model
from sklearn_mrtl.inspection._matching import components_of


def core_consistency(weights, factors) -> float:
    r"""Core consistency diagnostic (CORCONDIA) of a CP model of a weight tensor, in percent.

    With the core tensor G that fits the weights best given the factors, ``G = W x_1 A^+ x_2 B^+ ...``,

    .. math:: 100 \left( 1 - \frac{1}{K} \sum_{ijk} (G_{ijk} - \delta_{ijk})^2 \right).

    It is 100 where the components do not interact, and falls, below 0 even, where there are too many of them.

    Parameters
    ----------
    weights : array-like
        Full weight tensor, such as ``coef_`` of a model with ``rank=None`` on a coarse level (`n_levels`). NaN
        counts as 0.
    factors : int, fitted estimator, dict of arrays, or pair (dict of arrays, weights)
        A rank, for which CP-ALS finds the factors with an axis of `weights` for each mode; or factors of modes whose
        axes are those of `weights`, in their order, as in `factor_match_score`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If shapes differ.

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
        matrices = _matrices(factors)
        shapes = [shape for shape, _ in matrices]
        if tuple(n for shape in shapes for n in shape) != weights.shape:
            raise ValueError(f"weights have shape {weights.shape}, the factors' modes have {shapes}.")
        weights = weights.reshape([int(np.prod(shape)) for shape in shapes])
        matrices = [matrix for _, matrix in matrices]
    core, rank = weights, matrices[0].shape[1]
    for matrix in matrices:
        # The axis goes, and comes back as the last: after all of them they are in order again.
        core = np.tensordot(core, np.linalg.pinv(matrix), axes=([0], [1]))
    core[(np.arange(rank),) * core.ndim] -= 1
    return float(100 * (1 - (core**2).sum() / rank))


def _matrices(factors) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """Shape and matrix (rows, K) of each mode, the weights in the first."""
    by_name, weights = components_of(factors)
    if isinstance(factors, Mapping | tuple):
        names = list(by_name)
    else:
        # coef_ has the outputs first, factors_ has them last.
        inputs = {mode.name for mode in cp_model(factors).modes_}
        names = sorted(by_name, key=lambda name: name in inputs)
    matrices = [np.nan_to_num(by_name[name]).reshape(-1, len(weights)) for name in names]
    matrices[0] = matrices[0] * weights
    return [(by_name[name].shape[:-1], matrix) for name, matrix in zip(names, matrices, strict=True)]
