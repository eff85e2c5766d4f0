"""A fitted weight tensor as the core computes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sklearn_mrtl._estimators.core_samples import target_grid
from sklearn_mrtl._estimators.encodings import EncodingStatistics, as_layout
from sklearn_mrtl._estimators.fields import FieldStatistics
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import row_blocks
from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.models.axes import Axis, TargetAxis
from sklearn_mrtl.core.models.base import WeightTensor
from sklearn_mrtl.core.models.full_rank import FullRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS
from sklearn_mrtl.core.threads import computing
from sklearn_mrtl.modes import Feature

CPU = torch.device("cpu")


def output_axes(outputs: Outputs, device: torch.device = CPU) -> list[Axis]:
    """Return the axis of several outputs at their finest resolution, without penalties; none for one."""
    target = target_grid(outputs, device)
    if target is not None:
        return [TargetAxis(target.grid, target.shape, is_output=True, target=target)]
    return [Axis(Feature("output"), (outputs.number,), is_output=True)] if outputs.number > 1 else []


@dataclass(frozen=True, eq=False)
class Predictor:
    """The weight tensor W of a fitted model and its intercept, for predictions.

    Arrays and simple objects only, so that it can be saved by anything that saves those.

    Attributes
    ----------
    layout : Layout
        Modes, labels and shape of X.
    outputs : Outputs
    statistics : FieldStatistics or EncodingStatistics
        Of the training rows.
    decomposition : str or None
        None: full rank.
    nonnegative : tuple of str or None
        Names of the modes whose factors are nowhere negative; None names the outputs.
    shapes : tuple of tuple of int
        Shape of each mode of the layout at the resolution of the tensor.
    masks : tuple of (ndarray of bool, or None)
        For each mode of the layout the cells, flat, that hold data; None: all.
    parameters : dict of str to ndarray
        Of the core's model, for inputs and scores in the core's units.
    used : tuple of int
        Positions, among the modes of the layout, of those of this tensor: a term of a sum need not have all.
    """

    layout: Layout
    outputs: Outputs
    statistics: FieldStatistics | EncodingStatistics
    decomposition: str | None
    nonnegative: tuple[str | None, ...]
    shapes: tuple[tuple[int, ...], ...]
    masks: tuple[np.ndarray | None, ...]
    parameters: dict[str, np.ndarray]
    used: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype:
        """Precision of computations: that of X in fit."""
        return self.parameters["intercept"].dtype

    def scores(self, X, device: torch.device = CPU, others: Sequence[Predictor] = ()) -> tuple[np.ndarray, int]:
        """Return z of eq. (1) or (2) for every row of X, shape (n, T), and the number of gaps in X that were filled.

        Parameters
        ----------
        X : ndarray or sparse array of shape (n, ...)
            Validated, in the dtype of the tensor.
        device : torch.device
            Where it is computed, in blocks that memory holds.
        others : sequence of Predictor
            Other terms of the same layout, whose scores are added.
        """
        terms = [(tensor, tensor._model, tensor._tensors(device)) for tensor in (self, *others)]
        scores, n_gaps = np.zeros((X.shape[0], self.outputs.number), dtype=self.dtype), 0
        with computing(n_threads=1):  # blocks are too small for more
            for rows in row_blocks(X):
                inputs, gaps = self.inputs(X[rows], device)
                n_gaps += gaps
                for tensor, model, parameters in terms:
                    scores[rows] += model.scores(parameters, tensor._part(inputs)).cpu().numpy()
        scores *= self.outputs.scale.astype(self.dtype)
        scores += self.outputs.shift.astype(self.dtype)
        return scores, n_gaps

    # The core's model

    @property
    def _model(self) -> WeightTensor:
        axes = []
        for m in self._order:
            mask = None if self.masks[m] is None else torch.from_numpy(self.masks[m])
            axes.append(Axis(self.layout.modes[m], self.shapes[m], mask))
        axes += output_axes(self.outputs)
        return self.model_on(axes)

    def model_on(self, axes: Sequence[Axis]) -> WeightTensor:
        """Return the core's model of this tensor on other axes."""
        if self.decomposition is None:
            return FullRank(axes)
        return DECOMPOSITIONS[self.decomposition](axes, frozenset(self.nonnegative))

    def _tensors(self, device: torch.device = CPU, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(np.asarray(value)).to(device, dtype) for name, value in self.parameters.items()}

    @property
    def _order(self) -> list[int]:
        """Positions of its modes in the layout, in the order of the core."""
        return [m for m in self.layout.order if m in self.used]

    def _part(self, inputs: Inputs) -> Inputs:
        """Return what its modes have of the inputs of all modes."""
        return inputs.of_modes(tuple(place for place, m in enumerate(self.layout.order) if m in self.used))

    def _names(self) -> list[str]:
        """Names of the modes in the order of the core."""
        names = [self.layout.modes[m].name for m in self._order]
        return names + ([self.outputs.name] if self.outputs.number > 1 else [])

    def inputs(self, X, device: torch.device = CPU) -> tuple[Inputs, int]:
        """Return the core's inputs at the resolution of the tensor, and the number of gaps that were filled."""
        inputs, n_gaps = self.statistics.inputs(as_layout(X, self.layout), self.layout, device)
        return inputs.coarsen(tuple(self.shapes[m] for m in self.layout.order)), n_gaps

    def _zero(self) -> Inputs:
        """Return a sample of zeros."""
        return self.inputs(np.zeros((1, *self.layout.row_shape), dtype=self.dtype), CPU)[0]

    def _units(self) -> tuple[float, torch.Tensor]:
        """Return what turns the core's weights into weights of X: a number, and a number for each output of about 1."""
        largest = float(self.outputs.scale.max())
        magnitude = largest / self.statistics.scale_of(self.used) * self._part(self._zero()).cell_area
        return magnitude, torch.from_numpy(self.outputs.scale / largest)
