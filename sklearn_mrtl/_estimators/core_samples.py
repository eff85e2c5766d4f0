"""From validated rows to the core's samples."""

from __future__ import annotations

import numpy as np
import torch

from sklearn_mrtl._estimators.device_array import torch_view
from sklearn_mrtl._estimators.encoding_sums import EncodingSums
from sklearn_mrtl._estimators.encodings import EncodingStatistics
from sklearn_mrtl._estimators.field_sums import FieldSums
from sklearn_mrtl._estimators.fields import FieldStatistics
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.data.target import TargetGrid

Statistics = FieldStatistics | EncodingStatistics
Sums = FieldSums | EncodingSums


def sums_of(rows: Rows, layout: Layout, *, standardize: bool) -> Sums:
    """Return the sums that statistics are made from; of a sum of terms numbers are to be standardized."""
    return FieldSums.of(rows) if layout.is_fields else EncodingSums.of(rows, standardize=standardize)


def make_samples(
    rows: Rows, inputs: Inputs, device: torch.device, fold: np.ndarray | None = None,
    target: TargetGrid | None = None,
) -> Samples:  # fmt: skip
    """Return the core's samples of inputs and the targets and weights of rows."""
    y, weight = (torch_view(np.asarray(values, dtype=rows.X.dtype)).to(device) for values in (rows.y, rows.weight))
    fold_of_rows = None if fold is None else torch.from_numpy(fold).to(device)
    return Samples.from_rows(inputs, y, weight, fold_of_rows, target)


def empty_samples(X, statistics: Statistics, layout: Layout, outputs: Outputs) -> Samples:  # noqa: N803
    """Return samples without rows, on the CPU, from X without rows: what blocks of samples have in common."""
    cpu = torch.device("cpu")
    like = torch.empty(0, 1, dtype=torch.from_numpy(np.empty(0, X.dtype)).dtype)
    y = like[..., None].expand(0, 1, outputs.number)
    return Samples(statistics.training_inputs(X, layout, cpu), like, y, 0.0, target=target_grid(outputs, cpu))


def target_grid(outputs: Outputs, device: torch.device) -> TargetGrid | None:
    """Return the grid of the outputs at its finest resolution; None where they are in no order."""
    grid, mask = outputs.grid, outputs.form.mask
    if grid is None or mask is None:
        return None
    return TargetGrid(grid, grid.shape, torch.from_numpy(mask.reshape(-1).astype(np.float64)).to(device))
