"""The weight tensor of a fitted model: all that predictions, attributes and pictures need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import torch

from sklearn_mrtl._estimators.encodings import EncodingStatistics
from sklearn_mrtl._estimators.fields import FieldStatistics
from sklearn_mrtl._estimators.layout import Layout, check_rows
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.predictor import CPU, Predictor, output_axes
from sklearn_mrtl._estimators.rows import in_units
from sklearn_mrtl._estimators.tensor_mode import TensorMode, input_mode, output_mode
from sklearn_mrtl._utils.arrays import as_one_array
from sklearn_mrtl._utils.labels import align
from sklearn_mrtl.core import memory
from sklearn_mrtl.core.data.fields import FieldInputs
from sklearn_mrtl.core.models.axes import Axis, TargetAxis
from sklearn_mrtl.core.models.base import Parameters, WeightTensor
from sklearn_mrtl.core.models.low_rank import LowRank
from sklearn_mrtl.core.models.registry import DECOMPOSITIONS

TIMES = " x "  # between the names of a term's modes


@dataclass(frozen=True, eq=False, repr=False)
class FittedTensor(Predictor):
    """The weight tensor W of a fitted model and its intercept, in the user's terms."""

    def __repr__(self):
        names = ", ".join(f"{mode.name} {' x '.join(map(str, mode.shape))}" for mode in self.modes.values())
        return f"FittedTensor({names}; rank={self.rank})"

    @classmethod
    def from_core(
        cls, model: WeightTensor, parameters: Parameters, layout: Layout, outputs: Outputs,
        statistics: FieldStatistics | EncodingStatistics, all_axes: Sequence[Axis] | None = None,
    ) -> FittedTensor:  # fmt: skip
        """Take a model of the core, on any device; `all_axes` are those of all modes, if the model has not all."""
        model, parameters = with_finest_outputs(model, parameters, outputs)
        own = {axis.name for axis in model.axes}
        axes = {axis.name: axis for axis in all_axes or model.axes}
        ordered = [axes[mode.name] for mode in layout.modes]
        kinds = [name for name, kind in DECOMPOSITIONS.items() if isinstance(model, kind)]
        return cls(
            layout=layout,
            outputs=outputs,
            statistics=statistics,
            decomposition=kinds[0] if kinds else None,
            nonnegative=tuple(sorted(getattr(model, "nonnegative", ()), key=str)),
            shapes=tuple(tuple(axis.shape) for axis in ordered),
            masks=tuple(None if axis.mask is None else axis.mask.cpu().numpy() for axis in ordered),
            parameters={name: value.detach().cpu().numpy().copy() for name, value in parameters.items()},
            used=tuple(m for m, mode in enumerate(layout.modes) if mode.name in own),
        )

    @property
    def output(self) -> TensorMode | None:
        """The mode of several outputs; None for one."""
        return output_mode(self.outputs) if self.outputs.number > 1 else None

    @property
    def name(self) -> str:
        """Names of its modes."""
        return TIMES.join(self.layout.modes[m].name for m in self.used)

    @property
    def modes(self) -> dict[str, TensorMode]:
        """The modes of W by name, in the user's order, several outputs last."""
        described = [
            input_mode(self.layout, m, shape, None if mask is None else mask.reshape(shape))
            for m, (shape, mask) in enumerate(zip(self.shapes, self.masks, strict=True))
            if m in self.used
        ]
        described += [self.output] if self.output is not None else []
        return {mode.name: mode for mode in described}

    @property
    def rank(self) -> int | tuple[int, ...] | None:
        """Number of components, for each mode where it differs; None: full rank."""
        model = self._model
        if not isinstance(model, LowRank):
            return None
        rank = model.rank(self._tensors())
        return tuple(map(int, rank)) if isinstance(rank, tuple) else rank

    def fields(self, X: np.ndarray, *, from_mean: bool = False) -> np.ndarray:
        """Return fields at the resolution of the tensor, shape (n, *shape of mode 1, ...); no data is 0.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
            Rows of the shape, and with the dimensions, that fit saw.
        from_mean : bool, default=False
            Subtract the mean of the training rows.
        """
        X = np.asarray(as_one_array(align(X, self.layout.labels)), dtype=self.dtype)
        check_rows(X.shape[1:], self.layout.row_shape)
        inputs, _ = self.inputs(X)
        assert isinstance(inputs, FieldInputs)
        x = inputs.unpack(inputs.x - inputs.center if from_mean else inputs.x).numpy() * self.statistics.scale
        back = np.argsort(self.layout.order)
        return x.transpose(0, *(1 + back)).reshape(len(x), *(n for shape in self.shapes for n in shape))

    # What it shows

    def intercept(self, others: Sequence[Predictor] = ()) -> np.ndarray:
        """Return the score of a sample of zeros, shape (T,), for `others` as in `scores`."""
        if self.layout.is_fields:
            return self.scores(np.zeros((1, *self.layout.row_shape), dtype=self.dtype), others=others)[0][0]
        scale, shift = (values.astype(self.dtype) for values in (self.outputs.scale, self.outputs.shift))
        return self.parameters["intercept"] * scale + shift

    def intercept_of_y(self, others: Sequence[Predictor] = ()) -> np.ndarray:
        """Return the score of a sample of zeros in the form of a row of y."""
        intercept = self.intercept(others)
        return intercept[0] if self.outputs.number == 1 else self.outputs.form.with_maps(intercept, 0)

    @property
    def canonical(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Component weights (K,) or core (K_1, ...), and factors by name.

        Factors have the shape of their mode, and NaN where it holds no data.
        """
        model, magnitude, relative = self._model, *self._units()
        assert isinstance(model, LowRank)
        core, factors = model.canonical(self._per_unit(model.scaled(self._tensors(dtype=torch.float64), relative)))
        by_name = dict(zip(self._names(), factors, strict=True))
        modes = self.modes
        core = core.permute([self._names().index(name) for name in modes]) if core.ndim > 1 else core
        shown = {}
        for name, mode in modes.items():
            factor = by_name[name].numpy().astype(self.dtype)
            if mode.is_output:
                factor = self.outputs.form.with_maps(factor, 0)
            else:
                factor = np.moveaxis(mode.blank(factor.T.reshape(-1, *mode.shape)), 0, -1)
            shown[name] = np.ascontiguousarray(factor)
        return in_units(core.numpy(), magnitude, self.dtype), shown

    def coefficients(self) -> np.ndarray:
        """Return the weight of every entry of a sample's tensor, shape (*shape of mode 1, ...), outputs first.

        Raises
        ------
        MemoryError
            If it would not fit.
        """
        modes = self.modes
        sizes = [mode.size for mode in modes.values()]
        memory.require_bytes(
            3 * prod(sizes) * np.float64().itemsize, CPU, f"coef_, the dense weight tensor of sizes {sizes},",
            "factors_ and component_weights_ hold the same in little room.",
        )  # fmt: skip
        magnitude, relative = self._units()
        scaled = self._model.scaled(self._tensors(dtype=torch.float64), relative)
        dense = self._model.dense(self._per_unit(scaled))
        several = self.outputs.number > 1
        order = [self._names().index(self.layout.modes[m].name) for m in self.used]
        dense = dense.permute(*([dense.ndim - 1] if several else []), *order)
        weights = in_units(dense.numpy(), magnitude, self.dtype)
        weights = weights.reshape(*weights.shape[: int(several)], *(n for m in self.used for n in self.shapes[m]))
        end = 0
        for mode in reversed(list(modes.values())[: len(self.used)]):
            if mode.mask is not None:
                weights = np.where(mode.mask.reshape(*mode.shape, *[1] * end), weights, self.dtype.type(np.nan))
            end += len(mode.shape)
        return self.outputs.form.with_maps(weights, 0) if several else weights

    def attributes(self, others: Sequence[Predictor] = ()) -> dict[str, Any]:
        """Return the fitted attributes of an estimator that are the tensor's, for `others` as in `scores`."""
        shown: dict[str, Any] = {"modes_": self.layout.modes, "rank_": self.rank}
        shown["intercept_"] = self.intercept_of_y(others)
        if self.decomposition is not None:
            core, shown["factors_"] = self.canonical
            shown["component_weights_" if core.ndim == 1 else "core_"] = core
        return shown

    def _per_unit(self, parameters: Parameters, power: int = -1) -> Parameters:
        """Return the weights of standardized columns as weights for each unit of these columns; power 1: back again."""
        changed = dict(parameters)
        for position, m in enumerate(self._order):
            if m in self.statistics.moments:
                spread = torch.from_numpy(self.statistics.moments[m][1]) ** power
                name, dim = ("weights", position) if "weights" in changed else (f"factor {position}", 0)
                along = [-1 if d == dim else 1 for d in range(changed[name].ndim)]
                changed[name] = changed[name] * spread.to(changed[name]).reshape(along)
        return changed

    def without_component(self, k: int) -> FittedTensor:
        """Return the tensor without a component and nothing else changed.

        Raises
        ------
        ValueError
            If it is not a CP tensor.
        """
        model, (_, relative) = self._model, self._units()
        if not isinstance(model, LowRank) or not model.core_is_diagonal:
            raise ValueError(f"only a CP tensor has components, got decomposition={self.decomposition!r}.")
        weights, factors = model.canonical(self._per_unit(model.scaled(self._tensors(dtype=torch.float64), relative)))
        weights = weights.clone()
        weights[k] = 0
        lesser = dict(zip(model.names, [factors[0] * weights, *factors[1:]], strict=True))
        lesser = self._per_unit(lesser, power=1)
        lesser = model.scaled({**self._tensors(dtype=torch.float64), **lesser}, 1 / relative)
        return replace(self, parameters={name: value.numpy().astype(self.dtype) for name, value in lesser.items()})


def with_finest_outputs(
    model: WeightTensor, parameters: Parameters, outputs: Outputs
) -> tuple[WeightTensor, Parameters]:
    """Return the model with the outputs on the finest grid, to which weights of a coarser one are interpolated."""
    last = model.axes[-1]
    if not isinstance(last, TargetAxis) or last.shape == last.target.grid.shape:
        return model, parameters
    finest = output_axes(outputs, last.target.filled.device)
    finer = model.with_axes([*model.axes[:-1], *finest])
    return finer, model.finegrain(parameters, finer)
