"""Weight tensors and what can be asked of them: scores, penalties, a finer grid.

A model is stateless: it knows the weight tensor's modes at one resolution, and computes from a dict of parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from sklearn_mrtl.core.finegraining import finegrain
from sklearn_mrtl.core.inputs import Inputs
from sklearn_mrtl.core.smoothness import Smoothness, roughness
from sklearn_mrtl.modes import Feature, Grid, Mode

Parameters = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Axis:
    """One mode of the weight tensor at one resolution.

    A pooled Feature has one more row, its last: the weights shared by all levels.
    """

    mode: Mode
    shape: tuple[int, ...]
    mask: Tensor | None = None
    smoothness: Smoothness | None = None

    @property
    def pooled(self) -> bool:
        return isinstance(self.mode, Feature) and self.mode.pooled

    @property
    def size(self) -> int:
        """Rows of a factor."""
        return prod(self.shape) + self.pooled

    @property
    def n_free(self) -> float:
        """Rows that are not masked."""
        return self.size if self.smoothness is None else self.smoothness.n_cells

    def effective(self, factor: Tensor, dim: int, n_rows: int) -> Tensor:
        """What multiplies the inputs: a pooled level's deviation plus the shared row, itself for no level at all."""
        if not self.pooled:
            return factor
        shared = factor.narrow(dim, self.size - 1, 1)
        rows = factor.narrow(dim, 0, self.size - 1) + shared
        return rows if n_rows == self.size - 1 else torch.cat([rows, shared], dim)

    def finegrain(self, factor: Tensor, dim: int, finer: Axis) -> Tensor:
        """Carry a factor to a finer grid; at a coast, from the cells that hold data alone."""
        if self.shape == finer.shape:
            return factor
        fine = finegrain(factor, dim, self.mode, self.shape, finer.shape)
        if self.mask is None:
            return fine
        along = [1] * factor.ndim
        along[dim] = -1
        share = finegrain(self.mask.to(factor), 0, self.mode, self.shape, finer.shape)
        keep = finer.mask & (share > 0)
        return torch.where(keep.reshape(along), fine / share.clamp(min=1e-12).reshape(along), 0)


def axes_of(inputs: Inputs, sigma: float, like: Tensor) -> tuple[Axis, ...]:
    """Modes of the weight tensor that inputs ask for."""
    axes = []
    for mode, shape, mask in zip(inputs.modes, inputs.shapes, inputs.masks, strict=True):
        smoothness = Smoothness(mode, shape, sigma, mask, like) if isinstance(mode, Grid) else None
        axes.append(Axis(mode, shape, mask, smoothness))
    return tuple(axes)


class TensorModel:
    """Base of the models: the intercepts.

    Parameters
    ----------
    axes : sequence of Axis
        The modes of the weight tensor W.
    """

    def __init__(self, axes: Sequence[Axis]):
        self.axes = tuple(axes)
        self.n_entries = prod(axis.n_free for axis in self.axes)
        self.intercept_mode = next(
            (m for m, axis in enumerate(self.axes) if isinstance(axis.mode, Feature) and axis.mode.intercept), None
        )

    def initial_intercepts(self, like: Tensor) -> Parameters:
        parameters = {"intercept": like.new_zeros(1)}
        if self.intercept_mode is not None:
            parameters["deviations"] = like.new_zeros(prod(self.axes[self.intercept_mode].shape))
        return parameters

    def intercepts(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """The term b or b_i of eq. (1) and (2) for every sample, shape (n,) or (1,)."""
        if self.intercept_mode is None:
            return parameters["intercept"]
        encoding = inputs.encodings[self.intercept_mode]
        deviations = torch.nn.functional.pad(parameters["deviations"], (0, encoding.size - len(parameters["deviations"])))
        return parameters["intercept"] + encoding.product(deviations[:, None])[:, 0]

    def scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        """z_n = <W, X_n> + b, shape (n,): eq. (1) and (2) before the activation."""
        return self.weight_scores(parameters, inputs) + self.intercepts(parameters, inputs)

    def penalty(self, parameters: Parameters, alpha_spatial: float, alpha_l2: float) -> Tensor:
        """``alpha_spatial R_s + alpha_l2 R_2`` of eq. (3) and (5), both as means over the entries of W."""
        rough, squares = self.rough_and_squares(parameters)
        total = (alpha_spatial * rough + alpha_l2 * squares) / self.n_entries
        if self.intercept_mode is not None:
            total = total + alpha_l2 * parameters["deviations"].square().mean()
        return total

    def intercept_scales(self, inputs: Inputs, weight: Tensor, curvature: float, alpha_l2: float) -> Parameters:
        """Inverse square roots of the intercepts' approximate second derivatives."""
        scales = {"intercept": weight.new_full((1,), curvature**-0.5)}
        if self.intercept_mode is not None:
            n_levels = prod(self.axes[self.intercept_mode].shape)
            mass = inputs.encodings[self.intercept_mode].matrix.column_squares(weight)[:n_levels]
            scales["deviations"] = (curvature * mass + 2 * alpha_l2 / n_levels + 1e-8).rsqrt()
        return scales

    def finegrain_intercepts(self, parameters: Parameters) -> Parameters:
        return {name: parameters[name] for name in ("intercept", "deviations") if name in parameters}


class FullRank(TensorModel):
    """W itself, eq. (1)."""

    def initial(self, like: Tensor) -> Parameters:
        shape = [axis.size for axis in self.axes]
        return {"weights": like.new_zeros(shape), **self.initial_intercepts(like)}

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        weights = parameters["weights"]
        for dim, (axis, n_rows) in enumerate(zip(self.axes, inputs.sizes, strict=True)):
            weights = axis.effective(weights, dim, n_rows)
        return inputs.linear_scores(weights)

    def rough_and_squares(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """R_s (over the mean degree) and R_2 as sums over the entries of W."""
        weights = parameters["weights"]
        return roughness(weights, [axis.smoothness for axis in self.axes]), weights.square().sum()

    def scales(self, parameters, inputs, weight, curvature, alpha_spatial, alpha_l2) -> Parameters:
        """Inverse square roots of the parameters' approximate second derivatives."""
        mass = weight.new_ones(())
        for axis, rows in zip(self.axes, inputs.mass(weight), strict=True):
            mass = mass[..., None] * axis_mass(axis, rows)
        diagonal = curvature * mass + 2 * (2 * alpha_spatial + alpha_l2) / self.n_entries
        floor = 1e-6 * diagonal.max()
        return {
            "weights": diagonal.clamp(min=floor).rsqrt(),
            **self.intercept_scales(inputs, weight, curvature, alpha_l2),
        }

    def finegrain(self, parameters: Parameters, finer: FullRank) -> Parameters:
        """Line 11 of Algorithm 1."""
        weights = parameters["weights"]
        for dim, (axis, fine) in enumerate(zip(self.axes, finer.axes, strict=True)):
            weights = axis.finegrain(weights, dim, fine)
        return {"weights": weights, **self.finegrain_intercepts(parameters)}


class CP(TensorModel):
    """W as a sum of K rank-one tensors, eq. (2); parameters are named by their modes."""

    def factors(self, parameters: Parameters) -> list[Tensor]:
        """Factor matrices (rows, K) in the order of the modes."""
        return [parameters[factor_key(axis)] for axis in self.axes]

    def from_factors(self, factors: Sequence[Tensor], intercepts: Parameters) -> Parameters:
        named = {factor_key(axis): factor for axis, factor in zip(self.axes, factors, strict=True)}
        return {**named, **self.finegrain_intercepts(intercepts)}

    def weight_scores(self, parameters: Parameters, inputs: Inputs) -> Tensor:
        return inputs.cp_scores(
            [
                axis.effective(factor, 0, n_rows)
                for axis, factor, n_rows in zip(self.axes, self.factors(parameters), inputs.sizes, strict=True)
            ]
        )

    def rough_and_squares(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """R_s (over the mean degree) and R_2 as sums over the entries of W, from K x K matrices alone.

        With G_m = C_m' C_m and E_m = C_m' L_m C_m: R_s = 2 sum_m <E_m, product of the other modes' G>.
        """
        factors = self.factors(parameters)
        grams = [factor.T @ factor for factor in factors]
        rough = factors[0].new_zeros(())
        for m, axis in enumerate(self.axes):
            if axis.smoothness is not None:
                energy = factors[m].T @ axis.smoothness.laplacian(factors[m])
                rough = rough + 2 * (energy * hadamard(grams[:m] + grams[m + 1 :], energy)).sum()
        return rough, hadamard(grams, grams[0]).sum()

    def scales(self, parameters, inputs, weight, curvature, alpha_spatial, alpha_l2) -> Parameters:
        """Inverse square roots of the parameters' approximate second derivatives, each mode given the others."""
        factors = self.factors(parameters)
        masses = [
            axis_mass(axis, rows)[:, None] for axis, rows in zip(self.axes, inputs.mass(weight), strict=True)
        ]
        data = [(mass * factor.square()).sum(0) for mass, factor in zip(masses, factors, strict=True)]  # (K,) each
        norms = [factor.square().sum(0) for factor in factors]
        scales = {}
        for m, axis in enumerate(self.axes):
            others = [n for n in range(len(factors)) if n != m]
            diagonal = curvature * masses[m] * hadamard([data[n] for n in others], norms[0])
            ridge = 2 * (2 * alpha_spatial + alpha_l2) / self.n_entries
            diagonal = diagonal + ridge * hadamard([norms[n] for n in others], norms[0])
            scales[factor_key(axis)] = diagonal.clamp(min=1e-4 * float(diagonal.max())).rsqrt()
        return {**scales, **self.intercept_scales(inputs, weight, curvature, alpha_l2)}

    def finegrain(self, parameters: Parameters, finer: CP) -> Parameters:
        """Lines 22 to 24 of Algorithm 1."""
        factors = [
            axis.finegrain(factor, 0, fine)
            for axis, fine, factor in zip(self.axes, finer.axes, self.factors(parameters), strict=True)
        ]
        return finer.from_factors(factors, parameters)


def factor_key(axis: Axis) -> str:
    """Name of a mode's parameter; the prefix keeps it apart from the intercepts'."""
    return f"factor {axis.mode.name}"


def axis_mass(axis: Axis, mass: Tensor) -> Tensor:
    """Mass of the rows of a factor, the shared row of a pooled one included, from that of the inputs' rows."""
    if not axis.pooled:
        return mass
    return torch.cat([mass[: axis.size - 1], mass.sum()[None]])


def hadamard(matrices: Sequence[Tensor], like: Tensor) -> Tensor:
    """Elementwise product; ones where there is nothing to multiply."""
    product = torch.ones_like(like)
    for matrix in matrices:
        product = product * matrix
    return product
