"""A regressor of what a reference leaves."""

from __future__ import annotations

from inspect import Parameter, signature
from numbers import Real

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import _check_method_params, check_array, check_is_fitted

from sklearn_mrtl._utils.arrays import FLOATS
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, as_task, fit_of
from sklearn_mrtl._utils.labels import Labels, align_target
from sklearn_mrtl._utils.maps import flat_target, labelled_like, r2_of_targets, restored
from sklearn_mrtl._utils.validation_targets import with_validation_targets


class ResidualRegressor(CallbackSupportMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Fit a reference, then a regressor to what it leaves; predictions are the sum of both.

    Parameters
    ----------
    reference : estimator
        A simple regressor, such as `DampedPersistenceRegressor` or `ClimatologyRegressor`.
    regressor : estimator
        Gets X, and y less the predictions of the reference on the training rows.
    weight : float from 0 to 1, or "auto", default=1.0
        Factor of what the regressor predicts. "auto": the more certain it is that the regressor helps, the nearer to 1;
        0 if it does not help on rows that are left out. With g the mean over the folds of `cv` by how much squared
        errors fall, and s its standard error, it is ``g / (g + s)``. Both estimators are fitted once more for each
        fold.
    cv : int or splitter, default=5
        Folds for "auto". An int: so many blocks of consecutive rows. For windows of lags give
        ``ConsecutiveBlockKFold(5, gap=lags + lead)``, whose blocks share no months with the training rows.

    Attributes
    ----------
    reference_, regressor_ : estimator
        Fitted copies.
    weight_ : float
        The factor.
    n_features_in_ : int
        Number of features that the regressor saw in fit.

    Notes
    -----
    Parameters of fit and predict go to that estimator, or to both, whose method names them or takes any:
    ``sample_weight`` and ``time`` as a rule. Those that neither takes go to the regressor, which refuses them. With
    scikit-learn's metadata routing each gets what it requests.

    Pictures and contributions are those of `regressor_`, before the weight.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mrtl import MRTLRegressor
    >>> from sklearn_mrtl.references import DampedPersistenceRegressor, ResidualRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 3, 8, 12))
    >>> y = 3 * X[:, 0, 2, 3] + X[:, :, 4:, :6].sum(axis=(1, 2, 3)) / 4 + rng.normal(size=200)
    >>> reference = DampedPersistenceRegressor(of=(0, 2, 3))
    >>> model = ResidualRegressor(reference, MRTLRegressor(rank=1)).fit(X[:150], y[:150])
    >>> bool(model.score(X[150:], y[150:]) > model.reference_.score(X[150:], y[150:]))
    True
    """

    def __init__(self, reference, regressor, *, weight=1.0, cv=5):
        self.reference = reference
        self.regressor = regressor
        self.weight = weight
        self.cv = cv

    @as_task(n_fits=1)
    def fit(self, X, y, **fit_params):
        """Fit the reference, and the regressor to what it leaves.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        y : array-like of shape (n,), (n, n_outputs), or maps (n, ...) that are NaN over land
        **fit_params : dict
            For the fits, such as sample_weight and time. ``y_val`` is given as y is; the regressor gets what the
            reference leaves of it.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y is not given, or a parameter is out of its range.
        """
        check_weight(self.weight)
        if y is None:
            raise ValueError("ResidualRegressor requires y to be passed, but the target y is None.")
        flat, self._mask = flat_target(y)
        self._labels = Labels.of_target(y)
        check_array(flat, dtype=FLOATS, ensure_2d=False, input_name="y")
        routed = self._routed("fit", fit_params)
        reference = clone(self.reference).fit(X, y, **routed["reference"]["fit"])
        residual = self._residual(X, y, reference, routed["reference"]["predict"])
        own = with_validation_targets(
            routed["regressor"]["fit"], lambda X, y: self._residual(X, y, reference, {}), type(self).__name__
        )
        regressor = clone(self.regressor)
        with fit_of(regressor, self, X, residual):
            self.regressor_ = regressor.fit(X, residual, **own)
        self.reference_ = reference
        self.weight_ = weight_of(self._gains(X, y, fit_params)) if isinstance(self.weight, str) else float(self.weight)
        if hasattr(self.regressor_, "feature_names_in_"):
            self.feature_names_in_ = self.regressor_.feature_names_in_
        return self

    def predict(self, X, **predict_params):
        """Predict the sum of both.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        **predict_params : dict
            For the predictions, such as time, and ``return_std=True`` for the regressor.

        Returns
        -------
        prediction : ndarray of the shape of y
        std : ndarray of the same shape
            Only with ``return_std=True``: standard deviation of observations about the predictions.
        """
        check_is_fitted(self)
        routed = self._routed("predict", predict_params)
        predicted = self.regressor_.predict(X, **routed["regressor"]["predict"])
        learned, *std = predicted if isinstance(predicted, tuple) else (predicted,)  # a tuple with return_std
        expected = np.asarray(self.reference_.predict(X, **routed["reference"]["predict"]))
        both = self.weight_ * np.asarray(learned) + expected.reshape(np.shape(learned))
        return (both, *std) if std else both

    def regressor_target(self, X, y):
        """Return what the regressor gets for a target: what the fitted reference leaves.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        y : array-like or xarray.DataArray of the shape of y in fit

        Returns
        -------
        ndarray or xarray.DataArray of the shape of y
        """
        check_is_fitted(self)
        return self._residual(X, y, self.reference_, {})

    def _residual(self, X, y, reference, predict_params: dict):
        """Return what a fitted reference leaves of y, with the labels of y."""
        y = align_target(y, self._labels)
        flat = check_array(flat_target(y, mask=self._mask)[0], dtype=FLOATS, ensure_2d=False, input_name="y")
        expected = np.asarray(reference.predict(X, **predict_params))
        expected = expected.reshape(flat.shape) if self._mask is None else expected[:, self._mask]
        return labelled_like(y, restored((flat - expected).astype(flat.dtype), self._mask))

    def _gains(self, X, y, fit_params: dict) -> np.ndarray:
        """Return by how much the regressor lowers the squared error of each fold, as a fraction of the variance left.

        Outputs count the same, whatever their variance.
        """
        gains, (X, y) = [], indexable(X, y)
        for train, test in check_cv(self.cv).split(X, groups=fit_params.get("groups")):
            own, others = (_check_method_params(X, fit_params, indices=rows) for rows in (train, test))
            model = type(self)(self.reference, self.regressor)
            model.fit(_safe_indexing(X, train), _safe_indexing(y, train), **own)
            X_test, routed = _safe_indexing(X, test), self._routed("fit", others)
            left = model._residual(X_test, _safe_indexing(y, test), model.reference_, routed["reference"]["predict"])
            learned = model.regressor_.predict(X_test, **routed["regressor"]["predict"])
            left, learned = (flat_target(values, mask=model._mask)[0] for values in (left, learned))
            weight = others.get("sample_weight")
            before, after = (np.average(np.square(e), axis=0, weights=weight) for e in (left, left - learned))
            gains.append(np.mean((before - after) / np.where(before > 0, before, 1)))
        return np.array(gains)

    def score(self, X, y, sample_weight=None, **predict_params):
        """Return R^2 of the predictions.

        Parameters
        ----------
        X, **predict_params
            As in `predict`.
        y : array-like of shape (n,) or (n, n_outputs)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
        """
        y = align_target(y, self._labels)
        return r2_of_targets(y, self.predict(X, **predict_params), self._mask, sample_weight)

    @property
    def n_features_in_(self):
        """Number of features the regressor saw in fit."""
        check_is_fitted(self)
        return self.regressor_.n_features_in_

    def get_metadata_routing(self):
        """Return the requests of this estimator and of both others, for scikit-learn's metadata routing."""
        both = [("fit", "fit"), ("predict", "predict"), ("score", "predict")]
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, calls in (("reference", [*both, ("fit", "predict")]), ("regressor", both)):
            methods = MethodMapping()
            for caller, callee in calls:
                methods.add(caller=caller, callee=callee)
            router.add(**{name: getattr(self, name)}, method_mapping=methods)
        return router

    def __sklearn_is_fitted__(self):
        return hasattr(self, "reference_")

    def __sklearn_tags__(self):
        tags, inner, reference = super().__sklearn_tags__(), get_tags(self.regressor), get_tags(self.reference)
        tags.input_tags = inner.input_tags
        tags.input_tags.sparse &= reference.input_tags.sparse
        tags.input_tags.allow_nan &= reference.input_tags.allow_nan
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.regressor_tags = inner.regressor_tags
        return tags

    def _routed(self, method: str, params: dict) -> dict[str, dict[str, dict]]:
        """Return the parameters of each estimator's methods that are called within a method."""
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, method, **params)
            return {name: {call: routed[name].get(call, {}) for call in ("fit", "predict")} for name in ESTIMATORS}
        chosen = {
            name: {call: named(getattr(getattr(self, name), call), params) for call in ("fit", "predict")}
            for name in ESTIMATORS
        }
        known = chosen["reference"][method].keys() | chosen["regressor"][method].keys()
        chosen["regressor"][method] |= {name: value for name, value in params.items() if name not in known}
        return chosen


ESTIMATORS = ("reference", "regressor")


def check_weight(weight) -> None:
    """Check the weight of the regressor.

    Raises
    ------
    ValueError
    """
    is_number = isinstance(weight, Real) and 0 <= float(weight) <= 1
    if not is_number and not (isinstance(weight, str) and weight == "auto"):
        raise ValueError(f"weight must be 'auto' or a number from 0 to 1, got {weight!r}.")


def weight_of(gains: np.ndarray) -> float:
    """Return their mean over its sum with its standard error; 0 for gains whose mean is not positive.

    The squares of both would shrink with the least squared error if the mean was known and later gains were like those
    of the training rows. This fraction does better on forecasts from the ocean (docs/benchmarks.md).
    """
    mean, error = gains.mean(), gains.std(ddof=1) / len(gains) ** 0.5
    return float(mean / (mean + error)) if mean > 0 else 0.0


def named(method, params: dict) -> dict:
    """Return the parameters that a method names; all of them if it takes any."""
    parameters = signature(method).parameters
    takes_any = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in params.items() if takes_any or name in parameters}
