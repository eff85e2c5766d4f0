"""What both estimators share: scikit-learn's contract in, core objects out; no numerics."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial, wraps

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_mrtl._estimators.cancelling import warn_of_cancelling
from sklearn_mrtl._estimators.core_samples import Statistics
from sklearn_mrtl._estimators.devices import resolve_device
from sklearn_mrtl._estimators.fields import warn_of_filled
from sklearn_mrtl._estimators.fit_data import FitData
from sklearn_mrtl._estimators.html import with_training
from sklearn_mrtl._estimators.layout import Layout, layout_of
from sklearn_mrtl._estimators.outputs import Outputs
from sklearn_mrtl._estimators.parameters import validate_verbose
from sklearn_mrtl._estimators.progress import LevelPrinter, training_callbacks
from sklearn_mrtl._estimators.resuming import Start
from sklearn_mrtl._estimators.sample_source import SampleSource, train_within_memory
from sklearn_mrtl._estimators.schedule import core_shapes, levels_of
from sklearn_mrtl._estimators.settings import (
    check_memory,
    in_core_units,
    in_user_units,
    make_plan_and_settings,
)
from sklearn_mrtl._estimators.target_form import check_name
from sklearn_mrtl._estimators.terms import core_scale, fitted_terms, highest_term, other_tensors, warn_of_empty
from sklearn_mrtl._estimators.threads import in_useful_threads
from sklearn_mrtl._estimators.to_xarray import to_xarray
from sklearn_mrtl._estimators.validation import validate_samples
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, with_callbacks
from sklearn_mrtl._utils.interruption import is_one_of_many
from sklearn_mrtl.core.algorithm import mrtl
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.settings import LOW_RANK
from sklearn_mrtl.core.stopping import CRITERIA

ALPHAS = ("alpha_spatial", "alpha_l2")
OPTIONAL_ATTRIBUTES = (
    "component_weights_", "core_", "factors_", "alpha_spatial_", "alpha_l2_", "noise_std_", "tercile_edges_",
    "_warm_start",
)  # fmt: skip


def all_or_nothing(fit):
    """Restore the estimator's previous state if fit raises."""
    fit = with_callbacks(fit)  # it removes its own state before the previous state is restored

    @wraps(fit)
    def careful_fit(self, *args, **kwargs):
        before = vars(self).copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return careful_fit


class BaseMRTL(CallbackSupportMixin, BaseEstimator):
    """Parameters, fit, scores, and what a fitted estimator shows."""

    def __init__(
        self, modes=None, *, terms="auto", rank="auto", decomposition="cp", resolutions="auto", n_levels=None,
        full_rank_levels="auto", alpha_spatial="auto", alpha_l2="auto", sigma="auto", cv=None, nonnegative=(),
        solver="auto", learning_rate=0.01, lr_decay=0.95, batch_size="auto", max_epochs=100,
        full_rank_alpha_spatial=None, full_rank_alpha_l2=None, full_rank_learning_rate=None, criterion="auto",
        patience=1, tol=0.0, validation_fraction=0.2, device="auto", warm_start=False, checkpoint=None,
        random_state=None, verbose=0,
    ):  # fmt: skip
        self.modes = modes
        self.terms = terms
        self.rank = rank
        self.decomposition = decomposition
        self.resolutions = resolutions
        self.n_levels = n_levels
        self.full_rank_levels = full_rank_levels
        self.alpha_spatial = alpha_spatial
        self.alpha_l2 = alpha_l2
        self.sigma = sigma
        self.cv = cv
        self.nonnegative = nonnegative
        self.solver = solver
        self.learning_rate = learning_rate
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.full_rank_alpha_spatial = full_rank_alpha_spatial
        self.full_rank_alpha_l2 = full_rank_alpha_l2
        self.full_rank_learning_rate = full_rank_learning_rate
        self.criterion = criterion
        self.patience = patience
        self.tol = tol
        self.validation_fraction = validation_fraction
        self.device = device
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    @torch.inference_mode(False)
    @torch.enable_grad()
    @in_useful_threads
    def _fit(self, data: FitData, loss: Loss, outputs: Outputs) -> dict:
        """Run Algorithm 1; return the fitted attributes."""
        layout, device = layout_of(data.X, self.modes, data.labels), resolve_device(self.device)
        check_name(outputs.form.grid, layout.modes)
        data = data.in_layout(self, layout)
        start = Start.find(self, layout, data)
        levels = levels_of(self, layout, outputs.grid)
        plan, settings = make_plan_and_settings(self, loss, layout, levels, outputs, start.seed)
        of_levels = [core_shapes(layout, level) for level in levels], [outputs.number_at(level) for level in levels]
        check_memory(plan, settings, *of_levels, data.X.dtype.itemsize, device)
        source = data.source(self, settings, layout, outputs, device).within_memory(plan, settings, *of_levels)
        statistics = source.statistics
        show = partial(self._attributes, layout=layout, outputs=outputs, statistics=statistics)
        verbose = validate_verbose(self.verbose)
        settings = in_core_units(settings, statistics.scale, partial(core_scale, statistics, layout))
        if source.has_validation and settings.criterion is None:
            settings = replace(settings, criterion=CRITERIA["validation_loss"])
        rows_per_weight = 1.0 if outputs.is_log else data.rows_per_weight  # weights of counts are exposures
        settings = replace(settings, keep_interrupted=not is_one_of_many(), rows_per_weight=rows_per_weight)

        def train(source: SampleSource) -> Fit:
            callbacks = [
                LevelPrinter(verbose, len(levels)),
                *training_callbacks(self, *data.for_callbacks(), show),
                *start.writers(),
            ]
            return mrtl(
                source.training_samples(),
                [core_shapes(layout, level, outputs.grid) for level in levels],
                plan,
                settings,
                source.validation_samples(),
                start.fit(layout, outputs, statistics, settings, device),
                callbacks,
            )

        fit = train_within_memory(train, source, settings)
        attributes = show(fit) | start.after(fit)
        warn_of_cancelling(attributes["terms_"])
        warn_of_empty(self.terms, attributes["terms_"])
        return attributes

    def _attributes(self, fit: Fit, layout: Layout, outputs: Outputs, statistics: Statistics) -> dict[str, object]:
        """Return what the estimator has if training ends with this fit, besides its parameters."""
        phase = fit.phases[LOW_RANK]
        terms = fitted_terms(fit, layout, outputs, statistics)
        tensor = highest_term(terms).tensor
        own = {} if fit.terms else {
            "alpha_spatial_": in_user_units(phase.alphas.spatial, statistics.scale),
            "alpha_l2_": in_user_units(phase.alphas.l2, statistics.scale),
        }  # fmt: skip
        path = [
            tried | {name: in_user_units(tried[name], statistics.scale) for name in ALPHAS if name in tried}
            for tried in fit.alpha_path
        ]
        return tensor.attributes(other_tensors(terms, tensor)) | own | {
            "tensor_": tensor,
            "terms_": terms,
            **({} if outputs.classes is None else {"classes_": outputs.classes}),
            "resolutions_": list({record["level"]: record["resolution"] for record in fit.history}.values()),
            "alpha_path_": path,
            "rank_path_": [tried for tried in path if "rank" in tried],
            "history_": fit.history,
            "n_iter_": len(fit.history),
        }  # fmt: skip

    def _set(self, attributes: dict[str, object]):
        """Set the fitted attributes, and remove those of an earlier fit that this one has not."""
        for name in OPTIONAL_ATTRIBUTES:
            self.__dict__.pop(name, None)
        self.__dict__.update(attributes)
        return self

    def _scores(self, X) -> np.ndarray:
        """Return z of eq. (1) or (2) for every row of X, shape (n, T)."""
        check_is_fitted(self)
        layout = self.tensor_.layout
        X, _ = validate_samples(self, X, expected=(layout.row_shape, layout.labels, self.tensor_.dtype))
        others = other_tensors(self.terms_, self.tensor_)
        scores, n_gaps = self.tensor_.scores(X, resolve_device(self.device), others)
        warn_of_filled(n_gaps)
        if not np.isfinite(scores).all():
            raise ValueError("Input X contains infinity or a value too large; NaN is what marks places without data.")
        return scores

    # What a fitted estimator shows

    @property
    def coef_(self) -> np.ndarray:
        """Dense weight tensor, shape (*shape of mode 1, *shape of mode 2, ...), outputs or classes first.

        Made on demand. For fields, ``(coef_ * x).sum() + intercept_`` is the score of a row x, NaN left out.

        Raises
        ------
        MemoryError
            If it would not fit.
        """
        check_is_fitted(self)
        if len(self.terms_) > 1:
            raise AttributeError("with several terms each has weights of its own: terms_[name].coef.")
        return self.tensor_.coefficients()

    def to_xarray(self, *, coef: bool = False):
        """Factors, weights and the intercept as a dataset with coordinates.

        Parameters
        ----------
        coef : bool, default=False
            Whether the dense weights of `coef_` come with them as "coef"; they always do where there are no factors.

        Returns
        -------
        xarray.Dataset
            Variables "<mode>_factors" with a dimension "component", "component_weights" and "intercept". Dimensions and
            coordinates are those of X if it was a DataArray in fit; otherwise grids with bounds give the centres of
            their cells. Of a sum these are the variables of the first term with the most modes, as in `factors_`. The
            names of the other terms' variables begin with the term, such as "player_x_kind_player_factors"; one of a
            single mode has its dense weights, such as "court_coef".

        Raises
        ------
        ImportError
            If xarray is not installed.
        MemoryError
            If the dense weights would not fit.
        """
        check_is_fitted(self)
        known = [name for name in ALPHAS if hasattr(self, f"{name}_")]
        attrs = {"model": type(self).__name__} | {name: getattr(self, f"{name}_") for name in known}
        return to_xarray(self.tensor_, attrs, coef=coef, others=other_tensors(self.terms_, self.tensor_))

    def _get_fitted_attr_html(self, doc_link=""):
        """Return the HTML of notebooks, also in a pipeline; without coef_, which may be large."""
        shown = copy(self)
        vars(shown).pop("tensor_", None)
        return with_training(super(BaseMRTL, shown)._get_fitted_attr_html(doc_link), self)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "tensor_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags
