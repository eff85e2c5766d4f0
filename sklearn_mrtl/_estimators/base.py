"""What both estimators share: scikit-learn's contract in, core objects out; no numerics."""

from __future__ import annotations

import warnings
from copy import copy
from dataclasses import replace
from functools import partial, wraps
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_scalar
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from sklearn_mrtl._estimators import fitted as reading
from sklearn_mrtl._estimators.html import with_training
from sklearn_mrtl._estimators.inputs import Fields, factored_inputs, row_blocks, torch_view
from sklearn_mrtl._estimators.layout import check_rows, layout_of
from sklearn_mrtl._estimators.progress import LevelPrinter, training_callbacks
from sklearn_mrtl._estimators.schedule import schedule
from sklearn_mrtl._estimators.settings import check_memory, core_shapes, make_plan_and_settings, resolve_device
from sklearn_mrtl._utils.arrays import as_one_array
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, with_callbacks
from sklearn_mrtl._utils.interruption import is_one_of_many
from sklearn_mrtl._utils.labels import Labels
from sklearn_mrtl.core.algorithm import mrtl
from sklearn_mrtl.core.data.base import Inputs
from sklearn_mrtl.core.data.samples import Samples
from sklearn_mrtl.core.fit import Fit
from sklearn_mrtl.core.losses import Loss
from sklearn_mrtl.core.models.low_rank import LowRank
from sklearn_mrtl.core.settings import LOW_RANK, Settings
from sklearn_mrtl.core.stopping import CRITERIA

LARGE_SAMPLE = 10_000  # rows from which mini-batch solvers hold some out, as HistGradientBoosting does


def all_or_nothing(fit):
    """A fit that leaves the estimator as it was where it fails: what was fitted before goes on working."""
    fit = with_callbacks(fit)  # which puts away what it needed before all is as it was

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

    _output_name = "output"

    def __init__(
        self, modes=None, *, rank=10, decomposition="cp", resolutions="auto", n_levels=None, full_rank_levels="auto",
        alpha_spatial="auto", alpha_l2="auto", sigma="auto", nonnegative=(), solver="auto", learning_rate=0.01,
        lr_decay=0.95, batch_size="auto", max_epochs=100, full_rank_alpha_spatial=None, full_rank_alpha_l2=None,
        full_rank_learning_rate=None, criterion="auto", patience=1, tol=0.0, validation_fraction=0.2, device="auto",
        warm_start=False, random_state=None, verbose=0,
    ):  # fmt: skip
        self.modes = modes
        self.rank = rank
        self.decomposition = decomposition
        self.resolutions = resolutions
        self.n_levels = n_levels
        self.full_rank_levels = full_rank_levels
        self.alpha_spatial = alpha_spatial
        self.alpha_l2 = alpha_l2
        self.sigma = sigma
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
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X, y, weight, validation, loss: Loss, *, given, scale: np.ndarray, shift: np.ndarray) -> None:
        """Algorithm 1 on X, y (n, T) and weight (n,), all checked, and the fitted attributes.

        validation is None or another such triple. given are y and the weight (or None) as the user knows them; scores
        become scores times scale plus shift, both of shape (T,).
        """
        layout, n_outputs = layout_of(X, self.modes, self._rows[1]), y.shape[1]
        levels = schedule(self.resolutions, layout.modes)
        if self.n_levels is not None:
            levels = levels[: check_scalar(self.n_levels, "n_levels", Integral, min_val=1)]
        plan, settings = make_plan_and_settings(self, loss, layout, levels, n_outputs, self._output_name)
        resolutions = [core_shapes(layout, level) for level in levels]
        device = resolve_device(self.device)
        check_memory(plan, settings, resolutions, n_outputs, X.dtype.itemsize, device)

        training, validation = self._hold_out((X, y, weight), validation, settings)
        if validation is not None and settings.criterion is None:
            settings = replace(settings, criterion=CRITERIA["validation_loss"])
        attributes = partial(self._attributes, scale=scale, shift=shift)
        callbacks = [LevelPrinter(self.verbose, len(levels)), *training_callbacks(self, X, *given, attributes)]
        settings = replace(settings, keep_interrupted=not is_one_of_many())
        self._dtype, self._layout = X.dtype, layout
        X, y, weight = training
        self._fields = Fields.fit(X, weight) if layout.joint else None
        if validation is not None:
            X_val, y_val, weight_val = validation
            validation = self._samples(self._inputs(X_val, device)[0], y_val, weight_val, device)
        made = self._fields.training_inputs if layout.joint else factored_inputs
        # No name here holds the samples: what the algorithm lets go of is free.
        fit = mrtl(
            self._samples(made(X, layout, device), y, weight, device), resolutions, plan, settings,
            validation, self._earlier_fit(), callbacks,
        )  # fmt: skip
        self._state = (self._warm_key(), fit) if self.warm_start else None
        self._show(fit, scale, shift)

    def _attributes(self, fit: Fit, scale: np.ndarray, shift: np.ndarray) -> dict:
        """What the estimator would have if training ended with this fit."""
        shown = copy(self)
        shown._show(fit, scale, shift)
        return vars(shown)

    def _show(self, fit: Fit, scale: np.ndarray, shift: np.ndarray) -> None:
        """Set the fitted attributes; scores become scores times scale plus shift, both of shape (T,)."""
        like = fit.parameters["intercept"]
        scale, shift = (torch.as_tensor(values).to(like) for values in (scale, shift))
        self._model = fit.model.without_penalties()
        self._parameters = {k: v.cpu() for k, v in fit.model.rescaled(fit.parameters, scale, shift).items()}
        phase = fit.phases[LOW_RANK]
        self.modes_ = self._layout.modes
        self.resolutions_ = list({record["level"]: record["resolution"] for record in fit.history}.values())
        self.alpha_spatial_, self.alpha_l2_, self.alpha_path_ = phase.alpha_spatial, phase.alpha_l2, fit.alpha_path
        self.history_, self.n_iter_ = fit.history, len(fit.history)
        for name in ("component_weights_", "core_", "factors_", "factors_shared_", "intercept_shared_"):
            if hasattr(self, name):
                delattr(self, name)
        shown = reading.attributes(self._model, self._parameters, self._zero(), self._layout, self._output_name)
        for name, value in shown.items():
            setattr(self, name, value)
        self.rank_ = self._model.rank(self._parameters) if isinstance(self._model, LowRank) else None

    def _hold_out(self, training, validation, settings: Settings):
        """Training and validation triples; rows are held out where something needs them and none were given."""
        needs = self.criterion == "validation_loss" or (
            self.criterion == "auto" and settings.low_rank.solver.name != "lbfgs" and len(training[1]) > LARGE_SAMPLE
        )
        if validation is not None or not needs:
            return training, validation
        share = self.validation_fraction
        if share is None:
            raise ValueError(
                "criterion='validation_loss' needs validation data: give fit X_val and y_val, or set "
                "validation_fraction, got None."
            )
        share = check_scalar(share, "validation_fraction", Real, min_val=0, max_val=1, include_boundaries="neither")
        n = len(training[1])
        order = np.random.RandomState(settings.seed).permutation(n)
        n_held = int(np.ceil(share * n))
        if n_held == n:
            raise ValueError(f"validation_fraction={share} leaves no training rows of {n} sample(s).")
        held, kept = np.sort(order[:n_held]), np.sort(order[n_held:])
        return tuple(part[kept] for part in training), tuple(part[held] for part in training)

    def _samples(self, inputs: Inputs, y, weight, device: torch.device) -> Samples:
        tensor = lambda values: torch_view(np.asarray(values, dtype=self._dtype)).to(device)  # noqa: E731
        return Samples.from_rows(inputs, tensor(y), tensor(weight))

    def _inputs(self, X, device: torch.device) -> tuple[Inputs, int]:
        """The core's inputs, and the number of gaps that were filled."""
        if self._fields is None:
            return factored_inputs(X, self._layout, device), 0
        return self._fields.inputs(X, self._layout, device)

    def _zero(self) -> Inputs:
        """A sample of zeros at the model's resolution."""
        row = np.zeros((1, *self._layout.row_shape), dtype=self._dtype)
        inputs, _ = self._inputs(row, torch.device("cpu"))
        return inputs.coarsen(self._model.input_shapes)

    def _earlier_fit(self) -> Fit | None:
        """What a warm start goes on from."""
        state = getattr(self, "_state", None) if self.warm_start else None
        return state[1] if state is not None and state[0] == self._warm_key() else None

    def _warm_key(self) -> dict:
        """All that has to be the same for training to go on."""
        free = ("n_levels", "verbose", "warm_start", "device")
        return {name: value for name, value in self.get_params().items() if name not in free} | {"layout": self._layout}

    # Input

    def _read(self, X, y=None, *, reset: bool, **options):
        """X, or X and y, as arrays; in fit (reset) the shape of rows and their labels are kept."""
        X = as_one_array(X)
        labels = Labels.of(X)
        X = X.detach().cpu().numpy() if isinstance(X, torch.Tensor) else X
        shape = tuple(getattr(X, "shape", ()))
        if not reset and max(len(shape) - 1, len(self._rows[0])) > 1:
            check_rows(shape[1:], labels, *self._rows)
        if len(shape) > 2:
            options["ensure_all_finite"] = False  # NaN is land; looked at when means are taken, in blocks
        options |= {"reset": reset, "accept_sparse": "csr", "allow_nd": True}
        options["dtype"] = [np.float64, np.float32] if reset or y is not None else self._dtype
        read = validate_data(self, X, **options) if y is None else validate_data(self, X, y, **options)
        if reset:
            self._rows = (read.shape[1:] if y is None else read[0].shape[1:], labels)
        return read

    def _read_weighted(
        self, X, y, sample_weight, *, reset: bool, **options
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """X, y and weights of the rows that weigh anything."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        X, y = self._read(X, y, reset=reset, **options)
        weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        counts = weight > 0
        return (X, y, weight) if counts.all() else (X[counts], y[counts], weight[counts])

    def _read_validation(self, X_val, y_val, sample_weight_val, **options):
        """The same for validation data, or None where there are none."""
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val is of X_val and y_val, got neither.")
            return None
        if X_val is None or y_val is None:
            raise ValueError(f"X_val and y_val go together, got only {'y_val' if X_val is None else 'X_val'}.")
        return self._read_weighted(X_val, y_val, sample_weight_val, reset=False, **options)

    # Scores

    def _scores(self, X) -> np.ndarray:
        """z of eq. (1) or (2) for every row of X, shape (n, T), in blocks that memory holds."""
        check_is_fitted(self)
        X = self._read(X, reset=False)
        device = resolve_device(self.device)
        parameters = {name: value.to(device) for name, value in self._parameters.items()}
        scores, n_gaps = np.empty((X.shape[0], self._model.n_outputs), dtype=self._dtype), 0
        for rows in row_blocks(X):
            inputs, gaps = self._inputs(X[rows], device)
            n_gaps += gaps
            inputs = inputs.coarsen(self._model.input_shapes)
            scores[rows] = self._model.scores(parameters, inputs).cpu().numpy()
        if n_gaps:
            warnings.warn(
                f"{n_gaps} values of X are NaN where there were data in fit; filled with their mean over the training "
                "rows.",
                stacklevel=3,
            )
        if not np.isfinite(scores).all():
            raise ValueError("Input X contains infinity or a value too large; NaN is what marks places without data.")
        return scores

    # What a fitted estimator shows

    @property
    def coef_(self) -> np.ndarray:
        """Dense weight tensor, shape (*shape of mode 1, *shape of mode 2, ...), outputs or classes first.

        Made on demand. For fields, ``(coef_ * x).sum() + intercept_`` is the score of a row x, NaN left out. The
        weights of a pooled mode's levels are complete, shared part included.

        Raises
        ------
        MemoryError
            If it would not fit.
        """
        check_is_fitted(self)
        return reading.coefficients(self._model, self._parameters, self._zero().cell_area, self._layout)

    def to_xarray(self, *, coef: bool = False):
        """Factors, weights and intercepts as a dataset with coordinates.

        Parameters
        ----------
        coef : bool, default=False
            Whether the dense weights of `coef_` come with them as "coef"; they always do where there are no factors.

        Returns
        -------
        xarray.Dataset
            Variables "<mode>_factors" with a dimension "component", "component_weights", "intercept", and for pooled
            modes "<mode>_shared". Dimensions and coordinates are those of X if it was a DataArray in fit; otherwise
            grids with bounds give the centres of their cells.

        Raises
        ------
        ImportError
            If xarray is not installed.
        MemoryError
            If the dense weights would not fit.
        """
        check_is_fitted(self)
        return reading.to_xarray(self, coef)

    def _get_fitted_attr_html(self, doc_link=""):
        """What notebooks show in the estimator's box, also in a pipeline's; without coef_, which may be large."""
        shown = copy(self)
        vars(shown).pop("_parameters", None)
        return with_training(super(BaseMRTL, shown)._get_fitted_attr_html(doc_link), self)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_parameters")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        return tags
