"""The two-level system of a model about its parameters: fields on coarse cells, and the curvature of the penalties."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from math import ceil, prod

import torch
from torch import Tensor

from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import BlockInputs
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.data.products import hadamard
from sklearn_mrtl.core.losses import Loss, SoftmaxLoss
from sklearn_mrtl.core.models.axes import Axis, TargetAxis
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel
from sklearn_mrtl.core.models.cp import CP
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.objective import Objective, View
from sklearn_mrtl.core.penalties.smoothness import Smoothness
from sklearn_mrtl.core.solvers.coarse_fields import CoarseFields
from sklearn_mrtl.core.solvers.cp_derivatives import coupled_penalties, data_moments, multilinear_derivatives
from sklearn_mrtl.core.solvers.definite import TINY
from sklearn_mrtl.core.solvers.dense_system import DenseSystem
from sklearn_mrtl.core.solvers.two_level import Block, CoarseAxis, TwoLevelSystem

MAX_UNKNOWNS = 800  # of the coarse system, which takes a twentieth of a second then
MAX_CELLS = 256  # of a coarse grid
MAX_UNSEEN = 0.35  # fraction of the fields' variance that the coarse cells may miss; steps are poor with more
LEAST_CELLS = 4

Solver = Callable[[Parameters], Parameters]


class Linearization(ABC):
    """The two-level systems of a model on coarse fields, on the CPU: they are small, and would often wait for a GPU.

    Parameters
    ----------
    model : TensorModel
    fields : CoarseFields
    loss : Loss
    alphas : Alphas
    """

    def __init__(self, model: TensorModel, fields: CoarseFields, loss: Loss, alphas: Alphas):
        self.model, self.fields, self.loss, self.alphas = model, fields, loss, alphas

    @abstractmethod
    def solver(self, parameters: Parameters, damping: float = 0.0) -> Solver:
        """Return a function that multiplies a gradient by about the inverse Hessian at these parameters.

        Parameters
        ----------
        damping : float
            Times half of `relative_square` is added to the quadratic model of the objective.
        """

    def relative_square(self, step: Parameters, parameters: Parameters) -> float:
        """Return the square of a step relative to the parameters that the curvature depends on; 0 if it hardly does."""
        return 0.0

    def curvatures(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return second derivatives of the objective: by the mean score of each sample (n,), by the intercepts (T,)."""
        second = self.loss.second_derivatives(scores) * self.fields.weight[:, None]
        if self.loss is SoftmaxLoss:  # what its scores have in common makes the curvature larger, twice for two
            second = second * (scores.shape[1] / (scores.shape[1] - 1))
        return second.mean(1), second.sum(0)


class CPLinearization(Linearization):
    """Of a CP model: a block for each factor of the inputs; the outputs' factor by itself."""

    model: CP

    @cached_property
    def output_axis(self) -> CoarseAxis:
        """The axis of several outputs, with all cells of a grid."""
        axis = self.model.axes[-1]
        return CoarseAxis(axis.whole if isinstance(axis, TargetAxis) else axis, axis.shape, self.fields.x)

    def relative_square(self, step: Parameters, parameters: Parameters) -> float:
        factors = zip(self.model.factors(step), self.model.factors(parameters), strict=True)
        return sum(float(change.double().square().sum() / square_of(factor.double())) for change, factor in factors)

    def solver(self, parameters: Parameters, damping: float = 0.0) -> Solver:
        factors = [factor.double() for factor in self.model.factors(parameters)]
        n_inputs, rank = len(self.fields.axes), factors[0].shape[1]
        coarse = [axis.restrict(factor) for axis, factor in zip(self.fields.axes, factors, strict=False)]
        x = self.fields.x
        jacobians = multilinear_derivatives(x, [factor.to(x) for factor in coarse])
        projections = torch.einsum("ndk,dk->nk", jacobians[0], coarse[0].to(x))
        outputs = factors[-1] if self.model.has_outputs else factors[0].new_ones(1, rank)
        sample, intercept = self.curvatures(projections @ outputs.to(x).T + parameters["intercept"])

        penalties = coupled_penalties(self.model, factors, self.alphas)
        for m in range(n_inputs):
            along_grid, within = penalties[m]
            unseen = hadamard([f.T @ f for i, f in enumerate(factors) if i != m], torch.ones_like(within))
            penalties[m] = along_grid, within + float(sample.sum()) * self.fields.unseen * unseen
        if damping:
            eye = torch.eye(rank, dtype=torch.float64)
            of_factors = [damping / square_of(factor) * eye for factor in factors]
            penalties = [(along, within + more) for (along, within), more in zip(penalties, of_factors, strict=True)]
        means = [torch.tensordot(sample / sample.sum(), jacobian, 1) for jacobian in jacobians]  # each (d, K)
        jacobians = [jacobian - mean for jacobian, mean in zip(jacobians, means, strict=True)]
        system = self._system(penalties[:n_inputs], data_moments(jacobians, sample, outputs.T @ outputs))
        means = [mean.double()[..., None] for mean in means]
        output_block = None
        if self.model.has_outputs:
            along_grid, within = penalties[-1]
            data = (projections * sample[:, None]).T @ projections
            output_block = Block(self.output_axis, along_grid, within + data.double())

        def solve(gradient: Parameters) -> Parameters:
            g = [gradient[name].double()[..., None] for name in self.model.names]
            moved = (outputs.T @ gradient["intercept"].double())[:, None]
            steps, shift = eliminated(system, self.fields.axes, means, g[:n_inputs], moved)
            if output_block is not None:
                axis, own = self.model.axes[-1], g[-1]
                own = axis.unpack(own) if isinstance(axis, TargetAxis) else own
                own = output_block.from_coordinates(output_block.inverse(output_block.to_coordinates(own)))
                steps.append(axis.pack(own) if isinstance(axis, TargetAxis) else own)
            named = {name: step[..., 0].to(x) for name, step in zip(self.model.names, steps, strict=True)}
            shift = (outputs @ shift.sum(1)).to(x)  # (T,)
            return {**named, "intercept": gradient["intercept"] / intercept - shift}

        return solve

    def _system(self, penalties: Sequence[tuple[Tensor, Tensor]], data: Tensor) -> DenseSystem | TwoLevelSystem:
        """Return the system of the inputs' factors; of all unknowns at once where the coarse cells are those of x."""
        if all(axis.is_exact for axis in self.fields.axes):
            return DenseSystem(self.fields.axes, penalties, data)
        blocks = [Block(axis, *penalty) for axis, penalty in zip(self.fields.axes, penalties, strict=True)]
        return TwoLevelSystem(blocks, in_coordinates(blocks, data))


class FullRankLinearization(Linearization):
    """Of a full-rank model: one block, with the grid's cells as rows and all else as columns."""

    model: FullRank

    def solver(self, parameters: Parameters, damping: float = 0.0) -> Solver:
        axes, x = self.fields.axes, self.fields.x
        grid = next(m for m, axis in enumerate(axes) if axis.is_grid)

        def unfold(weights: Tensor) -> Tensor:
            """Return weights or their gradient as (cells, other entries, outputs)."""
            cells = weights.double().reshape(*self.model_shape, -1).movedim(grid, 0)
            return cells.reshape(len(cells), -1, cells.shape[-1])

        coarse = unfold(parameters["weights"])
        coarse = axes[grid].restrict(coarse.flatten(1)).reshape(-1, *coarse.shape[1:])
        design = x.movedim(grid + 1, 1).flatten(1)
        scores = design @ coarse.flatten(0, 1).to(x) + parameters["intercept"]
        sample, intercept = self.curvatures(scores)
        eye = torch.eye(coarse.shape[1], dtype=torch.float64, device=x.device)
        strength = 2 / self.model.n_entries
        unseen = float(sample.sum()) * self.fields.unseen
        block = Block(axes[grid], eye * (strength * self.alphas.spatial), eye * (strength * self.alphas.l2 + unseen))
        design = design.unflatten(1, (-1, len(eye)))  # (n, d, K)
        mean = torch.tensordot(sample / sample.sum(), design, 1)
        joined = ((design - mean) @ block.basis.to(x)).flatten(1) * sample.sqrt()[:, None]
        system = TwoLevelSystem([block], (joined.T @ joined).double())
        others = [size for m, size in enumerate(self.model_shape) if m != grid]

        def solve(gradient: Parameters) -> Parameters:
            g = [unfold(gradient["weights"])]
            means, intercepts = [mean.double()[..., None]], gradient["intercept"].double()
            (step,), shift = eliminated(system, [axes[grid]], means, g, intercepts)
            step = step.reshape(len(step), *others, step.shape[-1])
            weights = step.movedim(0, grid).reshape(gradient["weights"].shape).to(x)
            return {"weights": weights, "intercept": gradient["intercept"] / intercept - shift.sum(0).to(x)}

        return solve

    @property
    def model_shape(self) -> list[int]:
        """Sizes of the inputs' modes."""
        return [axis.size for axis in self.model.input_axes]


def linearize(
    objective: Objective, parameters: Parameters, view: View | None = None,
    known: dict[Shapes, CoarseFields] | None = None,
) -> Linearization | None:  # fmt: skip
    """Return the linearization of an objective of fields; None where there is none, or it would be too large or poor.

    Parameters
    ----------
    parameters : Parameters
        Of the shapes that it will be asked about.
    view : Inputs, BlockSamples or None
        The same samples at a coarser level, which saves work.
    known : dict of Shapes to CoarseFields, or None
        Those of the same samples, weights and axes that were made before; new ones are added.
    """
    model, axes, inputs = objective.model, objective.model.input_axes, objective.inputs
    layout = inputs.template if isinstance(inputs, BlockInputs) else inputs
    grids = [axis.smoothness for axis in axes if axis.smoothness is not None]
    if not isinstance(layout, FieldInputs) or not grids or not all(isinstance(grid, Smoothness) for grid in grids):
        return None
    if model.bounded:
        return None
    make: type[Linearization]
    if type(model) is CP:
        make, rank = CPLinearization, model.rank(parameters)

        def n_unknowns(shapes: Shapes) -> int:
            return rank * sum(map(prod, shapes))
    elif type(model) is FullRank and len(grids) == 1 and not isinstance(model.axes[-1], TargetAxis):
        make = FullRankLinearization

        def n_unknowns(shapes: Shapes) -> int:
            return prod(map(prod, shapes))
    else:
        return None
    shapes = coarse_shapes(inputs.shapes, axes, n_unknowns)
    if shapes is None:
        return None
    known, cpu = {} if known is None else known, torch.device("cpu")
    if shapes not in known:
        known[shapes] = CoarseFields(objective, shapes, view)
    fields = known[shapes]
    if fields.unseen_fraction > MAX_UNSEEN:
        return None
    if any(value.device != cpu for value in (fields.x, *parameters.values())):
        model, fields = model.with_axes([axis.to(cpu) for axis in model.axes]), fields.to(cpu)
    return make(model, fields, objective.loss, objective.alphas)


def square_of(factor: Tensor) -> Tensor:
    """Return the sum of squares of a factor, which is not 0."""
    return factor.square().sum().clamp(min=TINY)


def in_coordinates(blocks: Sequence[Block], data: Tensor) -> Tensor:
    """Return C in the coordinates of the blocks."""
    start = 0
    for block in blocks:
        part = slice(start, start + block.n_unknowns)
        for _ in range(2):  # rows, then columns
            rows = data[part].unflatten(0, (-1, len(block.basis)))
            data[part] = torch.einsum("dkp,kl->dlp", rows, block.basis).flatten(0, 1)
            data = data.T.contiguous()
        start += block.n_unknowns
    return data


def eliminated(
    system: DenseSystem | TwoLevelSystem, axes: Sequence[CoarseAxis], means: Sequence[Tensor],
    gradient: Sequence[Tensor], of_intercepts: Tensor,
) -> tuple[list[Tensor], Tensor]:  # fmt: skip
    """Solve a system for the weights from which the intercepts are eliminated.

    Parameters
    ----------
    system : DenseSystem or TwoLevelSystem
        Of samples about their means.
    axes : sequence of CoarseAxis
    means : sequence of Tensor of shape (d, K, 1)
        Mean of what the coarse unknowns of each axis multiply.
    gradient : sequence of Tensor of shape (D, K, B)
    of_intercepts : Tensor of shape (K, B) or (B,)
        Gradient by the intercepts, for each column.

    Returns
    -------
    steps : list of Tensor of shape (D, K, B)
    shift : Tensor of shape (K, B)
        Mean of what the steps of each column add to the scores.
    """
    triples = list(zip(axes, means, gradient, strict=True))
    steps = system.steps([g - axis.columns(axis.extend, mean * of_intercepts) for axis, mean, g in triples])
    shifts = [(m * axis.columns(axis.restrict, step)).sum(0) for step, (axis, m, _) in zip(steps, triples, strict=True)]
    return steps, torch.stack(shifts).sum(0)


def coarse_shapes(shapes: Shapes, axes: Sequence[Axis], n_unknowns: Callable[[Shapes], int]) -> Shapes | None:
    """Divide the shape of the largest grid by whole numbers until the coarse system is small; None where that fails."""
    divisors, coarse = [1] * len(shapes), shapes
    while True:
        cells = [0 if axis.smoothness is None else prod(shape) for axis, shape in zip(axes, coarse, strict=True)]
        largest = cells.index(max(cells))
        if cells[largest] <= MAX_CELLS and n_unknowns(coarse) <= MAX_UNKNOWNS:
            return coarse
        if cells[largest] <= LEAST_CELLS:
            return None
        divisors[largest] += 1
        coarse = tuple(tuple(ceil(n / divisor) for n in shape) for shape, divisor in zip(shapes, divisors, strict=True))
