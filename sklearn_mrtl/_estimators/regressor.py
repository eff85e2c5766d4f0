"""The estimator for numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.metrics import d2_tweedie_score, r2_score
from sklearn.utils.validation import column_or_1d

from sklearn_mrtl._estimators.base import BaseMRTL, all_or_nothing
from sklearn_mrtl._estimators.docstrings import document
from sklearn_mrtl._estimators.fit_data import RowData
from sklearn_mrtl._estimators.labelled import as_dataarray, with_coordinates
from sklearn_mrtl._estimators.lazy_fit import BlockRows, Known, lazy_data, lazy_numbers
from sklearn_mrtl._estimators.lazy_predictions import lazy_result, lazy_score
from sklearn_mrtl._estimators.lazy_rows import LazyRows
from sklearn_mrtl._estimators.outputs import Outputs, divide_by_mean, standardize, weights_in_counts
from sklearn_mrtl._estimators.parameters import one_of
from sklearn_mrtl._estimators.spread import lazy_spread_attributes, prediction_std, spread_attributes
from sklearn_mrtl._estimators.target_form import TargetForm
from sklearn_mrtl._estimators.tensors import on_host
from sklearn_mrtl._estimators.validation import (
    normalize_weights,
    validate_counts,
    validate_numbers,
    validate_rows,
    validate_validation,
)
from sklearn_mrtl._utils.arrays import as_one_array, as_one_target, is_lazy
from sklearn_mrtl._utils.time import check_same_order
from sklearn_mrtl.core.losses import Loss, PoissonLoss, SquaredLoss

if TYPE_CHECKING:
    import xarray


LOSSES = {  # by name: the core's loss, the check of y, and its units
    "squared_error": (SquaredLoss, validate_numbers, standardize),
    "poisson": (PoissonLoss, validate_counts, divide_by_mean),
}


@document
class MRTLRegressor(MultiOutputMixin, RegressorMixin, BaseMRTL):
    """Regression with a weight tensor on grids, learned from coarse to fine.

    The prediction is ``<W, X_n> + b`` with a weight tensor W that has a mode for each kind of feature and each grid,
    of low rank so that it can be read: eq. (1) and (2) of Park et al. (2020), trained by their Algorithm 1 on mean
    squared error, spatial smoothness and L2 penalties. With ``loss="poisson"`` it is ``exp(<W, X_n> + b)``.

    {parameters}
    target : Grid or None, default=None
        The grid that the outputs lie on: y has the shape (n, *shape of the grid), and NaN in cells without data (land),
        in all samples. It is a mode of W as the grids of X are, smooth and trained from coarse to fine with them;
        `resolutions` and `nonnegative` may name it. Coarse levels predict the means over their cells. `terms` is "auto"
        or ``None`` then. ``None``: outputs are in no order.
    loss : {"squared_error", "poisson"}, default="squared_error"
        "poisson": negative log likelihood of counts, whose logarithm is linear in W; `score` is the fraction of the
        deviance that is explained. Counts over different exposures (minutes, areas) are given as rates, counts divided
        by exposure, with ``sample_weight=exposure``.

    Attributes
    ----------
    {attributes}
    noise_std_ : float or ndarray of shape (T,) or (*shape of target)
        Root mean squared error on the rows that were left out when rank and penalties were chosen, for
        ``predict(X, return_std=True)``. Only where they were chosen, and with ``loss="squared_error"``.
    tercile_edges_ : ndarray of shape (2,), (2, T) or (2, *shape of target)
        Terciles of y, for `tercile_probabilities`. Only with ``loss="squared_error"``.

    See Also
    --------
    MRTLClassifier : The same for classes.

    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3, 8, 12))  # samples, lags, latitudes, longitudes
    >>> bump = np.exp(-((np.arange(12) - 6) ** 2) / 8)
    >>> y = (X * bump).sum(axis=(1, 2, 3)) + rng.normal(size=200)
    >>> model = MRTLRegressor(rank=2).fit(X[:150], y[:150])
    >>> {name: factor.shape for name, factor in model.factors_.items()}
    {'feature_1': (3, 2), 'grid': (8, 12, 2)}
    >>> bool(model.score(X[150:], y[150:]) > 0.8)
    True

    Counts, with weights for the logarithm of what is expected:

    >>> counts = rng.poisson(np.exp((X * bump).sum(axis=(1, 2, 3)) / 10))
    >>> model = MRTLRegressor(loss="poisson", rank=2).fit(X[:150], counts[:150])
    >>> bool(model.score(X[150:], counts[150:]) > 0.3)
    True
    """

    def __init__(
        self, modes=None, *, terms="auto", rank="auto", decomposition="cp", resolutions="auto", n_levels=None,
        full_rank_levels="auto", alpha_spatial="auto", alpha_l2="auto", sigma="auto", cv=None, nonnegative=(),
        target=None, loss="squared_error", solver="auto", learning_rate=0.01, lr_decay=0.95, batch_size="auto",
        max_epochs=100, full_rank_alpha_spatial=None, full_rank_alpha_l2=None, full_rank_learning_rate=None,
        criterion="auto", patience=1, tol=0.0, validation_fraction=0.2, device="auto", warm_start=False,
        checkpoint=None, random_state=None, verbose=0,
    ):  # fmt: skip
        super().__init__(
            modes, terms=terms, rank=rank, decomposition=decomposition, resolutions=resolutions, n_levels=n_levels,
            full_rank_levels=full_rank_levels, alpha_spatial=alpha_spatial, alpha_l2=alpha_l2, sigma=sigma, cv=cv,
            nonnegative=nonnegative, solver=solver, learning_rate=learning_rate, lr_decay=lr_decay,
            batch_size=batch_size, max_epochs=max_epochs, full_rank_alpha_spatial=full_rank_alpha_spatial,
            full_rank_alpha_l2=full_rank_alpha_l2, full_rank_learning_rate=full_rank_learning_rate,
            criterion=criterion, patience=patience, tol=tol, validation_fraction=validation_fraction, device=device,
            warm_start=warm_start, checkpoint=checkpoint, random_state=random_state, verbose=verbose,
        )  # fmt: skip
        self.target = target
        self.loss = loss

    @all_or_nothing
    def fit(
        self, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, X_val: Any = None, y_val: Any = None,
        sample_weight_val: ArrayLike | None = None, groups: ArrayLike | None = None,
    ) -> Self:  # fmt: skip
        """Fit the model.

        Parameters
        ----------
        {fit_x}
        y : array-like, DataFrame or xarray.DataArray of shape (n,), (n, T) or (n, *shape of target)
            Targets; T outputs are one more mode of W, named "output", or a grid named by `target`. Names and
            coordinates of its columns, or of its dimensions, come back in predictions, `to_xarray` and pictures. With
            ``loss="poisson"`` not negative.
        {fit_weights}

        Raises
        ------
        ValueError
            If X does not match the modes or y the target, X or y is constant, a cell of y is NaN in some samples only,
            the times of y are those of X in another order, counts are negative, or a parameter is out of its range.
        MemoryError
            If the model would not fit into memory.
        """
        one_of("loss", self.loss, LOSSES)
        X, X_val = as_one_array(X), as_one_array(X_val)
        y, y_val = (on_host(as_one_target(values)) for values in (y, y_val))
        check_same_order(X, y)
        check_same_order(X_val, y_val, "y_val")
        form, y = TargetForm.of(self.target, y, X)
        y_val = None if y_val is None else form.columns(y_val, "y_val")
        if is_lazy(X):
            lazy, kind, outputs = lazy_data(self, X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
            outputs = outputs.in_form(form)
            fitted = self._fit(lazy, kind, outputs)
            return self._set(fitted | lazy_spread_attributes(fitted, outputs, kind))
        loss, validate, in_units = LOSSES[self.loss]
        rows, labels = validate_rows(self, X, y, sample_weight, groups, multi_output=True)
        expected = (rows.X.shape[1:], labels, rows.X.dtype)
        validation = validate_validation(self, X_val, y_val, sample_weight_val, expected=expected, multi_output=True)
        y = validate("y", rows.y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=not form.is_grid)
        given = (
            form.shaped(y.reshape(len(y), -1)) if form.is_grid else y,
            None if sample_weight is None else rows.weight,
        )
        training = normalize_weights(rows._replace(y=y))
        targets, outputs = in_units(training.y, training.weight, training.X.dtype, is_map=form.is_grid)
        outputs = outputs.in_form(form)
        if outputs.is_log:
            training = training._replace(weight=weights_in_counts(training.weight, rows.weight, outputs))
        if validation is not None:
            y_val = validate("y_val", validation.y)
            if y_val.reshape(len(y_val), -1).shape[1] != outputs.number:
                raise ValueError(
                    f"y_val must have the outputs of y: rows of shape {y.shape[1:]}, got {y_val.shape[1:]}."
                )
            validation = normalize_weights(validation._replace(y=outputs.targets(y_val)))
        training = training._replace(y=targets)
        fitted = self._fit(RowData(training, validation, labels, given), loss, outputs)
        return self._set(fitted | spread_attributes(fitted, training, outputs, loss))

    def _known_rows(self, rows: LazyRows, known: Known | None = None) -> tuple[BlockRows, Loss, Outputs]:
        """Return what is known of the targets of dask arrays, the loss, and the outputs if they are not known."""
        _, validate, _ = LOSSES[self.loss]
        is_log, is_map = self.loss == "poisson", self.target is not None
        blocks, outputs = lazy_numbers(rows, validate, is_log=is_log, is_map=is_map, known=known)
        return blocks, PoissonLoss if is_log else SquaredLoss, outputs

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict the targets.

        Parameters
        ----------
        {x}
        return_std : bool, default=False
            Also return the standard deviation of observations about the predictions.

        Returns
        -------
        prediction : ndarray of shape (n,), (n, T) or (n, *shape of target)
        std : ndarray of the same shape
            Root mean squared error on the blocks of rows that were left out when rank and penalties were chosen, the
            same for all rows; only with `return_std`. It holds noise and the errors of the weights.

        Raises
        ------
        ValueError
            If `return_std` and the fit chose neither rank nor penalties on left-out rows, or with ``loss="poisson"``.
        """
        X = as_one_array(X)
        if is_lazy(X):
            prediction = lazy_result(self, "predict", X)
        else:
            scores = self._scores(X)  # which says so if nothing is fitted
            prediction = self.tensor_.outputs.predictions(scores)
        return (prediction, prediction_std(self, prediction)) if return_std else prediction

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the fraction of the squared deviations (R^2), or of the deviance of counts (D^2), that is explained.

        Parameters
        ----------
        {x}
        y : array-like of shape (n,) or (n, T)
            Targets.
        sample_weight : array-like of shape (n,), default=None
            ``None``: 1.

        Returns
        -------
        float
            At most 1; 0 for the mean of y. Of several outputs the mean.
        """
        X, y = as_one_array(X), as_one_target(y)
        check_same_order(X, y)
        if is_lazy(X):
            return lazy_score(self, X, y, sample_weight)
        predicted, form = self.predict(X), self.tensor_.outputs.form
        predicted, y = form.columns(predicted), form.columns(y)
        if not self.tensor_.outputs.is_log:
            return r2_score(y, predicted, sample_weight=sample_weight)
        pairs = zip(columns_of(y), columns_of(predicted), strict=True)
        scores = [d2_tweedie_score(*pair, sample_weight=sample_weight, power=1) for pair in pairs]
        return float(np.mean(scores))

    def predict_xarray(self, X: xarray.DataArray | xarray.Dataset, *, return_std: bool = False):
        """Predict the targets as a DataArray with the coordinates of the samples.

        Parameters
        ----------
        X : xarray.DataArray or Dataset, of shape (n, ...)
            Rows of the same shape, and with the same dimensions, as in fit.
        return_std : bool, default=False
            As in `predict`.

        Returns
        -------
        prediction : xarray.DataArray of shape (n,), (n, T) or (n, *shape of target)
            Its first dimension, and what coordinates that has, are those of X. If X and y were DataArrays in fit, and
            y was always as much later, "time" is that of the target, and "sample_time" that of X. Other dimensions and
            their coordinates are those of y if it was a DataArray or DataFrame; otherwise "output", or the axes of the
            target with the centres of its cells if it has bounds.
        std : xarray.DataArray of the same shape
            Only with `return_std`.

        Raises
        ------
        TypeError
            If X is neither.
        """
        X = as_dataarray(X)
        return with_coordinates(self.predict(X, return_std=return_std), X, self.tensor_.outputs)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags


def columns_of(y: ArrayLike) -> np.ndarray:
    """Return targets (n,) or (n, T) as rows, one for each output."""
    return np.atleast_2d(np.asarray(y).T)
