"""CP decomposition: W is a sum of K rank-one tensors, eq. (2)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import tensorly as tl
import torch
from tensorly.decomposition import parafac
from torch import Tensor

from sklearn_mrtl.core.data.inputs import Inputs
from sklearn_mrtl.core.data.products import hadamard, khatri_rao
from sklearn_mrtl.core.models.base import Axis, Parameters, TensorModel, intercepts_of
from sklearn_mrtl.modes import Grid


class CP(TensorModel):
    """Factor matrices (rows, K), one for each axis: parameters "factor 0", "factor 1", ...

    Parameters
    ----------
    axes : sequence of Axis
    nonnegative : collection of str
        Names of the modes whose factors are nowhere negative.
    """

    def __init__(self, axes: Sequence[Axis], nonnegative=()):
        super().__init__(axes)
        self.nonnegative = frozenset(nonnegative)

    @staticmethod
    def largest_rank(sizes: Sequence[int]) -> int:
        """A rank that represents every tensor of these sizes: the product of all but the largest."""
        return int(np.prod(sorted(sizes)[:-1], dtype=float)) if len(sizes) > 1 else 1

    @classmethod
    def fitting_rank(cls, rank: int, sizes: Sequence[int]) -> int:
        """The rank, or the largest that means anything for these sizes."""
        return min(rank, cls.largest_rank(sizes))

    def factors(self, parameters: Parameters) -> list[Tensor]:
        """Factor matrices in the order of the axes."""
        return [parameters[name] for name in self.names]

    @property
    def names(self) -> list[str]:
        """Names of the parameters that are factors."""
        return [f"factor {m}" for m in range(len(self.axes))]

    @property
    def bounded(self) -> frozenset[str]:
        """Names of the parameters that are nowhere negative."""
        return frozenset(
            name for name, axis in zip(self.names, self.axes, strict=True) if axis.mode.name in self.nonnegative
        )

    def from_full_rank(self, parameters: Parameters, rank: int, seed: int) -> Parameters:
        """Line 14 of Algorithm 1."""
        free = [axis.mode.name not in self.nonnegative for axis in self.axes]
        factors = cp_als(parameters["weights"], rank, seed, [m for m, is_free in enumerate(free) if not is_free])
        return {**dict(zip(self.names, factors, strict=True)), **intercepts_of(parameters)}

    def random(self, rank: int, like: Tensor, mass: float, seed: int) -> Parameters:
        """Normal factors whose scores have a standard deviation of about 0.1; mass is the inputs' mean square."""
        generator = torch.Generator().manual_seed(seed)
        size = (0.01 / mass / rank) ** (0.5 / len(self.axes))
        parameters = {}
        for name, axis in zip(self.names, self.axes, strict=True):
            factor = size * torch.randn(axis.size, rank, generator=generator, dtype=torch.float64).to(like)
            factor = factor if axis.mask is None else factor * axis.mask[:, None]
            parameters[name] = factor.abs() if name in self.bounded else factor
        return {**parameters, **self.initial_intercepts(like)}

    @property
    def parameter_axes(self):
        return {name: (axis,) for name, axis in zip(self.names, self.axes, strict=True)}

    def rank(self, parameters):
        return parameters[self.names[0]].shape[1]

    def scaled(self, parameters, scale):
        """The last factor times the scale; it is the outputs' where there are several."""
        return {**parameters, self.names[-1]: parameters[self.names[-1]] * scale[:, None]}

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """Eq. (2), shape (n, T)."""
        factors = self.factors(parameters)
        return inputs.cp_scores(self.effective(factors, inputs), factors[-1] if self.n_outputs > 1 else None)

    def rough_and_squares(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """R_s and R_2 as sums over the entries of W, from K x K matrices alone.

        With G_m = C_m' C_m and E_m = C_m' L_m C_m: R_s = sum_m <E_m, product of the other modes' G>.
        """
        factors = self.factors(parameters)
        grams = [factor.T @ factor for factor in factors]
        rough = factors[0].new_zeros(())
        for m, axis in enumerate(self.axes):
            if axis.smoothness is not None:
                energy = axis.smoothness.energy(factors[m])
                rough = rough + (energy * hadamard(grams[:m] + grams[m + 1 :], torch.ones_like(energy))).sum()
        return rough, hadamard(grams).sum()

    def weight_curvatures(self, parameters, masses, strengths):
        """Each mode given the others."""
        factors = self.factors(parameters)
        data = [(mass[:, None] * factor.square()).sum(0) for mass, factor in zip(masses, factors, strict=True)]  # (K,)
        norms = [factor.square().sum(0) for factor in factors]
        curvatures = {}
        for m, (name, axis) in enumerate(zip(self.names, self.axes, strict=True)):
            others = [n for n in range(len(factors)) if n != m]
            penalty = 2 / self.n_entries * (strengths.alpha_spatial * axis.slopes(factors[m]) + strengths.alpha_l2)
            curvatures[name] = strengths.curvature * masses[m][:, None] * hadamard(
                [data[n] for n in others], torch.ones_like(norms[0])
            ) + penalty[:, None] * hadamard([norms[n] for n in others], torch.ones_like(norms[0]))
        return curvatures

    def finegrain(self, parameters, finer):
        """Lines 22 to 24 of Algorithm 1."""
        factors = {
            name: axis.finegrain(parameters[name], 0, fine)
            for name, axis, fine in zip(self.names, self.axes, finer.axes, strict=True)
        }
        return {**factors, **intercepts_of(parameters)}

    def dense(self, parameters):
        """W of eq. (2)."""
        factors = self.factors(parameters)
        weights = factors[0]
        for factor in factors[1:]:
            weights = weights[..., None, :] * factor
        return weights.sum(-1)

    def canonical(self, parameters: Parameters) -> tuple[Tensor, list[Tensor]]:
        """Component weights (K,), descending, and factors with unit columns; see `canonical`."""
        pooled = [m for m, axis in enumerate(self.axes) if axis.pooled]
        return canonical(self.factors(parameters), orthogonal=not self.nonnegative, signed=self.signed, pooled=pooled)

    @property
    def signed(self) -> int:
        """The mode that shows a component's sign: the Grid of most cells, or the first mode, if it may be negative."""
        free = [m for m, axis in enumerate(self.axes) if axis.mode.name not in self.nonnegative]
        return max(free or [0], key=lambda m: self.axes[m].n_levels if isinstance(self.axes[m].mode, Grid) else 0)


def cp_als(weights: Tensor, rank: int, seed: int, nonnegative: Sequence[int] = ()) -> list[Tensor]:
    """Factors (rows, rank) of a weight tensor: CP_ALS of Algorithm 1; for two modes the truncated SVD, its optimum.

    The norm of each component is spread evenly over the modes.
    """
    if weights.ndim == 2:
        left, values, right = torch.linalg.svd(weights, full_matrices=False)
        rounding = 100 * max(weights.shape) ** 0.5 * torch.finfo(values.dtype).eps * values[0]  # of many steps
        values = torch.where(values > rounding, values, 0)  # noise would grow, to something else every time
        factors = spread(values[:rank], [left[:, :rank], right[:rank].T])
    else:
        factors = parafac_factors(weights, rank, seed)
    return alternate(weights, factors, nonnegative) if nonnegative else factors


def parafac_factors(weights: Tensor, rank: int, seed: int) -> list[Tensor]:
    """CP_ALS by tensorly, whose equations are singular for some tensors of a lower rank, or with slabs of zeros."""
    array, state = weights.detach().double().cpu().numpy(), np.random.RandomState(seed)
    to_tensor = lambda values: torch.from_numpy(np.array(values, dtype=np.float64)).to(weights)  # noqa: E731
    with tl.backend_context("numpy"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Trying to compute SVD with n_eigenvecs")
        try:
            size, factors = parafac(
                array, rank, n_iter_max=100, tol=1e-5, init="svd", normalize_factors=True, random_state=state
            )
        except np.linalg.LinAlgError:
            return alternate(weights, [to_tensor(state.standard_normal((rows, rank))) for rows in array.shape])
    return spread(to_tensor(size), [to_tensor(factor) for factor in factors])


def alternate(
    weights: Tensor, factors: Sequence[Tensor], nonnegative: Sequence[int] = (), n_iter: int = 100
) -> list[Tensor]:
    """Alternating least squares of least norm; in some modes column by column and nowhere negative (HALS)."""
    factors = list(factors)
    for m in nonnegative:
        positive, negative = (part.clamp(min=0).square().sum(0) for part in (factors[m], -factors[m]))
        factors[m] = (factors[m] * torch.where(positive < negative, -1, 1)).clamp(min=0)
    free_first = sorted(range(len(factors)), key=lambda m: m in nonnegative)  # they take the signs that were turned
    for _ in range(n_iter):
        for m in free_first:
            others = factors[:m] + factors[m + 1 :]
            gram = hadamard([factor.T @ factor for factor in others])
            moment = weights.movedim(m, 0).reshape(len(factors[m]), -1) @ khatri_rao(others)  # (rows, K)
            if m in nonnegative:
                factors[m] = nonnegative_columns(factors[m], gram, moment)
            else:
                factors[m] = moment @ torch.linalg.pinv(gram, hermitian=True)
    norms = torch.stack([factor.norm(dim=0) for factor in factors])
    shares = norms.clamp(min=torch.finfo(norms.dtype).tiny)
    return spread(norms.prod(0), [factor / share for factor, share in zip(factors, shares, strict=True)])


def nonnegative_columns(factor: Tensor, gram: Tensor, moment: Tensor) -> Tensor:
    """A factor that is nowhere negative, every column the best given the others."""
    factor = factor.clone()
    for k in range(len(gram)):
        step = (moment[:, k] - factor @ gram[:, k]) / gram[k, k].clamp(min=torch.finfo(gram.dtype).tiny)
        factor[:, k] = (factor[:, k] + step).clamp(min=0)
    return factor


def spread(weights: Tensor, factors: Sequence[Tensor]) -> list[Tensor]:
    """Factors with the weights of the components spread evenly over the modes."""
    return [factor * weights ** (1 / len(factors)) for factor in factors]


def canonical(
    factors: Sequence[Tensor], *, orthogonal: bool = True, signed: int = 0, pooled: Sequence[int] = ()
) -> tuple[Tensor, list[Tensor]]:
    """The same tensor in the form in which it is shown.

    Columns have unit norm, components descend by weight, and in every mode but the one `signed` the entry of largest
    magnitude is positive; that one takes the sign that is left. Entries of a mode that is `pooled` are its rows plus
    the last, which they share. With two modes CP is unique only up to an invertible K x K matrix: there, if
    `orthogonal`, the form is the singular value decomposition.

    Returns
    -------
    component_weights : Tensor of shape (K,)
        Descending, none negative.
    factors : list of Tensor of shape (rows, K)
    """
    if len(factors) == 2 and orthogonal:
        factors = orthogonal_factors(*factors)
    norms = [factor.norm(dim=0) for factor in factors]
    weights = torch.stack(norms).prod(0)
    order = torch.argsort(weights, descending=True, stable=True)
    smallest = torch.finfo(weights.dtype).tiny
    factors = [(factor / norm.clamp(min=smallest))[:, order] for factor, norm in zip(factors, norms, strict=True)]
    for m in range(len(factors)):
        if m != signed:
            sign = largest_sign(factors[m][:-1] + factors[m][-1] if m in pooled else factors[m])
            factors[m], factors[signed] = factors[m] * sign, factors[signed] * sign
    return weights[order], factors


def largest_sign(factor: Tensor) -> Tensor:
    """Sign (1 or -1) of the entry of largest magnitude in each column, shape (K,)."""
    largest = factor.gather(0, factor.abs().argmax(0, keepdim=True))[0]
    return torch.where(largest < 0, -1.0, 1.0).to(factor)


def orthogonal_factors(first: Tensor, second: Tensor) -> list[Tensor]:
    """Factors of first @ second.T with orthogonal columns: its singular value decomposition, never forming it."""
    q1, r1 = torch.linalg.qr(first)
    q2, r2 = torch.linalg.qr(second)
    left, values, right = torch.linalg.svd(r1 @ r2.T)
    return [q1 @ left * values.sqrt(), q2 @ right.T * values.sqrt()]
