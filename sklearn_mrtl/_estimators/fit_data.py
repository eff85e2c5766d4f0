"""The data of a fit: training and validation rows, at hand or, in `lazy_fit`, in dask arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.columns import check_columns
from sklearn_mrtl._estimators.core_samples import sums_of
from sklearn_mrtl._estimators.device_csr import matrix_of
from sklearn_mrtl._estimators.encodings import as_layout
from sklearn_mrtl._estimators.fingerprints import fingerprint
from sklearn_mrtl._estimators.folds import fold_of_rows
from sklearn_mrtl._estimators.holdout import hold_out_if_needed
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import Rows, rows_per_weight
from sklearn_mrtl._estimators.sample_source import RowSource, SampleSource
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.core.settings import Settings


class FitData(ABC):
    """Validated training and validation rows, whose targets are those of the core.

    Attributes
    ----------
    labels : Labels
        Of X.
    """

    labels: Labels

    @property
    @abstractmethod
    def X(self) -> np.ndarray | sparse.csr_array:  # noqa: N802
        """What tells the layout, the dtype and the size at hand of the training rows."""

    @property
    @abstractmethod
    def rows_per_weight(self) -> float:
        """The effective number of training rows over the sum of their weights; see `rows.rows_per_weight`."""

    @abstractmethod
    def in_layout(self, estimator, layout: Layout) -> Self:
        """Return the data with X as its layout has it, or refuse columns that are not those of the modes."""

    @abstractmethod
    def for_callbacks(self) -> tuple:
        """Return X, y and the sample weight, or None."""

    @abstractmethod
    def fingerprints(self) -> dict[str, str]:
        """Return what tells the data from others, by name."""

    @abstractmethod
    def source(
        self, estimator, settings: Settings, layout: Layout, outputs: Outputs, device: torch.device
    ) -> SampleSource:
        """Return what samples are made from, after rows are held out and statistics are estimated."""


@dataclass(frozen=True, eq=False)
class RowData(FitData):
    """Rows at hand.

    Attributes
    ----------
    training : Rows
    validation : Rows or None
    labels : Labels
    given : tuple
        y and the sample weight, or None, as the user knows them.
    """

    training: Rows
    validation: Rows | None
    labels: Labels
    given: tuple[Any, Any]

    @property
    def X(self) -> np.ndarray | sparse.csr_array:  # noqa: N802
        return self.training.X

    @property
    def rows_per_weight(self) -> float:
        return rows_per_weight(self.training.weight)

    def in_layout(self, estimator, layout: Layout) -> Self:
        training = self.training._replace(X=as_layout(self.X, layout))
        if self.labels.modes is None:
            check_columns(training.X, layout, estimator.modes, getattr(estimator, "feature_names_in_", None))
        return replace(self, training=training)

    def for_callbacks(self) -> tuple:
        return getattr(self.X, "tensor", self.X), *self.given

    def fingerprints(self) -> dict[str, str]:
        validation = "none" if self.validation is None else repr(fingerprints(self.validation))
        return fingerprints(self.training) | {"X_val, y_val": validation}

    def source(
        self, estimator, settings: Settings, layout: Layout, outputs: Outputs, device: torch.device
    ) -> SampleSource:
        training, validation = hold_out_if_needed(estimator, self.training, self.validation, settings)
        fold = fold_of_rows(estimator.cv, training.y, training.groups, training.kept)
        standardize = (
            bool(settings.terms)
            and not layout.is_fields
            and (bool(layout.labels.numbers) or bool((matrix_of(training.X).values != 1).any()))
        )
        statistics = sums_of(training, layout, standardize=standardize).statistics(layout, training.X.dtype)
        return RowSource(statistics, layout, outputs, device, training, validation, fold)


def fingerprints(rows: Rows) -> dict[str, str]:
    """Return fingerprints of arrays of rows by name."""
    arrays = {"X": rows.X, "y": rows.y, "sample_weight": rows.weight, "groups": rows.groups}
    return {name: fingerprint(values) for name, values in arrays.items()}
