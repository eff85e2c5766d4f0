"""The data of a fit: training and validation rows, at hand or, in `lazy_fit`, in dask arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from scipy import sparse

from sklearn_mrtl._estimators.columns import check_columns
from sklearn_mrtl._estimators.core_samples import Statistics, make_samples, target_grid
from sklearn_mrtl._estimators.encodings import EncodingStatistics, as_layout
from sklearn_mrtl._estimators.fields import FieldStatistics, warn_of_filled
from sklearn_mrtl._estimators.fingerprints import fingerprint
from sklearn_mrtl._estimators.folds import fold_of_rows
from sklearn_mrtl._estimators.holdout import hold_out_if_needed
from sklearn_mrtl._estimators.layout import Layout
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.rows import Rows
from sklearn_mrtl._estimators.settings import check_fit_memory
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.core.data.base import Shapes
from sklearn_mrtl.core.data.blocks import AnySamples
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.plan import Plan
from sklearn_mrtl.core.settings import Settings


@dataclass(frozen=True, eq=False)
class SampleSource(ABC):
    """What the core's samples of a fit are made from.

    Attributes
    ----------
    statistics : FieldStatistics or EncodingStatistics
        Of the training rows.
    layout : Layout
    outputs : Outputs
    device : torch.device
        Of the samples.
    """

    statistics: Statistics
    layout: Layout
    outputs: Outputs
    device: torch.device

    @property
    @abstractmethod
    def has_validation(self) -> bool:
        """Whether there are validation data, given or held out."""

    @abstractmethod
    def check_memory(
        self, plan: Plan, settings: Settings, resolutions: Sequence[Shapes], n_outputs: Sequence[int]
    ) -> None:
        """Refuse samples that, with what the training makes of them, do not fit into memory and have to."""

    @abstractmethod
    def training_samples(self) -> AnySamples:
        """Return the training samples, which nobody else holds."""

    @abstractmethod
    def validation_samples(self) -> AnySamples | None:
        """Return the validation samples; None where there are none."""


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

    def in_layout(self, estimator, layout: Layout) -> Self:
        training = self.training._replace(X=as_layout(self.X, layout))
        if self.labels.modes is None:
            check_columns(training.X, layout, estimator.modes, getattr(estimator, "feature_names_in_", None))
        return replace(self, training=training)

    def for_callbacks(self) -> tuple:
        return self.X, *self.given

    def fingerprints(self) -> dict[str, str]:
        validation = "none" if self.validation is None else repr(fingerprints(self.validation))
        return fingerprints(self.training) | {"X_val, y_val": validation}

    def source(
        self, estimator, settings: Settings, layout: Layout, outputs: Outputs, device: torch.device
    ) -> SampleSource:
        training, validation = hold_out_if_needed(estimator, self.training, self.validation, settings)
        fold = fold_of_rows(estimator.cv, training)
        statistics: Statistics
        if layout.is_fields:
            statistics = FieldStatistics.fit(training.X, training.weight, layout)
        else:
            standardize = bool(settings.terms)
            statistics = EncodingStatistics.fit(training.X, training.weight, layout, standardize=standardize)
        return RowSource(statistics, layout, outputs, device, training, validation, fold)


def fingerprints(rows: Rows) -> dict[str, str]:
    """Return fingerprints of arrays of rows by name."""
    arrays = {"X": rows.X, "y": rows.y, "sample_weight": rows.weight, "groups": rows.groups}
    return {name: fingerprint(values) for name, values in arrays.items()}


@dataclass(frozen=True, eq=False)
class RowSource(SampleSource):
    """Rows at hand, of which samples are made.

    Attributes
    ----------
    training, validation : Rows, Rows or None
        After rows were held out, if something needs them.
    fold : ndarray of int, shape (n,), or None
        See `fold_of_rows`.
    """

    training: Rows
    validation: Rows | None
    fold: np.ndarray | None

    @property
    def has_validation(self) -> bool:
        return self.validation is not None

    def check_memory(
        self, plan: Plan, settings: Settings, resolutions: Sequence[Shapes], n_outputs: Sequence[int]
    ) -> None:
        n_validation = 0 if self.validation is None else len(self.validation.y)
        sizes = self.statistics.sizes(self.training, n_validation, self.layout, self.device)
        check_fit_memory(plan, settings, resolutions, sizes, n_outputs, self.device)

    def training_samples(self) -> Samples:
        inputs = self.statistics.training_inputs(self.training.X, self.layout, self.device)
        return make_samples(self.training, inputs, self.device, self.fold, target_grid(self.outputs, self.device))

    def validation_samples(self) -> Samples | None:
        """Return the validation samples.

        Raises
        ------
        ValueError
            If X has infinite values where there were data in fit.
        """
        rows = self.validation
        if rows is None:
            return None
        try:
            inputs, n_gaps = self.statistics.inputs(as_layout(rows.X, self.layout), self.layout, self.device)
        except ValueError as error:
            raise ValueError(f"X_val, or rows of X that are held out: {error}") from error
        warn_of_filled(n_gaps)
        return make_samples(rows, inputs, self.device, target=target_grid(self.outputs, self.device))
