"""Regression of a target without its seasonal cycle."""

from __future__ import annotations

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, get_routing_for_object, process_routing
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from sklearn_mrtl._utils.arrays import FLOATS
from sklearn_mrtl._utils.callbacks import CallbackSupportMixin, as_task, fit_of
from sklearn_mrtl._utils.docstrings import substitute
from sklearn_mrtl._utils.labels import Labels, align_target
from sklearn_mrtl._utils.maps import flat_target, labelled_like, r2_of_targets, restored
from sklearn_mrtl._utils.time import check_period, find_time, positions_in_cycle, require_time, shift_position
from sklearn_mrtl._utils.validation_targets import with_validation_targets
from sklearn_mrtl.preprocessing._climatology import Climatology
from sklearn_mrtl.preprocessing._docstrings import CYCLE, HARMONICS, PERIOD, STANDARDIZE, TIME_OF_ROWS
from sklearn_mrtl.preprocessing._lags import check_step


@substitute(time_of_rows=TIME_OF_ROWS, period=PERIOD, standardize=STANDARDIZE, harmonics=HARMONICS, cycle=CYCLE)
class DeseasonalizedTargetRegressor(CallbackSupportMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Fit a regressor to the target without its seasonal cycle; put the cycle back into predictions.

    The cycle is the mean and standard deviation of the training targets in each calendar month. The target's month is
    that of its row of X, `lead` months later.

    {time_of_rows}

    Parameters
    ----------
    regressor : estimator
        Gets X as it is, and y without its cycle.
    {period}
    lead : int, default=0
        How far the target lies ahead of its row's time, in months (units of integer times): for monthly fields the
        `lead` of `lag_windows`.
    {standardize}
    {harmonics}

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor.
    mean_ : ndarray of shape (n_positions, n_outputs)
        Mean of the target at each position in the cycle.
    std_ : ndarray of shape (n_positions, n_outputs), or None
        Standard deviation; none is less than a fifth of its median over the cycle. None if not `standardize`.
    {cycle}

    Notes
    -----
    Where y has times of its own, as a DataArray from `lag_windows` has, fit checks that they are those of X plus
    `lead`.

    Sample weights go to the regressor, not into the cycle.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_mrtl.preprocessing import DeseasonalizedTargetRegressor
    >>> time = np.arange("2000-01", "2010-01", dtype="datetime64[M]")
    >>> X = np.random.default_rng(0).normal(size=(120, 1))
    >>> july = time.astype(int) % 12 == 6
    >>> y = 2 * X[:, 0] + 30 * july
    >>> model = DeseasonalizedTargetRegressor(LinearRegression(), standardize=False)
    >>> bool(model.fit(X, y, time=time).score(X, y, time=time) > 0.99)
    True
    >>> bool(LinearRegression().fit(X, y).score(X, y) > 0.99)
    False
    """

    def __init__(self, regressor, *, period="month", lead=0, standardize=True, harmonics=None):
        self.regressor = regressor
        self.period = period
        self.lead = lead
        self.standardize = standardize
        self.harmonics = harmonics

    @as_task(n_fits=1)
    def fit(self, X, y, *, time=None, **fit_params):
        """Compute the cycle of y and fit the regressor to the anomalies.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        y : array-like or xarray.DataArray of shape (n,), (n, n_outputs), or maps (n, ...) that are NaN over land
        time : array-like of shape (n,), default=None
            Times of the rows of X, where X does not carry them.
        **fit_params : dict
            For the regressor's fit, such as sample_weight; with metadata routing, what it requests. ``y_val`` is given
            as y is, with an ``X_val`` that carries its times; the regressor gets its anomalies.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If y has missing or masked values, a row's time is not given, y's own times are not those of X plus `lead`,
            or the rows lie at too few positions of the cycle for the harmonics.
        """
        check_period(self.period)
        check_step("lead", self.lead)
        if y is None:
            raise ValueError("DeseasonalizedTargetRegressor requires y to be passed, but the target y is None.")
        flat, self._mask = flat_target(y)
        self._labels = Labels.of_target(y)
        values = check_array(flat, dtype=FLOATS, ensure_2d=False, input_name="y")
        check_consistent_length(X, values)
        position = self._position(X, time)
        self._check_lead(y, position)
        outputs = values.reshape(len(values), -1)
        climatology = Climatology.fit(
            outputs,
            position,
            period=self.period,
            standardize=self.standardize,
            harmonics=self.harmonics,
            n_grid_axes=0,
        )
        anomalies = climatology.remove(outputs, position).reshape(values.shape)
        anomalies = labelled_like(y, restored(anomalies, self._mask))
        own = with_validation_targets(
            self._routed("fit", time, fit_params), lambda X, y: self._anomalies(X, y, climatology), type(self).__name__
        )
        regressor = clone(self.regressor)
        with fit_of(regressor, self, X, anomalies):
            self.regressor_ = regressor.fit(X, anomalies, **own)
        self._climatology = climatology
        self.cycle_, self.mean_, self.std_ = climatology.positions, climatology.mean, climatology.std
        self.n_guarded_ = climatology.n_guarded
        if hasattr(self.regressor_, "feature_names_in_"):
            self.feature_names_in_ = self.regressor_.feature_names_in_
        return self

    def predict(self, X, *, time=None, **predict_params):
        """Predict, with the seasonal cycle.

        Parameters
        ----------
        X : array-like or xarray.DataArray of shape (n, ...)
        time : array-like of shape (n,), default=None
            Times of the rows of X, where X does not carry them.
        **predict_params : dict
            For the regressor's predict, such as ``return_std=True``; with metadata routing, what it requests.

        Returns
        -------
        prediction : ndarray of the shape of y
        std : ndarray of the same shape
            Only with ``return_std=True``: standard deviation of observations about the predictions, in the units of y.

        Raises
        ------
        ValueError
            If a target's month was not seen in fit.
        """
        check_is_fitted(self)
        predicted = self.regressor_.predict(X, **self._routed("predict", time, predict_params))
        position = self._position(X, time)
        self._climatology.check_seen(position, self.period)
        anomalies, *std = predicted if isinstance(predicted, tuple) else (predicted,)  # a tuple with return_std
        values = self._in_columns(anomalies, self._climatology.restore, position)
        if not std:
            return values
        return values, self._in_columns(std[0], lambda own, _: own * self._scale(position), position)

    def regressor_target(self, X, y, *, time=None):
        """Return what the regressor gets for a target: the anomalies from the fitted cycle.

        Parameters
        ----------
        X, time
            As in `predict`.
        y : array-like or xarray.DataArray of the shape of y in fit

        Returns
        -------
        ndarray or xarray.DataArray of the shape of y
        """
        check_is_fitted(self)
        return self._anomalies(X, y, self._climatology, time)

    def scale_of(self, X, *, time=None) -> np.ndarray:
        """Return the standard deviations that the regressor's predictions are multiplied by.

        Parameters
        ----------
        X, time
            As in `predict`.

        Returns
        -------
        ndarray of shape (n, n_outputs)
            Ones if not `standardize`. Of maps a column for each cell that holds data.
        """
        check_is_fitted(self)
        position = self._position(X, time)
        self._climatology.check_seen(position, self.period)
        return self._scale(position)

    def score(self, X, y, sample_weight=None, *, time=None):
        """Return R^2 of the predictions, seasonal cycle included.

        Parameters
        ----------
        X, time
            As in `predict`.
        y : array-like of shape (n,) or (n, n_outputs)
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float
        """
        y = align_target(y, self._labels)
        return r2_of_targets(y, self.predict(X, time=time), self._mask, sample_weight)

    @property
    def n_features_in_(self):
        """Number of features the regressor saw in fit."""
        check_is_fitted(self)
        return self.regressor_.n_features_in_

    def get_metadata_routing(self):
        """Return the requests of this estimator and its regressor, for scikit-learn's metadata routing."""
        methods = MethodMapping().add(caller="fit", callee="fit").add(caller="predict", callee="predict")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(regressor=self.regressor, method_mapping=methods.add(caller="score", callee="predict"))

    def __sklearn_is_fitted__(self):
        return hasattr(self, "regressor_")

    def __sklearn_tags__(self):
        tags, inner = super().__sklearn_tags__(), get_tags(self.regressor)
        tags.input_tags = inner.input_tags
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.regressor_tags = inner.regressor_tags
        return tags

    def _scale(self, position: np.ndarray) -> np.ndarray:
        if self.std_ is None:
            return np.ones((len(position), self.mean_.shape[1]))
        return self.std_[np.searchsorted(self.cycle_, position)]

    def _in_columns(self, y, change, position: np.ndarray) -> np.ndarray:
        """Return y with its columns (those of maps: cells with data) changed at their positions in the cycle."""
        flat = check_array(flat_target(y, mask=self._mask)[0], dtype=FLOATS, ensure_2d=False, input_name="y")
        check_consistent_length(flat, position)
        return restored(change(flat.reshape(len(flat), -1), position).reshape(flat.shape), self._mask)

    def _anomalies(self, X, y, climatology: Climatology, time=None):
        position, y = self._position(X, time), align_target(y, self._labels)
        climatology.check_seen(position, self.period)
        return labelled_like(y, self._in_columns(y, climatology.remove, position))

    def _position(self, X, time) -> np.ndarray:
        """Positions in the cycle of the targets of X's rows."""
        time = require_time(X, time, "DeseasonalizedTargetRegressor")
        return shift_position(positions_in_cycle(time, self.period), self.lead, self.period)

    def _check_lead(self, y, position: np.ndarray) -> None:
        own = find_time(y)
        if own is None:
            return
        differ = np.flatnonzero(positions_in_cycle(own, self.period) != position)
        if len(differ):
            raise ValueError(
                f"y's own times are not those of X plus lead={self.lead}: {len(differ)} of {len(own)} fall elsewhere "
                f"in the cycle, the first at {own[differ[0]]}, row {differ[0]}. Is lead that of lag_windows?"
            )

    def _routed(self, method: str, time, params: dict) -> dict:
        """Parameters for the regressor's method; the time too if it requests it."""
        if not get_config()["enable_metadata_routing"]:
            return params
        if time is not None and get_routing_for_object(self.regressor).consumes(method, ["time"]):
            params = {**params, "time": time}
        return process_routing(self, method, **params).regressor[method]
