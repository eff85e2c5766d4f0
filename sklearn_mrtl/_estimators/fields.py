"""X as fields: the training rows' means, gaps and scale, and the core's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sklearn_mrtl._estimators.device_array import ArrayLike, torch_view
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.rows import Rows, common_scale, row_blocks, size_of_targets
from sklearn_mrtl._warnings import warn
from sklearn_mrtl.core.data.base import take_last
from sklearn_mrtl.core.data.fields import FieldInputs, stored_cells
from sklearn_mrtl.core.estimate import FieldSizes
from sklearn_mrtl.modes import Grid


@dataclass(frozen=True, eq=False)
class FieldStatistics:
    """What fit estimates of fields from the training rows.

    Attributes
    ----------
    center : ndarray of shape (*row shape)
        Weighted mean; 0 where there are no data.
    has_data : ndarray of bool, shape (*row shape)
    complete : bool
        Whether the training fields have no NaN at all.
    scale : float
        The core's inputs are X divided by it: a power of two of about the size of the deviations from the mean, or 1.
    """

    center: np.ndarray
    has_data: np.ndarray
    complete: bool
    scale: float = 1.0

    @classmethod
    def from_means(
        cls, center: np.ndarray, n_missing: np.ndarray, n_rows: int, row_shape: tuple[int, ...], dtype: np.dtype,
        deviation: float = 1.0,
    ) -> FieldStatistics:  # fmt: skip
        """Make statistics from the weighted mean and the number of NaN at each position of n_rows rows.

        Raises
        ------
        ValueError
            If there is nothing but NaN.
        """
        has_data = n_missing < n_rows
        if not has_data.any():
            raise ValueError(f"Input X contains NaN only, in all {n_rows} rows and {has_data.size} positions: no data.")
        warn_of_gaps(n_missing[has_data], n_rows)
        center = np.where(has_data, center, 0).astype(dtype).reshape(row_shape)
        return cls(center, has_data.reshape(row_shape), not n_missing.any(), common_scale(deviation))

    @property
    def moments(self) -> dict[int, np.ndarray]:
        """Of columns that are standardized: there are none."""
        return {}

    def scale_of(self, modes: Sequence[int]) -> float:
        """Return what the sum of fields over all but some modes is divided by: the scale, whatever the modes."""
        return self.scale

    def training_inputs(self, X: ArrayLike, layout: Layout, device: torch.device) -> FieldInputs:
        """Return the inputs of the fields of fit, whose gaps are known: X itself where it has none."""
        return self._inputs(X, layout, device, fill=not self.complete)

    def inputs(self, X: ArrayLike, layout: Layout, device: torch.device) -> tuple[FieldInputs, int]:
        """Return the inputs of other fields, and the number of gaps, which are filled with the mean of fit.

        Raises
        ------
        ValueError
            If X has infinite values where there were data in fit.
        """
        x = torch_view(X)
        doubtful = ~x.isfinite()
        has_gaps = bool(doubtful.any())
        doubtful &= torch_view(self.has_data).to(x.device)
        n_gaps = int(doubtful.sum())
        if n_gaps and not bool(x[doubtful].isnan().all()):
            raise ValueError("Input X contains infinity or a value too large; NaN is what marks places without data.")
        return self._inputs(X, layout, device, fill=not self.complete or has_gaps), n_gaps

    def _inputs(self, X: ArrayLike, layout: Layout, device: torch.device, fill: bool) -> FieldInputs:
        modes = tuple(layout.modes[m] for m in layout.order)
        masks = tuple(self.mask(layout, m, device) for m in layout.order)
        center = in_order(torch_view(self.center), (), layout)
        if fill:
            stored = stored_cells(masks)

            def pack(values: torch.Tensor) -> torch.Tensor:
                return values if stored is None else take_last(values, stored.to(values.device))

            center, no_data = pack(center), pack(~in_order(torch_view(self.has_data), (), layout))
            where = torch_view(X[:0]).device
            x = torch.empty(len(X), *center.shape, dtype=center.dtype, device=where)
            there, no_data = center.to(where), no_data.to(where)
            for rows in row_blocks(X):
                block = pack(in_order(torch_view(X[rows]), (-1,), layout))
                if not bool(block.sum().isfinite()):  # where it is, nothing is NaN
                    block = torch.where(block.isnan().logical_or_(no_data), there, block)
                torch.div(block, self.scale, out=x[rows])
        else:
            x = in_order(torch_view(X), (-1,), layout)
            x = x.contiguous() if self.scale == 1 else (x / self.scale).contiguous()
        center = (center / self.scale).contiguous().to(device)
        return FieldInputs(x.to(device), center, modes, tuple(layout.shapes[m] for m in layout.order), masks)

    def sizes(self, rows: Rows, n_more: int, layout: Layout, device: torch.device) -> FieldSizes:
        """Return what the inputs of rows, and of n_more that are like them, will take."""
        mask = self.mask(layout, layout.order[-1], torch.device("cpu"))
        stored = 1.0 if mask is None else float(mask.double().mean())
        is_as_it_is = self.complete and self.scale == 1 and list(layout.order) == sorted(layout.order)
        is_copied = not is_as_it_is or torch_view(rows.X[:0]).device.type != device.type
        return FieldSizes(*size_of_targets(rows, n_more), stored=stored, is_copied=is_copied)

    def mask(self, layout: Layout, m: int, device: torch.device) -> torch.Tensor | None:
        """Return the cells of a grid that hold data anywhere; None: all do, or the mode is no grid."""
        if not isinstance(layout.modes[m], Grid):
            return None
        has_data = self.has_data.reshape(layout.sizes)
        cells = has_data.any(axis=tuple(axis for axis in range(has_data.ndim) if axis != m))
        return None if cells.all() else torch.from_numpy(cells).to(device)


def in_order(values: torch.Tensor, rows: tuple[int, ...], layout: Layout) -> torch.Tensor:
    """Return an axis for each mode, grids flat, in the order of the layout; rows come first."""
    values = values.reshape(*rows, *layout.sizes)
    return values.permute(*range(len(rows)), *(len(rows) + m for m in layout.order))


def warn_of_filled(n_gaps: int) -> None:
    """Warn of gaps in other rows than those of training, if any."""
    if n_gaps:
        warn(
            f"{n_gaps} values of X are NaN where there were data in fit; filled with their mean over the training "
            "rows.",
        )


def warn_of_gaps(n_missing: np.ndarray, n_rows: int) -> None:
    """Warn of the number of positions that have gaps, if any."""
    if n_missing.any():
        warn(
            f"{np.sum(n_missing > 0)} of {len(n_missing)} positions of a row (cells, for each category of the other "
            f"modes) are NaN in some of the {n_rows} rows, in up to {n_missing.max()} of them; filled with their mean "
            "over the training rows.",
        )
