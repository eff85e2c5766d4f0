"""A fitted model again in the core, to be fitted to the same rows with other weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch

from sklearn_mrtl._estimators.classes import class_weights, known_codes, one_hot, weights_of_rows
from sklearn_mrtl._estimators.device_array import torch_view
from sklearn_mrtl._estimators.fitted import FittedTensor
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import is_auto
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._estimators.terms import core_scale, highest_term
from sklearn_mrtl._estimators.validation import normalize_weights, validate_numbers, validate_rows
from sklearn_mrtl.core.data.base import Inputs, Shapes
from sklearn_mrtl.core.finegraining import coarsen_means
from sklearn_mrtl.core.losses import LogisticLoss, Loss, PoissonLoss, SoftmaxLoss, SquaredLoss
from sklearn_mrtl.core.models.axes import axes_of
from sklearn_mrtl.core.models.base import Alphas, Parameters, TensorModel
from sklearn_mrtl.core.models.terms import Strengths, Sum, Term, named
from sklearn_mrtl.core.objective import Objective
from sklearn_mrtl.core.refits import TiltedObjective, draw_tilt, tensors_of, unit_of_likelihood
from sklearn_mrtl.core.solvers.base import SolverSettings
from sklearn_mrtl.core.solvers.coarse_fields import CoarseFields
from sklearn_mrtl.core.solvers.linearized import linearize
from sklearn_mrtl.core.solvers.solve import solve

LARGEST_REFIT = 2**23  # numbers of fields up to which a level is refitted: a pass takes a hundredth of a second
SOLVER = SolverSettings(convergence=3e-3)  # a sixth of it changes widths by 3 %


@dataclass(frozen=True, eq=False)
class Refits:
    """A fitted model on rows, to be fitted again with other weights of the rows.

    Attributes
    ----------
    tensors : list of FittedTensor
        Of every term, as fitted.
    model, start : TensorModel, Parameters
        At the level of the refits: the finest at which a pass over fields is short.
    fine : TensorModel
        At the level of the tensors.
    inputs, y, weight, loss : Inputs, Tensor of shape (n, T), Tensor of shape (n,), Loss
    alphas : Alphas
    coarse : dict of Shapes to CoarseFields
        Fields as Gauss-Newton steps see them.
    kept : ndarray of bool, shape (n,), or None
        Rows of positive weight; None: all.
    """

    tensors: list[FittedTensor]
    model: TensorModel
    fine: TensorModel
    start: Parameters
    inputs: Inputs
    y: torch.Tensor
    weight: torch.Tensor
    loss: Loss
    alphas: Alphas
    coarse: dict[Shapes, CoarseFields]
    kept: np.ndarray | None

    @classmethod
    def of(cls, estimator, X, y, sample_weight=None) -> Refits:
        """Take a fitted estimator, and rows like those that it was fitted to.

        Raises
        ------
        ValueError
            If X or y are not like those of fit.
        """
        rows, loss = validated_rows(estimator, X, y, sample_weight)
        tensor = estimator.tensor_
        inputs, _ = tensor.inputs(rows.X)
        targets, weight = (torch_view(np.ascontiguousarray(v, dtype=tensor.dtype)) for v in (rows.y, rows.weight))
        shapes = inputs.shapes
        levels = [level_shapes(tensor, level) for level in estimator.resolutions_]
        if inputs.coarsens_in_steps:
            small = [level for level in levels if inputs.n_rows * prod(map(prod, level)) <= LARGEST_REFIT]
            shapes = max(small or levels[:1], key=lambda level: prod(map(prod, level)))
        fine = core_model(estimator, inputs, weight)
        view = None
        if inputs.coarsens_in_steps:
            coarse = inputs.coarsen(shapes)
            view = coarse.coarsen(levels[0]) if levels[0] != shapes else None
        else:
            coarse = inputs
        modes, masks, sigma = coarse.modes, coarse.masks, sigma_of(estimator)
        model = fine.with_axes(axes_of(modes, coarse.shapes, masks, fine.n_outputs, sigma, weight))
        start = restricted(core_parameters(estimator), fine, model)
        alphas = core_alphas(estimator)
        tensors = [term.tensor for term in estimator.terms_.values()]
        known: dict[Shapes, CoarseFields] = {}
        linearize(Objective(model, coarse, targets, weight, loss, alphas), start, view, known)
        return cls(tensors, model, fine, start, coarse, targets, weight, loss, alphas, known, rows.kept)

    def refit(self, counts: np.ndarray, start: Parameters | None = None, unit: float = 0.0, seed: int = 0):
        """Fit again with the weight of every row multiplied by a count; return the parameters.

        Parameters
        ----------
        counts : ndarray of shape (n,)
        start : Parameters or None
            None: as fitted.
        unit : float
            Objective per unit of a negative log likelihood, with which the penalties' centre is drawn from the Gaussian
            prior that they stand for; 0: the centre is 0.
        """
        inputs, y, weight, known = self.inputs, self.y, self.weighted(counts), None
        if inputs.coarsens_in_steps:  # fields: steps are the cheaper the fewer rows there are
            rows = torch.nonzero(weight)[:, 0]
            known = {shapes: fields.weighted(weight) for shapes, fields in self.coarse.items()}
            inputs, y, weight = inputs.select(rows), y[rows], weight[rows]
        objective = TiltedObjective(self.model, inputs, y, weight, self.loss, self.alphas)
        if unit > 0:
            generator = torch.Generator().manual_seed(seed)
            objective.tilts = {
                name: draw_tilt(model, alphas, unit, generator).to(weight)
                for name, model, _, alphas in tensors_of(self.model, self.start, self.alphas)
            }
        return solve(objective, self.start if start is None else start, SOLVER, known=known)

    def weighted(self, counts: np.ndarray) -> torch.Tensor:
        """Return the weight of every row times its count, for counts (..., n)."""
        counts = counts if self.kept is None else counts[..., self.kept]
        return self.weight * torch.from_numpy(counts).to(self.weight)

    def unit(self, counts: np.ndarray, parameters: Parameters) -> float:
        """Return the objective per unit of a negative log likelihood, from resamples (R, n)."""
        weights = self.weighted(counts)
        return unit_of_likelihood(self.model, parameters, self.inputs, self.y, weights, self.loss)

    def fitted(self, parameters: Parameters) -> list[FittedTensor]:
        """Return the tensors of every term with parameters of a refit, at the level of the fitted ones."""
        fine = self.model.finegrain(parameters, self.fine)
        parts = tensors_of(self.fine, fine, self.alphas)
        intercept = {"intercept": fine["intercept"]}
        return [
            replace(tensor, parameters={name: v.detach().cpu().numpy() for name, v in (own | intercept).items()})
            for tensor, (_, _, own, _) in zip(self.tensors, parts, strict=True)
        ]


def validated_rows(estimator, X, y, sample_weight) -> tuple[Rows, Loss]:
    """Return rows with the core's targets and weights, and the loss."""
    tensor = estimator.tensor_
    outputs: Outputs = tensor.outputs
    if outputs.grid is not None:
        raise ValueError(f"refits are for targets that are no grid, got a model with target={outputs.grid!r}.")
    y = outputs.form.columns(y)
    expected = (tensor.layout.row_shape, tensor.layout.labels, tensor.dtype)
    is_classifier = outputs.classes is not None
    options = {} if is_classifier else {"multi_output": True}
    rows, _ = validate_rows(estimator, X, y, sample_weight, expected=expected, **options)
    if outputs.classes is not None:
        codes = known_codes(rows.y, outputs.classes)
        factors = class_weights(estimator.class_weight, outputs.classes, codes, rows)
        rows = normalize_weights(rows._replace(y=codes), weights_of_rows(factors, codes))
        return rows._replace(y=one_hot(rows.y, outputs)), LogisticLoss if outputs.number == 1 else SoftmaxLoss
    values = validate_numbers("y", rows.y)
    if values.reshape(len(values), -1).shape[1] != outputs.number:
        raise ValueError(f"y must have the {outputs.number} output(s) of fit, got rows of shape {values.shape[1:]}.")
    rows = normalize_weights(rows._replace(y=outputs.targets(values)))
    return rows, PoissonLoss if outputs.is_log else SquaredLoss


def sigma_of(estimator) -> float | None:
    """Return the width of the smoothness kernel."""
    return None if is_auto(estimator.sigma) else float(estimator.sigma)


def level_shapes(tensor: FittedTensor, level: dict) -> tuple[tuple[int, ...], ...]:
    """Return the shape of every mode of the layout at a level, in the order of the core."""
    modes = [(tensor.layout.modes[m], tensor.shapes[m]) for m in tensor.layout.order]
    return tuple(tuple(level.get(mode.name, shape)) for mode, shape in modes)


def core_model(estimator, inputs: Inputs, like: torch.Tensor) -> TensorModel:
    """Return the core's model of a fitted estimator, with its penalties."""
    tensor = estimator.tensor_
    axes = axes_of(inputs.modes, inputs.shapes, inputs.masks, tensor.outputs.number, sigma_of(estimator), like)
    if hasattr(estimator, "alpha_spatial_"):
        return tensor.model_on(axes)
    terms = []
    for name, fitted in estimator.terms_.items():
        layout = fitted.tensor.layout
        used = tuple(i for i, m in enumerate(layout.order) if m in fitted.tensor.used)
        spatial = tuple(tuple(fitted.alpha_spatial.get(inputs.modes[i].name, ())) for i in used)
        scale = core_scale(fitted.tensor.statistics, layout, used)
        strengths = Strengths(fitted.alpha_l2, spatial).times(1 / scale).times(1 / scale)
        terms.append(Term(name, used, fitted.rank, strengths))
    models = [
        fitted.tensor.model_on(term.axes(axes)) for term, fitted in zip(terms, estimator.terms_.values(), strict=True)
    ]
    return Sum(axes, terms, models)


def core_alphas(estimator) -> Alphas:
    """Return the strengths of the penalties in the core's units; those of several terms are part of the model."""
    if not hasattr(estimator, "alpha_spatial_"):
        return Alphas(1.0, 1.0)
    scale = estimator.tensor_.statistics.scale
    return Alphas(estimator.alpha_spatial_, estimator.alpha_l2_).times(1 / scale).times(1 / scale)


def core_parameters(estimator) -> Parameters:
    """Return the parameters of the core's model."""
    own = {
        name: {key: torch.from_numpy(np.asarray(value)) for key, value in term.tensor.parameters.items()}
        for name, term in estimator.terms_.items()
    }
    if hasattr(estimator, "alpha_spatial_"):
        return next(iter(own.values()))
    intercept = own[highest_term(estimator.terms_).name]["intercept"]
    weights = {name: {k: v for k, v in parts.items() if k != "intercept"} for name, parts in own.items()}
    return {**named(weights), "intercept": intercept}


def restricted(parameters: Parameters, fine: TensorModel, coarse: TensorModel) -> Parameters:
    """Return parameters at a coarser level: means over the cells that hold data."""
    means = dict(parameters)
    for name, axes in fine.parameter_axes.items():
        for dim, (axis, coarser) in enumerate(zip(axes, coarse.parameter_axes[name], strict=True)):
            if axis.shape == coarser.shape or axis.smoothness is None:
                continue
            values = means[name].movedim(dim, 0)
            flat = values.reshape(len(values), -1)
            filled = flat.new_ones(axis.size, 1) if axis.mask is None else axis.mask.to(flat)[:, None]
            total, part = (coarsen_means(v, 0, axis.shape, coarser.shape) for v in (flat * filled, filled))
            mean = total / part.clamp(min=1e-12)
            means[name] = mean.reshape(-1, *values.shape[1:]).movedim(0, dim).contiguous()
    return means
